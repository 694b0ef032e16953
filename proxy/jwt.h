/*
 * JSON Web Tokens (RFC 7519) as signed by an OpenID provider: RS256 (RFC 7518 section 3.3) and nothing else,
 * by OpenSSL. Pure: the keys and the time are passed in.
 *
 * Checked, in this order: the size (RA_JWT_MAX); three parts of strict base64url without padding; a header
 * that is a JSON object with `alg` "RS256" (whatever the key is), without `crit`, with a `kid`; the
 * signature, by that key alone; claims that are a JSON object without repeated names; `iss` equal to the
 * issuer; `exp` (must be there) and `nbf` and `iat`, if they are there, within max_clock_skew; one of the
 * client ids as `client_id` or among `aud`; `token_use` where the config wants one. Times may have fractions
 * (RFC 7519 section 2).
 *
 * Ownership: claims are tokens over text in the arena given.
 */
#ifndef RA_PROXY_JWT_H
#define RA_PROXY_JWT_H

#include "config/config.h"
#include "proxy/json.h"
#include "proxy/jwks.h"

enum { RA_JWT_MAX = 16 * 1024 };

enum ra_jwt_result {
    RA_JWT_OK,
    RA_JWT_REFUSED,     /* `why` is a static text for the caller: "the token has expired" */
    RA_JWT_UNKNOWN_KEY, /* no such kid among the keys: perhaps they have been renewed */
    RA_JWT_NO_MEMORY
};

/* OK: *claims is the payload, to be freed with ra_json_free; its text is in the arena. */
enum ra_jwt_result ra_jwt_check(ra_bytes token, const ra_config_jwt *c, const ra_jwks *keys, int64_t now_ms,
                                ra_arena *a, ra_json *claims, const char **why);

#endif
