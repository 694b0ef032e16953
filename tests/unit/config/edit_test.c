#include "tests/unit/config/expect.h"

#include "config/edit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MINUTES(n) ((int64_t)(n)*60 * 1000)

static void expect_edits(const char *text, const ra_edit *edits, size_t n, const char *wanted)
{
    char error[RA_EDIT_ERROR];
    size_t got_n;
    char *got = ra_edit_text(text, strlen(text), edits, n, &got_n, error);
    assert_non_null(got);
    assert_string_equal(got, wanted);
    assert_int_equal(got_n, strlen(wanted));
    free(got);
}

static void expect_edit(const char *text, const char *pattern, const char *wanted)
{
    const ra_edit e = {.table = "t", .pattern = pattern, .ttl = MINUTES(20)};
    expect_edits(text, &e, 1, wanted);
}

static void expect_refusal(const char *text, const char *table, const char *pattern, const char *why)
{
    const ra_edit e = {.table = table, .pattern = pattern, .ttl = MINUTES(20)};
    char error[RA_EDIT_ERROR];
    size_t n;
    assert_null(ra_edit_text(text, strlen(text), &e, 1, &n, error));
    assert_string_equal(error, why);
}

static void test_a_ttl_is_replaced_and_nothing_else(void **state)
{
    (void)state;
    expect_edit("{\"tables\":{\"t\":{\"ttl\":\"5m\"}}}", NULL, "{\"tables\":{\"t\":{\"ttl\":\"20m\"}}}");
    expect_edit("{ \"tables\" : { \"t\" : { \"ttl\" : \"5m\" , \"settle\": \"1s\" } } } // end\n", NULL,
                "{ \"tables\" : { \"t\" : { \"ttl\" : \"20m\" , \"settle\": \"1s\" } } } // end\n");
    expect_edit("{\"tables\":{\"t\":{\"ttl\":\"env:TTL\"}}}", NULL, "{\"tables\":{\"t\":{\"ttl\":\"20m\"}}}");
    expect_edit("{\"tables\":{\"t\":{\"ttl\":0}}}", NULL, "{\"tables\":{\"t\":{\"ttl\":\"20m\"}}}");
}

static void test_comments_are_no_members(void **state)
{
    (void)state;
    expect_edit("// \"tables\": {\"t\": {\"ttl\": \"1s\"}}\n"
                "{/* { \"tables\": [ // */\"tables\": /* \"ttl\" */ {\n"
                "  // \"t\": {\"ttl\": \"2s\"},\n"
                "  \"t\": { /* \"ttl\": \"3s\", */ \"ttl\": /* was \"4s\" */ \"5m\" /* } */ } // \"ttl\"\n"
                "}}",
                NULL,
                "// \"tables\": {\"t\": {\"ttl\": \"1s\"}}\n"
                "{/* { \"tables\": [ // */\"tables\": /* \"ttl\" */ {\n"
                "  // \"t\": {\"ttl\": \"2s\"},\n"
                "  \"t\": { /* \"ttl\": \"3s\", */ \"ttl\": /* was \"4s\" */ \"20m\" /* } */ } // \"ttl\"\n"
                "}}");
}

static void test_strings_are_no_members(void **state)
{
    (void)state;
    expect_edit("{\"x\": \"\\\"tables\\\": {\", \"tables\": {\"a\": {\"ttl\": \"ttl\"}, \"t\": {\"n\": \"} "
                "// \\\\\", "
                "\"ttl\": \"5m\"}}}",
                NULL,
                "{\"x\": \"\\\"tables\\\": {\", \"tables\": {\"a\": {\"ttl\": \"ttl\"}, \"t\": {\"n\": \"} "
                "// \\\\\", "
                "\"ttl\": \"20m\"}}}");
    /* The same name, spelt otherwise. */
    expect_edit("{\"t\\u0061bles\": {\"\\u0074\": {\"tt\\u006c\": \"5m\"}}}", NULL,
                "{\"t\\u0061bles\": {\"\\u0074\": {\"tt\\u006c\": \"20m\"}}}");
}

