#include "proxy/ddb_generate_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_accepted(void **state)
{
    (void)state;
    char why[RA_GENERATE_WHY_MAX];
    ra_generate_spec s = {.seed = 9};
    assert_true(ra_generate_spec_parse("users=200,groups=50,messages=2000", &s, why));
    assert_true(s.users == 200 && s.groups == 50 && s.messages == 2000 && s.seed == 9);
    assert_true(ra_generate_spec_parse("messages=1,users=2,groups=1", &s, why));
    assert_true(s.users == 2 && s.groups == 1 && s.messages == 1);
    assert_true(ra_generate_spec_parse("users=100000000,groups=100000000,messages=10000000000", &s, why));
    assert_true(s.users == RA_GENERATE_USERS_MAX && s.groups == RA_GENERATE_GROUPS_MAX &&
                s.messages == RA_GENERATE_MESSAGES_MAX);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "'' isn't one of its parts; accepted: users=U,groups=G,messages=M"},
        {"users=2,groups=1", "messages is missing; accepted: users=U,groups=G,messages=M"},
        {"groups=1,messages=1", "users is missing"},
        {"users=2,groups=1,mesages=3", "'mesages=3' isn't one of its parts"},
        {"users=2,groups=1,messages=3,", "'' isn't one of its parts"},
        {"users=2, groups=1,messages=3", "' groups=1' isn't one of its parts"},
        {"users=2,groups=1,messages", "'messages' isn't one of its parts"},
        {"user=2,groups=1,messages=3", "'user=2' isn't"},
        {"users=2,users=2,groups=1,messages=1", "users is there twice"},
        {"users=1,groups=1,messages=1", "users '1': accepted: a number from 2 to 100000000"},
        {"users=2,groups=0,messages=1", "groups '0': accepted: a number from 1"},
        {"users=2,groups=5,messages=4", "messages=4 is fewer than groups=5"},
        {"users=,groups=1,messages=1", "users '': accepted: a number"},
        {"users=2K,groups=1,messages=1", "users '2K': accepted: a number"},
        {"users=-2,groups=1,messages=1", "users '-2': accepted"},
        {"users=2.0,groups=1,messages=1", "users '2.0': accepted"},
        {"users=100000001,groups=1,messages=1", "users '100000001': accepted"},
        {"users=18446744073709551618,groups=1,messages=1", "users '18446744073709551618': accepted"},
        {"users=2,groups=1,messages=10000000001", "to 10000000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[RA_GENERATE_WHY_MAX] = "";
        ra_generate_spec s = {0};
        assert_false(ra_generate_spec_parse(cases[i].text, &s, why));
        if (!strstr(why, cases[i].says))
            fail_msg("%s: %s", cases[i].text, why);
    }
}

static void test_what_is_quoted_is_cut(void **state)
{
    (void)state;
    char text[2000], why[RA_GENERATE_WHY_MAX];
    ra_generate_spec s = {0};
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(ra_generate_spec_parse(text, &s, why));
    assert_non_null(strstr(why, "accepted: "));
    memcpy(text, "users=", 6);
    assert_false(ra_generate_spec_parse(text, &s, why));
    assert_non_null(strstr(why, "accepted: "));
    assert_false(ra_generate_seed_parse(text, &s.seed, why));
    assert_non_null(strstr(why, "accepted: "));
}

static void test_seed(void **state)
{
    (void)state;
    char why[RA_GENERATE_WHY_MAX];
    uint64_t seed = 7;
    assert_true(ra_generate_seed_parse("0", &seed, why));
    assert_true(seed == 0);
    assert_true(ra_generate_seed_parse("9007199254740991", &seed, why));
    assert_true(seed == RA_GENERATE_SEED_MAX);
    static const char *const wrong[] = {"", "-1", "9007199254740992", "1x", " 1", "18446744073709551617"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(ra_generate_seed_parse(wrong[i], &seed, why));
        assert_non_null(strstr(why, "accepted: a number from 0 to 9007199254740991"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_what_is_quoted_is_cut),
        cmocka_unit_test(test_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
