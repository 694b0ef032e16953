/* How long a read waits for another process: pure arithmetic. */
#include "proxy/request_await.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_experience(void **state)
{
    (void)state;
    double usual = ra_await_learn(0, 8000); /* the first one is all there is */
    assert_int_equal((int64_t)usual, 8000);
    assert_int_equal((int64_t)ra_await_learn(usual, 16000), 9000);
    assert_int_equal((int64_t)ra_await_learn(usual, 0), 7000);
    for (unsigned i = 0; i < 100; i++)
        usual = ra_await_learn(usual, 40000);
    assert_int_equal((int64_t)(usual + 0.5), 40000);
    /* however quick, or wrong: from then on there is some */
    assert_true(ra_await_learn(0, 0) > 0);
    assert_true(ra_await_learn(0, -5) > 0);
}

static void test_until_the_other_one_should_be_done(void **state)
{
    (void)state;
    assert_int_equal(ra_await_time(5000, 0, 2000), 10000);
    assert_int_equal(ra_await_time(5000, 3, 2000), 7000);
    assert_int_equal(ra_await_time(0, 0, 2000), 40000); /* nothing is known yet */
    assert_int_equal(ra_await_time(0, 30, 2000), 10000);
}

static void test_bounds(void **state)
{
    (void)state;
    assert_int_equal(ra_await_time(100, 0, 2000), 1000);
    assert_int_equal(ra_await_time(5250, 10, 2000), 1000);
    assert_int_equal(ra_await_time(5000, 10, 2000), 0); /* it should be done, and isn't */
    assert_int_equal(ra_await_time(5000, 999, 2000), 0);
    assert_int_equal(ra_await_time(1e12, 0, 2000), 100000);
    assert_int_equal(ra_await_time(1e12, 999, INT64_MAX), 100000);
    assert_int_equal(ra_await_time(1e12, 0, 399), 99750);
    assert_int_equal(ra_await_time(1e12, 0, 100), 25000);
    assert_int_equal(ra_await_time(5000, 0, 3), 750); /* of a read that has 3 ms in all */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_experience),
        cmocka_unit_test(test_until_the_other_one_should_be_done),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
