#include "tests/unit/config/expect.h"

#define UPSTREAM(json) "{\"tables\":{\"*\":{}},\"upstream\":{" json "}}"

static int clear_environment(void **state)
{
    (void)state;
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    return 0;
}

static void test_region(void **state)
{
    (void)state;
    setenv("AWS_DEFAULT_REGION", "eu-central-1", 1);
    ra_config *c = parse_clean("{\"tables\":{\"*\":{}}}");
    assert_string_equal(c->upstream.region, "eu-central-1");
    ra_config_unref(c);
    setenv("AWS_REGION", "eu-west-1", 1);
    c = parse_clean("{\"tables\":{\"*\":{}}}");
    assert_string_equal(c->upstream.region, "eu-west-1");
    assert_string_equal(c->upstream.endpoint, "https://dynamodb.eu-west-1.amazonaws.com");
    ra_config_unref(c);
    c = parse_clean(UPSTREAM("\"region\":\"us-west-2\""));
    assert_string_equal(c->upstream.region, "us-west-2");
    ra_config_unref(c);
    setenv("AWS_REGION", "", 1);
    unsetenv("AWS_DEFAULT_REGION");
    c = parse_clean("{\"tables\":{\"*\":{}}}");
    assert_string_equal(c->upstream.region, "us-east-1");
    ra_config_unref(c);
}

static void test_a_variable_that_holds_no_region(void **state)
{
    (void)state;
    setenv("AWS_REGION", "S3CRET/", 1);
    ra_problems p;
    assert_null(parse("{\"tables\":{\"*\":{}},\n\"upstream\":{}}", &p));
    const ra_problem *v = problem_at(&p, "upstream.region");
    assert_non_null(v);
    assert_int_equal(v->line, 2);
    assert_non_null(strstr(v->message, "AWS_REGION holds no region"));
    assert_null(strstr(v->message, "S3CRET"));
    ra_problems_free(&p);
    ra_config_unref(parse_good(UPSTREAM("\"region\":\"eu-west-1\"")));
}

static void test_endpoints(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"", "https://dynamodb.us-east-1.amazonaws.com", "https://streams.dynamodb.us-east-1.amazonaws.com"},
        {"\"region\":\"cn-north-1\"", "https://dynamodb.cn-north-1.amazonaws.com.cn",
         "https://streams.dynamodb.cn-north-1.amazonaws.com.cn"},
        {"\"endpoint\":\"http://127.0.0.1:8000/\"", "http://127.0.0.1:8000", "http://127.0.0.1:8000"},
        {"\"endpoint\":\"http://h\",\"streams_endpoint\":\"http://s:1\"", "http://h", "http://s:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, UPSTREAM("%s"), cases[i][0]);
        ra_config *c = parse_clean(text);
        assert_string_equal(c->upstream.endpoint, cases[i][1]);
        assert_string_equal(c->upstream.streams_endpoint, cases[i][2]);
        ra_config_unref(c);
    }
}

static void test_hold(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t hold;
    } cases[] = {
        {"{\"tables\":{\"*\":{}}}", 60000},
        {"{\"consistency\":\"eventual\",\"tables\":{\"*\":{}}}", 60000},
        {"{\"consistency\":\"linearizable\",\"tables\":{\"*\":{}}}", 1020000},
        {"{\"tables\":{\"*\":{},\"abc\":{\"consistency\":\"linearizable\"}}}", 1020000},
        {"{\"unknown_write_hold\":\"18m\",\"consistency\":\"linearizable\",\"tables\":{\"*\":{}}}", 1080000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_config *c = parse_clean(cases[i].text);
        assert_int_equal(c->unknown_write_hold, cases[i].hold);
        ra_config_unref(c);
    }
}

#define AT_REDIS "\"cache\":{\"store\":\"redis\",\"redis\":{\"url\":\"redis://h\"}},"
#define WRITES   "\"writes_when_store_down\":"

