/* Frequencies against the law, and the permutation against what a permutation is. */
#include "bench/loadgen/zipf.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DRAWS = 200000, RANKS = 2000 };

static double harmonic(uint64_t n, double s)
{
    double sum = 0;
    for (uint64_t k = 1; k <= n; k++)
        sum += pow((double)k, -s);
    return sum;
}

/* Each of the first ranks within five standard deviations of what the law says, and all others together too.
 */
static void expect_law(uint64_t n, double s)
{
    static uint64_t seen[RANKS];
    ra_zipf z;
    ra_rng r = ra_rng_stream(11, n);
    double sum = harmonic(n, s), rest = DRAWS, seen_rest = DRAWS;
    memset(seen, 0, sizeof seen);
    ra_zipf_init(&z, n, s);
    for (size_t i = 0; i < DRAWS; i++) {
        uint64_t k = ra_zipf_rank(&z, &r);
        assert_true(k < n);
        if (k < RANKS)
            seen[k]++;
    }
    for (uint64_t k = 0; k < 50 && k < n; k++) {
        double p = pow((double)(k + 1), -s) / sum, expected = p * DRAWS;
        double apart = fabs((double)seen[k] - expected), allowed = 5 * sqrt(expected * (1 - p)) + 1;
        if (apart > allowed)
            fail_msg("n %llu s %g rank %llu: %llu draws, expected %g", (unsigned long long)n, s,
                     (unsigned long long)k, (unsigned long long)seen[k], expected);
        rest -= expected;
        seen_rest -= (double)seen[k];
    }
    assert_true(fabs(rest - seen_rest) <= 5 * sqrt(fabs(rest)) + 1);
}

static void test_frequencies_follow_the_law(void **state)
{
    static const double skews[] = {0, 0.5, 0.99, 1, 1.2, 3};
    static const uint64_t sizes[] = {1, 2, 3, 10, 1000, 100000};
    (void)state;
    for (size_t i = 0; i < sizeof skews / sizeof *skews; i++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            expect_law(sizes[k], skews[i]);
    }
}

static void test_many_keys(void **state)
{
    ra_zipf z;
    ra_rng r = {3};
    bool far = false;
    (void)state;
    ra_zipf_init(&z, 1000000000000ULL, 0.99);
    for (size_t i = 0; i < 10000; i++) {
        uint64_t k = ra_zipf_rank(&z, &r);
        assert_true(k < z.n);
        far |= k > 1000000000;
    }
    assert_true(far);
}

static void test_scrambling_is_one_to_one(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 3000; n += n < 70 ? 1 : 97) {
        unsigned char *seen = calloc(n, 1);
        assert_non_null(seen);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t k = ra_scramble(i, n);
            assert_true(k < n && !seen[k]);
            seen[k] = 1;
        }
        free(seen);
    }
}

static void test_scrambling_spreads(void **state)
{
    unsigned quarter[4] = {0};
    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        quarter[ra_scramble(i, 1000000) / 250000]++;
    for (size_t i = 0; i < 4; i++)
        assert_in_range(quarter[i], 150, 350);
}

static void test_streams_differ(void **state)
{
    ra_rng a = ra_rng_stream(1, 0), b = ra_rng_stream(1, 1), c = ra_rng_stream(2, 0),
           same = ra_rng_stream(1, 0);
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        uint64_t x = ra_rng_next(&a);
        assert_true(x == ra_rng_next(&same));
        assert_true(x != ra_rng_next(&b) && x != ra_rng_next(&c));
        assert_true(ra_rng_below(&b, 7) < 7);
        double u = ra_rng_unit(&c);
        assert_true(u >= 0 && u < 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frequencies_follow_the_law),
        cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_scrambling_is_one_to_one),
        cmocka_unit_test(test_scrambling_spreads),
        cmocka_unit_test(test_streams_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
