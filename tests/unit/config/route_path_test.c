#include "tests/unit/config/expect.h"
#include "tests/unit/config/route_texts.h"

#define PATH(path) ROUTES(READ(path, QUERY("k")))

static void test_segments(void **state)
{
    (void)state;
    ra_config *c = parse_clean(ROUTES(READ("/api/{group}/{other}/last", QUERY("{path.group}"))));
    const ra_route *r = &c->routes[0];
    assert_string_equal(r->path, "/api/{group}/{other}/last");
    assert_int_equal(r->nsegments, 4);
    assert_string_equal(r->segments[0].text, "api");
    assert_null(r->segments[1].text);
    assert_null(r->segments[2].text);
    assert_string_equal(r->segments[3].text, "last");
    assert_int_equal(r->inputs[r->segments[1].slot].source, RA_INPUT_PATH);
    assert_string_equal(r->inputs[r->segments[1].slot].name, "group");
    assert_int_equal(r->segments[0].slot, -1);
    assert_int_equal(r->segments[2].slot, -1); /* nothing uses it */
    ra_config_unref(c);
}

static void test_escapes_are_decoded(void **state)
{
    (void)state;
    ra_config *c = parse_clean(PATH("/a%20b/%c3%A9/%7bx%7D/%25/a%2Fb/gr\xc3\xbc\xc3\x9f"));
    static const char *const texts[] = {"a b", "\xc3\xa9", "{x}", "%", "a/b", "gr\xc3\xbc\xc3\x9f"};
    assert_int_equal(c->routes[0].nsegments, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(c->routes[0].segments[i].text, texts[i]);
    ra_config_unref(c);
}

static void test_what_is_refused(void **state)
{
    static const char *const cases[][2] = {
        {"api", "doesn't begin with '/'"},
        {"//", "empty segment"},
        {"/api/", "ends with '/'"},
        {"/a//b", "empty segment"},
        {"/a?b=c", "query string"},
        {"/a#b", "fragment"},
        {"/x{a}", "a brace stands within"},
        {"/a}", "a brace stands within"},
        {"/{}", "a parameter isn't well-formed"},
        {"/{a", "a parameter isn't well-formed"},
        {"/{a}b", "a parameter isn't well-formed"},
        {"/{a b}", "a parameter isn't well-formed"},
        {"/{{a}}", "a parameter isn't well-formed"},
        {"/{a}/{a}", "the same name"},
        {"/%", "two hexadecimal digits"},
        {"/%4", "two hexadecimal digits"},
        {"/%zz", "two hexadecimal digits"},
        {"/a%00b", "a zero byte"},
        {"/%c3", "isn't UTF-8"},
        {"/%0a", "a control character"},
        {"/a/../b", "\"..\""},
        {"/%2e", "\".\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        snprintf(text, sizeof text, PATH("%s"), cases[i][0]);
        expect_error(text, "routes[0].path", 2, cases[i][1]);
    }
    expect_error(PATH("/"), "routes[0].path", 2, "is too short; accepted: a string of 2 to 512 bytes");
    expect_error(PATH("/a\\nb"), "routes[0].path", 2, "control characters");
}

static void test_bounds(void **state)
{
    char text[2048], path[600];
    (void)state;
    for (int n = 32; n <= 33; n++) {
        path[0] = '\0';
        for (int i = 0; i < n; i++)
            strcat(path, "/a");
        snprintf(text, sizeof text, PATH("%s"), path);
        if (n == 32)
            ra_config_unref(parse_clean(text));
        else
            expect_error(text, "routes[0].path", 2, "at most 32");
    }
    for (int n = 512; n <= 513; n++) {
        memset(path, 'a', sizeof path);
        path[0] = '/';
        path[n] = '\0';
        snprintf(text, sizeof text, PATH("%s"), path);
        if (n == 512)
            ra_config_unref(parse_clean(text));
        else
            expect_error(text, "routes[0].path", 2, "is too long");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_escapes_are_decoded),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
