#include "tests/unit/config/expect.h"

#define TABLE(json)  "{\"tables\":{\"abc\":{\n" json "}}}"
#define STRICT(json) "{\"consistency\":\"linearizable\",\"tables\":{\"abc\":{\n" json "}}}"

static void test_linearizable_needs_consistent_fills(void **state)
{
    (void)state;
    expect_error(STRICT("\"consistent_fill\":false"), "tables.abc.consistent_fill", 2,
                 "the table is linearizable");
    expect_error(TABLE("\"consistency\":\"linearizable\",\n\"consistent_fill\":false"),
                 "tables.abc.consistent_fill", 3, "the table is linearizable");
    expect_error(STRICT("\"patterns\":[{\"name\":\"a\",\n\"consistent_fill\":false}]"),
                 "tables.abc.patterns[0].consistent_fill", 3, "the table is linearizable");
    /* A pattern that takes it over from its table isn't told again. */
    expect_error(STRICT("\"consistent_fill\":false,\"patterns\":[{\"name\":\"a\"}]"),
                 "tables.abc.consistent_fill", 2, "the table is linearizable");
    ra_config_unref(parse_clean(STRICT("\"consistency\":\"eventual\",\"consistent_fill\":false")));
    ra_config_unref(parse_clean(TABLE("\"consistent_fill\":false")));
}

static void test_consistent_reads_need_linearizable(void **state)
{
    (void)state;
    expect_error(TABLE("\"serve_consistent_reads\":true"), "tables.abc.serve_consistent_reads", 2,
                 "isn't linearizable");
    expect_error(TABLE("\"patterns\":[{\"name\":\"a\",\"serve_consistent_reads\":true}]"),
                 "tables.abc.patterns[0].serve_consistent_reads", 2, "isn't linearizable");
    expect_error(STRICT("\"consistency\":\"eventual\",\"serve_consistent_reads\":true"),
                 "tables.abc.serve_consistent_reads", 2, "isn't linearizable");
    ra_config_unref(parse_clean(STRICT("\"serve_consistent_reads\":true")));
}

static void test_a_schema_is_one_tables(void **state)
{
    (void)state;
    expect_error("{\"tables\":{\"*\":{\n\"schema\":{\"partition_key\":\"pk\"}}}}", "tables[\"*\"].schema", 2,
                 "a schema is one table's");
    ra_config_unref(parse_clean(TABLE("\"schema\":{\"partition_key\":\"pk\"}")));
}

/* A misspelt mode is one problem, not also one with whatever depends on it. */
static void test_refused_values_are_not_held_against_others(void **state)
{
    (void)state;
    expect_error(TABLE("\"consistency\":\"linearisable\",\"serve_consistent_reads\":true"),
                 "tables.abc.consistency", 2, "did you mean \"linearizable\"");
    expect_error(
        "{\"consistency\":\"linearisable\",\n\"tables\":{\"abc\":{\"serve_consistent_reads\":true}}}",
        "consistency", 1, "did you mean \"linearizable\"");
    expect_error(TABLE("\"ttl\":5,\"negative_ttl\":\"2m\""), "tables.abc.ttl", 2, "without a unit");
    expect_error("{\"unknown_write_hold\":\"10s\",\"tables\":{\"abc\":{}},\n\"upstream\":{\"request_"
                 "timeout\":\"40s\"}}",
                 "upstream.request_timeout", 2, "out of bounds");
    expect_error(TABLE("\"patterns\":[{\"name\":\"a\",\"partition_key\":5},{\"name\":\"b\"}]"),
                 "tables.abc.patterns[0].partition_key", 2, "a number");
}

static void test_the_hold_outlives_a_request(void **state)
{
    (void)state;
    expect_error("{\"tables\":{\"abc\":{}},\n\"unknown_write_hold\":\"5s\"}", "unknown_write_hold", 2,
                 "accepted: more than upstream.request_timeout, which is 5s");
    ra_config *c = parse_clean("{\"tables\":{\"abc\":{}},\"unknown_write_hold\":\"5001ms\"}");
    assert_int_equal(c->unknown_write_hold, 5001);
    ra_config_unref(c);
    expect_warning(
        "{\"consistency\":\"linearizable\",\"tables\":{\"abc\":{}},\n\"unknown_write_hold\":\"16m\"}",
        "unknown_write_hold", 2, "shorter than 17m");
}

static void test_negatives_that_outlive_what_is_there(void **state)
{
    (void)state;
    expect_warning(TABLE("\"ttl\":\"1s\",\n\"negative_ttl\":\"2s\""), "tables.abc.negative_ttl", 3,
                   "for longer (2s) than what is there (1s)");
    expect_warning(TABLE("\"negative_ttl\":\"20s\",\"patterns\":[{\"name\":\"a\",\n\"ttl\":\"10s\"}]"),
                   "tables.abc.patterns[0].ttl", 3, "for longer (20s)");
    expect_warning(TABLE("\"ttl\":\"1s\",\"negative_ttl\":\"2s\",\"patterns\":[{\"name\":\"a\"}]"),
                   "tables.abc.negative_ttl", 2, "for longer");
}

