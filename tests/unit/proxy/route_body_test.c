/* The operations' bodies. */
#include "route_fixture.h"

#define QUERY(path, index, key, order)                                                                       \
    "{\"name\":\"" path "\",\"method\":\"GET\",\"path\":\"/" path "\",\"validate\":{\"query.k\":"            \
    "{\"required\":false}},\"query\":{\"table\":\"chat\"," index "\"partition_key\":\"" key                  \
    "\",\"order\":\"" order "\",\"limit\":20}}"

static const char routes[] =
    QUERY("newest", "", "MSG#{query.k}", "newest") "," QUERY("oldest", "", "{query.k}", "oldest") "," QUERY(
        "by-n", "\"index\":\"by-n\",", "{query.k}",
        "newest") "," QUERY("flat", "\"index\":\"flat\",", "{query.k}",
                            "newest") "," QUERY("odd", "\"index\":\"odd\",", "{query.k}",
                                                "newest") "," QUERY("gone", "\"index\":\"gone\",",
                                                                    "{query.k}",
                                                                    "newest") ","
                                                                              "{\"name\":\"put\",\"method\":"
                                                                              "\"POST\",\"path\":\"/"
                                                                              "put\",\"operation\":"
                                                                              "\"PutItem\",\"request\":"
                                                                              "{\"TableName\":\"chat\","
                                                                              "\"Item\":{\"pk\":{\"S\":\"MSG#"
                                                                              "{body.a}\"},\"n\":{\"N\":\"{"
                                                                              "body.n}\"},"
                                                                              "\"l\":{\"L\":[{\"S\":\"{{{"
                                                                              "body.a}}}\"},{\"BOOL\":true},{"
                                                                              "\"NULL\":true}]}}},\"reply\":{"
                                                                              "\"object\":{}}}";

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

/* Opens a GET and compares its body. */
static void assert_body(route_fixture *f, const char *target, const char *expected)
{
    route_get(f, target);
    assert_string_equal(route_body(f), expected);
}

#define BODY(index, condition, names, values, forward, limit)                                                \
    "{\"TableName\":\"chat\"," index "\"KeyConditionExpression\":\"" condition                               \
    "\",\"ExpressionAttributeNames\":{" names "},\"ExpressionAttributeValues\":{" values                     \
    "},\"ScanIndexForward\":" forward ",\"Limit\":" limit "}"

static void queries(void **state)
{
    assert_body(*state, "/newest?k=g",
                BODY("", "#p = :p", "\"#p\":\"pk\"", "\":p\":{\"S\":\"MSG#g\"}", "false", "20"));
    assert_body(*state, "/newest?k=g&limit=3&before=2024-06-11T20:05:43.816059%2B00:00",
                BODY("", "#p = :p AND #s < :s", "\"#p\":\"pk\",\"#s\":\"sk\"",
                     "\":p\":{\"S\":\"MSG#g\"},\":s\":{\"S\":\"2024-06-11T20:05:43.816059+00:00\"}", "false",
                     "3"));
    assert_body(*state, "/newest?k=g&after=b",
                BODY("", "#p = :p AND #s > :s", "\"#p\":\"pk\",\"#s\":\"sk\"",
                     "\":p\":{\"S\":\"MSG#g\"},\":s\":{\"S\":\"b\"}", "false", "20"));
    assert_body(*state, "/oldest?k=g&after=b",
                BODY("", "#p = :p AND #s > :s", "\"#p\":\"pk\",\"#s\":\"sk\"",
                     "\":p\":{\"S\":\"g\"},\":s\":{\"S\":\"b\"}", "true", "20"));
    assert_body(*state, "/newest?before=%20", /* blank is none */
                BODY("", "#p = :p", "\"#p\":\"pk\"", "\":p\":{\"S\":\"MSG#\"}", "false", "20"));
}

/* It can't become JSON, or part of an expression. */
static void values_stay_text(void **state)
{
    assert_body(
        *state, "/newest?k=%22%7D%2C%22Limit%22%3A9&before=x%22%20OR%20%23p%20%3D%20%3Ap%0A%5C",
        BODY("", "#p = :p AND #s < :s", "\"#p\":\"pk\",\"#s\":\"sk\"",
             "\":p\":{\"S\":\"MSG#\\\"},\\\"Limit\\\":9\"},\":s\":{\"S\":\"x\\\" OR #p = :p\\n\\\\\"}",
             "false", "20"));
}

static void indexes(void **state)
{
    assert_body(*state, "/by-n?k=-01.50e1&before=QUI%3D",
                BODY("\"IndexName\":\"by-n\",", "#p = :p AND #s < :s", "\"#p\":\"n\",\"#s\":\"b\"",
                     "\":p\":{\"N\":\"-15\"},\":s\":{\"B\":\"QUI=\"}", "false", "20"));
    assert_body(
        *state, "/flat?k=x",
        BODY("\"IndexName\":\"flat\",", "#p = :p", "\"#p\":\"pk\"", "\":p\":{\"S\":\"x\"}", "false", "20"));
}

static void assert_key_refused(route_fixture *f, const char *target)
{
    route_get(f, target);
    route_body_refused(f, 400, "malformed_input");
}

