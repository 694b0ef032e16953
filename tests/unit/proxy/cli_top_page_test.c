/* Lines of `readaside top`: cut, coloured, and harmless; numbers as people read them. */
#include "proxy/cli_top_page.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void is(ra_buf *out, const char *expected)
{
    ra_buf_add_char(out, '\0');
    assert_true(ra_buf_ok(out));
    assert_string_equal(out->p, expected);
    ra_buf_free(out);
}

static void begin(ra_top_page *p, ra_buf *out)
{
    ra_buf_init(out, 4096);
    ra_top_page_begin(p, out);
}

static void lines_are_cut_at_the_width(void **state)
{
    ra_top_page p = {.width = 5, .utf8 = true};
    ra_buf out;
    (void)state;
    begin(&p, &out);
    ra_top_add(&p, "abc" RA_LOOK_BAD "defgh" RA_LOOK_PLAIN "i");
    ra_top_line(&p);
    ra_top_add_text(&p, "日本語", 0); /* two columns each: half of one can't be shown */
    ra_top_line(&p);
    ra_top_page_end(&p);
    is(&out, "abcde\n日本\n");
}

static void lines_beyond_the_height_are_left_away(void **state)
{
    ra_top_page p = {.height = 2};
    ra_buf out;
    (void)state;
    begin(&p, &out);
    for (int i = 0; i < 4; i++) {
        ra_top_add(&p, "%d", i);
        ra_top_line(&p);
    }
    assert_int_equal(ra_top_lines_left(&p), 0);
    ra_top_page_end(&p);
    is(&out, "0\n1\n");
}

static void looks_are_colours_where_there_are_any(void **state)
{
    ra_buf out;
    (void)state;
    for (int colour = 0; colour < 2; colour++) {
        ra_top_page p = {.colour = colour == 1};
        begin(&p, &out);
        ra_top_add(&p, "a" RA_LOOK_BAD "b"); /* never left open at a line's end */
        ra_top_line(&p);
        ra_top_page_end(&p);
        is(&out, colour ? "a\033[0m\033[31mb\033[0m\n" : "ab\n");
    }
}

static void text_from_outside_is_spelt_out(void **state)
{
    ra_top_page p = {.utf8 = true, .colour = true};
    ra_buf out;
    (void)state;
    begin(&p, &out);
    ra_top_add_text(&p, "a" RA_LOOK_BAD "\033[31m\n", 0);
    ra_top_add_text(&p, NULL, 3);
    ra_top_add(&p, "|");
    ra_top_line(&p);
    ra_top_page_end(&p);
    is(&out, "a\\x03\\x1b[31m\\n-  |\n");
}

static void other_locales_get_ascii(void **state)
{
    ra_top_page p = {0};
    ra_buf out;
    const double v[] = {1, 2};
    (void)state;
    begin(&p, &out);
    ra_top_add_text(&p, "é日x", 0);
    ra_top_add_curve(&p, v, 2, 0);
    ra_top_line(&p);
    ra_top_page_end(&p);
    is(&out, "??x\n");
}

static void curves(void **state)
{
    ra_top_page p = {.utf8 = true};
    ra_buf out;
    const double v[] = {0, 1, NAN, 2}, none[] = {0, 0}, parts[] = {0.5, 5, -1};
    (void)state;
    begin(&p, &out);
    ra_top_add_curve(&p, v, 4, 0);
    ra_top_add(&p, "|");
    ra_top_add_curve(&p, none, 2, 0);
    ra_top_add(&p, "|");
    ra_top_add_curve(&p, parts, 3, 1);
    ra_top_line(&p);
    ra_top_page_end(&p);
    is(&out, "▁▅ █|▁▁|▅█▁\n");
}

static void columns_are_padded_and_cut(void **state)
{
    ra_buf out;
    (void)state;
    for (size_t width = 0; width < 100; width += 50) {
        ra_top_page p = {.width = width, .utf8 = true};
        begin(&p, &out);
        ra_top_add_text(&p, "日本語", 5);
        ra_top_pad(&p, 8);
        ra_top_add(&p, "x");
        ra_top_line(&p);
        ra_top_page_end(&p);
        is(&out, width ? "日本    x\n" : "日本語  x\n"); /* whole where grep may look */
    }
}

static void a_line_without_end_is_an_error_and_no_overflow(void **state)
{
    ra_top_page p = {0};
    ra_buf out;
    (void)state;
    begin(&p, &out);
    for (int i = 0; i < RA_TOP_LINE_MAX; i++)
        ra_top_add(&p, "xx");
    ra_top_line(&p);
    ra_top_page_end(&p);
    assert_false(ra_buf_ok(&out));
    ra_buf_free(&out);
}

static void numbers(void **state)
{
    char s[RA_TOP_NUMBER_MAX];
    (void)state;
    assert_string_equal(ra_top_number(0, s), "0");
    assert_string_equal(ra_top_number(0.254, s), "0.25");
    assert_string_equal(ra_top_number(9.996, s), "10.0");
    assert_string_equal(ra_top_number(99.96, s), "100");
    assert_string_equal(ra_top_number(9999, s), "9999");
    assert_string_equal(ra_top_number(12345, s), "12.3k");
    assert_string_equal(ra_top_number(4.56e6, s), "4.56M");
    assert_string_equal(ra_top_number(NAN, s), "-");
    assert_string_equal(ra_top_number(INFINITY, s), "-");
    assert_string_equal(ra_top_whole(1234567, s), "1234567");
    assert_string_equal(ra_top_whole(12345678, s), "12.3M");
    assert_string_equal(ra_top_percent(0.9314, s), "93.1%");
    assert_string_equal(ra_top_percent(NAN, s), "-");
    assert_string_equal(ra_top_bytes(1023, s), "1023 B");
    assert_string_equal(ra_top_bytes(12.5 * 1024 * 1024, s), "12.5 MiB");
    assert_string_equal(ra_top_ms(42, s), "0.042");
    assert_string_equal(ra_top_ms(1500, s), "1.50");
    assert_string_equal(ra_top_duration(12, s), "12 ms");
    assert_string_equal(ra_top_duration(1500, s), "1.5 s");
    assert_string_equal(ra_top_duration(90 * 1000, s), "90 s");
    assert_string_equal(ra_top_duration(185.0 * 60 * 1000, s), "3 h 5 min");
    assert_string_equal(ra_top_duration(100.0 * 3600 * 1000, s), "4 d 4 h");
    assert_string_equal(ra_top_duration(NAN, s), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_cut_at_the_width),
        cmocka_unit_test(lines_beyond_the_height_are_left_away),
        cmocka_unit_test(looks_are_colours_where_there_are_any),
        cmocka_unit_test(text_from_outside_is_spelt_out),
        cmocka_unit_test(other_locales_get_ascii),
        cmocka_unit_test(curves),
        cmocka_unit_test(columns_are_padded_and_cut),
        cmocka_unit_test(a_line_without_end_is_an_error_and_no_overflow),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
