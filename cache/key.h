/*
 * Cache keys: SHA-256 over length-prefixed parts, never over joined strings, so that no two lists of parts
 * can run together. A part is a 4-byte little-endian length and the bytes.
 *
 * Threads: any. Errors: false when the buffer failed or OpenSSL did; the key is then all zeros and must not
 * be used.
 */
#ifndef RA_CACHE_KEY_H
#define RA_CACHE_KEY_H

#include "cache/buf.h"

#define RA_KEY_BYTES 32

typedef struct ra_key {
    unsigned char b[RA_KEY_BYTES];
} ra_key;

/* Appends one part. */
bool ra_key_part(ra_buf *parts, ra_bytes part);
bool ra_key_part_z(ra_buf *parts, const char *part);
bool ra_key_part_key(ra_buf *parts, const ra_key *part);
/* SHA-256 of the parts. */
bool ra_key_digest(const ra_buf *parts, ra_key *out);

static inline bool ra_key_eq(const ra_key *a, const ra_key *b)
{
    return memcmp(a->b, b->b, RA_KEY_BYTES) == 0;
}

#endif
