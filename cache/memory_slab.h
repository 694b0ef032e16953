/*
 * Records of one size, named by 32-bit references instead of pointers: half the size in every link, no
 * allocator's overhead per record, and the bytes taken are known exactly. Chunks of 64 records; a chunk that
 * has become empty is given back, so that memory moves to payloads when entries grow.
 *
 * Ownership: the slab owns the records. A pointer to a record is good until that record is given back.
 * Errors: reference 0 is none; take returns it when there is no memory. Threads: none; a shard's lock guards
 * it.
 */
#ifndef RA_CACHE_MEMORY_SLAB_H
#define RA_CACHE_MEMORY_SLAB_H

#include "cache/memory_pool.h"

#include <stddef.h>
#include <stdint.h>

enum { RA_SLAB_CHUNK = 64 };
#define RA_SLAB_REF_MAX 0x7fffffffu /* the top bit is free for the user's own */

typedef struct ra_slab_chunk {
    uint64_t live; /* one bit per record */
    uint64_t pad;  /* keeps the records aligned for any type */
    unsigned char records[];
} ra_slab_chunk;

typedef struct ra_slab_slot {
    ra_slab_chunk *chunk; /* NULL: the slot is unused */
    uint32_t prev, next;  /* list of chunks with room, or (next) of unused slots */
} ra_slab_slot;

typedef struct ra_slab {
    size_t record;
    ra_slab_slot *slots; /* slots[0] is never used */
    uint32_t nslots, cap;
    uint32_t unused;  /* list of unused slots */
    uint32_t partial; /* list of chunks with room */
    size_t live;      /* records handed out */
    size_t bytes;     /* allocated, the allocator's overhead included */
} ra_slab;

void ra_slab_init(ra_slab *s, size_t record);
void ra_slab_free(ra_slab *s);
uint32_t ra_slab_take(ra_slab *s); /* zeroed */
void ra_slab_give(ra_slab *s, uint32_t ref);
/* The live record after `ref` in the slab's own order; 0 in, the first; 0 out, no more. */
uint32_t ra_slab_next(const ra_slab *s, uint32_t ref);

static inline void *ra_slab_at(const ra_slab *s, uint32_t ref)
{
    return s->slots[ref / RA_SLAB_CHUNK].chunk->records + (ref % RA_SLAB_CHUNK) * s->record;
}

#endif
