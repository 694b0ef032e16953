#include "tests/unit/config/expect.h"
#include "tests/unit/config/route_texts.h"

/* What is tested stands on line 3. */
#define FROM(query) ROUTES(READ("/x/{id}", "\"query\":{\n" query "}"))
#define KEY         "\"table\":\"abc\",\"partition_key\":\"P#{path.id}\""
#define AT          "routes[0].query"

static void test_defaults(void **state)
{
    (void)state;
    ra_config *c = parse_clean(FROM(KEY));
    const ra_route *r = &c->routes[0];
    const ra_route_query *q = r->query;
    assert_non_null(q);
    assert_int_equal(r->operation, RA_ROUTE_QUERY);
    assert_int_equal(r->request.n, 0);
    assert_string_equal(q->table, "abc");
    assert_null(q->index);
    assert_int_equal(q->partition_key.n, 2);
    assert_int_equal(q->order, RA_ORDER_NEWEST);
    assert_int_equal(q->limit, 20);
    assert_int_equal(q->max_limit, 100);
    assert_string_equal(r->inputs[q->limit_from].place, "query.limit");
    assert_string_equal(r->inputs[q->before_from].place, "query.before");
    assert_string_equal(r->inputs[q->after_from].place, "query.after");
    for (size_t i = 0; i < r->ninputs; i++)
        assert_int_equal(r->inputs[i].required, r->inputs[i].source == RA_INPUT_PATH);
    ra_config_unref(c);
}

static void test_what_a_query_says(void **state)
{
    (void)state;
    ra_config *c = parse_clean(
        FROM(KEY ",\"index\":\"by-date\",\"order\":\"oldest\",\"limit\":5,\"max_limit\":5,"
                 "\"limit_from\":\"query.n\",\"before_from\":\"\",\"after_from\":\"query.since\""));
    const ra_route *r = &c->routes[0];
    assert_string_equal(r->query->index, "by-date");
    assert_int_equal(r->query->order, RA_ORDER_OLDEST);
    assert_int_equal(r->query->limit, 5);
    assert_int_equal(r->query->max_limit, 5);
    assert_string_equal(r->inputs[r->query->limit_from].place, "query.n");
    assert_int_equal(r->query->before_from, -1);
    assert_string_equal(r->inputs[r->query->after_from].place, "query.since");
    assert_int_equal(r->ninputs, 3);
    ra_config_unref(c);
}

/* An input that pages and does something else too is as required as any other. */
static void test_paging_inputs_that_serve_something_else(void **state)
{
    (void)state;
    ra_config *c = parse_clean(FROM("\"table\":\"abc\",\"partition_key\":\"{path.id}{query.before}\""));
    assert_true(c->routes[0].inputs[c->routes[0].query->before_from].required);
    ra_config_unref(c);
    c = parse_clean(
        ROUTES(READ("/x", "\"validate\":{\"query.limit\":{\"required\":true,\"max_chars\":3}}," QUERY("k"))));
    const ra_route_input *limit = &c->routes[0].inputs[c->routes[0].query->limit_from];
    assert_true(limit->required);
    assert_int_equal(limit->max_chars, 3);
    ra_config_unref(c);
}

static void test_paging_inputs_that_are_refused(void **state)
{
    (void)state;
    expect_error(FROM(KEY ",\"limit_from\":\"header.X-Limit\""), AT ".limit_from", 3,
                 "accepted: query.NAME, or \"\" for none");
    expect_error(FROM(KEY ",\"before_from\":\"befor\""), AT ".before_from", 3, "isn't an input here");
    expect_error(FROM(KEY ",\"after_from\":\"query.before\""), AT ".after_from", 3,
                 "the same parameter as before_from");
    expect_error(FROM(KEY ",\"limit_from\":null"), AT ".limit_from", 3, "null");
}

static void test_limits(void **state)
{
    (void)state;
    expect_error(FROM(KEY ",\"limit\":10,\"max_limit\":9"), AT ".max_limit", 3,
                 "less than `limit`; accepted: at least that, which is 10");
    expect_error(FROM(KEY ",\"max_limit\":19"), AT ".max_limit", 3, "which is 20 by default");
    expect_error(FROM(KEY ",\"limit\":101"), AT ".limit", 3, "more than `max_limit`");
    expect_error(FROM(KEY ",\"limit\":0"), AT ".limit", 3, "from 1 to 1000");
    expect_error(FROM(KEY ",\"limit\":1001,\"max_limit\":2"), AT ".limit", 3, "from 1 to 1000");
    expect_error(FROM(KEY ",\"max_limit\":1001,\"limit\":500"), AT ".max_limit", 3, "from 1 to 1000");
    ra_config_unref(parse_clean(FROM(KEY ",\"limit\":1000,\"max_limit\":1000")));
}

static void test_what_is_missing_or_wrong(void **state)
{
    (void)state;
    expect_error(FROM("\"table\":\"abc\""), AT ".partition_key", 2,
                 "must be given; accepted: a string with placeholders");
    expect_error(FROM("\"partition_key\":\"x\""), AT ".table", 2, "must be given");
    expect_error(FROM("\"table\":\"abc\",\"partition_key\":\"\""), AT ".partition_key", 3, "it is empty");
    expect_error(FROM("\"table\":\"abc\",\"partition_key\":7"), AT ".partition_key", 3,
                 "another type; accepted: a string with placeholders");
    expect_error(FROM("\"table\":\"abc\",\"partition_key\":\"a}\""), AT ".partition_key", 3,
                 "closes nothing");
    expect_error(FROM(KEY ",\"ordre\":\"newest\""), AT ".ordre", 3, "did you mean \"order\"?");
    expect_error(ROUTES(READ("/x", "\n\"query\":[]")), AT, 3, "another type");
}

static void test_tables(void **state)
{
    (void)state;
    expect_error(FROM("\"table\":\"abd\",\"partition_key\":\"x\""), AT ".table", 3,
                 "no entry of `tables` is this table's; accepted: ");
    /* One that isn't cached may be read; so may any where "*" is. */
    ra_config_unref(parse_clean(FROM("\"table\":\"def\",\"partition_key\":\"x\"")));
    ra_config_unref(parse_clean("{\"tables\":{\"*\":{}},\"routes\":[" READ("/x", QUERY("k")) "]}"));
    expect_error("{\"tables\":3,\"routes\":[" READ("/x", QUERY("k")) "]}", "tables", 1, "another type");
    ra_problems p;
    assert_null(parse("{\"routes\":[" READ("/x", QUERY("k")) "]}", &p));
    assert_int_equal(p.errors, 1);
    assert_non_null(problem_at(&p, AT ".table"));
    ra_problems_free(&p);
}

#define INDEXED(index)                                                                                       \
    "{\"tables\":{\"abc\":{\"schema\":{\"partition_key\":\"pk\",\"global_secondary_indexes\":[{\"name\":"    \
    "\"by-user\",\"partition_key\":\"user\",\"sort_key\":\"sk\"}]}}},\"routes\":[\n" READ(                   \
        "/x", "\"query\":{\"table\":\"abc\",\"partition_key\":\"x\",\"index\":\"" index "\"}") "]}"

static void test_an_index_that_the_config_knows(void **state)
{
    (void)state;
    ra_config_unref(parse_clean(INDEXED("by-user")));
    expect_error(INDEXED("by-date"), AT ".index", 2, "has no such index");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_what_a_query_says),
        cmocka_unit_test(test_paging_inputs_that_serve_something_else),
        cmocka_unit_test(test_paging_inputs_that_are_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_what_is_missing_or_wrong),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_an_index_that_the_config_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
