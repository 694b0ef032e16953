#include "tests/unit/config/expect.h"

#define CACHE(json)   "{\"tables\":{\"abc\":{}},\"cache\":{\"store\":\"momento\",\n" json "}}"
#define MOMENTO(json) CACHE("\"momento\":{\"cache\":\"c\"," json "}")
#define V1            "eyJhcGlfa2V5IjogImFiYy5kZWYuZ2hpIiwgImVuZHBvaW50IjogImNlbGwtMS5leGFtcGxlIn0="
#define V2            "eyJhbGciOiJIUzUxMiJ9.eyJ0IjoiZyIsImp0aSI6InNvbWUtaWQifQ.c2ln"
#define KEY           "\"api_key\":\"" V1 "\""
#define GOOD(more)    "{\"cache\":{\"store\":\"momento\",\"momento\":{\"cache\":\"c\"," KEY "}}," more "}"

static int clear_environment(void **state)
{
    (void)state;
    unsetenv("MOMENTO_API_KEY");
    unsetenv("MOMENTO_ENDPOINT");
    return 0;
}

static void test_the_options(void **state)
{
    (void)state;
    ra_config *c = parse_clean(MOMENTO(KEY));
    assert_int_equal(c->cache.store, RA_STORE_KIND_MOMENTO);
    assert_string_equal(c->cache.momento.cache, "c");
    assert_string_equal(c->cache.momento.api_key, V1);
    assert_string_equal(c->cache.momento.endpoint, "https://api.cache.cell-1.example");
    assert_int_equal(c->cache.momento.operations_per_second, 0);
    assert_int_equal(c->cache.momento.request_timeout, 500);
    assert_int_equal(c->cache.momento.max_connections, 64);
    assert_null(c->cache.momento.ca_file);
    assert_int_equal(c->consistency, RA_EVENTUAL);
    assert_int_equal(c->tables[0].consistency, RA_EVENTUAL);
    assert_int_equal(c->writes_when_store_down, RA_WRITES_PASS);
    assert_int_equal(c->unknown_write_hold, 60000);
    ra_config_unref(c);
    c = parse_clean(MOMENTO(KEY ",\"endpoint\":\"http://127.0.0.1:81\",\"operations_per_second\":100,"
                                "\"request_timeout\":\"2s\",\"max_connections\":3"));
    assert_string_equal(c->cache.momento.endpoint, "http://127.0.0.1:81");
    assert_int_equal(c->cache.momento.operations_per_second, 100);
    assert_int_equal(c->cache.momento.request_timeout, 2000);
    assert_int_equal(c->cache.momento.max_connections, 3);
    ra_config_unref(c);
}

static void test_the_key_may_come_from_the_environment(void **state)
{
    (void)state;
    setenv("MOMENTO_API_KEY", V1, 1);
    ra_config *c = parse_clean(CACHE("\"momento\":{\"cache\":\"c\"}"));
    assert_string_equal(c->cache.momento.api_key, V1);
    assert_string_equal(c->cache.momento.endpoint, "https://api.cache.cell-1.example");
    ra_config_unref(c);
    setenv("MOMENTO_API_KEY", "", 1);
    expect_error(CACHE("\"momento\":{\"cache\":\"c\"}"), "cache.momento.api_key", 2, "there is no API key");
    setenv("MOMENTO_API_KEY", "S3CRET", 1);
    ra_problems p;
    assert_null(parse(CACHE("\"momento\":{\"cache\":\"c\"}"), &p));
    const ra_problem *v = problem_at(&p, "cache.momento.api_key");
    assert_non_null(v);
    assert_non_null(strstr(v->message, "MOMENTO_API_KEY isn't an API key"));
    assert_null(strstr(v->message, "S3CRET"));
    ra_problems_free(&p);
}

static void test_a_key_of_version_2_needs_an_endpoint(void **state)
{
    static const char text[] = MOMENTO("\"api_key\":\"" V2 "\"");
    (void)state;
    expect_error(text, "cache.momento.endpoint", 2, "names no endpoint");
    setenv("MOMENTO_ENDPOINT", "cell-2.example", 1);
    ra_config *c = parse_clean(text);
    assert_string_equal(c->cache.momento.endpoint, "https://api.cache.cell-2.example");
    assert_string_equal(c->cache.momento.api_key, V2);
    ra_config_unref(c);
    c = parse_clean(MOMENTO(KEY)); /* what the key names comes first */
    assert_string_equal(c->cache.momento.endpoint, "https://api.cache.cell-1.example");
    ra_config_unref(c);
    setenv("MOMENTO_ENDPOINT", "a/b", 1);
    expect_error(text, "cache.momento.endpoint", 2, "MOMENTO_ENDPOINT holds a path");
    c = parse_clean(MOMENTO("\"api_key\":\"" V2 "\",\"endpoint\":\"cell-3.example\""));
    assert_string_equal(c->cache.momento.endpoint, "https://api.cache.cell-3.example");
    ra_config_unref(c);
}

