#include "proxy/text_cell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { CAP = 4096 };

static void assert_shown(ra_bytes text, const char *shown)
{
    ra_buf out;
    ra_buf_init(&out, CAP);
    assert_true(ra_text_cell_add(text, &out));
    assert_true(ra_buf_add_char(&out, '\0'));
    assert_string_equal(out.p, shown);
    ra_buf_free(&out);
}

static void test_what_a_terminal_would_act_on_is_spelt_out(void **state)
{
    (void)state;
    assert_shown(RA_BYTES("plain, größe, 日本, 👋🏽"), "plain, größe, 日本, 👋🏽");
    assert_shown(RA_BYTES(""), "");
    assert_shown(RA_BYTES("a\nb\tc\rd"), "a\\nb\\tc\\rd");
    assert_shown(RA_BYTES("\x1b[31mred\x1b]0;title\x07"), "\\x1b[31mred\\x1b]0;title\\x07");
    assert_shown(RA_BYTES("nul\0del\x7f"), "nul\\x00del\\x7f");
    assert_shown(RA_BYTES("c1: \xc2\x9b"
                          "31m"),
                 "c1: \\u009b31m");
    static const char turned[] = {'\xe2', '\x80', '\xae', 'a',    '\xe2', '\x80',
                                  '\xa8', 'd',    '\xef', '\xbb', '\xbf'};
    assert_shown((ra_bytes){turned, sizeof turned}, "\\u202ea\\u2028d\\ufeff");
    assert_shown(RA_BYTES("\xf3\xa0\x80\x81"), "\\U000e0001");
    assert_shown(RA_BYTES("bad \xff\xc3("), "bad \\xff\\xc3(");
    assert_shown(RA_BYTES("cut \xe2\x82"), "cut \\xe2\\x82");
}

static void test_a_full_buffer_is_an_error(void **state)
{
    (void)state;
    ra_buf out;
    ra_buf_init(&out, 3);
    assert_false(ra_text_cell_add(RA_BYTES("\n\n"), &out));
    ra_buf_free(&out);
}

static void test_widths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width;
    } cases[] = {{"", 0},   {"abc", 3},  {"größe", 5}, {"日本語", 6}, {"e\xcc\x81", 1},
                 {"한", 2}, {"ｆｗ", 4}, {"👋", 2},     {"…", 1},      {"\xe2\x82\xac", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(ra_text_cell_width(ra_bytes_z(cases[i].text)), cases[i].width);
}

static void test_where_the_c_library_cannot_say(void **state)
{
    (void)state;
    static const uint32_t same[] = {'a',     0xf6,   0x301,  0x65e5, 0xac00, 0xff46,
                                    0x1f44b, 0x2026, 0x20ac, 0x9b,   7};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_int_equal(ra_text_char_width_plain(same[i]), ra_text_char_width(same[i]));
}

static void test_cutting(void **state)
{
    (void)state;
    size_t width;
    assert_int_equal(ra_text_cell_fit(RA_BYTES("abcdef"), 3, &width), 3);
    assert_int_equal(width, 3);
    assert_int_equal(ra_text_cell_fit(RA_BYTES("日本語"), 3, &width), 3); /* half a character isn't shown */
    assert_int_equal(width, 2);
    assert_int_equal(ra_text_cell_fit(RA_BYTES("ae\xcc\x81x"), 2, &width), 4); /* its mark stays with the e */
    assert_int_equal(width, 2);
    assert_int_equal(ra_text_cell_fit(RA_BYTES("ab"), 2, &width), 2);
    assert_int_equal(ra_text_cell_fit(RA_BYTES("ab"), 0, &width), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_terminal_would_act_on_is_spelt_out),
        cmocka_unit_test(test_a_full_buffer_is_an_error),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_where_the_c_library_cannot_say),
        cmocka_unit_test(test_cutting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
