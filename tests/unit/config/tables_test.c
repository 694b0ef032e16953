#include "tests/unit/config/expect.h"

static const ra_table_config *table(const ra_config *c, const char *name)
{
    const ra_table_config *t = ra_config_table(c, name, strlen(name));
    assert_non_null(t);
    return t;
}

static void test_a_tables_defaults(void **state)
{
    (void)state;
    ra_config *c = parse_clean("{\"tables\":{\"abc\":{}}}");
    const ra_table_config *t = table(c, "abc");
    assert_string_equal(t->name, "abc");
    assert_string_equal(t->policy.name, "abc");
    assert_int_equal(t->consistency, RA_READ_AFTER_WRITE);
    assert_int_equal(t->settle, 5000);
    assert_int_equal(t->policy.ttl, 60000);
    assert_int_equal(t->policy.ttl_jitter, 100000);
    assert_int_equal(t->policy.negative_ttl, 5000);
    assert_int_equal(t->policy.stale_while_revalidate, 0);
    assert_int_equal(t->policy.stale_if_error, 0);
    assert_true(t->policy.consistent_fill);
    assert_false(t->policy.serve_consistent_reads);
    assert_int_equal(t->npatterns, 0);
    assert_null(t->schema);
    ra_config_unref(c);
}

/* The order of members doesn't count, also where one is the default of another. */
static void test_a_pattern_takes_over_what_it_leaves_out(void **state)
{
    (void)state;
    ra_config *c = parse_clean(
        "{\"tables\":{\"abc\":{\"patterns\":[{\"name\":\"a\",\"partition_key\":\"A#*\",\"ttl\":\"5m\"},"
        "{\"stale_if_error\":\"1s\",\"consistent_fill\":true,\"negative_ttl\":\"1s\",\"index\":\"by-x\","
        "\"name\":\"b\"}],"
        "\"ttl\":\"30s\",\"stale_if_error\":\"2m\",\"ttl_jitter\":\"0%\",\"consistent_fill\":false}},"
        "\"consistency\":\"eventual\"}");
    const ra_table_config *t = table(c, "abc");
    assert_int_equal(t->consistency, RA_EVENTUAL);
    assert_int_equal(t->npatterns, 2);
    const ra_pattern *a = &t->patterns[0], *b = &t->patterns[1];
    assert_string_equal(a->policy.name, "a");
    assert_string_equal(a->partition_key, "A#*");
    assert_null(a->index);
    assert_int_equal(a->policy.ttl, 300000);
    assert_int_equal(a->policy.negative_ttl, 5000);
    assert_int_equal(a->policy.stale_if_error, 120000);
    assert_int_equal(a->policy.ttl_jitter, 0);
    assert_false(a->policy.consistent_fill);
    assert_string_equal(b->policy.name, "b");
    assert_string_equal(b->index, "by-x");
    assert_null(b->partition_key);
    assert_int_equal(b->policy.ttl, 30000);
    assert_int_equal(b->policy.negative_ttl, 1000);
    assert_int_equal(b->policy.stale_if_error, 1000);
    assert_true(b->policy.consistent_fill);
    ra_config_unref(c);
}

/* Nobody who says "ttl": "1s" expects that a missing item stays missing for five. */
static void test_the_default_negative_ttl_is_cut_to_the_ttl(void **state)
{
    (void)state;
    ra_config *c =
        parse_clean("{\"tables\":{\"abc\":{\"ttl\":\"2s\",\"patterns\":[{\"name\":\"long\",\"index\":\"abc\","
                    "\"ttl\":\"1m\"},{\"name\":\"off\",\"ttl\":\"0\"}]}}}");
    const ra_table_config *t = table(c, "abc");
    assert_int_equal(t->policy.negative_ttl, 2000);
    assert_int_equal(t->patterns[0].policy.negative_ttl, 5000);
    assert_int_equal(t->patterns[1].policy.negative_ttl, 0);
    ra_config_unref(c);
}

