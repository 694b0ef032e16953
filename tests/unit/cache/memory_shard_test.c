/*
 * The invariants that cache/memory_shard.h states, checked whole after random operations on a store so small
 * that everything happens: eviction, full units, expiry, markers, sweeps; and again while the allocator
 * refuses at random.
 */
#include "memory_fixture.h"
#include "refusing_malloc.h"

#include "cache/memory_table.h"

#include <stdlib.h>

/* ---- the invariants ---- */

typedef struct totals {
    size_t entries, payload_bytes, nodes, markers;
} totals;

static void check_entry(const ra_shard *s, const ra_entry *e, totals *t)
{
    assert_true(e->queue == RA_QUEUE_SMALL || e->queue == RA_QUEUE_MAIN);
    assert_non_null(e->payload);
    t->entries++;
    t->payload_bytes += ra_pool_cost(sizeof(ra_payload) + e->payload->len);
    (void)s;
}

static void check_unit(ra_shard *s, uint32_t unit, totals *t)
{
    const ra_unit *u = ra_shard_unit(s, unit);
    unsigned further = 0;
    t->nodes++;
    assert_int_equal(ra_shard_find(s, &u->key, ra_shard_hash(s->limits->seed, &u->key)), unit);
    if (u->first.marked) {
        assert_true(u->list && !u->generation && !ra_unit_entries(u));
        for (uint32_t m = u->list; m; m = ((ra_marker *)ra_slab_at(&s->markers, m))->next)
            t->markers++;
    }
    if (u->first.payload)
        check_entry(s, &u->first, t);
    for (uint32_t f = u->list; !u->first.marked && further < u->first.further; further++) {
        const ra_further *x = ra_shard_further(s, f);
        assert_int_equal(x->unit, unit);
        assert_int_equal(ra_shard_further(s, x->next)->prev, f);
        assert_int_equal(ra_shard_find_entry(s, unit, &x->entry.request), f);
        check_entry(s, &x->entry, t);
        t->nodes++;
        f = x->next;
        assert_int_equal(f == u->list, further + 1U == u->first.further);
    }
    if (ra_unit_entries(u))
        assert_true(u->generation != 0 && ra_unit_entries(u) <= s->limits->max_unit_entries);
    else if (!u->first.marked && !u->first.pinned)
        assert_true(u->generation != 0 && u->first.queue == RA_QUEUE_TOKENS);
    else
        assert_int_equal(u->first.queue, RA_QUEUE_NONE);
}

static void check_queue(const ra_shard *s, enum ra_queue_name name)
{
    const ra_queue *q = &s->queue[name];
    size_t bytes = 0, count = 0;
    uint32_t older = 0;
    for (uint32_t e = q->oldest; e; older = e, e = ra_shard_entry(s, e)->newer, count++) {
        const ra_entry *x = ra_shard_entry(s, e);
        assert_int_equal(x->queue, name);
        assert_int_equal(x->older, older);
        bytes += name == RA_QUEUE_TOKENS ? RA_MEMORY_UNIT_OVERHEAD : ra_shard_entry_cost(e, x->payload);
    }
    assert_int_equal(q->newest, older);
    assert_int_equal(q->count, count);
    assert_int_equal(q->bytes, bytes);
}

static void check_shard(ra_shard *s)
{
    totals t = {0};
    for (uint32_t u = 0; (u = ra_slab_next(&s->units, u));)
        check_unit(s, u, &t);
    assert_int_equal(t.entries, s->n.entries);
    assert_int_equal(t.entries, s->queue[RA_QUEUE_SMALL].count + s->queue[RA_QUEUE_MAIN].count);
    assert_int_equal(t.payload_bytes, s->payload_bytes);
    assert_int_equal(t.nodes, s->index.count);
    assert_int_equal(t.nodes, s->units.live + s->further.live);
    assert_int_equal(t.markers, s->markers.live);
    assert_true(s->queue[RA_QUEUE_TOKENS].count <= s->limits->max_tokens);
    for (int q = RA_QUEUE_TOKENS; q < RA_QUEUES; q++)
        check_queue(s, (enum ra_queue_name)q);
}

