#include "tests/unit/config/expect.h"
#include "tests/unit/config/route_texts.h"

#define KEY(key)   ROUTES(READ("/x/{group}/{user_uuid}", QUERY(key)))
#define KEY_AT     "routes[0].query.partition_key"
#define ITEM(json) ROUTES(WRITE("PutItem", PUT(json)))

static void expect_input(const ra_route *r, size_t i, enum ra_input_source source, const char *name,
                         const char *place)
{
    assert_true(i < r->ninputs);
    const ra_route_input *input = &r->inputs[i];
    assert_int_equal(input->source, source);
    assert_string_equal(input->place, place);
    if (name)
        assert_string_equal(input->name, name);
    else
        assert_null(input->name);
}

static void test_every_source(void **state)
{
    (void)state;
    ra_config *c = parse_clean(ITEM("{\"a\":{\"S\":\"{query.page[x]} {header.X-User} {body.text}\"},\n"
                                    "\"b\":{\"S\":\"{now}{uuid.one}{uuid.two}\"}}"));
    const ra_route *r = &c->routes[0];
    assert_int_equal(r->ninputs, 6);
    expect_input(r, 0, RA_INPUT_QUERY, "page[x]", "query.page[x]");
    expect_input(r, 1, RA_INPUT_HEADER, "X-User", "header.X-User");
    expect_input(r, 2, RA_INPUT_BODY, "text", "body.text");
    expect_input(r, 3, RA_INPUT_NOW, NULL, "now");
    expect_input(r, 4, RA_INPUT_UUID, "one", "uuid.one");
    expect_input(r, 5, RA_INPUT_UUID, "two", "uuid.two");
    assert_true(r->reads_body);
    ra_config_unref(c);
    c = parse_clean(KEY("{path.group}"));
    expect_input(&c->routes[0], 0, RA_INPUT_PATH, "group", "path.group");
    assert_false(c->routes[0].reads_body);
    ra_config_unref(c);
}

static void test_what_an_input_is_by_itself(void **state)
{
    (void)state;
    ra_config *c = parse_clean(ITEM("{\"a\":{\"S\":\"{header.X-User-Uuid}{body.text}{now}{uuid.x}\"}}"));
    const ra_route_input *user = &c->routes[0].inputs[0], *text = &c->routes[0].inputs[1];
    assert_true(user->required);
    assert_int_equal(user->status, 422);
    assert_int_equal(user->max_chars, 0);
    assert_int_equal(user->format, RA_FORMAT_ANY);
    assert_null(user->preset);
    assert_string_equal(user->blank, "x_user_uuid_blank");
    assert_string_equal(user->too_long, "x_user_uuid_exceed_max_chars");
    assert_string_equal(user->malformed, "x_user_uuid_malformed");
    assert_string_equal(text->blank, "text_blank");
    assert_string_equal(text->too_long, "text_exceed_max_chars");
    assert_string_equal(text->malformed, "text_malformed");
    /* What the proxy makes nobody has to send. */
    assert_false(c->routes[0].inputs[2].required);
    assert_false(c->routes[0].inputs[3].required);
    ra_config_unref(c);
}

static void test_one_input_is_one_slot(void **state)
{
    (void)state;
    ra_config *c = parse_clean(
        ITEM("{\"a\":{\"S\":\"{header.X-User}{header.x-user}{body.X-User}{body.x-user}{now}{now}\"},"
             "\"b\":{\"S\":\"{header.X-USER}{uuid.a}{uuid.a}\"}}"));
    const ra_route *r = &c->routes[0];
    assert_int_equal(r->ninputs, 5);
    expect_input(r, 0, RA_INPUT_HEADER, "X-User", "header.X-User");
    expect_input(r, 1, RA_INPUT_BODY, "X-User", "body.X-User");
    expect_input(r, 2, RA_INPUT_BODY, "x-user", "body.x-user");
    ra_config_unref(c);
}

