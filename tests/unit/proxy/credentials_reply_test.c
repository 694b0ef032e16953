#include "proxy/credentials_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t NOW = 1700000000000; /* 2023-11-14T22:13:20Z */

static int64_t time_of(const char *text)
{
    int64_t ms = -1;
    return ra_credentials_time(ra_bytes_z(text), &ms) ? ms : -1;
}

static void test_times(void **state)
{
    (void)state;
    assert_int_equal(time_of("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(time_of("2023-11-14T22:13:20Z"), NOW);
    assert_int_equal(time_of("2023-11-14T22:13:20.5Z"), NOW + 500);
    assert_int_equal(time_of("2023-11-14T22:13:20.123456789Z"), NOW + 123);
    assert_int_equal(time_of("2023-11-15T00:13:20+02:00"), NOW);
    assert_int_equal(time_of("2023-11-14T18:43:20-0330"), NOW);
    assert_int_equal(time_of("2023-11-14 22:13:20z"), NOW);
    assert_int_equal(time_of("2024-02-29T00:00:00Z"), 1709164800000);
    assert_int_equal(time_of("9999-12-31T23:59:59Z"), 253402300799000);
}

static void test_no_times(void **state)
{
    static const char *const bad[] = {"",
                                      "2023",
                                      "2023-11-14",
                                      "2023-11-14T22:13:20",
                                      "2023-11-14T22:13Z",
                                      "2023-13-14T22:13:20Z",
                                      "2023-00-14T22:13:20Z",
                                      "2023-11-00T22:13:20Z",
                                      "2023-11-32T22:13:20Z",
                                      "2023-02-31T22:13:20Z",
                                      "2023-11-14T24:13:20Z",
                                      "2023-11-14T22:60:20Z",
                                      "2023-11-14T22:13:61Z",
                                      "2023-11-14T22:13:20.Z",
                                      "2023-11-14T22:13:20ZZ",
                                      "2023-11-14T22:13:20+",
                                      "2023-11-14T22:13:20+25:00",
                                      "2023-11-14T22:13:20+01:60",
                                      "-023-11-14T22:13:20Z",
                                      "+023-11-14T22:13:20Z",
                                      " 2023-11-14T22:13:20Z",
                                      "1969-12-31T23:59:59Z",
                                      "1970-01-01T00:00:03+05:01",
                                      "9999-12-31T23:59:59-00:01",
                                      "1700000000"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ms;
        if (ra_credentials_time(ra_bytes_z(bad[i]), &ms))
            fail_msg("taken: %s", bad[i]);
    }
}

static const ra_reply_shape imds = {
    .token = "Token", .temporary = true, .code = true, .source = "instance metadata"};
static const ra_reply_shape process = {.token = "SessionToken", .version = true, .source = "process"};

static void test_a_reply(void **state)
{
    char why[RA_REPLY_WHY_MAX];
    (void)state;
    ra_credentials *c = ra_credentials_parse(
        RA_BYTES("{\"Code\":\"Success\",\"LastUpdated\":\"x\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"AKID\","
                 "\"SecretAccessKey\":\"a\\/b\",\"Token\":\"t\",\"Expiration\":\"2023-11-14T22:13:21Z\"}"),
        &imds, NOW, why);
    assert_non_null(c);
    assert_string_equal(c->access_key_id, "AKID");
    assert_string_equal(c->secret_access_key, "a/b");
    assert_string_equal(c->session_token, "t");
    assert_string_equal(c->source, "instance metadata");
    assert_int_equal(c->expires_ms, NOW + 1000);
    ra_credentials_unref(c);
    c = ra_credentials_parse(
        RA_BYTES("{\"Version\": 1, \"AccessKeyId\": \"AKID\", \"SecretAccessKey\": \"s\","
                 "\"SessionToken\": null, \"Code\": \"any\"}"),
        &process, NOW, why);
    assert_non_null(c);
    assert_null(c->session_token);
    assert_true(c->expires_ms == INT64_MAX);
    ra_credentials_unref(c);
}

#define KEYS "\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"hush\""
#define REST "\"Token\":\"hush\",\"Expiration\":\"2033-11-14T22:13:21Z\""

static void test_what_is_refused(void **state)
{
    static const struct {
        const ra_reply_shape *shape;
        const char *text, *why;
    } bad[] = {
        {&imds, "", "isn't JSON"},
        {&imds, "hush", "isn't JSON"},
        {&imds, "<html>hush</html>", "isn't JSON"},
        {&imds, "[]", "isn't a JSON object"},
        {&imds, "\"hush\"", "isn't a JSON object"},
        {&imds, "{}", "no \"AccessKeyId\""},
        {&imds, "{\"AccessKeyId\":\"AKID\"," REST "}", "no \"SecretAccessKey\""},
        {&imds, "{" KEYS ",\"Expiration\":\"2033-11-14T22:13:21Z\"}", "no \"Token\""},
        {&imds, "{" KEYS ",\"Token\":\"hush\"}", "no \"Expiration\""},
        {&imds, "{" KEYS ",\"Token\":null,\"Expiration\":\"2033-11-14T22:13:21Z\"}", "no \"Token\""},
        {&imds, "{" KEYS ",\"Token\":\"hush\",\"Expiration\":\"hush\"}", "RFC 3339"},
        {&imds, "{" KEYS ",\"Token\":\"hush\",\"Expiration\":\"2023-11-14T22:13:20Z\"}", "expired already"},
        {&imds, "{" KEYS ",\"Token\":\"hush\",\"Expiration\":1900000000}", "usable string"},
        {&imds, "{" KEYS ",\"Token\":{\"hush\":1},\"Expiration\":\"2033-11-14T22:13:21Z\"}", "usable string"},
        {&imds, "{\"AccessKeyId\":\"AKID\\u0000\",\"SecretAccessKey\":\"hush\"," REST "}", "usable string"},
        {&imds, "{\"AccessKeyId\":\"AKID\\r\\nX: y\",\"SecretAccessKey\":\"hush\"," REST "}", "white space"},
        {&imds, "{\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"\"," REST "}", "is empty"},
        {&imds, "{" KEYS "," KEYS "," REST "}", "isn't JSON"},
        {&imds, "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"hush\"}",
         "AssumeRoleUnauthorizedAccess"},
        {&imds, "{\"Code\":\"hush hush\"," KEYS "," REST "}", "isn't \"Success\""},
        {&imds, "{\"Code\":7," KEYS "," REST "}", "isn't \"Success\""},
        {&process, "{" KEYS "}", "\"Version\" isn't 1"},
        {&process, "{\"Version\":2," KEYS "}", "\"Version\" isn't 1"},
        {&process, "{\"Version\":\"1\"," KEYS "}", "\"Version\" isn't 1"},
        {&process, "{\"Version\":1," KEYS ",\"Expiration\":\"2020-11-14T22:13:20Z\"}", "expired already"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char why[RA_REPLY_WHY_MAX] = "";
        assert_null(ra_credentials_parse(ra_bytes_z(bad[i].text), bad[i].shape, NOW, why));
        if (!strstr(why, bad[i].why) || strstr(why, "hush"))
            fail_msg("%s: %s", bad[i].text, why);
    }
}

static void test_depth_is_bounded(void **state)
{
    static char text[100000];
    char why[RA_REPLY_WHY_MAX];
    (void)state;
    memset(text, '[', sizeof text - 1);
    assert_null(ra_credentials_parse(ra_bytes_z(text), &imds, NOW, why));
}

static void test_error_codes(void **state)
{
    char code[RA_ERROR_CODE_MAX];
    (void)state;
    assert_true(ra_error_code(RA_BYTES("ExpiredTokenException"), code));
    assert_string_equal(code, "ExpiredTokenException");
    assert_true(ra_error_code(RA_BYTES("a.b_c-9"), code));
    assert_false(ra_error_code(RA_BYTES(""), code));
    assert_false(ra_error_code(RA_BYTES("a b"), code));
    assert_false(ra_error_code(RA_BYTES("a\0b"), code));
    assert_false(
        ra_error_code(RA_BYTES("0123456789012345678901234567890123456789012345678901234567890123x"), code));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_no_times),
        cmocka_unit_test(test_a_reply),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_error_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
