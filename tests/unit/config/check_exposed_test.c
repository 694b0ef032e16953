#include "tests/unit/config/expect.h"

/* Any file that can be read. */
#define FILE_HERE READASIDE_SOURCE_DIR "/config/schema.c"
#define TLS       "\"tls\":{\"cert_file\":\"" FILE_HERE "\",\"key_file\":\"" FILE_HERE "\"}"
#define SECRET    "\"backend\":{\"secret\":\"0123456789abcdef\"}"
#define SIGNED    "\"sigv4\":{\"keys_file\":\"" FILE_HERE "\"}"

/* `listen` stands on line 2, `auth` on line 3, the routes on line 4. */
#define ALL(listen, auth, routes)                                                                            \
    "{\"tables\":{\"*\":{}},\n\"listen\":{" listen "},\n\"auth\":{" auth "},\n\"routes\":[" routes "]}"
#define ROUTE(more)                                                                                          \
    "{\"name\":\"r\",\"method\":\"GET\",\"path\":\"/x\"," more                                               \
    "\"query\":{\"table\":\"abc\",\"partition_key\":\"all\"}}"
#define ROUTE_Y(more)                                                                                        \
    "{\"name\":\"y\",\"method\":\"GET\",\"path\":\"/y\"," more                                               \
    "\"query\":{\"table\":\"abc\",\"partition_key\":\"all\"}}"
#define ADMIN(json) "{\"tables\":{\"*\":{}},\n\"admin\":{" json "}}"

#define EXPOSED "\"address\":\"0.0.0.0:8080\""

static void test_the_wire_api(void **state)
{
    static const char *const exposed[] = {"0.0.0.0:80", "[::]:80", "10.1.2.3:80", "[2001:db8::1]:80"};
    (void)state;
    for (size_t i = 0; i < sizeof exposed / sizeof *exposed; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"tables\":{\"*\":{}},\n\"listen\":{\"address\":\"%s\"}}", exposed[i]);
        expect_error(text, "listen.address", 2, "who of them may use the DynamoDB API isn't said");
    }
    ra_config *c = parse_clean(ALL(EXPOSED, "\"sigv4\":\"none\"", ""));
    assert_true(c->listen.exposed);
    ra_config_unref(c);
    ra_config_unref(parse_clean(ALL(EXPOSED, SIGNED, "")));
    ra_config_unref(parse_clean(ALL("\"address\":\"127.0.0.1:80\"", "", "")));
    /* Tokens are for routes alone. */
    expect_error(ALL(EXPOSED "," TLS, SECRET, ""), "listen.address", 2, "isn't said");
}

static void test_routes_that_anyone_may_call(void **state)
{
    (void)state;
    expect_error(ALL(EXPOSED, SIGNED, ROUTE("")), "routes[0].auth", 4,
                 "anyone there may call this route; accepted: \"auth\": [\"anyone\"] to say so");
    ra_config *c = parse_clean(ALL(EXPOSED, SIGNED, ROUTE("\"auth\":[\"anyone\"],")));
    assert_int_equal(c->routes[0].callers, RA_CALLER_ANYONE);
    ra_config_unref(c);
    c = parse_clean(ALL(EXPOSED "," TLS, SIGNED "," SECRET, ROUTE("")));
    assert_int_equal(c->routes[0].callers, RA_CALLER_BACKEND);
    ra_config_unref(c);
    ra_config_unref(parse_clean(ALL("\"address\":\"[::1]:80\"", "", ROUTE(""))));
}

static void test_proofs_in_the_clear(void **state)
{
    (void)state;
    expect_warning(ALL(EXPOSED, SIGNED "," SECRET, ""), "listen.address", 2,
                   "tokens and secrets cross the network in the clear");
    ra_config_unref(parse_clean(ALL(EXPOSED "," TLS, SIGNED "," SECRET, "")));
    ra_config_unref(parse_clean(ALL("\"address\":\"127.0.0.1:80\"", SECRET, "")));
}

static void test_proofs_that_one_can_go_around(void **state)
{
    static const char *const why = "needs no route, token or secret";
    (void)state;
    expect_warning(ALL(EXPOSED "," TLS, "\"sigv4\":\"none\"," SECRET, ROUTE("")), "auth.sigv4", 3, why);
    expect_warning(ALL(EXPOSED "," TLS, "\"sigv4\":\"none\"," SECRET,
                       ROUTE("\"auth\":[\"anyone\"],") "," ROUTE_Y("\"auth\":[\"backend\"],")),
                   "auth.sigv4", 3, why);
    ra_config_unref(
        parse_clean(ALL(EXPOSED "," TLS, "\"sigv4\":\"none\"," SECRET, ROUTE("\"auth\":[\"anyone\"],"))));
    ra_config_unref(parse_clean(ALL(EXPOSED "," TLS, SIGNED "," SECRET, ROUTE(""))));
    ra_config_unref(parse_clean(ALL("\"address\":\"[::1]:80\"", "\"sigv4\":\"none\"," SECRET, ROUTE(""))));
    ra_config_unref(
        parse_clean(ALL(EXPOSED ",\"tls\":{\"cert_file\":\"" FILE_HERE "\",\"key_file\":\"" FILE_HERE
                                "\",\"client_ca_file\":\"" FILE_HERE "\"}",
                        "\"sigv4\":\"none\"," SECRET, ROUTE(""))));
}

