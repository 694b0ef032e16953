#include "tests/unit/config/expect.h"
#include "tests/unit/config/route_texts.h"

#define METHOD(method, more) ROUTES("{\"name\":\"r\",\"method\":\"" method "\",\"path\":\"/x\",\n" more "}")
#define PUTTING              "\"operation\":\"PutItem\",\"request\":" PUT("{}") ",\"reply\":{\"object\":{}}"

static void test_no_routes(void **state)
{
    (void)state;
    ra_config *c = parse_clean("{\"tables\":{\"abc\":{}}}");
    assert_int_equal(c->nroutes, 0);
    ra_config_unref(c);
    c = parse_clean(ROUTES(""));
    assert_int_equal(c->nroutes, 0);
    ra_config_unref(c);
}

static void test_methods(void **state)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    char text[1024];
    (void)state;
    for (unsigned i = RA_ROUTE_GET; i <= RA_ROUTE_DELETE; i++) {
        snprintf(text, sizeof text, METHOD("%s", "%s"), methods[i], i == RA_ROUTE_GET ? QUERY("k") : PUTTING);
        ra_config *c = parse_clean(text);
        assert_int_equal(c->routes[0].method, i);
        ra_config_unref(c);
        snprintf(text, sizeof text, METHOD("%s", "%s"), methods[i], i == RA_ROUTE_GET ? PUTTING : QUERY("k"));
        expect_error(text, "routes[0].method", 2,
                     i == RA_ROUTE_GET ? "a GET changes nothing" : "a read is a GET");
    }
    expect_error(METHOD("POST", "\"operation\":\"GetItem\",\"request\":" PUT("{}")), "routes[0].method", 2,
                 "a read is a GET");
    expect_error(METHOD("HEAD", QUERY("k")), "routes[0].method", 2, "accepted: \"GET\", \"POST\"");
    expect_error(METHOD("get", QUERY("k")), "routes[0].method", 2, "did you mean \"GET\"?");
}

static void test_exactly_one_operation(void **state)
{
    (void)state;
    expect_error(METHOD("GET", "\"when\":[]"), "routes[0]", 2,
                 "it has no operation; accepted: either \"query\"");
    expect_error(METHOD("GET", QUERY("k") ",\"operation\":\"Query\""), "routes[0]", 2,
                 "it has two operations");
    expect_error(METHOD("GET", QUERY("k") ",\"request\":{}"), "routes[0]", 2, "it has two operations");
    expect_error(METHOD("GET", "\"operation\":\"Query\""), "routes[0].request", 2, "it must be given");
    expect_error(METHOD("GET", "\"request\":{}"), "routes[0].operation", 2, "it must be given");
    expect_error(METHOD("GET", "\"operation\":\"Scan\",\"request\":{}"), "routes[0].operation", 3,
                 "accepted: \"Query\", \"GetItem\", \"PutItem\"");
    expect_error(METHOD("POST", "\"operation\":\"PutItem\",\"request\":[],\"reply\":{\"object\":{}}"),
                 "routes[0].request", 3, "another type");
}

static void test_what_is_missing_or_wrong(void **state)
{
    (void)state;
    expect_error("{\"tables\":{\"abc\":{}},\"routes\":{}}", "routes", 1, "an array of 0 to 256 objects");
    expect_error(ROUTES("3"), "routes[0]", 2, "not an object");
    expect_error(ROUTES("{\"method\":\"GET\",\"path\":\"/x\"," QUERY("k") "}"), "routes[0].name", 2,
                 "must be given");
    expect_error(ROUTES("{\"name\":\"a b\",\"method\":\"GET\",\"path\":\"/x\"," QUERY("k") "}"),
                 "routes[0].name", 2, "letters, digits");
    expect_error(METHOD("GET", QUERY("k") ",\"replay\":{}"), "routes[0].replay", 3,
                 "did you mean \"reply\"?");
    ra_problems p;
    assert_null(parse(ROUTES("{}"), &p));
    assert_int_equal(p.errors, 4); /* name, method, path, operation */
    ra_problems_free(&p);
}

/* Every error of every route in one run, in the file's order. */
static void test_all_errors_are_found_at_once(void **state)
{
    ra_problems p;
    (void)state;
    assert_null(
        parse(ROUTES("{\"name\":\"a\",\"method\":\"GET\",\"path\":\"x\",\n\"query\":{\"table\":\"ghi\",\n"
                     "\"partition_key\":\"{\"},\n\"reply\":{\"status\":1}},\n3"),
              &p));
    static const char *const paths[] = {"routes[0].path", "routes[0].query.table",
                                        "routes[0].query.partition_key", "routes[0].reply.status",
                                        "routes[1]"};
    assert_int_equal(p.n, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(p.v[i].path, paths[i]);
        assert_int_equal(p.v[i].line, i + 2);
    }
    ra_problems_free(&p);
}

static void test_as_many_routes_as_there_may_be(void **state)
{
    (void)state;
    for (int n = 256; n <= 257; n++) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        assert_non_null(out);
        fputs("{\"tables\":{\"abc\":{}},\"routes\":[", out);
        for (int i = 0; i < n; i++)
            fprintf(out, "%s{\"name\":\"r%d\",\"method\":\"GET\",\"path\":\"/x%d\"," QUERY("k") "}",
                    i ? "," : "", i, i);
        fputs("]}", out);
        fclose(out);
        if (n == 256) {
            ra_config *c = parse_clean(text);
            assert_int_equal(c->nroutes, 256);
            assert_string_equal(c->routes[255].name, "r255");
            ra_config_unref(c);
        } else {
            expect_error(text, "routes", 1, "too many; accepted: an array of 0 to 256 objects");
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_routes),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_exactly_one_operation),
        cmocka_unit_test(test_what_is_missing_or_wrong),
        cmocka_unit_test(test_all_errors_are_found_at_once),
        cmocka_unit_test(test_as_many_routes_as_there_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