static void check_all(ra_memory *m)
{
    size_t markers = 0;
    for (unsigned i = 0; i < m->nshards; i++) {
        check_shard(&m->shards[i]);
        markers += m->shards[i].markers.live;
    }
    assert_int_equal(markers, atomic_load(&m->markers));
}

/* ---- random operations ---- */

enum { UNITS = 120, REQUESTS = 40, GUARDS = 3, STEPS = 60000 };

static void random_read(ra_store *s, int64_t now, uint64_t *random)
{
    static const char body[4000];
    uint64_t x = next_random(random), guards[] = {UNITS + x % GUARDS};
    uint64_t unit = x >> 8 & 1 ? x >> 16 & 7 : (x >> 16) % UNITS; /* a few large units */
    ra_lookup v = look_guarded(s, now, unit, (x >> 32) % REQUESTS, guards, (unsigned)(x >> 9 & 1));
    ra_payload_unref(v.payload);
    if (v.outcome == RA_LOOKUP_BYPASS || v.outcome == RA_LOOKUP_HIT || (x >> 40) % 8 == 0)
        return;
    ra_payload *p = ra_payload_new((ra_bytes){body, (x >> 44) % sizeof body}, 0, 0, now);
    if (p)
        fill_take(s, now, &v, p, 1 + (int64_t)(x >> 50 & 511), (int64_t)(x >> 60 & 7) * 20);
}

static void random_step(ra_memory *m, ra_store *s, int64_t *now, uint64_t *random)
{
    uint64_t x = next_random(random), unit = (x >> 32) % (UNITS + GUARDS);
    switch (x % 32) {
    case 0:
        begin(s, *now, x >> 8 & 15, unit, 50);
        break;
    case 1:
    case 2:
        end(s, *now, x >> 8 & 15, unit, x >> 16 & 1 ? 20 : 0);
        break;
    case 3:
        invalidate(s, *now, unit);
        break;
    case 4:
        ra_memory_sweep(m, *now, x >> 8 & 31);
        break;
    case 5:
        *now += (int64_t)(x >> 8 & 31);
        break;
    default:
        random_read(s, *now, random);
    }
}

static void run(unsigned shards, unsigned refuse)
{
    ra_memory_options o = {.max_bytes = 200000,
                           .max_entry_bytes = 3900,
                           .max_unit_entries = 30,
                           .max_markers = 25,
                           .shards = shards};
    ra_memory *m = ra_memory_new(&o);
    assert_non_null(m);
    ra_store *s = ra_memory_store_new(m);
    uint64_t random = shards;
    int64_t now = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        refuse_one_in = refuse;
        random_step(m, s, &now, &random);
        refuse_one_in = 0;
        if (i % 100 == 0)
            check_all(m);
        assert_true(refuse || stats_of(s).bytes < o.max_bytes + (size_t)20000 * shards);
    }
    ra_store_stats n = stats_of(s);
    assert_true(n.hits > 1000 && n.evictions > 1000 && n.expirations > 100 && n.fills_too_large > 10 &&
                n.fills_overtaken + n.invalidations > 100);
    ra_store_free(s);
    ra_memory_unref(m);
}

static void test_invariants(void **state)
{
    (void)state;
    run(1, 0);
    run(4, 0);
}

#ifndef OWN_ALLOCATOR
static void test_invariants_without_memory(void **state)
{
    (void)state;
    run(1, 3);
    run(4, 2);
}

static void test_making_one_without_memory(void **state)
{
    (void)state;
    ra_memory_options o = {.max_bytes = 1 << 20, .shards = 8};
    unsigned made = 0;
    for (unsigned i = 0; i < 2000; i++) {
        refuse_one_in = 30;
        ra_memory *m = ra_memory_new(&o);
        ra_store *s = m ? ra_memory_store_new(m) : NULL;
        refuse_one_in = 0;
        made += s != NULL;
        if (s)
            ra_store_free(s);
        ra_memory_unref(m);
    }
    assert_true(made > 0 && made < 2000);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invariants),
#ifndef OWN_ALLOCATOR
        cmocka_unit_test(test_invariants_without_memory),
        cmocka_unit_test(test_making_one_without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
