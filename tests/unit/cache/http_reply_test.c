/* Replies: the caps on what a peer can make their headers cost, and their references. */
#include "cache/http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void test_headers_are_found_in_lower_case(void **state)
{
    (void)state;
    ra_http_reply *r = ra_http_reply_new();
    assert_int_equal(ra_http_reply_add_header(r, RA_BYTES("X-Amz-CRC32"), RA_BYTES("1")), RA_HTTP_OK);
    assert_int_equal(ra_http_reply_add_header(r, RA_BYTES("Empty"), (ra_bytes){NULL, 0}), RA_HTTP_OK);
    assert_int_equal(ra_http_reply_add_header(r, RA_BYTES("x-amz-crc32"), RA_BYTES("2")), RA_HTTP_OK);
    assert_string_equal(ra_http_reply_header(r, "x-amz-crc32"), "1");
    assert_string_equal(ra_http_reply_header(r, "empty"), "");
    assert_null(ra_http_reply_header(r, "x-amz-crc3"));
    ra_http_reply_clear_headers(r);
    assert_null(ra_http_reply_header(r, "empty"));
    ra_http_reply_unref(r);
    ra_http_reply_unref(NULL);
}

static void test_count_cap(void **state)
{
    (void)state;
    ra_http_reply *r = ra_http_reply_new();
    char name[16];
    for (int i = 0; i < 512; i++) {
        int n = snprintf(name, sizeof name, "h%d", i);
        assert_int_equal(ra_http_reply_add_header(r, (ra_bytes){name, (size_t)n}, RA_BYTES("v")), RA_HTTP_OK);
    }
    assert_int_equal(ra_http_reply_add_header(r, RA_BYTES("x"), RA_BYTES("")), RA_HTTP_TOO_LARGE);
    assert_int_equal(r->nheaders, 512);
    assert_string_equal(ra_http_reply_header(r, "h511"), "v");
    ra_http_reply_unref(r);
}

static void test_byte_cap(void **state)
{
    (void)state;
    enum { CAP = 256 * 1024 };
    ra_http_reply *r = ra_http_reply_new();
    char *big = calloc(1, CAP);
    memset(big, 'v', CAP);
    assert_int_equal(ra_http_reply_add_header(r, RA_BYTES("a"), (ra_bytes){big, CAP}), RA_HTTP_TOO_LARGE);
    assert_int_equal(ra_http_reply_add_header(r, RA_BYTES("a"), (ra_bytes){big, CAP - 2}), RA_HTTP_OK);
    assert_int_equal(ra_http_reply_add_header(r, RA_BYTES("b"), RA_BYTES("1")), RA_HTTP_TOO_LARGE);
    assert_int_equal(ra_http_reply_add_header(r, RA_BYTES("b"), RA_BYTES("")), RA_HTTP_OK);
    ra_http_reply_clear_headers(r); /* gives the bytes back */
    assert_int_equal(ra_http_reply_add_header(r, RA_BYTES("a"), (ra_bytes){big, CAP - 1}), RA_HTTP_OK);
    free(big);
    ra_http_reply_unref(r);
}

static void *let_go(void *arg)
{
    ra_http_reply_unref(arg);
    return NULL;
}

static void test_the_last_of_several_threads_frees(void **state)
{
    (void)state;
    pthread_t threads[4];
    ra_http_reply *r = ra_http_reply_new();
    r->body = strdup("body");
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, let_go, ra_http_reply_ref(r)), 0);
    ra_http_reply_unref(r);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_are_found_in_lower_case),
        cmocka_unit_test(test_count_cap),
        cmocka_unit_test(test_byte_cap),
        cmocka_unit_test(test_the_last_of_several_threads_frees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
