#include "tests/unit/config/expect.h"

#include <unistd.h>

#define LISTEN(json)   "{\"tables\":{\"*\":{}},\n\"listen\":{" json "}}"
#define UPSTREAM(json) "{\"tables\":{\"*\":{}},\n\"upstream\":{" json "}}"
#define CACHE(json)    "{\"tables\":{\"*\":{}},\n\"cache\":{" json "}}"
#define TABLE(json)    "{\"tables\":{\"*\":{\n" json "}}}"

static void test_durations(void **state)
{
    (void)state;
    ra_config *c = parse_clean(UPSTREAM("\"request_timeout\":\"250ms\",\"schema_refresh\":\"24h\""));
    assert_int_equal(c->upstream.request_timeout, 250);
    assert_int_equal(c->upstream.schema_refresh, 86400000);
    ra_config_unref(c);
    expect_error(UPSTREAM("\"request_timeout\":\"31s\""), "upstream.request_timeout", 2,
                 "\"31s\" is out of bounds");
    expect_error(UPSTREAM("\"request_timeout\":\"0s\""), "upstream.request_timeout", 2, "from 1ms to 30s");
    expect_error(UPSTREAM("\"request_timeout\":\"5\""), "upstream.request_timeout", 2, "such as \"5s\"");
    expect_error(UPSTREAM("\"request_timeout\":5"), "upstream.request_timeout", 2, "a number without a unit");
    expect_error(UPSTREAM("\"request_timeout\":null"), "upstream.request_timeout", 2,
                 "null; accepted: a duration");
    expect_error(UPSTREAM("\"request_timeout\":[\"5s\"]"), "upstream.request_timeout", 2, "an array");
    expect_error(UPSTREAM("\"request_timeout\":\"99999999999999999999h\""), "upstream.request_timeout", 2,
                 "isn't accepted");
}

static void test_sizes(void **state)
{
    (void)state;
    ra_config *c = parse_clean(CACHE("\"max_bytes\":\"1GiB\",\"max_entry_bytes\":2048"));
    assert_true(c->cache.max_bytes == (size_t)1 << 30);
    assert_int_equal(c->cache.max_entry_bytes, 2048);
    ra_config_unref(c);
    c = parse_clean(CACHE("\"max_bytes\":\"0\""));
    assert_int_equal(c->cache.max_bytes, 0);
    ra_config_unref(c);
    expect_error(LISTEN("\"max_body\":\"64MB\""), "listen.max_body", 2, "KiB, MiB or GiB");
    expect_error(LISTEN("\"max_body\":\"65MiB\""), "listen.max_body", 2, "from 1KiB to 64MiB");
    expect_error(LISTEN("\"max_body\":1023"), "listen.max_body", 2, "out of bounds");
    expect_error(LISTEN("\"max_body\":2000.5"), "listen.max_body", 2, "isn't whole");
    expect_error(CACHE("\"max_bytes\":\"1025GiB\""), "cache.max_bytes", 2, "to 1024GiB");
}

static void test_counts(void **state)
{
    (void)state;
    ra_config *c = parse_clean(LISTEN("\"threads\":64,\"max_in_flight\":2e3"));
    assert_int_equal(c->listen.threads, 64);
    assert_int_equal(c->listen.max_in_flight, 2000);
    ra_config_unref(c);
    static const char *const bad[] = {
        "0",    "65",      "-1",   "1.5", "1e400",     "-1e400", "1e19", "18446744073709551618",
        "\"\"", "\"two\"", "true", "{}",  "4294967298"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[128];
        snprintf(text, sizeof text, LISTEN("\"threads\":%s"), bad[i]);
        expect_error(text, "listen.threads", 2, "accepted: a whole number from 1 to 64");
    }
}

static void test_shares_and_booleans(void **state)
{
    (void)state;
    ra_config *c = parse_clean(TABLE("\"ttl_jitter\":\"2.5%\",\"consistent_fill\":false"));
    assert_int_equal(c->tables[0].policy.ttl_jitter, 25000);
    assert_false(c->tables[0].policy.consistent_fill);
    ra_config_unref(c);
    expect_error(TABLE("\"ttl_jitter\":0.1"), "tables[\"*\"].ttl_jitter", 2, "a number without a unit");
    expect_error(TABLE("\"ttl_jitter\":\"101%\""), "tables[\"*\"].ttl_jitter", 2, "from 0% to 100%");
    expect_error(TABLE("\"consistent_fill\":\"false\""), "tables[\"*\"].consistent_fill", 2,
                 "a string; accepted: true or false");
    expect_error(TABLE("\"consistent_fill\":0"), "tables[\"*\"].consistent_fill", 2, "true or false");
    expect_error(TABLE("\"consistent_fill\":null"), "tables[\"*\"].consistent_fill", 2, "true or false");
}

