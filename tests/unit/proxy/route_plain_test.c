/* Attribute values as plain JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/route_reply.h"

/* Shows the value, or the map; NULL in `expected`: it is refused. */
static void check(const char *text, const char *expected, bool map)
{
    size_t n = strlen(text), at;
    char *copy = malloc(n + 1);
    ra_json j;
    ra_buf out;
    assert_non_null(copy);
    memcpy(copy, text, n + 1);
    ra_buf_init(&out, 1 << 20);
    assert_int_equal(ra_json_parse(&j, (ra_bytes){copy, n}, NULL, &at), RA_JSON_OK);
    bool ok = map ? ra_plain_map(&j, 0, &out) : ra_plain_value(&j, 0, &out);
    if (ok != (expected != NULL))
        fail_msg("%s is %s", text, ok ? "taken" : "refused");
    if (expected && !ra_bytes_eq_z(ra_buf_bytes(&out), expected))
        fail_msg("%s is shown as %.*s", text, (int)out.n, out.p);
    ra_json_free(&j);
    ra_buf_free(&out);
    free(copy);
}

static void values(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"S\":\"\"}", "\"\""},
        {"{\"S\":\"a\\\"\\\\\\/\\u0000\\ud83d\\udc4b é👋\"}", "\"a\\\"\\\\\\/\\u0000\\ud83d\\udc4b é👋\""},
        {"{ \"S\" : \"x\" }", "\"x\""},
        {"{\"\\u0053\":\"x\"}", "\"x\""},
        {"{\"BOOL\":true}", "true"},
        {"{\"BOOL\":false}", "false"},
        {"{\"NULL\":true}", "null"},
        {"{\"B\":\"QUI=\"}", "\"QUI=\""},
        {"{\"L\":[]}", "[]"},
        {"{\"L\":[{\"S\":\"a\"},{\"N\":\"1\"},{\"L\":[{\"NULL\":true}]}]}", "[\"a\",1,[null]]"},
        {"{\"M\":{}}", "{}"},
        {"{\"M\":{\"a\\\"\":{\"S\":\"x\"},\"b\":{\"M\":{\"c\":{\"BOOL\":true}}}}}",
         "{\"a\\\"\":\"x\",\"b\":{\"c\":true}}"},
        {"{\"SS\":[\"a\",\"b\"]}", "[\"a\",\"b\"]"},
        {"{\"NS\":[\"1\",\"-2.5\",\"+3\"]}", "[1,-2.5,3]"},
        {"{\"BS\":[\"QQ==\"]}", "[\"QQ==\"]"},
        {"{\"SS\":[]}", "[]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i][0], cases[i][1], false);
}

/* DynamoDB's own text where JSON has that form, else the same number in one that JSON has. */
static void numbers(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"0", "0"},
        {"-0", "-0"},
        {"-1", "-1"},
        {"12345678901234567890123456789012345678", "12345678901234567890123456789012345678"},
        {"0.000000000000000000000000000000000001", "0.000000000000000000000000000000000001"},
        {"1.50", "1.50"},
        {"1E+125", "1E+125"},
        {"1e-130", "1e-130"},
        {"1.5e3", "1.5e3"},
        {"+1", "1"},
        {"01", "1"},
        {"-007.50", "-7.5"},
        {"1.", "1"},
        {".5", "0.5"},
        {"-.5e1", "-5"},
        {"00", "0"},
        {"", NULL},
        {"-", NULL},
        {"x", NULL},
        {"1x", NULL},
        {"1e", NULL},
        {"1e+", NULL},
        {"1.5.5", NULL},
        {" 1", NULL},
        {"1 ", NULL},
        {"NaN", NULL},
        {"Infinity", NULL},
        {"0x10", NULL},
        {"1,2", NULL},
        {"1]}", NULL},
        {"\\u0031", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"N\":\"%s\"}", cases[i][0]);
        check(text, cases[i][1], false);
    }
}

