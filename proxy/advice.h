/*
 * Where the TTL advisors (proxy/advisor.h) learn from: what loops see of reads and invalidations, told over
 * rings, and one thread that plays it.
 *
 * Each loop writes into a ring of its own: a record, and one store to where it ends. It takes no lock and
 * never waits: what finds the ring full is dropped, and counted. The thread merges the rings by time. There
 * is an advisor for each subject (proxy/metrics.h) that is cached and has been read, made at its first read.
 *
 * Threads: as said at each function.
 */
#ifndef RA_PROXY_ADVICE_H
#define RA_PROXY_ADVICE_H

#include "cache/buf.h"
#include "cache/key.h"
#include "config/config.h"

#include <stdatomic.h>

struct ra_metrics;

enum { RA_ADVICE_RING = 1 << 14 }; /* records */

typedef struct ra_advice ra_advice;

enum ra_advice_kind {
    RA_ADVICE_READ,
    RA_ADVICE_INVALIDATION,
    RA_ADVICE_INVALIDATION_OF_ALL, /* of the subject's table */
    RA_ADVICE_BYPASSING            /* a write was seen that no proxy was told of */
};

typedef struct ra_advice_record {
    uint64_t unit, entry;
    int64_t now; /* monotonic, ms */
    uint32_t bytes;
    uint16_t subject;
    uint16_t kind;
} ra_advice_record;

/* One producer, one consumer: `end` is the producer's, `begin` the consumer's, each on a cache line of its
 * own. */
typedef struct ra_advice_ring {
    _Alignas(64) atomic_size_t end;
    size_t begin_seen; /* the producer's: `begin` is this far at least */
    _Atomic uint64_t dropped;
    _Alignas(64) atomic_size_t begin;
    _Alignas(64) ra_advice_record v[RA_ADVICE_RING];
} ra_advice_ring;

/* ---- on the ring's own thread; a ring that is NULL takes nothing ---- */

static inline void ra_advice_note(ra_advice_ring *r, const ra_advice_record *record)
{
    if (!r)
        return;
    size_t end = atomic_load_explicit(&r->end, memory_order_relaxed);
    if (end - r->begin_seen == RA_ADVICE_RING) {
        r->begin_seen = atomic_load_explicit(&r->begin, memory_order_acquire);
        if (end - r->begin_seen == RA_ADVICE_RING) {
            atomic_store_explicit(&r->dropped, r->dropped + 1, memory_order_relaxed);
            return;
        }
    }
    r->v[end % RA_ADVICE_RING] = *record;
    atomic_store_explicit(&r->end, end + 1, memory_order_release);
}

/* The first 64 bits of a digest, which are as good as any. */
static inline uint64_t ra_advice_name(const ra_key *k)
{
    uint64_t name;
    memcpy(&name, k->b, sizeof name);
    return name;
}

/* An entry was read that was there, or was read upstream. `bytes`: of its body; 0: it wasn't stored. */
static inline void ra_advice_note_read(ra_advice_ring *r, unsigned subject, const ra_key *unit,
                                       const ra_key *entry, uint32_t bytes, int64_t now)
{
    const ra_advice_record record = {.unit = ra_advice_name(unit),
                                     .entry = ra_advice_name(entry),
                                     .now = now,
                                     .bytes = bytes,
                                     .subject = (uint16_t)subject,
                                     .kind = RA_ADVICE_READ};
    ra_advice_note(r, &record);
}

/* `unit` NULL: all of the subject's table. */
static inline void ra_advice_note_invalidation(ra_advice_ring *r, unsigned subject, const ra_key *unit,
                                               int64_t now)
{
    const ra_advice_record record = {.unit = unit ? ra_advice_name(unit) : 0,
                                     .now = now,
                                     .subject = (uint16_t)subject,
                                     .kind = unit ? RA_ADVICE_INVALIDATION : RA_ADVICE_INVALIDATION_OF_ALL};
    ra_advice_note(r, &record);
}

/* A write was seen that no proxy was told of: a longer TTL would be a longer time in which such a one isn't
 * seen, where no stream tells of it. */
static inline void ra_advice_note_bypassing(ra_advice_ring *r, unsigned subject, int64_t now)
{
    const ra_advice_record record = {.now = now, .subject = (uint16_t)subject, .kind = RA_ADVICE_BYPASSING};
    ra_advice_note(r, &record);
}

/* ---- begin and end: one thread ---- */

/* `metrics` names the subjects and must outlive it. NULL: no memory. */
ra_advice *ra_advice_new(const struct ra_metrics *metrics, unsigned rings);
void ra_advice_free(ra_advice *a); /* NULL is allowed; ends the thread */
ra_advice_ring *ra_advice_get_ring(ra_advice *a, unsigned i);
bool ra_advice_start(ra_advice *a); /* the thread */

/* ---- any thread ---- */

/* The TTLs in force, and how much room there is. The policies have their subjects. */
void ra_advice_bind(ra_advice *a, const ra_config *c);
/* Plays what is in the rings; the thread does so by itself. */
void ra_advice_play(ra_advice *a);
/* What /admin/advice answers, a JSON array as proxy/live.h has it; it may be one of `max_age` ms ago. With 0
 * what has been noted before counts. */
void ra_advice_write(ra_advice *a, int64_t max_age, ra_buf *out);

typedef struct ra_advice_stats {
    uint64_t played, dropped;
    uint64_t cpu_us; /* of the thread; 0: it isn't running */
    size_t advisors, bytes;
} ra_advice_stats;
void ra_advice_get_stats(ra_advice *a, ra_advice_stats *out);

#endif
