#include "cache/expiry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_jitter_bounds(void **state)
{
    (void)state;
    assert_int_equal(ra_expiry_jittered(0, 100000, 5), 0);
    assert_int_equal(ra_expiry_jittered(-7, 100000, 5), 0);
    assert_int_equal(ra_expiry_jittered(60000, 0, UINT32_MAX), 60000);
    assert_int_equal(ra_expiry_jittered(60000, 100000, 0), 60000);
    assert_int_equal(ra_expiry_jittered(60000, 100000, UINT32_MAX), 54001); /* a tenth off, less 2^-32 */
    assert_int_equal(ra_expiry_jittered(60000, 100000, UINT32_MAX / 2 + 1), 57000);
    assert_int_equal(ra_expiry_jittered(1, 1000000, UINT32_MAX), 1);
    assert_int_equal(ra_expiry_jittered(2, 1000000, UINT32_MAX), 1);
}

static void test_jitter_is_clamped_and_never_overflows(void **state)
{
    (void)state;
    assert_int_equal(ra_expiry_jittered(60000, UINT32_MAX, UINT32_MAX), 1);
    assert_int_equal(ra_expiry_jittered(INT64_MAX, 500000, 0), INT64_MAX);
    int64_t least = ra_expiry_jittered(INT64_MAX, 500000, UINT32_MAX);
    assert_true(least > INT64_MAX / 2 - 1 && least < INT64_MAX / 2 + ((int64_t)1 << 32));
    assert_true(ra_expiry_jittered(INT64_MAX, 1000000, UINT32_MAX) >= 1);
}

static void test_jitter_covers_its_range(void **state)
{
    (void)state;
    unsigned seen[11] = {0};
    for (uint32_t i = 0; i < 1100; i++) {
        int64_t ttl = ra_expiry_jittered(100, 100000, i * (UINT32_MAX / 1100));
        assert_in_range(ttl, 90, 100);
        seen[ttl - 90]++;
    }
    for (unsigned i = 1; i < 11; i++) /* 90 itself would take a random of 2^32 */
        assert_in_range(seen[i], 100, 120);
}

static void test_left(void **state)
{
    (void)state;
    assert_int_equal(ra_expiry_left(1000, 50, 50), 1000);
    assert_int_equal(ra_expiry_left(1000, 50, 150), 900);
    assert_int_equal(ra_expiry_left(1000, 50, 1050), 0);
    assert_int_equal(ra_expiry_left(1000, 50, 2000), -950);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jitter_bounds),
        cmocka_unit_test(test_jitter_is_clamped_and_never_overflows),
        cmocka_unit_test(test_jitter_covers_its_range),
        cmocka_unit_test(test_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
