/* The first time is told, then at most every ten seconds how often it has been. */
#include "proxy/log_seldom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void told_at_most_every_ten_seconds(void **state)
{
    (void)state;
    ra_seldom s = {0};
    assert_int_equal(ra_seldom_say(&s, 5), 1); /* also where the clock has hardly begun */
    assert_int_equal(ra_seldom_say(&s, 5), 0);
    assert_int_equal(ra_seldom_say(&s, 5 + RA_SELDOM_MS - 1), 0);
    assert_int_equal(ra_seldom_say(&s, 5 + RA_SELDOM_MS), 3);
    assert_int_equal(ra_seldom_say(&s, 6 + RA_SELDOM_MS), 0);
    assert_int_equal(ra_seldom_say(&s, 9 + 9 * RA_SELDOM_MS), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(told_at_most_every_ten_seconds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
