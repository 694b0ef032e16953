/*
 * The advisor's insides, for its own files.
 *
 * A *unit* is followed if it is in the head (`promotion` isn't 0) or in the sample (`sampled`); then its
 * entries have a record each. It may also be a mere candidate for the head: counted, without entries.
 *
 * Two strata. A read belongs to the head if its unit was in the head before it and what the entry's caches
 * hold is known; every other one belongs to the tail, whose sampled reads stand for all of it. Which of the
 * two never depends on whether the unit is sampled: otherwise the sample wouldn't be one. So a read of a unit
 * that has only just come into the head, of which nobody knows what was cached, is one of the tail's.
 *
 * Times are the low 32 bits of the caller's ms; ra_advisor_sweep keeps every age below 2^32.
 */
#ifndef RA_PROXY_ADVISOR_PARTS_H
#define RA_PROXY_ADVISOR_PARTS_H

#include "proxy/advisor.h"

enum {
    RA_ADVISOR_GRID = RA_ADVISOR_TTLS - 1, /* the fixed ones; the last is the one in force */
    RA_ADVISOR_CURRENT = RA_ADVISOR_GRID,
    RA_ADVISOR_PROBATION = 4,        /* reads of a candidate that make it one of the head */
    RA_ADVISOR_PLAYED_MAX = 1 << 30, /* ms; no TTL is played longer */
    RA_ADVISOR_UNIT_ENTRIES = 1024   /* of one unit; more take turns in one record */
};

#define RA_ADVISOR_NONE UINT32_MAX
/* An age that is past every TTL, and far from where ages begin anew. */
#define RA_ADVISOR_LONG_AGO (UINT32_C(1) << 31)

extern const uint32_t ra_advisor_grid[RA_ADVISOR_GRID];

typedef struct ra_advisor_entry {
    uint64_t name; /* of unit and entry */
    uint32_t next_in_bucket;
    uint32_t next_of_unit;
    uint32_t bytes;
    uint32_t epoch;     /* its unit's when it was read last; another one: it has been cleared since */
    uint32_t promotion; /* its unit's when it was read last */
    uint32_t fill[RA_ADVISOR_TTLS];
} ra_advisor_entry;

typedef struct ra_advisor_unit {
    uint64_t name;
    uint32_t next_in_bucket;
    uint32_t first; /* entry */
    uint32_t nentries;
    uint32_t slot;  /* in the heap of candidates; NONE: it is in the sample only */
    uint32_t count; /* Space-Saving's */
    uint32_t seen;  /* reads since it became a candidate */
    uint32_t came;  /* when it became one */
    uint32_t epoch;
    uint32_t cleared;   /* the advisor's when it was looked at last */
    uint32_t promotion; /* 0: not in the head; else a number that no other promotion has */
    bool complete;      /* in the head, and nothing of it is cached but what has a record */
    bool sampled;
} ra_advisor_unit;

/* What would have been of some reads. */
typedef struct ra_advisor_counts {
    uint64_t reads, cost; /* of all of them; half units */
    uint64_t hits[RA_ADVISOR_TTLS];
    uint64_t spared[RA_ADVISOR_TTLS]; /* half units */
    uint64_t age[RA_ADVISOR_TTLS];    /* ms, of the hits, added up */
} ra_advisor_counts;

/* The same of the sample, each read weighted by how many it stands for. */
typedef struct ra_advisor_weighted {
    double reads, cost, hits[RA_ADVISOR_TTLS], spared[RA_ADVISOR_TTLS], age[RA_ADVISOR_TTLS];
} ra_advisor_weighted;

struct ra_advisor {
    ra_advisor_counts head, sample; /* `sample`: since its threshold changed last */
    ra_advisor_weighted before;     /* of the sample, until then */
    uint64_t sampled_before;        /* reads of it */
    uint64_t threshold;             /* units whose hash isn't above it are sampled */
    uint64_t tail_reads, tail_cost; /* of the whole tail */
    uint64_t reads, invalidations;
    int64_t since, until, swept;
    int64_t current;
    uint64_t seed, random;
    uint64_t until_halved;
    size_t bytes;

    uint32_t *heap;  /* candidates, least count first */
    uint64_t *ranks; /* as many; for a while only */
    uint32_t *unit_bucket;
    ra_advisor_unit *units;
    uint32_t *entry_bucket;
    ra_advisor_entry *entries;

    uint32_t nheap, heap_max;
    uint32_t nunits, units_max, unit_buckets, free_unit;
    uint32_t entries_max, entry_buckets, free_entry;
    uint32_t sampled_entries, head_entries; /* of sampled units; of others. Each at most half */
    uint32_t cleared;                       /* invalidations of all */
    uint32_t promotions;                    /* so far */
    uint32_t floor;                         /* candidates whose count isn't above it aren't promoted */
    uint32_t ttl[RA_ADVISOR_TTLS];          /* as played */
    bool begun;
    bool missed_any; /* some unit was refused as a candidate, or is one no more */
};

uint64_t ra_advisor_mix(uint64_t x);
double ra_advisor_random(ra_advisor *a); /* [0, 1) */

/* advisor_units.c: records and what is made free */
ra_advisor_unit *ra_advisor_unit_find(ra_advisor *a, uint64_t name);
ra_advisor_unit *ra_advisor_unit_make(ra_advisor *a, uint64_t name); /* there is always room */
/* If neither a candidate nor in the sample any more. */
void ra_advisor_unit_drop_idle(ra_advisor *a, ra_advisor_unit *u);
void ra_advisor_unit_drop_entries(ra_advisor *a, ra_advisor_unit *u);
bool ra_advisor_is_sampled(const ra_advisor *a, uint64_t unit);
ra_advisor_entry *ra_advisor_entry_find(ra_advisor *a, const ra_advisor_unit *u, uint64_t entry);
/* Cold: no cache holds it. There must be room. */
ra_advisor_entry *ra_advisor_entry_make(ra_advisor *a, ra_advisor_unit *u, uint64_t entry, uint32_t now);
void ra_advisor_entry_clear(ra_advisor_entry *e, uint32_t now);
/* `at` is the link that leads to it among the unit's. */
void ra_advisor_entry_drop(ra_advisor *a, ra_advisor_unit *u, uint32_t *at);

/* advisor_room.c */
/* Room for one more entry of either kind. Units may leave the sample or the head for it. */
void ra_advisor_make_room(ra_advisor *a, bool sampled, uint32_t now);
/* Drops entries that no cache holds; to be called at least every 2^30 ms. */
void ra_advisor_sweep(ra_advisor *a, uint32_t now);
void ra_advisor_fold(ra_advisor *a); /* `sample` into `before` */
double ra_advisor_weight(const ra_advisor *a);

/* advisor_heavy.c: who is hot. A unit, NULL if this one isn't known. */
ra_advisor_unit *ra_advisor_heavy_count(ra_advisor *a, ra_advisor_unit *u, uint64_t name, uint32_t now);
void ra_advisor_heavy_demote(ra_advisor *a, uint32_t entries); /* until this many are left at most */

/* advisor_recommend.c */
void ra_advisor_recommend(ra_advisor_report *r, const ra_advisor_limits *limits);

#endif
