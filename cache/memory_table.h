/*
 * The in-process store's shards as one table, for the files memory_*.c alone: which unit is where, the
 * generations, the sweep, the sums.
 */
#ifndef RA_CACHE_MEMORY_TABLE_H
#define RA_CACHE_MEMORY_TABLE_H

#include "cache/memory_shard.h"

struct ra_memory {
    atomic_uint refs;
    ra_shard_limits limits;
    size_t max_bytes;
    unsigned nshards, shift; /* hash >> shift is the shard's number */
    int64_t quiet_until;
    atomic_size_t markers;
    atomic_uint_fast64_t quiet_bypasses;
    pthread_mutex_t sweep_lock; /* of the sweep's place */
    unsigned sweep_shard;
    uint32_t sweep_unit;
    ra_shard *shards;
    ra_memory_group *groups; /* NULL: not counted */
};

/* The shard of a unit, locked; the caller unlocks it. *hash is for ra_shard_find. */
ra_shard *ra_table_lock(ra_memory *m, const ra_key *unit, uint64_t *hash);
/* A generation that no unit of this process has ever had; never 0. Any thread. */
uint64_t ra_table_draw(void);
void ra_table_stats(ra_memory *m, ra_store_stats *out);

#endif
