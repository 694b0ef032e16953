/* DynamoDB's replies as routes show them. */
#include "route_fixture.h"

#define LIST(name, path, key, order, reply)                                                                  \
    "{\"name\":\"" name "\",\"method\":\"GET\",\"path\":\"" path "\",\"query\":{\"table\":\"chat\","         \
    "\"partition_key\":\"" key "\",\"order\":\"" order "\"}" reply "}"
#define FIELDS                                                                                               \
    "\"each\":{\"uuid\":\"id\",\"text\":\"m\\\"é\",\"n\":\"n\",\"again\":\"id\",\"\\\"\\\\\":\"sk\"}"

static const char routes[] =
    LIST("turned", "/turned", "x", "newest", ",\"reply\":{\"order\":\"oldest\"," FIELDS "}") "," LIST(
        "kept", "/kept", "x", "newest",
        ",\"reply\":{\"order\":\"newest\"," FIELDS
        "}") "," LIST("oldest", "/oldest", "x", "oldest",
                      ",\"reply\":{\"status\":203}") ","
                                                     "{\"name\":\"raw\",\"method\":\"GET\",\"path\":\"/"
                                                     "raw\",\"operation\":\"Query\",\"request\":{"
                                                     "\"TableName\":\"chat\","
                                                     "\"KeyConditionExpression\":\"pk = "
                                                     ":p\",\"ExpressionAttributeValues\":{\":p\":{\"S\":"
                                                     "\"x\"}},"
                                                     "\"ScanIndexForward\":false},\"reply\":{\"each\":{"
                                                     "\"id\":\"id\"}}},"
                                                     "{\"name\":\"item\",\"method\":\"GET\",\"path\":\"/"
                                                     "item\",\"operation\":\"GetItem\",\"request\":{"
                                                     "\"TableName\":"
                                                     "\"chat\",\"Key\":{\"pk\":{\"S\":\"x\"},\"sk\":{\"S\":"
                                                     "\"y\"}}},\"reply\":{\"item\":{\"id\":\"id\",\"no\":"
                                                     "\"no\"}}},"
                                                     "{\"name\":\"whole\",\"method\":\"GET\",\"path\":\"/"
                                                     "whole\",\"operation\":\"GetItem\",\"request\":{"
                                                     "\"TableName\":"
                                                     "\"chat\",\"Key\":{\"pk\":{\"S\":\"x\"},\"sk\":{\"S\":"
                                                     "\"y\"}}}},"
                                                     "{\"name\":\"put\",\"method\":\"POST\",\"path\":\"/"
                                                     "put\",\"validate\":{\"body.b\":{\"required\":false}},"
                                                     "\"operation\":\"PutItem\",\"request\":{\"TableName\":"
                                                     "\"chat\",\"Item\":{\"pk\":{\"S\":\"{body.a}\"}}},"
                                                     "\"reply\":{\"status\":201,\"object\":{\"a\\\"\":\"<{"
                                                     "body.a}>\",\"b\":\"{body.b}\",\"at\":\"{now}\",\"c\":"
                                                     "\"\"}}},"
                                                     "{\"name\":\"drop\",\"method\":\"DELETE\",\"path\":\"/"
                                                     "drop\",\"operation\":\"DeleteItem\",\"request\":{"
                                                     "\"TableName\":"
                                                     "\"chat\",\"Key\":{\"pk\":{\"S\":\"x\"}}},\"reply\":{"
                                                     "\"status\":204,\"object\":{}}},"
                                                     "{\"name\":\"nothing\",\"method\":\"DELETE\",\"path\":"
                                                     "\"/nothing\",\"operation\":\"DeleteItem\",\"request\":"
                                                     "{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"x\"}}}"
                                                     ",\"reply\":{\"object\":{}}}";

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

static void assert_shown(route_fixture *f, const char *reply, int status, const char *expected)
{
    assert_string_equal(route_shown(f, reply), expected);
    assert_int_equal(f->answer.status, status);
    assert_null(f->answer.next);
}

static void assert_bad(route_fixture *f, const char *reply, int status, const char *code)
{
    ra_buf_clear(&f->out);
    ra_buf_add_z(&f->out, "before");
    if (ra_route_answer_make(&f->call, ra_bytes_z(reply), f->table, &f->arena, &f->out, &f->answer,
                             &f->refusal))
        fail_msg("taken: %s", reply);
    assert_refusal(f, status, code);
    assert_string_equal(route_out(f), "before"); /* what was begun is taken back */
}

