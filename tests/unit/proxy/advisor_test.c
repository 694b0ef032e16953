#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/proxy/advisor_workload.h"

#define assert_near(a, b, by)                                                                                \
    do {                                                                                                     \
        double got_ = (a), wanted_ = (b);                                                                    \
        if (!(fabs(got_ - wanted_) <= (by)))                                                                 \
            fail_msg("%s is %.9g, not %.9g", #a, got_, wanted_);                                             \
    } while (0)

static const ra_advisor_limits unlimited;

static ra_advisor_report report_of(const ra_advisor *a)
{
    ra_advisor_report r;
    ra_advisor_get_report(a, &unlimited, &r);
    return r;
}

/* Of the report's point, the number of its TTL in the workload. */
static size_t index_of(const workload *w, int64_t ttl)
{
    size_t t = 0;
    while (t < RA_ADVISOR_GRID && workload_ttl(w, t) != ttl)
        t++;
    return t;
}

static void note(ra_advisor *a, uint64_t unit, uint64_t entry, uint32_t bytes, int64_t now)
{
    ra_advisor_read r = {.unit = unit, .entry = entry, .bytes = bytes, .half_units = 2, .now = now};
    ra_advisor_note_read(a, &r);
}

static double ratio_at(const ra_advisor *a, int64_t ttl)
{
    ra_advisor_report r = report_of(a);
    for (size_t i = 0; i < r.npoints; i++)
        if (r.points[i].ttl == ttl)
            return r.points[i].hit_ratio;
    fail_msg("no point of %lld ms", (long long)ttl);
    return -1;
}

static void test_few_units_are_followed_exactly(void **state)
{
    (void)state;
    workload w;
    workload_init(&w, 500, 0.9, 0.1, 500, 77777);
    ra_advisor *a = ra_advisor_new(77777, 5, RA_ADVISOR_BYTES);
    workload_run(&w, a, 100000);
    ra_advisor_report r = report_of(a);
    assert_int_equal(r.npoints, RA_ADVISOR_TTLS);
    assert_true(r.reads == w.reads && r.reads + r.invalidations == 100000);
    assert_true(r.exact == 1);
    double seconds = (double)(r.until - r.since) / 1000;
    for (size_t i = 0; i < r.npoints; i++) {
        size_t t = index_of(&w, r.points[i].ttl);
        double hits = (double)w.hits[t];
        assert_near(r.points[i].hit_ratio, hits / (double)w.reads, 1e-9);
        assert_near(r.points[i].half_units_per_s, (double)(w.cost - w.spared[t]) / seconds, 1e-6);
        assert_near(r.points[i].stale_age, w.age[t] / hits, 1e-3);
        assert_near(r.points[i].bytes, workload_bytes_cached(&w, t), 1e-3);
    }
    ra_advisor_free(a);
    workload_free(&w);
}

/* How far the whole curve is from what really would have been, on average. */
static double mean_error(const workload *w, const ra_advisor *a)
{
    ra_advisor_report r = report_of(a);
    double sum = 0;
    for (size_t i = 0; i < r.npoints; i++) {
        size_t t = index_of(w, r.points[i].ttl);
        sum += fabs(r.points[i].hit_ratio - (double)w->hits[t] / (double)w->reads);
    }
    return sum / (double)r.npoints;
}

static double mean_error_of_cost(const workload *w, const ra_advisor *a)
{
    ra_advisor_report r = report_of(a);
    double sum = 0, seconds = (double)(r.until - r.since) / 1000;
    for (size_t i = 0; i < r.npoints; i++) {
        size_t t = index_of(w, r.points[i].ttl);
        sum += fabs(r.points[i].half_units_per_s * seconds / (double)(w->cost - w->spared[t]) - 1);
    }
    return sum / (double)r.npoints;
}

/* Of the TTLs that hold at least some thousands of entries. */
static double mean_error_of_bytes(const workload *w, const ra_advisor *a)
{
    ra_advisor_report r = report_of(a);
    double sum = 0, n = 0;
    for (size_t i = 0; i < r.npoints; i++) {
        double real = workload_bytes_cached(w, index_of(w, r.points[i].ttl));
        if (real < 4e6)
            continue;
        sum += fabs(r.points[i].bytes / real - 1);
        n++;
    }
    return n > 0 ? sum / n : 1;
}

static void check_accuracy(double skew, double writes)
{
    workload w;
    workload_init(&w, 100000, skew, writes, 20, 77777);
    ra_advisor *a = ra_advisor_new(77777, 5, RA_ADVISOR_BYTES);
    workload_run(&w, a, 1000000);
    double error = mean_error(&w, a), cost = mean_error_of_cost(&w, a), bytes = mean_error_of_bytes(&w, a);
    print_message("zipf %.2f, %.0f %% writes: mean absolute error %.4f; of what is read upstream %.1f %%, of "
                  "the memory %.1f %%\n",
                  skew, writes * 100, error, cost * 100, bytes * 100);
    assert_true(error <= 0.01);
    assert_true(cost <= 0.03);
    assert_true(bytes <= 0.15);
    assert_true(report_of(a).exact < 0.8); /* or nothing has been estimated */
    ra_advisor_free(a);
    workload_free(&w);
}

static void test_many_units_are_estimated(void **state)
{
    (void)state;
    check_accuracy(0.8, 0.05);
    check_accuracy(0.8, 0.2);
    check_accuracy(0.99, 0.05);
    check_accuracy(0.99, 0.2);
}

static void test_it_keeps_to_its_size(void **state)
{
    (void)state;
    assert_null(ra_advisor_new(1000, 1, 1000));
    static const size_t sizes[] = {64 * 1024, 200001, RA_ADVISOR_BYTES};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ra_advisor *a = ra_advisor_new(1000, 1, sizes[i]);
        assert_non_null(a);
        assert_true(ra_advisor_bytes(a) <= sizes[i]);
        assert_true(ra_advisor_bytes(a) > sizes[i] * 9 / 10);
        ra_advisor_free(a);
    }
    ra_advisor_free(NULL);
}

