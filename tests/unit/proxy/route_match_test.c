/* Paths and methods, by hand: the routes' own texts are the config's business. */
#include "route_fixture.h"

#include "proxy/route_parts.h"

#define GET(name, path)                                                                                      \
    "{\"name\":\"" name "\",\"method\":\"GET\",\"path\":\"" path                                             \
    "\",\"query\":{\"table\":\"chat\",\"partition_key\":\"x\"}}"
#define WRITE(name, method, path)                                                                            \
    "{\"name\":\"" name "\",\"method\":\"" method "\",\"path\":\"" path                                      \
    "\",\"operation\":\"DeleteItem\",\"request\":{\"TableName\":\"chat\",\"Key\":{\"pk\":{\"S\":\"x\"}}},"   \
    "\"reply\":{\"object\":{}}}"

static const char routes[] = GET("literal", "/api/messages/new") "," GET("item", "/api/messages/{id}") "," GET(
    "deep",
    "/api/{kind}/"
    "{id}/x") "," WRITE("post", "POST",
                        "/api/messages") "," WRITE("delete", "DELETE",
                                                   "/api/messages") "," WRITE("put", "PUT",
                                                                              "/api/messages") "," WRITE("pat"
                                                                                                         "ch",
                                                                                                         "PAT"
                                                                                                         "CH",
                                                                                                         "/ap"
                                                                                                         "i/"
                                                                                                         "mes"
                                                                                                         "sag"
                                                                                                         "es") "," GET("list",
                                                                                                                       "/api/messages") "," GET("escaped",
                                                                                                                                                "/a%2Fb/%C3%BC") "," GET("one",
                                                                                                                                                                         "/{all}");

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

static void assert_route(route_fixture *f, const char *target, const char *name)
{
    route_get(f, target);
    assert_string_equal(f->call.route->name, name);
}

static void paths(void **state)
{
    assert_route(*state, "/api/messages/new", "literal");
    assert_route(*state, "/api/messages/newer", "item");
    assert_route(*state, "/api/messages/n%65w", "literal");
    assert_route(*state, "/%61pi/messages/x?a/b/c", "item");
    assert_route(*state, "/api/messages/a%2Fb", "item");
    assert_route(*state, "/api/messages/..", "item");
    assert_route(*state, "/api/messages/%20", "item");
    assert_route(*state, "/api/messages/\xc3\xbc", "item");
    assert_route(*state, "/api/a/b/x", "deep");
    assert_route(*state, "/a%2fb/%c3%bc", "escaped");
    assert_route(*state, "/a%2Fb", "one");
    assert_route(*state, "/api", "one");
}

static void unknown_paths(void **state)
{
    static const char *const targets[] = {"",
                                          "/",
                                          "//",
                                          "?x",
                                          "*",
                                          "api/messages",
                                          "/api/messages/",
                                          "/api/messages/new/",
                                          "/api/",
                                          "/API/messages",
                                          "/a/b",
                                          "/a/b/%C3%BC",
                                          "/api//messages",
                                          "/api/messages//x",
                                          "/api/messages/a/b",
                                          "/api/messages/x/y/z",
                                          "http://x/api/messages"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        assert_int_equal(route_open(*state, RA_METHOD_GET, targets[i], NULL), RA_ROUTE_NONE);
        assert_int_equal(route_open(*state, RA_METHOD_OPTIONS, targets[i], NULL), RA_ROUTE_NONE);
        assert_int_equal(route_open(*state, RA_METHOD_POST, targets[i], "{}"), RA_ROUTE_NONE);
    }
}

