/* The partition key of a KeyConditionExpression: found with certainty, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/expression.h"

static const char body[] =
    "{\"n\":{\"#p\":\"pk\",\"#s\":\"sk\",\"#d\":\"p.k\",\"#o\":\"other\",\"#e\":\"p\\u006b\"},"
    "\"v\":{\":a\":{\"S\":\"a\"},\":b\":{\"S\":\"b\"},\":n\":{\"N\":\"1.0\"},"
    "\":l\":{\"L\":[]},\":bad\":{\"S\":1}}}";

typedef struct fixture {
    ra_json j;
    ra_arena a;
    ra_expr e;
} fixture;

static void open_fixture(fixture *f)
{
    size_t at;
    ra_arena_init(&f->a, 1 << 20);
    assert_int_equal(ra_json_parse(&f->j, ra_bytes_z(body), NULL, &at), RA_JSON_OK);
    assert_true(
        ra_expr_init(&f->e, &f->j, ra_json_member(&f->j, 0, "n"), ra_json_member(&f->j, 0, "v"), &f->a));
}

static void close_fixture(fixture *f)
{
    ra_json_free(&f->j);
    ra_arena_free(&f->a);
}

/* want: the key's bytes, NULL where none is found */
static const struct {
    const char *text, *want;
} cases[] = {
    /* taken by DynamoDB Local, and its meaning there */
    {"pk = :a", "a"},
    {":a = pk", "a"},
    {"pk=:a", "a"},
    {"(pk = :a)", "a"},
    {"(pk) = :a", "a"},
    {"pk = (:a)", "a"},
    {"(pk) = (:a)", "a"},
    {"#p = :a", "a"},
    {"(#p) = :a", "a"},
    {"#e = :a", "a"},
    {"pk = :n", "1e0"},
    {"pk\t=\n:a\r", "a"},
    {"pk = :a AND sk = :b", "a"},
    {"pk = :a and sk = :b", "a"},
    {"pk = :a aNd sk = :b", "a"},
    {"sk = :b AND pk = :a", "a"},
    {":b = sk AND :a = pk", "a"},
    {"(pk = :a) AND (sk = :b)", "a"},
    {"(pk = :a AND sk = :b)", "a"},
    {"(pk = :a)AND(sk=:b)", "a"},
    {"pk = :a AND sk BETWEEN :a AND :b", "a"},
    {"pk = :a AND (sk BETWEEN :a AND :b)", "a"},
    {"pk = :a AND sk BETWEEN (:a) AND (:b)", "a"},
    {"pk = :a AND (sk) between :a and :b", "a"},
    {"sk BETWEEN :a AND :b AND pk = :b", "b"},
    {"pk = :a AND begins_with(sk, :b)", "a"},
    {"pk = :a AND begins_with (sk, :b)", "a"},
    {"pk = :a AND begins_with((sk), :b)", "a"},
    {"pk = :a AND (begins_with(sk, :b))", "a"},
    {"begins_with(sk, :b)AND pk=:a", "a"},
    {"pk = :a AND :b < sk", "a"},
    {"pk = :a AND sk > :b", "a"},
    {"pk = :a AND sk >= :b", "a"},
    {"pk = :a AND sk <= :b", "a"},
    {"#p = :a AND #s = :b", "a"},
    {"pk = :a AND #d = :b", "a"}, /* "p.k" is another attribute */
    /* refused by DynamoDB Local, so that it does not matter */
    {"((pk = :a))", "a"},
    {"pk = :a AND (sk = :a AND sk = :b)", "a"},
    /* refused by both */
    {"", NULL},
    {"   ", NULL},
    {"pk", NULL},
    {"(pk)", NULL},
    {":a", NULL},
    {"pk = ", NULL},
    {"= :a", NULL},
    {"pk :a", NULL},
    {"pk == :a", NULL},
    {"pk = = :a", NULL},
    {"pk = :a AND", NULL},
    {"AND pk = :a", NULL},
    {"pk = :a sk = :b", NULL},
    {"pk = :a, sk = :b", NULL},
    {"pk = :a AND ()", NULL},
    {"pk = :a AND (sk)", NULL},
    {"pk = :a AND :b", NULL},
    {"pk = :a AND sk", NULL},
    {"(pk = :a", NULL},
    {"pk = :a)", NULL},
    {"()pk = :a", NULL},
    {"(pk = :a) = :b", NULL},
    {"pk = (pk = :a)", NULL},
    {"pk=:a=:a", NULL},
    {"pk = :aAND sk = :b", NULL},
    {"pk = : a", NULL},
    {"# p = :a", NULL},
    {"pk = :a;", NULL},
    {"pk = 'a'", NULL},
    {"\"pk\" = :a", NULL},
    {"[pk] = :a", NULL},
    {"pk\xc2\xa0= :a", NULL},
    {"pk = :a -- c", NULL},
    {"pk = :a AND sk < = :b", NULL},
    {"pk = :a AND sk <> :b", NULL},
    {"pk = :a AND BEGINS_WITH(sk, :b)", NULL},
    {"pk = :a AND begins_with(sk)", NULL},
    {"pk = :a AND begins_with(sk, :a, :b)", NULL},
    {"pk = :a AND begins_with(sk = :a, :b)", NULL},
    {"pk = :a AND begins_with sk", NULL},
    {"pk = :a AND size(sk) = :b", NULL},
    {"pk = :a AND attribute_exists(sk)", NULL},
    {"pk = :a AND sk BETWEEN :a", NULL},
    {"pk = :a AND sk BETWEEN :a OR :b", NULL},
    {"pk = :a AND sk IN (:b)", NULL},
    {"pk IN (:a)", NULL},
    {"pk = :a OR sk = :b", NULL},
    {"pk = :a OR pk = :b", NULL},
    {"NOT pk = :a", NULL},
    {"NOT sk = :b AND pk = :a", NULL},
    {"pk = :a AND NOT sk = :b", NULL},
    {"pk = NOT :a", NULL},
    {"between = :a", NULL},
    {"pk = a", NULL},
    /* not one equality of the whole attribute with a value */
    {"sk = :a", NULL},
    {"PK = :a", NULL},
    {"#d = :a", NULL},
    {"pk = pk", NULL},
    {"pk = sk", NULL},
    {":a = :a", NULL},
    {"pk = :a AND pk = :b", NULL},
    {"pk = :a AND pk = :a", NULL},
    {"pk = :a AND #p = :b", NULL},
    {"pk = :a AND sk = pk", NULL},
    {"pk = :a AND pk.x = :b", NULL},
    {"pk = :a AND begins_with(pk, :b)", NULL},
    {"pk = :a AND pk BETWEEN :a AND :b", NULL},
    {"pk = :a AND sk BETWEEN :a AND pk", NULL},
    {"pk < :a", NULL},
    {"pk <= :a AND sk = :b", NULL},
    {"begins_with(pk, :a)", NULL},
    {"pk BETWEEN :a AND :b", NULL},
    {"pk.x = :a", NULL},
    {"pk[0] = :a", NULL},
    {"pk[01] = :a", NULL},
    {"#p.#s = :a", NULL},
    /* placeholders */
    {"pk = :z", NULL},
    {"#z = :a", NULL},
    {"pk = :a AND sk = :z", NULL},
    {"pk = :a AND #z = :b", NULL},
    {"pk = #p", NULL},
    {"pk = :l", NULL},
    {"pk = :bad", NULL},
};

