/* Which route takes a request, and what operation that is. */
#include "route_fixture.h"

#define POST(name, when, key)                                                                                \
    "{\"name\":\"" name "\",\"method\":\"POST\",\"path\":\"/m\"," when                                       \
    "\"operation\":\"PutItem\",\"request\":{\"TableName\":\"chat\",\"Item\":{\"pk\":{\"S\":\"" key           \
    "\"}}},\"reply\":{\"object\":{}}}"
#define WRITE(name, method, operation, request)                                                              \
    "{\"name\":\"" name "\",\"method\":\"" method "\",\"path\":\"/" name "\",\"operation\":\"" operation     \
    "\",\"request\":" request ",\"reply\":{\"object\":{}}}"

static const char routes[] = POST("group", "\"when\":[\"body.group\"],", "{body.group}{body.text}") "," POST(
    "asked", "\"when\":[\"query.a\",\"header.B\"],",
    "x{query.a}{header.b}") ","
                            "{\"name\":\"free\",\"method\":\"POST\",\"path\":\"/"
                            "free\",\"when\":[\"query.a\"],\"operation\":\"DeleteItem\","
                            "\"request\":{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"{query.a}\"}}},"
                            "\"reply\":{\"object\":{}}},"
                            "{\"name\":\"list\",\"method\":\"GET\",\"path\":\"/"
                            "m\",\"query\":{\"table\":\"chat\",\"partition_key\":\"x\"}},"
                            "{\"name\":\"get\",\"method\":\"GET\",\"path\":\"/get/"
                            "{id}\",\"operation\":\"GetItem\",\"request\":"
                            "{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"{path.id}\"},\"sk\":{\"S\":\"-"
                            "\"}}}}," WRITE(
                                "update", "PATCH", "UpdateItem",
                                "{\"TableName\":\"chat\",\"Key\":{\"pk\":"
                                "{\"S\":\"x\"}},"
                                "\"UpdateExpression\":\"SET a = "
                                ":a\",\"ExpressionAttributeValues\":{\":"
                                "a\":{\"N\":\"1\"}}}") "," WRITE("delete", "DELETE",
                                                                 "DeleteI"
                                                                 "tem",
                                                                 "{\"Tabl"
                                                                 "eName\""
                                                                 ":\"chat"
                                                                 "\","
                                                                 "\"Key\""
                                                                 ":{"
                                                                 "\"pk\":"
                                                                 "{\"S\":"
                                                                 "\"x\"}}"
                                                                 "}") "," WRITE("together", "PUT",
                                                                                "TransactWriteItems",
                                                                                "{\"TransactItems\":[{"
                                                                                "\"Put\":{\"TableName\":"
                                                                                "\"chat\","
                                                                                "\"Item\":{\"pk\":{\"S\":"
                                                                                "\"x\"}}}}]}");

static int setup(void **state)
{
    *state = route_fixture_new(routes);
    return 0;
}

static int teardown(void **state)
{
    route_fixture_free(*state);
    return 0;
}

static void assert_post(route_fixture *f, const char *target, const char *body, const char *name)
{
    assert_int_equal(route_post(f, target, body), RA_ROUTE_OPEN);
    assert_string_equal(f->call.route->name, name);
}

static void assert_post_refused(route_fixture *f, const char *target, const char *body, int status,
                                const char *code)
{
    assert_int_equal(route_post(f, target, body), RA_ROUTE_REFUSED);
    assert_refusal(f, status, code);
}

static void the_first_with_all_that_it_wants(void **state)
{
    route_fixture *f = *state;
    assert_post(f, "/m", "{\"group\":\"g\",\"text\":\"t\"}", "group");
    route_headers(f, "b", "x", NULL);
    assert_post(f, "/m?a=1", "{\"group\":\"g\",\"text\":\"t\"}", "group");
    route_headers(f, "b", "x", NULL);
    assert_post(f, "/m?a=1", "{\"text\":\"t\"}", "asked");
    route_headers(f, "b", "x", NULL);
    assert_post(f, "/m?a=1", "{\"group\":\" \\u2003\"}", "asked");
    route_headers(f, "b", "x", NULL);
    assert_post(f, "/m?a=1", "{\"group\":null}", "asked");
}

static void none_has_what_it_wants(void **state)
{
    route_fixture *f = *state;
    assert_post_refused(f, "/m", "{}", 404, "not_found");
    assert_post_refused(f, "/m?a=1", "{}", 404, "not_found");
    route_headers(f, "B", " ", NULL);
    assert_post_refused(f, "/m?a=1", "{}", 404, "not_found");
    route_headers(f, "B", "1", NULL);
    assert_post_refused(f, "/m?a=", "{}", 404, "not_found");
}

