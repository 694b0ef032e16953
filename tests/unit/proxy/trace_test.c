/* traceparent and tracestate: what is valid, and what goes on. */
#include "proxy/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN  "00f067aa0ba902b7"
#define GOOD  "00-" TRACE "-" SPAN "-01"

static void goes_on_with_another_span(void **state)
{
    (void)state;
    ra_trace a, b;
    assert_true(ra_trace_read(RA_BYTES(GOOD), &a));
    assert_true(ra_trace_read(RA_BYTES(GOOD), &b));
    assert_memory_equal(a.parent, "00-" TRACE "-", 36);
    assert_memory_equal(a.parent + 52, "-01", 3);
    assert_memory_equal(a.caller, SPAN, 16);
    assert_true(ra_bytes_eq(ra_trace_id(&a), RA_BYTES(TRACE)));
    ra_bytes ours = ra_trace_span(&a);
    assert_false(ra_bytes_eq(ours, RA_BYTES(SPAN)));
    assert_false(ra_bytes_eq(ours, ra_trace_span(&b)));
    for (size_t i = 0; i < ours.n; i++)
        assert_non_null(memchr("0123456789abcdef", ours.p[i], 16));
    assert_int_equal(a.state.n, 0);
    ra_trace again;
    assert_true(ra_trace_read((ra_bytes){a.parent, sizeof a.parent}, &again));
}

static void flags_and_versions(void **state)
{
    (void)state;
    static const struct {
        const char *given, *flags; /* NULL: it isn't valid */
    } cases[] = {
        {"00-" TRACE "-" SPAN "-00", "00"},
        {"00-" TRACE "-" SPAN "-ff", "01"}, /* of a flag that isn't known only the known one goes on */
        {"00-" TRACE "-" SPAN "-02", "00"},
        {"01-" TRACE "-" SPAN "-01", "01"},
        {"cc-" TRACE "-" SPAN "-01-what-will-be", "01"},
        {"cc-" TRACE "-" SPAN "-01.what-will-be", NULL},
        {"00-" TRACE "-" SPAN "-01-what-will-be", NULL},
        {"ff-" TRACE "-" SPAN "-01", NULL},
        {"0-" TRACE "-" SPAN "-01", NULL},
        {"00-" TRACE "-" SPAN "-1", NULL},
        {"00-" TRACE "-" SPAN "-0g", NULL},
        {"00_" TRACE "-" SPAN "-01", NULL},
        {"00-" TRACE "_" SPAN "-01", NULL},
        {"00-" TRACE "-" SPAN "_01", NULL},
        {"0G-" TRACE "-" SPAN "-01", NULL},
        {"00-00000000000000000000000000000000-" SPAN "-01", NULL},
        {"00-" TRACE "-0000000000000000-01", NULL},
        {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", NULL},
        {"00-" TRACE "-00F067AA0BA902B7-01", NULL},
        {" 00-" TRACE "-" SPAN "-01", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_trace t;
        bool valid = ra_trace_read(ra_bytes_z(cases[i].given), &t);
        assert_int_equal(valid, cases[i].flags != NULL);
        if (valid) {
            assert_memory_equal(t.parent, "00-", 3);
            assert_memory_equal(t.parent + 53, cases[i].flags, 2);
        }
    }
    ra_trace t;
    for (size_t n = 0; n < sizeof GOOD - 1; n++) /* nothing is read beyond the end */
        assert_false(ra_trace_read((ra_bytes){GOOD, n}, &t));
}

static void states(void **state)
{
    (void)state;
    char text[RA_TRACESTATE_MAX + 1];
    memset(text, 'a', sizeof text);
    assert_true(ra_trace_state_ok((ra_bytes){text, RA_TRACESTATE_MAX}));
    assert_false(ra_trace_state_ok((ra_bytes){text, sizeof text}));
    assert_true(ra_trace_state_ok(RA_BYTES("rojo=00f067aa0ba902b7,\tcongo=t61rcWkgMzE ")));
    for (int c = 0; c < 256; c++) {
        char one = (char)c;
        assert_int_equal(ra_trace_state_ok((ra_bytes){&one, 1}), (c >= ' ' && c <= '~') || c == '\t');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_with_another_span),
        cmocka_unit_test(flags_and_versions),
        cmocka_unit_test(states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
