/*
 * Are a client's requests signed? AWS Signature Version 4 as a server checks it (AWS General Reference,
 * "Signature Version 4 signing process"; error texts as DynamoDB has them), by the stages of proxy/sigv4.h.
 *
 * What must be so: one Authorization header, of the algorithm AWS4-HMAC-SHA256, with Credential,
 * SignedHeaders and Signature once each; a scope of this day (by X-Amz-Date), this region, the service
 * "dynamodb"; one X-Amz-Date, not further from our clock than max_clock_skew; SignedHeaders in lower case,
 * sorted, each once, all of them there, with `host` and every x-amz-* header but X-Amz-User-Agent;
 * x-amz-content-sha256, if there is one, is the body's; a signature equal, compared in constant time, over
 * the bytes that came. The body's hash is always computed. A presigned URL is no signature here.
 * X-Amz-Security-Token is refused: the file's keys have none. Content-Type needn't be signed: the SDKs for
 * PHP and for JavaScript (version 2) leave it out, and DynamoDB takes that. Host, Authorization, X-Amz-Date,
 * X-Amz-Target and X-Amz-Content-Sha256 may come once only.
 *
 * A request with more than RA_VERIFIER_HEADERS_MAX headers is refused, whatever it holds.
 *
 * The secret's day key is derived once per key, day and region, and kept (RA_VERIFIER_KEYS of them).
 * Threads: a verifier belongs to one loop. Pure but for its cache; the time is passed in.
 */
#ifndef RA_PROXY_VERIFIER_H
#define RA_PROXY_VERIFIER_H

#include "proxy/access_keys.h"
#include "proxy/http_header.h"

enum { RA_VERIFIER_KEYS = 64, RA_VERIFIER_WHY_MAX = 512, RA_VERIFIER_HEADERS_MAX = 100 };

typedef struct ra_verifier ra_verifier;

/* What of a request is signed. Its method is POST and its path "/". */
typedef struct ra_signed_request {
    ra_http_lines headers;
    ra_bytes query; /* as it came, without '?' */
    ra_bytes body;
} ra_signed_request;

enum ra_verdict_of_signature {
    RA_SIGNED,
    RA_UNSIGNED,         /* MissingAuthenticationTokenException: no Authorization header */
    RA_SIGN_INCOMPLETE,  /* IncompleteSignatureException: it can't be read */
    RA_SIGN_UNKNOWN_KEY, /* UnrecognizedClientException */
    RA_SIGN_WRONG, /* InvalidSignatureException: it doesn't match, is too old or of the future, leaves out
                      what must be signed */
    RA_SIGN_NO_MEMORY
};

ra_verifier *ra_verifier_new(const char *region, int64_t max_clock_skew_ms); /* NULL: no memory */
void ra_verifier_free(ra_verifier *v);                                       /* NULL is allowed */

/* With SIGNED *key is whose; else `why` is the error's message. `now_s`: the wall clock in seconds. */
enum ra_verdict_of_signature ra_verifier_check(ra_verifier *v, const ra_access_keys *keys,
                                               const ra_signed_request *r, int64_t now_s,
                                               const ra_access_key **key, char why[RA_VERIFIER_WHY_MAX]);
/* The error's __type, with its namespace. NULL for SIGNED and NO_MEMORY. */
const char *ra_verifier_type(enum ra_verdict_of_signature v);

#endif
