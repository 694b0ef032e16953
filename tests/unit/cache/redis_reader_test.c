/* Replies from bytes: all kinds, cut in every place, past the caps, random, and without memory. */
#include "cache/redis_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "refusing_malloc.h"

/* A reply as text, so that two can be compared. */
static size_t shown(const struct redisReply *e, char *to, size_t size)
{
    int n = 0;
    switch (e->type) {
    case REDIS_REPLY_ARRAY:
        n = snprintf(to, size, "[");
        for (size_t i = 0; i < e->elements; i++)
            n += (int)shown(e->element[i], to + n, size - (size_t)n);
        return (size_t)n + (size_t)snprintf(to + n, size - (size_t)n, "]");
    case REDIS_REPLY_INTEGER:
        return (size_t)snprintf(to, size, ":%lld ", e->integer);
    case REDIS_REPLY_NIL:
        return (size_t)snprintf(to, size, "nil ");
    default:
        assert_int_equal(e->str[e->len], '\0');
        return (size_t)snprintf(to, size, "%d'%s'%zu ", e->type, e->str, e->len);
    }
}

/* All replies of `bytes`, fed in pieces of `piece`. */
static enum ra_redis_read read_all(ra_redis_reader *r, ra_bytes bytes, size_t piece, char *to, size_t size)
{
    size_t n = 0;
    enum ra_redis_read got = RA_REDIS_READ_MORE;
    to[0] = '\0';
    while (bytes.n && got != RA_REDIS_READ_BROKEN) {
        ra_bytes now = {bytes.p, bytes.n < piece ? bytes.n : piece};
        if (!ra_redis_reader_feed(r, now))
            return RA_REDIS_READ_BROKEN;
        bytes.p += now.n;
        bytes.n -= now.n;
        struct redisReply *reply;
        while ((got = ra_redis_reader_next(r, &reply)) == RA_REDIS_READ_REPLY) {
            n += shown(reply, to + n, size - n);
            ra_redis_reply_free(reply);
        }
        assert_null(reply);
    }
    return got;
}

static const char kinds[] = "+OK\r\n-ERR x\r\n:-42\r\n$5\r\na\r\nbc\r\n$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n"
                            "*3\r\n*2\r\n$1\r\nx\r\n:1\r\n+y\r\n*1\r\n*1\r\n$-1\r\n";
static const char kinds_shown[] =
    "5'OK'2 6'ERR x'5 :-42 1'a\r\nbc'5 nil nil []1''0 [[1'x'1 :1 ]5'y'1 [[nil ]]]";

static void test_kinds_cut_anywhere(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < sizeof kinds; piece++) {
        char text[512];
        ra_redis_reader *r = ra_redis_reader_new();
        ra_bytes all = {kinds, sizeof kinds - 1};
        assert_int_equal(read_all(r, all, piece, text, sizeof text), RA_REDIS_READ_MORE);
        assert_string_equal(text, kinds_shown);
        ra_redis_reader_free(r);
    }
    ra_redis_reader_free(NULL);
    ra_redis_reply_free(NULL);
}

static void test_what_is_not_resp2(void **state)
{
    (void)state;
    static const char *const all[] = {"hello\r\n",
                                      "\r\n",
                                      "*-2\r\n",
                                      "$-2\r\n",
                                      "$x\r\n",
                                      ":1x\r\n",
                                      "%1\r\n+a\r\n+b\r\n",
                                      "~1\r\n+a\r\n",
                                      ">1\r\n+a\r\n",
                                      ",1.5\r\n",
                                      "#t\r\n",
                                      "=5\r\ntxt:a\r\n",
                                      "(12\r\n",
                                      "*2\r\n+a\r\n,1\r\n"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char text[256];
        ra_redis_reader *r = ra_redis_reader_new();
        if (read_all(r, ra_bytes_z(all[i]), 3, text, sizeof text) != RA_REDIS_READ_BROKEN)
            fail_msg("read: %s", all[i]);
        assert_true(*ra_redis_reader_why(r));
        struct redisReply *reply; /* broken for good */
        assert_false(ra_redis_reader_feed(r, RA_BYTES("+OK\r\n")) &&
                     ra_redis_reader_next(r, &reply) != RA_REDIS_READ_BROKEN);
        ra_redis_reader_free(r);
    }
}

