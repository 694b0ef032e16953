/*
 * What an entry holds: one reply's body and what must be known of it, immutable and reference-counted, so
 * that a hit is served by reference. Network stores send `filled_ms`, `crc32`, `meta` and the body as they
 * are.
 *
 * Ownership: _new gives one reference; _ref and _unref from any thread.
 */
#ifndef RA_CACHE_PAYLOAD_H
#define RA_CACHE_PAYLOAD_H

#include "cache/bytes.h"

#include <stdatomic.h>
#include <stdint.h>

typedef struct ra_payload {
    atomic_uint refs;
    uint32_t crc32;    /* CRC-32 of the body (what x-amz-crc32 says) */
    uint32_t meta;     /* the front end's own; the stores keep it and don't look */
    uint32_t len;      /* of the body */
    int64_t filled_ms; /* wall clock, ms since the epoch, when the reply was asked for upstream */
    char body[];
} ra_payload;

/* Copies `body`, whose length must be below 4 GiB. NULL without memory. */
ra_payload *ra_payload_new(ra_bytes body, uint32_t crc32, uint32_t meta, int64_t filled_ms);
ra_payload *ra_payload_ref(ra_payload *p);
void ra_payload_unref(ra_payload *p); /* NULL is allowed */

#endif
