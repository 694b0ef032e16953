#include "proxy/jwks_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, START = 77 };

static void once(ra_jwks_pace *p, int64_t now, bool well)
{
    assert_true(ra_jwks_pace_may(p, now));
    ra_jwks_pace_began(p, now);
    ra_jwks_pace_ended(p, now, well);
}

static void every_hour(void **state)
{
    (void)state;
    ra_jwks_pace p;
    ra_jwks_pace_init(&p, START);
    once(&p, START, true);
    assert_int_equal(p.due, START + HOUR);
    once(&p, START + HOUR, true);
    assert_int_equal(p.due, START + 2 * HOUR);
}

/* Asked for whenever it may be, for an hour and a half: once a minute, and the two that are due anyway. */
static void asked_for_once_a_minute(void **state)
{
    (void)state;
    ra_jwks_pace p;
    ra_jwks_pace_init(&p, START);
    unsigned n = 0;
    for (int64_t now = START; now < START + 90 * MINUTE; now += SECOND) {
        if (!ra_jwks_pace_may(&p, now))
            continue;
        once(&p, now, true);
        n++;
    }
    assert_int_equal(n, 1 + 90);
}

/* The first that is asked for needn't wait for a minute to pass since the start. */
static void asked_for_after_the_start(void **state)
{
    (void)state;
    ra_jwks_pace p;
    ra_jwks_pace_init(&p, START);
    once(&p, START, true);
    once(&p, START + 1, true);
    assert_false(ra_jwks_pace_may(&p, START + 2));
    assert_false(ra_jwks_pace_may(&p, START + MINUTE));
    assert_true(ra_jwks_pace_may(&p, START + MINUTE + 1));
}

static void until_the_first_set(void **state)
{
    (void)state;
    static const int64_t pauses[] = {1, 2, 4, 8, 10, 10, 10};
    ra_jwks_pace p;
    ra_jwks_pace_init(&p, START);
    int64_t now = START;
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        once(&p, now, false);
        assert_int_equal(p.due, now + pauses[i] * SECOND);
        assert_false(ra_jwks_pace_may(&p, p.due - 1)); /* nobody can ask for more than that */
        now = p.due;
    }
    once(&p, now, true);
    assert_int_equal(p.due, now + HOUR);
}

static void when_the_provider_goes(void **state)
{
    (void)state;
    ra_jwks_pace p;
    ra_jwks_pace_init(&p, START);
    once(&p, START, true);
    int64_t now = p.due;
    for (int i = 0; i < 20; i++) {
        once(&p, now, false);
        assert_int_equal(p.due, now + MINUTE);
        now = p.due;
    }
    once(&p, now, true);
    assert_int_equal(p.due, now + HOUR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hour),
        cmocka_unit_test(asked_for_once_a_minute),
        cmocka_unit_test(asked_for_after_the_start),
        cmocka_unit_test(until_the_first_set),
        cmocka_unit_test(when_the_provider_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
