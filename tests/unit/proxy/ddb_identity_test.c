#include "proxy/ddb_identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

/* Spelt as in the API reference. */
#define REPLY(arn, account)                                                                                  \
    "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"                      \
    "  <GetCallerIdentityResult>\n   <Arn>" arn "</Arn>\n    <UserId>AIDACKCEVSQ6C2EXAMPLE</UserId>\n"       \
    "    <Account>" account "</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n"               \
    "    <RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId>\n  </ResponseMetadata>\n"               \
    "</GetCallerIdentityResponse>"

static void test_a_reply(void **state)
{
    (void)state;
    ra_ddb_identity who;
    assert_true(
        ra_ddb_identity_parse(RA_BYTES(REPLY("arn:aws:iam::123456789012:user/Alice", "123456789012")), &who));
    assert_string_equal(who.account, "123456789012");
    assert_string_equal(who.arn, "arn:aws:iam::123456789012:user/Alice");
    assert_true(ra_ddb_identity_parse(RA_BYTES(REPLY("a&amp;b&lt;c&gt;&quot;&apos;&unknown;", "1")), &who));
    assert_string_equal(who.arn, "a&b<c>\"'&unknown;");
}

static void test_what_is_no_reply(void **state)
{
    (void)state;
    char huge[RA_STS_ACCOUNT_MAX + 1] = "";
    memset(huge, '1', sizeof huge - 1);
    char text[1024];
    ra_ddb_identity who;
    static const char *const wrong[] = {
        "",
        "<html>",
        REPLY("", "1"),
        REPLY("arn", ""),
        REPLY("<b>arn</b>", "1"),
        "<Arn>arn</Arn><Account>1</Account>",
        "<GetCallerIdentityResult><Arn>arn</Arn><Account>1",
        "<GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult>",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(ra_ddb_identity_parse(ra_bytes_z(wrong[i]), &who));
    snprintf(text, sizeof text, REPLY("arn", "%s"), huge);
    assert_false(ra_ddb_identity_parse(ra_bytes_z(text), &who));
    assert_false(ra_ddb_identity_parse((ra_bytes){NULL, 0}, &who));
}

static void test_errors(void **state)
{
    (void)state;
    char text[RA_STS_ERROR_MAX];
    assert_true(
        ra_ddb_identity_error(RA_BYTES("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                                       "<Error><Type>Sender</Type><Code>InvalidClientTokenId</Code>"
                                       "<Message>The security token included in the request is "
                                       "invalid.</Message></Error></ErrorResponse>"),
                              text));
    assert_string_equal(text, "InvalidClientTokenId: The security token included in the request is invalid.");
    assert_true(ra_ddb_identity_error(RA_BYTES("<Error><Code>Throttling</Code></Error>"), text));
    assert_string_equal(text, "Throttling: (no message)");
    assert_false(ra_ddb_identity_error(RA_BYTES("<html><body>Bad gateway</body></html>"), text));
    assert_false(ra_ddb_identity_error((ra_bytes){NULL, 0}, text));
}

static void test_endpoints(void **state)
{
    (void)state;
    static const struct {
        const char *region, *variable, *endpoint;
    } cases[] = {
        {"eu-west-1", NULL, "https://sts.eu-west-1.amazonaws.com"},
        {"cn-north-1", NULL, "https://sts.cn-north-1.amazonaws.com.cn"},
        {"eu-west-1", "", "https://sts.eu-west-1.amazonaws.com"},
        {"eu-west-1", "http://127.0.0.1:8081/", "http://127.0.0.1:8081"},
    };
    char endpoint[RA_ENDPOINT_MAX];
    ra_ddb_task t = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsetenv("AWS_ENDPOINT_URL_STS");
        if (cases[i].variable)
            setenv("AWS_ENDPOINT_URL_STS", cases[i].variable, 1);
        snprintf(t.region, sizeof t.region, "%s", cases[i].region);
        assert_null(ra_ddb_identity_endpoint(&t, endpoint));
        assert_string_equal(endpoint, cases[i].endpoint);
    }
    setenv("AWS_ENDPOINT_URL_STS", "sts.example", 1);
    assert_non_null(ra_ddb_identity_endpoint(&t, endpoint));
    unsetenv("AWS_ENDPOINT_URL_STS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reply),
        cmocka_unit_test(test_what_is_no_reply),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