static const char several[] =
    "\xef\xbb\xbf{\n"
    "  \"listen\": {\"address\": \"127.0.0.1:0\"}, // \xe2\x82\xac, \xf0\x9f\x98\x80\n"
    "  \"tables\": {\n"
    "    \"ttl\": {\"ttl\": \"1m\"},\n"
    "    \"*\": {\"ttl\": \"2m\", \"patterns\": [{\"name\": \"p\", \"ttl\": \"3m\"}]},\n"
    "    \"t\": {\n"
    "      \"patterns\": [\n"
    "        { \"name\": \"p\", \"partition_key\": \"\xe2\x82\xac*\", \"ttl\": \"4m\" },\n"
    "        { \"partition_key\": \"p\", \"ttl\": \"5m\", \"name\": \"q\" }\n"
    "      ],\n"
    "      \"ttl\": \"6m\"\n"
    "    }\n"
    "  }\n"
    "}\n";

/* The text with one of its TTLs changed. */
static char *with(const char *text, const char *old, const char *fresh)
{
    char *out = malloc(strlen(text) + strlen(fresh) + 1);
    const char *at = strstr(text, old);
    assert_non_null(out);
    assert_non_null(at);
    sprintf(out, "%.*s%s%s", (int)(at - text), text, fresh, at + strlen(old));
    return out;
}