/* Two patterns, the first on line 2 and the second on line 3; written with ' for " to stay readable. */
static void write_patterns(char text[256], const char *first, const char *second)
{
    snprintf(text, 256, "{'tables':{'abc':{'patterns':[\n{'name':'a'%s},\n{'name':'b'%s}]}}}", first, second);
    for (char *c = text; *c; c++)
        *c = (char)(*c == '\'' ? '"' : *c);
}

static void test_patterns_that_can_never_match(void **state)
{
    (void)state;
    static const char *const covered[][2] = {
        {",'partition_key':'A*'", ",'partition_key':'A*'"},
        {"", ",'partition_key':'A*'"},
        {"", ""},
        {",'partition_key':'**'", ",'index':'i-1'"},
        {",'index':'i-1'", ",'index':'i-1','partition_key':'A*'"},
        {",'partition_key':'A*'", ",'index':'i-1','partition_key':'A*'"},
    };
    static const char *const apart[][2] = {
        {",'partition_key':'A*'", ",'partition_key':'B*'"},
        {",'partition_key':'A*'", ""},
        {",'index':'i-1'", ",'index':'i-2'"},
        {",'index':'i-1'", ""},
        {",'index':'i-1','partition_key':'A*'", ",'partition_key':'A*'"},
    };
    char text[256];
    for (size_t i = 0; i < sizeof covered / sizeof *covered; i++) {
        write_patterns(text, covered[i][0], covered[i][1]);
        expect_warning(text, "tables.abc.patterns[1]", 3,
                       "never used: all that it matches is matched by an earlier pattern, \"a\"");
    }
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
        write_patterns(text, apart[i][0], apart[i][1]);
        ra_config_unref(parse_clean(text));
    }
}

static void test_patterns_names_and_indexes(void **state)
{
    (void)state;
    expect_error(TABLE("\"patterns\":[{\"name\":\"a\",\"partition_key\":\"A\"},\n{\"name\":\"a\"}]"),
                 "tables.abc.patterns[1].name", 3, "another pattern of this table has this name");
    ra_config_unref(parse_clean("{\"tables\":{\"abc\":{\"patterns\":[{\"name\":\"a\"}]},"
                                "\"*\":{\"patterns\":[{\"name\":\"a\"}]}}}"));
    expect_warning(
        TABLE("\"schema\":{\"partition_key\":\"pk\"},\"patterns\":[{\"name\":\"a\",\n\"index\":\"i-1\"}]"),
        "tables.abc.patterns[0].index", 3, "has no such index");
    ra_config_unref(parse_clean(
        TABLE("\"schema\":{\"partition_key\":\"pk\",\"global_secondary_indexes\":[{\"name\":\"i-1\","
              "\"partition_key\":\"x\"}]},\"patterns\":[{\"name\":\"a\",\"index\":\"i-1\"}]")));
}

static void test_an_endpoint_of_another_region(void **state)
{
    (void)state;
    expect_warning(
        "{\"tables\":{\"abc\":{}},\"upstream\":{\n\"endpoint\":\"https://dynamodb.eu-west-1.amazonaws.com\","
        "\"region\":\"us-east-1\"}}",
        "upstream.endpoint", 2, "of another region");
    ra_config_unref(parse_clean("{\"tables\":{\"abc\":{}},\"upstream\":{\"endpoint\":"
                                "\"https://dynamodb.eu-west-1.amazonaws.com\",\"region\":\"eu-west-1\"}}"));
}

static void test_a_file_that_caches_nothing(void **state)
{
    (void)state;
    expect_warning("{}", "tables", 1, "nothing is cached");
    expect_warning("\n{\n\"tables\":{}}", "tables", 3, "nothing is cached");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linearizable_needs_consistent_fills),
        cmocka_unit_test(test_consistent_reads_need_linearizable),
        cmocka_unit_test(test_a_schema_is_one_tables),
        cmocka_unit_test(test_refused_values_are_not_held_against_others),
        cmocka_unit_test(test_the_hold_outlives_a_request),
        cmocka_unit_test(test_negatives_that_outlive_what_is_there),
        cmocka_unit_test(test_patterns_that_can_never_match),
        cmocka_unit_test(test_patterns_names_and_indexes),
        cmocka_unit_test(test_an_endpoint_of_another_region),
        cmocka_unit_test(test_a_file_that_caches_nothing),
    };
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
