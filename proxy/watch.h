/*
 * What is to be seen of a running server, gathered on the admin listener's thread: a share of each loop, for
 * what only its thread knows (a store belongs to its loop), and what latencies were in the last seconds.
 *
 * Each loop is asked by a letter, adds up its own, and the last one tells the listener's loop. They are asked
 * once a second, and by whoever wants it fresh: since a loop answers between two requests, whatever a client
 * has been told by then is counted. Threads: the listener's, but for new and free.
 */
#ifndef RA_PROXY_WATCH_H
#define RA_PROXY_WATCH_H

#include "cache/momento_store.h"
#include "proxy/admin.h"
#include "proxy/metrics.h"

/* As of when it was last asked; the store's counters have grown since. */
typedef struct ra_loop_share {
    ra_store_stats stats;
    ra_redis_store_counts redis;
    ra_momento_store_counts momento;
    const char *health; /* of the loop's store: one of ra_watch_healths */
    bool reachable;     /* is it as good as it gets, or about to be? */
} ra_loop_share;

typedef struct ra_watch ra_watch;
struct ra_money; /* proxy/money.h */

/* NULL: no memory. */
ra_watch *ra_watch_new(ra_admin *a, struct event_base *base);
void ra_watch_free(ra_watch *w); /* NULL is allowed */
/* Asks no more by itself; what is asked already comes. */
void ra_watch_stop(ra_watch *w);

/* Asks all loops; when all have answered `answer` runs, which replies to the request: not before this has
 * returned, and before the listener ends. Where there is no memory that is replied at once. */
void ra_watch_answer(ra_admin *a, struct evhttp_request *r,
                     void (*answer)(ra_admin *a, struct evhttp_request *r));
/* As of the last time: *n of them. The in-process table, which all loops share, is in the first one's. */
const ra_loop_share *ra_watch_shares(const ra_watch *w, unsigned *n);
/* The sum of their stores' counters. */
void ra_watch_store(const ra_watch *w, ra_store_stats *out);
/* What has been timed in the last ten seconds, or since the start. */
void ra_watch_recent(const ra_watch *w, enum ra_timed what, ra_latency_copy *out);

/* What has been consumed in the last minute. */
const struct ra_money *ra_watch_money(const ra_watch *w);

/* The words of a store's health, up to NULL; from worst to best. */
const char *const *ra_watch_healths(enum ra_store_kind kind);

#endif
