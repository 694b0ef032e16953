#include "op_fixture.h"

static const ra_bytes PREFIX = {"p:", 2}, ENDPOINT = {"http://ddb:8000", 15};

static void reads_keys_and_indexes(void **state)
{
    (void)state;
    ra_table *t = fixture_describe(CHAT_TABLE);
    assert_string_equal(t->name, "chat");
    assert_string_equal(t->partition_key, "pk");
    assert_string_equal(t->sort_key, "sk");
    assert_int_equal(t->partition_key_type, 'S');
    assert_int_equal(t->sort_key_type, 'S');
    assert_true(t->active);
    assert_int_equal(t->nindexes, 3);
    const ra_table_index *local = index_of(t, "by-h"), *global = index_of(t, "by-g");
    assert_false(local->global);
    assert_true(local->active && local->understood);
    assert_true(global->global && global->active && global->understood);
    assert_string_equal(global->partition_key, "g");
    assert_string_equal(global->sort_key, "h");
    assert_null(index_of(t, "by-sk")->sort_key);
    assert_null(ra_table_find_index(t, RA_BYTES("by-")));
    assert_true(ra_table_has_global_index(t));
    ra_table_unref(t);
    t = fixture_describe(PLAIN_TABLE("numbers", "N"));
    assert_int_equal(t->partition_key_type, 'N');
    assert_null(t->sort_key);
    assert_false(ra_table_has_global_index(t));
    ra_table_unref(t);
}

