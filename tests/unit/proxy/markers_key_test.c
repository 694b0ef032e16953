/* The units must be those that the proxy's own plans of reads and writes name. */
#include "op_fixture.h"

#include "proxy/markers_key.h"

typedef struct asked {
    ra_arena arena;
    ra_markers_unit v[RA_MARKERS_UNITS];
    size_t n;
    char why[RA_MARKERS_KEY_WHY_MAX];
} asked;

static asked ask(const ra_table *t, const char *pk, const char *sk, const char *index)
{
    asked a = {.n = 0};
    const ra_markers_key k = {"the table", pk, sk, index};
    ra_arena_init(&a.arena, 1 << 20);
    a.n = ra_markers_units(t, &k, &a.arena, a.v, a.why);
    ra_arena_free(&a.arena);
    return a;
}

static const ra_markers_unit *of_kind(const asked *a, const char *kind)
{
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->v[i].kind, kind) == 0)
            return &a->v[i];
    }
    fail_msg("there is no %s; %s", kind, a->why);
    return NULL;
}

static void same_unit(const asked *a, const char *kind, const ra_key *unit)
{
    assert_true(ra_key_eq(&of_kind(a, kind)->unit, unit));
}

static void one_that_is_marked(const ra_op *op, const asked *a, const char *kind)
{
    const ra_key *unit = &of_kind(a, kind)->unit;
    bool found = false;
    for (size_t i = 0; i < op->nmarks; i++)
        found = found || ra_key_eq(&op->marks[i].unit, unit);
    assert_true(found);
}

static void as_reads_name_them(void **state)
{
    (void)state;
    fixture *f = fixture_new();
    const ra_op *op = fixture_plan(
        f, "GetItem", "{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"}}}");
    asked a = ask(f->tables[0], "a", "b", NULL);
    assert_int_equal(a.n, 3);
    assert_int_equal(op->nparts, 1);
    same_unit(&a, "item", &op->parts[0].look.unit);
    same_unit(&a, "table", &op->parts[0].look.guard[0]);
    op = fixture_plan(f, "Query",
                      "{\"TableName\":\"chat\",\"KeyConditionExpression\":\"pk = :p\","
                      "\"ExpressionAttributeValues\":{\":p\":{\"S\":\"a\"}}}");
    assert_int_equal(op->nparts, 1);
    same_unit(&a, "partition", &op->parts[0].look.unit);
    a = ask(f->tables[0], "a", NULL, "by-h"); /* a local index */
    assert_int_equal(a.n, 2);
    same_unit(&a, "partition", &op->parts[0].look.unit);
    op = fixture_plan(f, "Query",
                      "{\"TableName\":\"chat\",\"IndexName\":\"by-g\",\"KeyConditionExpression\":\"g = :p\","
                      "\"ExpressionAttributeValues\":{\":p\":{\"S\":\"a\"}}}");
    assert_int_equal(op->nparts, 1);
    a = ask(f->tables[0], "a", NULL, "by-g");
    assert_int_equal(a.n, 3);
    same_unit(&a, "index partition", &op->parts[0].look.unit);
    same_unit(&a, "table", &op->parts[0].look.guard[0]);
    same_unit(&a, "index", &op->parts[0].look.guard[1]);
    fixture_free(f);
}

static void as_writes_name_them(void **state)
{
    (void)state;
    fixture *f = fixture_new();
    const ra_op *op =
        fixture_plan(f, "PutItem",
                     "{\"TableName\":\"chat\",\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"},"
                     "\"g\":{\"S\":\"c\"},\"h\":{\"S\":\"d\"}}}");
    asked item = ask(f->tables[0], "a", "b", NULL), index = ask(f->tables[0], "c", NULL, "by-g");
    one_that_is_marked(op, &item, "item");
    one_that_is_marked(op, &item, "partition");
    one_that_is_marked(op, &index, "index partition");
    op = fixture_plan(f, "DeleteItem", "{\"TableName\":\"numbers\",\"Key\":{\"id\":{\"N\":\"1.50e2\"}}}");
    item = ask(f->tables[2], "{\"N\":\"+150\"}", NULL, NULL);
    assert_int_equal(item.n, 3);
    one_that_is_marked(op, &item, "item");
    one_that_is_marked(op, &item, "partition");
    op = fixture_plan(f, "DeleteItem", "{\"TableName\":\"blobs\",\"Key\":{\"id\":{\"B\":\"AAE=\"}}}");
    item = ask(f->tables[3], "{\"B\":\"AAE=\"}", NULL, NULL);
    one_that_is_marked(op, &item, "item");
    fixture_free(f);
}

