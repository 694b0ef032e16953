#include "tests/unit/config/expect.h"

#include "config/reference.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/readaside-reference-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/secret", folder);
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

static void expect(const char *given, const char *value, bool is_reference)
{
    ra_pool pool = {0};
    const char *v, *source;
    char error[RA_REFERENCE_ERROR_MAX] = "";
    if (!ra_reference_resolve(given, folder, &pool, &v, &source, error))
        fail_msg("%s: %s", given, error);
    assert_string_equal(v, value);
    if (is_reference)
        assert_ptr_equal(source, given);
    else
        assert_null(source);
    ra_pool_free(&pool);
}

static void expect_refused(const char *given, const char *words)
{
    ra_pool pool = {0};
    const char *v, *source;
    char error[RA_REFERENCE_ERROR_MAX] = "";
    assert_false(ra_reference_resolve(given, folder, &pool, &v, &source, error));
    if (!strstr(error, words) || strstr(error, "s3cret"))
        fail_msg("%s: %s", given, error);
    ra_pool_free(&pool);
}

static void test_plain_text_stands_for_itself(void **state)
{
    (void)state;
    expect("", "", false);
    expect("5s", "5s", false);
    expect("environment", "environment", false);
    expect(" env:X", " env:X", false);
}

static void test_environment(void **state)
{
    (void)state;
    setenv("READASIDE_TEST", "s3cret", 1);
    expect("env:READASIDE_TEST", "s3cret", true);
    setenv("READASIDE_TEST", "", 1);
    expect("env:READASIDE_TEST", "", true);
    setenv("READASIDE_TEST", "s3cret\xff", 1);
    expect_refused("env:READASIDE_TEST", "\"READASIDE_TEST\" isn't valid UTF-8");
    unsetenv("READASIDE_TEST");
    expect_refused("env:READASIDE_TEST", "\"READASIDE_TEST\" isn't set");
    expect_refused("env:", "isn't set");
    expect_refused("env:A=B", "isn't set");
}

static void test_files(void **state)
{
    (void)state;
    char given[80];
    snprintf(given, sizeof given, "file:%s", path);
    write_file("s3cret\n", 7);
    expect(given, "s3cret", true);
    expect("file:secret", "s3cret", true); /* in the folder of the configuration */
    write_file("s3cret\r\n", 8);
    expect(given, "s3cret", true);
    write_file("s3cret\n\n", 8);
    expect(given, "s3cret\n", true);
    write_file("", 0);
    expect(given, "", true);
    write_file("s3cret\0", 7);
    expect_refused(given, "isn't UTF-8 text");
    write_file("s3cret\xff", 7);
    expect_refused(given, "isn't UTF-8 text");
    static char large[RA_REFERENCE_FILE_MAX + 1];
    memset(large, 'a', sizeof large);
    write_file(large, sizeof large);
    expect_refused(given, "too large");
    unlink(path);
    expect_refused(given, "No such file");
    expect_refused("file:", "can't be read");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refused(given, "isn't a regular file");
}

static void test_paths_begin_in_the_folder(void **state)
{
    (void)state;
    ra_pool pool = {0};
    assert_string_equal(ra_reference_path("a", "b/c", &pool), "b/c/a");
    assert_string_equal(ra_reference_path("a", "/", &pool), "/a");
    assert_string_equal(ra_reference_path("a", "", &pool), "a");
    assert_string_equal(ra_reference_path("/a", "b", &pool), "/a");
    ra_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_text_stands_for_itself),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_paths_begin_in_the_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
