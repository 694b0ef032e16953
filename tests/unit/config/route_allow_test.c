#include "tests/unit/config/expect.h"

#define JWT     "\"jwt\":{\"issuer\":\"i\",\"jwks_uri\":\"https://i\",\"client_id\":\"c\"}"
#define BACKEND "\"backend\":{\"secret\":\"0123456789abcdef\",\"claims\":{\"sub\":\"X-User\"}}"
/* The route stands on line 2. */
#define ROUTE(auth, more)                                                                                    \
    "{\"tables\":{\"abc\":{},\"def\":{\"schema\":{\"partition_key\":\"p\"}}},\"auth\":{" auth "},"           \
    "\"routes\":[\n{\"name\":\"r\",\"method\":\"GET\",\"path\":\"/x/{id}\"," more                            \
    "\"query\":{\"table\":\"abc\",\"partition_key\":\"P#{claim.sub}\"}}]}"
#define OPEN_ROUTE(auth, more)                                                                               \
    "{\"tables\":{\"abc\":{}},\"auth\":{" auth "},"                                                          \
    "\"routes\":[\n{\"name\":\"r\",\"method\":\"GET\",\"path\":\"/x/{id}\"," more                            \
    "\"query\":{\"table\":\"abc\",\"partition_key\":\"all\"}}]}"
#define ALLOW(query, has) ROUTE(JWT, "\"allow_if\":{\"query\":{" query "},\"has\":{" has "}},")
#define QUERY             "\"table\":\"abc\",\"partition_key\":\"G#{claim.sub}\""
#define HAS               "\"group\":\"{path.id}\""

static void expect_callers(const char *text, unsigned callers)
{
    ra_config *c = parse_good(text);
    assert_int_equal(c->routes[0].callers, callers);
    ra_config_unref(c);
}

static void test_who_may_call_by_default(void **state)
{
    (void)state;
    expect_callers(OPEN_ROUTE("", ""), RA_CALLER_ANYONE);
    expect_callers(OPEN_ROUTE("\"sigv4\":\"none\"", ""), RA_CALLER_ANYONE);
    expect_callers(OPEN_ROUTE(JWT, ""), RA_CALLER_JWT);
    expect_callers(OPEN_ROUTE(BACKEND, ""), RA_CALLER_BACKEND);
    expect_callers(OPEN_ROUTE(JWT "," BACKEND, ""), RA_CALLER_JWT | RA_CALLER_BACKEND);
}

static void test_who_may_call(void **state)
{
    (void)state;
    expect_callers(OPEN_ROUTE("", "\"auth\":[\"anyone\"],"), RA_CALLER_ANYONE);
    expect_callers(OPEN_ROUTE(JWT "," BACKEND, "\"auth\":[\"backend\"],"), RA_CALLER_BACKEND);
    expect_callers(OPEN_ROUTE(JWT "," BACKEND, "\"auth\":[\"jwt\"],"), RA_CALLER_JWT);
    expect_callers(OPEN_ROUTE(JWT, "\"auth\":[\"anyone\",\"jwt\"],"), RA_CALLER_ANYONE | RA_CALLER_JWT);
    expect_error(OPEN_ROUTE("", "\"auth\":[\"jwt\"],"), "routes[0].auth", 2, "\"jwt\" isn't set up");
    expect_error(OPEN_ROUTE(JWT, "\"auth\":[\"jwt\",\"backend\"],"), "routes[0].auth", 2,
                 "\"backend\" isn't set up; accepted: with \"backend\": { \"secret\": ... }");
    expect_error(OPEN_ROUTE(JWT, "\"auth\":[],"), "routes[0].auth", 2, "there is none; accepted: an array");
    expect_error(OPEN_ROUTE(JWT, "\"auth\":\"jwt\","), "routes[0].auth", 2,
                 "accepted: an array of one or more of \"anyone\", \"jwt\", \"backend\"");
    expect_error(OPEN_ROUTE(JWT, "\"auth\":[\"jwt\",\"backnd\"],"), "routes[0].auth[1]", 2,
                 "did you mean \"backend\"?");
    expect_error(OPEN_ROUTE(JWT, "\"auth\":{},"), "routes[0].auth", 2, "an object; accepted: an array");
}

