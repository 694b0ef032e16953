/* Playing the caches: what each read and each invalidation does to them. */
#include "proxy/advisor_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS(n) ((n)*UINT32_C(1000))
#define MINUTES(n) SECONDS((n)*60)
#define HOURS(n)   MINUTES((n)*60)

const uint32_t ra_advisor_grid[RA_ADVISOR_GRID] = {
    SECONDS(1),  SECONDS(2),  SECONDS(3), SECONDS(5), SECONDS(10), SECONDS(15), SECONDS(20), SECONDS(30),
    SECONDS(45), MINUTES(1),  MINUTES(2), MINUTES(3), MINUTES(5),  MINUTES(10), MINUTES(15), MINUTES(20),
    MINUTES(30), MINUTES(45), HOURS(1),   HOURS(2),   HOURS(3),    HOURS(6),    HOURS(12),   HOURS(24)};

static uint32_t played(int64_t ttl)
{
    return ttl > RA_ADVISOR_PLAYED_MAX ? RA_ADVISOR_PLAYED_MAX : ttl < 0 ? 0 : (uint32_t)ttl;
}

/* Of each entry: its record, a bucket; a unit and its bucket in the sample. Of each two: a candidate. */
static bool size_up(ra_advisor *a, size_t max_bytes)
{
    size_t per_two = 2 * (sizeof(ra_advisor_entry) + sizeof(uint32_t)) +
                     2 * (sizeof(ra_advisor_unit) + sizeof(uint32_t)) + sizeof(uint32_t) + sizeof(uint64_t);
    if (max_bytes < sizeof *a + 64 * per_two)
        return false;
    size_t n = (max_bytes - sizeof *a) / per_two;
    if (n > UINT32_MAX / 8)
        n = UINT32_MAX / 8;
    a->heap_max = (uint32_t)n;
    a->entries_max = a->entry_buckets = (uint32_t)n * 2;
    /* A sampled unit has an entry, and they have half of the entries: so there is a unit for each of them,
     * each candidate, and one that is coming in. */
    a->units_max = a->unit_buckets = (uint32_t)n * 2;
    a->bytes = sizeof *a + n * per_two;
    return true;
}

static bool allocate(ra_advisor *a)
{
    a->heap = calloc(a->heap_max, sizeof *a->heap);
    a->ranks = calloc(a->heap_max, sizeof *a->ranks);
    a->units = calloc(a->units_max, sizeof *a->units);
    a->unit_bucket = malloc(a->unit_buckets * sizeof *a->unit_bucket);
    a->entries = calloc(a->entries_max, sizeof *a->entries);
    a->entry_bucket = malloc(a->entry_buckets * sizeof *a->entry_bucket);
    return a->heap && a->ranks && a->units && a->unit_bucket && a->entries && a->entry_bucket;
}

static void chain_up(ra_advisor *a)
{
    memset(a->unit_bucket, 0xff, a->unit_buckets * sizeof *a->unit_bucket);
    memset(a->entry_bucket, 0xff, a->entry_buckets * sizeof *a->entry_bucket);
    for (uint32_t i = 0; i < a->units_max; i++)
        a->units[i].next_in_bucket = i + 1 < a->units_max ? i + 1 : RA_ADVISOR_NONE;
    for (uint32_t i = 0; i < a->entries_max; i++)
        a->entries[i].next_in_bucket = i + 1 < a->entries_max ? i + 1 : RA_ADVISOR_NONE;
}

ra_advisor *ra_advisor_new(int64_t current, uint64_t seed, size_t max_bytes)
{
    ra_advisor *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    if (!size_up(a, max_bytes) || !allocate(a)) {
        ra_advisor_free(a);
        return NULL;
    }
    chain_up(a);
    memcpy(a->ttl, ra_advisor_grid, sizeof ra_advisor_grid);
    a->ttl[RA_ADVISOR_CURRENT] = played(current);
    a->current = current;
    a->seed = ra_advisor_mix(seed + 1);
    a->random = ra_advisor_mix(a->seed);
    a->threshold = UINT64_MAX;
    a->until_halved = (uint64_t)a->heap_max * 64;
    return a;
}

void ra_advisor_free(ra_advisor *a)
{
    if (!a)
        return;
    free(a->heap);
    free(a->ranks);
    free(a->units);
    free(a->unit_bucket);
    free(a->entries);
    free(a->entry_bucket);
    free(a);
}

