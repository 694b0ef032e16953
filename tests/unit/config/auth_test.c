#include "tests/unit/config/expect.h"

#include "config/auth.h"

/* What is tested stands on line 2. */
#define AUTH(json)    "{\"tables\":{\"*\":{}},\n\"auth\":{" json "}}"
#define JWT(json)     AUTH("\"jwt\":{" json "}")
#define BACKEND(json) AUTH("\"backend\":{" json "}")
#define CLAIMS(json)  BACKEND("\"secret\":\"0123456789abcdef\",\"claims\":{" json "}")
#define POOL(region, id)                                                                                     \
    "\"cognito\":{\"region\":\"" region "\",\"user_pool_id\":\"" id "\",\"client_id\":\"c1\"}"
#define ISSUER                                                                                               \
    "\"issuer\":\"https://i.example/\",\"jwks_uri\":\"https://i.example/keys\",\"client_id\":\"c1\""

/* A file that can be read, whatever is in it: that isn't this folder's matter. */
#define READABLE READASIDE_SOURCE_DIR "/config/schema.c"

static void test_nothing_said(void **state)
{
    (void)state;
    ra_config *c = parse_clean("{\"tables\":{\"*\":{}}}");
    assert_int_equal(c->auth.sigv4.mode, RA_SIGV4_UNSAID);
    assert_null(c->auth.jwt.issuer);
    assert_null(c->auth.jwt.jwks_uri);
    assert_null(c->auth.backend.secret);
    assert_null(c->admin.token);
    ra_config_unref(c);
    c = parse_clean(AUTH(""));
    assert_int_equal(c->auth.sigv4.mode, RA_SIGV4_UNSAID);
    ra_config_unref(c);
}

static void test_sigv4(void **state)
{
    (void)state;
    ra_config *c = parse_clean(AUTH("\"sigv4\":\"none\""));
    assert_int_equal(c->auth.sigv4.mode, RA_SIGV4_NONE);
    assert_null(c->auth.sigv4.keys_file);
    ra_config_unref(c);
    c = parse_clean(AUTH("\"sigv4\":{\"keys_file\":\"" READABLE "\"}"));
    assert_int_equal(c->auth.sigv4.mode, RA_SIGV4_KEYS);
    assert_string_equal(c->auth.sigv4.keys_file, READABLE);
    assert_int_equal(c->auth.sigv4.max_clock_skew, 300000);
    ra_config_unref(c);
    c = parse_clean(AUTH("\"sigv4\":{\"keys_file\":\"" READABLE "\",\"max_clock_skew\":\"15m\"}"));
    assert_int_equal(c->auth.sigv4.max_clock_skew, 900000);
    ra_config_unref(c);
    setenv("TEST_SIGV4", "none", 1);
    c = parse_clean(AUTH("\"sigv4\":\"env:TEST_SIGV4\""));
    assert_int_equal(c->auth.sigv4.mode, RA_SIGV4_NONE);
    ra_config_unref(c);
}

static void test_sigv4_refused(void **state)
{
    (void)state;
    expect_error(AUTH("\"sigv4\":\"off\""), "auth.sigv4", 2, "accepted: \"none\", or an object: { ... }");
    expect_error(AUTH("\"sigv4\":\"nonne\""), "auth.sigv4", 2, "did you mean \"none\"?");
    expect_error(AUTH("\"sigv4\":false"), "auth.sigv4", 2, "accepted: \"none\", or an object");
    expect_error(AUTH("\"sigv4\":null"), "auth.sigv4", 2, "accepted: \"none\", or an object");
    expect_error(AUTH("\"sigv4\":[]"), "auth.sigv4", 2, "an array; accepted: \"none\", or an object");
    expect_error(AUTH("\"sigv4\":{}"), "auth.sigv4.keys_file", 2, "it must be given");
    expect_error(AUTH("\"sigv4\":{\"keys_file\":\"no/such/file\"}"), "auth.sigv4.keys_file", 2,
                 "can't be read");
    expect_error(AUTH("\"sigv4\":{\"keys_file\":\"" READABLE "\",\"max_clock_skew\":\"16m\"}"),
                 "auth.sigv4.max_clock_skew", 2, "from 1s to 15m");
    expect_error(AUTH("\"sigv4\":{\"keysfile\":\"" READABLE "\",\"keys_file\":\"" READABLE "\"}"),
                 "auth.sigv4.keysfile", 2, "did you mean \"keys_file\"?");
    expect_error("{\"tables\":{\"*\":{}},\n\"auth\":\"none\"}", "auth", 2, "an object");
    expect_error(AUTH("\"sigv3\":\"none\""), "auth.sigv3", 2, "did you mean \"sigv4\"?");
}

