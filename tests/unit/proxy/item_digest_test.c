/* Names of items' images: what was put, as DynamoDB Local's streams have shown it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include "proxy/item_digest.h"
#include "proxy/value.h"

/* Of an exact copy, so that a sanitizer sees a read past its end. */
static bool digest_bytes(ra_bytes text, size_t cap, ra_key *out)
{
    size_t at;
    char *copy = malloc(text.n);
    ra_arena a;
    ra_json j;
    assert_non_null(copy);
    memcpy(copy, text.p, text.n);
    ra_arena_init(&a, cap);
    assert_int_equal(ra_json_parse(&j, (ra_bytes){copy, text.n}, NULL, &at), RA_JSON_OK);
    bool ok = ra_item_digest(&j, 0, &a, out);
    ra_json_free(&j);
    ra_arena_free(&a);
    free(copy);
    return ok;
}

static bool digest_n(const char *text, size_t cap, ra_key *out)
{
    return digest_bytes(ra_bytes_z(text), cap, out);
}

static ra_key digest(const char *text)
{
    ra_key k;
    if (!digest_n(text, 1 << 20, &k))
        fail_msg("no name: %s", text);
    return k;
}

static void test_what_is_put_and_what_is_shown(void **state)
{
    static const struct {
        const char *put, *shown;
    } cases[] = {
        {"{\"N\":\"1.0\"}", "{\"N\":\"1\"}"},
        {"{\"N\":\"-0\"}", "{\"N\":\"0\"}"},
        {"{\"N\":\"100e2\"}", "{\"N\":\"10000\"}"},
        {"{\"N\":\"0.00100\"}", "{\"N\":\"0.001\"}"},
        {"{\"N\":\"1e-7\"}", "{\"N\":\"0.0000001\"}"},
        {"{\"N\":\"1e30\"}", "{\"N\":\"1000000000000000000000000000000\"}"},
        {"{\"NS\":[\"3\",\"1.0\",\"20e0\"]}", "{\"NS\":[\"1\",\"3\",\"20\"]}"},
        {"{\"NS\":[\"1e10\",\"2\"]}", "{\"NS\":[\"2\",\"10000000000\"]}"},
        {"{\"SS\":[\"b\",\"a\"]}", "{\"SS\":[\"a\",\"b\"]}"},
        {"{\"SS\":[\"\",\"a\",\"aa\"]}", "{\"SS\":[\"aa\",\"\",\"\\u0061\"]}"},
        {"{\"BS\":[\"Yg==\",\"YQ==\"]}", "{\"BS\":[\"YQ==\",\"Yg==\"]}"},
        {"{\"S\":\"\"}", "{ \"S\" : \"\" }"},
        {"{\"B\":\"\"}", "{\"B\":\"\"}"},
        {"{\"L\":[]}", "{\"L\":[ ]}"},
        {"{\"M\":{\"a\":{\"L\":[{\"N\":\"01\"},{\"NS\":[\"2\",\"1\"]}]}}}",
         "{\"M\":{\"a\":{\"L\":[{\"N\":\"1\"},{\"NS\":[\"1\",\"2\"]}]}}}"},
        {"{\"M\":{\"a\":{\"S\":\"1\"},\"b\":{\"S\":\"2\"}}}",
         "{\"M\":{\"b\":{\"S\":\"2\"},\"a\":{\"S\":\"1\"}}}"},
        {"{\"S\":\"\\u00e9\\u0000\\ud83d\\ude00\"}", "{\"S\":\"\u00e9\\u0000\U0001f600\"}"},
        {"{\"\\u0053\":\"x\"}", "{\"S\":\"x\"}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char put[512], shown[512];
        snprintf(put, sizeof put, "{\"pk\":{\"S\":\"k\"},\"a\":%s}", cases[i].put);
        snprintf(shown, sizeof shown, "{\"a\":%s,\n\"pk\":{\"S\":\"k\"}}", cases[i].shown);
        ra_key x = digest(put), y = digest(shown);
        if (!ra_key_eq(&x, &y))
            fail_msg("two names: %s and %s", put, shown);
    }
}

/* Each a name of its own, and none that of an item that is gone. */
static void test_what_differs(void **state)
{
    static const char *const items[] = {
        "{}",
        "{\"a\":{\"S\":\"1\"}}",
        "{\"a\":{\"N\":\"1\"}}",
        "{\"a\":{\"B\":\"MQ==\"}}",
        "{\"a\":{\"SS\":[\"1\"]}}",
        "{\"a\":{\"NS\":[\"1\"]}}",
        "{\"a\":{\"BS\":[\"MQ==\"]}}",
        "{\"a\":{\"L\":[{\"S\":\"1\"}]}}",
        "{\"a\":{\"M\":{\"1\":{\"S\":\"1\"}}}}",
        "{\"a\":{\"BOOL\":true}}",
        "{\"a\":{\"BOOL\":false}}",
        "{\"a\":{\"NULL\":true}}",
        "{\"a\":{\"S\":\"\"}}",
        "{\"a\":{\"B\":\"\"}}",
        "{\"a\":{\"L\":[]}}",
        "{\"a\":{\"M\":{}}}",
        "{\"a\":{\"N\":\"-1\"}}",
        "{\"a\":{\"N\":\"1.0000000000000000000000000000000000001e0\"}}",
        "{\"a\":{\"N\":\"10\"}}",
        "{\"b\":{\"S\":\"1\"}}",
        "{\"a\":{\"S\":\"1\"},\"b\":{\"S\":\"1\"}}",
        "{\"a\":{\"SS\":[\"1\",\"2\"]}}",
        "{\"a\":{\"SS\":[\"12\"]}}",
        "{\"a\":{\"SS\":[\"1\",\"2\",\"\"]}}",
        "{\"a\":{\"L\":[{\"S\":\"1\"},{\"S\":\"2\"}]}}",
        "{\"a\":{\"L\":[{\"S\":\"2\"},{\"S\":\"1\"}]}}",
        "{\"a\":{\"L\":[{\"L\":[{\"S\":\"1\"}]},{\"S\":\"2\"}]}}",
        "{\"a\":{\"L\":[{\"L\":[{\"S\":\"1\"},{\"S\":\"2\"}]}]}}",
        "{\"a\":{\"L\":[]},\"b\":{\"L\":[]}}",
        "{\"a\":{\"M\":{\"b\":{\"L\":[]}}}}",
        "{\"a\":{\"S\":\"1\\u0000\"}}",
    };
    enum { N = sizeof items / sizeof *items };
    ra_key names[N + 1];
    (void)state;
    ra_item_digest_removed(&names[N]);
    for (size_t i = 0; i < N; i++)
        names[i] = digest(items[i]);
    for (size_t i = 0; i <= N; i++) {
        for (size_t k = 0; k < i; k++) {
            if (ra_key_eq(&names[i], &names[k]))
                fail_msg("one name: %s and %s", items[k], i < N ? items[i] : "an item that is gone");
        }
    }
}

static void test_what_has_no_name(void **state)
{
    static const char *const items[] = {
        "[]",
        "7",
        "{\"a\":7}",
        "{\"a\":{}}",
        "{\"a\":{\"S\":5}}",
        "{\"a\":{\"N\":5}}",
        "{\"a\":{\"N\":\"\"}}",
        "{\"a\":{\"N\":\"x\"}}",
        "{\"a\":{\"N\":\"1\",\"S\":\"1\"}}",
        "{\"a\":{\"X\":\"1\"}}",
        "{\"a\":{\"BOOL\":\"true\"}}",
        "{\"a\":{\"NULL\":false}}",
        "{\"a\":{\"B\":\"YR==\"}}",
        "{\"a\":{\"B\":\"YQ\"}}",
        "{\"a\":{\"L\":{}}}",
        "{\"a\":{\"L\":[7]}}",
        "{\"a\":{\"M\":[]}}",
        "{\"a\":{\"M\":{\"b\":7}}}",
        "{\"a\":{\"SS\":\"b\"}}",
        "{\"a\":{\"SS\":[7]}}",
        "{\"a\":{\"NS\":[\"x\"]}}",
        "{\"a\":{\"NS\":[\"1\",7]}}",
        "{\"a\":{\"BS\":[\"YQ\"]}}",
    };
    ra_key k;
    (void)state;
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        if (digest_n(items[i], 1 << 20, &k))
            fail_msg("it has a name: %s", items[i]);
    }
}

