#include "cache/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

struct ra_arena_block {
    ra_arena_block *next;
    size_t size; /* of bytes[] */
    size_t used;
    alignas(max_align_t) char bytes[];
};

enum { FIRST_BLOCK = 4096 - (int)sizeof(ra_arena_block), LARGEST_BLOCK = 1 << 20 };

void ra_arena_init(ra_arena *a, size_t cap)
{
    *a = (ra_arena){.cap = cap};
}

void ra_arena_free(ra_arena *a)
{
    for (ra_arena_block *b = a->blocks; b;) {
        ra_arena_block *next = b->next;
        free(b);
        b = next;
    }
    ra_arena_init(a, a->cap);
}

static ra_arena_block *grow(ra_arena *a, size_t n)
{
    size_t size = a->blocks ? a->blocks->size * 2 : FIRST_BLOCK;
    if (size > LARGEST_BLOCK)
        size = LARGEST_BLOCK;
    if (size < n)
        size = n;
    if (size > SIZE_MAX - sizeof(ra_arena_block))
        return NULL;
    ra_arena_block *b = malloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->size = size;
    b->used = 0;
    b->next = a->blocks;
    a->blocks = b;
    return b;
}

void *ra_arena_alloc(ra_arena *a, size_t n)
{
    size_t align = alignof(max_align_t);
    if (n > SIZE_MAX - align)
        return NULL;
    size_t rounded = (n + align - 1) / align * align;
    if (rounded == 0)
        rounded = align; /* every allocation has an address of its own */
    if (rounded > a->cap - a->used)
        return NULL;
    ra_arena_block *b = a->blocks;
    if (!b || rounded > b->size - b->used)
        b = grow(a, rounded);
    if (!b)
        return NULL;
    void *p = b->bytes + b->used;
    b->used += rounded;
    a->used += rounded;
    memset(p, 0, rounded);
    return p;
}

void *ra_arena_array(ra_arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    return ra_arena_alloc(a, count * size);
}

ra_bytes ra_arena_copy(ra_arena *a, ra_bytes s)
{
    char *p = ra_arena_alloc(a, s.n);
    if (!p)
        return (ra_bytes){NULL, 0};
    if (s.n)
        memcpy(p, s.p, s.n);
    return (ra_bytes){p, s.n};
}

char *ra_arena_strdup(ra_arena *a, ra_bytes s)
{
    char *p = s.n < SIZE_MAX ? ra_arena_alloc(a, s.n + 1) : NULL;
    if (p && s.n)
        memcpy(p, s.p, s.n);
    return p;
}
