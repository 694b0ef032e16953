/* A view of bytes that somebody else owns. Not NUL-terminated; may hold NULs. */
#ifndef RA_CACHE_BYTES_H
#define RA_CACHE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

typedef struct ra_bytes {
    const char *p;
    size_t n;
} ra_bytes;

#define RA_BYTES(literal) ((ra_bytes){(literal), sizeof(literal) - 1})

static inline ra_bytes ra_bytes_z(const char *zero_terminated)
{
    return (ra_bytes){zero_terminated, zero_terminated ? strlen(zero_terminated) : 0};
}

static inline bool ra_bytes_eq(ra_bytes a, ra_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool ra_bytes_eq_z(ra_bytes a, const char *z)
{
    return ra_bytes_eq(a, ra_bytes_z(z));
}

/* The same whatever the case of ASCII letters: names of headers and media types. */
static inline bool ra_bytes_eq_fold_z(ra_bytes a, const char *z)
{
    return a.n == strlen(z) && (a.n == 0 || strncasecmp(a.p, z, a.n) == 0);
}

#endif
