#include "tests/unit/config/expect.h"

#include "config/address.h"

static void test_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
    } cases[] = {{"127.0.0.1:8080", "127.0.0.1", 8080}, {"127.3.2.1:1", "127.3.2.1", 1},
                 {"[::1]:65535", "::1", 65535},         {"[0:0:0:0:0:0:0:1]:80", "0:0:0:0:0:0:0:1", 80},
                 {"localhost:0", "localhost", 0},       {"LocalHost:1", "LocalHost", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char host[RA_ADDRESS_HOST_MAX];
        uint16_t port = 7;
        assert_int_equal(ra_address_parse(cases[i].text, host, &port), RA_ADDRESS_OK);
        assert_string_equal(host, cases[i].host);
        assert_int_equal(port, cases[i].port);
    }
}

/* What the loader makes of it is another matter: see check_exposed_test.c. */
static void test_exposed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
    } cases[] = {{"0.0.0.0:8080", "0.0.0.0"},
                 {"10.0.0.1:8080", "10.0.0.1"},
                 {"128.0.0.1:8080", "128.0.0.1"},
                 {"126.255.255.255:8080", "126.255.255.255"},
                 {"[::]:8080", "::"},
                 {"[::2]:8080", "::2"},
                 {"[::ffff:10.0.0.1]:8080", "::ffff:10.0.0.1"},
                 {"[fe80::1]:8080", "fe80::1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char host[RA_ADDRESS_HOST_MAX];
        uint16_t port = 7;
        assert_int_equal(ra_address_parse(cases[i].text, host, &port), RA_ADDRESS_EXPOSED);
        assert_string_equal(host, cases[i].host);
        assert_int_equal(port, 8080);
        assert_false(ra_address_is_loopback(host));
    }
}

static void test_loopback_hosts(void **state)
{
    (void)state;
    assert_true(ra_address_is_loopback("127.0.0.1"));
    assert_true(ra_address_is_loopback("127.255.0.1"));
    assert_true(ra_address_is_loopback("::1"));
    assert_true(ra_address_is_loopback("localhost"));
    assert_true(ra_address_is_loopback("LOCALHOST"));
    assert_false(ra_address_is_loopback("localhost.example.com"));
    assert_false(ra_address_is_loopback("127.0.0.1.example.com"));
    assert_false(ra_address_is_loopback("[::1]"));
    assert_false(ra_address_is_loopback(""));
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        ":",
        ":8080",
        "8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:80x",
        "127.1:80",
        "127.0.0.1:80:80",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1:80",
        "[]:80",
        "[127.0.0.1]:80",
        "example.com:80",
        "localhost.:80",
        "http://127.0.0.1:80",
        " 127.0.0.1:80",
        "[::1%lo]:80",
        "[",
        "]",
        "[:",
        "127.0.0.1:99999999999999999999",
        "1111111111111111111111111111111111111111111111111111111111111111111111111111:80"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char host[RA_ADDRESS_HOST_MAX] = "kept";
        uint16_t port = 7;
        if (ra_address_parse(texts[i], host, &port) != RA_ADDRESS_MALFORMED)
            fail_msg("%s", texts[i]);
        assert_string_equal(host, "kept");
        assert_int_equal(port, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_exposed),
        cmocka_unit_test(test_loopback_hosts),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
