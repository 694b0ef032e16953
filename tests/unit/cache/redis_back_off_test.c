/* Doubling, its limit, and the jitter's. */
#include "cache/redis_back_off.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_doubles_up_to_a_limit(void **state)
{
    (void)state;
    static const int64_t waits[] = {100, 200, 400, 800, 1000, 1000};
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(ra_redis_back_off(100, 1000, i, 0), waits[i]);
    assert_int_equal(ra_redis_back_off(100, 1000, UINT32_MAX, 0), 1000);
    assert_int_equal(ra_redis_back_off(5000, 1000, 0, 0), 1000);
    assert_int_equal(ra_redis_back_off(INT64_MAX - 1, INT64_MAX, 9, 0), INT64_MAX);
    assert_int_equal(ra_redis_back_off(0, 1000, 0, 0), 1);
    assert_int_equal(ra_redis_back_off(1, 1000, 0, 7), 1);
    assert_int_equal(ra_redis_back_off(100, 0, 3, 7), 1);
}

static void test_spreads_over_half(void **state)
{
    (void)state;
    int64_t least = INT64_MAX, greatest = 0;
    for (uint32_t spread = 0; spread < 1000; spread++) {
        int64_t wait = ra_redis_back_off(100, 1000, 2, spread * 2654435761u);
        least = wait < least ? wait : least;
        greatest = wait > greatest ? wait : greatest;
    }
    assert_in_range(least, 200, 210);
    assert_in_range(greatest, 390, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_doubles_up_to_a_limit),
                                       cmocka_unit_test(test_spreads_over_half)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