/* The top level's, that of "abc", which is linearizable, and that of every other table. */
static void test_writes_when_store_down(void **state)
{
    (void)state;
    static const struct {
        const char *text, *abc;
        enum ra_writes top, of_abc, of_others;
    } cases[] = {
        {AT_REDIS, "", RA_WRITES_PASS, RA_WRITES_REFUSE, RA_WRITES_PASS},
        {AT_REDIS "\"consistency\":\"eventual\",", "", RA_WRITES_PASS, RA_WRITES_REFUSE, RA_WRITES_PASS},
        {AT_REDIS "\"consistency\":\"linearizable\",", "", RA_WRITES_REFUSE, RA_WRITES_REFUSE,
         RA_WRITES_REFUSE},
        {AT_REDIS WRITES "\"pass\",", "", RA_WRITES_PASS, RA_WRITES_PASS, RA_WRITES_PASS},
        {AT_REDIS WRITES "\"refuse\",", "", RA_WRITES_REFUSE, RA_WRITES_REFUSE, RA_WRITES_REFUSE},
        {AT_REDIS WRITES "\"refuse\",", "," WRITES "\"pass\"", RA_WRITES_REFUSE, RA_WRITES_PASS,
         RA_WRITES_REFUSE},
        {AT_REDIS, "," WRITES "\"pass\"", RA_WRITES_PASS, RA_WRITES_PASS, RA_WRITES_PASS},
        {"", "", RA_WRITES_REFUSE, RA_WRITES_REFUSE, RA_WRITES_REFUSE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        snprintf(text, sizeof text, "{%s\"tables\":{\"abc\":{\"consistency\":\"linearizable\"%s},\"*\":{}}}",
                 cases[i].text, cases[i].abc);
        ra_config *c = parse_clean(text);
        assert_int_equal(c->writes_when_store_down, cases[i].top);
        assert_int_equal(ra_config_table(c, "abc", 3)->writes_when_store_down, cases[i].of_abc);
        assert_int_equal(ra_config_table(c, "other", 5)->writes_when_store_down, cases[i].of_others);
        ra_config_unref(c);
    }
}

static void test_all_else(void **state)
{
    (void)state;
    ra_config *c = parse_good("{}");
    assert_string_equal(c->listen.host, "127.0.0.1");
    assert_int_equal(c->listen.port, 8080);
    assert_int_equal(c->listen.threads, 2);
    assert_int_equal(c->listen.max_in_flight, 10000);
    assert_int_equal(c->listen.max_body, 16 << 20);
    assert_int_equal(c->listen.idle_timeout, 60000);
    assert_int_equal(c->listen.drain_timeout, 10000);
    assert_int_equal(c->upstream.request_timeout, 5000);
    assert_int_equal(c->upstream.connect_timeout, 1000);
    assert_int_equal(c->upstream.max_connections, 64);
    assert_int_equal(c->upstream.max_reply, 64 << 20);
    assert_int_equal(c->upstream.schema_refresh, 300000);
    assert_null(c->upstream.ca_file);
    assert_int_equal(c->cache.store, RA_STORE_KIND_MEMORY);
    assert_int_equal(c->cache.max_bytes, 64 << 20);
    assert_int_equal(c->cache.max_entry_bytes, 1 << 20);
    assert_string_equal(c->cache.key_prefix, "");
    assert_null(c->cache.state_file);
    assert_null(c->ddb.schema);
    assert_null(c->ddb.seed);
    assert_int_equal(c->consistency, RA_READ_AFTER_WRITE);
    assert_int_equal(c->ntables, 0);
    ra_config_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_region, clear_environment),
        cmocka_unit_test_setup(test_a_variable_that_holds_no_region, clear_environment),
        cmocka_unit_test_setup(test_endpoints, clear_environment),
        cmocka_unit_test_setup(test_hold, clear_environment),
        cmocka_unit_test_setup(test_writes_when_store_down, clear_environment),
        cmocka_unit_test_setup(test_all_else, clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
