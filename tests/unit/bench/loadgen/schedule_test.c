#include "bench/loadgen/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND 1000000000ULL

static void expect_close(uint64_t got, uint64_t wanted)
{
    uint64_t apart = got > wanted ? got - wanted : wanted - got;
    if (apart > 2000)
        fail_msg("%llu, not %llu", (unsigned long long)got, (unsigned long long)wanted);
}

static void test_a_rate(void **state)
{
    const ra_schedule s = {.start = 1000, .end = 1000};
    (void)state;
    for (uint64_t i = 0; i < 100000; i += 37)
        expect_close(ra_schedule_due(&s, i), i * 1000000);
    assert_int_equal(ra_schedule_count(&s, 10 * SECOND), 10000);
    assert_int_equal(ra_schedule_count(&s, 0), 0);
    assert_int_equal(ra_schedule_count(&s, 1), 1);
    assert_true(ra_schedule_period(&s, 5) == 1e6);
}

/* 100 a second at the beginning, 300 after 10 s: 2000 by then. */
static void test_a_ramp(void **state)
{
    const ra_schedule s = {.start = 100, .end = 300, .ramp = 10};
    (void)state;
    assert_int_equal(ra_schedule_due(&s, 0), 0);
    expect_close(ra_schedule_due(&s, 750), 5 * SECOND); /* 100 * 5 + 20 * 25 / 2 */
    expect_close(ra_schedule_due(&s, 2000), 10 * SECOND);
    expect_close(ra_schedule_due(&s, 2300), 11 * SECOND);
    assert_in_range(ra_schedule_count(&s, 5 * SECOND), 750, 751);
    assert_in_range(ra_schedule_count(&s, 11 * SECOND), 2300, 2301);
    assert_true(ra_schedule_period(&s, 0) == 1e7);
    assert_true(ra_schedule_period(&s, 20 * SECOND) == 1e9 / 300);
}

static void test_it_never_goes_back(void **state)
{
    static const ra_schedule all[] = {{1, 1, 0},   {0.5, 900, 3}, {900, 0.5, 3},
                                      {50, 50, 7}, {1e6, 1e6, 0}, {1, 1e6, 0.001}};
    (void)state;
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        uint64_t before = 0;
        for (uint64_t i = 0; i < 5000; i++) {
            uint64_t due = ra_schedule_due(&all[k], i);
            assert_true(due >= before);
            before = due;
            /* as many are due before a request as its number says */
            if (i % 50 == 0 && i > 0)
                assert_true(ra_schedule_count(&all[k], due + 1) >= i + 1);
        }
    }
}

static void test_the_count_is_what_is_due(void **state)
{
    const ra_schedule s = {.start = 3, .end = 11, .ramp = 2.5};
    (void)state;
    for (uint64_t ns = 1; ns < 4 * SECOND; ns += 12345678) {
        uint64_t n = ra_schedule_count(&s, ns);
        assert_true(n == 0 || ra_schedule_due(&s, n - 1) < ns);
        assert_true(ra_schedule_due(&s, n) >= ns);
    }
}

static void test_ramps_as_text(void **state)
{
    ra_schedule s;
    static const char *const wrong[] = {"",       "1",       "1:2",     "1:2:",    ":2:3",    "0:2:3",
                                        "1:0:3",  "1:2:0",   "-1:2:3",  "1:2:3x",  "1:2:3:4", "a:2:3",
                                        "1 :2:3", "inf:2:3", "1:nan:3", "1:1e99:3"};
    (void)state;
    assert_true(ra_schedule_parse_ramp("100:5000:60", &s));
    assert_true(s.start == 100 && s.end == 5000 && s.ramp == 60);
    assert_true(ra_schedule_parse_ramp("0.5:2.5:1.5", &s));
    assert_true(s.start == 0.5 && s.end == 2.5 && s.ramp == 1.5);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (ra_schedule_parse_ramp(wrong[i], &s))
            fail_msg("taken: %s", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rate),
        cmocka_unit_test(test_a_ramp),
        cmocka_unit_test(test_it_never_goes_back),
        cmocka_unit_test(test_the_count_is_what_is_due),
        cmocka_unit_test(test_ramps_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