static void test_names_that_are_refused(void **state)
{
    (void)state;
    expect_error(KEY("{claims.sub}"), KEY_AT, 2, "did you mean \"claim.NAME\"?");
    expect_error(KEY("{claim.}"), KEY_AT, 2, "accepted: claim.NAME");
    expect_error(KEY("{claim.a b}"), KEY_AT, 2, "of letters, digits and any of _ - . : /");
    expect_error(KEY("{header.x-readaside-SECRET}"), KEY_AT, 2, "is a secret, and no input");
    expect_error(KEY("{header.authorization}"), KEY_AT, 2, "is a secret, and no input");
    expect_error(KEY("{pth.group}"), KEY_AT, 2, "did you mean \"path.NAME\"?");
    expect_error(KEY("{noww}"), KEY_AT, 2, "did you mean \"now\"?");
    expect_error(KEY("{zzz.x}"), KEY_AT, 2,
                 "accepted: path.NAME, query.NAME, header.NAME, body.NAME, now, uuid.NAME, claim.NAME");
    expect_error(KEY("{}"), KEY_AT, 2, "\"\" isn't an input");
    expect_error(KEY("{PATH.group}"), KEY_AT, 2, "isn't an input here");
    expect_error(KEY("{path.gruop}"), KEY_AT, 2, "no parameter \"gruop\" (did you mean \"path.group\"?)");
    expect_error(KEY("{path.zzz}"), KEY_AT, 2, "no parameter \"zzz\"; accepted: a {parameter} of it");
    expect_error(KEY("{path}"), KEY_AT, 2, "accepted: path.NAME");
    expect_error(KEY("{path.}"), KEY_AT, 2, "isn't well-formed");
    expect_error(KEY("{now.x}"), KEY_AT, 2, "\"now.x\" isn't well-formed; accepted: now");
    expect_error(KEY("{uuid}"), KEY_AT, 2, "accepted: uuid.NAME");
    expect_error(KEY("{uuid.a b}"), KEY_AT, 2, "accepted: uuid.NAME");
    expect_error(KEY("{header.X User}"), KEY_AT, 2, "accepted: header.NAME");
    expect_error(KEY("{query.a&b}"), KEY_AT, 2, "accepted: query.NAME");
    /* A member of a member would otherwise look as if it were supported. */
    expect_error(ITEM("{\"a\":{\"S\":\"{body.user.name}\"}}"), "routes[0].request.Item.a.S", 3,
                 "accepted: body.NAME");
}

static void test_a_get_has_no_body(void **state)
{
    (void)state;
    expect_error(KEY("{body.x}"), KEY_AT, 2, "a GET request's body isn't read");
    expect_error(
        ROUTES("{\"name\":\"d\",\"method\":\"DELETE\",\"path\":\"/w\",\"operation\":\"DeleteItem\",\n"
               "\"request\":{\"TableName\":\"abc\",\"Key\":{\"pk\":{\"S\":\"{body.x}\"}}},"
               "\"reply\":{\"object\":{}}}"),
        "routes[0].request.Key.pk.S", 3, "a DELETE request's body isn't read");
}

/* What isn't known because of another error isn't reported again. */
static void test_no_errors_that_only_follow(void **state)
{
    (void)state;
    expect_error(ROUTES("{\"name\":\"r\",\"method\":\"GTE\",\"path\":\"/x\"," QUERY("{query.x}") "}"),
                 "routes[0].method", 2, "did you mean \"GET\"?");
    expect_error(ROUTES("{\"name\":\"r\",\"method\":\"GET\",\"path\":\"x/{a}\"," QUERY("{path.a}") "}"),
                 "routes[0].path", 2, "doesn't begin with '/'");
    expect_error(ROUTES("{\"name\":\"r\",\"method\":\"GET\"," QUERY("{path.a}") "}"), "routes[0].path", 2,
                 "must be given");
}

static void test_long_names(void **state)
{
    char text[2048], name[1001];
    (void)state;
    memset(name, 'n', sizeof name);
    name[1000] = '\0';
    snprintf(text, sizeof text, KEY("{query.%s}"), name);
    expect_error(text, KEY_AT, 2, "isn't well-formed; accepted: query.NAME");
    snprintf(text, sizeof text, KEY("{%s}"), name);
    expect_error(text, KEY_AT, 2, "isn't an input here; accepted: path.NAME");
    snprintf(text, sizeof text, KEY("{\\u0001\\u0002\\u0003\xc3\xa9%s}"), name);
    expect_error(text, KEY_AT, 2, "\\u0001\\u0002\\u0003\xc3\xa9nnn");
    name[249] = '\0';
    snprintf(text, sizeof text, KEY("{query.%s}"), name);
    ra_config_unref(parse_clean(text));
}

static void test_as_many_inputs_as_there_may_be(void **state)
{
    (void)state;
    for (int n = 61; n <= 65; n += 4) {
        char text[4096], key[2048] = "";
        for (int i = 0, used = 0; i < n; i++)
            used += snprintf(key + used, sizeof key - (size_t)used, "{query.q%d}", i);
        snprintf(text, sizeof text, KEY("%s"), key);
        ra_problems p;
        ra_config *c = parse(text, &p);
        /* With those that page there are 64. */
        assert_true((c != NULL) == (n == 61));
        assert_int_equal(c ? c->routes[0].ninputs : 64, 64);
        assert_true(c || strstr(p.v[0].message, "too many inputs; accepted: at most 64"));
        ra_config_unref(c);
        ra_problems_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_source),
        cmocka_unit_test(test_what_an_input_is_by_itself),
        cmocka_unit_test(test_one_input_is_one_slot),
        cmocka_unit_test(test_names_that_are_refused),
        cmocka_unit_test(test_a_get_has_no_body),
        cmocka_unit_test(test_no_errors_that_only_follow),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_as_many_inputs_as_there_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
