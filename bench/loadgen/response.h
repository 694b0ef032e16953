/*
 * Reading one HTTP/1.1 response as it comes, in whatever pieces: the status, the few headers that matter, and
 * where the body ends. Bodies are counted, not kept; of an error's, the beginning is, for its type.
 *
 * Strict: what two readers could understand differently (two lengths, a length and chunks, lines without CR,
 * white space before a header's colon) is refused, since the rest of the connection couldn't be trusted.
 * Bounds: a line of 8 KiB, a head of 64 KiB. Pure; any thread. Errors: RA_RESPONSE_BAD, and `why`.
 */
#ifndef RA_BENCH_LOADGEN_RESPONSE_H
#define RA_BENCH_LOADGEN_RESPONSE_H

#include "cache/bytes.h"

#include <stdint.h>

enum { RA_RESPONSE_LINE_MAX = 8192, RA_RESPONSE_HEAD_MAX = 65536, RA_RESPONSE_KEPT_MAX = 512 };

enum ra_response_step { RA_RESPONSE_MORE, RA_RESPONSE_DONE, RA_RESPONSE_BAD };

/* What X-Cache says, this proxy's words and nginx's. */
enum ra_response_cache { RA_CACHE_UNSAID, RA_CACHE_HIT, RA_CACHE_MISS, RA_CACHE_STALE, RA_CACHE_BYPASS };

typedef struct ra_response {
    int status; /* 0: not known yet */
    enum ra_response_cache cache;
    bool collapsed;  /* Cache-Status says that it waited for another's upstream read */
    bool keep_alive; /* the connection may be used again after it */
    uint64_t body;   /* bytes, chunks' framing not counted */
    const char *why; /* BAD: a static text */
    char kept[RA_RESPONSE_KEPT_MAX];
    size_t nkept; /* of the body, if status >= 400 */
    /* the reader's own */
    int state;
    bool head, has_length, chunked, minor_zero;
    uint64_t left; /* of the body or the chunk */
    size_t head_bytes;
    size_t nline;
    char line[RA_RESPONSE_LINE_MAX]; /* a line whose end hasn't come */
} ra_response;

/* `head`: the request's method is HEAD, so there is no body. */
void ra_response_begin(ra_response *r, bool head);
/* Reads from p; *used says how much of it belongs to this response (all of it, with MORE). */
enum ra_response_step ra_response_feed(ra_response *r, const char *p, size_t n, size_t *used);
/* The peer has closed: DONE if that is how this body ends, else BAD. */
enum ra_response_step ra_response_eof(ra_response *r);
/*
 * The error's type as DynamoDB names it, without its namespace: "ThrottlingException". Empty if there is
 * none. A view of `kept`.
 */
ra_bytes ra_response_error_type(const ra_response *r);

#endif
