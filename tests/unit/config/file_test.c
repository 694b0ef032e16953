#include "tests/unit/config/expect.h"

#include "config/file.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/readaside-file-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_file(const char *content, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void test_content_up_to_the_cap(void **state)
{
    (void)state;
    size_t n = 0;
    const char *error = NULL;
    write_file("ab\0cd", 5);
    char *content = ra_file_read(path, 5, true, &n, &error);
    assert_non_null(content);
    assert_int_equal(n, 5);
    assert_memory_equal(content, "ab\0cd\0", 6);
    free(content);
    assert_null(ra_file_read(path, 4, true, &n, &error));
    assert_string_equal(error, "the file is too large");
}

static void test_an_empty_file(void **state)
{
    (void)state;
    size_t n = 1;
    const char *error = NULL;
    write_file("", 0);
    char *content = ra_file_read(path, 5, false, &n, &error);
    assert_non_null(content);
    assert_int_equal(n, 0);
    assert_string_equal(content, "");
    free(content);
}

static void test_what_is_not_there_or_no_file(void **state)
{
    (void)state;
    size_t n;
    const char *error = NULL;
    assert_null(ra_file_read("/tmp/readaside-nowhere/x", 5, false, &n, &error));
    assert_string_equal(error, "No such file or directory");
    assert_null(ra_file_read(folder, 5, true, &n, &error));
    assert_string_equal(error, "it isn't a regular file");
    assert_null(ra_file_read(folder, 5, false, &n, &error));
    assert_string_equal(error, "Is a directory");
}

/* Opening a pipe that nobody writes to would wait for ever. */
static void test_a_pipe_does_not_block(void **state)
{
    (void)state;
    size_t n;
    const char *error = NULL;
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(ra_file_read(path, 5, true, &n, &error));
    assert_string_equal(error, "it isn't a regular file");
}

static void test_a_folder_is_synced(void **state)
{
    (void)state;
    assert_true(ra_file_sync_folder(path));
    assert_true(ra_file_sync_folder("a-name-in-the-working-directory"));
    assert_true(ra_file_sync_folder("/a-name-in-the-root"));
    assert_false(ra_file_sync_folder("/tmp/readaside-nowhere/x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_up_to_the_cap),        cmocka_unit_test(test_an_empty_file),
        cmocka_unit_test(test_what_is_not_there_or_no_file), cmocka_unit_test(test_a_pipe_does_not_block),
        cmocka_unit_test(test_a_folder_is_synced),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
