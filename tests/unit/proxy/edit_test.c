/* Splicing JSON: what isn't edited stays as it was, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/edit.h"

static bool apply(const char *text, const ra_edit *edits, size_t n, const char *want)
{
    ra_buf b;
    ra_buf_init(&b, 1 << 16);
    bool ok = ra_edit_apply(ra_bytes_z(text), edits, n, &b);
    if (ok)
        assert_true(ra_bytes_eq_z(ra_buf_bytes(&b), want));
    else
        assert_int_equal(b.n, 0);
    ra_buf_free(&b);
    return ok;
}

static void applies_in_any_order(void **state)
{
    (void)state;
    const ra_edit edits[] = {
        {4, 2, RA_BYTES("X")}, {0, 0, RA_BYTES("<")}, {7, 0, RA_BYTES(">")}, {1, 1, {NULL, 0}}};
    assert_true(apply("abcdefg", edits, 4, "<acdXg>"));
    assert_true(apply("abcdefg", edits, 0, "abcdefg"));
    assert_true(apply("", NULL, 0, ""));
    assert_true(apply("", &(ra_edit){0, 0, RA_BYTES("new")}, 1, "new"));
    const ra_edit same[] = {
        {2, 0, RA_BYTES("1")}, {2, 1, RA_BYTES("C")}, {2, 0, RA_BYTES("2")}, {3, 0, RA_BYTES("3")}};
    assert_true(apply("abcd", same, 4, "ab12C3d"));
}

static void refuses_overlaps(void **state)
{
    (void)state;
    const ra_edit overlap[] = {{1, 3, RA_BYTES("x")}, {3, 1, RA_BYTES("y")}};
    assert_false(apply("abcdef", overlap, 2, ""));
    const ra_edit twice[] = {{1, 1, RA_BYTES("x")}, {1, 1, RA_BYTES("y")}};
    assert_false(apply("abcdef", twice, 2, ""));
    const ra_edit within[] = {{1, 3, RA_BYTES("x")}, {2, 0, RA_BYTES("y")}};
    assert_false(apply("abcdef", within, 2, ""));
    assert_false(apply("abc", &(ra_edit){4, 0, RA_BYTES("x")}, 1, ""));
    assert_false(apply("abc", &(ra_edit){2, 2, RA_BYTES("x")}, 1, ""));
    assert_false(apply("abc", &(ra_edit){1, SIZE_MAX, RA_BYTES("x")}, 1, ""));
    const ra_edit touching[] = {{1, 2, RA_BYTES("x")}, {3, 1, RA_BYTES("y")}};
    assert_true(apply("abcdef", touching, 2, "axyef"));
}

static void fails_when_the_buffer_does(void **state)
{
    (void)state;
    ra_buf b;
    ra_buf_init(&b, 4);
    assert_false(ra_edit_apply(RA_BYTES("abcdef"), &(ra_edit){1, 0, RA_BYTES("x")}, 1, &b));
    assert_false(ra_buf_ok(&b));
    ra_buf_free(&b);
}

/* More edits than fit the stack, in reverse. */
static void applies_many(void **state)
{
    (void)state;
    enum { N = 1000 };
    char text[N], want[2 * N + 1];
    static ra_edit edits[N];
    for (size_t i = 0; i < N; i++) {
        text[i] = 'a';
        want[2 * i] = '-';
        want[2 * i + 1] = 'a';
        edits[N - 1 - i] = (ra_edit){i, 0, RA_BYTES("-")};
    }
    want[sizeof want - 1] = 0;
    ra_buf b;
    ra_buf_init(&b, 1 << 16);
    assert_true(ra_edit_apply((ra_bytes){text, N}, edits, N, &b));
    assert_true(ra_bytes_eq_z(ra_buf_bytes(&b), want));
    ra_buf_free(&b);
}

static ra_json parsed(const char *z)
{
    ra_json j;
    size_t at;
    assert_int_equal(ra_json_parse(&j, ra_bytes_z(z), NULL, &at), RA_JSON_OK);
    return j;
}

static void sets_members(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value, *want;
    } cases[] = {{"{}", "true", "{\"x\":true}"},
                 {" { } ", "1", " {\"x\":1 } "},
                 {"{\"a\":1}", "{}", "{\"x\":{},\"a\":1}"},
                 {"{ \"a\" : 1 }", "2", "{\"x\":2, \"a\" : 1 }"},
                 {"{\"x\":1}", "2", "{\"x\":2}"},
                 {"{\"a\":[9], \"x\" : {\"y\":[1]} ,\"b\":0}", "null", "{\"a\":[9], \"x\" : null ,\"b\":0}"},
                 {"{\"\\u0078\":1}", "2", "{\"\\u0078\":2}"},
                 {"{\"X\":1}", "2", "{\"x\":2,\"X\":1}"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_arena a;
        ra_arena_init(&a, 1 << 16);
        ra_json j = parsed(cases[i].text);
        ra_edit e;
        assert_true(ra_edit_set_member(&j, 0, "x", ra_bytes_z(cases[i].value), &a, &e));
        assert_true(apply(cases[i].text, &e, 1, cases[i].want));
        ra_json_free(&j);
        ra_arena_free(&a);
    }
}

