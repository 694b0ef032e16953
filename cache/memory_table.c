#include "cache/memory_table.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum {
    SHARD_BYTES = 16 << 20,
    SHARDS_CHOSEN = 64,
    SHARDS_MOST = 1024,
    UNIT_ENTRIES = 1024,
    MARKERS = 1 << 20,
    TOKENS_LEAST = 1024, /* units kept for reads under way, however small the store */
    TOKENS_SHARE = 16,   /* beyond that they may take this part of it */
    SWEEP_BATCH = 64     /* looked at before the shard's lock is given up */
};

static atomic_uint_fast64_t last_generation;
static pthread_once_t generation_once = PTHREAD_ONCE_INIT;

static void start_generations(void)
{
    uint64_t start;
    if (getrandom(&start, sizeof start, 0) != (ssize_t)sizeof start) {
        struct timespec t; /* unique in this process all the same */
        clock_gettime(CLOCK_REALTIME, &t);
        start = (uint64_t)t.tv_sec << 30 ^ (uint64_t)t.tv_nsec;
    }
    atomic_store(&last_generation, start);
}

uint64_t ra_table_draw(void)
{
    pthread_once(&generation_once, start_generations);
    uint64_t g;
    do
        g = atomic_fetch_add(&last_generation, 1) + 1;
    while (!g); /* 0 says that there is none */
    return g;
}

static unsigned shard_count(const ra_memory_options *o)
{
    size_t want = o->shards;
    if (!want)
        want = o->max_bytes / SHARD_BYTES < SHARDS_CHOSEN ? o->max_bytes / SHARD_BYTES : SHARDS_CHOSEN;
    unsigned n = 1;
    while (n <= want / 2 && n < SHARDS_MOST)
        n *= 2;
    return n;
}

static size_t own_cost(bool groups)
{
    return ra_memory_cost(sizeof(ra_memory)) +
           (groups ? ra_memory_cost(RA_GROUPS * sizeof(ra_memory_group)) : 0);
}

static ra_shard_limits limits_of(const ra_memory_options *o, unsigned nshards)
{
    size_t own = own_cost(o->groups);
    ra_shard_limits l = {
        .budget = o->max_bytes > own ? (o->max_bytes - own) / nshards : 0,
        .max_entry_bytes = o->max_entry_bytes,
        .max_unit_entries = o->max_unit_entries ? o->max_unit_entries : UNIT_ENTRIES,
        .max_tokens = TOKENS_LEAST / nshards + 1,
        .max_markers = o->max_markers ? o->max_markers : MARKERS,
    };
    if (l.max_unit_entries > UINT16_MAX)
        l.max_unit_entries = UINT16_MAX;
    size_t share = l.budget / TOKENS_SHARE / RA_MEMORY_UNIT_OVERHEAD;
    if (l.max_tokens < share)
        l.max_tokens = share;
    if (getrandom(&l.seed, sizeof l.seed, 0) != (ssize_t)sizeof l.seed)
        l.seed = ra_table_draw(); /* guessable, and still right */
    return l;
}

ra_memory *ra_memory_new(const ra_memory_options *o)
{
    ra_memory *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    unsigned n = shard_count(o);
    atomic_init(&m->refs, 1);
    pthread_mutex_init(&m->sweep_lock, NULL);
    m->limits = limits_of(o, n);
    m->max_bytes = o->max_bytes;
    m->quiet_until = o->quiet_until;
    for (m->shift = 64; n >> (64 - m->shift) > 1;)
        m->shift--;
    m->shards = aligned_alloc(alignof(ra_shard), n * sizeof *m->shards);
    m->groups = o->groups ? calloc(RA_GROUPS, sizeof *m->groups) : NULL;
    bool ok = m->shards && (m->groups || !o->groups);
    while (ok && m->nshards < n)
        ok = ra_shard_init(&m->shards[m->nshards++], &m->limits, &m->markers,
                           m->groups); /* fini fits a failed one */
    if (ok)
        return m;
    ra_memory_unref(m);
    return NULL;
}

