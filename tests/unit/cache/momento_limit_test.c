#include "cache/momento_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static ra_momento_limit limit;

static unsigned taken(int64_t now, unsigned n, enum ra_momento_purpose why)
{
    unsigned times = 0;
    while (times < 100000 && ra_momento_limit_take(&limit, now, n, why))
        times++;
    return times;
}

static void test_without_a_limit(void **state)
{
    (void)state;
    ra_momento_limit_init(&limit, 0);
    assert_int_equal(taken(1, 1000, RA_MOMENTO_TO_READ), 100000);
    ra_momento_limit_fini(&limit);
}

static void test_a_second_s_worth(void **state)
{
    (void)state;
    ra_momento_limit_init(&limit, 100);
    assert_int_equal(taken(1000, 2, RA_MOMENTO_TO_READ), 50);
    assert_int_equal(taken(1000, 1, RA_MOMENTO_TO_READ), 0);
    assert_int_equal(taken(1010, 1, RA_MOMENTO_TO_READ), 1); /* 10 ms: one operation */
    assert_int_equal(taken(1005, 1, RA_MOMENTO_TO_READ), 0); /* another loop's clock is behind */
    assert_int_equal(taken(1100, 1, RA_MOMENTO_TO_READ), 9);
    assert_int_equal(taken(99000, 1, RA_MOMENTO_TO_READ), 100); /* no more than it holds */
    /* All or none. */
    assert_false(ra_momento_limit_take(&limit, 99500, 51, RA_MOMENTO_TO_READ));
    assert_true(ra_momento_limit_take(&limit, 99500, 50, RA_MOMENTO_TO_READ));
    ra_momento_limit_fini(&limit);
}

static void test_writes_borrow(void **state)
{
    (void)state;
    ra_momento_limit_init(&limit, 100);
    assert_int_equal(taken(1000, 1, RA_MOMENTO_TO_WRITE), 200);
    assert_int_equal(taken(1500, 1, RA_MOMENTO_TO_READ), 0); /* reads pay it back */
    assert_int_equal(taken(2000, 1, RA_MOMENTO_TO_READ), 0);
    assert_int_equal(taken(2100, 1, RA_MOMENTO_TO_READ), 10);
    ra_momento_limit_fini(&limit);
}

/* Else what reads don't find would never come in while there are too many of them. */
static void test_fills_borrow_less(void **state)
{
    (void)state;
    ra_momento_limit_init(&limit, 100);
    assert_int_equal(taken(1000, 2, RA_MOMENTO_TO_READ), 50);
    assert_int_equal(taken(1000, 1, RA_MOMENTO_TO_FILL), 50);
    assert_int_equal(taken(1000, 1, RA_MOMENTO_TO_WRITE), 50);
    assert_int_equal(taken(1000, 1, RA_MOMENTO_TO_WRITE), 0);
    assert_int_equal(taken(2000, 2, RA_MOMENTO_TO_READ), 0);
    assert_int_equal(taken(2200, 2, RA_MOMENTO_TO_READ), 10);
    ra_momento_limit_fini(&limit);
}

static void test_a_small_limit_holds_a_few_reads(void **state)
{
    (void)state;
    ra_momento_limit_init(&limit, 1);
    assert_int_equal(taken(0, 2, RA_MOMENTO_TO_READ), 4);
    assert_int_equal(taken(1000, 2, RA_MOMENTO_TO_READ), 0);
    assert_int_equal(taken(2000, 2, RA_MOMENTO_TO_READ), 1);
    ra_momento_limit_fini(&limit);
}

static void test_more_than_it_holds(void **state)
{
    (void)state;
    ra_momento_limit_init(&limit, 100);
    assert_true(ra_momento_limit_take(&limit, 1000, 250, RA_MOMENTO_TO_READ));
    assert_int_equal(taken(2500, 1, RA_MOMENTO_TO_READ), 0); /* what is owed is paid back first */
    assert_int_equal(taken(3500, 1, RA_MOMENTO_TO_READ), 100);
    assert_false(ra_momento_limit_take(&limit, 4400, 250, RA_MOMENTO_TO_READ)); /* not full */
    assert_true(ra_momento_limit_take(&limit, 4500, 250, RA_MOMENTO_TO_READ));
    ra_momento_limit_fini(&limit);
}

static void test_pauses(void **state)
{
    (void)state;
    ra_momento_limit_init(&limit, 0);
    assert_false(ra_momento_limit_is_paused(&limit, 5));
    ra_momento_limit_pause(&limit, 5, 10);
    assert_true(ra_momento_limit_is_paused(&limit, 14));
    assert_false(ra_momento_limit_is_paused(&limit, 15));
    ra_momento_limit_pause(&limit, 100, -1);
    assert_true(ra_momento_limit_is_paused(&limit, 100 + RA_MOMENTO_PAUSE - 1));
    ra_momento_limit_pause(&limit, 100, 3); /* not shorter than what was said before */
    assert_true(ra_momento_limit_is_paused(&limit, 100 + RA_MOMENTO_PAUSE - 1));
    assert_false(ra_momento_limit_is_paused(&limit, 100 + RA_MOMENTO_PAUSE));
    ra_momento_limit_pause(&limit, 5000, INT64_C(1) << 50);
    assert_false(ra_momento_limit_is_paused(&limit, 5000 + RA_MOMENTO_PAUSE_MOST));
    ra_momento_limit_pause(&limit, 90000, 0);
    assert_false(ra_momento_limit_is_paused(&limit, 90000));
    ra_momento_limit_fini(&limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_limit),
        cmocka_unit_test(test_a_second_s_worth),
        cmocka_unit_test(test_writes_borrow),
        cmocka_unit_test(test_fills_borrow_less),
        cmocka_unit_test(test_a_small_limit_holds_a_few_reads),
        cmocka_unit_test(test_more_than_it_holds),
        cmocka_unit_test(test_pauses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
