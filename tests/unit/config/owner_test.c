#include "tests/unit/config/expect.h"

#include "config/owner.h"

#include <pthread.h>

static const char *policy(const ra_table_config *t, const char *index, const char *partition)
{
    return ra_table_config_policy(t, index, index ? strlen(index) : 0, partition, strlen(partition))->name;
}

static void test_the_table_of_a_name(void **state)
{
    (void)state;
    ra_config *c = parse_clean("{\"tables\":{\"zoo\":{},\"*\":{},\"abc\":{},\"abcd\":{},\"Abc\":{}}}");
    assert_string_equal(ra_config_table(c, "abc", 3)->name, "abc");
    assert_string_equal(ra_config_table(c, "abcd", 4)->name, "abcd");
    assert_string_equal(ra_config_table(c, "abcd", 3)->name, "abc");
    assert_string_equal(ra_config_table(c, "Abc", 3)->name, "Abc");
    assert_string_equal(ra_config_table(c, "zoo", 3)->name, "zoo");
    assert_string_equal(ra_config_table(c, "ab", 2)->name, "*");
    assert_string_equal(ra_config_table(c, "abc\0", 4)->name, "*");
    assert_string_equal(ra_config_table(c, "", 0)->name, "*");
    assert_string_equal(ra_config_table(c, NULL, 0)->name, "*");
    ra_config_unref(c);
}

static void test_a_name_that_is_not_there(void **state)
{
    (void)state;
    ra_config *c = parse_clean("{\"tables\":{\"abc\":{}}}");
    assert_null(ra_config_table(c, "abd", 3));
    assert_null(ra_config_table(c, "*", 1));
    ra_config_unref(c);
    c = parse_good("{}");
    assert_null(ra_config_table(c, "abc", 3));
    ra_config_unref(c);
}

static void test_many_tables(void **state)
{
    (void)state;
    char *text = NULL, name[16];
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    fputs("{\"tables\":{", out);
    for (int i = 999; i >= 0; i--)
        fprintf(out, "\"table-%d\":{}%s", i, i ? "," : "}}");
    fclose(out);
    ra_config *c = parse_clean(text);
    for (int i = 0; i < 1000; i++) {
        int length = snprintf(name, sizeof name, "table-%d", i);
        assert_string_equal(ra_config_table(c, name, (size_t)length)->name, name);
    }
    ra_config_unref(c);
    free(text);
}

static void test_the_first_pattern_that_matches(void **state)
{
    (void)state;
    ra_config *c = parse_clean("{\"tables\":{\"abc\":{\"patterns\":["
                               "{\"name\":\"index\",\"index\":\"by-x\",\"partition_key\":\"X*\"},"
                               "{\"name\":\"ab\",\"partition_key\":\"AB*\"},"
                               "{\"name\":\"a\",\"partition_key\":\"A*\"},"
                               "{\"name\":\"by-y\",\"index\":\"by-y\"}]}}}");
    const ra_table_config *t = ra_config_table(c, "abc", 3);
    assert_string_equal(policy(t, NULL, "ABC"), "ab");
    assert_string_equal(policy(t, NULL, "AC"), "a");
    assert_string_equal(policy(t, NULL, "X"), "abc");
    assert_string_equal(policy(t, "by-x", "X1"), "index");
    assert_string_equal(policy(t, "by-x", "AB"), "ab");
    assert_string_equal(policy(t, "by-y", "Z"), "by-y");
    assert_string_equal(policy(t, "by-yy", "Z"), "abc");
    assert_string_equal(policy(t, "by-", "Z"), "abc");
    assert_string_equal(policy(t, NULL, ""), "abc");
    ra_config_unref(c);
}

enum { THREADS = 4, ROUNDS = 2000 };

static void *use(void *arg)
{
    ra_config *c = arg;
    for (int i = 0; i < ROUNDS; i++) {
        ra_config *mine = ra_config_ref(c);
        if (ra_config_table(mine, "abc", 3) == NULL)
            abort();
        ra_config_unref(mine);
    }
    ra_config_unref(c);
    return NULL;
}

/* Each thread drops a reference of its own at last, so that any of them may be the one that frees. */
static void test_references_from_many_threads(void **state)
{
    (void)state;
    ra_config *c = parse_clean("{\"tables\":{\"abc\":{}}}");
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, ra_config_ref(c)), 0);
    ra_config_unref(c);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ra_config_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_of_a_name),
        cmocka_unit_test(test_a_name_that_is_not_there),
        cmocka_unit_test(test_many_tables),
        cmocka_unit_test(test_the_first_pattern_that_matches),
        cmocka_unit_test(test_references_from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
