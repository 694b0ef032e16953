#include "tests/unit/config/expect.h"

#include "config/suggest.h"

static void test_distances(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {{"", "", 0},      {"abc", "abc", 0}, {"abc", "ABC", 0},        {"abc", "abd", 1},
                 {"abc", "ab", 1}, {"ab", "abc", 1},  {"abc", "acb", 1},        {"abcd", "badc", 2},
                 {"", "abc", 3},   {"ttl", "tlt", 1}, {"thread", "threads", 1}, {"kitten", "sitting", 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ra_suggest_distance(cases[i].a, cases[i].b, 10), cases[i].distance);
        assert_int_equal(ra_suggest_distance(cases[i].b, cases[i].a, 10), cases[i].distance);
    }
    assert_int_equal(ra_suggest_distance("kitten", "sitting", 2), 3);
}

static void test_long_names_are_far(void **state)
{
    (void)state;
    char longest[66];
    memset(longest, 'a', 65);
    longest[65] = '\0';
    assert_int_equal(ra_suggest_distance(longest, longest, 5), 6);
    assert_int_equal(ra_suggest_distance(longest + 1, longest + 1, 5), 0);
}

static void test_the_nearest_is_suggested(void **state)
{
    (void)state;
    static const char *const names[] = {"threads", "max_body", "ttl", "ttl_jitter", "index"};
    assert_string_equal(ra_suggest("treads", names, 5), "threads");
    assert_string_equal(ra_suggest("maxBody", names, 5), "max_body");
    assert_string_equal(ra_suggest("TTL", names, 5), "ttl");
    assert_string_equal(ra_suggest("tt_jiter", names, 5), "ttl_jitter");
    assert_null(ra_suggest("endpoint", names, 5));
    assert_null(ra_suggest("", names, 5));
    assert_null(ra_suggest("x", (const char *const[]){"y"}, 1));
    assert_null(ra_suggest("x", names, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_long_names_are_far),
        cmocka_unit_test(test_the_nearest_is_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
