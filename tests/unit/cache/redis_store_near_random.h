/*
 * Part of redis_store_near_test.c: readers and writers at random, as in redis_store_random.h, where nothing
 * but what `read_after_write` promises is promised, and where near caches answer without asking. Two loops of
 * one process, and another process.
 *
 * Writes go out together with their marks, so that one may be carried out before its mark is set; where the
 * mark can't be set it goes on without. It counts as acknowledged when both are in. What a hit must be, at
 * least:
 * - whatever was acknowledged through the same process before the lookup began;
 * - if Redis was asked: whatever was acknowledged through any process, and marked;
 * - if it wasn't: of other processes' writes what had been acknowledged, and marked, before the newest push
 *   that is in was made. For that a key of no unit is changed now and then, to see its push come.
 */
#ifndef RA_TESTS_REDIS_STORE_NEAR_RANDOM_H
#define RA_TESTS_REDIS_STORE_NEAR_RANDOM_H

enum { PROCESSES = 2 };

typedef struct floor_of { /* a version of each unit */
    unsigned v[UNITS];
} floor_of;

typedef struct far_reader {
    reader r;
    bool unasked;
    unsigned asked_least; /* r.least is that of a hit that nobody asked about */
} far_reader;

typedef struct far_writer {
    writer w;
    bool together; /* with its mark; or after it */
    bool committed;
    floor_of made;
} far_writer;

typedef struct far_world {
    world m; /* of which readers and writers aren't used */
    far_reader readers[READERS];
    far_writer writers[WRITERS];
    floor_of here[PROCESSES], all, pushed[PROCESSES];
    struct {
        ra_key key;
        uint16_t number;
        floor_of all; /* as it was when the key was changed */
        unsigned before[PROCESSES];
        bool out[PROCESSES];
    } probe;
    unsigned unasked, told, gone_on, peeked;
} far_world;

static unsigned process_of(unsigned store)
{
    return store < 2 ? 0 : 1;
}

static unsigned near_of(unsigned process)
{
    return process ? 2 : 0;
}

static void raise_floor(floor_of *f, const floor_of *to)
{
    for (unsigned u = 0; u < UNITS; u++)
        f->v[u] = f->v[u] > to->v[u] ? f->v[u] : to->v[u];
}

/* ---- what pushes are in ---- */

/* In a slot that no unit has, and not that of the one before. */
static ra_key probe_key(far_world *f)
{
    ra_key key;
    bool taken = true;
    memset(key.b, 0xbb, sizeof key.b);
    while (taken) {
        f->probe.number++;
        key.b[2] = (unsigned char)f->probe.number;
        key.b[3] = (unsigned char)(f->probe.number >> 8);
        taken = false;
        for (unsigned u = 0; u <= GUARD; u++) {
            ra_key unit = key_of(u);
            taken |= memcmp(unit.b + 2, key.b + 2, 2) == 0;
        }
    }
    return key;
}

static void probe_sends(far_world *f)
{
    char name[2 * RA_KEY_BYTES + 1];
    f->probe.key = probe_key(f);
    f->probe.all = f->all;
    for (unsigned p = 0; p < PROCESSES; p++) {
        f->probe.before[p] = touches_of(near_of(p), &f->probe.key);
        f->probe.out[p] = true;
    }
    for (unsigned i = 0; i < RA_KEY_BYTES; i++)
        snprintf(name + (size_t)2 * i, 3, "%02x", f->probe.key.b[i]);
    ask("SET test:ra1:%s x", name);
}

static void probe_looks(far_world *f)
{
    for (unsigned p = 0; p < PROCESSES; p++) {
        if (!f->probe.out[p] || touches_of(near_of(p), &f->probe.key) == f->probe.before[p])
            continue;
        f->probe.out[p] = false;
        raise_floor(&f->pushed[p], &f->probe.all);
        f->told++;
    }
}

/* ---- readers ---- */

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static void far_asks(far_world *f, far_reader *r)
{
    exact = roll(&f->m, 4) == 0;
    reader_asks(&f->m, &r->r);
    unsigned p = process_of(r->r.store), u = r->r.r.unit;
    r->unasked = r->r.w.done && r->r.v.outcome == RA_LOOKUP_HIT;
    if (r->unasked && exact)
        fail_msg("unit %u: a hit without a question, though linearizable is promised", u);
    r->r.least = larger(f->here[p].v[u], f->pushed[p].v[u]);
    r->asked_least = larger(f->here[p].v[u], f->all.v[u]);
}

static void far_is_told(far_world *f, far_reader *r)
{
    if (!r->unasked)
        r->r.least = r->asked_least;
    f->unasked += r->unasked;
    reader_is_told(&f->m, &r->r);
}

/* What is had at once is no older than a hit that nobody asked about. */
static void far_peeks(far_world *f)
{
    static const uint64_t guard[] = {GUARD};
    record got, want = {.unit = roll(&f->m, UNITS), .request = roll(&f->m, REQUESTS)};
    ra_lookup v;
    unsigned store = roll(&f->m, STORES), p = process_of(store);
    exact = false;
    probe_looks(f);
    if (!had_at_once(store, want.unit, 100 + want.request, 1, guard, &v))
        return;
    assert_int_equal(v.payload->len, sizeof got);
    memcpy(&got, v.payload->body, sizeof got);
    ra_payload_unref(v.payload);
    assert_true(got.unit == want.unit && got.request == want.request);
    assert_true(got.version >= larger(f->here[p].v[got.unit], f->pushed[p].v[got.unit]));
    f->peeked++;
}