/* Replaces the first `from` in a description. */
static ra_table *changed(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    char *copy = malloc(strlen(text) + strlen(to) + 1);
    assert_non_null(copy);
    sprintf(copy, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    ra_table *t = ra_table_from_describe(ra_bytes_z(copy), PREFIX, ENDPOINT);
    free(copy);
    return t;
}

/* Where the description doesn't say it, an index's attribute has no type. */
static void index_key_types(void **state)
{
    (void)state;
    ra_table *t = changed(CHAT_TABLE, "{\"AttributeName\":\"h\",\"AttributeType\":\"S\"}",
                          "{\"AttributeName\":\"h\",\"AttributeType\":\"N\"}");
    assert_non_null(t);
    assert_int_equal(index_of(t, "by-h")->partition_key_type, 'S');
    assert_int_equal(index_of(t, "by-h")->sort_key_type, 'N');
    assert_int_equal(index_of(t, "by-g")->sort_key_type, 'N');
    assert_int_equal(index_of(t, "by-sk")->partition_key_type, 'S');
    assert_int_equal(index_of(t, "by-sk")->sort_key_type, 0);
    ra_table_unref(t);
    t = changed(CHAT_TABLE, "\"AttributeName\":\"g\",\"AttributeType\"", "\"AttributeName\":\"g\",\"Type\"");
    assert_non_null(t);
    assert_int_equal(index_of(t, "by-g")->partition_key_type, 0);
    ra_table_unref(t);
}

static void refuses_what_is_no_table(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "{\"Table\":5}",
        "{\"Table\":{}}",
        "{\"Table\":{\"TableName\":\"t\"}}",
        "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException\",\"Message\":\"no\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_null(ra_table_from_describe(ra_bytes_z(texts[i]), PREFIX, ENDPOINT));
    assert_null(ra_table_from_describe((ra_bytes){NULL, 0}, PREFIX, ENDPOINT));
    assert_null(changed(CHAT_TABLE, "\"TableName\":\"chat\"", "\"TableName\":\"\""));
    assert_null(changed(CHAT_TABLE, "\"IndexName\":\"by-g\"", "\"IndexName\":\"\""));
    assert_null(changed(CHAT_TABLE, "\"KeyType\":\"HASH\"", "\"KeyType\":\"RANGE\""));
    assert_null(changed(CHAT_TABLE, "\"KeyType\":\"RANGE\"", "\"KeyType\":\"HASH\""));
    assert_null(changed(CHAT_TABLE, "\"KeyType\":\"RANGE\"", "\"KeyType\":\"OTHER\""));
    assert_null(changed(CHAT_TABLE, "\"KeySchema\"", "\"KeySchemas\""));
    assert_null(changed(CHAT_TABLE, "\"TableArn\"", "\"TableAm\""));
    assert_null(changed(CHAT_TABLE, "\"CreationDateTime\"", "\"Created\""));
    assert_null(changed(CHAT_TABLE, "\"IndexName\"", "\"indexName\""));
}

static bool active_with(const char *status)
{
    ra_table *t = changed(CHAT_TABLE, "\"TableStatus\":\"ACTIVE\"", status);
    assert_non_null(t);
    bool active = t->active;
    ra_table_unref(t);
    return active;
}

static void status_says_whether_reads_are_cached(void **state)
{
    (void)state;
    assert_true(active_with("\"TableStatus\":\"UPDATING\""));
    assert_false(active_with("\"TableStatus\":\"CREATING\""));
    assert_false(active_with("\"TableStatus\":\"DELETING\""));
    assert_false(active_with("\"TableStatus\":\"ARCHIVED\""));
    assert_false(active_with("\"TableStatu\":\"ACTIVE\""));
    ra_table *t = changed(CHAT_TABLE, "\"IndexStatus\":\"ACTIVE\"", "\"IndexStatus\":\"CREATING\"");
    assert_false(index_of(t, "by-g")->active);
    assert_true(index_of(t, "by-sk")->active);
    ra_table_unref(t);
}

/* An index with several attributes in one role is known, and known not to be understood. */
static void index_of_another_shape(void **state)
{
    (void)state;
    ra_table *t = changed(CHAT_TABLE,
                          "{\"AttributeName\":\"h\",\"KeyType\":\"RANGE\"}],\"Projection\":{"
                          "\"ProjectionType\":\"ALL\"},\"IndexStatus\"",
                          "{\"AttributeName\":\"h\",\"KeyType\":\"HASH\"}],\"Projection\":{"
                          "\"ProjectionType\":\"ALL\"},\"IndexStatus\"");
    assert_non_null(t);
    assert_false(index_of(t, "by-g")->understood);
    assert_null(index_of(t, "by-g")->partition_key);
    assert_true(index_of(t, "by-sk")->understood);
    ra_table_unref(t);
}

static void keys_tell_tables_apart(void **state)
{
    (void)state;
    ra_table *t[7] = {
        fixture_describe(CHAT_TABLE),
        changed(CHAT_TABLE, "1795354584.767", "1795354584.768"),
        changed(CHAT_TABLE, ":table/chat\"", ":table/chat2\""),
        changed(CHAT_TABLE, "\"TableArn\"", "\"TableId\":\"17\",\"TableArn\""),
        changed(CHAT_TABLE, "\"TableArn\"", "\"TableId\":\"18\",\"TableArn\""),
        ra_table_from_describe(RA_BYTES(CHAT_TABLE), RA_BYTES("q:"), ENDPOINT),
        ra_table_from_describe(RA_BYTES(CHAT_TABLE), PREFIX, RA_BYTES("http://ddb:8001")),
    };
    for (size_t i = 0; i < 7; i++)
        for (size_t k = i + 1; k < 7; k++)
            assert_false(ra_key_eq(&t[i]->key, &t[k]->key));
    ra_table *again = fixture_describe(CHAT_TABLE);
    assert_true(ra_key_eq(&t[0]->key, &again->key));
    assert_true(ra_key_eq(&index_of(t[0], "by-g")->guard, &index_of(again, "by-g")->guard));
    ra_table_unref(again);
    for (size_t i = 0; i < 7; i++)
        ra_table_unref(t[i]);
}

static void units_never_meet(void **state)
{
    (void)state;
    ra_table *t = fixture_describe(CHAT_TABLE);
    ra_scalar s = scalar_s("a"), n = {RA_SCALAR_N, RA_BYTES("a")}, b = {RA_SCALAR_B, RA_BYTES("a")};
    ra_key k[12] = {
        [0] = t->key,
        [1] = index_of(t, "by-g")->guard,
        [2] = index_of(t, "by-sk")->guard,
        [3] = unit_partition(t, "a"),
        [4] = unit_item(t, "a", NULL),
        [5] = unit_item(t, "a", "b"),
        [6] = unit_item(t, "ab", ""),
        [7] = unit_index(t, "by-g", "a"),
        [8] = unit_index(t, "by-sk", "a"),
    };
    assert_true(ra_table_partition_unit(t, &n, &k[9]));
    assert_true(ra_table_partition_unit(t, &b, &k[10]));
    assert_true(ra_table_item_unit(t, &s, &n, &k[11]));
    for (size_t i = 0; i < 12; i++)
        for (size_t m = i + 1; m < 12; m++)
            assert_false(ra_key_eq(&k[i], &k[m]));
    ra_table_unref(t);
}

static void from_the_config(void **state)
{
    (void)state;
    char pk[] = "pk", sk[] = "sk", g[] = "g", name[] = "by-g", local[] = "by-l";
    ra_index_schema indexes[] = {{name, g, NULL, true}, {local, pk, g, false}};
    ra_table_schema schema = {pk, sk, indexes, 2};
    ra_table *t = ra_table_from_config("chat", &schema, PREFIX, ENDPOINT);
    ra_table *u = ra_table_from_config("chat2", &schema, PREFIX, ENDPOINT);
    ra_table *described = fixture_describe(CHAT_TABLE);
    assert_non_null(t);
    assert_true(t->active && t->partition_key_type == 0 && t->sort_key_type == 0);
    assert_string_equal(t->sort_key, "sk");
    assert_true(index_of(t, "by-g")->global && index_of(t, "by-g")->active &&
                index_of(t, "by-g")->understood);
    assert_false(index_of(t, "by-l")->global);
    assert_true(index_of(t, "by-l")->partition_key_type == 0 && index_of(t, "by-l")->sort_key_type == 0);
    assert_string_equal(index_of(t, "by-l")->sort_key, "g");
    assert_false(ra_key_eq(&t->key, &u->key));
    assert_false(ra_key_eq(&t->key, &described->key));
    assert_ptr_equal(ra_table_ref(t), t);
    ra_table_unref(t);
    ra_table_unref(t);
    ra_table_unref(u);
    ra_table_unref(described);
    ra_table_unref(NULL);
}

static void short_names(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"chat", "chat"},
        {"arn:aws:dynamodb:us-east-1:123456789012:table/chat", "chat"},
        {"arn:aws:dynamodb:us-east-1:123456789012:table/chat/index/by-g", "chat"},
        {"arn:aws-cn:dynamodb:cn-north-1:123456789012:table/chat", "chat"},
        {"arn:aws:dynamodb:us-east-1:123456789012:chat", "arn:aws:dynamodb:us-east-1:123456789012:chat"},
        {"a:table/chat", "a:table/chat"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(ra_bytes_eq_z(ra_table_short_name(ra_bytes_z(names[i][0])), names[i][1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_keys_and_indexes),
        cmocka_unit_test(index_key_types),
        cmocka_unit_test(refuses_what_is_no_table),
        cmocka_unit_test(status_says_whether_reads_are_cached),
        cmocka_unit_test(index_of_another_shape),
        cmocka_unit_test(keys_tell_tables_apart),
        cmocka_unit_test(units_never_meet),
        cmocka_unit_test(from_the_config),
        cmocka_unit_test(short_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
