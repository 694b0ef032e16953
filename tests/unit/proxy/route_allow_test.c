#include "route_fixture.h"

#include "proxy/route_allow.h"

#define ROUTE(index, key, has)                                                                               \
    "{\"name\":\"r\",\"method\":\"GET\",\"path\":\"/r/{id}\",\"query\":{\"table\":\"chat\","                 \
    "\"partition_key\":\"M#{path.id}\",\"limit\":5},\"allow_if\":{\"query\":{\"table\":\"chat\"," index      \
    "\"partition_key\":\"" key "\"},\"has\":{" has "}}}"
#define GROUP "\"group\":\"{path.id}\""

static route_fixture *open_on(const char *route, const char *target)
{
    route_fixture *f = route_fixture_new(route);
    route_get(f, target);
    return f;
}

static const char *body(route_fixture *f, ra_bytes next)
{
    ra_buf_clear(&f->out);
    assert_true(ra_route_allow_body(&f->call, f->table, next, &f->arena, &f->out, &f->refusal));
    return route_out(f);
}

static void test_the_question(void **state)
{
    (void)state;
    route_fixture *f = open_on(ROUTE("", "G#{query.u}", GROUP), "/r/7?u=a%22b");
    assert_string_equal(body(f, (ra_bytes){NULL, 0}),
                        "{\"TableName\":\"chat\",\"KeyConditionExpression\":\"#p = :p\","
                        "\"ExpressionAttributeNames\":{\"#p\":\"pk\"},"
                        "\"ExpressionAttributeValues\":{\":p\":{\"S\":\"G#a\\\"b\"}}}");
    assert_string_equal(body(f, RA_BYTES("{\"pk\":{\"S\":\"x\"}}")),
                        "{\"TableName\":\"chat\",\"KeyConditionExpression\":\"#p = :p\","
                        "\"ExpressionAttributeNames\":{\"#p\":\"pk\"},"
                        "\"ExpressionAttributeValues\":{\":p\":{\"S\":\"G#a\\\"b\"}},"
                        "\"ExclusiveStartKey\":{\"pk\":{\"S\":\"x\"}}}");
    route_fixture_free(f);
    f = open_on(ROUTE("\"index\":\"by-n\",", "{query.u}", GROUP), "/r/7?u=1.0");
    assert_string_equal(
        body(f, (ra_bytes){NULL, 0}),
        "{\"TableName\":\"chat\",\"IndexName\":\"by-n\",\"KeyConditionExpression\":\"#p = :p\","
        "\"ExpressionAttributeNames\":{\"#p\":\"n\"},"
        "\"ExpressionAttributeValues\":{\":p\":{\"N\":\"1\"}}}");
    route_fixture_free(f);
}

static void expect_no_question(const char *route, const char *target, int status, const char *code)
{
    route_fixture *f = open_on(route, target);
    ra_buf_clear(&f->out);
    assert_false(
        ra_route_allow_body(&f->call, f->table, (ra_bytes){NULL, 0}, &f->arena, &f->out, &f->refusal));
    assert_refusal(f, status, code);
    route_fixture_free(f);
}

static void test_questions_that_cannot_be_asked(void **state)
{
    (void)state;
    expect_no_question(ROUTE("\"index\":\"nope\",", "{query.u}", GROUP), "/r/7?u=1", 500, "no_such_index");
    expect_no_question(ROUTE("\"index\":\"by-n\",", "{query.u}", GROUP), "/r/7?u=one", 400,
                       "malformed_input");
    route_fixture *f = open_on(ROUTE("", "G#{query.u}", GROUP), "/r/7?u=1");
    ra_arena none; /* without memory */
    ra_arena_init(&none, 0);
    ra_buf_clear(&f->out);
    assert_false(ra_route_allow_body(&f->call, f->table, (ra_bytes){NULL, 0}, &none, &f->out, &f->refusal));
    assert_refusal(f, 503, "unavailable");
    ra_buf_free(&f->out);
    ra_buf_init(&f->out, 8);
    assert_false(
        ra_route_allow_body(&f->call, f->table, (ra_bytes){NULL, 0}, &f->arena, &f->out, &f->refusal));
    assert_refusal(f, 503, "unavailable");
    ra_arena_free(&none);
    route_fixture_free(f);
}