#define ITEMS                                                                                                \
    "{\"Count\":3,\"Items\":[{\"id\":{\"S\":\"1\"},\"m\\\"\\u00e9\":{\"S\":\"a\\n\"},\"n\":{\"N\":\"1.50\"}" \
    ","                                                                                                      \
    "\"sk\":{\"S\":\"s\"},\"other\":{\"S\":\"x\"}},{},{\"sk\":{\"L\":[{\"BOOL\":true}]},\"i\\u0064\":"       \
    "{\"N\":\"+2\"},\"ID\":{\"S\":\"no\"}}],\"ScannedCount\":3}"
#define FIRST  "{\"uuid\":\"1\",\"text\":\"a\\n\",\"n\":1.50,\"again\":\"1\",\"\\\"\\\\\":\"s\"}"
#define SECOND "{\"uuid\":null,\"text\":null,\"n\":null,\"again\":null,\"\\\"\\\\\":null}"
#define THIRD  "{\"uuid\":2,\"text\":null,\"n\":null,\"again\":2,\"\\\"\\\\\":[true]}"

static void each(void **state)
{
    route_fixture *f = *state;
    route_get(f, "/kept");
    assert_shown(f, ITEMS, 200, "[" FIRST "," SECOND "," THIRD "]");
    assert_shown(f, "{\"Items\":[]}", 200, "[]");
    route_get(f, "/turned");
    assert_shown(f, ITEMS, 200, "[" THIRD "," SECOND "," FIRST "]");
    assert_shown(f, "{\"Items\":[]}", 200, "[]");
    assert_shown(f, "{\"Items\":[{}]}", 200, "[" SECOND "]");
}

static void whole_items(void **state)
{
    route_fixture *f = *state;
    route_get(f, "/oldest");
    assert_shown(f, ITEMS, 203,
                 "[{\"id\":\"1\",\"m\\\"\\u00e9\":\"a\\n\",\"n\":1.50,\"sk\":\"s\",\"other\":\"x\"},{},"
                 "{\"sk\":[true],\"i\\u0064\":2,\"ID\":\"no\"}]");
}

/* Its own ScanIndexForward is what counts: nothing is turned round. */
static void a_query_written_as_a_request(void **state)
{
    route_fixture *f = *state;
    route_get(f, "/raw");
    assert_shown(f,
                 "{\"Items\":[{\"id\":{\"S\":\"2\"}},{\"id\":{\"S\":\"1\"}}],\"LastEvaluatedKey\":{\"sk\":{"
                 "\"S\":\"x\"}}}",
                 200, "[{\"id\":\"2\"},{\"id\":\"1\"}]");
}

static void one_item(void **state)
{
    route_fixture *f = *state;
    route_get(f, "/item");
    assert_shown(f, "{\"Item\":{\"pk\":{\"S\":\"x\"},\"id\":{\"NULL\":true}}}", 200,
                 "{\"id\":null,\"no\":null}");
    assert_shown(f, "{\"Item\":{}}", 200, "{\"id\":null,\"no\":null}");
    assert_bad(f, "{}", 404, "not_found");
    assert_bad(f, "{\"ConsumedCapacity\":{\"TableName\":\"chat\"}}", 404, "not_found");
    assert_bad(f, "{\"Item\":null}", 502, "bad_reply");
    assert_bad(f, "{\"Item\":[]}", 502, "bad_reply");
    route_get(f, "/whole");
    assert_shown(f, "{\"Item\":{\"pk\":{\"S\":\"x\"},\"b\":{\"B\":\"QQ==\"}}}", 200,
                 "{\"pk\":\"x\",\"b\":\"QQ==\"}");
    assert_bad(f, "{}", 404, "not_found");
}

static void objects(void **state)
{
    route_fixture *f = *state;
    assert_int_equal(route_post(f, "/put", "{\"a\":\"\\\"x\\u0001\"}"), RA_ROUTE_OPEN);
    assert_shown(
        f, "{}", 201,
        "{\"a\\\"\":\"<\\\"x\\u0001>\",\"b\":\"\",\"at\":\"2024-06-11T20:05:43.816059+00:00\",\"c\":\"\"}");
    assert_int_equal(route_open(f, RA_METHOD_DELETE, "/nothing", NULL), RA_ROUTE_OPEN);
    assert_shown(f, "{}", 200, "{}");
    assert_int_equal(route_open(f, RA_METHOD_DELETE, "/drop", NULL), RA_ROUTE_OPEN);
    assert_shown(f, "{}", 204, "");
}

