#include "tests/unit/config/expect.h"
#include "tests/unit/config/route_texts.h"

/* What is tested stands on line 2; the routes: "one" fits, the others don't. */
#define DDB(json)                                                                                            \
    "{\"tables\":{\"abc\":{}},\n\"ddb\":{" json "},\n\"routes\":["                                           \
    "{\"name\":\"one\",\"method\":\"GET\",\"path\":\"/a/{id}\"," QUERY(                                      \
        "P#{path.id}") "},"                                                                                  \
                       "{\"name\":\"none\",\"method\":\"GET\",\"path\":\"/b\"," QUERY(                       \
                           "P") "},"                                                                         \
                                "{\"name\":\"two\",\"method\":\"GET\",\"path\":\"/c/{id}\"," QUERY(          \
                                    "{path.id}{query.x}") "},"                                               \
                                                          "{\"name\":\"made\",\"method\":\"GET\",\"path\":"  \
                                                          "\"/d\"," QUERY(                                   \
                                                              "{now}") "},"                                  \
                                                                       "{\"name\":\"twice\",\"method\":"     \
                                                                       "\"GET\",\"path\":\"/e/"              \
                                                                       "{id}\"," QUERY(                      \
                                                                           "{path.id}{path.id}") "},"        \
                                                                                                 "{\"name\"" \
                                                                                                 ":\"item\"" \
                                                                                                 ",\"method" \
                                                                                                 "\":"       \
                                                                                                 "\"GET\","  \
                                                                                                 "\"path\":" \
                                                                                                 "\"/"       \
                                                                                                 "f\","      \
                                                                                                 "\"operati" \
                                                                                                 "on\":"     \
                                                                                                 "\"GetItem" \
                                                                                                 "\","       \
                                                                                                 "\"request" \
                                                                                                 "\":{"      \
                                                                                                 "\"TableNa" \
                                                                                                 "me\":"     \
                                                                                                 "\"abc\"}}" \
                                                                                                 "]}"
#define GENERATE(json) DDB("\"generate\":{" json "}")
#define ITEM           "{\"pk\":{\"S\":\"{group.uuid}\"}}"

static void test_the_routes(void **state)
{
    (void)state;
    ra_config *c = parse_clean(DDB("\"get_conversation\":\"one\",\"list_conversations\":\"one\""));
    assert_ptr_equal(c->ddb.get_conversation, &c->routes[0]);
    assert_ptr_equal(c->ddb.list_conversations, &c->routes[0]);
    assert_null(c->ddb.generate);
    ra_config_unref(c);
    c = parse_clean(DDB("\"seed\":\"a.json\""));
    assert_null(c->ddb.get_conversation);
    assert_null(c->ddb.list_conversations);
    assert_string_equal(c->ddb.seed, "folder/a.json");
    ra_config_unref(c);
}

static void test_routes_that_are_refused(void **state)
{
    static const char *const unfit[] = {"none", "two", "made", "twice", "item"};
    char text[2048];
    (void)state;
    for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++) {
        snprintf(text, sizeof text, DDB("\"get_conversation\":\"%s\""), unfit[i]);
        expect_error(text, "ddb.get_conversation", 2, "exactly one placeholder, from the request");
    }
    expect_error(DDB("\"list_conversations\":\"itme\""), "ddb.list_conversations", 2,
                 "there is no such route (did you mean \"item\"?)");
    expect_error(DDB("\"list_conversations\":\"zzzzzz\""), "ddb.list_conversations", 2,
                 "there is no such route; accepted: the name of one of `routes`");
    expect_error(DDB("\"get_conversation\":\"\""), "ddb.get_conversation", 2, "is too short");
    expect_error("{\"tables\":{\"abc\":{}},\"ddb\":{\"get_conversation\":\"x\"}}", "ddb.get_conversation", 1,
                 "there is no such route");
}

static void test_generate(void **state)
{
    (void)state;
    ra_config *c = parse_clean(GENERATE(
        "\"table\":\"abc\",\"message\":{\"pk\":{\"S\":\"{group.uuid}\"},\"a\":{\"S\":\"{message.uuid}{"
        "message.text}"
        "{message.created_at}{user.uuid}{user.display_name}{user.handle}{other.uuid}{other.display_name}"
        "{other.handle}\"}},\"membership\":" ITEM));
    const ra_config_generate *g = c->ddb.generate;
    assert_non_null(g);
    assert_string_equal(g->table, "abc");
    assert_int_equal(g->message.n, 5);
    assert_int_equal(g->message.pieces[1].string.parts[0].slot, RA_GENERATE_GROUP_UUID);
    const ra_template *all = &g->message.pieces[3].string;
    assert_int_equal(all->n, RA_GENERATE_SLOTS - 1);
    for (int i = 1; i < RA_GENERATE_SLOTS; i++)
        assert_int_equal(all->parts[i - 1].slot, i);
    assert_int_equal(g->membership.n, 3);
    ra_config_unref(c);
}

#define MESSAGE(json) GENERATE("\"table\":\"abc\",\"membership\":" ITEM ",\"message\":" json)

static void test_generate_refuses(void **state)
{
    (void)state;
    expect_error(MESSAGE("{\"pk\":{\"S\":\"{group.uid}\"}}"), "ddb.generate.message.pk.S", 2,
                 "(did you mean {group.uuid}?); accepted: {group.uuid}, {message.uuid}, ");
    expect_error(MESSAGE("{\"pk\":{\"S\":\"{message.create_at}\"}}"), "ddb.generate.message.pk.S", 2,
                 "{other.handle}");
    expect_error(MESSAGE("{\"pk\":{\"S\":\"{now}\"}}"), "ddb.generate.message.pk.S", 2,
                 "no such placeholder");
    expect_error(MESSAGE("{}"), "ddb.generate.message", 2, "it has no attribute");
    expect_error(MESSAGE("{\"pk\":\"x\"}"), "ddb.generate.message.pk", 2, "not an attribute value");
    expect_error(MESSAGE("{\"pk\":{}}"), "ddb.generate.message.pk", 2, "not an attribute value");
    expect_error(MESSAGE("{\"pk\":{\"s\":\"x\"}}"), "ddb.generate.message.pk", 2, "not an attribute value");
    expect_error(MESSAGE("{\"pk\":{\"S\":\"x\",\"N\":\"1\"}}"), "ddb.generate.message.pk", 2,
                 "not an attribute value");
    expect_error(MESSAGE("[]"), "ddb.generate.message", 2, "another type");
    expect_error(GENERATE("\"table\":\"abc\",\"message\":" ITEM), "ddb.generate.membership", 2,
                 "must be given");
    expect_error(GENERATE("\"message\":" ITEM ",\"membership\":" ITEM), "ddb.generate.table", 2,
                 "must be given");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_routes),
        cmocka_unit_test(test_routes_that_are_refused),
        cmocka_unit_test(test_generate),
        cmocka_unit_test(test_generate_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
