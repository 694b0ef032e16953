/*
 * What stands in Redis, looked at or dropped unit by unit: what an operator's tool needs, never a proxy at
 * work. Calls run an event loop of their own until Redis has answered.
 *
 * Payloads don't travel: of an entry's value a script returns the length and the beginning, where its times
 * and its guards' generations stand. A unit is read in several steps; one that changes meanwhile may be shown
 * with a part of each.
 *
 * Besides what the store needs an ACL must allow HKEYS. Redis 7.0 or later. The process ignores SIGPIPE.
 * Threads: one.
 */
#ifndef RA_CACHE_REDIS_STORE_INSPECT_H
#define RA_CACHE_REDIS_STORE_INSPECT_H

#include "cache/redis_conn.h"
#include "cache/unit_view.h"

enum { RA_REDIS_INSPECT_WHY_MAX = 512 };

typedef struct ra_redis_inspect ra_redis_inspect;

typedef struct ra_redis_inspect_options {
    ra_redis_options redis; /* who and where; loop, callbacks, back-off and queue are its own */
    const char *key_prefix; /* as the store's */
    const char *pact;       /* as the store's: what was cached under another one is never served */
    int64_t timeout;        /* ms, > 0: of each command */
} ra_redis_inspect_options;

/* Begins to connect. NULL: no memory, or a prefix that is too long. */
ra_redis_inspect *ra_redis_inspect_new(const ra_redis_inspect_options *o);
void ra_redis_inspect_free(ra_redis_inspect *r); /* NULL is allowed */
/* What went wrong, for a person; may quote the server. NULL: nothing has so far. Then everything fails. */
const char *ra_redis_inspect_why(const ra_redis_inspect *r);

/* Connected, authenticated, and PING answered: how long each took. */
bool ra_redis_inspect_ping(ra_redis_inspect *r, int64_t *connect_us, int64_t *ping_us);
/* Who answers; "" where it doesn't say. After a call that went well. */
const ra_redis_identity *ra_redis_inspect_identity(const ra_redis_inspect *r);
/* Fills the views. */
bool ra_redis_inspect_units(ra_redis_inspect *r, ra_unit_view *v, size_t n);
/* Drops generation and entries of each, through the protocol's own script. dropped[i]: it had any. */
bool ra_redis_inspect_drop(ra_redis_inspect *r, const ra_key *units, size_t n, bool *dropped);

#endif
