#include "tests/unit/config/expect.h"

#include "config/comments.h"

static void expect_blanked(const char *text, const char *expected)
{
    char copy[128];
    snprintf(copy, sizeof copy, "%s", text);
    assert_int_equal(ra_comments_blank(copy, strlen(copy)), 0);
    assert_string_equal(copy, expected);
}

static void test_comments_become_spaces_and_nothing_moves(void **state)
{
    (void)state;
    expect_blanked("", "");
    expect_blanked("{} // end", "{}       ");
    expect_blanked("1 // a\n2", "1     \n2");
    expect_blanked("1/*a*/2", "1     2");
    expect_blanked("1/*a\nb*/2", "1   \n   2");
    expect_blanked("/**/1", "    1");
    expect_blanked("/*/ */1", "      1");
    expect_blanked("/***/1", "     1");
    expect_blanked("// /* \n1", "      \n1");
    expect_blanked("/* // */1", "        1");
    expect_blanked("/", "/");
    expect_blanked("\xef\xbb\xbf{}", "   {}");
}

static void test_strings_keep_what_looks_like_a_comment(void **state)
{
    (void)state;
    expect_blanked("\"http://x\" // y", "\"http://x\"     ");
    expect_blanked("\"/*\" 1 \"*/\"", "\"/*\" 1 \"*/\"");
    expect_blanked("\"\\\"//\"//", "\"\\\"//\"  ");
    expect_blanked("\"\\\\\"//", "\"\\\\\"  ");
    expect_blanked("\"open\n//x", "\"open\n   ");
    expect_blanked("\"open\\\n//x", "\"open\\\n   ");
    expect_blanked("\"open", "\"open");
    expect_blanked("\"open\\", "\"open\\");
}

static void test_an_unclosed_comment_is_found_by_its_first_line(void **state)
{
    (void)state;
    char text[] = "{\n}\n/* open\n\n";
    assert_int_equal(ra_comments_blank(text, strlen(text)), 3);
    char slash[] = "/*/";
    assert_int_equal(ra_comments_blank(slash, 3), 1);
    char star[] = "/*";
    assert_int_equal(ra_comments_blank(star, 2), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comments_become_spaces_and_nothing_moves),
        cmocka_unit_test(test_strings_keep_what_looks_like_a_comment),
        cmocka_unit_test(test_an_unclosed_comment_is_found_by_its_first_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
