/*
 * Hears from Redis which keys change, and tells the near cache: server-assisted client-side caching, in RESP2
 * (Redis's "Client-side caching in Redis"), broadcasting mode, for all keys with our prefix.
 *
 * One connection does it, redirecting to itself: CLIENT ID, CLIENT TRACKING ON REDIRECT <itself> BCAST PREFIX
 * <prefix>, and only then SUBSCRIBE __redis__:invalidate, since a subscribed connection takes no CLIENT. Of a
 * key that is pushed the unit is touched (cache/near.h); other keys with the prefix are no unit's. A push
 * without keys (FLUSHALL) touches all, and so do a new subscription, a refusal, and the connection's loss. So
 * does a push past the caps of cache/redis_reader.h (RA_REDIS_ELEMENTS_MAX keys), which breaks the
 * connection.
 *
 * A PING is sent every `ping` ms, one at a time. Once it is answered pushes are known to be heard until
 * `max_silence` after it was *sent*: what had changed before then was pushed before the answer. (A server
 * pushes once per turn of its loop, behind the replies to what it read in that turn. What it had carried out
 * before a PING was sent is of an earlier turn, as long as the PING is all that this connection has sent.) A
 * connection whose PING isn't answered for `max_silence` is given up.
 *
 * Where the server refuses one of these commands (some managed caches, some ACLs), or doesn't tell who it is,
 * that is said once and nothing is ever fresh, so that each near hit is validated. It is tried again on each
 * new connection; this one stays, and is asked no more than PING, by which its loss is found out. What is
 * refused for now (by a server that is loading its data, or busy with a script) counts as such until it is
 * answered, and is asked again with each tick.
 *
 * A user of Redis who may do just this: &__redis__:invalidate +client|id +client|tracking +subscribe +ping
 * +info (and +client|setname, +select). Keys need not be named: pushes are of all users' keys.
 *
 * Threads: its loop's. One per process is enough.
 */
#ifndef RA_CACHE_REDIS_TRACKER_H
#define RA_CACHE_REDIS_TRACKER_H

#include "cache/near.h"
#include "cache/redis_conn.h"

typedef struct ra_redis_tracker ra_redis_tracker;

typedef struct ra_redis_tracker_options {
    ra_redis_options redis; /* but base, up, down, message, arg and dead_after, which are the tracker's own */
    const char *key_prefix; /* as the store's: keys begin with <key_prefix>ra1: */
    const char *pact;       /* as the store's, for its epoch; NULL: none */
    ra_near *near;          /* the tracker takes its own reference */
    int64_t ping;           /* ms, > 0 */
    int64_t max_silence;    /* ms, > ping */
    /* What a person should know, once per event: good until it returns. NULL: nobody wants to know. */
    void (*say)(const char *text, bool warning, void *arg);
    void *say_arg;
} ra_redis_tracker_options;

/* Connects in the background. NULL: no memory, or a prefix or a pact that is too long. No callback runs
 * before it has returned. */
ra_redis_tracker *ra_redis_tracker_new(struct event_base *base, const ra_redis_tracker_options *o);
/* Nothing is fresh afterwards. NULL is allowed. Not from one of its callbacks. */
void ra_redis_tracker_free(ra_redis_tracker *t);

enum ra_redis_tracking {
    RA_TRACKING_DOWN, /* no connection, or one whose PING hasn't been answered yet */
    RA_TRACKING_REFUSED,
    RA_TRACKING_ON
};
enum ra_redis_tracking ra_redis_tracker_state(const ra_redis_tracker *t);

#endif
