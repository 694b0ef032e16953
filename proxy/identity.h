/*
 * Who calls a route: nobody known, the subject of a token, or whom a trusted back end names.
 *
 * Ownership: all is in the request's arena, but the claims' tokens: ra_identity_free. Threads: the loop's.
 */
#ifndef RA_PROXY_IDENTITY_H
#define RA_PROXY_IDENTITY_H

#include "config/config.h"
#include "proxy/http_header.h"
#include "proxy/json.h"
#include "proxy/jwks.h"

typedef struct ra_identity {
    enum ra_caller caller;            /* ANYONE: nobody known */
    ra_json claims;                   /* JWT: the payload's tokens */
    const ra_config_backend *backend; /* BACKEND: which claim is in which header */
    ra_http_lines headers;            /* BACKEND: copies */
} ra_identity;

enum ra_identity_step {
    RA_IDENTITY_FOUND,
    RA_IDENTITY_REFUSED,     /* what was shown is wrong: 401, `why` is for the caller */
    RA_IDENTITY_UNKNOWN_KEY, /* the token's key isn't in the set: see ra_jwks_source_wait */
    RA_IDENTITY_NO_MEMORY
};

#define RA_BACKEND_SECRET_HEADER "X-Readaside-Secret"

/*
 * From the headers: X-Readaside-Secret (once; compared in constant time) makes a back end, else
 * "Authorization: Bearer TOKEN" (once) a token's subject, else nobody. Both together are refused, and so is
 * either header twice. Where the config takes no tokens, or trusts no back end, showing one is refused: it
 * must not be taken for proof by anybody. Other schemes of Authorization, such as a signature for the wire
 * API, are nobody's. `keys` may be NULL.
 */
enum ra_identity_step ra_identity_find(const ra_config_auth *c, const ra_jwks *keys, ra_http_lines headers,
                                       int64_t now_ms, ra_arena *a, ra_identity *out, const char **why);
void ra_identity_free(ra_identity *i);

enum ra_claim_result { RA_CLAIM_THERE, RA_CLAIM_ABSENT, RA_CLAIM_UNUSABLE, RA_CLAIM_NO_MEMORY };

/*
 * A claim's value: a string, or a number's text. ABSENT: none, null, blank. UNUSABLE: an array, an object, a
 * boolean; a header given twice or not UTF-8; control characters.
 */
enum ra_claim_result ra_identity_claim(const ra_identity *i, const char *name, ra_arena *a, ra_bytes *value);

#endif