/* What can't be read may be there or not: it isn't for the next route to say. */
static void a_wanted_input_that_is_malformed(void **state)
{
    route_fixture *f = *state;
    assert_post_refused(f, "/m", "{\"group\":[]}", 400, "malformed_input");
    assert_string_equal(f->refusal.message, "body.group: it must be a string or a number, without U+0000");
    assert_post_refused(f, "/m?a=1&a=1", "{}", 400, "repeated_input");
    assert_post_refused(f, "/m?a=%zz", "{}", 400, "malformed_input");
    /* but what only another route takes is no matter */
    assert_post(f, "/m?a=1&a=%zz", "{\"group\":\"g\",\"text\":\"t\"}", "group");
    assert_post_refused(f, "/m", "{\"group\":\"g\",\"text\":[]}", 400, "malformed_input");
}

static void bodies_are_read_where_a_route_wants_one(void **state)
{
    route_fixture *f = *state;
    assert_post_refused(f, "/m", "{", 400, "malformed_json");
    route_headers(f, NULL);
    route_refused(f, RA_METHOD_POST, "/m", "{}", 415, "unsupported_media_type");
    assert_int_equal(route_post(f, "/free?a=1", "not JSON"), RA_ROUTE_OPEN);
    assert_int_equal(route_open(f, RA_METHOD_GET, "/m", "not JSON"), RA_ROUTE_OPEN);
    /* who asks for another method isn't told about the body */
    route_refused(f, RA_METHOD_PUT, "/m", "{", 405, "method_not_allowed");
    assert_string_equal(f->refusal.allow, "GET, HEAD, POST, OPTIONS");
}

/* A form, or a script without asking, can POST any of these from a page of any site. */
static void a_post_is_json_also_where_its_body_is_not_read(void **state)
{
    route_fixture *f = *state;
    static const char *const types[] = {NULL, "text/plain", "text/plain;application/json",
                                        "application/x-www-form-urlencoded", "multipart/form-data"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i])
            route_headers(f, "Content-Type", types[i], NULL);
        route_refused(f, RA_METHOD_POST, "/free?a=1", "", 415, "unsupported_media_type");
    }
    assert_int_equal(route_post(f, "/free?a=1", ""), RA_ROUTE_OPEN);
    assert_int_equal(route_open(f, RA_METHOD_PATCH, "/update", ""), RA_ROUTE_OPEN); /* no page may, unasked */
}

static void operations(void **state)
{
    route_fixture *f = *state;
    static const struct {
        const char *target, *operation;
        int method;
        bool needs_table;
    } cases[] = {
        {"/m", "DynamoDB_20120810.Query", RA_METHOD_GET, true},
        {"/get/a", "DynamoDB_20120810.GetItem", RA_METHOD_GET, false},
        {"/free?a=1", "DynamoDB_20120810.DeleteItem", RA_METHOD_POST, false},
        {"/update", "DynamoDB_20120810.UpdateItem", RA_METHOD_PATCH, false},
        {"/delete", "DynamoDB_20120810.DeleteItem", RA_METHOD_DELETE, false},
        {"/together", "DynamoDB_20120810.TransactWriteItems", RA_METHOD_PUT, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        route_headers(f, "Content-Type", "application/json", NULL);
        assert_int_equal(route_open(f, cases[i].method, cases[i].target, "{}"), RA_ROUTE_OPEN);
        assert_string_equal(ra_route_target(f->call.route), cases[i].operation);
        assert_true(ra_route_needs_table(&f->call) == cases[i].needs_table);
    }
    assert_post(f, "/m", "{\"group\":\"g\",\"text\":\"t\"}", "group");
    assert_string_equal(ra_route_target(f->call.route), "DynamoDB_20120810.PutItem");
}

static void what_the_call_keeps(void **state)
{
    route_fixture *f = *state;
    route_get(f, "/get/a%20b?x=%41");
    assert_true(ra_bytes_eq_z(f->call.path, "/get/a%20b"));
    assert_true(ra_bytes_eq_z(f->call.query, "x=%41"));
    assert_false(f->call.head);
    assert_int_equal(route_open(f, RA_METHOD_HEAD, "/get/a", NULL), RA_ROUTE_OPEN);
    assert_true(f->call.head);
}

static void no_routes(void **state)
{
    (void)state;
    route_fixture *f = route_fixture_new("");
    assert_int_equal(route_open(f, RA_METHOD_GET, "/", NULL), RA_ROUTE_NONE);
    assert_int_equal(route_open(f, RA_METHOD_GET, "/%zz", NULL), RA_ROUTE_NONE);
    route_fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_with_all_that_it_wants),
        cmocka_unit_test(none_has_what_it_wants),
        cmocka_unit_test(a_wanted_input_that_is_malformed),
        cmocka_unit_test(bodies_are_read_where_a_route_wants_one),
        cmocka_unit_test(a_post_is_json_also_where_its_body_is_not_read),
        cmocka_unit_test(operations),
        cmocka_unit_test(what_the_call_keeps),
        cmocka_unit_test(no_routes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
