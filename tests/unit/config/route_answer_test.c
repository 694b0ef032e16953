#include "tests/unit/config/expect.h"
#include "tests/unit/config/route_texts.h"

/* What is tested stands on line 3. */
#define GET_EACH(reply) ROUTES(READ("/x", QUERY("k") ",\n\"reply\":{" reply "}"))
#define GET_ITEM(reply)                                                                                      \
    ROUTES(                                                                                                  \
        READ("/x", "\"operation\":\"GetItem\",\"request\":{\"TableName\":\"abc\"},\n\"reply\":{" reply "}"))
#define POST(more)                                                                                           \
    ROUTES("{\"name\":\"w\",\"method\":\"POST\",\"path\":\"/w\",\"operation\":\"PutItem\",\"request\":" PUT( \
        "{}") "\n" more "}")
#define AT "routes[0].reply"

static void test_each(void **state)
{
    (void)state;
    ra_config *c =
        parse_clean(GET_EACH("\"each\":{\"id\":\"uuid\",\"at\":\"sk\"},\"order\":\"oldest\",\"status\":203"));
    const ra_route_reply *r = &c->routes[0].reply;
    assert_int_equal(r->shape, RA_REPLY_EACH);
    assert_int_equal(r->nfields, 2);
    assert_string_equal(r->fields[0].name, "id");
    assert_string_equal(r->fields[0].attribute, "uuid");
    assert_string_equal(r->fields[1].name, "at");
    assert_string_equal(r->fields[1].attribute, "sk");
    assert_int_equal(r->order, RA_ORDER_OLDEST);
    assert_int_equal(r->status, 203);
    ra_config_unref(c);
}

static void test_defaults(void **state)
{
    (void)state;
    ra_config *c = parse_clean(ROUTES(READ("/x", QUERY("k"))));
    assert_int_equal(c->routes[0].reply.shape, RA_REPLY_EACH);
    assert_int_equal(c->routes[0].reply.nfields, 0);
    assert_int_equal(c->routes[0].reply.order, RA_ORDER_NEWEST);
    assert_int_equal(c->routes[0].reply.status, 200);
    ra_config_unref(c);
    c = parse_clean(ROUTES(READ(
        "/x", "\"query\":{\"table\":\"abc\",\"partition_key\":\"k\",\"order\":\"oldest\"},\"reply\":{}")));
    assert_int_equal(c->routes[0].reply.order, RA_ORDER_OLDEST);
    ra_config_unref(c);
    c = parse_clean(GET_ITEM(""));
    assert_int_equal(c->routes[0].reply.shape, RA_REPLY_ITEM);
    assert_int_equal(c->routes[0].reply.nfields, 0);
    ra_config_unref(c);
}

static void test_item_and_object(void **state)
{
    (void)state;
    ra_config *c = parse_clean(GET_ITEM("\"item\":{\"a\":\"b\"}"));
    assert_int_equal(c->routes[0].reply.nfields, 1);
    ra_config_unref(c);
    c = parse_clean(
        POST(",\"reply\":{\"object\":{\"id\":\"{uuid.m}\",\"t\":\"at {now}\",\"e\":\"\"},\"status\":201}"));
    const ra_route *r = &c->routes[0];
    assert_int_equal(r->reply.shape, RA_REPLY_OBJECT);
    assert_int_equal(r->reply.status, 201);
    assert_int_equal(r->reply.nfields, 3);
    assert_int_equal(r->reply.fields[0].value.n, 1);
    assert_int_equal(r->reply.fields[1].value.n, 2);
    assert_int_equal(r->reply.fields[2].value.n, 0);
    assert_null(r->reply.fields[0].attribute);
    assert_int_equal(r->ninputs, 2);
    ra_config_unref(c);
    ra_config_unref(parse_clean(POST(",\"reply\":{\"object\":{},\"status\":204}")));
}

static void test_shapes_that_do_not_fit(void **state)
{
    (void)state;
    expect_error(GET_EACH("\"item\":{\"a\":\"b\"}"), AT ".item", 3,
                 "doesn't fit the route's operation; accepted: \"each\"");
    expect_error(GET_EACH("\"each\":{\"a\":\"b\"},\"object\":{}"), AT ".object", 3, "accepted: \"each\"");
    expect_error(GET_ITEM("\"each\":{\"a\":\"b\"}"), AT ".each", 3, "accepted: \"item\"");
    expect_error(POST(",\"reply\":{\"object\":{},\"item\":{\"a\":\"b\"}}"), AT ".item", 3,
                 "accepted: \"object\"");
    expect_error(POST(""), AT ".object", 2, "it must be given, since a write's reply says nothing");
    expect_error(POST(",\"reply\":{}"), AT ".object", 3, "it must be given");
    expect_error(GET_ITEM("\"order\":\"oldest\""), AT ".order", 3, "only a page that `query` has read");
    expect_error(GET_ITEM("\"status\":204"), AT ".status", 3, "has no body");
    expect_error(POST(",\"reply\":{\"object\":{\"a\":\"b\"},\"status\":204}"), AT ".status", 3,
                 "has no body");
}

static void test_members_that_are_refused(void **state)
{
    (void)state;
    expect_error(GET_EACH("\"each\":{}"), AT ".each", 3,
                 "too few; accepted: an object with 1 to 100 members");
    expect_error(GET_EACH("\"each\":[]"), AT ".each", 3, "another type");
    expect_error(GET_EACH("\"each\":{\"a\":3}"), AT ".each.a", 3, "a string of 1 to 255 bytes");
    expect_error(GET_EACH("\"each\":{\"a\":\"\"}"), AT ".each.a", 3, "is too short");
    expect_error(GET_EACH("\"each\":{\"a\":\"b\",\n\"a\":\"c\"}"), AT ".each.a", 4, "given twice");
    expect_error(GET_EACH("\"status\":300"), AT ".status", 3, "from 200 to 299");
    expect_error(GET_EACH("\"eech\":{}"), AT ".eech", 3, "did you mean \"each\"?");
    expect_error(POST(",\"reply\":{\"object\":{\"a\":3}}"), AT ".object.a", 3, "not a string");
    expect_error(POST(",\"reply\":{\"object\":{\"a\":\"{nwo}\"}}"), AT ".object.a", 3,
                 "did you mean \"now\"?");
    expect_error(POST(",\"reply\":[]"), AT, 3, "another type");
}

static void test_how_many_members(void **state)
{
    (void)state;
    for (int n = 100; n <= 101; n++) {
        char text[4096], members[2048] = "";
        for (int i = 0, used = 0; i < n; i++)
            used +=
                snprintf(members + used, sizeof members - (size_t)used, "%s\"m%d\":\"a\"", i ? "," : "", i);
        snprintf(text, sizeof text, GET_EACH("\"each\":{%s}"), members);
        if (n == 100)
            ra_config_unref(parse_clean(text));
        else
            expect_error(text, AT ".each", 3, "too many");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_item_and_object),
        cmocka_unit_test(test_shapes_that_do_not_fit),
        cmocka_unit_test(test_members_that_are_refused),
        cmocka_unit_test(test_how_many_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