/* DynamoDB takes 32 levels; what is deeper than twice that has no name. */
static void test_depth(void **state)
{
    (void)state;
    for (int depth = RA_VALUE_DEPTH - 2; depth < RA_VALUE_DEPTH; depth++) {
        ra_buf text;
        ra_key k;
        ra_buf_init(&text, 4096);
        ra_buf_add_z(&text, "{\"a\":");
        for (int i = 0; i < depth; i++)
            ra_buf_add_z(&text, "{\"L\":[");
        ra_buf_add_z(&text, "{\"S\":\"x\"}");
        for (int i = 0; i < depth; i++)
            ra_buf_add_z(&text, "]}");
        assert_true(ra_buf_add_z(&text, "}"));
        assert_int_equal(digest_bytes(ra_buf_bytes(&text), 1 << 20, &k), depth < RA_VALUE_DEPTH - 1);
        ra_buf_free(&text);
    }
}

static void test_without_memory(void **state)
{
    const char *text = "{\"a\":{\"NS\":[\"1\",\"2\"]},\"b\":{\"S\":\"\\u00e9\"}}";
    ra_key k;
    (void)state;
    assert_false(digest_n(text, 0, &k));
    assert_false(digest_n(text, 40, &k));
    assert_true(digest_n(text, 65536, &k));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_put_and_what_is_shown),
        cmocka_unit_test(test_what_differs),
        cmocka_unit_test(test_what_has_no_name),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
