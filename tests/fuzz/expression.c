/*
 * Expressions (the first character is 'a') and PartiQL statements ('b'). Whatever the text is:
 * - other white space between its tokens changes nothing, neither the canonical form nor the answers;
 * - a key condition whose partition was found has none once it is negated, made one of two alternatives, or
 *   given a second partition; and the same one with a condition on another attribute behind it;
 * - a comment in front of a statement changes neither what it is nor the table that it writes.
 */
#include "proxy/expr_lexer.h"
#include "tests/fuzz/fuzz.h"

enum { ARENA = 16 << 20, FORM = 4 << 20 };

static const char maps[] = "{\"n\":{\"#p\":\"pk\",\"#s\":\"sk\",\"#g\":\"g\",\"#d\":\"p.k\",\"#a\":\"a\"},"
                           "\"v\":{\":a\":{\"S\":\"a\"},\":b\":{\"S\":\"b\"},\":n\":{\"N\":\"1.0\"},"
                           "\":l\":{\"L\":[]},\":bad\":{\"S\":1}}}";
static ra_json json;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    size_t at;
    (void)argc;
    (void)argv;
    FUZZ_CHECK(ra_json_parse(&json, RA_BYTES(maps), NULL, &at) == RA_JSON_OK);
    return 0;
}

static void placeholders(ra_expr *e, ra_arena *a)
{
    FUZZ_CHECK(ra_expr_init(e, &json, ra_json_member(&json, 0, "n"), ra_json_member(&json, 0, "v"), a));
}

/* The same tokens, each after a line's end and a space. false: not all of them are tokens. */
static bool respaced(ra_bytes text, ra_buf *out)
{
    ra_lexer x;
    ra_buf_init(out, FORM);
    ra_buf_add_char(out, ' ');
    for (ra_lexer_init(&x, text); x.type != RA_TOKEN_END; ra_lexer_next(&x)) {
        if (x.type == RA_TOKEN_BAD)
            return false;
        ra_buf_add_z(out, "\n ");
        ra_buf_add_bytes(out, x.token);
    }
    return ra_buf_ok(out) && out->n <= RA_EXPRESSION_MAX;
}

/* What every reader says of a text. */
typedef struct said {
    bool canonical, partition, projected;
    ra_buf form;
    ra_scalar key;
    enum ra_effect effect;
    uint32_t value;
} said;

static void ask(ra_bytes text, ra_arena *a, said *out)
{
    ra_expr e;
    *out = (said){0};
    ra_buf_init(&out->form, FORM);
    placeholders(&e, a);
    out->canonical = ra_expr_canonical(&e, text, &out->form);
    FUZZ_CHECK(ra_buf_ok(&out->form) || !out->canonical);
    out->partition = ra_key_condition_partition(&e, text, RA_BYTES("pk"), &out->key);
    out->effect = ra_update_effect(&e, text, RA_BYTES("g"), &out->value);
    out->projected = ra_projection_has(&e, text, RA_BYTES("g"));
}

static void check_same(const said *x, const said *y)
{
    FUZZ_CHECK(x->canonical == y->canonical && x->partition == y->partition);
    FUZZ_CHECK(x->effect == y->effect && x->projected == y->projected);
    if (x->canonical)
        FUZZ_CHECK(ra_bytes_eq(ra_buf_bytes(&x->form), ra_buf_bytes(&y->form)));
    if (x->partition)
        FUZZ_CHECK(ra_scalar_eq(&x->key, &y->key));
    if (x->effect == RA_EFFECT_SET)
        FUZZ_CHECK(x->value == y->value);
}

/* The partition of the text between `before` and `behind`. */
static bool within(ra_bytes text, const char *before, const char *behind, ra_arena *a, ra_scalar *out)
{
    ra_buf all;
    ra_expr e;
    ra_buf_init(&all, FORM);
    placeholders(&e, a);
    ra_buf_add_z(&all, before);
    ra_buf_add_bytes(&all, text);
    ra_buf_add_z(&all, behind);
    ra_bytes kept = ra_arena_copy(a, ra_buf_bytes(&all));
    ra_buf_free(&all);
    FUZZ_CHECK(kept.p);
    return ra_key_condition_partition(&e, kept, RA_BYTES("pk"), out);
}

static void check_partition(ra_bytes text, const ra_scalar *key, ra_arena *a)
{
    ra_scalar other;
    FUZZ_CHECK(!within(text, "NOT (", ")", a, &other));
    FUZZ_CHECK(!within(text, "(", ") OR sk = :b", a, &other));
    FUZZ_CHECK(!within(text, "sk = :b or (", ")", a, &other));
    FUZZ_CHECK(!within(text, "(", ") AND pk = :b", a, &other));
    FUZZ_CHECK(!within(text, "#p = :b AND ", "", a, &other));
    if (within(text, "(", ") AND other = :b", a, &other)) /* it may be too deep, or too long, by now */
        FUZZ_CHECK(ra_scalar_eq(key, &other));
}

static void check_expression(ra_bytes text)
{
    ra_arena a;
    ra_buf spaced;
    said x, y;
    ra_arena_init(&a, ARENA);
    ask(text, &a, &x);
    if (respaced(text, &spaced)) {
        ask(ra_buf_bytes(&spaced), &a, &y);
        check_same(&x, &y);
        ra_buf_free(&y.form);
    } else {
        FUZZ_CHECK(!x.canonical || spaced.n > RA_EXPRESSION_MAX);
    }
    if (x.partition)
        check_partition(text, &x.key, &a);
    ra_buf_free(&spaced);
    ra_buf_free(&x.form);
    ra_arena_free(&a);
}

static void check_statement(ra_bytes text)
{
    ra_arena a;
    ra_buf longer;
    ra_bytes table, again;
    ra_arena_init(&a, ARENA);
    ra_buf_init(&longer, FORM);
    enum ra_partiql_kind kind = ra_partiql_classify(text, &a, &table);
    FUZZ_CHECK(kind == RA_PARTIQL_WRITE || table.n == 0);
    FUZZ_CHECK(table.n <= text.n);
    ra_buf_add_z(&longer, "-- SELECT \n/* ' */ ");
    ra_buf_add_bytes(&longer, text);
    FUZZ_CHECK(ra_partiql_classify(ra_buf_bytes(&longer), &a, &again) == kind && ra_bytes_eq(table, again));
    ra_buf_free(&longer);
    ra_arena_free(&a);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ra_bytes rest = {(const char *)data, size};
    unsigned choice = fuzz_choice(&rest, 2);
    char *text = fuzz_copy(rest);
    if (choice == 0)
        check_expression((ra_bytes){text, rest.n});
    else
        check_statement((ra_bytes){text, rest.n});
    free(text);
    return 0;
}
