#include "tests/unit/config/expect.h"

static void test_unknown_names(void **state)
{
    (void)state;
    expect_error(
        "{\"tables\":{\"*\":{}},\n\"listen\":{\n\"thread\":2}}", "listen.thread", 3,
        "there is no such option (did you mean \"threads\"?); accepted: address, tls, hosts, threads, ");
    expect_error("{\"tables\":{\"*\":{\n\"TTL\":\"5s\"}}}", "tables[\"*\"].TTL", 2, "did you mean \"ttl\"?");
    expect_error("{\"tables\":{\"*\":{}},\n\"ttl\":\"5s\"}", "ttl", 2, "did you mean tables.NAME.ttl?");
    expect_error("{\"tables\":{\"*\":{\n\"unknown_write_hold\":\"60s\"}}}",
                 "tables[\"*\"].unknown_write_hold", 2,
                 "did you mean \"unknown_write_hold\" at the top level?");
    expect_error("{\"tables\":{\"*\":{}},\n\"\":1}", "[\"\"]", 2,
                 "there is no such option; accepted: listen, ");
}

/* Options of other versions are no options: nothing is accepted and then ignored. */
static void test_options_that_are_not_there(void **state)
{
    (void)state;
    static const char *const names[] = {"logs", "batching", "metrics"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"tables\":{\"*\":{}},\"%s\":{}}", names[i]);
        expect_error(text, names[i], 1, "there is no such option");
    }
    expect_error("{\"tables\":{\"*\":{}},\"cache\":{\"memcached\":{}}}", "cache.memcached", 1,
                 "there is no such option");
    expect_error("{\"tables\":{\"*\":{\"lambda\":\"follow\"}}}", "tables[\"*\"].lambda", 1,
                 "there is no such option");
    expect_error("{\"tables\":{\"*\":{\"patterns\":[{\"name\":\"a\",\"settle\":\"5s\"}]}}}",
                 "tables[\"*\"].patterns[0].settle", 1, "did you mean tables.NAME.settle?");
}

static void test_names_given_twice(void **state)
{
    (void)state;
    expect_error("{\"tables\":{\"*\":{}},\n\"listen\":{\"threads\":1,\n\"threads\":1}}", "listen.threads", 3,
                 "given twice (first on line 2)");
    expect_error("{\"tables\":{\"*\":{}},\n\n\"tables\":{\"*\":{}}}", "tables", 3,
                 "given twice (first on line 1)");
    expect_error("{\"tables\":{\"abc\":{},\n\"abd\":{},\n\"abc\":{}}}", "tables.abc", 3,
                 "given twice (first on line 1)");
    /* Escapes don't hide it, and case tells names apart. */
    expect_error("{\"tables\":{\"abc\":{},\n\"\\u0061bc\":{}}}", "tables.abc", 2, "given twice");
    ra_config_unref(parse_clean("{\"tables\":{\"abc\":{},\"ABC\":{}}}"));
}

static void test_names_that_must_be_given(void **state)
{
    (void)state;
    expect_error("{\"tables\":{\"*\":{\"patterns\":[\n{\"ttl\":\"5s\"}]}}}", "tables[\"*\"].patterns[0].name",
                 2, "it must be given; accepted: a string of 1 to 64 letters");
    expect_error("{\"tables\":{\"abc\":{\n\"schema\":{\"sort_key\":\"sk\"}}}}",
                 "tables.abc.schema.partition_key", 2, "it must be given");
}

static void test_values_of_another_type(void **state)
{
    (void)state;
    expect_error("[]", "", 1, "not an object");
    expect_error("\n\"x\"", "", 2, "not an object");
    expect_error("{\"tables\":{\"*\":{}},\"listen\":[]}", "listen", 1, "another type; accepted: an object");
    expect_error("{\"tables\":[]}", "tables", 1, "another type; accepted: an object");
    expect_error("{\"tables\":{\"abc\":5}}", "tables.abc", 1, "not an object");
    expect_error("{\"tables\":{\"abc\":{\"patterns\":{}}}}", "tables.abc.patterns", 1,
                 "accepted: an array of 0 to 256");
    expect_error("{\"tables\":{\"abc\":{\"patterns\":[7]}}}", "tables.abc.patterns[0]", 1, "not an object");
    expect_error("{\"tables\":{\"abc\":{\"schema\":null}}}", "tables.abc.schema", 1, "another type");
}

static void test_too_many(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    fputs("{\"tables\":{\"abc\":{\"patterns\":[", out);
    for (int i = 0; i < 257; i++)
        fprintf(out, "%s{\"name\":\"p%d\"}", i ? "," : "", i);
    fputs("]}}}", out);
    fclose(out);
    expect_error(text, "tables.abc.patterns", 1,
                 "there are too many; accepted: an array of 0 to 256 objects");
    free(text);
}

/* One run finds everything, in the file's order. */
static void test_all_problems_at_once(void **state)
{
    (void)state;
    static const int lines[] = {1, 2, 2, 3, 4, 5, 6};
    ra_problems p;
    assert_null(parse("{ \"tabels\": {},\n"
                      "  \"listen\": { \"threads\": 0, \"max_body\": \"1TB\" },\n"
                      "  \"cache\": { \"store\": \"redis\" },\n"
                      "  \"consistency\": \"strong\",\n"
                      "  \"tables\": { \"abc\": { \"ttl\": 5,\n"
                      "    \"patterns\": [ {} ] } } }",
                      &p));
    assert_int_equal(p.n, 7);
    assert_int_equal(p.errors, 7);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(p.v[i].line, lines[i]);
    ra_problems_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_names),          cmocka_unit_test(test_options_that_are_not_there),
        cmocka_unit_test(test_names_given_twice),      cmocka_unit_test(test_names_that_must_be_given),
        cmocka_unit_test(test_values_of_another_type), cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_all_problems_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