static void no_values(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        "5",
        "\"S\"",
        "null",
        "{\"S\":5}",
        "{\"S\":null}",
        "{\"N\":5}",
        "{\"X\":\"a\"}",
        "{\"s\":\"a\"}",
        "{\"S\":\"a\",\"N\":\"1\"}",
        "{\"BOOL\":\"true\"}",
        "{\"BOOL\":null}",
        "{\"NULL\":false}",
        "{\"NULL\":null}",
        "{\"B\":5}",
        "{\"L\":{}}",
        "{\"M\":[]}",
        "{\"L\":[5]}",
        "{\"L\":[{}]}",
        "{\"M\":{\"a\":5}}",
        "{\"M\":{\"a\":{\"S\":\"x\"},\"b\":{}}}",
        "{\"SS\":\"a\"}",
        "{\"SS\":[1]}",
        "{\"SS\":[{\"S\":\"a\"}]}",
        "{\"NS\":[1]}",
        "{\"NS\":[\"1\",\"x\"]}",
        "{\"BS\":[null]}",
        "{\"\":\"a\"}",
        "{\"SSS\":[]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check(texts[i], NULL, false);
}

static void maps(void **state)
{
    (void)state;
    check("{}", "{}", true);
    check("{\"pk\":{\"S\":\"x\"},\"n\":{\"N\":\"1\"}}", "{\"pk\":\"x\",\"n\":1}", true);
    check("[]", NULL, true);
    check("{\"pk\":\"x\"}", NULL, true);
    check("{\"pk\":{}}", NULL, true);
}

static void nested(unsigned levels, bool taken)
{
    ra_buf in, out;
    ra_buf_init(&in, 1 << 20);
    ra_buf_init(&out, 1 << 20);
    for (unsigned i = 1; i < levels; i++) {
        ra_buf_add_z(&in, i % 2 ? "{\"L\":[" : "{\"M\":{\"m\":");
        ra_buf_add_z(&out, i % 2 ? "[" : "{\"m\":");
    }
    ra_buf_add_z(&in, "{\"S\":\"x\"}");
    ra_buf_add_z(&out, "\"x\"");
    for (unsigned i = levels - 1; i > 0; i--) {
        ra_buf_add_z(&in, i % 2 ? "]}" : "}}");
        ra_buf_add_z(&out, i % 2 ? "]" : "}");
    }
    assert_true(ra_buf_add_char(&in, '\0') && ra_buf_add_char(&out, '\0'));
    check(in.p, taken ? out.p : NULL, false);
    ra_buf_free(&in);
    ra_buf_free(&out);
}

static void depth(void **state)
{
    (void)state;
    nested(33, true);
    nested(RA_VALUE_DEPTH, true);
    nested(RA_VALUE_DEPTH + 1, false);
    nested(100, false);
}

/* Tokens that weren't kept look like nothing: they must not be shown so. */
static void shallow_tokens(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"M\":{\"a\":{\"S\":\"x\"}}}", "{\"L\":[{\"S\":\"x\"}]}",
                                        "{\"SS\":[\"x\"]}"};
    for (size_t i = 0; i < 3; i++) {
        ra_json j;
        ra_buf out;
        size_t at;
        ra_json_limits members = {.token_depth = 1};
        ra_buf_init(&out, 4096);
        assert_int_equal(ra_json_parse(&j, ra_bytes_z(texts[i]), &members, &at), RA_JSON_OK);
        assert_false(ra_plain_value(&j, 0, &out));
        ra_json_free(&j);
        ra_buf_free(&out);
    }
}

static void no_memory(void **state)
{
    (void)state;
    static const char text[] =
        "{\"M\":{\"a\":{\"L\":[{\"N\":\"+1\"},{\"NULL\":true}]},\"b\":{\"SS\":[\"x\",\"y\"]}}}";
    static const char shown[] = "{\"a\":[1,null],\"b\":[\"x\",\"y\"]}";
    ra_json j;
    size_t at;
    assert_int_equal(ra_json_parse(&j, RA_BYTES(text), NULL, &at), RA_JSON_OK);
    for (size_t cap = 0; cap < sizeof shown; cap++) {
        ra_buf out;
        ra_buf_init(&out, cap);
        assert_true(ra_plain_value(&j, 0, &out) == (cap == sizeof shown - 1));
        ra_buf_free(&out);
    }
    ra_json_free(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),    cmocka_unit_test(numbers), cmocka_unit_test(no_values),
        cmocka_unit_test(maps),      cmocka_unit_test(depth),   cmocka_unit_test(shallow_tokens),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
