#include "tests/unit/config/expect.h"

#define CORS(json)      "{\"tables\":{\"*\":{}},\n\"cors\":{" json "}}"
#define ORIGINS(values) CORS("\"allow_origins\":[" values "]")

static void expect_texts(const ra_texts *texts, const char *const *wanted, size_t n)
{
    assert_int_equal(texts->n, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(texts->v[i], wanted[i]);
}

static void expect_defaults(const ra_config *c)
{
    static const char *const exposed[] = {"Age", "Cache-Status", "Link", "X-Cache"};
    assert_int_equal(c->cors.allow_origins.n, 0);
    assert_int_equal(c->cors.allow_headers.n, 0);
    expect_texts(&c->cors.expose_headers, exposed, 4);
    assert_false(c->cors.allow_credentials);
    assert_int_equal(c->cors.max_age, 600000);
}

static void test_defaults(void **state)
{
    (void)state;
    ra_config *c = parse_clean("{\"tables\":{\"*\":{}}}");
    expect_defaults(c);
    ra_config_unref(c);
    c = parse_clean(CORS(""));
    expect_defaults(c);
    ra_config_unref(c);
}

static void test_every_option(void **state)
{
    static const char *const origins[] = {"https://example.com", "http://127.0.0.1:3000"};
    static const char *const headers[] = {"X-Request-Id", "traceparent"};
    (void)state;
    ra_config *c =
        parse_clean(CORS("\"allow_origins\":[\"https://example.com\",\"http://127.0.0.1:3000\"],"
                         "\"allow_headers\":[\"X-Request-Id\",\"traceparent\"],\"expose_headers\":[],"
                         "\"allow_credentials\":true,\"max_age\":\"0s\""));
    expect_texts(&c->cors.allow_origins, origins, 2);
    expect_texts(&c->cors.allow_headers, headers, 2);
    assert_int_equal(c->cors.expose_headers.n, 0);
    assert_true(c->cors.allow_credentials);
    assert_int_equal(c->cors.max_age, 0);
    ra_config_unref(c);
    expect_error(CORS("\"max_age\":\"25h\""), "cors.max_age", 2, "to 1d");
}

static void test_origins(void **state)
{
    static const char *const good[] = {
        "https://example.com",    "http://localhost",
        "http://localhost:3000",  "https://a-b.example.com:8443",
        "http://[::1]:3000",      "https://[2001:db8::1]",
        "capacitor://localhost",  "*",
        "http://example.com:443", "moz-extension://5d96cf7f-265b-4da9-8f0c-26ef4243ed52"};
    static const char *const bad[][2] = {
        {"example.com", "no scheme"},
        {"//example.com", "no scheme"},
        {"://example.com", "no scheme"},
        {"https:example.com", "no scheme"},
        {"https://", "no valid host"},
        {"https://*.example.com", "no valid host"},
        {"https://a b", "no valid host"},
        {"https://ex\xc3\xa4mple.com", "no valid host"},
        {"https://u@example.com", "no valid host"},
        {"https://[::1", "no valid host"},
        {"https://[x]", "no valid host"},
        {"https://[::1]x", "a path"},
        {"https://Example.com", "upper case"},
        {"HTTPS://example.com", "upper case"},
        {"https://example.com/", "ends with '/'"},
        {"https://example.com/app", "a path"},
        {"https://example.com?x", "a path"},
        {"https://example.com#x", "a path"},
        {"https://example.com:443", "its scheme's own port"},
        {"http://example.com:80", "its scheme's own port"},
        {"https://example.com:", "no valid port"},
        {"https://example.com:0", "no valid port"},
        {"https://example.com:08443", "no valid port"},
        {"https://example.com:65536", "no valid port"},
        {"https://example.com:x", "no valid port"},
        {"https://example.com:1/", "a path"},
        {"null", "sent by pages of any origin"},
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(text, sizeof text, ORIGINS("\"%s\""), good[i]);
        ra_config_unref(parse_clean(text));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, ORIGINS("\"http://ok\",\n\"%s\""), bad[i][0]);
        expect_error(text, "cors.allow_origins[1]", 3, bad[i][1]);
    }
}

static void test_any_origin(void **state)
{
    (void)state;
    expect_error(ORIGINS("\"*\",\"http://a\""), "cors.allow_origins", 2, "\"*\" among others");
    expect_error(CORS("\"allow_origins\":[\"*\"],\n\"allow_credentials\":true"), "cors.allow_credentials", 3,
                 "every origin is allowed; accepted: false");
    ra_config_unref(parse_clean(CORS("\"allow_origins\":[\"*\"],\"allow_credentials\":false")));
}

static void test_headers(void **state)
{
    (void)state;
    expect_error(CORS("\"allow_origins\":[\"*\"],\"allow_headers\":[\"X A\"]"), "cors.allow_headers[0]", 2,
                 "not a header's name");
    expect_error(CORS("\"allow_origins\":[\"*\"],\"expose_headers\":[\"A\",\n\"a:b\"]"),
                 "cors.expose_headers[1]", 3, "not a header's name");
    expect_error(CORS("\"allow_origins\":[\"*\"],\"allow_headers\":[\"x-readaside-secret\"]"),
                 "cors.allow_headers[0]", 2, "no page holds a back end's secret");
    expect_error(CORS("\"allow_origins\":[\"*\"],\"allow_headers\":[\"*\"]"), "cors.allow_headers[0]", 2,
                 "\"*\" isn't taken here");
}

/* After a string that can't be read the others are still those of their places. */
static void test_places_after_an_error(void **state)
{
    ra_problems p;
    (void)state;
    assert_null(parse(ORIGINS("\"\",\n3,\n\"http://ok\",\n\"http://A\""), &p));
    assert_int_equal(p.errors, 3);
    assert_non_null(problem_at(&p, "cors.allow_origins[0]"));
    assert_int_equal(problem_at(&p, "cors.allow_origins[1]")->line, 3);
    assert_int_equal(problem_at(&p, "cors.allow_origins[3]")->line, 5);
    ra_problems_free(&p);
}

static void test_what_has_no_effect(void **state)
{
    (void)state;
    expect_warning(CORS("\"max_age\":\"1m\""), "cors", 2, "\"allow_origins\" names no origin");
    ra_config_unref(parse_clean(ORIGINS("")));
    expect_error(CORS("\"allow_origin\":[]"), "cors.allow_origin", 2, "did you mean \"allow_origins\"?");
    expect_error(CORS("\"allow_origins\":\"*\""), "cors.allow_origins", 2, "an array of 0 to 64 strings");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_option),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_any_origin),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_places_after_an_error),
        cmocka_unit_test(test_what_has_no_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
