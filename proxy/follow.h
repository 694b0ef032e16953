/*
 * Following streams: writes that bypass the proxy invalidate too. One thread for each table whose config says
 * `"stream": "follow"` reads the stream (proxy/stream_walk.h); what a batch makes stale is marked and
 * unmarked on the server's first loop by its store, as a write of the proxy's own would; only when that is
 * acknowledged the batch counts as handled. Records that are certainly writes of the proxies themselves are
 * left out (cache/own_writes.h).
 *
 * Freshness: everything written to the table before `fresh_as_of` (wall clock, ms) has been invalidated in
 * the store. It is the walk's watermark less `streams.delivery_allowance`, for DynamoDB delivers records "in
 * near-real time" without a bound of its own. While it is further back than the table's max_stream_lag reads
 * bypass the cache and fill nothing.
 *
 * With a store that processes share, they divide the shards among them; each knows the others' watermarks by
 * their notes (ra_post). Threads: as said at each function.
 */
#ifndef RA_PROXY_FOLLOW_H
#define RA_PROXY_FOLLOW_H

#include "proxy/server.h"

typedef struct ra_follows ra_follows;

/* Of the server's snapshot: NULL also where no table is followed, with *ok true. Main's thread. */
ra_follows *ra_follows_new(ra_server *s, bool *ok);
/* Another configuration: the same tables are followed, other bounds count. NULL is allowed. Any thread. */
void ra_follows_renew(ra_follows *f, const ra_config *c);
/* Starts the threads, after the loops run. false with a message logged. */
bool ra_follows_start(ra_follows *f);
/* Before the loops are drained; joins the threads, releases the posts. NULL is allowed. */
void ra_follows_stop(ra_follows *f);
void ra_follows_free(ra_follows *f); /* NULL is allowed */

typedef struct ra_follow ra_follow;

/* Of a table by its short name; NULL: it isn't followed. Any thread. */
const ra_follow *ra_follows_find(const ra_follows *f, ra_bytes table);
/* 0: not known (yet). Any thread. */
int64_t ra_follow_fresh_as_of(const ra_follow *f);
/* May reads of the table be served from the cache now? Any thread. */
bool ra_follow_in_bounds(const ra_follow *f, int64_t wall_ms);
/* Is any followed table out of bounds, so that the express way mustn't be taken? Any thread; cheap. */
bool ra_follows_any_lags(const ra_follows *f, int64_t wall_ms);

/* What has happened since the start, per table; any thread. */
typedef struct ra_follow_stats {
    uint64_t records, own, batches, lost, invalidated; /* `invalidated`: units */
    uint64_t shards_held, shards_of_others, takeovers;
    int64_t fresh_as_of;
    int64_t lag_ms; /* now less that; -1: not known */
    char view[24];  /* StreamViewType; "": no stream */
} ra_follow_stats;
void ra_follow_get_stats(const ra_follow *f, ra_follow_stats *out);
size_t ra_follows_count(const ra_follows *f);
const ra_follow *ra_follows_at(const ra_follows *f, size_t i);
const char *ra_follow_table(const ra_follow *f);

/* A successful write of a followed table went through: its images' names are noted. `now` isn't before its
 * reply came, `now - took` isn't after it was sent (monotonic, ms): so both are by one look at the clock. On
 * the request's loop, before the client is answered. */
void ra_follow_note(const ra_follow *f, ra_loop *l, const ra_key *item, const ra_key *image, int64_t took,
                    int64_t now);

#endif
