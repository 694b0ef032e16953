/* Commands as bytes: short, long, empty and too long ones. */
#include "cache/redis_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/buffer.h>
#include <stdlib.h>

#include "refusing_malloc.h"

static void is(const ra_bytes *argv, unsigned argc, ra_bytes expected)
{
    struct evbuffer *b = evbuffer_new();
    for (size_t max = expected.n; max + 3 > expected.n;
         max--) { /* its very length is the least that will do */
        size_t n = ra_redis_format(b, argv, argc, max);
        assert_int_equal(n, max == expected.n ? expected.n : 0);
    }
    assert_int_equal(evbuffer_get_length(b), expected.n);
    assert_memory_equal(evbuffer_pullup(b, -1), expected.p, expected.n);
    evbuffer_free(b);
}

static void test_bytes(void **state)
{
    (void)state;
    const ra_bytes one[] = {RA_BYTES("PING")};
    const ra_bytes odd[] = {RA_BYTES("SET"), {NULL, 0}, RA_BYTES("a\0\r\n*1234")};
    ra_bytes many[100];
    char expected[1000] = "*100\r\n";
    for (unsigned i = 0; i < 100; i++) {
        many[i] = RA_BYTES("x");
        memcpy(expected + 6 + 7L * i, "$1\r\nx\r\n", 7);
    }
    is(one, 1, RA_BYTES("*1\r\n$4\r\nPING\r\n"));
    is(odd, 3, RA_BYTES("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$9\r\na\0\r\n*1234\r\n"));
    is(many, 100, (ra_bytes){expected, 706});
}

/* Around each power of ten, where the length's own length changes, and where memory is no longer copied. */
static void test_lengths(void **state)
{
    (void)state;
    static const size_t lengths[] = {0,   1,    9,    10,   11,   99,    100,    101,
                                     999, 1000, 4080, 4090, 9999, 10000, 1000000};
    char *text = calloc(1, 1000000);
    struct evbuffer *b = evbuffer_new();
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        ra_bytes argv[] = {RA_BYTES("ECHO"), {text, lengths[i]}};
        size_t n = ra_redis_format(b, argv, 2, 2000000);
        assert_int_equal(n, evbuffer_get_length(b));
        assert_int_equal(ra_redis_format(b, argv, 2, n - 1), 0);
        assert_int_equal(ra_redis_format(b, argv, 2, n), n);
        evbuffer_drain(b, 2 * n);
    }
    evbuffer_free(b);
    free(text);
}

static void test_too_long_to_be_said(void **state)
{
    (void)state;
    struct evbuffer *b = evbuffer_new();
    const ra_bytes argv[] = {{"x", SIZE_MAX}, {"x", SIZE_MAX / 2}, {"x", SIZE_MAX / 2}};
    assert_int_equal(ra_redis_format(b, argv, 1, SIZE_MAX), 0);
    assert_int_equal(ra_redis_format(b, argv + 1, 2, SIZE_MAX), 0);
    assert_int_equal(ra_redis_format(b, argv, 0, SIZE_MAX), 0);
    assert_int_equal(evbuffer_get_length(b), 0);
    evbuffer_free(b);
}

static void test_without_memory(void **state)
{
    (void)state;
    static char text[10000];
    unsigned refusals = 0;
    for (unsigned i = 0; i < 2000; i++) {
        struct evbuffer *b = evbuffer_new();
        ra_bytes argv[40] = {{text, i % 2 ? sizeof text : 10}};
        refuse_one_in = 3;
        size_t n = ra_redis_format(b, argv, i % 4 < 2 ? 1 : 40, SIZE_MAX);
        refuse_one_in = 0;
        refusals += n == 0;
        assert_int_equal(evbuffer_get_length(b), n);
        evbuffer_free(b);
    }
#ifndef OWN_ALLOCATOR
    assert_in_range(refusals, 100, 1999);
#else
    assert_int_equal(refusals, 0);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_too_long_to_be_said),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
