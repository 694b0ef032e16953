/*
 * The bytes of a request: what an operation and its drawn values become on the wire, signed if asked to.
 *
 * A signature is over the body and the second, so it can't be kept for the next request unless that is the
 * same bytes: operations without placeholders that change are made once a second, all others each time.
 * Ownership: what is given out is the maker's, until the next call. Threads: one each.
 */
#ifndef RA_BENCH_LOADGEN_REQUEST_H
#define RA_BENCH_LOADGEN_REQUEST_H

#include "bench/loadgen/generator.h"
#include "bench/loadgen/target.h"
#include "cache/buf.h"
#include "proxy/sigv4.h"

enum { RA_REQUEST_MAX = 4 * 1024 * 1024, RA_REQUEST_BYTES_MAX = 2 * RA_REQUEST_MAX /* with its headers */ };

typedef struct ra_request_maker {
    const ra_target *target;
    const char *region;
    ra_credentials *credentials; /* borrowed; NULL: nothing is signed */
    ra_signer *signer;
    ra_buf body, lines, bytes;
    const ra_operation *kept; /* whose request, good for this second, is in `bytes` */
    int64_t kept_s;
} ra_request_maker;

/* false: no memory. */
bool ra_request_maker_init(ra_request_maker *m, const ra_target *t, const char *region,
                           ra_credentials *credentials);
void ra_request_maker_free(ra_request_maker *m);
/* Draws the values and makes the request. p is NULL if it can't be made (no memory, or above 4 MiB). */
ra_bytes ra_request_make(ra_request_maker *m, ra_generator *g, const ra_operation *o, int64_t wall_us);
/* The Authorization header of requests that aren't signed: servers that check nothing but its form take it.
 */
bool ra_request_unsigned_line(const char *region, ra_buf *out);

#endif
