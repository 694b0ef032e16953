#include "config/pool.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ra_pool_block {
    ra_pool_block *next;
    size_t n;
    alignas(max_align_t) char bytes[];
};

void ra_pool_free(ra_pool *p)
{
    for (ra_pool_block *b = p->blocks; b;) {
        ra_pool_block *next = b->next;
        explicit_bzero(b->bytes, b->n);
        free(b);
        b = next;
    }
    p->blocks = NULL;
}

void *ra_pool_alloc(ra_pool *p, size_t n)
{
    if (n > SIZE_MAX - sizeof(ra_pool_block))
        return NULL;
    ra_pool_block *b = calloc(1, sizeof *b + n);
    if (!b)
        return NULL;
    b->next = p->blocks;
    b->n = n;
    p->blocks = b;
    return b->bytes;
}

void *ra_pool_array(ra_pool *p, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    return ra_pool_alloc(p, count * size);
}

char *ra_pool_strndup(ra_pool *p, const char *s, size_t n)
{
    if (n == SIZE_MAX)
        return NULL;
    char *copy = ra_pool_alloc(p, n + 1);
    if (copy)
        memcpy(copy, s, n);
    return copy;
}

char *ra_pool_strdup(ra_pool *p, const char *s)
{
    return ra_pool_strndup(p, s, strlen(s));
}

char *ra_pool_printf(ra_pool *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        return NULL;
    char *s = ra_pool_alloc(p, (size_t)n + 1);
    if (!s)
        return NULL;
    va_start(args, format);
    vsnprintf(s, (size_t)n + 1, format, args);
    va_end(args);
    return s;
}
