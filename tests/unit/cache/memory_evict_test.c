/* S3-FIFO: what is read often survives a scan; what the queues count is what they hold. */
#include "memory_fixture.h"

#include "cache/memory_table.h"

#include <math.h>
#include <stdlib.h>

enum { BODY = 1000, BUDGET = 4 << 20, HOT = 1000, WARM = 30000, ASKED = 10000 };

/* A number below HOT, Zipf-distributed with exponent 1 (inverse of the continuous distribution). */
static uint64_t zipf(uint64_t *random)
{
    double u = (double)(next_random(random) >> 11) / 9007199254740992.0;
    return (uint64_t)(pow((double)HOT + 1, u) - 1);
}

/* Reads through the cache; true: it was a hit. */
static bool get(ra_store *s, uint64_t n)
{
    static const char body[BODY];
    ra_lookup v = look(s, 0, n, n);
    bool hit = v.outcome == RA_LOOKUP_HIT;
    if (!hit) {
        ra_payload *p = ra_payload_new((ra_bytes){body, BODY}, 0, 0, 0);
        fill_take(s, 0, &v, p, 1000, 0);
        return false;
    }
    ra_payload_unref(v.payload);
    return true;
}

/* A plain FIFO of `size` keys, for comparison. Keys are small numbers. */
typedef struct fifo {
    uint64_t *ring;
    bool *in;
    size_t size, next;
} fifo;

static bool fifo_get(fifo *f, uint64_t n)
{
    if (f->in[n])
        return true;
    if (f->next >= f->size)
        f->in[f->ring[f->next % f->size]] = false;
    f->ring[f->next++ % f->size] = n;
    f->in[n] = true;
    return false;
}

static void test_a_scan_does_not_push_out_the_hot_set(void **state)
{
    (void)state;
    ra_store *s = store_new((ra_memory_options){.max_bytes = BUDGET, .max_entry_bytes = 1 << 16});
    uint64_t random = 1;
    for (unsigned i = 0; i < WARM; i++)
        get(s, zipf(&random));
    size_t capacity = BUDGET / (BODY + RA_MEMORY_UNIT_OVERHEAD + sizeof(ra_payload));
    for (uint64_t n = 0; n < 10 * capacity; n++)
        assert_false(get(s, HOT + n));
    assert_true(stats_of(s).entries > capacity * 9 / 10);
    fifo f = {.ring = calloc(capacity, sizeof *f.ring),
              .in = calloc(HOT + 10 * capacity, sizeof *f.in),
              .size = capacity};
    random = 1;
    for (unsigned i = 0; i < WARM; i++)
        fifo_get(&f, zipf(&random));
    for (uint64_t n = 0; n < 10 * capacity; n++)
        fifo_get(&f, HOT + n);
    unsigned hits = 0, fifo_hits = 0, first = 0;
    for (unsigned i = 0; i < ASKED; i++) {
        uint64_t n = zipf(&random);
        bool fifo_had = f.in[n]; /* not put back: what the scan has left is the question */
        fifo_hits += fifo_had;
        ra_lookup v = look(s, 0, n, n);
        hits += v.outcome == RA_LOOKUP_HIT;
        first += v.outcome == RA_LOOKUP_HIT && n == 0;
        ra_payload_unref(v.payload);
    }
    print_message("hot set after a scan of 10x the capacity: %u of %d hits; plain FIFO %u\n", hits, ASKED,
                  fifo_hits);
    assert_true(hits > ASKED * 9 / 10);
    assert_true(fifo_hits < ASKED / 10);
    assert_true(first > 0);
    free(f.ring);
    free(f.in);
    ra_store_free(s);
}

/* An entry that was evicted unread and comes back soon starts in MAIN. */
static void test_ghosts_start_in_main(void **state)
{
    (void)state;
    ra_memory_options o = {.max_bytes = 1 << 20, .max_entry_bytes = 1 << 16};
    ra_memory *m = ra_memory_new(&o);
    ra_store *s = ra_memory_store_new(m);
    for (uint64_t n = 0; n < 2000; n++) {
        get(s, n);
        assert_true(stats_of(s).bytes <= o.max_bytes);
    }
    assert_int_equal(m->shards[0].queue[RA_QUEUE_MAIN].count, 0);
    uint64_t lately = 2000 - stats_of(s).entries - 20;
    assert_false(get(s, lately));
    assert_int_equal(m->shards[0].queue[RA_QUEUE_MAIN].count, 1);
    for (uint64_t n = 3000; n < 6000; n++)
        get(s, n);
    assert_true(get(s, lately));
    ra_store_free(s);
    ra_memory_unref(m);
}

