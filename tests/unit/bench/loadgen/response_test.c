/* Responses whole, cut at every byte, byte by byte, and such as no server should send. */
#include "bench/loadgen/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "HTTP/1.1 200 OK\r\n"

typedef struct expected {
    const char *text;
    int status;
    uint64_t body;
    enum ra_response_cache cache;
    bool collapsed, keep_alive;
} expected;

static const expected good[] = {
    {HEAD "Content-Length: 5\r\nX-Cache: HIT\r\n\r\nhello", 200, 5, RA_CACHE_HIT, false, true},
    {HEAD
     "content-length:0\r\nx-cache:  MISS \r\nCache-Status: readaside; fwd=miss; stored; collapsed\r\n\r\n",
     200, 0, RA_CACHE_MISS, true, true},
    {HEAD "Content-Length: 1\r\nX-Cache: STALE\r\nConnection: close\r\n\r\nx", 200, 1, RA_CACHE_STALE, false,
     false},
    {HEAD "Content-Length: 1\r\nX-Cache: BYPASS\r\nConnection: foo, Close\r\n\r\nx", 200, 1, RA_CACHE_BYPASS,
     false, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, 1, RA_CACHE_UNSAID, false, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx", 200, 1, RA_CACHE_UNSAID,
     false, true},
    {"HTTP/1.1 204\r\n\r\n", 204, 0, RA_CACHE_UNSAID, false, true},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", 304, 0, RA_CACHE_UNSAID, false, true},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" HEAD "Content-Length: 2\r\n\r\nok",
     200, 2, RA_CACHE_UNSAID, false, true},
    {HEAD
     "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n",
     200, 15, RA_CACHE_UNSAID, false, true},
    {HEAD "Content-Length: 3\r\nContent-Length: 3\r\nX-Cache: odd\r\n\r\nabc", 200, 3, RA_CACHE_UNSAID, false,
     true},
    {"HTTP/1.1 400 Bad\r\nContent-Length: 45\r\n\r\n{\"__type\":\"a.b#ThrottlingException\",\"m\":\"xx\"}",
     400, 45, RA_CACHE_UNSAID, false, true},
};

static void expect(const ra_response *r, const expected *e)
{
    assert_int_equal(r->status, e->status);
    assert_int_equal(r->body, e->body);
    assert_int_equal(r->cache, e->cache);
    assert_int_equal(r->collapsed, e->collapsed);
    assert_int_equal(r->keep_alive, e->keep_alive);
}

/* From a copy of exactly that size, so that a sanitizer sees every byte that is read too much. */
static enum ra_response_step feed(ra_response *r, const char *p, size_t n, size_t *used)
{
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, p, n);
    enum ra_response_step step = ra_response_feed(r, copy, n, used);
    assert_true(*used <= n);
    free(copy);
    return step;
}

static void test_whole_and_cut_at_every_byte(void **state)
{
    static ra_response r;
    size_t used;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const char *text = good[i].text;
        size_t n = strlen(text);
        for (size_t cut = 0; cut < n; cut++) {
            ra_response_begin(&r, false);
            assert_int_equal(feed(&r, text, cut, &used), RA_RESPONSE_MORE);
            assert_int_equal(used, cut);
            assert_int_equal(feed(&r, text + cut, n - cut, &used), RA_RESPONSE_DONE);
            assert_int_equal(used, n - cut);
            expect(&r, &good[i]);
        }
        ra_response_begin(&r, false);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(feed(&r, text + k, 1, &used), k + 1 < n ? RA_RESPONSE_MORE : RA_RESPONSE_DONE);
        expect(&r, &good[i]);
    }
}

static void test_what_follows_is_left_alone(void **state)
{
    static ra_response r;
    size_t used;
    (void)state;
    ra_response_begin(&r, false);
    const char text[] = HEAD "Content-Length: 2\r\n\r\nokHTTP/1.1";
    assert_int_equal(feed(&r, text, sizeof text - 1, &used), RA_RESPONSE_DONE);
    assert_int_equal(used, sizeof text - 1 - 8);
    ra_response_begin(&r, true);
    assert_int_equal(feed(&r, text, sizeof text - 1, &used), RA_RESPONSE_DONE);
    assert_int_equal(r.body, 0); /* HEAD: none comes, whatever the length says */
    assert_int_equal(used, sizeof text - 1 - 10);
}

static void test_a_body_until_the_end(void **state)
{
    static ra_response r;
    size_t used;
    (void)state;
    ra_response_begin(&r, false);
    assert_int_equal(feed(&r, HEAD "\r\nabc", strlen(HEAD) + 5, &used), RA_RESPONSE_MORE);
    assert_int_equal(ra_response_eof(&r), RA_RESPONSE_DONE);
    assert_false(r.keep_alive);
    assert_int_equal(r.body, 3);
    ra_response_begin(&r, false);
    assert_int_equal(feed(&r, HEAD "Content-Length: 4\r\n\r\nabc", strlen(HEAD) + 24, &used),
                     RA_RESPONSE_MORE);
    assert_int_equal(ra_response_eof(&r), RA_RESPONSE_BAD);
    ra_response_begin(&r, false);
    assert_int_equal(ra_response_eof(&r), RA_RESPONSE_BAD);
}