static void far_reads(far_world *f, far_reader *r)
{
    probe_looks(f);
    if (r->r.state == R_IDLE)
        far_asks(f, r);
    else if (r->r.state == R_LOOKING && r->r.w.done)
        far_is_told(f, r);
    else
        reader_step(&f->m, &r->r);
}

/* ---- writers ---- */

static void far_commits(far_world *f, far_writer *w)
{
    for (unsigned u = 0; u < UNITS; u++)
        if (w->w.unit == u || w->w.unit == GUARD)
            w->made.v[u] = ++f->m.committed[u];
    w->committed = true;
    f->m.commits++;
}

/* Carried out, and its mark is set, or isn't. */
static void far_is_acknowledged(far_world *f, far_writer *w)
{
    raise_floor(&f->here[process_of(w->w.store)], &w->made);
    if (w->w.w.call.ok) {
        raise_floor(&f->all, &w->made);
    } else {
        assert_true(go_on(w->w.store, w->w.id, w->w.unit, HOUR));
        f->gone_on++;
    }
    w->w.state = W_COMMITTED;
}

static void far_writes(far_world *f, far_writer *w)
{
    bool begun = w->w.state == W_BEGINNING && w->w.w.done;
    if (w->w.state == W_IDLE) {
        *w = (far_writer){.together = roll(&f->m, 2)};
        writer_begins(&f->m, &w->w);
    } else if (w->w.state == W_BEGINNING && !w->committed && (w->together || (begun && w->w.w.call.ok))) {
        far_commits(f, w);
    } else if (begun && w->committed) {
        far_is_acknowledged(f, w);
    } else if (begun) {
        end_now(w->w.store, w->w.id, w->w.unit, 0);
        f->m.refused++;
        w->w.state = W_IDLE;
    } else if (w->w.state == W_COMMITTED) {
        end_now(w->w.store, w->w.id, w->w.unit, roll(&f->m, 4) ? 0 : 2);
        w->w.state = W_IDLE;
    }
}

/* ---- all of it ---- */

static void far_disturbs(far_world *f)
{
    unsigned what = roll(&f->m, 40);
    if (what < 10) {
        invalidate(roll(&f->m, STORES), roll(&f->m, UNITS + 1));
    } else if (what < 20) {
        ask("SCRIPT FLUSH");
    } else if (what < 26) {
        ask("CLIENT KILL TYPE pubsub");
    } else if (what < 30 && all_serving()) {
        f->m.cut++;
        ask("CLIENT KILL TYPE normal SKIPME yes");
    }
}

static void far_step(far_world *f)
{
    unsigned what = roll(&f->m, 1000);
    if (what < 100)
        far_peeks(f);
    else if (what < 700)
        far_reads(f, &f->readers[roll(&f->m, READERS)]);
    else if (what < 718)
        far_writes(f, &f->writers[roll(&f->m, WRITERS)]);
    else if (what < 724)
        probe_sends(f);
    else if (what < 726)
        far_disturbs(f);
    else
        event_base_loop(base, roll(&f->m, 5) ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
}

static void open_far_world(void)
{
    for (unsigned p = 0; p < PROCESSES; p++)
        nears[near_of(p)] = ra_near_new(NEAR_BYTES, HOUR);
    ra_redis_shared *one = ra_redis_shared_new(nears[0]), *other = ra_redis_shared_new(nears[2]);
    assert_true(one && other);
    open_world(one, other);
    ra_redis_shared_unref(one);
    ra_redis_shared_unref(other);
    open_tracker(0);
    open_tracker(2);
}

static void test_random_unasked(void **state)
{
    (void)state;
    static far_world f;
    uint64_t steps = environment("READASIDE_STEPS", STEPS);
    f = (far_world){.m.random = environment("READASIDE_SEED", (uint64_t)test_now())};
    print_message("READASIDE_SEED=%" PRIu64 "\n", f.m.random);
    open_far_world();
    for (uint64_t i = 0; i < steps; i++)
        far_step(&f);
    for (unsigned i = 0; i < READERS; i++)
        if (f.readers[i].r.state == R_LOOKING) {
            UNTIL(f.readers[i].r.w.done);
            far_is_told(&f, &f.readers[i]);
        }
    print_message(
        "hits %u, unasked %u, peeked %u, misses %u, commits %u, gone on %u, cut %u, told %u times\n",
        f.m.hits, f.unasked, f.peeked, f.m.misses, f.m.commits, f.gone_on, f.m.cut, f.told);
    assert_true(f.m.hits > steps / 100 && f.unasked > steps / 200 && f.m.commits > steps / 1000);
    assert_true(f.m.cut > 0 && f.told > steps / 1000 && f.peeked > steps / 1000);
}

#endif
