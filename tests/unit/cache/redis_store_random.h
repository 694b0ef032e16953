/*
 * For tests of the store in Redis: readers and writers of three stores against a reference, in random order,
 * all calls as they come: many under way at once, some cancelled, connections cut, scripts forgotten.
 *
 * The "database" is a version per unit; a write to the guard moves on all. Writers are strict: they commit
 * when begin is acknowledged, and hold is never over. So a hit must be at least what was committed when its
 * lookup began: the writer that had committed by then has set its marker before, and either it is there
 * still or the data of before are gone.
 */
#ifndef RA_TESTS_REDIS_STORE_RANDOM_H
#define RA_TESTS_REDIS_STORE_RANDOM_H

#include "redis_store_fixture.h"

enum { UNITS = 5, REQUESTS = 3, READERS = 12, WRITERS = 5, GUARD = UNITS, STEPS = 40000 };

typedef struct record { /* what a reply's body says of itself */
    unsigned unit, request, version;
} record;

typedef struct reader {
    enum { R_IDLE, R_LOOKING, R_LOOKED, R_READ } state;
    waiting w;
    unsigned store, least; /* least: the version that a hit must have */
    ra_lookup v;
    record r;
} reader;

typedef struct writer {
    enum { W_IDLE, W_BEGINNING, W_BEGUN, W_COMMITTED } state;
    waiting w;
    unsigned store, unit;
    uint64_t id;
    ra_key key;
} writer;

typedef struct world {
    uint64_t random, ids;
    unsigned committed[UNITS];
    reader readers[READERS];
    writer writers[WRITERS];
    unsigned hits, misses, bypassed, commits, refused, cut;
} world;

static unsigned roll(world *m, unsigned n)
{
    return (unsigned)(next_random(&m->random) % n);
}

static void reader_asks(world *m, reader *r)
{
    static const uint64_t guard[] = {GUARD};
    r->store = roll(m, STORES);
    r->r = (record){.unit = roll(m, UNITS), .request = roll(m, REQUESTS)};
    r->v = wanted(r->r.unit, 100 + r->r.request, 1, guard);
    r->least = m->committed[r->r.unit];
    r->w = waiting_new();
    r->w.call.arg = &r->w;
    r->state = R_LOOKING;
    if (ra_store_lookup(stores[r->store], test_now(), &r->v, 1, &r->w.call) == RA_STORE_DONE)
        r->w.done = 1;
}

static void reader_is_told(world *m, reader *r)
{
    bool miss = r->v.outcome == RA_LOOKUP_MISS;
    r->state = miss ? R_LOOKED : R_IDLE;
    m->misses += miss;
    m->bypassed += r->v.outcome == RA_LOOKUP_BYPASS;
    if (r->v.outcome != RA_LOOKUP_HIT)
        return;
    record got;
    m->hits++;
    assert_int_equal(r->v.payload->len, sizeof got);
    memcpy(&got, r->v.payload->body, sizeof got);
    ra_payload_unref(r->v.payload);
    assert_int_equal(got.unit, r->r.unit);
    assert_int_equal(got.request, r->r.request);
    if (got.version < r->least)
        fail_msg("unit %u: version %u, though %u was committed before", got.unit, got.version, r->least);
    assert_true(got.version <= m->committed[got.unit]);
}

static void reader_step(world *m, reader *r)
{
    if (r->state == R_IDLE) {
        reader_asks(m, r);
    } else if (r->state == R_LOOKING && r->w.done) {
        reader_is_told(m, r);
    } else if (r->state == R_LOOKING) {
        if (roll(m, 20))
            return;
        ra_store_cancel(stores[r->store], &r->w.call);
        r->state = R_IDLE;
    } else if (r->state == R_LOOKED) {
        r->r.version = m->committed[r->r.unit];
        r->state = R_READ;
    } else if (r->state == R_READ) {
        fill_bytes(r->store, &r->v, (ra_bytes){(char *)&r->r, sizeof r->r}, HOUR, 0);
        r->state = R_IDLE;
    }
}

