#include "tests/unit/config/expect.h"

/* The rules begin on line 2; "abc" has no schema, "def" has. */
#define RULES(json)                                                                                          \
    "{\"tables\":{\"abc\":{},\"def\":{\"schema\":{\"partition_key\":\"pk\",\"sort_key\":\"sk\","             \
    "\"global_secondary_indexes\":[{\"name\":\"i-1\",\"partition_key\":\"g\"}]}},"                           \
    "\"ghi\":{\"schema\":{\"partition_key\":\"pk\"}}},\"stream_rules\":[\n" json "]}"
#define RULE(more) "{\"name\":\"r\",\"table\":\"abc\"," more "}"
#define ROWS       "\"rows\":{\"partition_key\":\"G#{new.g}\"}"
#define SET        "\"set\":{\"sk\":\"{new.sk}\"}"

static const char *slot_name(const ra_stream_rule *r, const ra_template *t, size_t part)
{
    assert_true(part < t->n);
    assert_in_range(t->parts[part].slot, 0, r->ninputs - 1);
    return r->inputs[t->parts[part].slot];
}

static void test_no_rules(void **state)
{
    (void)state;
    ra_config *c = parse_clean("{\"tables\":{\"abc\":{}}}");
    assert_int_equal(c->nstream_rules, 0);
    ra_config_unref(c);
}

static void test_a_whole_rule(void **state)
{
    (void)state;
    ra_config *c = parse_clean(
        RULES("{\"name\":\"newest\",\"table\":\"def\",\"on\":[\"INSERT\",\"MODIFY\"],"
              "\"partition_key\":\"MSG#*\",\"rows\":{\"index\":\"i-1\",\"partition_key\":\"{star}\","
              "\"row_partition_key\":\"GRP#*\"},\"set\":{\"sk\":\"{new.sk}\",\"m\":\"{new.a.b}/{star}/"
              "{new.sk}{{}}\"}}"));
    const ra_stream_rule *r = c->stream_rules;
    assert_int_equal(c->nstream_rules, 1);
    assert_string_equal(r->name, "newest");
    assert_string_equal(r->table, "def");
    assert_int_equal(r->events, 3);
    assert_string_equal(r->partition_key, "MSG#*");
    assert_string_equal(r->rows_index, "i-1");
    assert_string_equal(r->row_partition_key, "GRP#*");
    assert_int_equal(r->ninputs, 3);
    assert_null(slot_name(r, &r->rows_partition_key, 0));
    assert_int_equal(r->nset, 2);
    assert_string_equal(r->set[0].name, "sk");
    assert_string_equal(slot_name(r, &r->set[0].value, 0), "sk");
    const ra_template *m = &r->set[1].value;
    assert_string_equal(r->set[1].name, "m");
    assert_int_equal(m->n, 6);
    assert_string_equal(slot_name(r, m, 0), "a.b");
    assert_null(slot_name(r, m, 2));
    assert_string_equal(slot_name(r, m, 4), "sk");
    assert_memory_equal(m->parts[5].text, "{}", 2);
    ra_config_unref(c);
}

static void test_what_may_be_left_out(void **state)
{
    (void)state;
    ra_config *c = parse_clean(RULES(RULE(ROWS "," SET)));
    const ra_stream_rule *r = c->stream_rules;
    assert_int_equal(r->events, 1);
    assert_null(r->partition_key);
    assert_null(r->rows_index);
    assert_null(r->row_partition_key);
    assert_int_equal(r->ninputs, 2);
    assert_int_equal(r->rows_partition_key.n, 2);
    ra_config_unref(c);
    c = parse_clean("{\"tables\":{\"*\":{}},\"stream_rules\":[" RULE(ROWS "," SET) "]}");
    ra_config_unref(c);
}