size_t ra_advisor_bytes(const ra_advisor *a)
{
    return a->bytes;
}

/* Event loops aren't told the time all at once: what comes a little late happens now. */
static int64_t pass_time(ra_advisor *a, int64_t now)
{
    if (!a->begun) {
        a->begun = true;
        a->since = a->until = a->swept = now;
    }
    if (now - a->until > RA_ADVISOR_PLAYED_MAX) /* longer than any TTL */
        a->cleared++;
    if (now - a->swept > RA_ADVISOR_PLAYED_MAX / 2) {
        ra_advisor_sweep(a, (uint32_t)now);
        a->swept = now;
    }
    if (now > a->until)
        a->until = now;
    return a->until;
}

static void clear_unit(ra_advisor_unit *u)
{
    u->epoch++;
    u->complete = u->promotion != 0;
}

static void catch_up(const ra_advisor *a, ra_advisor_unit *u)
{
    if (u->cleared != a->cleared)
        clear_unit(u);
    u->cleared = a->cleared;
}

static inline void play_one(const ra_advisor *a, ra_advisor_entry *e, uint32_t now, uint32_t cost,
                            ra_advisor_counts *c, size_t t)
{
    uint32_t age = now - e->fill[t];
    uint32_t hit = age < a->ttl[t] ? UINT32_MAX : 0;
    c->hits[t] += hit & 1;
    c->spared[t] += hit & cost;
    c->age[t] += hit & age;
    e->fill[t] = (e->fill[t] & hit) | (now & ~hit);
}

/*
 * What each cache makes of one read. The loop has no branch, and its length is fixed and a multiple of a
 * vector's, so that a compiler does several at a time.
 */
static void play(const ra_advisor *a, ra_advisor_entry *e, const ra_advisor_read *r, ra_advisor_counts *c)
{
    uint32_t now = (uint32_t)r->now;
    c->reads++;
    c->cost += r->half_units;
    for (size_t t = 0; t < RA_ADVISOR_GRID; t++)
        play_one(a, e, now, r->half_units, c, t);
    play_one(a, e, now, r->half_units, c, RA_ADVISOR_CURRENT);
}

/* As play; but the misses fill nothing. `e` may be NULL. */
static void play_unfilled(const ra_advisor *a, const ra_advisor_entry *e, const ra_advisor_read *r,
                          ra_advisor_counts *c)
{
    ra_advisor_entry copy;
    if (e)
        copy = *e;
    else
        ra_advisor_entry_clear(&copy, (uint32_t)r->now);
    play(a, &copy, r, c);
}

/* How long until something happens that happens this often (per ms), by chance. */
static double wait_for(ra_advisor *a, double rate)
{
    return rate > 0 ? -log(1 - ra_advisor_random(a)) / rate : INFINITY;
}

/*
 * When the caches have filled an entry of the head of whose past nothing is known, by chance, as if its reads
 * and its unit's invalidations came as often as of late, and at no special time: it was cleared so long ago,
 * or when all began; if that is less than the TTL the first read after it has filled the entry, else it is
 * anywhere between two fills, which are the TTL and the wait for a read apart.
 */
static void guess_fills(ra_advisor *a, const ra_advisor_unit *u, ra_advisor_entry *e, int64_t now)
{
    double time = (double)((uint32_t)now - u->came) + 1, known = (double)(now - a->since);
    double reads = (u->nentries == 1 ? u->seen : 1) / time;
    double writes = u->seen / time * (double)a->invalidations / (double)a->reads;
    double cleared = fmin(wait_for(a, writes), known), gap = wait_for(a, reads), phase = ra_advisor_random(a);
    for (size_t t = 0; t < RA_ADVISOR_TTLS; t++) {
        double ttl = a->ttl[t], age = (cleared < ttl ? cleared : phase * (ttl + gap)) - gap;
        e->fill[t] = (uint32_t)now - (age > 0 ? (uint32_t)age : 0);
    }
}