static void writer_begins(world *m, writer *w)
{
    ra_write_id id;
    w->store = roll(m, STORES);
    w->unit = roll(m, 15) ? roll(m, UNITS) : (unsigned)GUARD;
    w->id = ++m->ids;
    w->key = key_of(w->unit);
    w->w = waiting_new();
    w->w.call.arg = &w->w;
    w->state = W_BEGINNING;
    id = write_id(w->id);
    if (ra_store_begin(stores[w->store], test_now(), &id, &w->key, 1, HOUR, &w->w.call) == RA_STORE_DONE)
        w->w.done = 1;
}

static void writer_step(world *m, writer *w)
{
    if (w->state == W_IDLE) {
        if (roll(m, 3) == 0)
            writer_begins(m, w);
    } else if (w->state == W_BEGINNING && w->w.done && w->w.call.ok) {
        w->state = W_BEGUN;
    } else if (w->state == W_BEGINNING && (w->w.done || roll(m, 30) == 0)) {
        /* Refused, or given up: nothing is sent. */
        ra_store_cancel(stores[w->store], &w->w.call);
        end_now(w->store, w->id, w->unit, 0);
        m->refused++;
        w->state = W_IDLE;
    } else if (w->state == W_BEGUN) {
        for (unsigned u = 0; u < UNITS; u++)
            m->committed[u] += w->unit == u || w->unit == GUARD;
        m->commits++;
        w->state = W_COMMITTED;
    } else if (w->state == W_COMMITTED) {
        end_now(w->store, w->id, w->unit, roll(m, 4) ? 0 : 2);
        w->state = W_IDLE;
    }
}

static bool all_serving(void)
{
    bool all = true;
    for (unsigned i = 0; i < STORES; i++)
        all &= serving(i);
    return all;
}

static void world_step(world *m)
{
    unsigned what = roll(m, 1000);
    if (what < 600) {
        reader_step(m, &m->readers[roll(m, READERS)]);
    } else if (what < 650) {
        writer_step(m, &m->writers[roll(m, WRITERS)]);
    } else if (what < 652) {
        invalidate(roll(m, STORES), roll(m, UNITS + 1));
    } else if (what < 653 && roll(m, 4) == 0) {
        ask("SCRIPT FLUSH");
    } else if (what < 654 && roll(m, 4) == 0 && all_serving()) { /* not again before all have come back */
        m->cut++;
        ask("CLIENT KILL TYPE normal SKIPME yes");
    } else {
        event_base_loop(base, roll(m, 5) ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
    }
}

/* READASIDE_SEED repeats a run, READASIDE_STEPS makes it longer. */
static uint64_t environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t n = text ? strtoull(text, NULL, 10) : 0;
    return n ? n : otherwise;
}

/* Two loops of one process, and another process. */
static void open_world(ra_redis_shared *one, ra_redis_shared *other)
{
    for (unsigned i = 0; i < STORES; i++) {
        ra_redis_store_options o = defaults(i);
        o.heartbeat = 200;
        o.shared = i < 2 ? one : other;
        open_store(i, o);
    }
    UNTIL(serving(0) && serving(1) && serving(2));
}

static void run_world(world *m)
{
    uint64_t steps = environment("READASIDE_STEPS", STEPS);
    *m = (world){.random = environment("READASIDE_SEED", (uint64_t)test_now())};
    print_message("READASIDE_SEED=%" PRIu64 "\n", m->random);
    for (uint64_t i = 0; i < steps; i++)
        world_step(m);
    for (unsigned i = 0; i < READERS; i++)
        if (m->readers[i].state == R_LOOKING) {
            UNTIL(m->readers[i].w.done);
            reader_is_told(m, &m->readers[i]);
        }
    print_message("hits %u, misses %u, bypassed %u, commits %u, refused %u, cut %u\n", m->hits, m->misses,
                  m->bypassed, m->commits, m->refused, m->cut);
    assert_true(m->hits > steps / 100 && m->misses > steps / 200 && m->commits > steps / 500 && m->cut > 0);
}

#endif
