/*
 * Hears from Redis which keys change, and tells the near cache: server-assisted client-side caching, in RESP2
 * (Redis's "Client-side caching in Redis"), broadcasting mode, for all keys with our prefix.
 *
 * One connection of its own: CLIENT ID, SUBSCRIBE to __redis__:invalidate, with CLIENT TRACKING ON BCAST
 * PREFIX <prefix> redirected to it. Of a key that is pushed the unit is touched (cache/near.h); a push
 * without keys (FLUSHALL, or tracking lost) touches all, and so does the connection's loss. A PING is sent
 * every `ping` ms; while one that was sent less than `max_silence` ago has been answered, pushes are known to
 * be heard: since a server sends a push before the reply to what is asked after it.
 *
 * Where the server refuses tracking (some managed caches do) that is said once, nothing is ever fresh, and
 * each near hit is validated; it is tried again on each new connection.
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
    ra_near *near;          /* the tracker takes its own reference */
    int64_t ping;           /* ms, > 0 */
    int64_t max_silence;    /* ms, > ping */
    void (*say)(const char *text, bool warning, void *arg); /* what a person should know, once per event */
    void *say_arg;
} ra_redis_tracker_options;

/* Connects in the background. NULL: no memory, or a prefix that is too long. */
ra_redis_tracker *ra_redis_tracker_new(struct event_base *base, const ra_redis_tracker_options *o);
void ra_redis_tracker_free(ra_redis_tracker *t); /* NULL is allowed. Not from one of its callbacks */

enum ra_redis_tracking { RA_TRACKING_DOWN, RA_TRACKING_REFUSED, RA_TRACKING_ON };
enum ra_redis_tracking ra_redis_tracker_state(const ra_redis_tracker *t);

#endif
