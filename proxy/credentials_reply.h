/*
 * What endpoints and programs answer with: JSON with AccessKeyId, SecretAccessKey, a token and an expiry. And
 * times as AWS writes them. Pure but for `why`. Nothing of a text is ever repeated in a message, but a short
 * error code.
 */
#ifndef RA_PROXY_CREDENTIALS_REPLY_H
#define RA_PROXY_CREDENTIALS_REPLY_H

#include "cache/bytes.h"
#include "proxy/credentials.h"

enum { RA_REPLY_WHY_MAX = 192, RA_ERROR_CODE_MAX = 65 };

typedef struct ra_reply_shape {
    const char *token; /* the member's name: "Token", "SessionToken" */
    bool temporary;    /* token and expiry must be there */
    bool code;         /* a member "Code", where there is one, must say "Success" */
    bool version;      /* a member "Version" must be 1 */
    const char *source;
} ra_reply_shape;

/* `now_ms` by the wall clock: what has expired already is refused. NULL: why says why. */
ra_credentials *ra_credentials_parse(ra_bytes json, const ra_reply_shape *shape, int64_t now_ms,
                                     char why[RA_REPLY_WHY_MAX]);
/* The same from the parts. `expires` is RFC 3339, or NULL: never. */
ra_credentials *ra_credentials_make(const char *id, const char *secret, const char *token,
                                    const char *expires, int64_t now_ms, const char *source,
                                    char why[RA_REPLY_WHY_MAX]);
/* "2026-05-04T03:02:01Z" (also with a fraction, or "+hh:mm"): ms since the epoch. false: it is no such time,
 * or not one of the years 1970 to 9999. */
bool ra_credentials_time(ra_bytes s, int64_t *ms);
/* An error code as AWS has them: up to 64 letters, digits, '.', '_', '-'. false: it is none. */
bool ra_error_code(ra_bytes s, char out[RA_ERROR_CODE_MAX]);

#endif
