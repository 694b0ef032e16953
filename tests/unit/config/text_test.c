#include "tests/unit/config/expect.h"

#include "config/text.h"

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length; /* of the first sequence; 0: malformed */
    } cases[] = {
        {"a", 1},
        {"\x7f", 1},
        {"\x80", 0},
        {"\xbf", 0},
        {"\xc0\x80", 0},
        {"\xc1\xbf", 0},
        {"\xc2\x80", 2},
        {"\xdf\xbf", 2},
        {"\xc3", 0},
        {"\xc3\x28", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xe0\xa0\x80", 3},
        {"\xed\x9f\xbf", 3},
        {"\xed\xa0\x80", 0},
        {"\xef\xbf\xbf", 3},
        {"\xe2\x82", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf0\x90\x80\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"\xff", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(ra_text_utf8(cases[i].text, strlen(cases[i].text)), cases[i].length);
}

static void test_where_the_first_bad_byte_is(void **state)
{
    (void)state;
    assert_int_equal(ra_text_valid("", 0), 0);
    assert_int_equal(ra_text_valid("a\xc3\xa9z", 4), 4);
    assert_int_equal(ra_text_valid("a\xc3\xa9z", 2), 1);
    assert_int_equal(ra_text_valid("ab\xff"
                                   "c",
                                   4),
                     2);
    assert_int_equal(ra_text_valid("a\0b", 3), 3);
}

static void test_control_characters(void **state)
{
    (void)state;
    assert_false(ra_text_has_control("plain \xc3\xa9 \xc2\xa0"));
    assert_true(ra_text_has_control("a\nb"));
    assert_true(ra_text_has_control("\x1b[31m"));
    assert_true(ra_text_has_control("\x7f"));
    assert_true(ra_text_has_control("\xc2\x9b"
                                    "31m"));
}

static void test_shown_text_is_short_and_harmless(void **state)
{
    (void)state;
    char out[RA_TEXT_SHOWN_MAX], text[400];
    ra_text_show("a\x1b[1m\xc2\x9b\xff\xc3\xa9", out);
    assert_string_equal(out, "\"a\\u001b[1m\\u009b\\ufffd\xc3\xa9\"");
    memset(text, '\n', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ra_text_show(text, out);
    assert_int_equal(strlen(out), 2 + 48 * 6 + 3);
    assert_string_equal(out + strlen(out) - 4, "\"...");
    text[48] = '\0';
    ra_text_show(text, out);
    assert_int_equal(strlen(out), 2 + 48 * 6);
    ra_text_show("", out);
    assert_string_equal(out, "\"\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_where_the_first_bad_byte_is),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_shown_text_is_short_and_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