static void test_table_names(void **state)
{
    (void)state;
    ra_config_unref(parse_clean("{\"tables\":{\"a.B-9_\":{},\"*\":{}}}"));
    expect_error("{\"tables\":{\"ab\":{}}}", "tables.ab", 1,
                 "not a table's name; accepted: 3 to 255 letters");
    expect_error("{\"tables\":{\"\":{}}}", "tables[\"\"]", 1, "not a table's name");
    expect_error("{\"tables\":{\"ab*\":{}}}", "tables[\"ab*\"]", 1, "not a table's name");
    expect_error("{\"tables\":{\"\\u00e9\\u00e9\\u00e9\":{}}}", "tables[\"\xc3\xa9\xc3\xa9\xc3\xa9\"]", 1,
                 "not a table's name");
    expect_error("{\"tables\":{\"arn:aws:dynamodb:eu-west-1:1:table/x\":{}}}",
                 "tables[\"arn:aws:dynamodb:eu-west-1:1:table/x\"]", 1,
                 "an ARN; accepted: the table's short name");
    char text[300];
    snprintf(text, sizeof text, "{\"tables\":{\"%0256d\":{}}}", 0);
    ra_problems p;
    assert_null(parse(text, &p));
    assert_int_equal(p.errors, 1);
    ra_problems_free(&p);
}

static void test_a_schema(void **state)
{
    (void)state;
    ra_config *c = parse_clean(
        "{\"tables\":{\"abc\":{\"schema\":{"
        "\"local_secondary_indexes\":[{\"name\":\"by-date\",\"partition_key\":\"pk\",\"sort_key\":\"date\"}],"
        "\"global_secondary_indexes\":[{\"name\":\"by-group\",\"partition_key\":\"group\"},"
        "{\"name\":\"by-user\",\"partition_key\":\"user\",\"sort_key\":\"sk\"}],"
        "\"partition_key\":\"pk\",\"sort_key\":\"sk\"}},\"def\":{\"schema\":{\"partition_key\":\"id\"}}}}");
    const ra_table_schema *s = table(c, "abc")->schema;
    assert_string_equal(s->partition_key, "pk");
    assert_string_equal(s->sort_key, "sk");
    assert_int_equal(s->nindexes, 3);
    assert_string_equal(s->indexes[0].name, "by-group");
    assert_string_equal(s->indexes[0].partition_key, "group");
    assert_null(s->indexes[0].sort_key);
    assert_true(s->indexes[0].global);
    assert_string_equal(s->indexes[1].sort_key, "sk");
    assert_string_equal(s->indexes[2].name, "by-date");
    assert_string_equal(s->indexes[2].sort_key, "date");
    assert_false(s->indexes[2].global);
    s = table(c, "def")->schema;
    assert_null(s->sort_key);
    assert_int_equal(s->nindexes, 0);
    ra_config_unref(c);
}

#define SCHEMA(json) "{\"tables\":{\"abc\":{\"schema\":{\"partition_key\":\"pk\"," json "}}}}"

static void test_wrong_schemas(void **state)
{
    (void)state;
    expect_error(SCHEMA("\"global_secondary_indexes\":[{\"name\":\"i-1\",\"partition_key\":\"a\"},\n"
                        "{\"name\":\"i-1\",\"partition_key\":\"b\"}]"),
                 "tables.abc.schema.global_secondary_indexes[1].name", 2, "another index has this name");
    expect_error(SCHEMA("\"global_secondary_indexes\":[{\"name\":\"i-1\",\"partition_key\":\"a\"}],"
                        "\"local_secondary_indexes\":[\n"
                        "{\"name\":\"i-1\",\"partition_key\":\"pk\",\"sort_key\":\"x\"}]"),
                 "tables.abc.schema.local_secondary_indexes[0].name", 2, "another index has this name");
    expect_error(SCHEMA("\"local_secondary_indexes\":[{\"name\":\"i-1\",\"partition_key\":\"pk\"}]"),
                 "tables.abc.schema.local_secondary_indexes[0]", 1, "has a sort key");
    expect_error(
        SCHEMA("\"local_secondary_indexes\":[{\"name\":\"i-1\",\"partition_key\":\"x\",\"sort_key\":\"y\"}]"),
        "tables.abc.schema.local_secondary_indexes[0]", 1, "has the table's partition key");
    expect_error(SCHEMA("\"local_secondary_indexes\":[3]"), "tables.abc.schema.local_secondary_indexes[0]", 1,
                 "not an object");
    expect_error(SCHEMA("\"global_secondary_indexes\":[{\"name\":\"i\",\"partition_key\":\"x\"}]"),
                 "tables.abc.schema.global_secondary_indexes[0].name", 1, "is too short");
    expect_error(SCHEMA("\"sort_key\":\"\""), "tables.abc.schema.sort_key", 1, "is too short");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tables_defaults),
        cmocka_unit_test(test_a_pattern_takes_over_what_it_leaves_out),
        cmocka_unit_test(test_the_default_negative_ttl_is_cut_to_the_ttl),
        cmocka_unit_test(test_table_names),
        cmocka_unit_test(test_a_schema),
        cmocka_unit_test(test_wrong_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
