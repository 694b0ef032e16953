/*
 * An allocator that can refuse, for the one test program that includes this. `refuse_one_in` is 0 (never),
 * 1 (always) or n (one request in n, at random, the same in every run). Without effect where OWN_ALLOCATOR is
 * defined.
 */
#ifndef RA_TESTS_REFUSING_MALLOC_H
#define RA_TESTS_REFUSING_MALLOC_H

#include "own_allocator.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

__attribute__((unused)) static unsigned refuse_one_in;

#ifndef OWN_ALLOCATOR
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

static uint64_t refusal_random = 7;

static bool refused(void)
{
    if (!refuse_one_in)
        return false;
    refusal_random = refusal_random * 6364136223846793005u + 1442695040888963407u;
    return (refusal_random >> 33) % refuse_one_in == 0;
}

void *malloc(size_t n)
{
    return refused() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return refused() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return refused() ? NULL : __libc_realloc(p, n);
}
#endif

#endif
