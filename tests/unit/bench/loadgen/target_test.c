#include "bench/loadgen/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_urls(void **state)
{
    static const struct {
        const char *url, *authority, *host, *port, *path;
        bool tls;
    } good[] = {{"http://127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1", "8080", "", false},
                {"http://127.0.0.1:8080/", "127.0.0.1:8080", "127.0.0.1", "8080", "", false},
                {"HTTPS://Example.ORG", "example.org", "example.org", "443", "", true},
                {"https://example.org:8443/a?b=c", "example.org:8443", "example.org", "8443", "/a?b=c", true},
                {"http://[::1]:81/x", "[::1]:81", "::1", "81", "/x", false},
                {"http://[::1]", "[::1]", "::1", "80", "", false}};
    static const char *const wrong[] = {"",           "127.0.0.1:80", "ftp://a",     "http://",
                                        "http://a:0", "http://a/b c", "http://a/#b", "http://a?b",
                                        "http://a:x", "http://a/\x01"};
    ra_target t;
    char why[RA_TARGET_WHY_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(ra_target_parse(&t, good[i].url, why));
        assert_string_equal(t.authority, good[i].authority);
        assert_string_equal(t.host, good[i].host);
        assert_string_equal(t.port, good[i].port);
        assert_string_equal(t.path, good[i].path);
        assert_int_equal(t.tls, good[i].tls);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        why[0] = '\0';
        if (ra_target_parse(&t, wrong[i], why) || !why[0])
            fail_msg("taken: %s", wrong[i]);
    }
}

static void test_opening(void **state)
{
    ra_target t;
    char why[RA_TARGET_WHY_MAX] = "";
    (void)state;
    assert_true(ra_target_parse(&t, "http://127.0.0.1:8080", why));
    assert_true(ra_target_open(&t, NULL, false, why));
    assert_null(t.tls_context);
    assert_int_equal(t.address.ss_family, AF_INET);
    ra_target_close(&t);
    assert_true(ra_target_parse(&t, "https://127.0.0.1:8080", why));
    assert_false(ra_target_open(&t, "/nonexistent/ca.pem", false, why));
    assert_non_null(strstr(why, "/nonexistent/ca.pem"));
    assert_null(t.tls_context);
    assert_true(ra_target_open(&t, NULL, true, why));
    assert_non_null(t.tls_context);
    ra_target_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
