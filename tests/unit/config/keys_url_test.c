#include "tests/unit/config/expect.h"

#include "config/keys_url.h"

static void test_what_is_taken(void **state)
{
    static const char *const good[] = {"https://issuer.example/.well-known/jwks.json",
                                       "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A/x?a=b&c=%20",
                                       "https://issuer.example:8443/keys",
                                       "https://issuer.example",
                                       "https://192.0.2.1/keys",
                                       "https://[2001:db8::1]:443/keys",
                                       "HTTPS://ISSUER.EXAMPLE/keys",
                                       "http://127.0.0.1:9000/keys",
                                       "http://127.1.2.3/keys",
                                       "http://localhost:9000/keys",
                                       "http://[::1]:9000/keys"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (ra_keys_url_check(good[i]))
            fail_msg("%s: %s", good[i], ra_keys_url_check(good[i]));
    }
}

static void test_plain_http_is_for_this_machine(void **state)
{
    static const char *const bad[] = {
        "http://issuer.example/keys",        "http://10.0.0.1/keys",      "http://127.0.0.1.example.com/keys",
        "http://localhost.example.com/keys", "http://0.0.0.0/keys",       "http://[::]/keys",
        "http://[::ffff:127.0.0.1]/keys",    "HTTP://issuer.example/keys"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (!ra_keys_url_check(bad[i]))
            fail_msg("%s", bad[i]);
        assert_string_equal(ra_keys_url_check(bad[i]), "is plain HTTP to another machine");
    }
}

static void test_what_is_no_url(void **state)
{
    static const char *const bad[] = {"",
                                      "keys",
                                      "/keys",
                                      "://host/keys",
                                      "ftp://host/keys",
                                      "file:///etc/keys",
                                      "https://",
                                      "https:///keys",
                                      "https://user:s3cret@host/keys",
                                      "https://host:0/keys",
                                      "https://host:99999/keys",
                                      "https://host/keys#fragment",
                                      "https://host/a b",
                                      "https://host/\xc3\xa9",
                                      "https://host\\@other/keys",
                                      "https://ho st/keys"};
    char *long_host = malloc(400);
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (!ra_keys_url_check(bad[i]))
            fail_msg("%s", bad[i]);
        assert_null(strstr(ra_keys_url_check(bad[i]), "s3cret"));
    }
    assert_non_null(long_host);
    snprintf(long_host, 400, "https://%0350d/keys", 0);
    assert_non_null(ra_keys_url_check(long_host));
    free(long_host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_taken),
        cmocka_unit_test(test_plain_http_is_for_this_machine),
        cmocka_unit_test(test_what_is_no_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