/* A small one, so that every limit is met: many units, units of many entries, writes, times of silence. */
static void test_any_traffic_is_borne(void **state)
{
    (void)state;
    ra_advisor *a = ra_advisor_new(5000, 3, 64 * 1024);
    uint64_t x = 1;
    int64_t now = 0;
    for (size_t i = 0; i < 300000; i++) {
        x = ra_advisor_mix(x + i);
        uint64_t unit = x % 7 < 3 ? x % 5 : x % 7 < 5 ? x % 400 : x % 100000;
        now += (int64_t)(x >> 20) % 40;
        if (x >> 40 == 0 || i % 90001 == 0)
            now += (int64_t)1 << 33;
        if (i % 97 == 0)
            ra_advisor_note_invalidation(a, unit, now);
        else if (i % 5003 == 0)
            ra_advisor_note_invalidation_of_all(a, now);
        else if (i % 20011 == 0)
            ra_advisor_set_current(a, (int64_t)(x % 100000));
        else
            note(a, unit, x >> 8 & (unit < 2 ? 0xffff : 3), x % 11 ? 100 : 0, now);
        assert_true(a->sampled_entries + a->head_entries <= a->entries_max);
        assert_true(a->nunits <= a->units_max && a->nheap <= a->heap_max);
    }
    ra_advisor_report r = report_of(a);
    assert_true(r.exact > 0 && r.exact < 1 && r.sampled > 0);
    for (size_t i = 0; i < r.npoints; i++) {
        assert_true(r.points[i].hit_ratio >= 0 && r.points[i].hit_ratio <= 1);
        assert_true(r.points[i].half_units_per_s >= 0);
        assert_true(i == 0 || r.points[i].ttl > r.points[i - 1].ttl);
    }
    ra_advisor_free(a);
}