/* The answer to /r/ID; the reply is an exact copy, so that a read past its end is seen. */
static enum ra_allow_result find(const char *has, const char *id, const char *reply, char next[128])
{
    char route[1024], target[64];
    ra_bytes key;
    snprintf(route, sizeof route, ROUTE("", "G#{path.id}", "%s"), has);
    snprintf(target, sizeof target, "/r/%s", id);
    route_fixture *f = open_on(route, target);
    char *copy = route_copy(reply, strlen(reply));
    enum ra_allow_result result =
        ra_route_allow_find(&f->call, (ra_bytes){copy, strlen(reply)}, &f->arena, &key);
    assert_true((result == RA_ALLOW_MORE) == (key.p != NULL));
    if (next)
        snprintf(next, 128, "%.*s", (int)key.n, key.p ? key.p : "");
    free(copy);
    route_fixture_free(f);
    return result;
}

#define ITEMS(items) "{\"Items\":[" items "],\"Count\":1,\"ScannedCount\":1}"

static void test_strings(void **state)
{
    (void)state;
    assert_int_equal(find(GROUP, "abc", ITEMS("{\"group\":{\"S\":\"abc\"}}"), NULL), RA_ALLOW_YES);
    assert_int_equal(find(GROUP, "abc", ITEMS("{\"group\":{\"S\":\"\\u0061b\\u0063\"}}"), NULL),
                     RA_ALLOW_YES);
    assert_int_equal(find(GROUP, "%F0%9F%98%80", ITEMS("{\"group\":{\"S\":\"\\ud83d\\ude00\"}}"), NULL),
                     RA_ALLOW_YES);
    /* Neither a part of it, nor another spelling, nor another type is it. */
    static const char *const others[] = {"{\"group\":{\"S\":\"ab\"}}",
                                         "{\"group\":{\"S\":\"abcd\"}}",
                                         "{\"group\":{\"S\":\"ABC\"}}",
                                         "{\"group\":{\"S\":\"abc \"}}",
                                         "{\"group\":{\"S\":\"abc\\u0000\"}}",
                                         "{\"group\":{\"S\":\"abc\\u0000d\"}}",
                                         "{\"group\":{\"S\":\"\"}}",
                                         "{\"group\":{\"B\":\"abc\"}}",
                                         "{\"group\":{\"SS\":[\"abc\"]}}",
                                         "{\"group\":{\"L\":[{\"S\":\"abc\"}]}}",
                                         "{\"group\":{\"M\":{\"S\":{\"S\":\"abc\"}}}}",
                                         "{\"group\":{\"NULL\":true}}",
                                         "{\"other\":{\"S\":\"abc\"}}",
                                         "{\"Group\":{\"S\":\"abc\"}}",
                                         "{\"m\":{\"M\":{\"group\":{\"S\":\"abc\"}}}}",
                                         "{}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char reply[256];
        snprintf(reply, sizeof reply, ITEMS("%s"), others[i]);
        if (find(GROUP, "abc", reply, NULL) != RA_ALLOW_NO)
            fail_msg("%s", others[i]);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    assert_int_equal(find(GROUP, "7", ITEMS("{\"group\":{\"N\":\"7\"}}"), NULL), RA_ALLOW_YES);
    assert_int_equal(find(GROUP, "7", ITEMS("{\"group\":{\"N\":\"7.0\"}}"), NULL), RA_ALLOW_YES);
    assert_int_equal(find(GROUP, "-0.5", ITEMS("{\"group\":{\"N\":\"-0.5\"}}"), NULL), RA_ALLOW_YES);
    assert_int_equal(find(GROUP, "100", ITEMS("{\"group\":{\"N\":\"100\"}}"), NULL), RA_ALLOW_YES);
    assert_int_equal(find(GROUP, "0", ITEMS("{\"group\":{\"N\":\"0\"}}"), NULL), RA_ALLOW_YES);
    /* The same number, and another partition's name. */
    static const char *const odd[] = {"7.0", "07", "+7", "7e0", "70e-1", "7."};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(find(GROUP, odd[i], ITEMS("{\"group\":{\"N\":\"7\"}}"), NULL), RA_ALLOW_NO);
    assert_int_equal(find(GROUP, "9007199254740993", ITEMS("{\"group\":{\"N\":\"9007199254740993\"}}"), NULL),
                     RA_ALLOW_YES);
    assert_int_equal(find(GROUP, "9007199254740993", ITEMS("{\"group\":{\"N\":\"9007199254740992\"}}"), NULL),
                     RA_ALLOW_NO);
    assert_int_equal(find(GROUP, "7", ITEMS("{\"group\":{\"N\":\"-7\"}}"), NULL), RA_ALLOW_NO);
    assert_int_equal(find(GROUP, "seven", ITEMS("{\"group\":{\"N\":\"7\"}}"), NULL), RA_ALLOW_NO);
    /* A string is its bytes. */
    assert_int_equal(find(GROUP, "7.0", ITEMS("{\"group\":{\"S\":\"7\"}}"), NULL), RA_ALLOW_NO);
}

static void test_one_item_has_them_all(void **state)
{
    static const char both[] = GROUP ",\"role\":\"owner\"";
    (void)state;
    assert_int_equal(
        find(both, "a",
             ITEMS("{\"group\":{\"S\":\"b\"}},{\"role\":{\"S\":\"owner\"},\"group\":{\"S\":\"a\"}}"), NULL),
        RA_ALLOW_YES);
    assert_int_equal(find(both, "a",
                          ITEMS("{\"group\":{\"S\":\"a\"},\"role\":{\"S\":\"guest\"}},{\"group\":{\"S\":"
                                "\"b\"},\"role\":{\"S\":"
                                "\"owner\"}}"),
                          NULL),
                     RA_ALLOW_NO);
    assert_int_equal(find(both, "a", ITEMS(""), NULL), RA_ALLOW_NO);
}

static void test_pages(void **state)
{
    char next[128];
    (void)state;
    assert_int_equal(
        find(GROUP, "a", "{\"Items\":[],\"LastEvaluatedKey\":{\"pk\": {\"S\":\"x\"}},\"Count\":0}", next),
        RA_ALLOW_MORE);
    assert_string_equal(next, "{\"pk\": {\"S\":\"x\"}}");
    assert_int_equal(
        find(GROUP, "a",
             "{\"LastEvaluatedKey\":{\"pk\":{\"S\":\"x\"}},\"Items\":[{\"group\":{\"S\":\"a\"}}]}", next),
        RA_ALLOW_YES);
}

/* What isn't understood never means yes, and never no either. */
static void test_replies_that_are_not_understood(void **state)
{
    static const char *const replies[] = {"",
                                          "null",
                                          "[]",
                                          "{}",
                                          "{\"Items\":{}}",
                                          "{\"Items\":[7]}",
                                          "{\"Items\":[[]]}",
                                          "{\"Items\":null}",
                                          "{\"Items\":[{\"group\":\"a\"}]}",
                                          "{\"Items\":[{\"group\":{}}]}",
                                          "{\"Items\":[{\"group\":{\"S\":7}}]}",
                                          "{\"Items\":[{\"group\":{\"N\":7}}]}",
                                          "{\"Items\":[{\"group\":{\"N\":\"x\"}}]}",
                                          "{\"Items\":[{\"group\":{\"S\":\"a\",\"N\":\"1\"}}]}",
                                          "{\"Items\":[],\"Items\":[{\"group\":{\"S\":\"a\"}}]}",
                                          "{\"Items\":[{\"group\":{\"S\":\"a\"}}]",
                                          "{\"Items\":[],\"LastEvaluatedKey\":7}"};
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        if (find(GROUP, "a", replies[i], NULL) != RA_ALLOW_UNKNOWN)
            fail_msg("%s", replies[i]);
    }
}

static void test_without_memory(void **state)
{
    (void)state;
    ra_bytes next;
    route_fixture *f = open_on(ROUTE("", "G#{path.id}", GROUP), "/r/a");
    ra_arena none;
    ra_arena_init(&none, 0);
    assert_int_equal(
        ra_route_allow_find(&f->call, RA_BYTES(ITEMS("{\"group\":{\"S\":\"a\"}}")), &none, &next),
        RA_ALLOW_NO_MEMORY);
    ra_arena_free(&none);
    route_fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_question),
        cmocka_unit_test(test_questions_that_cannot_be_asked),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_one_item_has_them_all),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_replies_that_are_not_understood),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
