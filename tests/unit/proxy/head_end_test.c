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
    ra_head head = {0};
    for (size_t i = 0; text[i]; i++)
        if (ra_head_ends(&head, (ra_bytes){text + i, 1}))
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
                ra_head head = {0};
                assert_false(ra_head_ends(&head, (ra_bytes){texts[t], i}));
                assert_false(ra_head_ends(&head, (ra_bytes){texts[t] + i, k - i}));
                assert_true(ra_head_ends(&head, (ra_bytes){texts[t] + k, n - k}));
            }
    }
}

static void nothing_is_read_beyond(void **state)
{
    (void)state;
    ra_head head = {0};
    assert_false(ra_head_ends(&head, (ra_bytes){NULL, 0}));
    assert_false(ra_head_ends(&head, (ra_bytes){"a\n\n", 2}));
    assert_true(ra_head_ends(&head, (ra_bytes){"\n", 1}));
}

static bool is_odd(const char *text, size_t n)
{
    ra_head whole = {0}, bytes = {0};
    ra_head_ends(&whole, (ra_bytes){text, n});
    for (size_t i = 0; i < n && !ra_head_ends(&bytes, (ra_bytes){text + i, 1}); i++)
        ;
    assert_int_equal(whole.odd, bytes.odd);
    return whole.odd;
}

#define IS_ODD(text) is_odd(text, sizeof text - 1)

/* What another party may read differently is noticed, wherever it stands; what comes after the head isn't
 * looked at. */
static void odd_heads(void **state)
{
    (void)state;
    assert_false(IS_ODD("GET / HTTP/1.1\r\nA: b\tc d\r\nB:\r\n\r\n"));
    assert_true(IS_ODD("GET / HTTP/1.1\0x\r\n\r\n"));
    assert_true(IS_ODD("GET / HTTP/1.1\r\nA: b\0\r\n\r\n"));
    assert_true(IS_ODD("GET / HTTP/1.1\r\n\0A: b\r\n\r\n"));
    assert_true(IS_ODD("GET / HTTP/1.1\r\n\r\0\n\r\n"));
    assert_true(IS_ODD("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"));
    assert_true(IS_ODD("GET / HTTP/1.1\r\nA: b\n\tc\r\n\r\n"));
    assert_true(IS_ODD("GET / HTTP/1.1\r\nA: \rb\r\n\r\n"));
    assert_true(IS_ODD("GET / HTTP/1.1\r\nA: b\r\r\n\r\n"));
    assert_true(IS_ODD("GET / HTTP/1.1\r\n\rA: b\r\n\r\n"));
    assert_true(IS_ODD("GET / HTTP/1.1\rA: b\r\n\r\n"));
    assert_false(IS_ODD("GET / HTTP/1.1\r\nA: b\nB:\r\n\r\n"));
    assert_false(IS_ODD("GET / HTTP/1.1\r\nA: b\r\n\r\n\0 \n b\rc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_empty_line),
        cmocka_unit_test(in_pieces),
        cmocka_unit_test(nothing_is_read_beyond),
        cmocka_unit_test(odd_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