static void test_what_must_be_given(void **state)
{
    (void)state;
    expect_error(RULES("{\"table\":\"abc\"," ROWS "," SET "}"), "stream_rules[0].name", 2, "must be given");
    expect_error(RULES("{\"name\":\"r\"," ROWS "," SET "}"), "stream_rules[0].table", 2, "must be given");
    expect_error(RULES(RULE(SET)), "stream_rules[0].rows", 2, "must be given");
    expect_error(RULES(RULE(ROWS)), "stream_rules[0].set", 2, "must be given");
    expect_error(RULES(RULE("\"rows\":{}," SET)), "stream_rules[0].rows.partition_key", 2, "must be given");
    expect_error(RULES(RULE("\"rows\":{\"partition_key\":\"\"}," SET)), "stream_rules[0].rows.partition_key",
                 2, "it is empty");
    expect_error(RULES(RULE(ROWS ",\"set\":{}")), "stream_rules[0].set", 2, "there are too few");
    expect_error(RULES("7"), "stream_rules[0]", 2, "not an object");
}

static void test_events(void **state)
{
    (void)state;
    expect_error(RULES(RULE("\"on\":[]," ROWS "," SET)), "stream_rules[0].on", 2, "there is none");
    expect_error(RULES(RULE("\"on\":[\"INSERT\",\n\"REMOVE\"]," ROWS "," SET)), "stream_rules[0].on", 2,
                 "there is no new image; accepted: \"INSERT\" and \"MODIFY\"");
    expect_error(RULES(RULE("\"on\":[\"INSRT\"]," ROWS "," SET)), "stream_rules[0].on[0]", 2,
                 "did you mean \"INSERT\"?");
    ra_config *c = parse_clean(RULES(RULE("\"on\":[\"MODIFY\"]," ROWS "," SET)));
    assert_int_equal(c->stream_rules[0].events, 2);
    ra_config_unref(c);
}

static void test_names(void **state)
{
    (void)state;
    expect_error(RULES(RULE(ROWS "," SET) ",\n" RULE(ROWS "," SET)), "stream_rules[1].name", 3,
                 "another rule has this name");
    expect_error(RULES("{\"name\":\"r\",\"table\":\"xyz\"," ROWS "," SET "}"), "stream_rules[0].table", 2,
                 "no entry of `tables`");
    expect_error("{\"tables\":7,\"stream_rules\":[" RULE(ROWS "," SET) "]}", "tables", 1, "another type");
    expect_error(RULES(RULE(ROWS ",\"sets\":{}," SET)), "stream_rules[0].sets", 2, "did you mean \"set\"?");
}

#define PLACEHOLDER(text) RULES(RULE("\"rows\":{\"partition_key\":\"" text "\"}," SET))

static void test_placeholders(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {PLACEHOLDER("{message}"), "(did you mean {new.message}?); accepted: {new.ATTRIBUTE}"},
        {PLACEHOLDER("{nwe.message}"), "(did you mean {new.message}?)"},
        {PLACEHOLDER("{old.message}"), "(did you mean {new.message}?)"},
        {PLACEHOLDER("{stra}"), "(did you mean {star}?)"},
        {PLACEHOLDER("{path.group}"), "there is no such placeholder; accepted: {new.ATTRIBUTE}"},
        {PLACEHOLDER("{}"), "there is no such placeholder; accepted"},
        {PLACEHOLDER("{new.}"), "there is no such placeholder; accepted"},
        {PLACEHOLDER("{new.a"), "isn't closed"},
        {PLACEHOLDER("a}"), "closes nothing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_error(cases[i].text, "stream_rules[0].rows.partition_key", 2, cases[i].words);
    expect_error(RULES(RULE(ROWS ",\"set\":{\"sk\":\"{sk}\"}")), "stream_rules[0].set.sk", 2,
                 "(did you mean {new.sk}?)");
}

static void test_the_star(void **state)
{
    static const char *const unfit[] = {"", "\"partition_key\":\"a\",", "\"partition_key\":\"a*b*\",",
                                        "\"partition_key\":\"?*\",", "\"partition_key\":\"*?\","};
    char text[1024];
    (void)state;
    for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++) {
        snprintf(text, sizeof text, RULES(RULE("%s\"rows\":{\"partition_key\":\"{star}\"}," SET)), unfit[i]);
        expect_error(text, "stream_rules[0].rows.partition_key", 2, "with one '*' and no '?'");
    }
    /* A glob that was refused isn't held against it. */
    expect_error(RULES(RULE("\"partition_key\":7,\"rows\":{\"partition_key\":\"{star}\"}," SET)),
                 "stream_rules[0].partition_key", 2, "a number");
}

