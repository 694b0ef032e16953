/*
 * A bump allocator for what lives as long as one request: nothing in it is freed singly.
 * Ownership: the arena owns all it hands out. Errors: NULL past the cap or without memory. Threads: none.
 */
#ifndef RA_CACHE_ARENA_H
#define RA_CACHE_ARENA_H

#include "cache/bytes.h"

typedef struct ra_arena_block ra_arena_block;

typedef struct ra_arena {
    ra_arena_block *blocks;
    size_t used; /* bytes handed out, blocks' rounding included */
    size_t cap;
} ra_arena;

void ra_arena_init(ra_arena *a, size_t cap);
void ra_arena_free(ra_arena *a); /* frees everything; the arena may be used again */

/* Zeroed, aligned for any type. */
void *ra_arena_alloc(ra_arena *a, size_t n);
/* Array of `count` elements of `size` bytes; NULL on overflow too. */
void *ra_arena_array(ra_arena *a, size_t count, size_t size);
/* A copy of s; p is NULL when there is no memory, never for an empty s. */
ra_bytes ra_arena_copy(ra_arena *a, ra_bytes s);
/* A zero-terminated copy, NULL when there is no memory. */
char *ra_arena_strdup(ra_arena *a, ra_bytes s);

#endif
