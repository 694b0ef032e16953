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

static void test_exposed(void **state)
{
    (void)state;
    static const char *const texts[] = {"0.0.0.0:8080",         "10.0.0.1:80", "128.0.0.1:80",
                                        "126.255.255.255:80",   "[::]:80",     "[::2]:80",
                                        "[::ffff:10.0.0.1]:80", "[fe80::1]:80"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char host[RA_ADDRESS_HOST_MAX] = "kept";
        uint16_t port = 7;
        assert_int_equal(ra_address_parse(texts[i], host, &port), RA_ADDRESS_EXPOSED);
        assert_string_equal(host, "kept");
        assert_int_equal(port, 7);
    }
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
        char host[RA_ADDRESS_HOST_MAX];
        uint16_t port;
        if (ra_address_parse(texts[i], host, &port) != RA_ADDRESS_MALFORMED)
            fail_msg("%s", texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_exposed),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
