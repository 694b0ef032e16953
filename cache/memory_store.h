/*
 * The in-process store: one table shared by all loops, sharded by unit, a short mutex per shard.
 *
 * Bounded in bytes, overhead included: payloads, records, table, the allocator's rounding (cache/README.md
 * has the numbers, a test checks them against the allocator). Eviction is S3-FIFO (Yang et al., SOSP 2023): a
 * small and a main FIFO and a ghost list, so that one scan of keys read once doesn't push out what is read
 * often. Markers are never evicted; past `max_markers` begin fails, and the write is refused rather than left
 * unmarked. Units of tables and indexes (guards) are never evicted. Units that hold nothing but a generation,
 * for reads under way, are kept in a bounded FIFO: a flood of misses can't fill the memory.
 *
 * Ownership: ra_memory_ref/_unref count the shared table; each ra_store made from it holds one reference.
 * Threads: ra_memory is shared by all; an ra_store belongs to its loop.
 */
#ifndef RA_CACHE_MEMORY_STORE_H
#define RA_CACHE_MEMORY_STORE_H

#include "cache/store.h"

/* Bytes that bookkeeping costs beyond the payload: a unit with its first entry, each further entry of a unit.
 * The 64 or 32 bytes of their digests are in it. */
enum { RA_MEMORY_UNIT_OVERHEAD = 112 + 4, RA_MEMORY_ENTRY_OVERHEAD = 80 + 4 };

typedef struct ra_memory ra_memory;

typedef struct ra_memory_options {
    size_t max_bytes;       /* of the whole table; 0: nothing is stored, markers and tokens still work */
    size_t max_entry_bytes; /* a larger body isn't stored */
    unsigned
        max_unit_entries; /* entries in one unit; at the cap its oldest is dropped; 0: 1024; at most 65,535 */
    size_t max_markers;   /* 0: 1,048,576 */
    unsigned shards;      /* power of two; 0: chosen from max_bytes (at least 16 MiB a shard), at most 64 */
    bool groups;          /* count what is held by ra_fill's `group` */
    int64_t quiet_until;  /* lookups before this `now` bypass ("unclean-start"); 0: none */
} ra_memory_options;

ra_memory *ra_memory_new(const ra_memory_options *o); /* NULL without memory */
ra_memory *ra_memory_ref(ra_memory *m);
void ra_memory_unref(ra_memory *m);

/* A store for one loop over the shared table. */
ra_store *ra_memory_store_new(ra_memory *m);

/* Removes markers and entries that are past their time; called by a timer, looks at `most` units and entries
 * and goes on from there the next time. */
void ra_memory_sweep(ra_memory *m, int64_t now, size_t most);
/* What is held of one group: entries, and bytes with what they cost beyond their payloads. Any thread. */
void ra_memory_get_group(ra_memory *m, unsigned group, size_t *entries, size_t *bytes);
/* Live markers at `now` of writes that haven't ended (one that only settles has): a clean exit leaves none.
 */
size_t ra_memory_markers(ra_memory *m, int64_t now);

#endif
