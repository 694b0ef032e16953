#include "tests/unit/config/expect.h"

#include "config/glob.h"

static bool match(const char *glob, const char *text)
{
    return ra_glob_match(glob, text, strlen(text));
}

static void test_matches(void **state)
{
    (void)state;
    static const struct {
        const char *glob, *text;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "a", true},
        {"a", "", false},
        {"a", "ab", false},
        {"*", "", true},
        {"*", "anything", true},
        {"MSG#*", "MSG#", true},
        {"MSG#*", "MSG#1", true},
        {"MSG#*", "msg#1", false},
        {"MSG#*", "xMSG#1", false},
        {"*#1", "MSG#1", true},
        {"*#1", "MSG#11", false},
        {"a*b*c", "abc", true},
        {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "acb", false},
        {"?", "a", true},
        {"?", "", false},
        {"?", "ab", false},
        {"??*", "a", false},
        {"??*", "ab", true},
        {"a?c", "abc", true},
        {"*ab", "aab", true},
        {"*aab", "aaab", true},
        {"**", "x", true},
        {"a**b", "ab", true},
        {"*?", "", false},
        {"*?", "x", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (match(cases[i].glob, cases[i].text) != cases[i].matches)
            fail_msg("%s against %s", cases[i].glob, cases[i].text);
    }
}

static void test_a_question_mark_is_one_character_not_one_byte(void **state)
{
    (void)state;
    assert_true(match("?", "\u00e9"));
    assert_true(match("a?b", "a\U0001f44bb"));
    assert_false(match("??", "\u00e9"));
    assert_true(match("*?b", "\u00e9\u00e9b"));
}

static void test_text_is_taken_by_length(void **state)
{
    (void)state;
    assert_true(ra_glob_match("a*c", "a\0c", 3));
    assert_true(ra_glob_match("a?c", "a\0c", 3));
    assert_false(ra_glob_match("a", "a\0", 2));
    assert_true(ra_glob_match("ab", "abc", 2));
    assert_true(ra_glob_match("*", NULL, 0));
    assert_true(ra_glob_match("?", "\xc3", 1)); /* cut in the middle of a character: still no read past it */
}

/* The obvious definition, exponential and plainly right. */
static bool reference(const char *glob, const char *text)
{
    if (*glob == '\0')
        return *text == '\0';
    if (*glob == '*')
        return reference(glob + 1, text) || (*text && reference(glob, text + 1));
    return *text && (*glob == '?' || *glob == *text) && reference(glob + 1, text + 1);
}

static void test_against_the_definition(void **state)
{
    (void)state;
    static const char alphabet[] = "ab*?";
    char glob[8], text[8];
    uint32_t random = 12345;
    for (int i = 0; i < 200000; i++) {
        size_t ng = 0, nt = 0;
        random = random * 1664525u + 1013904223u;
        uint32_t bits = random >> 4;
        for (size_t n = bits & 7; ng < n && ng < 7; ng++, random = random * 1664525u + 1013904223u)
            glob[ng] = alphabet[random >> 30];
        for (size_t n = (bits >> 3) & 7; nt < n && nt < 7; nt++, random = random * 1664525u + 1013904223u)
            text[nt] = alphabet[(random >> 30) & 1];
        glob[ng] = text[nt] = '\0';
        if (match(glob, text) != reference(glob, text))
            fail_msg("%s against %s", glob, text);
    }
}

/* Would not end within the age of the universe if every star were tried again. */
static void test_many_stars_end(void **state)
{
    (void)state;
    static char glob[513], text[2049];
    for (size_t i = 0; i < 512; i += 2)
        memcpy(glob + i, "a*", 2);
    glob[511] = 'b';
    memset(text, 'a', 2048);
    assert_false(match(glob, text));
    text[2047] = 'b';
    assert_true(match(glob, text));
}

static void test_matches_all(void **state)
{
    (void)state;
    assert_true(ra_glob_matches_all("*"));
    assert_true(ra_glob_matches_all("***"));
    assert_false(ra_glob_matches_all(""));
    assert_false(ra_glob_matches_all("*?"));
    assert_false(ra_glob_matches_all("a*"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_a_question_mark_is_one_character_not_one_byte),
        cmocka_unit_test(test_text_is_taken_by_length),
        cmocka_unit_test(test_against_the_definition),
        cmocka_unit_test(test_many_stars_end),
        cmocka_unit_test(test_matches_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
