/* Canonical expressions: which are the same, and what isn't understood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/expression.h"

/* One operation's placeholders, and its expressions in their fixed order; NULLs fill up. */
typedef struct request {
    const char *names, *values, *expressions[3];
} request;

/* The canonical form of all of it. false: not understood. */
static bool canonical_of(const request *r, ra_buf *out)
{
    ra_buf text;
    ra_arena a;
    ra_buf_init(&text, 1 << 16);
    ra_buf_init(out, 1 << 20);
    ra_arena_init(&a, 1 << 20);
    ra_buf_addf(&text, "{\"n\":%s,\"v\":%s}", r->names ? r->names : "0", r->values ? r->values : "0");
    ra_json j;
    size_t at;
    assert_int_equal(ra_json_parse(&j, ra_buf_bytes(&text), NULL, &at), RA_JSON_OK);
    ra_expr e;
    bool ok = ra_expr_init(&e, &j, r->names ? ra_json_member(&j, 0, "n") : RA_JSON_NONE,
                           r->values ? ra_json_member(&j, 0, "v") : RA_JSON_NONE, &a);
    for (int i = 0; ok && i < 3 && r->expressions[i]; i++)
        ok = ra_expr_canonical(&e, ra_bytes_z(r->expressions[i]), out);
    ok = ok && ra_expr_canonical_placeholders(&e, out);
    ra_json_free(&j);
    ra_buf_free(&text);
    ra_arena_free(&a);
    return ok;
}

#define A_IS_X "{\":a\":{\"S\":\"x\"}}"