static void test_elements_are_counted_over_a_reply(void **state)
{
    (void)state;
    char text[64], head[64];
    struct redisReply *reply;
    ra_redis_reader *r = ra_redis_reader_new();
    snprintf(head, sizeof head, "*%d\r\n", RA_REDIS_ELEMENTS_MAX);
    assert_true(ra_redis_reader_feed(r, ra_bytes_z(head)));
    assert_int_equal(ra_redis_reader_next(r, &reply), RA_REDIS_READ_MORE);
    for (unsigned i = 0; i < RA_REDIS_ELEMENTS_MAX; i++)
        assert_true(ra_redis_reader_feed(r, RA_BYTES(":1\r\n")));
    assert_int_equal(ra_redis_reader_next(r, &reply), RA_REDIS_READ_REPLY);
    assert_int_equal(reply->elements, RA_REDIS_ELEMENTS_MAX);
    ra_redis_reply_free(reply);
    /* each reply has its own count */
    assert_int_equal(read_all(r, RA_BYTES("*1\r\n:1\r\n"), 100, text, sizeof text), RA_REDIS_READ_MORE);
    assert_string_equal(text, "[:1 ]");
    snprintf(head, sizeof head, "*2\r\n:1\r\n*%d\r\n", RA_REDIS_ELEMENTS_MAX - 1);
    assert_int_equal(read_all(r, ra_bytes_z(head), 100, text, sizeof text), RA_REDIS_READ_BROKEN);
    assert_string_equal(ra_redis_reader_why(r), "a reply has too many elements");
    ra_redis_reader_free(r);
}

static void test_lines_have_ends(void **state)
{
    (void)state;
    enum { N = RA_REDIS_LINE_MAX + 4 };
    static char line[N];
    char *text = malloc(2 * N);
    memset(line, 'x', N);
    line[0] = '+';
    ra_redis_reader *r = ra_redis_reader_new();
    assert_int_equal(read_all(r, (ra_bytes){line, N}, 1 << 14, text, 2 * N), RA_REDIS_READ_BROKEN);
    ra_redis_reader_free(r);
    r = ra_redis_reader_new();
    memcpy(line + RA_REDIS_LINE_MAX - 2, "\r\n+y", 4);
    assert_int_equal(read_all(r, (ra_bytes){line, N - 2}, 1 << 14, text, 2 * N), RA_REDIS_READ_MORE);
    assert_int_equal(strlen(text), RA_REDIS_LINE_MAX - 3 + sizeof "5''65533 " - 1);
    ra_redis_reader_free(r);
    free(text);
}

static uint64_t random_state = 11;

static unsigned random_below(unsigned n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % n;
}

/* Bytes like RESP: the sanitizers say what they think of the rest. */
static void test_random_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "+-:$*%>,#0123459-\r\n\r\n\r\nab\0";
    static char text[1 << 16];
    unsigned broken = 0;
    for (unsigned i = 0; i < 20000; i++) {
        char b[64];
        size_t n = 1 + random_below(sizeof b - 1);
        for (size_t k = 0; k < n; k++)
            b[k] = alphabet[random_below(sizeof alphabet)];
        if (random_below(2)) /* one that is good up to somewhere */
            memcpy(b, kinds, n);
        b[random_below((unsigned)n)] = alphabet[random_below(sizeof alphabet)];
        ra_redis_reader *r = ra_redis_reader_new();
        broken +=
            read_all(r, (ra_bytes){b, n}, 1 + random_below(20), text, sizeof text) == RA_REDIS_READ_BROKEN;
        ra_redis_reader_free(r);
    }
    assert_in_range(broken, 1000, 19999);
}

/* Each time the reply is whole, or the reader is broken. */
static void test_without_memory(void **state)
{
    (void)state;
    unsigned whole = 0, broken = 0;
    for (unsigned i = 0; i < 3000; i++) {
        struct redisReply *reply = NULL;
        enum ra_redis_read got = RA_REDIS_READ_BROKEN;
        char text[512];
        refuse_one_in = 20;
        ra_redis_reader *r = ra_redis_reader_new();
        if (r && ra_redis_reader_feed(r, RA_BYTES("*3\r\n*2\r\n$1\r\nx\r\n:1\r\n+y\r\n*1\r\n*1\r\n$-1\r\n")))
            got = ra_redis_reader_next(r, &reply);
        refuse_one_in = 0;
        if (got == RA_REDIS_READ_REPLY) {
            shown(reply, text, sizeof text);
            assert_string_equal(text, "[[1'x'1 :1 ]5'y'1 [[nil ]]]");
            whole++;
        } else {
            assert_int_equal(got, RA_REDIS_READ_BROKEN);
            broken++;
        }
        ra_redis_reply_free(reply);
        ra_redis_reader_free(r);
    }
    assert_true(whole > 100);
#ifndef OWN_ALLOCATOR
    assert_true(broken > 100);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_cut_anywhere),
        cmocka_unit_test(test_what_is_not_resp2),
        cmocka_unit_test(test_elements_are_counted_over_a_reply),
        cmocka_unit_test(test_lines_have_ends),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
