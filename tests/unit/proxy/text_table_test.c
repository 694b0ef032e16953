#include "proxy/text_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

typedef struct fixture {
    char *text;
    size_t n;
    FILE *out;
    ra_text_table *t;
} fixture;

static void begin(fixture *f, size_t width, size_t ncolumns, const char *const *titles)
{
    *f = (fixture){0};
    f->out = open_memstream(&f->text, &f->n);
    f->t = ra_text_table_new(f->out, width);
    assert_non_null(f->t);
    for (size_t i = 0; i < ncolumns; i++)
        assert_true(ra_text_table_column(f->t, ra_bytes_z(titles[i]), titles[i][0] == '#'));
}

static void row(fixture *f, size_t n, const char *const *cells)
{
    for (size_t i = 0; i < n; i++)
        assert_true(ra_text_table_cell(f->t, ra_bytes_z(cells[i])));
}

static void assert_printed(fixture *f, const char *text)
{
    fflush(f->out);
    assert_string_equal(f->text, text);
}

static void end(fixture *f)
{
    ra_text_table_free(f->t);
    fclose(f->out);
    free(f->text);
}

#define TITLES(...)                                                                                          \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define ROW(f, ...)                                                                                          \
    row(f, sizeof(const char *[]){__VA_ARGS__} / sizeof(char *), (const char *const[]){__VA_ARGS__})

static void test_columns_stand_under_each_other(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 0, 3, TITLES("name", "#n", "text"));
    ROW(&f, "日本", "7", "x");
    ROW(&f, "größer", "1234", "two\nlines");
    ROW(&f, "e\xcc\x81", NULL, "");
    assert_printed(&f, "");
    assert_true(ra_text_table_flush(f.t));
    assert_printed(&f, "name      #n  text\n"
                       "日本       7  x\n"
                       "größer  1234  two\\nlines\n"
                       "e\xcc\x81          -  \"\"\n");
    end(&f);
}

static void test_later_rows_go_out_at_once_and_whole(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 0, 2, TITLES("a", "b"));
    ROW(&f, "1", "2");
    assert_true(ra_text_table_flush(f.t));
    ROW(&f, "longer", "3");
    ROW(&f, "x", "4");
    assert_printed(&f, "a  b\n1  2\nlonger  3\nx  4\n");
    assert_true(ra_text_table_flush(f.t));
    assert_printed(&f, "a  b\n1  2\nlonger  3\nx  4\n");
    end(&f);
}

static void test_a_terminals_rows_fit(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 20, 3, TITLES("id", "words", "more"));
    ROW(&f, "1", "some words that are too many", "日本語日本語日本語");
    ROW(&f, "22", "few", "x");
    assert_true(ra_text_table_flush(f.t));
    assert_printed(&f, "id  words    more\n"
                       "1   some w…  日本語…\n"
                       "22  few      x\n");
    end(&f);
}

static void test_a_terminal_too_narrow_for_all_columns(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 5, 2, TITLES("first", "second"));
    ROW(&f, "123456", "ab");
    assert_true(ra_text_table_flush(f.t));
    assert_printed(&f, "fir…  sec…\n123…  ab\n");
    end(&f);
}

static void test_one_huge_cell_does_not_blow_up_every_row_of_a_pipe(void **state)
{
    (void)state;
    fixture f;
    static char huge[100001];
    memset(huge, 'h', sizeof huge - 1);
    begin(&f, 0, 2, TITLES("a", "b"));
    ROW(&f, huge, "1");
    ROW(&f, "x", "2");
    assert_true(ra_text_table_flush(f.t));
    fflush(f.out);
    assert_non_null(strstr(f.text, huge));
    assert_int_equal(strlen(f.text), 64 + 2 + 2 + (sizeof huge - 1) + 2 + 2 + 64 + 2 + 2);
    end(&f);
}

static void test_rows_that_wait_are_bounded(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 0, 1, TITLES("a"));
    for (int i = 0; i < 70000; i++)
        ROW(&f, "x");
    fflush(f.out);
    assert_true(f.n >= (size_t)2 * 65536);
    end(&f);
}

static void test_an_empty_table_has_its_header(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 80, 2, TITLES("a", "b"));
    assert_true(ra_text_table_flush(f.t));
    assert_printed(&f, "a  b\n");
    end(&f);
}

static void test_too_many_columns(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 0, 0, NULL);
    assert_false(ra_text_table_cell(f.t, RA_BYTES("no column")));
    for (int i = 0; i < RA_TEXT_TABLE_COLUMNS; i++)
        assert_true(ra_text_table_column(f.t, RA_BYTES("c"), false));
    assert_false(ra_text_table_column(f.t, RA_BYTES("c"), false));
    end(&f);
}

static void test_a_pipe_is_no_terminal(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    FILE *out = fdopen(fds[1], "w");
    assert_non_null(out);
    assert_int_equal(ra_text_table_terminal(out), 0);
    fclose(out);
    close(fds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_stand_under_each_other),
        cmocka_unit_test(test_later_rows_go_out_at_once_and_whole),
        cmocka_unit_test(test_a_terminals_rows_fit),
        cmocka_unit_test(test_a_terminal_too_narrow_for_all_columns),
        cmocka_unit_test(test_one_huge_cell_does_not_blow_up_every_row_of_a_pipe),
        cmocka_unit_test(test_rows_that_wait_are_bounded),
        cmocka_unit_test(test_an_empty_table_has_its_header),
        cmocka_unit_test(test_too_many_columns),
        cmocka_unit_test(test_a_pipe_is_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
