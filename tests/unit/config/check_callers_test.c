#include "tests/unit/config/expect.h"

#define BOTH                                                                                                 \
    "\"auth\":{\"jwt\":{\"issuer\":\"i\",\"jwks_uri\":\"https://i\",\"client_id\":\"c\"},"                   \
    "\"backend\":{\"secret\":\"0123456789abcdef\",\"claims\":{\"sub\":\"X-User\"}}},"
/* The route stands on line 2. */
#define ROUTE(route) "{\"tables\":{\"*\":{}}," BOTH "\"routes\":[\n{\"name\":\"r\"," route "}]}"
#define GET(key, more)                                                                                       \
    ROUTE("\"method\":\"GET\",\"path\":\"/x/{id}\"," more "\"query\":{\"table\":\"abc\",\"partition_key\":"  \
          "\"" key "\"}")
#define ITEM(key, more)                                                                                      \
    ROUTE("\"method\":\"GET\",\"path\":\"/x/{id}\"," more "\"operation\":\"GetItem\",\"request\":{"          \
          "\"TableName\":\"abc\",\"Key\":{\"pk\":{\"S\":\"" key "\"}}}")
#define PUT(text, more)                                                                                      \
    ROUTE("\"method\":\"PUT\",\"path\":\"/x/{id}\"," more "\"operation\":\"PutItem\",\"request\":{"          \
          "\"TableName\":\"abc\",\"Item\":{\"pk\":{\"S\":\"{path.id}\"},\"a\":{\"S\":\"" text "\"}}},"       \
          "\"reply\":{\"object\":{}}")
#define ALLOW(key, value)                                                                                    \
    "\"allow_if\":{\"query\":{\"table\":\"abc\",\"partition_key\":\"" key "\"},\"has\":{\"g\":\"" value      \
    "\"}},"
#define TOKENS "\"auth\":[\"jwt\"],"

static void test_claims_need_a_caller(void **state)
{
    static const char anyone[] = "it uses {claim.sub}; accepted: \"jwt\" and \"backend\"";
    (void)state;
    ra_config_unref(parse_clean(GET("{claim.sub}", "")));
    ra_config_unref(parse_clean(GET("{claim.sub}", TOKENS)));
    expect_error(GET("{claim.sub}", "\"auth\":[\"anyone\"],"), "routes[0].auth", 2, anyone);
    expect_error(GET("{claim.sub}", "\"auth\":[\"jwt\",\"anyone\"],"), "routes[0].auth", 2, anyone);
    /* Nothing is set up: anyone may call it. */
    expect_error("{\"tables\":{\"*\":{}},\"routes\":[\n{\"name\":\"r\",\"method\":\"GET\",\"path\":\"/x\","
                 "\"query\":{\"table\":\"abc\",\"partition_key\":\"{claim.sub}\"}}]}",
                 "routes[0].auth", 2, anyone);
    expect_error(GET("x", "\"auth\":[\"anyone\"]," ALLOW("x", "{claim.sub}")), "routes[0].auth", 2, anyone);
}

static void test_back_ends_say_claims(void **state)
{
    static const char why[] = "auth.backend.claims doesn't say in which header that is";
    (void)state;
    expect_error(GET("{claim.other}", ""), "routes[0].auth", 2, why);
    expect_error(GET("{claim.Sub}", "\"auth\":[\"backend\"],"), "routes[0].auth", 2, why); /* by case */
    expect_error(GET("{claim.sub}", ALLOW("x", "{claim.other}")), "routes[0].auth", 2, why);
    ra_config_unref(parse_clean(GET("{claim.other}", TOKENS)));
}

static void test_any_token_reads_any_partition(void **state)
{
    static const char why[] = "whoever has a token may read any partition";
    static const char at[] = "routes[0].query.partition_key";
    (void)state;
    expect_warning(GET("P#{path.id}", TOKENS), at, 2, why);
    expect_warning(GET("P#{path.id}", ""), at, 2, why);
    expect_warning(GET("P#{path.id}", TOKENS ALLOW("x", "{path.id}")), at, 2, why); /* asks nothing of him */
    expect_warning(ITEM("{path.id}", TOKENS), "routes[0].request", 2, why);
    ra_config_unref(parse_clean(GET("P#{path.id}", TOKENS ALLOW("{claim.sub}", "{path.id}"))));
    ra_config_unref(parse_clean(GET("P#{path.id}", TOKENS ALLOW("{path.id}", "{claim.sub}"))));
    ra_config_unref(parse_clean(GET("P#{path.id}#{claim.sub}", TOKENS)));
    ra_config_unref(parse_clean(GET("public", TOKENS))); /* one for all */
    ra_config_unref(parse_clean(GET("P#{path.id}", "\"auth\":[\"backend\"],")));
    ra_config_unref(parse_clean(GET("P#{path.id}", "\"auth\":[\"anyone\"],")));
    ra_config_unref(parse_clean(ITEM("{claim.sub}", TOKENS)));
}

static void test_any_token_writes(void **state)
{
    static const char why[] = "whoever has a token may write this in anybody's name";
    (void)state;
    expect_warning(PUT("{body.a}", TOKENS), "routes[0].request", 2, why);
    expect_warning(PUT("constant", TOKENS), "routes[0].request", 2, why);
    ra_config_unref(parse_clean(PUT("{claim.sub}", TOKENS)));
    ra_config_unref(parse_clean(PUT("{body.a}", TOKENS ALLOW("{claim.sub}", "{path.id}"))));
    ra_config_unref(parse_clean(PUT("{body.a}", "\"auth\":[\"backend\"],")));
}

/* One mistake is one problem. */
static void test_refused_values_are_not_held_against_others(void **state)
{
    (void)state;
    expect_error(GET("{claim.sub}", "\"auth\":[\"jwtt\"],"), "routes[0].auth[0]", 2, "did you mean \"jwt\"?");
    expect_error(GET("{path.id}", "\"allow_if\":7,"), "routes[0].allow_if", 2, "a value of another type");
    expect_error("{\"tables\":{\"*\":{}},\"auth\":{\"backend\":{\"secret\":\"0123456789abcdef\",\n"
                 "\"claims\":7}},\"routes\":[{\"name\":\"r\",\"method\":\"GET\",\"path\":\"/x\","
                 "\"query\":{\"table\":\"abc\",\"partition_key\":\"{claim.sub}\"}}]}",
                 "auth.backend.claims", 2, "a value of another type");
    expect_error("{\"tables\":{\"*\":{}},\n\"auth\":7,\"routes\":[{\"name\":\"r\",\"method\":\"GET\","
                 "\"path\":\"/x\",\"auth\":[\"jwt\"],"
                 "\"query\":{\"table\":\"abc\",\"partition_key\":\"{claim.sub}\"}}]}",
                 "auth", 2, "a value of another type");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claims_need_a_caller),
        cmocka_unit_test(test_back_ends_say_claims),
        cmocka_unit_test(test_any_token_reads_any_partition),
        cmocka_unit_test(test_any_token_writes),
        cmocka_unit_test(test_refused_values_are_not_held_against_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
