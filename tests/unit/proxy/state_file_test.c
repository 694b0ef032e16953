#include "proxy/state_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[64];
static char path[128];

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/readaside-state-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/state", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void put(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void only_a_clean_exit_is_clean(void **state)
{
    (void)state;
    assert_false(ra_state_file_open(path)); /* no file: nobody knows */
    assert_false(ra_state_file_open(path)); /* a crash: it still says running */
    ra_state_file_close(path);
    assert_true(ra_state_file_open(path));
    assert_false(ra_state_file_open(path)); /* told once, then running again */
}

static void another_text_is_not_clean(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "clean", "cleaN\n", "clean\n\n", "running\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put(texts[i]);
        assert_false(ra_state_file_open(path));
    }
}

static void what_cannot_be_written_is_not_clean(void **state)
{
    (void)state;
    assert_false(ra_state_file_open("/nonexistent/readaside/state"));
    ra_state_file_close("/nonexistent/readaside/state");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_a_clean_exit_is_clean, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(another_text_is_not_clean, make_directory, remove_directory),
        cmocka_unit_test(what_cannot_be_written_is_not_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
