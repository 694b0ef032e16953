#include "tests/unit/config/expect.h"

#include "config/decode.h"

static void expect_path(const ra_place *at, const char *expected)
{
    char *path = ra_place_path(at);
    assert_string_equal(path, expected);
    free(path);
}

static void test_paths(void **state)
{
    (void)state;
    const ra_place root = {0};
    const ra_place tables = {.up = &root, .name = "tables"};
    const ra_place table = {.up = &tables, .name = "cruddur-messages"};
    const ra_place patterns = {.up = &table, .name = "patterns"};
    const ra_place pattern = {.up = &patterns, .index = 12};
    const ra_place ttl = {.up = &pattern, .name = "ttl"};
    expect_path(&root, "");
    expect_path(&tables, "tables");
    expect_path(&ttl, "tables.cruddur-messages.patterns[12].ttl");
}

static void test_odd_names_are_quoted(void **state)
{
    (void)state;
    const ra_place root = {0};
    const ra_place tables = {.up = &root, .name = "tables"};
    const ra_place dotted = {.up = &tables, .name = "my.table"};
    const ra_place ttl = {.up = &dotted, .name = "ttl"};
    const ra_place escape = {.up = &tables, .name = "\x1b[31m\n"};
    const ra_place empty = {.up = &root, .name = ""};
    expect_path(&ttl, "tables[\"my.table\"].ttl");
    expect_path(&escape, "tables[\"\\u001b[31m\\u000a\"]");
    expect_path(&empty, "[\"\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_odd_names_are_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
