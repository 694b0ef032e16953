/*
 * A hash table of 32-bit references by linear hashing (Litwin, VLDB 1980): it grows one bucket per insertion,
 * so there is never a moment at which all is rehashed under a lock. The chain's links and the hashes are the
 * records' own.
 *
 * Errors: without memory it doesn't grow; chains get longer, nothing fails. Threads: a shard's lock guards
 * it.
 */
#ifndef RA_CACHE_MEMORY_INDEX_H
#define RA_CACHE_MEMORY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RA_INDEX_SEGMENT = 256 };

typedef struct ra_index_nodes {
    uint32_t *(*link)(void *table, uint32_t ref); /* where the reference of the next in the chain is kept */
    uint64_t (*hash)(void *table, uint32_t ref);
} ra_index_nodes;

typedef struct ra_index {
    const ra_index_nodes *nodes;
    void *table;
    uint32_t **segments;
    size_t nsegments, cap;
    size_t buckets; /* in use: low <= buckets < 2 * low */
    size_t low;     /* a power of two */
    size_t count;
    size_t bytes; /* allocated, the allocator's overhead included */
} ra_index;

bool ra_index_init(ra_index *x, const ra_index_nodes *nodes, void *table);
void ra_index_free(ra_index *x);
void ra_index_insert(ra_index *x, uint32_t ref);
void ra_index_remove(ra_index *x, uint32_t ref); /* it must be in */

/* The head of the chain that a record with this hash is in. */
static inline uint32_t *ra_index_chain(const ra_index *x, uint64_t hash)
{
    size_t b = hash & (2 * x->low - 1);
    if (b >= x->buckets)
        b &= x->low - 1;
    return &x->segments[b / RA_INDEX_SEGMENT][b % RA_INDEX_SEGMENT];
}

#endif
