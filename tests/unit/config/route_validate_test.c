#include "tests/unit/config/expect.h"
#include "tests/unit/config/route_texts.h"

/* What is tested stands on line 3. */
#define POST(more)                                                                                           \
    ROUTES("{\"name\":\"w\",\"method\":\"POST\",\"path\":\"/w/{id}\",\"operation\":\"PutItem\","             \
           "\"request\":" PUT(                                                                               \
               "{\"pk\":{\"S\":\"{body.text}{path.id}\"}}") ",\"reply\":{\"object\":{}},\n" more "}")
#define VALIDATE(json) POST("\"validate\":{" json "}")
#define AT             "routes[0].validate"

static void test_every_option(void **state)
{
    (void)state;
    ra_config *c = parse_clean(VALIDATE(
        "\"header.X-User\":{\"format\":\"uuid\",\"status\":401,\"blank\":\"who\",\"malformed\":\"what\"},"
        "\"body.text\":{\"max_chars\":1024,\"too_long\":\"long.er\"},"
        "\"body.note\":{\"required\":false,\"default\":\"none\"},\"path.id\":{}"));
    const ra_route *r = &c->routes[0];
    assert_int_equal(r->ninputs, 4); /* in the file's order, before those that only templates name */
    assert_string_equal(r->inputs[0].place, "header.X-User");
    assert_int_equal(r->inputs[0].format, RA_FORMAT_UUID);
    assert_int_equal(r->inputs[0].status, 401);
    assert_string_equal(r->inputs[0].blank, "who");
    assert_string_equal(r->inputs[0].malformed, "what");
    assert_true(r->inputs[0].required);
    assert_string_equal(r->inputs[1].place, "body.text");
    assert_int_equal(r->inputs[1].max_chars, 1024);
    assert_string_equal(r->inputs[1].too_long, "long.er");
    assert_string_equal(r->inputs[1].blank, "text_blank");
    assert_int_equal(r->inputs[1].status, 422);
    assert_false(r->inputs[2].required);
    assert_string_equal(r->inputs[2].preset, "none");
    assert_int_equal(r->segments[1].slot, 3);
    ra_config_unref(c);
}

static void test_inputs_that_are_refused(void **state)
{
    (void)state;
    expect_error(VALIDATE("\"now\":{}"), AT ".now", 3,
                 "\"now\" isn't an input here; accepted: path.NAME, query.NAME, header.NAME, body.NAME");
    expect_error(VALIDATE("\"uuid.x\":{}"), AT "[\"uuid.x\"]", 3, "isn't an input here");
    expect_error(VALIDATE("\"message\":{}"), AT ".message", 3, "isn't an input here");
    expect_error(VALIDATE("\"bdy.text\":{}"), AT "[\"bdy.text\"]", 3, "did you mean \"body.NAME\"?");
    expect_error(VALIDATE("\"path.di\":{}"), AT "[\"path.di\"]", 3, "did you mean \"path.id\"?");
    expect_error(VALIDATE("\"header.A-b\":{},\n\"header.a-B\":{}"), AT "[\"header.a-B\"]", 4,
                 "the same input as \"header.A-b\"");
    expect_error(VALIDATE("\"body.text\":{},\n\"body.text\":{}"), AT "[\"body.text\"]", 4, "given twice");
    expect_error(VALIDATE("\"body.text\":3"), AT "[\"body.text\"]", 3, "not an object");
    expect_error(POST("\"validate\":[]"), AT, 3, "another type");
}

static void test_values_that_are_refused(void **state)
{
    (void)state;
    expect_error(VALIDATE("\"body.text\":{\"max_char\":3}"), AT "[\"body.text\"].max_char", 3,
                 "did you mean \"max_chars\"?");
    expect_error(VALIDATE("\"body.text\":{\"max_chars\":0}"), AT "[\"body.text\"].max_chars", 3,
                 "from 1 to 1000000");
    expect_error(VALIDATE("\"body.text\":{\"status\":500}"), AT "[\"body.text\"].status", 3,
                 "from 400 to 499");
    expect_error(VALIDATE("\"body.text\":{\"format\":\"uid\"}"), AT "[\"body.text\"].format", 3,
                 "accepted: \"any\", \"uuid\"");
    expect_error(VALIDATE("\"body.text\":{\"blank\":\"a b\"}"), AT "[\"body.text\"].blank", 3,
                 "holds other characters");
    expect_error(VALIDATE("\"body.text\":{\"required\":1}"), AT "[\"body.text\"].required", 3,
                 "true or false");
}

