/*
 * The store in Redis: the protocol of cache/store.h over one pipelined connection per event loop, shared by
 * any number of processes. cache/README.md says why it holds; cache/redis_script.h has the steps.
 *
 * Keys: <prefix>ra1:<hex of the unit's digest>. An entry's value carries the generations that its guards had
 * at the token: it is a hit only while they are theirs still.
 *
 * Nothing is served from a server that is down, sick (the breaker), silent (no heartbeat, which is a write:
 * a master that has been cut off takes none), or new (quarantine): lookups bypass. A connection is used only
 * once every marker of this process is set on it again, and every end that wasn't acknowledged is.
 *
 * What has begun is remembered until its end is acknowledged, and what was invalidated until that is: so long
 * reads of the unit bypass on all stores that share an ra_redis_shared, and what Redis hasn't acknowledged is
 * sent again, at each heartbeat and on each new connection.
 *
 * A server is used only if it can do all that the store needs, which is tried at each greeting, and if all
 * stores on it and on this prefix rest on the same promises (`pact`). One that is refused is asked again at
 * each heartbeat.
 *
 * begin fails, and sends nothing, unless the server is there and out of quarantine: in quarantine others may
 * still be served by the old master, which would never hear of the write. A writer that sends the write all
 * the same calls ra_redis_store_go_on first, and promises others nothing.
 *
 * Clock: `now` is CLOCK_MONOTONIC in ms; deadlines in Redis are by Redis's own. Threads: one store per loop.
 * A store isn't freed from one of its callbacks.
 */
#ifndef RA_CACHE_REDIS_STORE_H
#define RA_CACHE_REDIS_STORE_H

#include "cache/breaker.h"
#include "cache/near.h"
#include "cache/redis_conn.h"
#include "cache/seal.h"
#include "cache/store.h"

/*
 * What all loops of a process know together: which units have a write of this process under way, or one that
 * Redis hasn't been told of. Threads: any.
 */
typedef struct ra_redis_shared ra_redis_shared;
/* `near`: the near cache in front of all of them, of which it takes a reference; NULL: none. What is written
 * here is touched in it. NULL: no memory. One reference. */
ra_redis_shared *ra_redis_shared_new(ra_near *near);
ra_redis_shared *ra_redis_shared_ref(ra_redis_shared *s);
void ra_redis_shared_unref(ra_redis_shared *s); /* NULL is allowed */

typedef struct ra_redis_store_options {
    ra_redis_options redis;   /* but base, up, down, message, arg and dead_after, which are the store's own */
    const char *key_prefix;   /* at most 150 bytes */
    const ra_seal_keys *seal; /* must outlive the store */
    ra_redis_shared *shared;  /* the store takes its own reference; NULL: the store is alone */
    int64_t command_timeout;  /* ms: of each round of a lookup, of a begin; > 0 */
    int64_t quarantine;       /* ms that nothing is served for once the server is another one */
    int64_t heartbeat;        /* ms between heartbeats, > 0; the connection is taken for lost after three
                               * without a reply */
    size_t max_entry_bytes;
    unsigned max_unit_entries; /* 0: 1024 */
    bool
        linearizable; /* a table is: a server that may evict markers, or doesn't tell who it is, is refused */
    bool sweeps;      /* removes the expired markers that nobody reads: one store of a process should */
    const char *pact; /* what must be the same in all stores on this server and prefix, for what one promises
                       * rests on the others: at most 32 characters; NULL: "" */
    size_t max_markers; /* that are remembered, of 150 bytes each; past it begin fails. 0: 262144 */
    /* What a person should know, once per event: good until it returns. */
    void (*say)(const char *text, bool warning, void *arg);
    void *say_arg;
} ra_redis_store_options;

/* Connects in the background. NULL: no memory, or a prefix or a pact that is too long. */
ra_store *ra_redis_store_new(struct event_base *base, const ra_redis_store_options *o);

enum ra_redis_health {
    RA_REDIS_DOWN,       /* no connection, or one to a server that can't be used */
    RA_REDIS_GREETING,   /* connected; markers are being set again */
    RA_REDIS_QUARANTINE, /* the server is another one than before */
    RA_REDIS_SILENT,     /* its last heartbeats failed */
    RA_REDIS_BREAKER,    /* too slow, or fails */
    RA_REDIS_SERVING
};
/* For readiness and for messages. */
enum ra_redis_health ra_redis_store_health(ra_store *s, int64_t now);

/*
 * The write is going to be sent, or has been, although begin has failed: from here on it is remembered as if
 * it had begun, whatever the store's health. Reads of its units bypass on all stores that share an
 * ra_redis_shared; its marker is set as soon as the server takes one; its end drops what others have filled
 * meanwhile, and is sent on each new connection until it is acknowledged.
 *
 * To the other processes such a write promises nothing until they have lost the server too, or this one has
 * told it: until then they may serve what the write has overwritten, at most up to the TTL.
 *
 * false: there is no room to remember it. What has been remembered by then is for the caller to end.
 */
bool ra_redis_store_go_on(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                          int64_t hold);

/* Are ends on their way whose acknowledgement is awaited? Each is for at most command_timeout; one that has
 * taken longer is sent again, and isn't awaited. */
bool ra_redis_store_ending(ra_store *s);

/* Who the server is, as of the newest connection; "" before the first. */
const ra_redis_identity *ra_redis_store_identity(ra_store *s);

/* Why the server, or the newest one that answered, isn't used, if that lasts until somebody changes something
 * there or here; else NULL. Good until the loop turns. */
const char *ra_redis_store_refusal(ra_store *s);

typedef struct ra_redis_store_counts {
    uint64_t connections;     /* that were greeted to the end */
    uint64_t foreign;         /* entries that didn't open: another version's, or an unknown key */
    uint64_t damaged;         /* those that were truncated, forged, swapped */
    uint64_t scripts_resent;  /* the server had forgotten a script */
    uint64_t markers_refused; /* there was no room to remember one */
} ra_redis_store_counts;
void ra_redis_store_get_counts(ra_store *s, ra_redis_store_counts *out);

#endif
