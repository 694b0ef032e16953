/*
 * What other TTLs would have done: for one pattern (a table's own policy is one too), from its traffic.
 *
 * For each of RA_ADVISOR_TTLS times to live it plays a cache without limits: a read within the TTL of the
 * entry's last fill is a hit, any other one is a miss that fills it; an invalidation of the entry's unit
 * clears it. The hottest units are followed exactly (Space-Saving: Metwally, Agrawal, El Abbadi 2005, with
 * randomized admission: Ben Basat et al., 2017), of the others a sample by hash, whose counts are scaled to
 * all (spatial sampling: Waldspurger et al., SHARDS, 2015). So every entry of a unit is followed, or none.
 * While there are few units all are followed exactly.
 *
 * Pure: no clock, no I/O. Of a fixed size, at most `max_bytes`. Threads: one at a time.
 */
#ifndef RA_PROXY_ADVISOR_H
#define RA_PROXY_ADVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RA_ADVISOR_TTLS = 25, RA_ADVISOR_BYTES = 1 << 20 };

typedef struct ra_advisor ra_advisor;

/* `current` is the TTL that is in force (ms; 0: none), one of the grid's 25; the others are 24 from 1 s to
 * 24 h. One of more than 12 days is played as 12 days. `seed` makes the sample. NULL: no memory, or
 * `max_bytes` is too little (64 KiB isn't). */
ra_advisor *ra_advisor_new(int64_t current, uint64_t seed, size_t max_bytes);
void ra_advisor_free(ra_advisor *a); /* NULL is allowed */
size_t ra_advisor_bytes(const ra_advisor *a);

typedef struct ra_advisor_read {
    uint64_t unit, entry; /* 64 bits of their digests; an entry's unit is always the same */
    uint32_t bytes;       /* of the entry with what it costs; 0: not known (a miss that filled nothing) */
    uint32_t half_units;  /* what the read upstream costs, in half read units */
    int64_t now;          /* ms, monotonic; never before the last one's by more than a second or so */
} ra_advisor_read;

void ra_advisor_note_read(ra_advisor *a, const ra_advisor_read *r);
/* Something of this unit will be noted: to be said three times, each nearer. It brings what is far away into
 * the processor's caches, and does nothing else. */
enum ra_advisor_soon { RA_ADVISOR_LATER, RA_ADVISOR_SOON, RA_ADVISOR_NEXT };
void ra_advisor_expect(const ra_advisor *a, uint64_t unit, enum ra_advisor_soon soon);
/* By a write through a proxy, or one that a followed stream tells of. */
void ra_advisor_note_invalidation(ra_advisor *a, uint64_t unit, int64_t now);
/* The same of every unit: of the table, or of the index. */
void ra_advisor_note_invalidation_of_all(ra_advisor *a, int64_t now);
/* The TTL in force is another one: the grid's 25th begins anew, with what is known of the nearest one. */
void ra_advisor_set_current(ra_advisor *a, int64_t current);

typedef struct ra_advisor_point {
    int64_t ttl;             /* ms */
    double hit_ratio;        /* of all reads that were noted */
    double bytes;            /* of what would be cached now */
    double half_units_per_s; /* read upstream, over the time observed */
    double stale_age; /* ms: how old a hit is on average; what a write that bypasses the proxy may be hidden
                         for */
} ra_advisor_point;

typedef struct ra_advisor_report {
    uint64_t reads, invalidations;
    int64_t since, until; /* the first and the last thing that was noted; ms */
    double exact;         /* share of the reads that were followed exactly; the others are estimated */
    uint64_t sampled;     /* reads of the sample for these */
    ra_advisor_point points[RA_ADVISOR_TTLS]; /* by TTL, ascending, each once */
    size_t npoints;
    size_t current;     /* index of the one in force; npoints: none is */
    size_t recommended; /* the same one where there is no better or too little is known */
    char reason[256];   /* one sentence; "5m -> 20m: hit ratio 0.83 -> 0.91, saves 41 read units/s, ..." */
} ra_advisor_report;

/* What a recommendation must keep to. */
typedef struct ra_advisor_limits {
    size_t max_bytes; /* what the cache has room for; 0: as much as one likes */
    bool bypassed;    /* writes were seen that bypass the proxies, and nothing tells of them: no longer TTL */
} ra_advisor_limits;

void ra_advisor_get_report(const ra_advisor *a, const ra_advisor_limits *limits, ra_advisor_report *out);

#endif