static void bad_replies(void **state)
{
    route_fixture *f = *state;
    static const char *const replies[] = {"",
                                          "{",
                                          "null",
                                          "[]",
                                          "{}",
                                          "{\"Items\":{}}",
                                          "{\"Items\":null}",
                                          "{\"Items\":[5]}",
                                          "{\"Items\":[[]]}",
                                          "{\"Items\":[{\"id\":5}]}",
                                          "{\"Items\":[{\"id\":{}}]}",
                                          "{\"Items\":[{\"id\":{\"N\":\"x\"}}]}",
                                          "{\"Items\":[{\"id\":{\"S\":\"a\"},\"id\":{\"S\":\"b\"}}]}",
                                          "{\"Items\":[{\"id\":{\"S\":\"\xff\"}}]}",
                                          "{\"Items\":[{\"id\":{\"S\":\"\\ud800\"}}]}",
                                          "{\"Items\":[]} x",
                                          "{\"Item\":{}}"};
    static const char *const targets[] = {"/kept", "/turned"};
    for (size_t t = 0; t < 2; t++) {
        route_get(f, targets[t]);
        for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
            assert_bad(f, replies[i], 502, "bad_reply");
    }
    ra_buf deep;
    ra_buf_init(&deep, 4096);
    ra_buf_add_z(&deep, "{\"Items\":[{\"id\":");
    for (int i = 0; i < 70; i++)
        ra_buf_add_z(&deep, "{\"L\":[");
    for (int i = 0; i < 70; i++)
        ra_buf_add_z(&deep, "]}");
    assert_true(ra_buf_add(&deep, "}]}", 4)); /* with its zero */
    assert_bad(f, deep.p, 502, "bad_reply");
    ra_buf_free(&deep);
}

/* What isn't shown needn't be understood, so long as it is JSON. */
static void attributes_that_are_not_shown(void **state)
{
    route_fixture *f = *state;
    route_get(f, "/kept");
    assert_shown(f, "{\"Items\":[{\"other\":{\"NEW\":5}}]}", 200, "[" SECOND "]");
}

static void many_items(void **state)
{
    route_fixture *f = *state;
    enum { N = 10000 };
    ra_buf reply;
    ra_buf_init(&reply, 4 << 20);
    ra_buf_add_z(&reply, "{\"Items\":[");
    for (int i = 0; i < N; i++)
        ra_buf_addf(&reply, "%s{\"n\":{\"N\":\"%d\"},\"id\":{\"S\":\"%d\"}}", i ? "," : "", i, i);
    assert_true(ra_buf_add(&reply, "]}", 3)); /* with its zero */
    route_get(f, "/turned");
    const char *p = route_shown(f, reply.p);
    for (int i = N - 1; i >= 0; i--) {
        char expected[128];
        int n = snprintf(expected, sizeof expected,
                         "%c{\"uuid\":\"%d\",\"text\":null,\"n\":%d,\"again\":\"%d\",\"\\\"\\\\\":null}",
                         i == N - 1 ? '[' : ',', i, i, i);
        assert_memory_equal(p, expected, (size_t)n);
        p += n;
    }
    assert_string_equal(p, "]");
    ra_buf_free(&reply);
}

static void no_memory(void **state)
{
    route_fixture *f = *state;
    static const char *const targets[] = {"/kept", "/turned"};
    for (size_t t = 0; t < 2; t++) {
        route_get(f, targets[t]);
        size_t whole = strlen(route_shown(f, ITEMS));
        for (size_t cap = 0; cap < whole; cap++) {
            ra_buf out;
            ra_buf_init(&out, cap);
            assert_false(ra_route_answer_make(&f->call, RA_BYTES(ITEMS), f->table, &f->arena, &out,
                                              &f->answer, &f->refusal));
            assert_refusal(f, 503, "unavailable");
            assert_int_equal(out.n, 0);
            ra_buf_free(&out);
        }
        ra_arena small;
        size_t refused = 0;
        for (size_t cap = 0; cap < 1024; cap += 16) {
            ra_arena_init(&small, cap);
            ra_buf_clear(&f->out);
            if (!ra_route_answer_make(&f->call, RA_BYTES(ITEMS), f->table, &small, &f->out, &f->answer,
                                      &f->refusal)) {
                refused++;
                assert_refusal(f, 503, "unavailable");
            }
            ra_arena_free(&small);
        }
        assert_true(refused > 10 && refused < 64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each),
        cmocka_unit_test(whole_items),
        cmocka_unit_test(a_query_written_as_a_request),
        cmocka_unit_test(one_item),
        cmocka_unit_test(objects),
        cmocka_unit_test(bad_replies),
        cmocka_unit_test(attributes_that_are_not_shown),
        cmocka_unit_test(many_items),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
