/*
 * The in-process store: one table shared by all loops, sharded by unit, a short mutex per shard.
 *
 * Bounded in bytes, overhead included: payload, entry, unit and table slots are all counted at what they cost
 * (RA_MEMORY_ENTRY_OVERHEAD and RA_MEMORY_UNIT_OVERHEAD are printed in cache/README.md and checked by a
 * test). Eviction is S3-FIFO (Yang et al., SOSP 2023): a small and a main FIFO and a ghost list, so that one
 * scan of keys read once doesn't push out what is read often. Markers are never evicted; past `max_markers`
 * begin fails, and the write is refused rather than left unmarked. Units of tables and indexes (guards) are
 * never evicted.
 *
 * Ownership: ra_memory_ref/_unref count the shared table; each ra_store made from it holds one reference.
 * Threads: ra_memory is shared by all; an ra_store belongs to its loop.
 */
#ifndef RA_CACHE_MEMORY_STORE_H
#define RA_CACHE_MEMORY_STORE_H

#include "cache/store.h"

typedef struct ra_memory ra_memory;

typedef struct ra_memory_options {
    size_t max_bytes;          /* of the whole table; 0: nothing is stored, markers and tokens still work */
    size_t max_entry_bytes;    /* a larger body isn't stored */
    unsigned max_unit_entries; /* entries in one unit; at the cap the unit's oldest is dropped; 0: 1024 */
    size_t max_markers;        /* 0: 1,048,576 */
    unsigned shards;     /* power of two; 0: chosen from max_bytes (at least 16 MiB a shard), at most 64 */
    int64_t quiet_until; /* lookups before this `now` bypass ("unclean-start"); 0: none */
} ra_memory_options;

ra_memory *ra_memory_new(const ra_memory_options *o); /* NULL without memory */
ra_memory *ra_memory_ref(ra_memory *m);
void ra_memory_unref(ra_memory *m);

/* A store for one loop over the shared table. */
ra_store *ra_memory_store_new(ra_memory *m);

/* Removes markers and entries that are past their time; called by a timer, looks at a bounded number. */
void ra_memory_sweep(ra_memory *m, int64_t now, size_t most);
/* Live markers at `now`: a clean exit leaves none. */
size_t ra_memory_markers(ra_memory *m, int64_t now);

#endif
