#include "tests/unit/config/expect.h"

#include "config/endpoint.h"

static void test_one_spelling(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"http://127.0.0.1:8000", "http://127.0.0.1:8000"},
        {"http://127.0.0.1:8000/", "http://127.0.0.1:8000"},
        {"HTTP://LocalHost:8000", "http://localhost:8000"},
        {"http://h:80", "http://h"},
        {"https://h:80", "https://h:80"},
        {"https://h:443/", "https://h"},
        {"https://h:0443", "https://h"},
        {"https://[::1]:8443", "https://[::1]:8443"},
        {"https://[2001:DB8::1]/", "https://[2001:db8::1]"},
        {"https://dynamodb.eu-west-1.amazonaws.com", "https://dynamodb.eu-west-1.amazonaws.com"},
        {"http://dynamodb_local.internal.", "http://dynamodb_local.internal."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[RA_ENDPOINT_MAX];
        assert_null(ra_endpoint_normalise(cases[i][0], out));
        assert_string_equal(out, cases[i][1]);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "begin"},
        {"127.0.0.1:8000", "begin"},
        {"ftp://h", "begin"},
        {"https:/h", "begin"},
        {"https://", "host name"},
        {"https:///", "host name"},
        {"https://h/x", "path"},
        {"https://h//", "path"},
        {"https://h?x", "query"},
        {"https://h#x", "query"},
        {"https://u:p@h", "user"},
        {"https://h:", "port"},
        {"https://h:0", "port"},
        {"https://h:65536", "port"},
        {"https://h:80x", "port"},
        {"https://h:123456789012345", "port"},
        {"https://a b", "host name"},
        {"https://a..b", "host name"},
        {"https://.a", "host name"},
        {"https://a\nb", "host name"},
        {"https://\xc3\xa9", "host name"},
        {"https://[::1", "host name"},
        {"https://[x]", "host name"},
        {"https://[]", "host name"},
        {"https://[::1]x:80", "host name"},
        {"https://::1", "host name"},
        {"https://h%41", "host name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[RA_ENDPOINT_MAX];
        const char *why = ra_endpoint_normalise(cases[i][0], out);
        if (!why || !strstr(why, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], why ? why : "accepted");
    }
}

static void test_a_long_host(void **state)
{
    (void)state;
    char text[2000] = "https://", out[RA_ENDPOINT_MAX];
    memset(text + 8, 'a', 253);
    assert_null(ra_endpoint_normalise(text, out));
    text[8 + 253] = 'a';
    assert_non_null(ra_endpoint_normalise(text, out));
    memset(text + 8, 'a', 1900);
    assert_non_null(ra_endpoint_normalise(text, out));
}

static void test_regions_have_their_partitions_domain(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"us-east-1", "https://dynamodb.us-east-1.amazonaws.com"},
        {"us-gov-west-1", "https://dynamodb.us-gov-west-1.amazonaws.com"},
        {"cn-north-1", "https://dynamodb.cn-north-1.amazonaws.com.cn"},
        {"us-iso-east-1", "https://dynamodb.us-iso-east-1.c2s.ic.gov"},
        {"us-isob-east-1", "https://dynamodb.us-isob-east-1.sc2s.sgov.gov"},
        {"eusc-de-east-1", "https://dynamodb.eusc-de-east-1.amazonaws.eu"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[RA_ENDPOINT_MAX];
        assert_true(ra_endpoint_for_region(cases[i][0], out));
        assert_string_equal(out, cases[i][1]);
    }
}

static void test_streams_endpoints(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"https://dynamodb.us-east-1.amazonaws.com", "https://streams.dynamodb.us-east-1.amazonaws.com"},
        {"http://dynamodb.us-east-1.amazonaws.com", "http://streams.dynamodb.us-east-1.amazonaws.com"},
        {"https://dynamodb.us-east-1.amazonaws.com:8443",
         "https://streams.dynamodb.us-east-1.amazonaws.com:8443"},
        {"https://dynamodb.cn-north-1.amazonaws.com.cn",
         "https://streams.dynamodb.cn-north-1.amazonaws.com.cn"},
        {"https://dynamodb-fips.us-east-2.amazonaws.com",
         "https://streams.dynamodb-fips.us-east-2.amazonaws.com"},
        {"https://dynamodb.us-east-1.api.aws", "https://streams-dynamodb.us-east-1.api.aws"},
        {"https://dynamodb-fips.us-east-1.api.aws", "https://streams-dynamodb-fips.us-east-1.api.aws"},
        {"http://127.0.0.1:8000", "http://127.0.0.1:8000"},
        {"http://dynamodb.local:8000", "http://dynamodb.local:8000"},
        {"https://vpce-1.dynamodb.us-east-1.vpce.amazonaws.com",
         "https://vpce-1.dynamodb.us-east-1.vpce.amazonaws.com"},
        {"https://dynamodb.a.b.amazonaws.com", "https://dynamodb.a.b.amazonaws.com"},
        {"https://dynamodb.amazonaws.com", "https://dynamodb.amazonaws.com"},
        {"https://dynamodb..amazonaws.com", "https://dynamodb..amazonaws.com"},
        {"https://dynamodb.us-east-1.amazonaws.com.example",
         "https://dynamodb.us-east-1.amazonaws.com.example"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[RA_ENDPOINT_MAX];
        assert_true(ra_endpoint_for_streams(cases[i][0], out));
        assert_string_equal(out, cases[i][1]);
    }
}

static void test_the_region_in_an_endpoint(void **state)
{
    (void)state;
    char region[16];
    assert_true(ra_endpoint_region("https://dynamodb-fips.eu-west-1.amazonaws.com:1", region, sizeof region));
    assert_string_equal(region, "eu-west-1");
    assert_false(ra_endpoint_region("https://dynamodb.eu-west-1.amazonaws.com", region, 9));
    assert_false(ra_endpoint_region("http://127.0.0.1:8000", region, sizeof region));
    assert_false(ra_endpoint_region("", region, sizeof region));
}

static void test_region_names(void **state)
{
    (void)state;
    assert_true(ra_region_valid("eu-west-1"));
    assert_false(ra_region_valid(""));
    assert_false(ra_region_valid("EU-west-1"));
    assert_false(ra_region_valid("eu west"));
    assert_false(ra_region_valid("a/b"));
    assert_false(ra_region_valid("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_spelling),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_a_long_host),       cmocka_unit_test(test_regions_have_their_partitions_domain),
        cmocka_unit_test(test_streams_endpoints), cmocka_unit_test(test_the_region_in_an_endpoint),
        cmocka_unit_test(test_region_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
