/* A head ends at the first empty line, in whatever pieces it comes. */
#include "proxy/head_end.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* How many bytes of it are the head, told byte by byte; 0: it doesn't end. */
static size_t end_of(const char *text)
{
    ra_head_place place = RA_HEAD_IN_LINE;
    for (size_t i = 0; text[i]; i++)
        if (ra_head_ends(&place, (ra_bytes){text + i, 1}))
            return i + 1;
    return 0;
}

static void the_first_empty_line(void **state)
{
    (void)state;
    assert_int_equal(end_of("GET / HTTP/1.1\r\n\r\nabc"), 18);
    assert_int_equal(end_of("GET / HTTP/1.1\n\nabc"), 16);
    assert_int_equal(end_of("GET / HTTP/1.1\n\r\nabc"), 17);
    assert_int_equal(end_of("GET / HTTP/1.1\r\nA: b\r\n\r\n"), 24);
    assert_int_equal(end_of("GET / HTTP/1.1\r\nA: b\r\n"), 0);
    assert_int_equal(end_of("GET / HTTP/1.1\r\n\r"), 0);
    assert_int_equal(end_of("a\r\r\n b\r\n\r\r\n"), 0); /* a line of a CR isn't empty */
    assert_int_equal(end_of("a\n \n"), 0);
    assert_int_equal(end_of(""), 0);
}

/* Cut at every two places it ends where it does in one piece. */
static void in_pieces(void **state)
{
    (void)state;
    static const char *const texts[] = {"POST / HTTP/1.1\r\nA: b\r\n\r\n", "a\nb\n\n", "a\r\nb\r\r\n\r\n"};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        size_t n = strlen(texts[t]);
        assert_int_equal(end_of(texts[t]), n);
        for (size_t i = 0; i < n; i++)
            for (size_t k = i; k < n; k++) {
                ra_head_place place = RA_HEAD_IN_LINE;
                assert_false(ra_head_ends(&place, (ra_bytes){texts[t], i}));
                assert_false(ra_head_ends(&place, (ra_bytes){texts[t] + i, k - i}));
                assert_true(ra_head_ends(&place, (ra_bytes){texts[t] + k, n - k}));
            }
    }
}

static void nothing_is_read_beyond(void **state)
{
    (void)state;
    ra_head_place place = RA_HEAD_IN_LINE;
    assert_false(ra_head_ends(&place, (ra_bytes){NULL, 0}));
    assert_false(ra_head_ends(&place, (ra_bytes){"a\n\n", 2}));
    assert_true(ra_head_ends(&place, (ra_bytes){"\n", 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_empty_line),
        cmocka_unit_test(in_pieces),
        cmocka_unit_test(nothing_is_read_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