static void finds_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        open_fixture(&f);
        size_t n = strlen(cases[i].text);
        char *exact = malloc(n ? n : 1); /* so that a sanitizer sees a read past the end */
        assert_non_null(exact);
        memcpy(exact, cases[i].text, n);
        ra_scalar s = {0};
        bool found = ra_key_condition_partition(&f.e, (ra_bytes){exact, n}, RA_BYTES("pk"), &s);
        if (found != (cases[i].want != NULL) || (found && !ra_bytes_eq_z(s.bytes, cases[i].want)))
            fail_msg("'%s'", cases[i].text);
        free(exact);
        close_fixture(&f);
    }
}

static bool nested(fixture *f, size_t depth)
{
    char *text = malloc(2 * depth + 7);
    assert_non_null(text);
    memset(text, '(', depth);
    memcpy(text + depth, "pk = :a", 7);
    memset(text + depth + 7, ')', depth);
    ra_scalar s;
    bool found = ra_key_condition_partition(&f->e, (ra_bytes){text, 2 * depth + 7}, RA_BYTES("pk"), &s);
    free(text);
    return found;
}

static void brackets_are_capped(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    assert_true(nested(&f, 20));
    assert_false(nested(&f, 100));
    assert_false(nested(&f, 8000));
    assert_false(nested(&f, 1000000));
    close_fixture(&f);
}

/* Conditions with some tokens changed: no crash; and what is found is one of the values, from a text that has
 * the attribute and nothing but AND. */
static void fuzz(void **state)
{
    (void)state;
    static const char *const words[] = {"pk", "sk", "#p", "#s",      ":a", ":b", "=",  "AND",          "(",
                                        ")",  "<",  "OR", "BETWEEN", ".x", ",",  ":n", "begins_with(", "NOT"};
    static const char *const valid[] = {"pk", "=", ":a", "AND", "sk", "BETWEEN", ":a", "AND", ":b"};
    enum { WORDS = sizeof words / sizeof *words, LENGTH = sizeof valid / sizeof *valid };
    fixture f;
    open_fixture(&f);
    uint32_t seed = 1;
    unsigned hits = 0;
    for (int round = 0; round < 60000; round++) {
        char text[256];
        size_t n = 0;
        for (unsigned k = 0; k < LENGTH; k++) {
            seed = seed * 1664525 + 1013904223;
            const char *w = seed >> 30 ? valid[k] : words[(seed >> 16) % WORDS];
            memcpy(text + n, w, strlen(w));
            n += strlen(w);
            text[n++] = ' ';
            if (k >= 2 && seed << 12 >> 29 == 0)
                break;
        }
        ra_scalar s;
        if (!ra_key_condition_partition(&f.e, (ra_bytes){text, n}, RA_BYTES("pk"), &s))
            continue;
        hits++;
        assert_true(ra_bytes_eq_z(s.bytes, "a") || ra_bytes_eq_z(s.bytes, "b") ||
                    ra_bytes_eq_z(s.bytes, "1e0"));
        text[n] = 0;
        assert_true(strstr(text, "pk") || strstr(text, "#p"));
        assert_null(strstr(text, "OR"));
        assert_null(strstr(text, "NOT"));
    }
    assert_true(hits > 1000); /* not all of them are spoilt */
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_or_not),
        cmocka_unit_test(brackets_are_capped),
        cmocka_unit_test(fuzz),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
