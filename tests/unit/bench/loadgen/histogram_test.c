/* Quantiles against the exact ones of the same values, over many sets of values. */
#include "bench/loadgen/histogram.h"

#include "bench/loadgen/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VALUES = 3000, SETS = 40 };

static const double quantiles[] = {0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1};

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* From 1 us to 100 s: as many in each power of two; or all near each other; or all the same. */
static uint64_t draw(ra_rng *r, unsigned set)
{
    if (set % 4 == 0)
        return 1000 + ra_rng_below(r, 50000);
    if (set % 4 == 1)
        return 123456789;
    uint64_t v = 1000ULL << ra_rng_below(r, 26);
    v += ra_rng_below(r, v);
    return v > 100000000000ULL ? 100000000000ULL : v;
}

static void expect_near(uint64_t got, uint64_t exact)
{
    uint64_t apart = got > exact ? got - exact : exact - got;
    if (apart * 100 > exact)
        fail_msg("got %llu for %llu", (unsigned long long)got, (unsigned long long)exact);
}

static void test_quantiles_are_within_one_percent(void **state)
{
    static uint64_t v[VALUES];
    ra_histogram *h = malloc(sizeof *h), *part = malloc(sizeof *part);
    (void)state;
    assert_true(h && part);
    for (unsigned set = 0; set < SETS; set++) {
        ra_rng r = ra_rng_stream(7, set);
        memset(h, 0, sizeof *h);
        memset(part, 0, sizeof *part);
        for (size_t i = 0; i < VALUES; i++) {
            v[i] = draw(&r, set);
            ra_histogram_add(i % 3 ? h : part, v[i]);
        }
        ra_histogram_merge(h, part);
        qsort(v, VALUES, sizeof *v, by_size);
        assert_int_equal(h->count, VALUES);
        assert_int_equal(h->least, v[0]);
        assert_int_equal(h->greatest, v[VALUES - 1]);
        for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
            double rank = quantiles[i] * VALUES;
            size_t at = rank < 1 ? 0 : (size_t)(rank + 0.999999) - 1;
            expect_near(ra_histogram_quantile(h, quantiles[i]), v[at]);
        }
    }
    free(h);
    free(part);
}

static void test_merging_is_counting_all_in_one(void **state)
{
    static ra_histogram one, a, b;
    ra_rng r = {1};
    (void)state;
    for (size_t i = 0; i < VALUES; i++) {
        uint64_t v = draw(&r, 2);
        ra_histogram_add(&one, v);
        ra_histogram_add(i < 1000 ? &a : &b, v);
    }
    ra_histogram_merge(&a, &b);
    assert_memory_equal(&one, &a, sizeof one);
    memset(&b, 0, sizeof b);
    ra_histogram_merge(&a, &b);
    assert_memory_equal(&one, &a, sizeof one);
    ra_histogram_merge(&b, &a);
    assert_memory_equal(&one, &b, sizeof one);
}

static void test_ends(void **state)
{
    static ra_histogram h;
    (void)state;
    assert_int_equal(ra_histogram_quantile(&h, 0.5), 0);
    ra_histogram_add(&h, 0);
    ra_histogram_add(&h, 1);
    ra_histogram_add(&h, 100000000000ULL);
    assert_int_equal(h.over, 0);
    ra_histogram_add(&h, 100000000001ULL);
    ra_histogram_add(&h, UINT64_MAX);
    assert_int_equal(h.over, 2);
    assert_int_equal(h.greatest, UINT64_MAX);
    assert_int_equal(h.least, 0);
    assert_int_equal(ra_histogram_quantile(&h, 1), UINT64_MAX);
    assert_int_equal(ra_histogram_quantile(&h, 0.2), 0);
    assert_int_equal(ra_histogram_quantile(&h, 0.4), 1);
}

static void test_above(void **state)
{
    static ra_histogram h;
    (void)state;
    for (uint64_t ms = 1; ms <= 100; ms++)
        ra_histogram_add(&h, ms * 1000000);
    assert_int_equal(ra_histogram_above(&h, 0), 100);
    assert_in_range(ra_histogram_above(&h, 50500000), 49, 51);
    assert_int_equal(ra_histogram_above(&h, 200000000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles_are_within_one_percent),
        cmocka_unit_test(test_merging_is_counting_all_in_one),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