static void test_defaults_keep_the_rules(void **state)
{
    (void)state;
    expect_error(VALIDATE("\"body.note\":{\"default\":\"x\"}"), AT "[\"body.note\"].default", 3,
                 "never used: the input is required");
    expect_error(VALIDATE("\"body.note\":{\"required\":false,\"default\":\"xyz\",\"max_chars\":2}"),
                 AT "[\"body.note\"].default", 3, "longer than max_chars; accepted: at most 2 characters");
    ra_config_unref(parse_clean(VALIDATE(
        "\"body.note\":{\"required\":false,\"default\":\"\xc3\xa9\xf0\x9f\x98\x80\",\"max_chars\":2}")));
    static const char *const uuids[] = {"x",
                                        "5d96cf7f-265b-4da9-8f0c-26ef4243ed5",
                                        "5d96cf7f-265b-4da9-8f0c-26ef4243ed52x",
                                        "5d96cf7f-265b-4da9-8f0c026ef4243ed52",
                                        "5d96cf7g-265b-4da9-8f0c-26ef4243ed52",
                                        ""};
    for (size_t i = 0; i < sizeof uuids / sizeof *uuids; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 VALIDATE("\"body.note\":{\"required\":false,\"format\":\"uuid\",\"default\":\"%s\"}"),
                 uuids[i]);
        expect_error(text, AT "[\"body.note\"].default", 3, "accepted: a UUID");
    }
    ra_config_unref(parse_clean(VALIDATE("\"body.note\":{\"required\":false,\"format\":\"uuid\",\"default\":"
                                         "\"5D96cf7f-265b-4da9-8f0c-26ef4243ed52\"}")));
}

static void test_codes_that_are_never_used(void **state)
{
    (void)state;
    expect_warning(VALIDATE("\"body.note\":{\"required\":false,\"blank\":\"x\"}"), AT "[\"body.note\"].blank",
                   3, "never used");
    expect_warning(VALIDATE("\"body.text\":{\"too_long\":\"x\"}"), AT "[\"body.text\"].too_long", 3,
                   "there is no \"max_chars\"");
    expect_warning(VALIDATE("\"body.text\":{\"malformed\":\"x\"}"), AT "[\"body.text\"].malformed", 3,
                   "there is no \"format\"");
}

static void test_when(void **state)
{
    (void)state;
    ra_config *c = parse_clean(POST("\"when\":[\"body.group\",\"query.q\",\"header.X-A\",\"body.text\"]"));
    const ra_route *r = &c->routes[0];
    static const char *const places[] = {"body.group", "query.q", "header.X-A", "body.text"};
    assert_int_equal(r->nwhen, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(r->inputs[r->when[i]].place, places[i]);
    ra_config_unref(c);
    c = parse_clean(POST("\"when\":[]"));
    assert_int_equal(c->routes[0].nwhen, 0);
    ra_config_unref(c);
}

static void test_what_when_refuses(void **state)
{
    (void)state;
    expect_error(POST("\"when\":\"body.group\""), "routes[0].when", 3,
                 "a string; accepted: an array of 0 to 64 strings");
    expect_error(POST("\"when\":[\"body.group\",\n\"path.id\"]"), "routes[0].when[1]", 4,
                 "accepted: query.NAME, header.NAME, body.NAME");
    expect_error(POST("\"when\":[\"now\"]"), "routes[0].when[0]", 3, "isn't an input here");
    expect_error(POST("\"when\":[\"{body.group}\"]"), "routes[0].when[0]", 3, "isn't an input here");
    expect_error(POST("\"when\":[3]"), "routes[0].when[0]", 3, "a number");
    /* The places stay right after one that can't be read. */
    ra_problems p;
    assert_null(parse(POST("\"when\":[3,\"body.a\",\n\"bdy.b\"]"), &p));
    assert_int_equal(p.errors, 2);
    assert_int_equal(problem_at(&p, "routes[0].when[2]")->line, 4);
    ra_problems_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_option),
        cmocka_unit_test(test_inputs_that_are_refused),
        cmocka_unit_test(test_values_that_are_refused),
        cmocka_unit_test(test_defaults_keep_the_rules),
        cmocka_unit_test(test_codes_that_are_never_used),
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_what_when_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