static void test_cognito(void **state)
{
    (void)state;
    ra_config *c = parse_clean(JWT(POOL("eu-west-1", "eu-west-1_AbC")));
    assert_string_equal(c->auth.jwt.issuer, "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC");
    assert_string_equal(c->auth.jwt.jwks_uri,
                        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC/.well-known/jwks.json");
    assert_int_equal(c->auth.jwt.client_ids.n, 1);
    assert_string_equal(c->auth.jwt.client_ids.v[0], "c1");
    assert_int_equal(c->auth.jwt.token_use, RA_TOKEN_USE_ACCESS);
    assert_int_equal(c->auth.jwt.max_clock_skew, 60000);
    assert_null(c->auth.jwt.ca_file);
    ra_config_unref(c);
    c = parse_clean(
        JWT(POOL("eu-west-1", "eu-west-1_AbC") ",\"token_use\":\"id\",\"max_clock_skew\":\"0s\""));
    assert_int_equal(c->auth.jwt.token_use, RA_TOKEN_USE_ID);
    assert_int_equal(c->auth.jwt.max_clock_skew, 0);
    ra_config_unref(c);
}

static void test_cognito_refused(void **state)
{
    static const char id[] = "auth.jwt.cognito.user_pool_id";
    (void)state;
    expect_error(JWT(POOL("eu-west-1", "eu-west-2_AbC")), id, 2, "not a user pool's id of this region");
    expect_error(JWT(POOL("eu-west-1", "eu-west-1_")), id, 2, "not a user pool's id of this region");
    expect_error(JWT(POOL("eu-west-1", "eu-west-1")), id, 2, "not a user pool's id of this region");
    expect_error(JWT(POOL("eu-west-1", "eu-west-1_a/../b")), id, 2, "holds other characters");
    expect_error(JWT(POOL("evil.example/", "a_b")), "auth.jwt.cognito.region", 2, "an AWS region");
    expect_error(JWT("\"cognito\":{\"region\":\"eu-west-1\",\"user_pool_id\":\"eu-west-1_A\"}"),
                 "auth.jwt.cognito.client_id", 2, "it must be given");
    expect_error(JWT(POOL("eu-west-1", "eu-west-1_A") ",\"issuer\":\"x\""), "auth.jwt.issuer", 2,
                 "`cognito` says this already");
    expect_error(JWT(POOL("eu-west-1", "eu-west-1_A") ",\"client_id\":\"x\""), "auth.jwt.client_id", 2,
                 "`cognito` says this already");
    expect_error(JWT(POOL("eu-west-1", "eu-west-1_A") ",\"token_use\":\"acess\""), "auth.jwt.token_use", 2,
                 "did you mean \"access\"?");
}

static void test_any_provider(void **state)
{
    (void)state;
    ra_config *c = parse_clean(JWT(ISSUER ",\"ca_file\":\"" READABLE "\""));
    assert_string_equal(c->auth.jwt.issuer, "https://i.example/"); /* byte for byte */
    assert_string_equal(c->auth.jwt.jwks_uri, "https://i.example/keys");
    assert_int_equal(c->auth.jwt.token_use, RA_TOKEN_USE_ANY);
    assert_string_equal(c->auth.jwt.ca_file, READABLE);
    ra_config_unref(c);
    c = parse_clean(
        JWT("\"issuer\":\"i\",\"jwks_uri\":\"http://127.0.0.1:1/k\",\"client_id\":[\"a\",\"b\"]"));
    assert_int_equal(c->auth.jwt.client_ids.n, 2);
    assert_string_equal(c->auth.jwt.client_ids.v[1], "b");
    ra_config_unref(c);
}

static void test_any_provider_refused(void **state)
{
    ra_problems p;
    (void)state;
    assert_null(parse(JWT(""), &p));
    assert_int_equal(p.errors, 3); /* each that is missing */
    assert_non_null(problem_at(&p, "auth.jwt.client_id"));
    ra_problems_free(&p);
    expect_error(JWT("\"issuer\":\"i\",\"jwks_uri\":\"https://i\""), "auth.jwt.client_id", 2,
                 "it must be given");
    expect_error(JWT("\"issuer\":\"i\",\"jwks_uri\":\"http://i\",\"client_id\":\"c\""), "auth.jwt.jwks_uri",
                 2, "the value is plain HTTP to another machine; accepted: \"https://HOST[:PORT]/PATH\"");
    expect_error(JWT("\"issuer\":\"i\",\"jwks_uri\":\"https://i\",\"client_id\":[]"), "auth.jwt.client_id", 2,
                 "there are too few");
    expect_error(JWT("\"issuer\":\"i\",\"jwks_uri\":\"https://i\",\"client_id\":\"\""), "auth.jwt.client_id",
                 2, "is too short");
    expect_error(JWT("\"issuer\":\"i\",\"jwks_uri\":\"https://i\",\"client_id\":[\"a\",1]"),
                 "auth.jwt.client_id[1]", 2, "a number");
    expect_error(JWT("\"issuer\":\"i\",\"jwks_uri\":\"https://i\",\"client_id\":7"), "auth.jwt.client_id", 2,
                 "a string, or an array of 1 to 64 strings");
    expect_error(JWT(ISSUER ",\"ca_file\":\"no/such/file\""), "auth.jwt.ca_file", 2, "can't be read");
}

static void test_backend(void **state)
{
    (void)state;
    ra_config *c = parse_clean(BACKEND("\"secret\":\"0123456789abcdef\""));
    assert_string_equal(c->auth.backend.secret, "0123456789abcdef");
    assert_int_equal(c->auth.backend.nclaims, 0);
    ra_config_unref(c);
    c = parse_clean(CLAIMS("\"sub\":\"X-User\",\"custom:a.b/c-d_e\":\"x_h\""));
    assert_int_equal(c->auth.backend.nclaims, 2);
    assert_string_equal(c->auth.backend.claims[0].claim, "sub");
    assert_string_equal(c->auth.backend.claims[0].header, "X-User");
    assert_string_equal(c->auth.backend.claims[1].claim, "custom:a.b/c-d_e");
    ra_config_unref(c);
    setenv("TEST_SECRET", "a-secret-of-24-letters-!", 1);
    c = parse_clean(BACKEND("\"secret\":\"env:TEST_SECRET\""));
    assert_string_equal(c->auth.backend.secret, "a-secret-of-24-letters-!");
    ra_config_unref(c);
}

static void test_backend_refused(void **state)
{
    (void)state;
    expect_error(BACKEND(""), "auth.backend.secret", 2, "it must be given");
    expect_error(CLAIMS("\"\":\"X-User\""), "auth.backend.claims[\"\"]", 2, "not a claim's name");
    expect_error(CLAIMS("\"a b\":\"X-User\""), "auth.backend.claims[\"a b\"]", 2, "not a claim's name");
    expect_error(CLAIMS("\"sub\":\"X User\""), "auth.backend.claims.sub", 2, "not a header's name");
    expect_error(CLAIMS("\"sub\":\"X-User:\""), "auth.backend.claims.sub", 2, "not a header's name");
    expect_error(CLAIMS("\"sub\":\"x-readaside-SECRET\""), "auth.backend.claims.sub", 2, "is a proof itself");
    expect_error(CLAIMS("\"sub\":\"authorization\""), "auth.backend.claims.sub", 2, "is a proof itself");
    expect_error(CLAIMS("\"sub\":7"), "auth.backend.claims.sub", 2, "a number");
    expect_error(CLAIMS("\"sub\":\"X-A\",\"sub\":\"X-B\""), "auth.backend.claims.sub", 2, "given twice");
}

/* What is wrong with a secret is told without it, wherever it stands. */
static void expect_unshown(const char *text, const char *path, const char *words)
{
    ra_problems p;
    assert_null(parse(text, &p));
    const ra_problem *v = problem_at(&p, path);
    assert_non_null(v);
    if (!strstr(v->message, words) || strstr(v->message, "Hush"))
        fail_msg("%s: %s", path, v->message);
    assert_int_equal(p.errors, 1);
    ra_problems_free(&p);
}

static void test_secrets_are_never_shown(void **state)
{
    (void)state;
    expect_unshown(BACKEND("\"secret\":\"Hush\""), "auth.backend.secret",
                   "the value is too short; accepted: a string of 16 to 1024 visible ASCII characters");
    expect_unshown(BACKEND("\"secret\":\"Hush, with some spaces\""), "auth.backend.secret",
                   "the value holds other characters");
    expect_unshown(BACKEND("\"secret\":\"Hush-with-an-\xc3\xa9-in-it\""), "auth.backend.secret",
                   "the value holds other characters");
    setenv("TEST_SECRET", "Hush", 1);
    expect_unshown(BACKEND("\"secret\":\"env:TEST_SECRET\""), "auth.backend.secret",
                   "the value of \"env:TEST_SECRET\" is too short");
    expect_unshown("{\"tables\":{\"*\":{}},\"admin\":{\"address\":\"127.0.0.1:1\",\"token\":\"Hush\"}}",
                   "admin.token", "the value is too short");
    expect_unshown(JWT("\"issuer\":\"i\",\"client_id\":\"c\",\"jwks_uri\":\"https://a:Hush@h/\""),
                   "auth.jwt.jwks_uri", "the value holds a user or a password");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_said),         cmocka_unit_test(test_sigv4),
        cmocka_unit_test(test_sigv4_refused),        cmocka_unit_test(test_cognito),
        cmocka_unit_test(test_cognito_refused),      cmocka_unit_test(test_any_provider),
        cmocka_unit_test(test_any_provider_refused), cmocka_unit_test(test_backend),
        cmocka_unit_test(test_backend_refused),      cmocka_unit_test(test_secrets_are_never_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