static void malformed_paths(void **state)
{
    static const char *const segments[] = {
        "%",   "%4",     "%zz",  "%ff",  "%ed%a0%80", "%c0%af",       "a%00b",   "a%0d%0ab",    "%1b[31m",
        "%7f", "%c2%85", "\xff", "\x01", "%C3",       "%f4%90%80%80", "x%e2%82", "%f5%80%80%80"};
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
        char target[64];
        snprintf(target, sizeof target, "/api/messages/%s", segments[i]);
        route_refused(*state, RA_METHOD_GET, target, NULL, 400, "malformed_path");
        route_refused(*state, RA_METHOD_OPTIONS, target, NULL, 400, "malformed_path");
        route_refused(*state, RA_METHOD_DELETE, target, NULL, 400, "malformed_path");
        /* only where a route has such a path */
        snprintf(target, sizeof target, "/api/others/%s", segments[i]);
        assert_int_equal(route_open(*state, RA_METHOD_GET, target, NULL), RA_ROUTE_NONE);
        snprintf(target, sizeof target, "/api/x/%s/y", segments[i]);
        assert_int_equal(route_open(*state, RA_METHOD_GET, target, NULL), RA_ROUTE_NONE);
    }
    assert_int_equal(route_open_bytes(*state, RA_METHOD_GET, RA_BYTES("/api/messages/a\0b"), RA_BYTES("")),
                     RA_ROUTE_REFUSED);
    assert_refusal(*state, 400, "malformed_path");
}

static void methods(void **state)
{
    route_fixture *f = *state;
    static const int wrong[] = {RA_METHOD_POST, RA_METHOD_PUT, RA_METHOD_PATCH, RA_METHOD_DELETE};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        route_refused(f, wrong[i], "/api/messages/new", "{}", 405, "method_not_allowed");
        assert_string_equal(f->refusal.allow, "GET, HEAD, OPTIONS");
    }
    static const struct {
        int method;
        const char *name;
    } right[] = {{RA_METHOD_POST, "post"},     {RA_METHOD_PUT, "put"},  {RA_METHOD_PATCH, "patch"},
                 {RA_METHOD_DELETE, "delete"}, {RA_METHOD_GET, "list"}, {RA_METHOD_HEAD, "list"}};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        route_headers(f, "Content-Type", "application/json", NULL); /* without it no POST is taken */
        assert_int_equal(route_open(f, right[i].method, "/api/messages", NULL), RA_ROUTE_OPEN);
        assert_string_equal(f->call.route->name, right[i].name);
        assert_true(f->call.head == (right[i].method == RA_METHOD_HEAD));
    }
    assert_int_equal(route_open(f, RA_METHOD_OPTIONS, "/api/messages", NULL), RA_ROUTE_OPTIONS);
    assert_string_equal(f->refusal.allow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    assert_int_equal(route_open(f, RA_METHOD_OPTIONS, "/api/messages/new", NULL), RA_ROUTE_OPTIONS);
    assert_string_equal(f->refusal.allow, "GET, HEAD, OPTIONS");
}

static void allowed_methods(void **state)
{
    route_fixture *f = *state;
    assert_string_equal(ra_route_methods_text(0, &f->arena), "OPTIONS");
    assert_string_equal(ra_route_methods_text(1u << RA_ROUTE_DELETE | 1u << RA_ROUTE_POST, &f->arena),
                        "POST, DELETE, OPTIONS");
}

/* Long paths cost what they are long, and no memory unless a route is as long. */
static void long_paths(void **state)
{
    route_fixture *f = *state;
    enum { N = 1 << 20 };
    char *path = malloc(N);
    assert_non_null(path);
    memset(path, '/', N);
    assert_int_equal(route_open_bytes(f, RA_METHOD_GET, (ra_bytes){path, N}, RA_BYTES("")), RA_ROUTE_NONE);
    assert_int_equal(f->arena.used, 0);
    memset(path + 1, 'a', N - 1);
    assert_int_equal(route_open_bytes(f, RA_METHOD_GET, (ra_bytes){path, N}, RA_BYTES("")), RA_ROUTE_OPEN);
    assert_string_equal(f->call.route->name, "one");
    for (size_t i = 1; i < N; i++)
        path[i] = "%41"[(i - 1) % 3];
    assert_int_equal(route_open_bytes(f, RA_METHOD_GET, (ra_bytes){path, N}, RA_BYTES("")), RA_ROUTE_OPEN);
    assert_int_equal(f->call.path.n, N);
    assert_int_equal(route_open_bytes(f, RA_METHOD_GET, (ra_bytes){path, N - 1}, RA_BYTES("")),
                     RA_ROUTE_REFUSED);
    assert_refusal(f, 400, "malformed_path");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),   cmocka_unit_test(unknown_paths),   cmocka_unit_test(malformed_paths),
        cmocka_unit_test(methods), cmocka_unit_test(allowed_methods), cmocka_unit_test(long_paths),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
