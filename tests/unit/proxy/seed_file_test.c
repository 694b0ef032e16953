#include "proxy/seed_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

static const char *body_z(ra_buf *b)
{
    ra_buf_add_char(b, '\0');
    assert_true(ra_buf_ok(b));
    b->n--;
    return b->p;
}

/* Numbers, escapes and spaces leave as they stand in the file; two tables share a chunk. */
static void test_spliced_byte_for_byte(void **state)
{
    (void)state;
    static const char text[] =
        "{ \"a\\u0062\" : [ {\"PutRequest\": {\"Item\": {\"n\": {\"N\": \"9007199254740993\"}, "
        "\"s\":{\"S\":\"\\u00fc\\/\"}}}},\n"
        "  {\"PutRequest\":{ }} ], \"empty\": [], \"c\": [{\"DeleteRequest\":{\"x\": 1.50}}]}";
    ra_seed s;
    size_t at;
    ra_buf body;
    ra_buf_init(&body, 4096);
    assert_null(ra_seed_read(&s, RA_BYTES(text), &at));
    assert_int_equal(s.ntables, 3);
    assert_int_equal(s.nwrites, 3);
    assert_true(ra_bytes_eq_z(s.tables[0].name, "ab"));
    assert_int_equal(s.tables[0].nwrites, 2);
    assert_int_equal(s.tables[1].nwrites, 0);
    assert_int_equal(ra_seed_chunk(&s, 0, &body), 3);
    assert_string_equal(body_z(&body),
                        "{\"RequestItems\":{\"a\\u0062\":[{\"PutRequest\": {\"Item\": {\"n\": {\"N\": "
                        "\"9007199254740993\"}, \"s\":{\"S\":\"\\u00fc\\/\"}}}},{\"PutRequest\":{ }}],"
                        "\"c\":[{\"DeleteRequest\":{\"x\": 1.50}}]}}");
    ra_buf_clear(&body);
    assert_int_equal(ra_seed_chunk(&s, 2, &body), 1);
    assert_string_equal(body_z(&body), "{\"RequestItems\":{\"c\":[{\"DeleteRequest\":{\"x\": 1.50}}]}}");
    ra_buf_free(&body);
    ra_seed_free(&s);
}

static void test_chunks_of_25(void **state)
{
    (void)state;
    ra_buf text, body;
    ra_buf_init(&text, 1 << 20);
    ra_buf_init(&body, 1 << 20);
    ra_buf_add_z(&text, "{\"t\":[");
    for (int i = 0; i < 60; i++)
        ra_buf_addf(&text, "%s{\"PutRequest\":{\"Item\":{\"k\":{\"N\":\"%d\"}}}}", i ? "," : "", i);
    ra_buf_add_z(&text, "]}");
    ra_seed s;
    size_t at;
    assert_null(ra_seed_read(&s, ra_buf_bytes(&text), &at));
    static const size_t expected[] = {25, 25, 10};
    size_t from = 0;
    for (int i = 0; i < 3; i++) {
        char last[32];
        ra_buf_clear(&body);
        assert_int_equal(ra_seed_chunk(&s, from, &body), expected[i]);
        from += expected[i];
        snprintf(last, sizeof last, "{\"N\":\"%zu\"}}}}]}}", from - 1);
        const char *z = body_z(&body);
        assert_string_equal(z + strlen(z) - strlen(last), last);
    }
    ra_seed_free(&s);
    ra_buf_free(&text);
    ra_buf_free(&body);
}

static void test_chunks_by_bytes(void **state)
{
    (void)state;
    enum { EACH = 4 << 20 };
    ra_buf text, body;
    ra_buf_init(&text, 64 << 20);
    ra_buf_init(&body, RA_SEED_BODY_MAX);
    char *big = malloc(EACH);
    memset(big, 'x', EACH);
    ra_buf_add_z(&text, "{\"t\":[");
    for (int i = 0; i < 5; i++) {
        ra_buf_add_z(&text, i ? ",{\"s\":\"" : "{\"s\":\"");
        ra_buf_add(&text, big, EACH);
        ra_buf_add_z(&text, "\"}");
    }
    ra_buf_add_z(&text, "]}");
    ra_seed s;
    size_t at;
    assert_null(ra_seed_read(&s, ra_buf_bytes(&text), &at));
    assert_int_equal(ra_seed_chunk(&s, 0, &body), 3);
    assert_true(body.n < RA_SEED_CHUNK_BYTES);
    ra_buf_clear(&body);
    assert_int_equal(ra_seed_chunk(&s, 3, &body), 2);
    ra_buf small; /* no room: said, not sent in part */
    ra_buf_init(&small, EACH / 2);
    assert_int_equal(ra_seed_chunk(&s, 0, &small), 0);
    ra_buf_free(&small);
    ra_seed_free(&s);
    ra_buf_free(&text);
    ra_buf_free(&body);
    free(big);
}

static void test_what_is_no_seed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
    } cases[] = {{"", 0},
                 {"[]", 0},
                 {"{\"t\": {}}", 1},
                 {"{\"t\": [1]}", 7},
                 {"{\"t\": [{}, []]}", 11},
                 {"\"t\"", 0},
                 {"{\"t\":[],\"t\":[]}", 8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_seed s;
        size_t at = 99;
        assert_non_null(ra_seed_read(&s, ra_bytes_z(cases[i].text), &at));
        assert_int_equal(at, cases[i].at);
    }
}

static void test_unprocessed(void **state)
{
    (void)state;
    ra_buf body;
    size_t left;
    ra_buf_init(&body, 4096);
    assert_true(ra_seed_unprocessed(RA_BYTES("{\"UnprocessedItems\":{}}"), &left, &body));
    assert_int_equal(left, 0);
    assert_true(ra_seed_unprocessed(RA_BYTES("{\"ConsumedCapacity\":[]}"), &left, &body));
    assert_int_equal(left, 0);
    assert_true(ra_seed_unprocessed(
        RA_BYTES("{\"UnprocessedItems\": {\"a\": [{\"x\":1.0}, {}], \"b\":[{}]}, \"y\":1}"), &left, &body));
    assert_int_equal(left, 3);
    assert_string_equal(body_z(&body), "{\"RequestItems\":{\"a\": [{\"x\":1.0}, {}], \"b\":[{}]}}");
    assert_false(ra_seed_unprocessed(RA_BYTES("nonsense"), &left, &body));
    assert_false(ra_seed_unprocessed(RA_BYTES("[]"), &left, &body));
    assert_false(ra_seed_unprocessed(RA_BYTES("{\"UnprocessedItems\": 1}"), &left, &body));
    ra_buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spliced_byte_for_byte), cmocka_unit_test(test_chunks_of_25),
        cmocka_unit_test(test_chunks_by_bytes),       cmocka_unit_test(test_what_is_no_seed),
        cmocka_unit_test(test_unprocessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