/* As many attributes as a template has slots, and one more. */
static void test_too_many_attributes(void **state)
{
    char text[4096];
    (void)state;
    for (int most = RA_TEMPLATE_SLOTS_MAX; most <= RA_TEMPLATE_SLOTS_MAX + 1; most++) {
        size_t n = (size_t)snprintf(text, sizeof text, "%s",
                                    "{\"tables\":{\"abc\":{}},\"stream_rules\":[{\"name\":\"r\",\"table\":"
                                    "\"abc\",\"set\":{\"sk\":\"{new.0}\"},\"rows\":{\"partition_key\":\"");
        for (int i = 0; i < most; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "{new.%d}", i);
        snprintf(text + n, sizeof text - n, "\"}}]}");
        if (most <= RA_TEMPLATE_SLOTS_MAX)
            ra_config_unref(parse_clean(text));
        else
            expect_error(text, "stream_rules[0].rows.partition_key", 1, "too many attributes");
    }
}

#define OF(table, rows, set)                                                                                 \
    "{\"name\":\"r\",\"table\":\"" table "\",\"rows\":{" rows "},\n\"set\":{" set "}}"
#define KEY "\"partition_key\":\"x\""

/* Where the config says the table's keys and indexes itself. */
static void test_schemas(void **state)
{
    (void)state;
    ra_config_unref(parse_clean(RULES(OF("def", "\"index\":\"i-1\"," KEY, "\"sk\":\"{new.sk}\""))));
    ra_config_unref(parse_clean(RULES(OF("abc", "\"index\":\"any\"," KEY, "\"a\":\"1\""))));
    expect_error(RULES(OF("def", "\"index\":\"i-2\"," KEY, "\"sk\":\"1\"")), "stream_rules[0].rows.index", 2,
                 "has no such index");
    expect_error(RULES(OF("def", KEY, "\"m\":\"1\"")), "stream_rules[0].set", 3,
                 "the table's sort key isn't among them; accepted: \"sk\"");
    expect_error(RULES(OF("def", KEY, "\"sk\":\"1\",\"pk\":\"1\"")), "stream_rules[0].set.pk", 3,
                 "in which a row stays");
    expect_error(RULES(OF("ghi", KEY, "\"sk\":\"1\"")), "stream_rules[0].set", 3, "no sort key");
}

static void test_attributes_that_are_set(void **state)
{
    char text[1024], name[257];
    (void)state;
    expect_error(RULES(RULE(ROWS ",\"set\":{\"\":\"1\"}")), "stream_rules[0].set[\"\"]", 2, "1 to 255 bytes");
    expect_error(RULES(RULE(ROWS ",\"set\":{\"sk\":7}")), "stream_rules[0].set.sk", 2, "string");
    expect_error(RULES(RULE(ROWS ",\"set\":{\"sk\":\"1\",\n\"sk\":\"2\"}")), "stream_rules[0].set.sk", 3,
                 "given twice");
    memset(name, 'a', 256);
    name[256] = '\0';
    snprintf(text, sizeof text,
             "{\"tables\":{\"abc\":{}},\"stream_rules\":[" RULE(ROWS ",\"set\":{\"%s\":\"1\"}") "]}", name);
    ra_problems p;
    assert_null(parse(text, &p));
    assert_int_equal(p.errors, 1);
    assert_non_null(strstr(p.v[0].message, "1 to 255 bytes"));
    ra_problems_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_rules),
        cmocka_unit_test(test_a_whole_rule),
        cmocka_unit_test(test_what_may_be_left_out),
        cmocka_unit_test(test_what_must_be_given),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_placeholders),
        cmocka_unit_test(test_the_star),
        cmocka_unit_test(test_too_many_attributes),
        cmocka_unit_test(test_schemas),
        cmocka_unit_test(test_attributes_that_are_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
