/*
 * Memory for what stays: payloads and the in-process store's records. Apart from malloc's heap, on purpose.
 * Blocks of one size side by side need no header and are rounded by little, so that what they cost is known
 * whichever malloc the program has; and they lie in huge pages, where a hit among millions of entries finds
 * its way with fewer steps. With glibc's malloc there is more to it: blocks that live for hours among those
 * that live as long as a request leave a hole each, and it hands out the hole that was left longest ago, so
 * that each of a request's many small blocks is memory that no cache holds.
 *
 * Blocks of one class stand in pieces of 64 KiB, pieces in regions of 2 MiB. A piece that has become
 * empty is any class's again; an empty region goes back to the system, but for one. Blocks that are larger
 * than a piece has good use for are malloc's. Where a sanitizer watches malloc, all are.
 *
 * Ownership: who takes a block gives it back, with the same size. Errors: NULL without memory. Threads: any;
 * a class has a mutex of its own.
 */
#ifndef RA_CACHE_MEMORY_POOL_H
#define RA_CACHE_MEMORY_POOL_H

#include <stddef.h>

enum {
    RA_POOL_PIECE = 64 << 10,
    RA_POOL_HEADER = 64,
    RA_POOL_ROOM = RA_POOL_PIECE - RA_POOL_HEADER,
    RA_POOL_BLOCKS_LEAST = 8, /* in a piece: what doesn't fit so often is malloc's */
    RA_POOL_BLOCK_MAX = RA_POOL_ROOM / RA_POOL_BLOCKS_LEAST / 16 * 16
};

void *ra_pool_take(size_t n); /* aligned to 16; not zeroed */
void ra_pool_give(void *p, size_t n);
/* Of all pieces that are in use in this process; *idle: what of that is in no block. */
size_t ra_pool_bytes(size_t *idle);

/* What malloc(n) costs: glibc keeps 8 bytes in front and rounds to 16. */
static inline size_t ra_memory_cost(size_t n)
{
    return n + 8 < 32 ? 32 : (n + 8 + 15) / 16 * 16;
}

/* What a block costs in a piece that is full: its share of it. */
static inline size_t ra_pool_cost(size_t n)
{
    size_t rounded = n ? (n + 15) / 16 * 16 : 16;
    if (rounded > RA_POOL_BLOCK_MAX)
        return ra_memory_cost(n);
    size_t blocks = RA_POOL_ROOM / rounded;
    return (RA_POOL_PIECE + blocks - 1) / blocks;
}

#endif