static void test_what_must_be_so(void **state)
{
    (void)state;
    ra_config *c = parse_clean(ALLOW(QUERY, HAS ",\"kind\":\"member\",\"id\":\"{query.x}\""));
    const ra_route *r = &c->routes[0];
    const ra_route_allow *allow = r->allow_if;
    assert_non_null(allow);
    assert_string_equal(allow->query->name, "r");
    assert_int_equal(allow->query->operation, RA_ROUTE_QUERY);
    assert_int_equal(allow->query->callers, 0);
    assert_ptr_equal(allow->query->inputs, r->inputs);
    assert_int_equal(allow->query->ninputs, r->ninputs);
    assert_string_equal(allow->query->query->table, "abc");
    assert_null(allow->query->query->index);
    assert_int_equal(allow->query->query->limit_from, -1);
    assert_int_equal(allow->query->query->before_from, -1);
    assert_int_equal(allow->query->query->after_from, -1);
    assert_int_equal(allow->nhas, 3);
    assert_string_equal(allow->has[0].name, "group");
    assert_string_equal(r->inputs[allow->has[0].value.parts[0].slot].place, "path.id");
    assert_string_equal(allow->has[1].value.parts[0].text, "member");
    /* An input that only it names is the route's, and required. */
    const ra_route_input *x = &r->inputs[allow->has[2].value.parts[0].slot];
    assert_string_equal(x->place, "query.x");
    assert_true(x->required);
    /* The path's parameter is bound for it too. */
    assert_true(r->segments[1].slot >= 0);
    ra_config_unref(c);
    c = parse_clean(ALLOW(QUERY ",\"index\":\"by-group\"", HAS));
    assert_string_equal(c->routes[0].allow_if->query->query->index, "by-group");
    ra_config_unref(c);
    c = parse_clean(ROUTE(JWT, ""));
    assert_null(c->routes[0].allow_if);
    ra_config_unref(c);
}

static void test_what_is_wrong_with_it(void **state)
{
    static const char key[] = "routes[0].allow_if.query.partition_key";
    (void)state;
    expect_error(ROUTE(JWT, "\"allow_if\":{\"query\":{" QUERY "}},"), "routes[0].allow_if.has", 2,
                 "it must be given");
    expect_error(ROUTE(JWT, "\"allow_if\":{\"has\":{" HAS "}},"), "routes[0].allow_if.query", 2,
                 "it must be given");
    expect_error(ALLOW(QUERY, ""), "routes[0].allow_if.has", 2, "there are too few");
    expect_error(ALLOW("\"table\":\"abc\"", HAS), key, 2, "it must be given");
    expect_error(ALLOW("\"table\":\"abc\",\"partition_key\":\"\"", HAS), key, 2, "it is empty");
    expect_error(ALLOW(QUERY, "\"group\":\"\""), "routes[0].allow_if.has.group", 2, "it is empty");
    expect_error(ALLOW(QUERY, HAS ",\"a\":7"), "routes[0].allow_if.has.a", 2, "not a string");
    expect_error(ALLOW(QUERY, HAS "," HAS), "routes[0].allow_if.has.group", 2, "given twice");
    expect_error(ALLOW("\"table\":\"other\",\"partition_key\":\"{claim.sub}\"", HAS),
                 "routes[0].allow_if.query.table", 2, "no entry of `tables`");
    expect_error(ALLOW("\"table\":\"def\",\"index\":\"nope\",\"partition_key\":\"{claim.sub}\"", HAS),
                 "routes[0].allow_if.query.index", 2, "no such index");
    expect_error(ALLOW(QUERY ",\"limit\":5", HAS), "routes[0].allow_if.query.limit", 2,
                 "there is no such option");
    expect_error(ALLOW("\"table\":\"abc\",\"partition_key\":\"{path.nope}\"", HAS), key, 2, "no parameter");
    /* Nothing that is there could be equal to what is being made up. */
    expect_error(ALLOW("\"table\":\"abc\",\"partition_key\":\"{uuid.x}\"", HAS), key, 2,
                 "isn't an input here");
    expect_error(ALLOW(QUERY, "\"group\":\"{now}\""), "routes[0].allow_if.has.group", 2,
                 "accepted: path.NAME, query.NAME, header.NAME, body.NAME, claim.NAME");
    expect_error(ALLOW(QUERY, "\"group\":\"{body.x}\""), "routes[0].allow_if.has.group", 2,
                 "a GET request's body isn't read");
}

/* Claims are of who calls, whatever he sends. */
static void test_claims_are_not_validated(void **state)
{
    (void)state;
    expect_error(ROUTE(JWT, "\"validate\":{\"claim.sub\":{}},"), "routes[0].validate[\"claim.sub\"]", 2,
                 "isn't an input here");
    expect_error(ROUTE(JWT, "\"when\":[\"claim.sub\"],"), "routes[0].when[0]", 2, "isn't an input here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_call_by_default),  cmocka_unit_test(test_who_may_call),
        cmocka_unit_test(test_what_must_be_so),          cmocka_unit_test(test_what_is_wrong_with_it),
        cmocka_unit_test(test_claims_are_not_validated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
