/*
 * What the files verifier*.c share; nobody else includes it:
 *   verifier_headers.c        which of a request's headers mean something here; which ones are signed
 *   verifier_authorization.c  the Authorization header's parts
 *   verifier_date.c           X-Amz-Date and the clock
 *   verifier.c                the order of the checks, the day keys, the signature
 * A function that returns a verdict returns SIGNED where it has nothing to object, else it has set `why`.
 */
#ifndef RA_PROXY_VERIFIER_PARTS_H
#define RA_PROXY_VERIFIER_PARTS_H

#include "proxy/shown.h"
#include "proxy/sigv4.h"
#include "proxy/verifier.h"

#include <stdint.h>

typedef enum ra_verdict_of_signature ra_sign_verdict;

enum { RA_AMZ_DATE_BYTES = 16, RA_AMZ_DAY_BYTES = 8, RA_VERIFIER_SHOWN_MAX = 64 };

/* Formats `why`, which may be cut, and returns `v`. */
ra_sign_verdict ra_verifier_say(ra_sign_verdict v, char why[RA_VERIFIER_WHY_MAX], const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- verifier_headers.c ---- */

/* Views of the request's headers; p NULL: there is no such header. Each of these came at most once. */
typedef struct ra_verifier_headers {
    ra_http_lines all;
    ra_bytes authorization, date, content_hash, token;
    bool must[RA_VERIFIER_HEADERS_MAX]; /* this one must be signed */
} ra_verifier_headers;

ra_sign_verdict ra_verifier_headers_find(ra_http_lines all, ra_verifier_headers *h,
                                         char why[RA_VERIFIER_WHY_MAX]);
/*
 * The headers that `list` ("content-type;host;x-amz-date") names, in its order, in `out`; those of one name
 * in the order in which they came.
 */
ra_sign_verdict ra_verifier_headers_signed(const ra_verifier_headers *h, ra_bytes list,
                                           ra_signed_header out[RA_VERIFIER_HEADERS_MAX], size_t *n,
                                           char why[RA_VERIFIER_WHY_MAX]);

/* ---- verifier_authorization.c ---- */

/* Views of the header's value. */
typedef struct ra_authorization {
    ra_bytes credential, signed_headers, signature;
    ra_bytes id, day, region, service, terminator; /* the credential's */
} ra_authorization;

/* `dated`: whether there is an X-Amz-Date, which is told of together with what the header lacks. */
ra_sign_verdict ra_authorization_read(ra_bytes value, bool dated, ra_authorization *a,
                                      char why[RA_VERIFIER_WHY_MAX]);

/* ---- verifier_date.c ---- */

/* Is it a date ("20150830T123600Z"), and near enough to our clock? *day is its first part. */
ra_sign_verdict ra_verifier_date_check(ra_bytes date, int64_t now_s, int64_t max_skew_ms, ra_bytes *day,
                                       char why[RA_VERIFIER_WHY_MAX]);

#endif
