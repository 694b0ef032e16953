#include "bench/loadgen/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t operation;

static void add(ra_stats *s, bool write, enum ra_conn_result result, int status, enum ra_response_cache cache,
                bool collapsed, const char *body)
{
    static ra_response r;
    ra_response_begin(&r, false);
    r.status = status;
    r.cache = cache;
    r.collapsed = collapsed;
    r.nkept = strlen(body);
    memcpy(r.kept, body, r.nkept);
    ra_stats_add(s, operation, write, result, &r, 1000);
}

static void test_outcomes(void **state)
{
    static ra_stats s, twice;
    (void)state;
    assert_false(ra_stats_cached(&s));
    add(&s, false, RA_CONN_OK, 200, RA_CACHE_UNSAID, false, "");
    assert_false(ra_stats_cached(&s));
    add(&s, false, RA_CONN_OK, 200, RA_CACHE_HIT, false, "");
    add(&s, false, RA_CONN_OK, 200, RA_CACHE_HIT, true, ""); /* a hit sends nothing upstream anyway */
    add(&s, false, RA_CONN_OK, 200, RA_CACHE_MISS, false, "");
    add(&s, false, RA_CONN_OK, 200, RA_CACHE_MISS, true, "");
    add(&s, false, RA_CONN_OK, 200, RA_CACHE_STALE, false, "");
    add(&s, false, RA_CONN_OK, 200, RA_CACHE_BYPASS, true, "");
    add(&s, true, RA_CONN_OK, 200, RA_CACHE_BYPASS, false, "");
    add(&s, false, RA_CONN_OK, 400, RA_CACHE_BYPASS, false, "{\"__type\":\"x#Y\"}");
    add(&s, true, RA_CONN_TIMEOUT, 0, RA_CACHE_UNSAID, false, "");
    static const uint64_t wanted[RA_OUTCOMES] = {2, 2, 1, 1, 1, 1, 2};
    for (size_t i = 0; i < RA_OUTCOMES; i++)
        assert_int_equal(s.latency[i].count, wanted[i]);
    assert_int_equal(ra_stats_count(&s), 10);
    assert_int_equal(ra_stats_reads(&s), 7);
    assert_int_equal(ra_stats_saved(&s), 5);
    assert_int_equal(ra_stats_errors(&s), 2);
    assert_true(ra_stats_cached(&s));
    assert_int_equal(s.nerrors, 2);
    assert_string_equal(s.errors[0].name, "400 Y");
    assert_string_equal(s.errors[1].name, "timeout");
    s.dropped = 3;
    s.unmade = 4;
    ra_stats_merge(&twice, &s);
    ra_stats_merge(&twice, &s);
    assert_int_equal(ra_stats_count(&twice), 20);
    assert_int_equal(ra_stats_errors(&twice), 18);
    assert_int_equal(ra_stats_saved(&twice), 10);
    assert_int_equal(twice.errors[1].count, 2);
}

/* Each operation's requests are counted apart, also those that are sent before rounds, which come last. */
static void test_operations(void **state)
{
    static ra_stats s, twice;
    (void)state;
    operation = 3;
    add(&s, false, RA_CONN_OK, 200, RA_CACHE_HIT, false, "");
    add(&s, false, RA_CONN_OK, 200, RA_CACHE_STALE, false, "");
    add(&s, false, RA_CONN_OK, 200, RA_CACHE_MISS, false, "");
    add(&s, false, RA_CONN_OK, 200, RA_CACHE_BYPASS, false, "");
    add(&s, false, RA_CONN_OK, 200, RA_CACHE_UNSAID, false, "");
    add(&s, false, RA_CONN_TIMEOUT, 0, RA_CACHE_UNSAID, false, "");
    operation = RA_OPERATIONS_MAX;
    add(&s, true, RA_CONN_OK, 200, RA_CACHE_BYPASS, false, "");
    operation = 0;
    ra_stats_merge(&twice, &s);
    ra_stats_merge(&twice, &s);
    assert_int_equal(ra_stats_count_of(&twice, 3), 12);
    assert_int_equal(twice.by_operation[3][RA_OUTCOME_ERROR], 2);
    assert_true(ra_stats_hit_ratio_of(&twice, 3) == 0.5);
    assert_int_equal(ra_stats_count_of(&twice, RA_OPERATIONS_MAX), 2);
    assert_true(ra_stats_hit_ratio_of(&twice, RA_OPERATIONS_MAX) < 0);
    assert_int_equal(ra_stats_count_of(&twice, 0), 0);
}

static void test_kinds_of_errors_are_bounded(void **state)
{
    static ra_stats s, sum;
    char body[64];
    uint64_t n = 0;
    (void)state;
    for (int i = 0; i < 100; i++) {
        snprintf(body, sizeof body, "{\"__type\":\"x#Kind%d\"}", i);
        add(&s, false, RA_CONN_OK, 400, RA_CACHE_UNSAID, false, body);
    }
    assert_int_equal(s.nerrors, RA_ERROR_KINDS);
    assert_string_equal(s.errors[RA_ERROR_KINDS - 1].name, "other");
    ra_stats_merge(&sum, &s);
    ra_stats_merge(&sum, &s);
    for (size_t i = 0; i < sum.nerrors; i++)
        n += sum.errors[i].count;
    assert_int_equal(n, 200);
    assert_int_equal(sum.errors[RA_ERROR_KINDS - 1].count, 2 * (100 - RA_ERROR_KINDS + 1));
}

/* A server may put anything there. */
static void test_names_of_errors_are_safe(void **state)
{
    static ra_stats s;
    char body[600];
    (void)state;
    add(&s, false, RA_CONN_OK, 500, RA_CACHE_UNSAID, false, "{\"__type\":\"a\x1b[31m\n%s\"}");
    assert_string_equal(s.errors[0].name, "500 a??31m??s");
    memset(body, 'x', sizeof body);
    memcpy(body, "{\"__type\":\"", 11);
    body[500] = '"';
    body[501] = '\0';
    add(&s, false, RA_CONN_OK, 500, RA_CACHE_UNSAID, false, body);
    assert_int_equal(strlen(s.errors[1].name), RA_ERROR_NAME_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_kinds_of_errors_are_bounded),
        cmocka_unit_test(test_names_of_errors_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