static void without_a_sort_key_there_is_no_item(void **state)
{
    (void)state;
    fixture *f = fixture_new();
    asked whole = ask(f->tables[0], "a", "b", NULL), a = ask(f->tables[0], "a", NULL, NULL);
    assert_int_equal(a.n, 2);
    same_unit(&a, "partition", &of_kind(&whole, "partition")->unit);
    same_unit(&a, "table", &f->tables[0]->key);
    fixture_free(f);
}

static void values(void **state)
{
    (void)state;
    ra_arena a;
    ra_scalar s;
    ra_arena_init(&a, 1 << 16);
    static const struct {
        const char *text;
        char type;
        const char *bytes;
    } good[] = {{"room", 'S', "room"},
                {" {", 'S', " {"},
                {"[1]", 'S', "[1]"},
                {"\"quoted\"", 'S', "\"quoted\""},
                {"15", 'S', "15"},
                {"{\"S\":\"{\\u0061\"}", 'S', "{a"},
                {"{ \"N\" : \"0150.0\" }", 'N', "15e1"},
                {"{\"B\":\"aGk=\"}", 'B', "hi"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_null(ra_markers_value(good[i].text, &a, &s));
        assert_int_equal(s.type, good[i].type);
        assert_true(ra_bytes_eq_z(s.bytes, good[i].bytes));
    }
    static const char *const bad[] = {"",
                                      "\xff",
                                      "caf\xc3",
                                      "{",
                                      "{}",
                                      "{\"N\":1}",
                                      "{\"N\":\"one\"}",
                                      "{\"N\":\"1\"} ,",
                                      "{\"N\":\"1\",\"S\":\"1\"}",
                                      "{\"S\":\"\"}",
                                      "{\"B\":\"\"}",
                                      "{\"B\":\"AA\"}",
                                      "{\"BOOL\":true}",
                                      "{\"M\":{}}",
                                      "{\"S\":\"\xff\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(ra_markers_value(bad[i], &a, &s));
    ra_arena_free(&a);
}

static void refused(const asked *a, const char *words)
{
    assert_int_equal(a->n, 0);
    if (!strstr(a->why, words))
        fail_msg("'%s' doesn't say '%s'", a->why, words);
}

static void keys_that_the_table_has_not(void **state)
{
    (void)state;
    fixture *f = fixture_new();
    asked a = ask(f->tables[0], "{\"N\":\"1\"}", "b", NULL);
    refused(&a,
            "--partition-key: 'pk' is a string, and the value is a number; give it as '{\"S\":\"text\"}'");
    a = ask(f->tables[0], "a", "{\"B\":\"AA==\"}", NULL);
    refused(&a, "--sort-key: 'sk' is a string, and the value is a binary");
    a = ask(f->tables[2], "1", NULL, NULL);
    refused(&a, "'id' is a number, and the value is a string; give it as '{\"N\":\"1\"}'");
    a = ask(f->tables[3], "1", NULL, NULL);
    refused(&a, "'id' is a binary");
    a = ask(f->tables[1], "1", "2", NULL);
    refused(&a, "'users' has no sort key");
    a = ask(f->tables[0], "", "2", NULL);
    refused(&a, "--partition-key: the value is empty");
    a = ask(f->tables[0], "a", NULL, "by-");
    refused(&a, "'chat' has no index 'by-'");
    a = ask(f->tables[0], "a", "b", "by-g");
    refused(&a, "of a whole partition");
    a = ask(f->tables[0], "{\"N\":\"1\"}", NULL, "by-g");
    refused(&a, "'g' is a string");
    fixture_free(f);
}

/* The configuration's schema names no types: any value may be a key. */
static void a_schema_without_types(void **state)
{
    (void)state;
    ra_table_schema schema = {.partition_key = (char[]){"pk"}};
    ra_table *t = ra_table_from_config("chat", &schema, RA_BYTES("p:"), RA_BYTES("http://ddb:8000"));
    assert_non_null(t);
    asked text = ask(t, "1", NULL, NULL), number = ask(t, "{\"N\":\"1\"}", NULL, NULL);
    assert_int_equal(text.n, 3);
    assert_int_equal(number.n, 3);
    assert_false(ra_key_eq(&of_kind(&text, "item")->unit, &of_kind(&number, "item")->unit));
    ra_table_unref(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_reads_name_them),
        cmocka_unit_test(as_writes_name_them),
        cmocka_unit_test(without_a_sort_key_there_is_no_item),
        cmocka_unit_test(values),
        cmocka_unit_test(keys_that_the_table_has_not),
        cmocka_unit_test(a_schema_without_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
