#include "tests/unit/config/expect.h"
#include "tests/unit/config/route_texts.h"

#define ROUTE(name, method, path, more)                                                                      \
    "{\"name\":\"" name "\",\"method\":\"" method "\",\"path\":\"" path "\"," more "}"
#define GET(name, path) ROUTE(name, "GET", path, QUERY("k"))
#define POST(name, path, more)                                                                               \
    ROUTE(name, "POST", path,                                                                                \
          more "\"operation\":\"PutItem\",\"request\":" PUT("{}") ",\"reply\":{\"object\":{}}")
/* The second one stands on line 3. */
#define TWO(a, b) ROUTES(a ",\n" b)

static void test_names_are_unique(void **state)
{
    (void)state;
    expect_error(TWO(GET("a", "/x"), GET("a", "/y")), "routes[1].name", 3, "another route has this name");
    ra_config *c = parse_clean(TWO(GET("a", "/x"), GET("b", "/y")));
    assert_int_equal(c->nroutes, 2);
    assert_string_equal(c->routes[0].name, "a");
    assert_string_equal(c->routes[1].name, "b");
    ra_config_unref(c);
}

static void test_routes_that_are_never_reached(void **state)
{
    static const char *const covered[][2] = {
        {"/x", "/x"}, {"/{a}", "/{b}"}, {"/{a}", "/x"}, {"/x/{a}/z", "/x/y/z"}, {"/a%20b", "/a b"}};
    char text[2048];
    (void)state;
    for (size_t i = 0; i < sizeof covered / sizeof *covered; i++) {
        snprintf(text, sizeof text, TWO(GET("first", "%s"), GET("second", "%s")), covered[i][0],
                 covered[i][1]);
        expect_error(text, "routes[1]", 3,
                     "never reached: an earlier route, \"first\", takes all its requests");
    }
    expect_error(TWO(POST("a", "/x", "\"when\":[\"header.X-A\"],"),
                     POST("b", "/x", "\"when\":[\"body.b\",\"header.x-a\"],")),
                 "routes[1]", 3, "never reached");
    expect_error(TWO(POST("a", "/x", ""), POST("b", "/x", "\"when\":[\"body.b\"],")), "routes[1]", 3,
                 "never reached");
}

static void test_routes_that_are_reached(void **state)
{
    static const char *const apart[][2] = {{"/x", "/y"},   {"/x", "/{a}"},       {"/x/{a}", "/{b}/y"},
                                           {"/x", "/x/y"}, {"/{a}", "/{a}/{b}"}, {"/x", "/X"}};
    char text[2048];
    (void)state;
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
        snprintf(text, sizeof text, TWO(GET("first", "%s"), GET("second", "%s")), apart[i][0], apart[i][1]);
        ra_config_unref(parse_clean(text));
    }
    ra_config_unref(parse_clean(TWO(GET("a", "/x"), POST("b", "/x", ""))));
    ra_config_unref(parse_clean(TWO(POST("a", "/x", "\"when\":[\"body.a\"],"), POST("b", "/x", ""))));
    ra_config_unref(parse_clean(
        TWO(POST("a", "/x", "\"when\":[\"body.a\"],"), POST("b", "/x", "\"when\":[\"body.A\"],"))));
    ra_config_unref(parse_clean(TWO(POST("a", "/x", "\"when\":[\"body.a\",\"body.b\"],"),
                                    POST("b", "/x", "\"when\":[\"body.a\"],"))));
    ra_config_unref(parse_clean(
        TWO(POST("a", "/x", "\"when\":[\"body.a\"],"), POST("b", "/x", "\"when\":[\"query.a\"],"))));
}

/* A route with an error of its own isn't compared: it could seem to take everything. */
static void test_routes_with_errors_are_not_compared(void **state)
{
    (void)state;
    expect_error(TWO(POST("a", "/x", "\"when\":[\"bdy.a\"],"), POST("b", "/x", "")), "routes[0].when[0]", 2,
                 "did you mean");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_unique),
        cmocka_unit_test(test_routes_that_are_never_reached),
        cmocka_unit_test(test_routes_that_are_reached),
        cmocka_unit_test(test_routes_with_errors_are_not_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
