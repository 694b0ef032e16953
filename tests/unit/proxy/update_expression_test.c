/* What an update does to one attribute: told with certainty, or UNCERTAIN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/expression.h"

static const char body[] = "{\"n\":{\"#g\":\"g\",\"#n\":\"name\",\"#dot\":\"g.x\"},"
                           "\"v\":{\":a\":{\"S\":\"a\"},\":one\":{\"N\":\"1\"},\":l\":{\"L\":[]}}}";

#define NONE    RA_EFFECT_NONE
#define SET     RA_EFFECT_SET
#define REMOVED RA_EFFECT_REMOVED
#define UNSURE  RA_EFFECT_UNCERTAIN

static const struct {
    const char *text;
    enum ra_effect effect; /* on the attribute g */
    const char *value;     /* SET: the value's text */
} cases[] = {
    /* taken by DynamoDB Local */
    {"SET g = :a", SET, "{\"S\":\"a\"}"},
    {"set g = :a", SET, "{\"S\":\"a\"}"},
    {"Set g=:a", SET, "{\"S\":\"a\"}"},
    {"SET\tg\n=\r:a", SET, "{\"S\":\"a\"}"},
    {"SET #g = :a", SET, "{\"S\":\"a\"}"},
    {"SET g = (:a)", SET, "{\"S\":\"a\"}"},
    {"SET g = :a, h = :one", SET, "{\"S\":\"a\"}"},
    {"SET h = :one, g = :a", SET, "{\"S\":\"a\"}"},
    {"SET g = :one REMOVE c", SET, "{\"N\":\"1\"}"},
    {"REMOVE c SET g = :one", SET, "{\"N\":\"1\"}"},
    {"DELETE ss :l ADD c :one SET g = :a REMOVE l", SET, "{\"S\":\"a\"}"},
    {"SET g = :a, c = g", SET, "{\"S\":\"a\"}"},
    {"SET g = if_not_exists(g,:a),h=:a", UNSURE, NULL},
    {"SET h = :a", NONE, NULL},
    {"SET h = g", NONE, NULL},
    {"SET h = g + :one", NONE, NULL},
    {"SET h = if_not_exists(g, :a)", NONE, NULL},
    {"SET #dot = :a", NONE, NULL}, /* an attribute named "g.x" */
    {"SET G = :a", NONE, NULL},
    {"SET m.g = :a", NONE, NULL},
    {"SET m.#g = :a", NONE, NULL},
    {"SET l[0] = :a", NONE, NULL},
    {"SET l [ 0 ] = :a", NONE, NULL},
    {"SET h = :one + :one", NONE, NULL},
    {"SET h = c-:one", NONE, NULL},
    {"SET h = ((c) + (:one))", NONE, NULL},
    {"SET h = list_append(if_not_exists(zz, :l), :l)", NONE, NULL},
    {"SET h = if_not_exists (c, :one) + :one", NONE, NULL},
    {"SET h = if_not_exists((h), (:a))", NONE, NULL},
    {"SET h = l[0]", NONE, NULL},
    {"REMOVE g", REMOVED, NULL},
    {"remove #g", REMOVED, NULL},
    {"REMOVE c, g, l", REMOVED, NULL},
    {"SET h = :a REMOVE g", REMOVED, NULL},
    {"REMOVE c", NONE, NULL},
    {"REMOVE m.g", NONE, NULL},
    {"ADD c :one", NONE, NULL},
    {"ADD c :one, zz :one DELETE ss :l", NONE, NULL},
    {"SET add2 = :a, remove2 = :a", NONE, NULL},
    /* taken, with a result that the request doesn't tell */
    {"SET g = h", UNSURE, NULL},
    {"SET g = g", UNSURE, NULL},
    {"SET g = :one + :one", UNSURE, NULL},
    {"SET g = (:one + :one)", UNSURE, NULL},
    {"SET g = :one - c", UNSURE, NULL},
    {"SET g = if_not_exists(g, :a)", UNSURE, NULL},
    {"SET g = (if_not_exists(g, :a))", UNSURE, NULL},
    {"SET g = list_append(l, :l)", UNSURE, NULL},
    {"SET g.x = :a", UNSURE, NULL},
    {"SET g[0] = :a", UNSURE, NULL},
    {"SET #g.x = :a", UNSURE, NULL},
    {"SET g.x = :a, g.y = :a", UNSURE, NULL},
    {"REMOVE g.x", UNSURE, NULL},
    {"REMOVE g[0]", UNSURE, NULL},
    {"ADD g :one", UNSURE, NULL},
    {"ADD g.x :one", UNSURE, NULL},
    {"DELETE g :l", UNSURE, NULL},
    /* refused by DynamoDB Local */
    {"", UNSURE, NULL},
    {" ", UNSURE, NULL},
    {"SET", UNSURE, NULL},
    {"REMOVE", UNSURE, NULL},
    {"g = :a", UNSURE, NULL},
    {"SETg = :a", UNSURE, NULL},
    {"SET h = :a,", UNSURE, NULL},
    {"SET h = :a REMOVE", UNSURE, NULL},
    {"SET h = :a SET i = :a", UNSURE, NULL},
    {"REMOVE c REMOVE l", UNSURE, NULL},
    {"ADD c :one DELETE ss :l ADD zz :one", UNSURE, NULL},
    {"SET g = :a, g = :a", UNSURE, NULL},
    {"SET g = :a REMOVE g", UNSURE, NULL},
    {"SET g = :a, g.x = :a", UNSURE, NULL},
    {"SET (h) = :a", UNSURE, NULL},
    {"SET h = :one + :one + :one", UNSURE, NULL},
    {"SET h = (c + :one) - :one + :one", UNSURE, NULL},
    {"SET h = -:one", UNSURE, NULL},
    {"SET h = :a;", UNSURE, NULL},
    {"SET h : a", UNSURE, NULL},
    {"SET h == :a", UNSURE, NULL},
    {"SET h = 5", UNSURE, NULL},
    {"SET h = 'x'", UNSURE, NULL},
    {"SET h = (:a", UNSURE, NULL},
    {"SET h = :a)", UNSURE, NULL},
    {"SET h = IF_NOT_EXISTS(h, :a)", UNSURE, NULL},
    {"SET h = if_not_exists(h)", UNSURE, NULL},
    {"SET h = if_not_exists(h, :a, :a)", UNSURE, NULL},
    {"SET h = size(l)", UNSURE, NULL},
    {"SET h = foo(l)", UNSURE, NULL},
    {"SET set = :a", UNSURE, NULL},
    {"SET REMOVE c", UNSURE, NULL},
    {"SET h = :undefined", UNSURE, NULL},
    {"SET #undefined = :a", UNSURE, NULL},
    {"SET h = #undefined", UNSURE, NULL},
    {"SET h = :aREMOVE c", UNSURE, NULL},
    {"SET l[-1] = :a", UNSURE, NULL},
    {"SET l[01] = :a", UNSURE, NULL},
    {"SET l[:one] = :a", UNSURE, NULL},
    {"SET l[0 = :a", UNSURE, NULL},
    {"SET m. = :a", UNSURE, NULL},
    {"SET 1h = :a", UNSURE, NULL},
    {"SET _h = :a", UNSURE, NULL},
    {"SET h-1 = :a", UNSURE, NULL},
    {"SET \xc3\xa9 = :a", UNSURE, NULL},
    {"SET :a = :a", UNSURE, NULL},
    {"REMOVE (c)", UNSURE, NULL},
    {"REMOVE c l", UNSURE, NULL},
    {"REMOVE :a", UNSURE, NULL},
    {"ADD c c", UNSURE, NULL},
    {"ADD c (:one)", UNSURE, NULL},
    {"ADD c", UNSURE, NULL},
    {"UPDATE c :one", UNSURE, NULL},
};

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

