#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxy/advisor_parts.h"

#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

#define MIB 1048576.0

/* Observed for a day; `current` is the index of the TTL in force. */
static ra_advisor_report report(size_t current)
{
    ra_advisor_report r = {.reads = 100000, .until = 24 * (int64_t)HOUR, .npoints = 6, .current = current};
    static const ra_advisor_point points[] = {{SECOND, 0.10, MIB, 180, 500},
                                              {MINUTE, 0.50, 8 * MIB, 100, 30000},
                                              {5 * MINUTE, 0.83, 40 * MIB, 120, 150000},
                                              {20 * MINUTE, 0.91, 160 * MIB, 38, 600000},
                                              {HOUR, 0.915, 400 * MIB, 17, 1700000},
                                              {3 * HOUR, 0.919, 900 * MIB, 16, 4000000}};
    memcpy(r.points, points, sizeof points);
    return r;
}

static void expect(ra_advisor_report r, ra_advisor_limits limits, size_t recommended, const char *reason)
{
    ra_advisor_recommend(&r, &limits);
    assert_string_equal(r.reason, reason);
    assert_int_equal(r.recommended, recommended);
}

static void test_the_least_past_which_the_curve_is_flat(void **state)
{
    (void)state;
    const ra_advisor_limits none = {0};
    expect(report(2), none, 3,
           "5m -> 20m: hit ratio 0.83 -> 0.91, saves 41 read units/s, memory +120 MiB; beyond that the curve "
           "is flat");
    expect(report(3), none, 3, "20m is right: hit ratio 0.91; beyond that the curve is flat");
    expect(report(4), none, 3,
           "1h -> 20m: hit ratio 0.92 -> 0.91, costs 10 read units/s, memory -240 MiB; beyond that the curve "
           "is flat");
    expect(report(6), none, 3, "not cached -> 20m: hit ratio 0.91; beyond that the curve is flat");
}

static void test_a_little_shorter_is_not_worth_a_change(void **state)
{
    (void)state;
    ra_advisor_report r = report(4);
    r.points[4].ttl = 39 * (int64_t)MINUTE;
    expect(r, (ra_advisor_limits){0}, 4, "39m is right: hit ratio 0.92; beyond that the curve is flat");
}

static void test_never_more_than_there_is_room_for(void **state)
{
    (void)state;
    expect(report(1), (ra_advisor_limits){.max_bytes = 64 << 20}, 2,
           "1m -> 5m: hit ratio 0.50 -> 0.83, costs 10 read units/s, memory +32 MiB; more would not fit into "
           "64 MiB");
    /* Even where the one in force is more. */
    expect(report(3), (ra_advisor_limits){.max_bytes = 64 << 20}, 2,
           "20m -> 5m: hit ratio 0.91 -> 0.83, costs 41 read units/s, memory -120 MiB; more would not fit "
           "into 64 MiB");
    expect(report(2), (ra_advisor_limits){.max_bytes = 64 << 20}, 2,
           "5m is right: hit ratio 0.83; more would not fit into 64 MiB");
    expect(report(2), (ra_advisor_limits){.max_bytes = 1024}, 2, "no TTL of the grid fits into 1 KiB");
    /* What would gain nothing isn't missed. */
    expect(report(2), (ra_advisor_limits){.max_bytes = 200 << 20}, 3,
           "5m -> 20m: hit ratio 0.83 -> 0.91, saves 41 read units/s, memory +120 MiB; beyond that the curve "
           "is flat");
}

static void test_never_longer_where_writes_bypass(void **state)
{
    (void)state;
    expect(report(2), (ra_advisor_limits){.bypassed = true}, 2,
           "5m is right: hit ratio 0.83; a longer one would need the table's stream followed: writes bypass "
           "the proxy");
    expect(report(5), (ra_advisor_limits){.bypassed = true}, 3,
           "3h -> 20m: hit ratio 0.92 -> 0.91, costs 11 read units/s, memory -740 MiB; beyond that the curve "
           "is flat");
}

static void test_none_longer_than_what_was_observed(void **state)
{
    (void)state;
    ra_advisor_report r = report(1);
    r.until = 10 * (int64_t)MINUTE;
    expect(r, (ra_advisor_limits){0}, 2,
           "1m -> 5m: hit ratio 0.50 -> 0.83, costs 10 read units/s, memory +32 MiB; what is longer has not "
           "been "
           "observed for long enough");
}

static void test_none_while_too_little_is_known(void **state)
{
    (void)state;
    const ra_advisor_limits none = {0};
    ra_advisor_report r = report(2);
    r.reads = 999;
    expect(r, none, 2, "too little is known: 999 reads were seen, and it takes 1000");
    r = report(2);
    r.until = 4 * (int64_t)MINUTE + 59 * SECOND + 7;
    expect(r, none, 2, "too little is known: the TTL is 5m, and its reads have been observed for 299s");
    r = report(6);
    r.until = 999;
    expect(r, none, 6, "too little is known: reads have been observed for 999ms");
}

static void test_small_amounts_are_told_as_such(void **state)
{
    (void)state;
    ra_advisor_report r = report(2);
    r.points[2].bytes = 2048;
    r.points[3].bytes = 4096;
    r.points[2].half_units_per_s = 3;
    r.points[3].half_units_per_s = 1;
    expect(r, (ra_advisor_limits){0}, 3,
           "5m -> 20m: hit ratio 0.83 -> 0.91, saves 1.0 read units/s, memory +2 KiB; beyond that the curve "
           "is flat");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_least_past_which_the_curve_is_flat),
        cmocka_unit_test(test_a_little_shorter_is_not_worth_a_change),
        cmocka_unit_test(test_never_more_than_there_is_room_for),
        cmocka_unit_test(test_never_longer_where_writes_bypass),
        cmocka_unit_test(test_none_longer_than_what_was_observed),
        cmocka_unit_test(test_none_while_too_little_is_known),
        cmocka_unit_test(test_small_amounts_are_told_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
