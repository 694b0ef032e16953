#include "proxy/clock.h"
#include "proxy/follow_fresh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void at_once_without_a_delay(void **state)
{
    (void)state;
    ra_fresh f = {.n = 0};
    assert_true(ra_fresh_offer(&f, 1000, 1, 0) == 1000);
    assert_true(ra_fresh_offer(&f, 2000, 2, 0) == 2000);
    assert_true(ra_fresh_offer(&f, 1500, 3, 0) == 2000);
    ra_fresh_forget(&f);
    assert_true(ra_fresh_offer(&f, 900, 4, 0) == 900);
}

static void counts_only_when_its_time_has_come(void **state)
{
    (void)state;
    ra_fresh f = {.n = 0};
    assert_true(ra_fresh_offer(&f, 5000, 100, 1000) == 0);
    assert_true(ra_fresh_offer(&f, 5900, 1099, 1000) == 0);
    assert_true(ra_fresh_offer(&f, 6000, 1100, 1000) == 5000);
    assert_true(ra_fresh_offer(&f, 6900, 2098, 1000) == 5000);
    assert_true(ra_fresh_offer(&f, 6901, 2099, 1000) == 5900);
}

/* A mark never counts before `delay` has passed, each counts before long, whatever the pace of offers is. */
static void soon_and_never_too_early(void **state)
{
    (void)state;
    for (int64_t pace = 1; pace <= 700; pace += 3) {
        const int64_t delay = 1000;
        ra_fresh f = {.n = 0};
        int64_t before = 0;
        for (int64_t now = 1; now < 20000; now += pace) {
            int64_t counts = ra_fresh_offer(&f, now + 1000000, now, delay); /* all up to now */
            assert_true(counts >= before);
            if (counts)
                assert_true(counts - 1000000 + delay <= now);
            if (now > 2 * delay + 2 * pace)
                assert_true(now - (counts - 1000000) <= delay + delay / 2 + 2 * pace);
            before = counts;
        }
    }
}

static void no_delay_any_more(void **state)
{
    (void)state;
    ra_fresh f = {.n = 0};
    assert_true(ra_fresh_offer(&f, 100, 1, 1000) == 0);
    assert_true(ra_fresh_offer(&f, 200, 2, 0) == 200);
    assert_true(ra_fresh_offer(&f, 150, 3, 1000) == 200);
    assert_true(ra_fresh_offer(&f, 300, 4, 1000) == 200);
}

static void a_clock_that_is_put_back(void **state)
{
    (void)state;
    ra_fresh f = {.n = 0};
    assert_true(ra_fresh_offer(&f, 600000, 1, 0) == 600000);
    ra_fresh_doubt(&f, 600000 - RA_CLOCKS_APART);
    assert_true(f.counts == 600000);
    ra_fresh_doubt(&f, 300000);
    assert_true(ra_fresh_offer(&f, 299000, 2, 0) == 299000);
    assert_true(ra_fresh_offer(&f, 600000, 3, 1000) == 299000);
    ra_fresh_doubt(&f, 300000); /* what waits, too */
    assert_true(ra_fresh_offer(&f, 299500, 2000, 0) == 299500);
}

static void within_bounds(void **state)
{
    (void)state;
    assert_false(ra_fresh_within(0, 100, 1000)); /* not known */
    assert_true(ra_fresh_within(9000, 10000, 1000));
    assert_false(ra_fresh_within(8999, 10000, 1000));
    assert_true(ra_fresh_within(10000 + RA_CLOCKS_APART, 10000, 1000));
    assert_false(ra_fresh_within(10001 + RA_CLOCKS_APART, 10000, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_once_without_a_delay),  cmocka_unit_test(counts_only_when_its_time_has_come),
        cmocka_unit_test(soon_and_never_too_early), cmocka_unit_test(no_delay_any_more),
        cmocka_unit_test(a_clock_that_is_put_back), cmocka_unit_test(within_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
