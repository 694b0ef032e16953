/*
 * The owner of everything in a configuration: what is allocated here is freed at once, never singly, and
 * wiped: there may be secrets among it.
 * Errors: NULL without memory or on overflow. Threads: none.
 */
#ifndef RA_CONFIG_POOL_H
#define RA_CONFIG_POOL_H

#include <stddef.h>

typedef struct ra_pool_block ra_pool_block;

typedef struct ra_pool {
    ra_pool_block *blocks; /* zero: an empty pool */
} ra_pool;

void ra_pool_free(ra_pool *p); /* frees all it handed out; the pool may be used again */

/* Zeroed, aligned for any type. */
void *ra_pool_alloc(ra_pool *p, size_t n);
/* Array of `count` elements of `size` bytes, zeroed. */
void *ra_pool_array(ra_pool *p, size_t count, size_t size);
/* A zero-terminated copy of n bytes. */
char *ra_pool_strndup(ra_pool *p, const char *s, size_t n);
char *ra_pool_strdup(ra_pool *p, const char *s);
char *ra_pool_printf(ra_pool *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
