/* How long a read waits for another process: pure arithmetic. */
#include "proxy/request_await.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Of fills that take 5 ms, more or less. */
static const ra_await_experience some = {.usual_us = 5000, .spread_us = 500};

static void test_experience(void **state)
{
    (void)state;
    ra_await_experience e = {0};
    ra_await_learn(&e, 8000); /* the first one is all there is */
    assert_int_equal((int64_t)e.usual_us, 8000);
    assert_int_equal((int64_t)e.spread_us, 4000);
    ra_await_learn(&e, 16000);
    assert_int_equal((int64_t)e.usual_us, 9000);
    assert_int_equal((int64_t)e.spread_us, 5000);
    ra_await_learn(&e, 1000);
    assert_int_equal((int64_t)e.usual_us, 8000);
    assert_int_equal((int64_t)e.spread_us, 5750);
    for (unsigned i = 0; i < 200; i++)
        ra_await_learn(&e, 40000);
    assert_int_equal((int64_t)(e.usual_us + 0.5), 40000);
    assert_int_equal((int64_t)(e.spread_us + 0.5), 0);
    /* however quick, or wrong: from then on there is some */
    for (int64_t took = -5; took <= 0; took += 5) {
        e = (ra_await_experience){0};
        ra_await_learn(&e, took);
        assert_true(e.usual_us > 0);
    }
}

static void test_until_the_other_one_should_be_done(void **state)
{
    (void)state;
    assert_int_equal(ra_await_time(&some, 0, 2000), 7000);
    assert_int_equal(ra_await_time(&some, 3, 2000), 4000);
    const ra_await_experience steady = {.usual_us = 5000, .spread_us = 10};
    assert_int_equal(ra_await_time(&steady, 0, 2000), 7000);
    const ra_await_experience slow = {.usual_us = 40000, .spread_us = 100};
    assert_int_equal(ra_await_time(&slow, 0, 2000), 50000);
    const ra_await_experience odd = {.usual_us = 5000, .spread_us = 750};
    assert_int_equal(ra_await_time(&odd, 0, 2000), 8000);
    /* those that vary much: twice the usual time */
    const ra_await_experience wild = {.usual_us = 5000, .spread_us = 4000};
    assert_int_equal(ra_await_time(&wild, 0, 2000), 10000);
    /* nothing is known yet */
    const ra_await_experience none = {0};
    assert_int_equal(ra_await_time(&none, 0, 2000), 40000);
    assert_int_equal(ra_await_time(&none, 30, 2000), 10000);
}

static void test_bounds(void **state)
{
    (void)state;
    const ra_await_experience quick = {.usual_us = 100}, slow = {.usual_us = 1e12};
    assert_int_equal(ra_await_time(&quick, 0, 2000), 1000);
    assert_int_equal(ra_await_time(&some, 6, 2000), 1000);
    assert_int_equal(ra_await_time(&some, 7, 2000), 0); /* it should be done, and isn't */
    assert_int_equal(ra_await_time(&some, 999, 2000), 0);
    assert_int_equal(ra_await_time(&slow, 0, 2000), 100000);
    assert_int_equal(ra_await_time(&slow, 999, INT64_MAX), 100000);
    assert_int_equal(ra_await_time(&slow, 0, 399), 99750);
    assert_int_equal(ra_await_time(&slow, 0, 100), 25000);
    assert_int_equal(ra_await_time(&some, 0, 3), 750); /* of a read that has 3 ms in all */
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