static void expressions(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].text);
        char *exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, cases[i].text, n);
        uint32_t value = RA_JSON_NONE;
        enum ra_effect effect = ra_update_effect(&f.e, (ra_bytes){exact, n}, RA_BYTES("g"), &value);
        if (effect != cases[i].effect)
            fail_msg("'%s': %d", cases[i].text, (int)effect);
        if (effect == SET)
            assert_true(ra_bytes_eq_z(ra_json_raw(&f.j, value), cases[i].value));
        free(exact);
    }
    close_fixture(&f);
}

static void nesting_is_capped(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    for (size_t depth = 10; depth <= 2000000; depth *= 10) {
        ra_buf text;
        ra_buf_init(&text, 4u << 20);
        ra_buf_add_z(&text, "SET h = ");
        for (size_t i = 0; i < depth; i++)
            ra_buf_add_char(&text, '(');
        ra_buf_add_z(&text, ":a");
        for (size_t i = 0; i < depth; i++)
            ra_buf_add_char(&text, ')');
        uint32_t value;
        assert_int_equal(ra_update_effect(&f.e, ra_buf_bytes(&text), RA_BYTES("g"), &value),
                         depth == 10 ? NONE : UNSURE);
        ra_buf_free(&text);
    }
    close_fixture(&f);
}

