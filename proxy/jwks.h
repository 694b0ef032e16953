/*
 * The keys that an OpenID provider signs with (RFC 7517): a set, and where the current one comes from.
 *
 * A set is immutable and reference-counted; any thread. Of the provider's keys those are taken that are RSA
 * of 2048 to 16384 bits with an odd exponent of at least 3, with a kid, for signatures (`use` absent or
 * "sig", `alg` absent or "RS256", `key_ops` absent or with "verify"); others are passed over, and so are
 * those behind the first RA_JWKS_KEYS_MAX. A kid that two different keys bear names neither. EVP_PKEYs are
 * made once.
 *
 * The source fetches jwks_uri on a background thread: at start, every hour, and when a token names an unknown
 * kid, then at most once a minute (proxy/jwks_pace.h). When it can't be had the last set goes on being used,
 * and the log says so (not more than once a minute).
 */
#ifndef RA_PROXY_JWKS_H
#define RA_PROXY_JWKS_H

#include "config/config.h"
#include "proxy/background.h"

#include "cache/bytes.h"

/* RA_JWKS_MAX bytes are the most that a set's text may have. */
enum { RA_JWKS_MAX = 256 * 1024, RA_JWKS_KEYS_MAX = 64, RA_JWKS_WHY_MAX = 256 };

struct evp_pkey_st;

typedef struct ra_jwks ra_jwks;

/* NULL with *why: it isn't a JWK set, or has no key that can be used. */
ra_jwks *ra_jwks_parse(ra_bytes text, char why[RA_JWKS_WHY_MAX]);
ra_jwks *ra_jwks_ref(ra_jwks *k);
void ra_jwks_unref(ra_jwks *k); /* NULL is allowed */
/* NULL: there is none of that kid. */
struct evp_pkey_st *ra_jwks_find(const ra_jwks *k, ra_bytes kid);

typedef struct ra_jwks_source ra_jwks_source;

/* `c` must outlive it. Begins to fetch. NULL: no memory. */
ra_jwks_source *ra_jwks_source_new(const ra_config_jwt *c);
void ra_jwks_source_free(ra_jwks_source *s); /* nobody may be waiting; NULL is allowed */
/* A reference to the current set; NULL: it could never be had. */
ra_jwks *ra_jwks_source_get(ra_jwks_source *s);
/*
 * A token names a kid that the set doesn't have, or there is no set. true: the keys are being fetched, and
 * `wait` will be woken; then look again. false: they won't be fetched for this, since they were for another
 * such token less than a minute ago, or, where there is no set yet, will be tried again in a few seconds.
 */
bool ra_jwks_source_wait(ra_jwks_source *s, ra_background_wait *wait);
void ra_jwks_source_leave(ra_jwks_source *s, ra_background_wait *wait);

#endif