static void test_choices(void **state)
{
    (void)state;
    ra_config *c = parse_clean(TABLE("\"consistency\":\"eventual\""));
    assert_int_equal(c->tables[0].consistency, RA_EVENTUAL);
    assert_int_equal(c->consistency, RA_READ_AFTER_WRITE);
    ra_config_unref(c);
    expect_error(
        TABLE("\"consistency\":\"linearisable\""), "tables[\"*\"].consistency", 2,
        "\"linearisable\" isn't accepted (did you mean \"linearizable\"?); accepted: \"linearizable\", "
        "\"read_after_write\", \"eventual\"");
    expect_error(CACHE("\"store\":\"memcached\""), "cache.store", 2,
                 "\"memcached\" isn't accepted; accepted: \"memory\", \"redis\", \"momento\"");
    expect_error(CACHE("\"store\":\"rediss\""), "cache.store", 2, "did you mean \"redis\"?");
    expect_error(CACHE("\"store\":\"memry\""), "cache.store", 2, "did you mean \"memory\"?");
    expect_error(CACHE("\"store\":1"), "cache.store", 2, "a number; accepted: \"memory\"");
}

static void test_texts(void **state)
{
    (void)state;
    ra_config *c = parse_clean(CACHE("\"key_prefix\":\"prod: \\u00e9\""));
    assert_string_equal(c->cache.key_prefix, "prod: \xc3\xa9");
    ra_config_unref(c);
    expect_error(CACHE("\"key_prefix\":\"a\\nb\""), "cache.key_prefix", 2,
                 "\"a\\u000ab\" holds control characters");
    char text[300];
    snprintf(text, sizeof text, CACHE("\"key_prefix\":\"%0129d\""), 0);
    expect_error(text, "cache.key_prefix", 2, "0000\"... is too long; accepted: a string of 0 to 128 bytes");
    expect_error(UPSTREAM("\"region\":\"EU West\""), "upstream.region", 2, "an AWS region in lower case");
    expect_error(UPSTREAM("\"region\":\"\""), "upstream.region", 2, "an AWS region in lower case");
}

static void test_addresses(void **state)
{
    (void)state;
    ra_config *c = parse_clean(LISTEN("\"address\":\"[::1]:0\""));
    assert_string_equal(c->listen.host, "::1");
    assert_int_equal(c->listen.port, 0);
    assert_false(c->listen.exposed);
    ra_config_unref(c);
    c = parse_clean(LISTEN("\"address\":\"[::]:80\"},\"auth\":{\"sigv4\":\"none\""));
    assert_string_equal(c->listen.host, "::");
    assert_true(c->listen.exposed);
    ra_config_unref(c);
    expect_error(LISTEN("\"address\":\"example.com:80\""), "listen.address", 2,
                 "accepted: \"127.0.0.1:8080\"");
    expect_error(LISTEN("\"address\":8080"), "listen.address", 2, "a number");
}

/* A URL may hold a password: what was given is never repeated. */
static void test_endpoints(void **state)
{
    (void)state;
    ra_config *c = parse_clean(UPSTREAM("\"endpoint\":\"HTTP://LOCALHOST:8000/\""));
    assert_string_equal(c->upstream.endpoint, "http://localhost:8000");
    ra_config_unref(c);
    ra_problems p;
    assert_null(parse(UPSTREAM("\"endpoint\":\"https://user:s3cret@h\""), &p));
    assert_non_null(strstr(p.v[0].message, "the value holds a user or a password"));
    assert_null(strstr(p.v[0].message, "s3cret"));
    ra_problems_free(&p);
    expect_error(UPSTREAM("\"streams_endpoint\":\"h\""), "upstream.streams_endpoint", 2,
                 "begin with http://");
}

static void test_paths(void **state)
{
    (void)state;
    ra_config *c = parse_clean("{\"tables\":{\"*\":{}},\"ddb\":{\"schema\":\"a.json\",\"seed\":\"/b.json\"},"
                               "\"upstream\":{\"ca_file\":\"/dev/null\"}}");
    assert_string_equal(c->ddb.schema, "folder/a.json");
    assert_string_equal(c->ddb.seed, "/b.json");
    assert_string_equal(c->upstream.ca_file, "/dev/null");
    assert_null(c->cache.state_file);
    ra_config_unref(c);
    expect_error(UPSTREAM("\"ca_file\":\"none.pem\""), "upstream.ca_file", 2, "\"none.pem\" can't be read");
    expect_error(CACHE("\"state_file\":\"\""), "cache.state_file", 2, "is empty");
    expect_error(CACHE("\"state_file\":\"a\\u0007\""), "cache.state_file", 2, "control characters");
}

static void test_references_stand_for_any_string(void **state)
{
    (void)state;
    setenv("READASIDE_TEST", "7", 1);
    ra_config *c = parse_clean(LISTEN("\"threads\":\"env:READASIDE_TEST\""));
    assert_int_equal(c->listen.threads, 7);
    ra_config_unref(c);
    setenv("READASIDE_TEST", "30s", 1);
    c = parse_clean(TABLE("\"ttl\":\"env:READASIDE_TEST\""));
    assert_int_equal(c->tables[0].policy.ttl, 30000);
    ra_config_unref(c);
    unsetenv("READASIDE_TEST");
    expect_error(TABLE("\"ttl\":\"env:READASIDE_TEST\""), "tables[\"*\"].ttl", 2,
                 "the environment variable \"READASIDE_TEST\" isn't set; accepted: a duration");
    expect_error(CACHE("\"key_prefix\":\"file:none\""), "cache.key_prefix", 2,
                 "the file \"none\" can't be read");
}

