/* Workloads from JSON: those that have a name, what a file may say, and what is said of mistakes. */
#include "bench/loadgen/workload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const ra_workload_changes unchanged = {.zipf = -1};

static ra_workload *read_with(const char *text, const ra_workload_changes *c)
{
    ra_problems problems;
    ra_workload *w = ra_workload_read(text, strlen(text), "", c, &problems);
    if (!w)
        ra_problems_print(&problems, "text", stdout);
    assert_non_null(w);
    ra_problems_free(&problems);
    return w;
}

static void test_the_named_ones_are_right(void **state)
{
    static const char *const wanted[] = {"chat", "ycsb-a", "ycsb-b", "ycsb-c",     "ycsb-d", "a",  "b",
                                         "c",    "d",      "herd",   "scan-flood", "writes", "get"};
    size_t n = 0;
    (void)state;
    for (const char *const *name = ra_workload_names(); *name; name++, n++) {
        size_t len;
        ra_problems problems;
        const char *text = ra_workload_builtin(*name, &len);
        assert_non_null(text);
        ra_workload *w = ra_workload_read(text, len, "", &unchanged, &problems);
        ra_problems_print(&problems, *name, stdout);
        assert_non_null(w);
        assert_true(w->n > 0 && w->weights > 0);
        ra_workload_free(w);
        ra_problems_free(&problems);
    }
    assert_true(n >= 9);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        size_t len;
        assert_non_null(ra_workload_builtin(wanted[i], &len));
    }
    size_t len;
    assert_null(ra_workload_builtin("e", &len));
    assert_null(ra_workload_builtin("", &len));
    assert_null(ra_workload_builtin("ycsb", &len));
}