static void test_values_that_are_none(void **state)
{
    (void)state;
    expect_error(MOMENTO("\n\"api_key\":\"S3CRET\""), "cache.momento.api_key", 3,
                 "the value isn't an API key of Momento's");
    expect_error(MOMENTO(KEY ",\n\"endpoint\":\"a/b\""), "cache.momento.endpoint", 3,
                 "the value holds a path");
    expect_error(CACHE("\"momento\":{\n" KEY "}"), "cache.momento.cache", 2, "it must be given");
    expect_error(CACHE("\"momento\":{\"cache\":\"a b\",\n" KEY "}"), "cache.momento.cache", 2,
                 "holds other characters");
    expect_error(CACHE("\"key_prefix\":\"\""), "cache.momento", 1, "it must be given");
    expect_error(MOMENTO(KEY "},\"redis\":{\"url\":\"redis://h\""), "cache.redis", 2, "nothing uses it");
    expect_error(MOMENTO(KEY "},\"max_bytes\":\"1MiB\",\"near\":{\"max_age\":\"1s\""), "cache.max_bytes", 2,
                 "the account's storage bounds it");
    expect_error(MOMENTO(KEY "},\"state_file\":\"s\",\"near\":{\"max_age\":\"1s\""), "cache.state_file", 2,
                 "Momento itself remembers");
    expect_error("{\"tables\":{\"abc\":{}},\"cache\":{\"momento\":{\"cache\":\"c\"}}}", "cache.momento", 1,
                 "with \"store\": \"momento\" only");
}

/* What is promised is said in one sentence, where more is asked for. */
static void test_no_more_than_eventual(void **state)
{
    (void)state;
    ra_config_unref(parse_clean(GOOD("\"consistency\":\"eventual\",\"tables\":{\"abc\":{}}")));
    expect_error(GOOD("\n\"consistency\":\"read_after_write\",\"tables\":{\"abc\":{}}"), "consistency", 2,
                 RA_MOMENTO_PROMISE);
    expect_error(GOOD("\n\"consistency\":\"linearizable\",\"tables\":{\"abc\":{}}"), "consistency", 2,
                 RA_MOMENTO_PROMISE);
    expect_error(GOOD("\"tables\":{\"abc\":{\n\"consistency\":\"linearizable\"}}"), "tables.abc.consistency",
                 2, RA_MOMENTO_PROMISE);
    expect_error(GOOD("\"tables\":{\"abc\":{\n\"consistency\":\"read_after_write\"}}"),
                 "tables.abc.consistency", 2, RA_MOMENTO_PROMISE);
    /* The other stores' default is what it was. */
    ra_config *c = parse_clean("{\"tables\":{\"abc\":{}}}");
    assert_int_equal(c->consistency, RA_READ_AFTER_WRITE);
    assert_int_equal(c->tables[0].consistency, RA_READ_AFTER_WRITE);
    ra_config_unref(c);
}

static void test_a_ttl_that_is_longer_than_momento_keeps_anything(void **state)
{
    (void)state;
    ra_config_unref(parse_clean(GOOD("\"tables\":{\"abc\":{\"ttl\":\"24h\"}}")));
    expect_warning(GOOD("\"tables\":{\"abc\":{\n\"ttl\":\"25h\"}}"), "tables.abc.ttl", 2, "longer than 24h");
    expect_warning(GOOD("\"tables\":{\"abc\":{\"patterns\":[{\"name\":\"p\",\n\"ttl\":\"2d\"}]}}"),
                   "tables.abc.patterns[0].ttl", 2, "longer than 24h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_options, clear_environment),
        cmocka_unit_test_setup(test_the_key_may_come_from_the_environment, clear_environment),
        cmocka_unit_test_setup(test_a_key_of_version_2_needs_an_endpoint, clear_environment),
        cmocka_unit_test_setup(test_values_that_are_none, clear_environment),
        cmocka_unit_test_setup(test_no_more_than_eventual, clear_environment),
        cmocka_unit_test_setup(test_a_ttl_that_is_longer_than_momento_keeps_anything, clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, clear_environment);
}