/* When all is hot one call sends only so many entries round again; then the next goes, hot or not. */
static void test_all_hot_is_bounded_work(void **state)
{
    (void)state;
    ra_memory_options o = {.max_bytes = 1 << 20, .max_entry_bytes = 1 << 16};
    ra_memory *m = ra_memory_new(&o);
    ra_store *s = ra_memory_store_new(m);
    const ra_queue *moved = &m->shards[0].queue[RA_QUEUE_MAIN];
    uint64_t n = 0;
    for (; stats_of(s).evictions == 0; n++) {
        assert_int_equal(moved->count, 0);
        for (unsigned times = 0; times < 4; times++)
            get(s, n);
    }
    assert_in_range(moved->count, 1, 2 * 64); /* the lookup makes room for its unit, the fill for the entry */
    for (uint64_t more = n; n < more + 2000; n++)
        for (unsigned times = 0; times < 4; times++)
            get(s, n);
    assert_true(stats_of(s).evictions > 1500);
    assert_true(stats_of(s).bytes <= o.max_bytes);
    ra_store_free(s);
    ra_memory_unref(m);
}

/* Units that are made for the tokens of misses take their room from entries. */
static void test_tokens_stay_within_the_bound(void **state)
{
    (void)state;
    ra_store *s = store_new((ra_memory_options){.max_bytes = 1 << 20, .max_entry_bytes = 1 << 16});
    for (uint64_t n = 0; n < 2000; n++)
        get(s, n);
    for (uint64_t n = 10000; n < 15000; n++) {
        assert_int_equal(peek(s, 0, n, n), RA_LOOKUP_MISS);
        assert_true(stats_of(s).bytes <= 1 << 20);
    }
    assert_true(stats_of(s).entries > 500);
    ra_store_free(s);
}

/* An expired entry goes however often it was hit. */
static void test_the_expired_go_first(void **state)
{
    (void)state;
    ra_store *s = store_new((ra_memory_options){.max_bytes = 1 << 20, .max_entry_bytes = 1 << 16});
    for (unsigned round = 0; round < 4; round++)
        for (uint64_t n = 0; n < 600; n++)
            get(s, n); /* lives to 1000 */
    static const char body[BODY];
    for (uint64_t n = 1000; n < 1800; n++) {
        ra_lookup v = look(s, 5000, n, n);
        ra_payload *p = ra_payload_new((ra_bytes){body, BODY}, 0, 0, 0);
        assert_int_equal(fill_take(s, 5000, &v, p, 1000, 0), RA_FILL_STORED);
    }
    for (uint64_t n = 1000; n < 1800; n++)
        assert_int_equal(peek(s, 5000, n, n), RA_LOOKUP_HIT);
    ra_store_free(s);
}

/* Markers may take all the room: entries go, nothing else fails. */
static void test_markers_push_out_entries(void **state)
{
    (void)state;
    ra_store *s = store_new((ra_memory_options){.max_bytes = 256 << 10, .max_entry_bytes = 1 << 16});
    for (uint64_t n = 0; n < 100; n++)
        get(s, n);
    for (uint64_t n = 1000; n < 5000; n++)
        assert_true(begin(s, 0, n, n, 1000));
    assert_int_equal(stats_of(s).entries, 0);
    ra_lookup v = look(s, 0, 1, 1);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_int_equal(fill(s, 0, &v, "x", 100, 0), RA_FILL_FULL);
    assert_int_equal(stats_of(s).entries, 0);
    for (uint64_t n = 1000; n < 5000; n++)
        end(s, 0, n, n, 0);
    assert_int_equal(fill(s, 0, &v, "x", 100, 0), RA_FILL_STORED);
    ra_store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_scan_does_not_push_out_the_hot_set),
        cmocka_unit_test(test_ghosts_start_in_main),
        cmocka_unit_test(test_all_hot_is_bounded_work),
        cmocka_unit_test(test_tokens_stay_within_the_bound),
        cmocka_unit_test(test_the_expired_go_first),
        cmocka_unit_test(test_markers_push_out_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
