#include "tests/unit/config/expect.h"

#include "config/problems.h"

static char *printed(void (*print)(const ra_problems *, const char *, FILE *), const ra_problems *p)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    print(p, "a.jsonc", out);
    fclose(out);
    return text;
}

static void fill(ra_problems *p)
{
    ra_problems_add(p, true, 9, strdup("x.y"), "later %d", 1);
    ra_problems_add(p, false, 3, strdup("a"), "first in line 3");
    ra_problems_add(p, false, 3, strdup("b"), "second in line 3");
    ra_problems_add_file(p, 0, "of the whole file");
}

static void test_printed_in_the_files_order(void **state)
{
    (void)state;
    ra_problems p = {0};
    fill(&p);
    ra_problems_sort(&p);
    assert_int_equal(p.errors, 3);
    char *text = printed(ra_problems_print, &p);
    assert_string_equal(text, "a.jsonc: of the whole file\n"
                              "a.jsonc:3: a: first in line 3\n"
                              "a.jsonc:3: b: second in line 3\n"
                              "a.jsonc:9: x.y: warning: later 1\n");
    free(text);
    ra_problems_free(&p);
    assert_int_equal(p.n, 0);
}

static void test_json(void **state)
{
    (void)state;
    ra_problems p = {0};
    ra_problems_add(&p, true, 9, strdup("x[\"\\n\"]"), "tab\there, \"quoted\"");
    char *text = printed(ra_problems_print_json, &p);
    assert_string_equal(
        text, "[{\"file\":\"a.jsonc\",\"line\":9,\"path\":\"x[\\\"\\\\n\\\"]\",\"message\":\"tab\\u0009here, "
              "\\\"quoted\\\"\",\"severity\":\"warning\"}]\n");
    free(text);
    ra_problems_free(&p);
    text = printed(ra_problems_print_json, &p);
    assert_string_equal(text, "[]\n");
    free(text);
}

static void test_errors_past_the_maximum_are_counted(void **state)
{
    (void)state;
    ra_problems p = {0};
    for (int i = 0; i < RA_PROBLEMS_MAX + 500; i++)
        ra_problems_add(&p, false, RA_PROBLEMS_MAX + 500 - i, strdup("a"), "error");
    ra_problems_sort(&p);
    assert_int_equal(p.errors, RA_PROBLEMS_MAX + 500);
    assert_int_equal(p.n, RA_PROBLEMS_MAX + 1);
    assert_true(p.v[0].line < p.v[1].line);
    assert_non_null(strstr(p.v[RA_PROBLEMS_MAX].message, "more problems"));
    ra_problems_free(&p);
}

static void test_an_error_without_memory_for_it_is_still_said(void **state)
{
    (void)state;
    ra_problems p = {.errors = 1};
    char *text = printed(ra_problems_print, &p);
    assert_string_equal(text, "a.jsonc: out of memory\n");
    free(text);
    text = printed(ra_problems_print_json, &p);
    assert_non_null(strstr(text, "\"message\":\"out of memory\",\"severity\":\"error\""));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_printed_in_the_files_order),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_errors_past_the_maximum_are_counted),
        cmocka_unit_test(test_an_error_without_memory_for_it_is_still_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