static void sets_only_where_it_is_sure(void **state)
{
    (void)state;
    ra_arena a;
    ra_arena_init(&a, 1 << 16);
    ra_json j;
    size_t at;
    ra_edit e;
    const ra_json_limits top = {.token_depth = 1};
    assert_int_equal(ra_json_parse(&j, RA_BYTES("{\"a\":{\"x\":1},\"b\":[]}"), &top, &at), RA_JSON_OK);
    assert_false(ra_edit_set_member(&j, ra_json_member(&j, 0, "a"), "x", RA_BYTES("2"), &a, &e));
    assert_false(ra_edit_set_member(&j, ra_json_member(&j, 0, "b"), "x", RA_BYTES("2"), &a, &e));
    ra_arena_free(&a);
    ra_arena_init(&a, 0);
    assert_false(ra_edit_set_member(&j, 0, "x", RA_BYTES("2"), &a, &e));
    ra_json_free(&j);
}

static void removes_members(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {{"{\"x\":1}", "{}"},
                 {"{ \"x\" : 1 }", "{  }"},
                 {"{\"x\":1,\"b\":2}", "{\"b\":2}"},
                 {"{\"a\":1,\"x\":[1,{}],\"b\":2}", "{\"a\":1,\"b\":2}"},
                 {"{\"a\":{\"c\":[1]} , \"x\": 2 }", "{\"a\":{\"c\":[1]} }"},
                 {"{\"a\":1,\"b\":{\"x\":3},\"c\":2,\"x\":{\"x\":1}}", "{\"a\":1,\"b\":{\"x\":3},\"c\":2}"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_json j = parsed(cases[i].text);
        ra_edit e;
        ra_edit_remove_member(&j, 0, ra_json_member(&j, 0, "x") - 1, &e);
        assert_true(apply(cases[i].text, &e, 1, cases[i].want));
        ra_json_free(&j);
    }
}

/* Members are set and removed in random objects; the result is what was meant, read anew. */
static void random_objects(void **state)
{
    (void)state;
    uint32_t seed = 12345;
    for (int round = 0; round < 3000; round++) {
        ra_buf text, out;
        ra_buf_init(&text, 1 << 16);
        ra_buf_init(&out, 1 << 16);
        unsigned n = (seed = seed * 1664525 + 1013904223) >> 29;
        ra_buf_add_char(&text, '{');
        for (unsigned i = 0; i < n; i++)
            ra_buf_addf(&text, "%s\"m%u\"%s{\"v\":[%u]} ", i ? ", " : "", i, (seed >> i & 1) ? " : " : ":",
                        i);
        ra_buf_add_char(&text, '}');
        ra_json j, k;
        size_t at;
        assert_int_equal(ra_json_parse(&j, ra_buf_bytes(&text), NULL, &at), RA_JSON_OK);
        ra_arena a;
        ra_arena_init(&a, 1 << 16);
        ra_edit edits[2];
        size_t nedits = 0;
        uint32_t victim = ra_json_member(&j, 0, seed & 1 ? "m1" : "m3");
        if (victim != RA_JSON_NONE)
            ra_edit_remove_member(&j, 0, victim - 1, &edits[nedits++]);
        assert_true(ra_edit_set_member(&j, 0, "m0", RA_BYTES("\"new\""), &a, &edits[nedits++]));
        assert_true(ra_edit_apply(ra_buf_bytes(&text), edits, nedits, &out));
        assert_int_equal(ra_json_parse(&k, ra_buf_bytes(&out), NULL, &at), RA_JSON_OK);
        assert_true(ra_json_string_is(&k, ra_json_member(&k, 0, "m0"), "new"));
        assert_int_equal(ra_json_count(&k, 0), (n ? n : 1) - (victim != RA_JSON_NONE));
        ra_json_free(&j);
        ra_json_free(&k);
        ra_arena_free(&a);
        ra_buf_free(&text);
        ra_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(applies_in_any_order),
        cmocka_unit_test(refuses_overlaps),
        cmocka_unit_test(fails_when_the_buffer_does),
        cmocka_unit_test(applies_many),
        cmocka_unit_test(sets_members),
        cmocka_unit_test(sets_only_where_it_is_sure),
        cmocka_unit_test(removes_members),
        cmocka_unit_test(random_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
