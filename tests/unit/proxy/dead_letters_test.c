/* Lines are whole, whatever was there before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/dead_letters.h"

static char path[64];

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/dead-letters-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return unlink(path);
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static const char *content(void)
{
    static char text[4096];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static const ra_dead_letter letter = {
    .rule = "r\"1", .table = "T", .tries = 3, .error = {"a\nb", 3}, .record = {"{\"a\":\n \"\\n\"\r}", 13}};
#define LINE                                                                                                 \
    "{\"at\": \"2024-06-11T18:42:28Z\", \"rule\": \"r\\\"1\", \"table\": \"T\", \"tries\": 3, \"error\": "   \
    "\"a\\nb\", \"record\": {\"a\":  \"\\n\" }}\n"
enum { WHEN = 1718131348 };

static void add(ra_dead_letters *d)
{
    const char *why;
    assert_true(ra_dead_letters_add(d, &letter, (int64_t)WHEN * 1000 + 336, &why));
}

static ra_dead_letters *open_it(void)
{
    const char *why;
    ra_dead_letters *d = ra_dead_letters_open(path, &why);
    assert_non_null(d);
    return d;
}

static void one_line_each(void **state)
{
    (void)state;
    struct stat s;
    ra_dead_letters *d = open_it();
    add(d);
    assert_string_equal(content(), LINE);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    add(d);
    ra_dead_letters_close(d);
    d = open_it();
    add(d);
    ra_dead_letters_close(d);
    assert_string_equal(content(), LINE LINE LINE);
}

static void a_line_that_was_cut_short_is_ended(void **state)
{
    (void)state;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("{\"at", f);
    fclose(f);
    ra_dead_letters *d = open_it();
    add(d);
    ra_dead_letters_close(d);
    assert_string_equal(content(), "{\"at\n" LINE);
}

static void what_cannot_be_opened_or_written(void **state)
{
    (void)state;
    const char *why;
    assert_null(ra_dead_letters_open("/no/such/folder/file", &why));
    assert_non_null(strstr(why, "No such file"));
    ra_dead_letters *d = ra_dead_letters_open("/dev/full", &why);
    assert_non_null(d);
    assert_false(ra_dead_letters_add(d, &letter, 0, &why));
    assert_non_null(strstr(why, "No space"));
    ra_dead_letters_close(d);
    ra_dead_letters_close(NULL);
}

/* Rotated away, and deleted: what comes then is where a person looks for it. */
static void a_file_that_has_gone_is_begun_anew(void **state)
{
    (void)state;
    char moved[sizeof path + 8];
    struct stat s;
    ra_dead_letters *d = open_it();
    add(d);
    snprintf(moved, sizeof moved, "%s.1", path);
    assert_int_equal(rename(path, moved), 0);
    add(d);
    assert_string_equal(content(), LINE);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    unlink(moved);
    unlink(path);
    add(d);
    add(d);
    assert_string_equal(content(), LINE LINE);
    ra_dead_letters_close(d);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_line_each),
        TEST(a_line_that_was_cut_short_is_ended),
        TEST(a_file_that_has_gone_is_begun_anew),
        TEST(what_cannot_be_opened_or_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