static const char *const hostile[] = {
    "HTTP/2 200\r\n\r\n",
    "HTTP/1.2 200 OK\r\n\r\n",
    "HTTP/1.1 20x OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 099 OK\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "http/1.1 200 OK\r\n\r\n",
    "\r\n",
    "\x16\x03\x01\x02\r\n",
    "HTTP/1.1 200 OK\n\r\n",
    HEAD "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    HEAD "Content-Length: 5, 5\r\n\r\n",
    HEAD "Content-Length: -5\r\n\r\n",
    HEAD "Content-Length: +5\r\n\r\n",
    HEAD "Content-Length: 0x5\r\n\r\n",
    HEAD "Content-Length: \r\n\r\n",
    HEAD "Content-Length: 99999999999999999999\r\n\r\n",
    HEAD "Content-Length : 5\r\n\r\n",
    HEAD " folded: 5\r\n\r\n",
    HEAD ": 5\r\n\r\n",
    HEAD "no colon\r\n\r\n",
    HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n",
    HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    HEAD "Transfer-Encoding: chunked\r\n\r\n\r\n",
    HEAD "Transfer-Encoding: chunked\r\n\r\nx\r\n",
    HEAD "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    HEAD "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
    HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
    HEAD "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n",
};

static void test_hostile_ones_are_refused(void **state)
{
    static ra_response r;
    size_t used;
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        size_t n = strlen(hostile[i]);
        for (size_t piece = 1; piece <= n; piece += n - 1) {
            enum ra_response_step step = RA_RESPONSE_MORE;
            ra_response_begin(&r, false);
            for (size_t at = 0; at < n && step == RA_RESPONSE_MORE; at += piece)
                step = feed(&r, hostile[i] + at, at + piece > n ? n - at : piece, &used);
            if (step != RA_RESPONSE_BAD || !r.why)
                fail_msg("taken: %s", hostile[i]);
        }
    }
}

static void feed_many(ra_response *r, const char *text, size_t times, enum ra_response_step wanted)
{
    size_t used, i = 0;
    enum ra_response_step step = RA_RESPONSE_MORE;
    for (; i < times && step == RA_RESPONSE_MORE; i++)
        step = feed(r, text, strlen(text), &used);
    assert_int_equal(step, wanted);
}

static void test_bounds(void **state)
{
    static ra_response r;
    size_t used;
    (void)state;
    ra_response_begin(&r, false); /* a line without end */
    feed_many(&r, "HTTP/1.1 200 ", 1, RA_RESPONSE_MORE);
    feed_many(&r, "aaaaaaaaaaaaaaaa", RA_RESPONSE_LINE_MAX, RA_RESPONSE_BAD);
    ra_response_begin(&r, false); /* headers without end */
    assert_int_equal(feed(&r, HEAD, strlen(HEAD), &used), RA_RESPONSE_MORE);
    feed_many(&r, "A: b\r\n", RA_RESPONSE_HEAD_MAX, RA_RESPONSE_BAD);
    ra_response_begin(&r, false); /* interim replies without end */
    feed_many(&r, "HTTP/1.1 100 Continue\r\n\r\n", RA_RESPONSE_HEAD_MAX, RA_RESPONSE_BAD);
    ra_response_begin(&r, false); /* trailers without end */
    feed_many(&r, HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n", 1, RA_RESPONSE_MORE);
    feed_many(&r, "A: b\r\n", RA_RESPONSE_HEAD_MAX, RA_RESPONSE_BAD);
    ra_response_begin(&r, false); /* chunks may go on and on: that is a body */
    feed_many(&r, HEAD "Transfer-Encoding: chunked\r\n\r\n", 1, RA_RESPONSE_MORE);
    feed_many(&r, "1\r\nx\r\n", RA_RESPONSE_HEAD_MAX, RA_RESPONSE_MORE);
    assert_int_equal(r.body, RA_RESPONSE_HEAD_MAX);
}

static void expect_type(const char *body, const char *wanted)
{
    static ra_response r;
    char text[256];
    size_t used;
    int n =
        snprintf(text, sizeof text, "HTTP/1.1 400 Bad\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    ra_response_begin(&r, false);
    assert_int_equal(feed(&r, text, (size_t)n, &used), RA_RESPONSE_DONE);
    assert_true(ra_bytes_eq_z(ra_response_error_type(&r), wanted));
}

static void test_error_types(void **state)
{
    (void)state;
    expect_type("{\"__type\":\"com.amazonaws#A\"}", "A");
    expect_type("{\"message\":\"x\",\"__type\" : \"B\"}", "B");
    expect_type("{\"__type\":7}", "");
    expect_type("{\"__type\":\"C", "");
    expect_type("{\"__type\"", "");
    expect_type("", "");
    expect_type("<html>", "");
}

static void test_only_the_beginning_of_an_error_is_kept(void **state)
{
    static ra_response r;
    (void)state;
    ra_response_begin(&r, false);
    feed_many(&r, "HTTP/1.1 500 Bad\r\nContent-Length: 100000\r\n\r\n", 1, RA_RESPONSE_MORE);
    feed_many(&r, "0123456789", 9999, RA_RESPONSE_MORE);
    feed_many(&r, "0123456789", 1, RA_RESPONSE_DONE);
    assert_int_equal(r.nkept, RA_RESPONSE_KEPT_MAX);
    assert_int_equal(r.body, 100000);
    assert_memory_equal(r.kept, "0123456789", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_and_cut_at_every_byte),
        cmocka_unit_test(test_what_follows_is_left_alone),
        cmocka_unit_test(test_a_body_until_the_end),
        cmocka_unit_test(test_hostile_ones_are_refused),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_error_types),
        cmocka_unit_test(test_only_the_beginning_of_an_error_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