static void test_admin(void **state)
{
    (void)state;
    expect_error(ADMIN("\"address\":\"0.0.0.0:81\""), "admin.address", 2, "or with a \"token\"");
    expect_error(ADMIN("\"address\":\"0.0.0.0:81\"," TLS), "admin.address", 2, "or with a \"token\"");
    expect_warning(ADMIN("\"address\":\"0.0.0.0:81\",\"token\":\"0123456789abcdef\""), "admin.address", 2,
                   "the token crosses the network in the clear");
    ra_config *c = parse_clean(ADMIN("\"address\":\"0.0.0.0:81\",\"token\":\"0123456789abcdef\"," TLS));
    assert_true(c->admin.listen.exposed);
    assert_string_equal(c->admin.listen.tls.cert_file, FILE_HERE);
    assert_string_equal(c->admin.token, "0123456789abcdef");
    assert_false(c->listen.exposed);
    ra_config_unref(c);
    c = parse_clean(ADMIN("\"address\":\"127.0.0.1:81\",\"token\":\"0123456789abcdef\""));
    assert_false(c->admin.listen.exposed);
    ra_config_unref(c);
    expect_warning(ADMIN("\"token\":\"0123456789abcdef\""), "admin.token", 2, "never used");
    expect_warning(ADMIN(TLS), "admin.tls", 2, "never used");
}

static void test_tls(void **state)
{
    static const char one[] = "{\"tables\":{\"*\":{}},\n\"listen\":{\"tls\":{\"%s\":\"%s\"}}}";
    char text[512];
    (void)state;
    ra_config *c = parse_clean(ALL(TLS, "", ""));
    assert_string_equal(c->listen.tls.key_file, FILE_HERE);
    assert_null(c->listen.tls.client_ca_file);
    assert_null(c->admin.listen.tls.cert_file);
    ra_config_unref(c);
    snprintf(text, sizeof text, one, "cert_file", FILE_HERE);
    expect_error(text, "listen.tls.key_file", 2, "it must be given");
    snprintf(text, sizeof text, one, "key_file", FILE_HERE);
    expect_error(text, "listen.tls.cert_file", 2, "it must be given");
    expect_error(ALL("\"tls\":{\"cert_file\":\"no/such\",\"key_file\":\"" FILE_HERE "\"}", "", ""),
                 "listen.tls.cert_file", 2, "can't be read");
    expect_error(ALL("\"tls\":true", "", ""), "listen.tls", 2, "an object");
    expect_error(ALL("\"tls\":{\"certfile\":\"x\",\"cert_file\":\"" FILE_HERE "\",\"key_file\":\"" FILE_HERE
                     "\"}",
                     "", ""),
                 "listen.tls.certfile", 2, "did you mean \"cert_file\"?");
}

static void test_limits(void **state)
{
    (void)state;
    ra_config *c = parse_clean(ALL("", "", ""));
    assert_int_equal(c->listen.max_connections, 10000);
    assert_int_equal(c->listen.max_connections_per_address, 0);
    assert_int_equal(c->listen.max_header_bytes, 65536);
    assert_int_equal(c->listen.max_headers, 100);
    assert_int_equal(c->listen.header_timeout, 10000);
    assert_int_equal(c->listen.body_timeout, 60000);
    assert_int_equal(c->listen.hosts.n, 0);
    ra_config_unref(c);
    expect_error(ALL("\"max_header_bytes\":\"2MiB\"", "", ""), "listen.max_header_bytes", 2,
                 "from 4KiB to 1MiB");
    expect_error(ALL("\"max_header_bytes\":4095", "", ""), "listen.max_header_bytes", 2, "out of bounds");
    expect_error(ALL("\"max_connections\":0", "", ""), "listen.max_connections", 2, "from 1 to 1000000");
    expect_error(ALL("\"header_timeout\":\"0s\"", "", ""), "listen.header_timeout", 2, "from 100ms to 10m");
}

static void test_hosts(void **state)
{
    (void)state;
    ra_config *c = parse_clean(ALL("\"hosts\":[\"cache.example.com\",\"A-b\"]", "", ""));
    assert_int_equal(c->listen.hosts.n, 2);
    assert_string_equal(c->listen.hosts.v[0], "cache.example.com");
    ra_config_unref(c);
    expect_error(ALL("\"hosts\":[\"a\",\"b:80\"]", "", ""), "listen.hosts[1]", 2, "without a port");
    expect_error(ALL("\"hosts\":[\"http://b\"]", "", ""), "listen.hosts[0]", 2, "not a host's name");
    expect_error(ALL("\"hosts\":[\"*.example.com\"]", "", ""), "listen.hosts[0]", 2, "not a host's name");
    expect_error(ALL("\"hosts\":\"b\"", "", ""), "listen.hosts", 2, "an array of 0 to 64 strings");
}

/* What is wrong elsewhere isn't held against the address. */
static void test_refused_values_are_not_held_against_others(void **state)
{
    (void)state;
    expect_error(ALL(EXPOSED, "\"sigv4\":\"nonne\"", ""), "auth.sigv4", 3, "did you mean");
    expect_error(ALL(EXPOSED ",\"tls\":7", SIGNED "," SECRET, ""), "listen.tls", 2,
                 "a value of another type");
    expect_error(ADMIN("\"address\":\"0.0.0.0:81\",\"token\":\"short\""), "admin.token", 2, "is too short");
    expect_error(ADMIN("\"address\":\"nowhere\",\"token\":\"0123456789abcdef\""), "admin.address", 2,
                 "isn't accepted");
    expect_error(ALL(EXPOSED, SIGNED, ROUTE("\"auth\":[\"nobody\"],")), "routes[0].auth[0]", 4,
                 "accepted: \"anyone\", \"jwt\", \"backend\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_wire_api),
        cmocka_unit_test(test_routes_that_anyone_may_call),
        cmocka_unit_test(test_proofs_in_the_clear),
        cmocka_unit_test(test_proofs_that_one_can_go_around),
        cmocka_unit_test(test_admin),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_refused_values_are_not_held_against_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
