/* Where the container's endpoint may be. What it answers: tests/integration/test_credentials.py. */
#include "proxy/credentials_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static ra_credentials_lookup l;
static char url[RA_CONTAINER_URL_MAX];
static bool tls;

static bool takes(const char *relative, const char *full)
{
    l = (ra_credentials_lookup){.region = "us-east-1"};
    tls = false;
    return ra_container_url(&l, relative, full, url, &tls);
}

static void test_relative(void **state)
{
    (void)state;
    assert_true(takes("/v2/credentials/0123?x=y", NULL));
    assert_string_equal(url, "http://169.254.170.2/v2/credentials/0123?x=y");
    assert_false(tls);
    assert_true(takes("/a", "http://evil.example/")); /* it comes before the other one */
    assert_string_equal(url, "http://169.254.170.2/a");
    assert_false(takes("a", NULL));
    assert_non_null(strstr(l.why, "begin with '/'"));
    assert_false(takes("@evil.example/", NULL));
    assert_false(takes(".evil.example/", NULL));
    assert_false(takes(":80@evil.example/", NULL));
    assert_false(takes("/a b", NULL));
    assert_false(takes("/a\r\nX: y", NULL));
}

static void test_full(void **state)
{
    static const char *const good[] = {"http://127.0.0.1/",
                                       "http://127.0.0.1:8080/a?b",
                                       "http://127.1.2.3/",
                                       "http://localhost:80/",
                                       "http://LOCALHOST/",
                                       "http://[::1]/",
                                       "http://[::1]:1234/x",
                                       "http://[0:0:0:0:0:0:0:1]/",
                                       "http://169.254.170.2/v2",
                                       "http://169.254.170.23/v1/credentials",
                                       "http://[fd00:ec2::23]/v1/credentials",
                                       "http://[FD00:EC2:0::23]/v1"};
    static const char *const bad[] = {"",
                                      "/relative",
                                      "example.com",
                                      "http://",
                                      "http://example.com/",
                                      "http://169.254.169.254/",
                                      "http://169.254.170.20/",
                                      "http://10.0.0.1/",
                                      "http://128.0.0.1/",
                                      "http://0.0.0.0/",
                                      "http://localhost.example.com/",
                                      "http://127.0.0.1.example.com/",
                                      "http://127.0.0.1@example.com/",
                                      "http://user:hush@127.0.0.1/",
                                      "https://user@example.com/",
                                      "http://example.com#@127.0.0.1/",
                                      "http://example.com\\@127.0.0.1/",
                                      "http://[::2]/",
                                      "http://[::ffff:10.0.0.1]/",
                                      "http://[fd00:ec2::254]/",
                                      "http://[::1%25eth0",
                                      "ftp://127.0.0.1/",
                                      "file:///etc/passwd",
                                      "http://127.0.0.1/ x",
                                      "http://127.0.0.1/\n"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!takes(NULL, good[i]) || tls || strcmp(url, good[i]) != 0)
            fail_msg("not taken: %s (%s)", good[i], l.why);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (takes(NULL, bad[i]))
            fail_msg("taken: %s", bad[i]);
        assert_non_null(strstr(l.why, "AWS_CONTAINER_CREDENTIALS_FULL_URI"));
        assert_null(strstr(l.why, "hush"));
    }
    assert_true(takes(NULL, "https://example.com/x") && tls);
}

static void test_length(void **state)
{
    char path[RA_CONTAINER_URL_MAX];
    (void)state;
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    assert_false(takes(path, NULL));
    path[sizeof path - 1 - strlen("http://169.254.170.2")] = '\0';
    assert_true(takes(path, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relative),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