static void test_a_read_is_a_hit_within_the_ttl_and_not_after(void **state)
{
    (void)state;
    ra_advisor *a = ra_advisor_new(0, 1, RA_ADVISOR_BYTES);
    note(a, 1, 1, 100, 0);
    note(a, 1, 1, 100, 999);
    note(a, 1, 1, 100, 1000); /* the TTL counts from the fill, not from the hit */
    note(a, 1, 2, 100, 1500); /* another entry of the unit */
    assert_near(ratio_at(a, 1000), 0.25, 0);
    assert_near(ratio_at(a, 2000), 0.5, 0);
    ra_advisor_report r = report_of(a);
    assert_near(r.points[0].stale_age, 999, 0);
    assert_near(r.points[0].bytes, 200, 0);
    assert_near(r.points[1].half_units_per_s, 2 * 2 / 1.5, 1e-9);
    ra_advisor_free(a);
}

static void test_invalidations_clear(void **state)
{
    (void)state;
    ra_advisor *a = ra_advisor_new(0, 1, RA_ADVISOR_BYTES);
    note(a, 1, 1, 100, 0);
    note(a, 2, 2, 100, 0);
    ra_advisor_note_invalidation(a, 1, 1);
    ra_advisor_note_invalidation(a, 77, 1);
    assert_near(report_of(a).points[5].bytes, 100, 0);
    note(a, 1, 1, 100, 2); /* a miss */
    note(a, 2, 2, 100, 2);
    assert_near(ratio_at(a, 1000), 0.25, 0);
    ra_advisor_note_invalidation_of_all(a, 3);
    assert_near(report_of(a).points[5].bytes, 0, 0);
    note(a, 1, 1, 100, 4); /* misses */
    note(a, 2, 2, 100, 4);
    assert_near(ratio_at(a, 1000), 1 / 6.0, 1e-9);
    assert_int_equal(report_of(a).invalidations, 3);
    ra_advisor_free(a);
}

static void test_what_filled_nothing_fills_nothing(void **state)
{
    (void)state;
    ra_advisor *a = ra_advisor_new(0, 1, RA_ADVISOR_BYTES);
    note(a, 1, 1, 0, 0);
    note(a, 1, 1, 100, 1);
    note(a, 1, 1, 0, 500);  /* a hit of what was filled at 1 */
    note(a, 1, 1, 0, 1001); /* not with 1 s; and it doesn't begin anew */
    note(a, 1, 1, 100, 1002);
    assert_near(ratio_at(a, 1000), 0.2, 1e-9);
    assert_near(ratio_at(a, 2000), 0.6, 1e-9);
    ra_advisor_free(a);
}

/* Ages are 32 bits of ms, which is 49 days. */
static void test_a_long_silence_is_no_short_one(void **state)
{
    (void)state;
    ra_advisor *a = ra_advisor_new(0, 1, RA_ADVISOR_BYTES);
    int64_t now = 0;
    for (unsigned i = 0; i < 10; i++) {
        note(a, 1, 1, 100, now);
        now += (int64_t)1 << 32;
    }
    for (unsigned i = 0; i < 500; i++) {
        note(a, 2, 2, 100, now); /* keeps its day, 1 is silent meanwhile */
        now += (int64_t)1 << 23;
    }
    now = ((int64_t)1 << 32) * 11;
    note(a, 1, 1, 100, now);
    ra_advisor_report r = report_of(a);
    assert_near(r.points[0].hit_ratio, 0, 0);
    assert_near(r.points[RA_ADVISOR_GRID - 1].hit_ratio, 499.0 * 9 / 10 / 511, 0.01);
    ra_advisor_free(a);
}

static void test_a_clock_that_is_a_little_late_is_none_that_is_years_ahead(void **state)
{
    (void)state;
    ra_advisor *a = ra_advisor_new(0, 1, RA_ADVISOR_BYTES);
    note(a, 1, 1, 100, 5000);
    note(a, 1, 1, 100, 4500);
    assert_near(ratio_at(a, 1000), 0.5, 0);
    assert_int_equal(report_of(a).until, 5000);
    ra_advisor_free(a);
}