/* Expressions with some tokens changed: no crash, and SET always comes with a value. */
static void fuzz(void **state)
{
    (void)state;
    static const char *const words[] = {
        "SET", "REMOVE", "ADD", "DELETE",        "g", "h", "#g", ":a", "=", ",", "+", "-", "(",
        ")",   ".x",     "[0]", "if_not_exists("};
    static const char *const valid[] = {"SET", "g", "=",    ":a",     ",", "h", "=",
                                        "c",   "+", ":one", "REMOVE", "x", ",", "y"};
    enum { WORDS = sizeof words / sizeof *words, LENGTH = sizeof valid / sizeof *valid };
    fixture f;
    open_fixture(&f);
    uint32_t seed = 7;
    unsigned seen[4] = {0};
    for (int round = 0; round < 60000; round++) {
        char text[256];
        size_t n = 0;
        for (unsigned k = 0; k < LENGTH; k++) {
            seed = seed * 1664525 + 1013904223;
            const char *w = seed >> 29 ? valid[k] : words[(seed >> 16) % WORDS];
            memcpy(text + n, w, strlen(w));
            n += strlen(w);
            text[n++] = ' ';
            if (k >= 3 && seed << 12 >> 29 == 0)
                break;
        }
        uint32_t value = RA_JSON_NONE;
        enum ra_effect effect = ra_update_effect(&f.e, (ra_bytes){text, n}, RA_BYTES("g"), &value);
        seen[effect]++;
        assert_true((effect == SET) == (value != RA_JSON_NONE));
    }
    assert_true(seen[NONE] > 50 && seen[SET] > 50 && seen[UNSURE] > 50);
    close_fixture(&f);
}

static void legacy_updates(void **state)
{
    (void)state;
    static const struct {
        const char *updates;
        enum ra_effect effect;
        const char *value;
    } legacy[] = {
        {"{\"g\":{\"Action\":\"PUT\",\"Value\":{\"S\":\"v\"}}}", SET, "{\"S\":\"v\"}"},
        {"{\"g\":{\"Value\":{\"S\":\"v\"}}}", SET, "{\"S\":\"v\"}"},
        {"{\"g\":{\"Action\":null,\"Value\":{\"S\":\"v\"}}}", SET, "{\"S\":\"v\"}"},
        {"{\"\\u0067\":{\"\\u0056alue\":{\"S\":\"v\"}}}", SET, "{\"S\":\"v\"}"},
        {"{\"g\":{\"Action\":\"DELETE\"}}", REMOVED, NULL},
        {"{\"g\":{\"Action\":\"DELETE\",\"Value\":null}}", REMOVED, NULL},
        {"{}", NONE, NULL},
        {"{\"h\":{\"Action\":\"DELETE\"}}", NONE, NULL},
        {"{\"g.x\":{\"Action\":\"DELETE\"},\"G\":{\"Value\":{\"S\":\"v\"}}}", NONE, NULL},
        {"{\"g\":{\"Action\":\"DELETE\",\"Value\":{\"SS\":[\"m\"]}}}", UNSURE, NULL},
        {"{\"g\":{\"Action\":\"ADD\",\"Value\":{\"N\":\"1\"}}}", UNSURE, NULL},
        {"{\"g\":{\"Action\":\"put\",\"Value\":{\"S\":\"v\"}}}", UNSURE, NULL},
        {"{\"g\":{\"Action\":\"PUT\"}}", UNSURE, NULL},
        {"{\"g\":{\"Action\":1,\"Value\":{\"S\":\"v\"}}}", UNSURE, NULL},
        {"{\"g\":{\"Action\":\"DELETE\",\"value\":{\"S\":\"v\"}}}", UNSURE, NULL},
        {"{\"g\":{\"Value\":{\"S\":\"v\"},\"Foo\":1}}", UNSURE, NULL},
        {"{\"g\":{}}", UNSURE, NULL},
        {"{\"g\":null}", UNSURE, NULL},
        {"{\"g\":[]}", UNSURE, NULL},
        {"[]", UNSURE, NULL},
        {"null", UNSURE, NULL},
    };
    for (size_t i = 0; i < sizeof legacy / sizeof *legacy; i++) {
        ra_json j;
        size_t at;
        uint32_t value;
        assert_int_equal(ra_json_parse(&j, ra_bytes_z(legacy[i].updates), NULL, &at), RA_JSON_OK);
        enum ra_effect effect = ra_attribute_updates_effect(&j, 0, RA_BYTES("g"), &value);
        if (effect != legacy[i].effect)
            fail_msg("'%s': %d", legacy[i].updates, (int)effect);
        if (effect == SET)
            assert_true(ra_bytes_eq_z(ra_json_raw(&j, value), legacy[i].value));
        ra_json_free(&j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions),
        cmocka_unit_test(nesting_is_capped),
        cmocka_unit_test(fuzz),
        cmocka_unit_test(legacy_updates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