/* The entry's record, as it was before this read; a new one if there was none and the read makes it. */
static ra_advisor_entry *entry_of(ra_advisor *a, ra_advisor_unit *u, const ra_advisor_read *r, bool *known)
{
    uint32_t now = (uint32_t)r->now;
    ra_advisor_entry *e = ra_advisor_entry_find(a, u, r->entry);
    if (e && e->epoch != u->epoch) {
        ra_advisor_entry_clear(e, now);
        e->epoch = u->epoch;
    }
    *known = u->promotion && (u->complete || (e && e->promotion == u->promotion));
    if (!e && r->bytes) {
        e = ra_advisor_entry_make(a, u, r->entry, now);
        if (!*known && !u->sampled)
            guess_fills(a, u, e, r->now);
    }
    if (e) {
        e->promotion = u->promotion;
        if (r->bytes)
            e->bytes = r->bytes;
    }
    return e;
}

static void note_tail(ra_advisor *a, const ra_advisor_read *r)
{
    a->tail_reads++;
    a->tail_cost += r->half_units;
}

static void follow(ra_advisor *a, ra_advisor_unit *u, const ra_advisor_read *r)
{
    bool known;
    ra_advisor_entry *e = entry_of(a, u, r, &known);
    if (!known)
        note_tail(a, r);
    if (!known && !u->sampled)
        return;
    ra_advisor_counts *c = known ? &a->head : &a->sample;
    if (e && r->bytes)
        play(a, e, r, c);
    else
        play_unfilled(a, e, r, c);
}

/* A read of a unit that has no record, and gets none unless it is sampled and the read has filled something.
 */
static void note_unknown(ra_advisor *a, const ra_advisor_read *r)
{
    bool sampled = ra_advisor_is_sampled(a, r->unit);
    if (sampled && r->bytes) {
        follow(a, ra_advisor_unit_make(a, r->unit), r);
        return;
    }
    note_tail(a, r);
    if (sampled)
        play_unfilled(a, NULL, r, &a->sample);
}

void ra_advisor_note_read(ra_advisor *a, const ra_advisor_read *read)
{
    ra_advisor_read r = *read;
    r.now = pass_time(a, read->now);
    a->reads++;
    ra_advisor_unit *u = ra_advisor_unit_find(a, r.unit);
    if (u)
        catch_up(a, u);
    u = ra_advisor_heavy_count(a, u, r.unit, (uint32_t)r.now);
    bool sampled = ra_advisor_is_sampled(a, r.unit);
    if (sampled || (u && u->promotion)) {
        ra_advisor_make_room(a, sampled, (uint32_t)r.now);
        u = ra_advisor_unit_find(a, r.unit); /* it may be gone now */
    }
    if (!u)
        note_unknown(a, &r);
    else if (u->sampled || u->promotion)
        follow(a, u, &r);
    else
        note_tail(a, &r);
}

void ra_advisor_note_invalidation(ra_advisor *a, uint64_t unit, int64_t now)
{
    pass_time(a, now);
    a->invalidations++;
    ra_advisor_unit *u = ra_advisor_unit_find(a, unit);
    if (u)
        clear_unit(u);
}

void ra_advisor_note_invalidation_of_all(ra_advisor *a, int64_t now)
{
    pass_time(a, now);
    a->invalidations++;
    a->cleared++;
}

/* The index of the TTL of the grid that is nearest, as a factor. */
static size_t nearest(uint32_t ttl)
{
    size_t best = 0;
    double least = INFINITY;
    for (size_t t = 0; t < RA_ADVISOR_GRID; t++) {
        double far = fabs(log((ttl ? ttl : 1) / (double)ra_advisor_grid[t]));
        if (far < least) {
            least = far;
            best = t;
        }
    }
    return best;
}

static void copy_counts(ra_advisor_counts *c, size_t to, size_t from)
{
    c->hits[to] = c->hits[from];
    c->spared[to] = c->spared[from];
    c->age[to] = c->age[from];
}

void ra_advisor_set_current(ra_advisor *a, int64_t current)
{
    if (current == a->current)
        return;
    const size_t to = RA_ADVISOR_CURRENT;
    a->current = current;
    a->ttl[to] = played(current);
    size_t from = nearest(a->ttl[to]);
    copy_counts(&a->head, to, from);
    copy_counts(&a->sample, to, from);
    a->before.hits[to] = a->before.hits[from];
    a->before.spared[to] = a->before.spared[from];
    a->before.age[to] = a->before.age[from];
    for (uint32_t i = 0; i < a->entries_max; i++)
        a->entries[i].fill[to] = a->entries[i].fill[from];
}