static void keys_of_another_type(void **state)
{
    assert_key_refused(*state, "/oldest?k=");
    assert_key_refused(*state, "/oldest");
    static const char *const numbers[] = {
        "x", "%20", "1%20", "0x10", "NaN", "1e126", "--1", "1,5", "111111111111111111111111111111111111111"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char target[96];
        snprintf(target, sizeof target, "/by-n?k=%s", numbers[i]);
        assert_key_refused(*state, target);
    }
    static const char *const blobs[] = {"Q", "QQ", "QUI", "QR==", "Q Q=", "QQ==QQ==", "_-8=", "%c3%a9%c3%a9"};
    for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++) {
        char target[96];
        snprintf(target, sizeof target, "/by-n?k=1&after=%s", blobs[i]);
        assert_key_refused(*state, target);
    }
}

static void the_config_does_not_fit_the_table(void **state)
{
    route_fixture *f = *state;
    route_get(f, "/gone?k=x");
    route_body_refused(f, 500, "no_such_index");
    route_get(f, "/odd?k=x");
    route_body_refused(f, 500, "no_such_index");
    route_get(f, "/flat?k=x&before=y");
    route_body_refused(f, 500, "no_sort_key");
}

/* A table whose schema the config gives: the types aren't known, and S is what most keys are. */
static void types_that_are_not_known(void **state)
{
    route_fixture *f = *state;
    char pk[] = "p", sk[] = "s";
    ra_table_schema schema = {.partition_key = pk, .sort_key = sk};
    ra_table_unref(f->table);
    f->table = ra_table_from_config("chat", &schema, RA_BYTES("p:"), RA_BYTES("http://ddb:8000"));
    assert_non_null(f->table);
    assert_body(f, "/oldest?k=1&after=2",
                BODY("", "#p = :p AND #s > :s", "\"#p\":\"p\",\"#s\":\"s\"",
                     "\":p\":{\"S\":\"1\"},\":s\":{\"S\":\"2\"}", "true", "20"));
    ra_table_unref(f->table);
    f->table = route_table(ROUTE_TABLE("B", "N"));
    assert_body(f, "/oldest?k=QUI%3D&after=100",
                BODY("", "#p = :p AND #s > :s", "\"#p\":\"pk\",\"#s\":\"sk\"",
                     "\":p\":{\"B\":\"QUI=\"},\":s\":{\"N\":\"100\"}", "true", "20"));
    ra_table_unref(f->table);
    f->table = route_table(ROUTE_TABLE("S", "S"));
}

static void documents(void **state)
{
    route_fixture *f = *state;
    assert_int_equal(route_post(f, "/put", "{\"a\":\"x\\\"\\u0001\\ud83d\\udc4b\",\"n\":1.50}"),
                     RA_ROUTE_OPEN);
    assert_string_equal(
        route_body(f),
        "{\"TableName\":\"chat\",\"Item\":{\"pk\":{\"S\":\"MSG#x\\\"\\u0001👋\"},\"n\":{\"N\":\"1.50\"},"
        "\"l\":{\"L\":[{\"S\":\"{x\\\"\\u0001👋}\"},{\"BOOL\":true},{\"NULL\":true}]}}}");
}

/* Of what is made, whichever is longer: a template may use a value often. */
static void lengths(void **state)
{
    route_fixture *f = *state;
    assert_int_equal(route_post(f, "/put", "{\"a\":\"12345\",\"n\":7}"), RA_ROUTE_OPEN);
    uint64_t before = ra_route_length(&f->call);
    assert_int_equal(strlen(route_body(f)), before + 3 * 2); /* the quotes of three templates */
    assert_int_equal(route_post(f, "/put", "{\"a\":\"1234567890\",\"n\":7}"), RA_ROUTE_OPEN);
    assert_int_equal(ra_route_length(&f->call), before + 2 * 5);
    route_get(f, "/newest?k=1234");
    assert_int_equal(ra_route_length(&f->call), strlen("MSG#1234"));
    route_get(f, "/oldest?k=1234");
    assert_int_equal(ra_route_length(&f->call), 4);
}

static void an_answer_may_be_the_longer_one(void **state)
{
    (void)state;
    route_fixture *f = route_fixture_new(
        "{\"name\":\"a\",\"method\":\"PUT\",\"path\":\"/a/{x}\",\"operation\":\"DeleteItem\","
        "\"request\":{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"x\"}}},\"reply\":{"
        "\"object\":{\"m\":\"{path.x}{path.x}\",\"n\":\"-{path.x}\"}}}");
    char target[1003] = "/a/";
    memset(target + 3, 'x', 999);
    assert_int_equal(route_open(f, RA_METHOD_PUT, target, NULL), RA_ROUTE_OPEN);
    assert_int_equal(ra_route_length(&f->call), 3 * 999 + 1);
    route_fixture_free(f);
}

static void no_memory(void **state)
{
    route_fixture *f = *state;
    static const char *const targets[] = {"/newest?k=g&before=b", "/by-n?k=1&before=QUI%3D"};
    for (size_t i = 0; i < 2; i++) {
        route_get(f, targets[i]);
        size_t whole = strlen(route_body(f));
        for (size_t cap = 0; cap < whole; cap++) {
            ra_buf out;
            ra_buf_init(&out, cap);
            assert_false(ra_route_body(&f->call, f->table, &f->arena, &out, &f->refusal));
            assert_refusal(f, 503, "unavailable");
            ra_buf_free(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries),
        cmocka_unit_test(values_stay_text),
        cmocka_unit_test(indexes),
        cmocka_unit_test(keys_of_another_type),
        cmocka_unit_test(the_config_does_not_fit_the_table),
        cmocka_unit_test(types_that_are_not_known),
        cmocka_unit_test(documents),
        cmocka_unit_test(lengths),
        cmocka_unit_test(an_answer_may_be_the_longer_one),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