static void test_reads_and_writes(void **state)
{
    (void)state;
    ra_workload *w = read_with("{\"operations\":["
                               "{\"operation\":\"Query\",\"request\":{}},"
                               "{\"operation\":\"PutItem\",\"request\":{}},"
                               "{\"operation\":\"ExecuteStatement\",\"request\":{},\"kind\":\"read\"},"
                               "{\"method\":\"GET\",\"path\":\"/x?y=1\"},"
                               "{\"method\":\"POST\",\"path\":\"/x\",\"body\":{\"a\":[1,\"{uuid}\"]}},"
                               "{\"path\":\"/x\",\"kind\":\"write\",\"weight\":5,\"name\":\"n\"}]}",
                               &unchanged);
    static const bool writes[] = {false, true, false, false, true, true};
    assert_int_equal(w->n, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(w->operations[i].write, writes[i]);
    assert_string_equal(w->operations[0].target, "DynamoDB_20120810.Query");
    assert_string_equal(w->operations[0].name, "Query");
    assert_null(w->operations[3].target);
    assert_string_equal(w->operations[5].name, "n");
    assert_int_equal(w->weights, 10);
    ra_workload_free(w);
}

#define KEYED                                                                                                \
    "{\"keys\":1000,\"zipf\":0.5,\"table\":\"t\",\"item_size\":7,\"operations\":["                           \
    "{\"operation\":\"GetItem\",\"keys\":\"1%\",\"zipf\":2,\"request\":{\"a\":\"{key}{table}{text}\"}},"     \
    "{\"operation\":\"GetItem\",\"from\":\"1%\",\"distribution\":\"seq\",\"request\":{}}]}"

static void test_keys_and_what_the_command_line_changes(void **state)
{
    const ra_workload_changes changes = {.table = "other", .keys = 500, .zipf = 1.5, .item_size = 9};
    (void)state;
    ra_workload *w = read_with(KEYED, &unchanged);
    assert_int_equal(w->operations[0].keys, 10);
    assert_true(w->operations[0].zipf == 2 && w->operations[1].zipf == 0.5);
    assert_int_equal(w->operations[1].from, 10);
    assert_int_equal(w->operations[1].keys, 990);
    assert_int_equal(w->operations[1].distribution, RA_PLACE_SEQ);
    assert_string_equal(w->table, "t");
    assert_true((w->used & RA_PLACE_BIT(RA_PLACE_TEXT)) && (w->used & RA_PLACE_BIT(RA_PLACE_KEY)));
    ra_workload_free(w);
    w = read_with(KEYED, &changes);
    assert_int_equal(w->operations[0].keys, 5);
    assert_int_equal(w->operations[1].from, 5);
    assert_int_equal(w->operations[1].keys, 495);
    assert_true(w->operations[1].zipf == 1.5);
    assert_string_equal(w->table, "other");
    assert_int_equal(w->item_size, 9);
    ra_workload_free(w);
}

/* Each is refused with one problem that says this. */
static const struct {
    const char *text, *says;
} mistakes[] = {
    {"", "line"},
    {"[]", "not an object"},
    {"{}", "at least one operation"},
    {"{\"operations\":[]}", "at least one operation"},
    {"{\"operations\":7}", "an array of at most 32"},
    {"{\"operation\":[],\"operations\":[{}]}", "did you mean \"operations\""},
    {"{\"operations\":[{\"wieght\":1}]}", "did you mean \"weight\""},
    {"{\"operations\":[{\"weight\":0}]}", "from 1 to"},
    {"{\"operations\":[{\"weight\":1.5}]}", "from 1 to"},
    {"{\"operations\":[{\"weight\":1,\"weight\":2}]}", "given twice"},
    {"{\"operations\":[{\"operation\":\"Query\"}]}", "must be given"},
    {"{\"operations\":[{\"operation\":\"A b\",\"request\":{}}]}", "the name of an operation"},
    {"{\"operations\":[{\"operation\":\"Query\",\"request\":{},\"path\":\"/\"}]}", "has none"},
    {"{\"operations\":[{\"request\":{}}]}", "belongs to an \"operation\""},
    {"{\"operations\":[{\"path\":\"/a b\"}]}", "percent-encoded"},
    {"{\"operations\":[{\"path\":\"/\\r\\nX: y\"}]}", "percent-encoded"},
    {"{\"operations\":[{\"headers\":{\"X\":\"a\\r\\nY: b\"}}]}", "without control characters"},
    {"{\"operations\":[{\"headers\":{\"X y\":\"a\"}}]}", "a header's name"},
    {"{\"operations\":[{\"headers\":{\"content-length\":\"1\"}}]}", "a header's name"},
    {"{\"operations\":[{\"operation\":\"Q\",\"request\":{},\"headers\":{\"Authorization\":\"1\"}}]}",
     "a header's name"},
    {"{\"operations\":[{\"method\":\"GE T\"}]}", "the method isn't one"},
    {"{\"operations\":[{\"method\":\"POST\",\"body\":{},\"text\":\"x\"}]}", "not both"},
    {"{\"operations\":[{\"path\":\"/{kye}\"}]}", "did you mean {key}"},
    {"{\"operations\":[{\"path\":\"/{random}\"}]}", "{random:N}"},
    {"{\"operations\":[{\"path\":\"/{random:0}\"}]}", "{random:N}"},
    {"{\"operations\":[{\"path\":\"/{key:x}\"}]}", "a number of digits"},
    {"{\"operations\":[{\"path\":\"/{now:3}\"}]}", "takes no form"},
    {"{\"operations\":[{\"path\":\"/{n}\"}]}", "no such placeholder here"},
    {"{\"operations\":[{\"path\":\"/{table}\"}]}", "there is none"},
    {"{\"operations\":[{\"path\":\"/{key\"}]}", "isn't closed"},
    {"{\"keys\":0,\"operations\":[{}]}", "from 1 to"},
    {"{\"zipf\":11,\"operations\":[{}]}", "from 0 to 10"},
    {"{\"zipf\":\"1\",\"operations\":[{}]}", "from 0 to 10"},
    {"{\"keys\":10,\"operations\":[{\"keys\":11}]}", "up to 10"},
    {"{\"keys\":10,\"operations\":[{\"from\":5,\"keys\":6}]}", "beyond the workload's keys"},
    {"{\"operations\":[{\"distribution\":\"zip\"}]}", "one of zipf"},
    {"{\"before\":{},\"operations\":[{}]}", "\"rounds\": true"},
    {"{\"prepare\":{\"items\":[{\"item\":{}}]},\"operations\":[{}]}", "items need a table"},
    {"{\"prepare\":{\"items\":[{}]},\"table\":\"t\",\"operations\":[{}]}", "must be given"},
    {"{\"prepare\":{\"items\":[{\"item\":{\"a\":\"{zipf}\"}}]},\"table\":\"t\",\"operations\":[{}]}",
     "no such placeholder here"},
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        ra_problems problems;
        const char *text = mistakes[i].text;
        bool said = false;
        assert_null(ra_workload_read(text, strlen(text), "", &unchanged, &problems));
        for (size_t k = 0; k < problems.n; k++)
            said |= strstr(problems.v[k].message, mistakes[i].says) != NULL || i == 0;
        if (!said || problems.errors != 1) {
            ra_problems_print(&problems, text, stdout);
            fail_msg("%zu problems", problems.errors);
        }
        ra_problems_free(&problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_named_ones_are_right),
        cmocka_unit_test(test_reads_and_writes),
        cmocka_unit_test(test_keys_and_what_the_command_line_changes),
        cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
