/*
 * The store in Redis: the protocol of cache/store.h over one pipelined connection per event loop, shared by
 * any number of processes. cache/README.md says why it holds; cache/redis_script.h has the steps.
 *
 * Keys: <prefix>ra1:<hex of the unit's digest>. An entry's value carries the generations that its guards had
 * at the token: it is a hit only while they are theirs still.
 *
 * Nothing is asked of a server that is down, sick (the breaker), or new (quarantine): lookups bypass. begin
 * then fails, or, for a write that may go on without (see ra_redis_store_options.may_go_on), remembers the
 * units: their reads bypass on this process until what was missed has been made up for.
 *
 * Threads: one store per loop; ra_redis_shared is shared by all loops of the process.
 */
#ifndef RA_CACHE_REDIS_STORE_H
#define RA_CACHE_REDIS_STORE_H

#include "cache/breaker.h"
#include "cache/redis_conn.h"
#include "cache/seal.h"
#include "cache/store.h"

typedef struct ra_redis_store_options {
    ra_redis_options redis; /* but base, up, down, message and arg, which are the store's own */
    const char *key_prefix;
    const ra_seal_keys *seal; /* must outlive the store */
    int64_t command_timeout;  /* ms: of a lookup, of a begin */
    int64_t quarantine;       /* ms that nothing is served for once the server is another one */
    int64_t
        heartbeat; /* ms between heartbeats; the connection is taken for lost after three without a reply */
    size_t max_entry_bytes;
    unsigned max_unit_entries; /* 0: 1024 */
    /* What a person should know, once per event: static, or good until it returns. */
    void (*say)(const char *text, bool warning, void *arg);
    void *say_arg;
} ra_redis_store_options;

/* Connects in the background. NULL: no memory. */
ra_store *ra_redis_store_new(struct event_base *base, const ra_redis_store_options *o);

/* Is it serving: connected, out of quarantine, its breaker closed? For readiness and tests. */
bool ra_redis_store_serving(ra_store *s);

#endif