static void test_the_one_that_is_meant(void **state)
{
    (void)state;
    static const struct {
        const char *table, *pattern, *old;
    } cases[] = {{"ttl", NULL, "1m"}, {"*", NULL, "2m"}, {"*", "p", "3m"},
                 {"t", "p", "4m"},    {"t", "q", "5m"},  {"t", NULL, "6m"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const ra_edit e = {.table = cases[i].table, .pattern = cases[i].pattern, .ttl = INT64_C(90000)};
        char *wanted = with(several, cases[i].old, "90s");
        expect_edits(several, &e, 1, wanted);
        free(wanted);
    }
}

static void test_several_at_once(void **state)
{
    (void)state;
    const ra_edit edits[] = {{.table = "t", .pattern = "p", .ttl = MINUTES(60)},
                             {.table = "ttl", .ttl = 1500},
                             {.table = "t", .ttl = MINUTES(24 * 60)}};
    char *one = with(several, "4m", "1h"), *two = with(one, "1m", "1500ms"), *three = with(two, "6m", "1d");
    expect_edits(several, edits, 3, three);
    expect_edits(several, edits, 0, several);
    free(one);
    free(two);
    free(three);
}

static void test_one_that_is_stated_may_stay(void **state)
{
    (void)state;
    const ra_edit e = {.table = "t", .pattern = "p", .ttl = MINUTES(20), .unless_stated = true};
    expect_edits(several, &e, 1, several);
    expect_edits(
        "{\"tables\": {\"t\": {\"ttl\": \"1m\", \"patterns\": [{\"name\": \"p\"}]}}}", &e, 1,
        "{\"tables\": {\"t\": {\"ttl\": \"1m\", \"patterns\": [{\"name\": \"p\", \"ttl\": \"20m\"}]}}}");
}

static void test_one_is_put_in_on_a_line_of_its_own(void **state)
{
    (void)state;
    expect_edit("{\"tables\": {\n  \"t\": {\n    \"settle\": \"1s\", // the index\n    // more\n    "
                "\"stream\": \"follow\"\n"
                "  }\n}}\n",
                NULL,
                "{\"tables\": {\n  \"t\": {\n    \"settle\": \"1s\", // the index\n    \"ttl\": \"20m\",\n   "
                " // more\n"
                "    \"stream\": \"follow\"\n  }\n}}\n");
    /* As the last one, which has no comma. */
    expect_edit("{\"tables\": {\"t\": {\n\t\t\"settle\": \"1s\" // the index\n}}}", NULL,
                "{\"tables\": {\"t\": {\n\t\t\"settle\": \"1s\", // the index\n\t\t\"ttl\": \"20m\"\n}}}");
    /* Behind a value of several lines. */
    expect_edit(
        "{\"tables\": {\"t\": {\n  \"schema\": {\n    \"partition_key\": \"p\"\n  },\n  \"settle\": "
        "\"1s\"\n}}}",
        NULL,
        "{\"tables\": {\"t\": {\n  \"schema\": {\n    \"partition_key\": \"p\"\n  },\n  \"ttl\": \"20m\",\n"
        "  \"settle\": \"1s\"\n}}}");
    expect_edit(
        "{\"tables\": {\"t\": {\"patterns\": [\n  {\n    \"name\": \"p\",\n    \"index\": \"i\"\n  }\n]}}}",
        "p",
        "{\"tables\": {\"t\": {\"patterns\": [\n  {\n    \"name\": \"p\",\n    \"ttl\": \"20m\",\n"
        "    \"index\": \"i\"\n  }\n]}}}");
}

static void test_line_ends_are_the_files(void **state)
{
    (void)state;
    expect_edit(
        "{\"tables\": {\r\n  \"t\": {\r\n    \"settle\": \"1s\"\r\n  }\r\n}}\r\n", NULL,
        "{\"tables\": {\r\n  \"t\": {\r\n    \"settle\": \"1s\",\r\n    \"ttl\": \"20m\"\r\n  }\r\n}}\r\n");
    expect_edit("{\"tables\": {\r\n  \"t\": {\"ttl\": \"5m\"}\r\n}}\r\n", NULL,
                "{\"tables\": {\r\n  \"t\": {\"ttl\": \"20m\"}\r\n}}\r\n");
}

static void test_one_is_put_in_beside_others(void **state)
{
    (void)state;
    expect_edit("{\"tables\": {\"t\": {}}}", NULL, "{\"tables\": {\"t\": { \"ttl\": \"20m\" }}}");
    expect_edit("{\"tables\": {\"t\": { // none\n}}}", NULL,
                "{\"tables\": {\"t\": { \"ttl\": \"20m\" // none\n}}}");
    expect_edit("{\"tables\": {\"t\": {\"patterns\": [{ \"name\": \"p\", \"partition_key\": \"A*\" }]}}}",
                "p",
                "{\"tables\": {\"t\": {\"patterns\": [{ \"name\": \"p\", \"ttl\": \"20m\", "
                "\"partition_key\": \"A*\" }]}}}");
    expect_edit("{\"tables\": {\"t\": {\"patterns\": [{\"name\":\"p\"}]}}}", "p",
                "{\"tables\": {\"t\": {\"patterns\": [{\"name\":\"p\", \"ttl\": \"20m\"}]}}}");
    /* A comment that goes on over the line's end, a comma on another line: no place for a line. */
    expect_edit("{\"tables\": {\"t\": {\n  \"settle\": \"1s\", /* a\n b */ \"fresh_as_of\": true\n}}}", NULL,
                "{\"tables\": {\"t\": {\n  \"settle\": \"1s\", \"ttl\": \"20m\", /* a\n b */ "
                "\"fresh_as_of\": true\n}}}");
    expect_edit("{\"tables\": {\"t\": {\n  \"settle\": \"1s\"\n  // a\n  , \"fresh_as_of\": true\n}}}", NULL,
                "{\"tables\": {\"t\": {\n  \"settle\": \"1s\", \"ttl\": \"20m\"\n  // a\n  , "
                "\"fresh_as_of\": true\n}}}");
}

static void test_what_is_not_there_is_told(void **state)
{
    (void)state;
    expect_refusal(several, "u", NULL, "the file has no table \"u\"");
    expect_refusal(several, "t", "r", "table \"t\" has no pattern \"r\"");
    expect_refusal("{\"tables\": {\"t\": {\"patterns\": []}}}", "t", "p", "table \"t\" has no pattern \"p\"");
    expect_refusal("{}", "t", NULL, "the file has no table \"t\"");
    expect_refusal("", "t", NULL, "the file has no table \"t\"");
    expect_refusal("{ /* ", "t", NULL, "a comment isn't closed");
}

/* ---- files ---- */

static const char sound[] = "{ // mine\n  \"tables\": {\"notes\": {\"ttl\": \"5m\"}}\n}\n";

typedef struct folder {
    char path[64], file[80], link[80];
} folder;

static void folder_make(folder *f, const char *text)
{
    snprintf(f->path, sizeof f->path, "/tmp/readaside-edit-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->file, sizeof f->file, "%s/a.jsonc", f->path);
    snprintf(f->link, sizeof f->link, "%s/b.jsonc", f->path);
    FILE *out = fopen(f->file, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0 && fclose(out) == 0);
    assert_int_equal(chmod(f->file, 0640), 0);
    assert_int_equal(symlink("a.jsonc", f->link), 0);
}

static void expect_content(const char *path, const char *wanted)
{
    char got[1024];
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t n = fread(got, 1, sizeof got - 1, in);
    got[n] = '\0';
    fclose(in);
    assert_string_equal(got, wanted);
}

/* Nothing but the two is left in it. */
static void folder_remove(folder *f)
{
    assert_int_equal(unlink(f->link), 0);
    assert_int_equal(unlink(f->file), 0);
    assert_int_equal(rmdir(f->path), 0);
}

static void test_a_file_is_replaced(void **state)
{
    (void)state;
    folder f;
    struct stat is;
    char error[RA_EDIT_ERROR];
    ra_problems problems;
    const ra_edit e = {.table = "notes", .ttl = MINUTES(20)};
    folder_make(&f, sound);
    int before = open(f.file, O_RDONLY);
    assert_true(before >= 0);
    assert_true(ra_edit_file(f.link, &e, 1, &problems, error));
    ra_problems_free(&problems);
    expect_content(f.file, "{ // mine\n  \"tables\": {\"notes\": {\"ttl\": \"20m\"}}\n}\n");
    assert_int_equal(stat(f.file, &is), 0);
    assert_int_equal(is.st_mode & 07777, 0640);
    assert_int_equal(lstat(f.link, &is), 0);
    assert_true(S_ISLNK(is.st_mode));
    /* Who had it open has the old one still: it was replaced, not written into. */
    char first[64] = "";
    assert_int_equal(read(before, first, sizeof first - 1), (int)strlen(sound));
    assert_string_equal(first, sound);
    close(before);
    folder_remove(&f);
}

static void test_what_would_be_wrong_is_not_written(void **state)
{
    (void)state;
    folder f;
    char error[RA_EDIT_ERROR];
    ra_problems problems;
    const ra_edit too_long = {.table = "notes", .ttl = MINUTES(60 * 24 * 366)},
                  none = {.table = "u", .ttl = 1000};
    folder_make(&f, sound);
    assert_false(ra_edit_file(f.file, &too_long, 1, &problems, error));
    assert_string_equal(error, "it would not be a sound configuration any more");
    assert_int_equal(problems.errors, 1);
    assert_string_equal(problems.v[0].path, "tables.notes.ttl");
    ra_problems_free(&problems);
    expect_content(f.file, sound);
    assert_false(ra_edit_file(f.file, &none, 1, &problems, error));
    assert_string_equal(error, "the file has no table \"u\"");
    ra_problems_free(&problems);
    expect_content(f.file, sound);
    folder_remove(&f);
    assert_false(ra_edit_file(f.file, &none, 1, &problems, error));
    assert_string_equal(error, "No such file or directory");
    ra_problems_free(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ttl_is_replaced_and_nothing_else),
        cmocka_unit_test(test_comments_are_no_members),
        cmocka_unit_test(test_strings_are_no_members),
        cmocka_unit_test(test_the_one_that_is_meant),
        cmocka_unit_test(test_several_at_once),
        cmocka_unit_test(test_one_that_is_stated_may_stay),
        cmocka_unit_test(test_one_is_put_in_on_a_line_of_its_own),
        cmocka_unit_test(test_line_ends_are_the_files),
        cmocka_unit_test(test_one_is_put_in_beside_others),
        cmocka_unit_test(test_what_is_not_there_is_told),
        cmocka_unit_test(test_a_file_is_replaced),
        cmocka_unit_test(test_what_would_be_wrong_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