static void test_the_one_in_force(void **state)
{
    (void)state;
    static const struct {
        int64_t ttl;
        size_t n, at;
    } cases[] = {{0, 24, 24},
                 {500, 25, 0},
                 {1000, 24, 0},
                 {90000, 25, 10},
                 {86400000, 24, 23},
                 {86400001, 25, 24},
                 {INT64_C(31536000000), 25, 24}};
    ra_advisor *a = ra_advisor_new(7000, 1, RA_ADVISOR_BYTES);
    note(a, 1, 1, 100, 0);
    note(a, 1, 1, 100, 6000);
    note(a, 1, 1, 100, 12000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_advisor_set_current(a, cases[i].ttl);
        ra_advisor_report r = report_of(a);
        assert_int_equal(r.npoints, cases[i].n);
        assert_int_equal(r.current, cases[i].at);
        if (r.current < r.npoints)
            assert_int_equal(r.points[r.current].ttl, cases[i].ttl);
    }
    ra_advisor_free(a);
}

static void test_another_one_in_force_begins_as_the_nearest(void **state)
{
    (void)state;
    ra_advisor *a = ra_advisor_new(7000, 1, RA_ADVISOR_BYTES);
    for (int64_t now = 0; now <= 60000; now += 3000)
        note(a, 1, 1, 100, now);
    assert_near(ratio_at(a, 7000), 14 / 21.0, 1e-9);
    ra_advisor_set_current(a, 11000);
    assert_near(ratio_at(a, 11000), ratio_at(a, 10000), 0);
    for (int64_t now = 60500; now <= 69000; now += 500)
        note(a, 1, 1, 100, now); /* filled last at 60000: hits of either */
    assert_near(ratio_at(a, 11000), ratio_at(a, 10000), 0);
    note(a, 1, 1, 100, 70500); /* a hit of 11 s alone */
    assert_true(ratio_at(a, 11000) > ratio_at(a, 10000));
    ra_advisor_free(a);
}

/* Reads that are never repeated, of one hot unit: none is a hit, however the unit came into the head. */
static void test_a_hot_unit_of_cold_entries(void **state)
{
    (void)state;
    ra_advisor *a = ra_advisor_new(0, 9, 128 * 1024);
    int64_t now = 0;
    for (uint64_t i = 0; i < 50000; i++, now += 10)
        note(a, i % 2 ? 7 : 1000 + i, i, 100, now);
    for (size_t t = 0; t < RA_ADVISOR_GRID; t++)
        assert_true(ratio_at(a, ra_advisor_grid[t]) == 0);
    ra_advisor_free(a);
}

/* Ten units of half of the reads, which come when there is no room left that is free. */
static void test_what_becomes_hot_later_is_found(void **state)
{
    (void)state;
    ra_advisor *a = ra_advisor_new(0, 4, 128 * 1024);
    uint64_t x = 7;
    int64_t now = 0;
    for (uint64_t i = 0; i < 200000; i++, now += 10) {
        x = ra_advisor_mix(x + i);
        note(a, i > 100000 && i % 2 ? 1 + x % 10 : 1000 + x % 1000000, 5, 100, now);
    }
    ra_advisor_report r = report_of(a);
    /* A quarter of all reads are theirs, and hardly any of them is a miss. */
    assert_near(r.points[12].hit_ratio, 0.25, 0.02);
    assert_true(r.exact > 0.2);
    ra_advisor_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_units_are_followed_exactly),
        cmocka_unit_test(test_many_units_are_estimated),
        cmocka_unit_test(test_it_keeps_to_its_size),
        cmocka_unit_test(test_any_traffic_is_borne),
        cmocka_unit_test(test_a_read_is_a_hit_within_the_ttl_and_not_after),
        cmocka_unit_test(test_invalidations_clear),
        cmocka_unit_test(test_what_filled_nothing_fills_nothing),
        cmocka_unit_test(test_a_long_silence_is_no_short_one),
        cmocka_unit_test(test_a_clock_that_is_a_little_late_is_none_that_is_years_ahead),
        cmocka_unit_test(test_the_one_in_force),
        cmocka_unit_test(test_another_one_in_force_begins_as_the_nearest),
        cmocka_unit_test(test_a_hot_unit_of_cold_entries),
        cmocka_unit_test(test_what_becomes_hot_later_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