static void same_and_not(void **state)
{
    (void)state;
    static const struct {
        request a, b;
        bool same;
    } cases[] = {
        /* white space */
        {{NULL, A_IS_X, {"pk = :a"}}, {NULL, A_IS_X, {"\tpk=:a\r\n"}}, true},
        {{NULL, A_IS_X, {"begins_with(sk,:a)"}}, {NULL, A_IS_X, {"begins_with ( sk , :a )"}}, true},
        {{NULL, NULL, {"a b"}}, {NULL, NULL, {"ab"}}, false},
        {{NULL, NULL, {"a.b"}}, {NULL, NULL, {"a . b"}}, true},
        {{NULL, NULL, {"a <= b"}}, {NULL, NULL, {"a < = b"}}, false},
        {{NULL, NULL, {"a[1 2]"}}, {NULL, NULL, {"a[12]"}}, false},
        /* names of placeholders */
        {{NULL, A_IS_X, {"pk = :a"}}, {NULL, "{\":zz\":{\"S\":\"x\"}}", {"pk = :zz"}}, true},
        {{"{\"#p\":\"pk\"}", A_IS_X, {"#p = :a"}}, {"{\"#q\":\"pk\"}", A_IS_X, {"#q = :a"}}, true},
        {{"{\"#p\":\"pk\"}", A_IS_X, {"#p = :a"}}, {NULL, A_IS_X, {"pk = :a"}}, false}, /* not substituted */
        {{NULL, "{\":a\":{\"N\":\"1\"},\":b\":{\"N\":\"2\"}}", {"x = :a AND y = :b"}},
         {NULL, "{\":a\":{\"N\":\"2.0\"},\":b\":{\"N\":\"1e0\"}}", {"x = :b AND y = :a"}},
         true},
        {{NULL, "{\":a\":{\"N\":\"1\"},\":b\":{\"N\":\"2\"}}", {"x = :a AND y = :b"}},
         {NULL, "{\":a\":{\"N\":\"1\"},\":b\":{\"N\":\"2\"}}", {"x = :b AND y = :a"}},
         false},
        {{NULL, "{\":a\":{\"S\":\"x\"},\":b\":{\"S\":\"x\"}}", {"x = :a AND y = :b"}},
         {NULL, A_IS_X, {"x = :a AND y = :a"}},
         false},
        /* what they stand for */
        {{NULL, A_IS_X, {"pk = :a"}}, {NULL, "{\":a\":{\"S\":\"y\"}}", {"pk = :a"}}, false},
        {{NULL, A_IS_X, {"pk = :a"}}, {NULL, "{\":a\":{\"B\":\"eA==\"}}", {"pk = :a"}}, false},
        {{"{\"#p\":\"pk\"}", NULL, {"#p"}}, {"{\"#p\":\"sk\"}", NULL, {"#p"}}, false},
        {{"{\"#p\":\"a\\u0062\"}", NULL, {"#p"}}, {"{\"#p\":\"ab\"}", NULL, {"#p"}}, true},
        {{"{\"#p\":\"a.b\"}", NULL, {"#p"}}, {"{\"#p\":\"a\",\"#q\":\"b\"}", NULL, {"#p.#q"}}, false},
        /* case counts */
        {{NULL, NULL, {"a"}}, {NULL, NULL, {"A"}}, false},
        /* several expressions do not run together */
        {{NULL, NULL, {"a", "b"}}, {NULL, NULL, {"a b"}}, false},
        {{NULL, NULL, {"a", "b"}}, {NULL, NULL, {"b", "a"}}, false},
        {{NULL, NULL, {"a,b", ""}}, {NULL, NULL, {"", "a,b"}}, false},
        {{NULL, A_IS_X, {"x = :a", "y = :a"}}, {NULL, "{\":q\":{\"S\":\"x\"}}", {"x = :q", "y = :q"}}, true},
        /* a name and a value are never taken for each other */
        {{"{\"#a\":\"x\"}", NULL, {"#a"}}, {NULL, A_IS_X, {":a"}}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_buf a, b;
        assert_true(canonical_of(&cases[i].a, &a));
        assert_true(canonical_of(&cases[i].b, &b));
        if (ra_bytes_eq(ra_buf_bytes(&a), ra_buf_bytes(&b)) != cases[i].same)
            fail_msg("%s and %s", cases[i].a.expressions[0], cases[i].b.expressions[0]);
        ra_buf_free(&a);
        ra_buf_free(&b);
    }
}

static void not_understood(void **state)
{
    (void)state;
    static const request cases[] = {
        {NULL, NULL, {"pk = :a"}},                                          /* undefined */
        {"{\"#a\":\"pk\"}", NULL, {"#b"}},                                  /* undefined */
        {NULL, "{\":a\":{\"S\":\"x\"},\":b\":{\"S\":\"x\"}}", {"pk = :a"}}, /* unused */
        {"{\"#a\":\"pk\"}", NULL, {"pk"}},                                  /* unused */
        {"{\"#a\":\"pk\"}", NULL, {NULL}},                                  /* unused */
        {NULL, "{\":a\":{\"S\":1}}", {"pk = :a"}},                          /* no attribute value */
        {NULL, "{\":a\":\"x\"}", {"pk = :a"}},
        {"{\"#a\":1}", NULL, {"#a"}}, /* malformed placeholders */
        {"{\"#a\":null}", NULL, {"#a"}},
        {"{\"a\":\"x\"}", NULL, {"a"}},
        {"{\":a\":\"x\"}", NULL, {":a"}},
        {"{\"#\":\"x\"}", NULL, {"#"}},
        {"{\"#a-b\":\"x\"}", NULL, {"#a-b"}},
        {"{\"#a.b\":\"x\"}", NULL, {"#a.b"}},
        {"{\"##a\":\"x\"}", NULL, {"##a"}},
        {"{\"#a \":\"x\"}", NULL, {"#a"}},
        {"{\" #a\":\"x\"}", NULL, {"#a"}},
        {"{\"#\\u00e9\":\"x\"}", NULL, {"#\xc3\xa9"}},
        {"{\"\":\"x\"}", NULL, {"x"}},
        {NULL, "{\"#a\":{\"S\":\"x\"}}", {"#a"}},
        {"[]", NULL, {"a"}},
        {"null", NULL, {"a"}},
        {NULL, "\"\"", {"a"}},
        /* characters that no expression has */
        {NULL, NULL, {"a;"}},
        {NULL, NULL, {"'a'"}},
        {NULL, NULL, {"\"a\""}},
        {NULL, NULL, {"`a`"}},
        {NULL, NULL, {"a & b"}},
        {NULL, NULL, {"a * b"}},
        {NULL, NULL, {"a\xc2\xa0"}},
        {NULL,
         NULL,
         {"\xef\xbb\xbf"
          "a"}},
        {NULL, NULL, {"a\v"}},
        {NULL, NULL, {"a\f"}},
        {NULL, NULL, {"\xc3\xa9"}},
        {NULL, NULL, {"_a"}},
        {NULL, NULL, {"# a"}},
        {NULL, NULL, {":"}},
        {NULL, NULL, {"a != b"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_buf b;
        if (canonical_of(&cases[i], &b))
            fail_msg("%s %s: %s", cases[i].names ? cases[i].names : "",
                     cases[i].values ? cases[i].values : "", cases[i].expressions[0]);
        ra_buf_free(&b);
    }
}

static void nuls_and_length(void **state)
{
    (void)state;
    ra_json j;
    size_t at;
    ra_arena a;
    ra_expr e;
    ra_buf out;
    ra_arena_init(&a, 1 << 20);
    ra_buf_init(&out, 1 << 20);
    assert_int_equal(ra_json_parse(&j, RA_BYTES("{}"), NULL, &at), RA_JSON_OK);
    assert_true(ra_expr_init(&e, &j, RA_JSON_NONE, RA_JSON_NONE, &a));
    assert_false(ra_expr_canonical(&e, RA_BYTES("a\0b"), &out));
    assert_true(ra_expr_canonical(&e, (ra_bytes){"", 0}, &out));
    char *text = malloc(16385);
    assert_non_null(text);
    memset(text, 'a', 16385);
    assert_true(ra_expr_canonical(&e, (ra_bytes){text, 16384}, &out));
    assert_false(ra_expr_canonical(&e, (ra_bytes){text, 16385}, &out));
    free(text);
    ra_buf_free(&out);
    ra_buf_init(&out, 3); /* no memory */
    assert_false(ra_expr_canonical(&e, RA_BYTES("abc"), &out));
    ra_json_free(&j);
    ra_buf_free(&out);
    ra_arena_free(&a);
}

/* As many placeholders as are taken, and one more; every one is found. */
static void many_placeholders(void **state)
{
    (void)state;
    for (unsigned n = 16384; n <= 16385; n++) {
        ra_buf text;
        ra_buf_init(&text, 1 << 22);
        ra_buf_add_z(&text, "{\"n\":{");
        for (unsigned i = 0; i < n; i++)
            ra_buf_addf(&text, "%s\"#%x\":\"%u\"", i ? "," : "", i * 2654435761u, i);
        ra_buf_add_z(&text, "}}");
        ra_json j;
        size_t at;
        assert_int_equal(ra_json_parse(&j, ra_buf_bytes(&text), NULL, &at), RA_JSON_OK);
        ra_arena a;
        ra_arena_init(&a, 16 << 20);
        ra_expr e;
        bool ok = ra_expr_init(&e, &j, ra_json_member(&j, 0, "n"), RA_JSON_NONE, &a);
        assert_int_equal(ok, n == 16384);
        ra_buf out;
        ra_buf_init(&out, 1 << 22);
        for (unsigned i = 0; ok && i < n; i++) {
            char placeholder[16];
            snprintf(placeholder, sizeof placeholder, "#%x", i * 2654435761u);
            assert_true(ra_expr_canonical(&e, ra_bytes_z(placeholder), &out));
        }
        assert_true(!ok || ra_expr_canonical_placeholders(&e, &out));
        ra_buf_free(&out);
        ra_json_free(&j);
        ra_buf_free(&text);
        ra_arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_and_not),
        cmocka_unit_test(not_understood),
        cmocka_unit_test(nuls_and_length),
        cmocka_unit_test(many_placeholders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