static void test_a_referenced_value_is_never_shown(void **state)
{
    (void)state;
    static const char *const texts[] = {
        TABLE("\"ttl\":\"env:READASIDE_TEST\""),         CACHE("\"store\":\"env:READASIDE_TEST\""),
        LISTEN("\"address\":\"env:READASIDE_TEST\""),    LISTEN("\"threads\":\"env:READASIDE_TEST\""),
        UPSTREAM("\"endpoint\":\"env:READASIDE_TEST\""), UPSTREAM("\"region\":\"env:READASIDE_TEST\""),
        UPSTREAM("\"ca_file\":\"env:READASIDE_TEST\""),  CACHE("\"key_prefix\":\"env:READASIDE_TEST\"")};
    setenv("READASIDE_TEST", "memorY S3CRET\n", 1);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ra_problems p;
        assert_null(parse(texts[i], &p));
        assert_int_equal(p.errors, 1);
        assert_non_null(strstr(p.v[0].message, "the value of \"env:READASIDE_TEST\""));
        assert_null(strstr(p.v[0].message, "S3CRET"));
        assert_null(strstr(p.v[0].message, "did you mean"));
        ra_problems_free(&p);
    }
    char *large = malloc(100001);
    assert_non_null(large);
    memset(large, 'x', 100000);
    large[100000] = '\0';
    setenv("READASIDE_TEST", large, 1);
    free(large);
    expect_error(TABLE("\"ttl\":\"env:READASIDE_TEST\""), "tables[\"*\"].ttl", 2, "is too long");
    unsetenv("READASIDE_TEST");
}

#define EXPOSED(json)                                                                                        \
    "{\"tables\":{\"*\":{}},\"cors\":{\"allow_origins\":[\"*\"],\n\"expose_headers\":" json "}}"

static void test_lists(void **state)
{
    (void)state;
    setenv("READASIDE_TEST_HEADER", "X-Other", 1);
    ra_config *c = parse_clean(EXPOSED("[\"Age\",\"env:READASIDE_TEST_HEADER\"]"));
    assert_int_equal(c->cors.expose_headers.n, 2);
    assert_string_equal(c->cors.expose_headers.v[0], "Age");
    assert_string_equal(c->cors.expose_headers.v[1], "X-Other");
    ra_config_unref(c);
    unsetenv("READASIDE_TEST_HEADER");
    expect_error(EXPOSED("[\"env:READASIDE_TEST_HEADER\"]"), "cors.expose_headers[0]", 2, "isn't set");
    expect_error(EXPOSED("\"Age\""), "cors.expose_headers", 2,
                 "a string; accepted: an array of 0 to 64 strings");
    expect_error(EXPOSED("{}"), "cors.expose_headers", 2, "an object; accepted: an array");
    expect_error(EXPOSED("null"), "cors.expose_headers", 2, "null; accepted: an array");
    expect_error(EXPOSED("7"), "cors.expose_headers", 2, "a number; accepted: an array");
    expect_error(EXPOSED("[\"Age\",\n[]]"), "cors.expose_headers[1]", 3,
                 "an array; accepted: a string of 1 to 512 bytes");
    expect_error(EXPOSED("[7]"), "cors.expose_headers[0]", 2, "a number");
    expect_error(EXPOSED("[\"\"]"), "cors.expose_headers[0]", 2, "is too short");
    expect_error(EXPOSED("[\"a\\tb\"]"), "cors.expose_headers[0]", 2, "control characters");
}

static void test_how_long_lists_are(void **state)
{
    char text[1024], list[512], name[514];
    (void)state;
    for (int n = 64; n <= 65; n++) {
        list[0] = '\0';
        for (int i = 0; i < n; i++)
            strcat(list, i ? ",\"a\"" : "\"a\"");
        snprintf(text, sizeof text, EXPOSED("[%s]"), list);
        if (n == 64)
            ra_config_unref(parse_clean(text));
        else
            expect_error(text, "cors.expose_headers", 2, "there are too many");
    }
    for (size_t n = 512; n <= 513; n++) {
        memset(name, 'a', n);
        name[n] = '\0';
        snprintf(text, sizeof text, EXPOSED("[\"%s\"]"), name);
        if (n == 512)
            ra_config_unref(parse_clean(text));
        else
            expect_error(text, "cors.expose_headers[0]", 2, "is too long");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_shares_and_booleans),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_references_stand_for_any_string),
        cmocka_unit_test(test_a_referenced_value_is_never_shown),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_how_long_lists_are),
    };
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
