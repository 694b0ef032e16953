/* The table as a whole: bytes against the allocator, shards, sweep, markers' count, many threads. */
#include "memory_fixture.h"
#include "own_allocator.h"

#include "cache/memory_table.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>

static ra_memory *memory_new(ra_memory_options o)
{
    ra_memory *m = ra_memory_new(&o);
    assert_non_null(m);
    return m;
}

static void test_shards_are_chosen(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        unsigned asked, got;
    } cases[] = {{0, 0, 1},
                 {1 << 20, 0, 1},
                 {(size_t)64 << 20, 0, 4},
                 {(size_t)100 << 20, 0, 4},
                 {(size_t)8 << 30, 0, 64},
                 {1 << 20, 8, 8},
                 {1 << 20, 9, 8},
                 {1 << 20, 1 << 20, 1024}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_memory *m = memory_new((ra_memory_options){.max_bytes = cases[i].bytes, .shards = cases[i].asked});
        assert_int_equal(m->nshards, cases[i].got);
        ra_memory_unref(m);
    }
}

static void test_units_spread_over_shards(void **state)
{
    (void)state;
    ra_memory *m = memory_new((ra_memory_options){.max_bytes = 64 << 20, .shards = 16});
    unsigned count[16] = {0};
    for (uint64_t i = 0; i < 16000; i++) {
        uint64_t hash;
        ra_key key = key_of(i);
        ra_shard *s = ra_table_lock(m, &key, &hash);
        pthread_mutex_unlock(&s->lock);
        count[s - m->shards]++;
    }
    for (unsigned i = 0; i < 16; i++)
        assert_in_range(count[i], 800, 1200);
    ra_memory_unref(m);
}

static void test_generations_never_repeat(void **state)
{
    (void)state;
    uint64_t last = ra_table_draw();
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t g = ra_table_draw();
        assert_true(g != 0 && (int64_t)(g - last) > 0);
        last = g;
    }
}

static void fill_many(ra_store *s, uint64_t from, uint64_t to, uint64_t units, int64_t ttl)
{
    static const char body[1024];
    for (uint64_t i = from; i < to; i++) {
        ra_lookup v = look(s, 0, i % units, i);
        ra_payload *p = ra_payload_new((ra_bytes){body, 64 + i * 7 % 900}, 0, 0, (int64_t)i);
        assert_int_equal(fill_take(s, 0, &v, p, ttl, 0), RA_FILL_STORED);
    }
}

#ifndef OWN_ALLOCATOR
static size_t allocated(void)
{
    struct mallinfo2 i = mallinfo2();
    size_t idle;
    return i.uordblks + i.hblkhd + ra_pool_bytes(&idle);
}

/* What the store says it takes is what malloc and the pool say, within 10 %. The overhead is
 * all but the bodies, the digests and what an empty store of this size takes. */
static void check_bytes(uint64_t units, const char *what, size_t digests)
{
    enum { N = 100000 };
    size_t before = allocated(), bodies = 0;
    ra_store *s = store_new((ra_memory_options){.max_bytes = (size_t)256 << 20, .max_entry_bytes = 1 << 16});
    size_t empty = stats_of(s).bytes;
    fill_many(s, 0, N, units, 1000);
    size_t real = allocated() - before, counted = stats_of(s).bytes;
    for (uint64_t i = 0; i < N; i++)
        bodies += 64 + i * 7 % 900;
    size_t overhead = (counted - empty - bodies) / N - digests;
    print_message("%s: counted %zu, allocator %zu, body %zu, overhead %zu bytes per entry\n", what,
                  counted / N, real / N, bodies / N, overhead);
    assert_int_equal(stats_of(s).entries, N);
    assert_true(counted > real - real / 10 && counted < real + real / 10);
    assert_true(overhead <= 96);
    ra_store_free(s);
}

static void test_bytes_are_what_the_allocator_says(void **state)
{
    (void)state;
    check_bytes(100000, "a unit of one entry", 64);
    check_bytes(1000, "a unit of 100 entries", 32);
}
#endif

static void test_bytes_return_to_where_they_were(void **state)
{
    (void)state;
    ra_store *s = store_new((ra_memory_options){.max_bytes = (size_t)64 << 20, .max_entry_bytes = 1 << 16});
    fill_many(s, 0, 20000, 20000, 1000);
    size_t full = stats_of(s).bytes;
    for (uint64_t i = 0; i < 20000; i++)
        invalidate(s, 0, i);
    ra_store_stats n = stats_of(s);
    assert_int_equal(n.entries, 0);
    assert_int_equal(n.units, 0);
    assert_true(n.bytes < full / 20); /* the index' buckets and the ghosts stay */
    ra_store_free(s);
}

