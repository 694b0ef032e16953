/* Histograms of latencies: exact edges, percentiles, sums and differences. */
#include "proxy/latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static ra_latency_copy copy_of(const ra_latency *h)
{
    ra_latency_copy c = {0};
    ra_latency_sum_up(&c, h);
    return c;
}

/* A value that is a power of two is at most that power; the next one isn't. */
static void edges_are_exact(void **state)
{
    (void)state;
    for (unsigned power = 0; power <= RA_LATENCY_TOP; power++) {
        static ra_latency h;
        memset(&h, 0, sizeof h);
        int64_t edge = (int64_t)1 << power;
        ra_latency_add(&h, edge);
        ra_latency_add(&h, edge + 1);
        ra_latency_copy c = copy_of(&h);
        assert_int_equal(c.count, 2);
        assert_int_equal(ra_latency_up_to(&c, power), 1);
        if (power) {
            assert_int_equal(ra_latency_up_to(&c, power - 1), 0);
        }
        if (power < RA_LATENCY_TOP) {
            assert_int_equal(ra_latency_up_to(&c, power + 1), 2);
        }
    }
}

/* Beside a count by hand, of values of every size. */
static void counts_are_those_by_hand(void **state)
{
    (void)state;
    static ra_latency h;
    uint64_t by_hand[RA_LATENCY_TOP + 1] = {0}, sum = 0, v = 12345, n = 200000;
    for (uint64_t i = 0; i < n; i++) {
        v = v * 6364136223846793005u + 1442695040888963407u;
        uint64_t us = (v >> 32) >> (i % 32);
        ra_latency_add(&h, (int64_t)us);
        sum += us;
        for (unsigned power = 0; power <= RA_LATENCY_TOP; power++)
            by_hand[power] += us <= (uint64_t)1 << power;
    }
    ra_latency_copy c = copy_of(&h);
    assert_int_equal(c.count, n);
    assert_int_equal(c.sum, sum);
    for (unsigned power = 0; power <= RA_LATENCY_TOP; power++)
        assert_int_equal(ra_latency_up_to(&c, power), by_hand[power]);
}

static void odd_values_have_a_place(void **state)
{
    (void)state;
    static ra_latency h;
    ra_latency_add(&h, 0);
    ra_latency_add(&h, -5);
    ra_latency_add(&h, INT64_MAX);
    ra_latency_copy c = copy_of(&h);
    assert_int_equal(c.count, 3);
    assert_int_equal(ra_latency_up_to(&c, 0), 2);
    assert_int_equal(ra_latency_up_to(&c, RA_LATENCY_TOP), 2);
    assert_true(ra_latency_quantile(&c, 1) >= (uint64_t)1 << RA_LATENCY_TOP);
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void percentiles_are_within_7_percent(void **state)
{
    (void)state;
    enum { N = 20000 };
    static ra_latency h;
    static uint64_t all[N];
    uint64_t v = 99;
    for (size_t i = 0; i < N; i++) {
        v = v * 6364136223846793005u + 1442695040888963407u;
        all[i] = 1 + (v >> 44) % (i % 10 ? 3000 : 900000);
        ra_latency_add(&h, (int64_t)all[i]);
    }
    qsort(all, N, sizeof *all, by_value);
    ra_latency_copy c = copy_of(&h);
    const double shares[] = {0.001, 0.5, 0.9, 0.99, 0.999, 1};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        size_t rank = (size_t)(shares[i] * N + 0.999999);
        double exact = (double)all[rank - 1], told = (double)ra_latency_quantile(&c, shares[i]);
        assert_true(told >= exact * 0.93 - 1 && told <= exact * 1.07 + 1);
    }
}

static void an_empty_one_has_no_percentile(void **state)
{
    (void)state;
    const ra_latency_copy c = {0};
    assert_int_equal(ra_latency_quantile(&c, 0.5), 0);
    assert_int_equal(ra_latency_quantile(&c, 0.999), 0);
}

static void several_are_summed_and_differences_taken(void **state)
{
    (void)state;
    static ra_latency a, b;
    for (int i = 0; i < 100; i++)
        ra_latency_add(&a, 10);
    ra_latency_copy before = {0}, now = {0}, since = {0};
    ra_latency_sum_up(&before, &a);
    ra_latency_sum_up(&before, &b);
    for (int i = 0; i < 50; i++)
        ra_latency_add(&b, 5000);
    ra_latency_sum_up(&now, &a);
    ra_latency_sum_up(&now, &b);
    ra_latency_since(&now, &before, &since);
    assert_int_equal(now.count, 150);
    assert_int_equal(since.count, 50);
    assert_int_equal(since.sum, 250000);
    assert_int_equal(ra_latency_up_to(&since, 4), 0);
    assert_in_range(ra_latency_quantile(&since, 0.01), 4600, 5400);
    assert_in_range(ra_latency_quantile(&now, 0.5), 9, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_are_exact),
        cmocka_unit_test(counts_are_those_by_hand),
        cmocka_unit_test(odd_values_have_a_place),
        cmocka_unit_test(percentiles_are_within_7_percent),
        cmocka_unit_test(an_empty_one_has_no_percentile),
        cmocka_unit_test(several_are_summed_and_differences_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