ra_memory *ra_memory_ref(ra_memory *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void ra_memory_unref(ra_memory *m)
{
    if (!m || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; i < m->nshards; i++)
        ra_shard_fini(&m->shards[i]);
    free(m->shards);
    free(m->groups);
    pthread_mutex_destroy(&m->sweep_lock);
    free(m);
}

ra_shard *ra_table_lock(ra_memory *m, const ra_key *unit, uint64_t *hash)
{
    *hash = ra_shard_hash(m->limits.seed, unit);
    ra_shard *s = &m->shards[m->nshards > 1 ? *hash >> m->shift : 0];
    pthread_mutex_lock(&s->lock);
    return s;
}

static void add_stats(ra_store_stats *to, ra_shard *s)
{
    pthread_mutex_lock(&s->lock);
    const ra_store_stats *n = &s->n;
    to->entries += n->entries;
    to->units += s->units.live;
    to->markers += s->markers.live;
    to->bytes += ra_shard_bytes(s);
    to->hits += n->hits;
    to->stale += n->stale;
    to->misses += n->misses;
    to->bypasses += n->bypasses;
    to->fills += n->fills;
    to->fills_overtaken += n->fills_overtaken;
    to->fills_too_large += n->fills_too_large;
    to->fills_full += n->fills_full;
    to->evictions += n->evictions;
    to->expirations += n->expirations;
    to->begins += n->begins;
    to->ends += n->ends;
    to->invalidations += n->invalidations;
    pthread_mutex_unlock(&s->lock);
}

void ra_table_stats(ra_memory *m, ra_store_stats *out)
{
    *out = (ra_store_stats){.bytes = own_cost(m->groups != NULL),
                            .max_bytes = m->max_bytes,
                            .bypasses = atomic_load(&m->quiet_bypasses)};
    for (unsigned i = 0; i < m->nshards; i++)
        add_stats(out, &m->shards[i]);
}

void ra_memory_get_group(ra_memory *m, unsigned group, size_t *entries, size_t *bytes)
{
    *entries = m->groups ? atomic_load_explicit(&m->groups[group].entries, memory_order_relaxed) : 0;
    *bytes = m->groups ? atomic_load_explicit(&m->groups[group].bytes, memory_order_relaxed) : 0;
}

/* Looks at units from `*unit` on until `most` units and entries are looked at, or the end (*unit is then 0).
 * Returns how many. */
static size_t sweep_some(ra_shard *s, int64_t now, uint32_t *unit, size_t most)
{
    size_t looked = 0;
    pthread_mutex_lock(&s->lock);
    do {
        *unit = ra_slab_next(&s->units, *unit);
        if (*unit)
            looked += 1U + ra_shard_sweep_unit(s, *unit, now);
    } while (*unit && looked < most);
    pthread_mutex_unlock(&s->lock);
    return looked;
}

void ra_memory_sweep(ra_memory *m, int64_t now, size_t most)
{
    pthread_mutex_lock(&m->sweep_lock);
    for (unsigned rounds = 0; most && rounds < m->nshards;) {
        size_t batch = most < SWEEP_BATCH ? most : SWEEP_BATCH;
        size_t looked = sweep_some(&m->shards[m->sweep_shard], now, &m->sweep_unit, batch);
        most -= looked < most ? looked : most;
        if (!m->sweep_unit) {
            m->sweep_shard = (m->sweep_shard + 1) % m->nshards;
            rounds++;
        }
    }
    pthread_mutex_unlock(&m->sweep_lock);
}

size_t ra_memory_markers(ra_memory *m, int64_t now)
{
    size_t n = 0;
    for (unsigned i = 0; i < m->nshards; i++) {
        ra_shard *s = &m->shards[i];
        pthread_mutex_lock(&s->lock);
        n += ra_marker_count(s, now);
        pthread_mutex_unlock(&s->lock);
    }
    return n;
}