static void test_sweep_goes_on_where_it_stopped(void **state)
{
    (void)state;
    enum { N = 1000 };
    ra_memory *m =
        memory_new((ra_memory_options){.max_bytes = 64 << 20, .max_entry_bytes = 4096, .shards = 4});
    ra_store *s = ra_memory_store_new(m);
    fill_many(s, 0, N, 300, 100);
    for (uint64_t i = 5000; i < 5000 + N; i++)
        assert_true(begin(s, 0, i, i, 200));
    assert_int_equal(ra_memory_markers(m, 199), N);
    assert_int_equal(ra_memory_markers(m, 200), 0); /* dead, though not yet removed */
    ra_memory_sweep(m, 50, 100000);
    assert_int_equal(stats_of(s).entries, N);
    ra_memory_sweep(m, 100, 100);
    uint64_t left = stats_of(s).entries;
    assert_true(left < N && left > N / 2); /* bounded: not all at once */
    for (unsigned i = 0; i < 100 && stats_of(s).entries; i++)
        ra_memory_sweep(m, 100, 100);
    assert_int_equal(stats_of(s).entries, 0);
    assert_int_equal(stats_of(s).markers, N);
    for (unsigned i = 0; i < 100 && stats_of(s).markers; i++)
        ra_memory_sweep(m, 200, 100);
    assert_int_equal(stats_of(s).markers, 0);
    ra_memory_sweep(m, 200, 0);
    ra_store_free(s);
    ra_memory_unref(m);
}

/*
 * Threads on few units: each unit is a register of a version that writers move on, under markers of the unit
 * or of the guard of all. A hit is never older than what was acknowledged before its lookup began.
 */
enum { UNITS = 4, GUARD = UNITS, THREADS = 4, ROUNDS = 15000 };

typedef struct registers {
    ra_memory *memory;
    atomic_uint committed[UNITS], acknowledged[UNITS];
    atomic_uint hits, stored, ids;
    atomic_bool wrong;
} registers;

static void read_one(registers *r, ra_store *s, unsigned unit)
{
    ra_store_call call = {0};
    unsigned acknowledged = atomic_load(&r->acknowledged[unit]);
    ra_lookup v = {.unit = key_of(unit), .request = key_of(0), .guard = {key_of(GUARD)}, .nguards = 1};
    ra_store_lookup(s, 0, &v, 1, &call);
    if (v.outcome == RA_LOOKUP_HIT) {
        atomic_fetch_add(&r->hits, 1);
        if (v.payload->meta < acknowledged)
            atomic_store(&r->wrong, true);
        ra_payload_unref(v.payload);
    } else if (v.outcome == RA_LOOKUP_MISS) {
        unsigned version = atomic_load(&r->committed[unit]);
        sched_yield();
        ra_payload *p = ra_payload_new(RA_BYTES("x"), 0, version, 0);
        ra_fill f = {
            .unit = v.unit, .request = v.request, .token = v.token, .payload = p, .ttl = 1, .nguards = 1};
        if (ra_store_fill(s, 0, &f) == RA_FILL_STORED)
            atomic_fetch_add(&r->stored, 1);
        ra_payload_unref(p);
    }
}

static void raise_to(atomic_uint *a, unsigned to)
{
    unsigned was = atomic_load(a);
    while (was < to && !atomic_compare_exchange_weak(a, &was, to))
        continue;
}

static void write_one(registers *r, ra_store *s, unsigned unit)
{
    ra_store_call call = {0};
    ra_key key = key_of(unit);
    ra_write_id id = write_id(atomic_fetch_add(&r->ids, 1));
    unsigned from = unit == GUARD ? 0 : unit, to = unit == GUARD ? UNITS : unit + 1, version[UNITS];
    ra_store_begin(s, 0, &id, &key, 1, 1000, &call);
    if (!call.ok)
        atomic_store(&r->wrong, true);
    for (unsigned u = from; u < to; u++)
        version[u] = atomic_fetch_add(&r->committed[u], 1) + 1;
    for (unsigned u = from; u < to; u++)
        raise_to(&r->acknowledged[u], version[u]);
    ra_store_end(s, 0, &id, &key, 1, 0);
}

static void *work(void *arg)
{
    registers *r = arg;
    ra_store *s = ra_memory_store_new(r->memory);
    uint64_t random = atomic_fetch_add(&r->ids, 1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t x = next_random(&random);
        unsigned unit = (unsigned)(x % UNITS), what = (unsigned)(x >> 32) % 100;
        if (what < 90)
            read_one(r, s, unit);
        else if (what < 97)
            write_one(r, s, unit);
        else if (what < 98)
            write_one(r, s, GUARD);
        else if (what < 99)
            ra_memory_sweep(r->memory, 0, 50);
        else
            ra_store_invalidate(s, 0, &(ra_key[]){key_of(unit)}[0], 1);
    }
    ra_store_free(s);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    registers r = {.memory = memory_new(
                       (ra_memory_options){.max_bytes = 1 << 20, .max_entry_bytes = 4096, .shards = 4})};
    pthread_t thread[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, work, &r), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_false(atomic_load(&r.wrong));
    assert_true(atomic_load(&r.hits) > 100 && atomic_load(&r.stored) > 100);
    assert_int_equal(ra_memory_markers(r.memory, 0), 0);
    ra_memory_unref(r.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shards_are_chosen),
        cmocka_unit_test(test_units_spread_over_shards),
        cmocka_unit_test(test_generations_never_repeat),
#ifndef OWN_ALLOCATOR
        cmocka_unit_test(test_bytes_are_what_the_allocator_says),
#endif
        cmocka_unit_test(test_bytes_return_to_where_they_were),
        cmocka_unit_test(test_sweep_goes_on_where_it_stopped),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
