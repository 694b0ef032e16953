/*
 * Reads one table's stream from where it was left to where it is now, and on: all its shards, parents before
 * children, batch by batch, each handled before the next one of its shard is asked for. It blocks: it is for
 * a thread of its own or for a command.
 *
 * It survives: expired iterators (a new one, after the last sequence number that was handled), trimmed data
 * (`lost`, and on from the oldest), throttling and errors (back-off with jitter, said once in the log while
 * it lasts), shards that split and end, a stream that is switched off (it looks for a new one) and on
 * (another ARN: the old one is read to its end as long as it can be, then `lost`, for nobody knows what was
 * written in between; the new one from its oldest record).
 *
 * Reads are adaptive: at once after a batch that was full or while anything was found, else after
 * `idle_interval`; never more than 5 GetRecords a second for one shard (DynamoDB's limit).
 *
 * Threads: one, but ra_stream_walk_stop and the `state` functions, any.
 */
#ifndef RA_PROXY_STREAM_WALK_H
#define RA_PROXY_STREAM_WALK_H

#include "cache/http_client.h"
#include "proxy/stream_shards.h"

/* How DynamoDB and its streams are asked. */
typedef struct ra_stream_api {
    /* One operation ("GetRecords", "DescribeTable"); one reference, NULL without memory. It ends early when
     * the walk is to stop. */
    ra_http_reply *(*call)(void *arg, const char *operation, ra_bytes body, int64_t timeout);
    /* Waits, or until the walk is to stop. */
    void (*wait)(void *arg, int64_t ms);
    /* Makes both end early, from now on; any thread, and in a signal handler too. NULL: they do by
     * themselves. */
    void (*stop)(void *arg);
    /* ms; NULL: the machine's clocks. */
    int64_t (*monotonic)(void *arg);
    int64_t (*wall)(void *arg);
    void *arg;
} ra_stream_api;

/* Who remembers which shard is whose, and how far it has been handled. */
typedef struct ra_stream_keeper {
    /* Takes or keeps the right to read a shard for the walk's `lease`, and tells what is known of it, whoever
     * holds it: *shard's `handled`, `finished` and `drained_ms` are set if somebody has noted them, else left
     * alone. HELD: it is ours. OTHERS: somebody else reads it. UNKNOWN: can't be told now (nothing may be
     * read). Of a shard that isn't listed any more *shard has the id alone. */
    enum ra_keeper_step {
        RA_KEEPER_HELD,
        RA_KEEPER_OTHERS,
        RA_KEEPER_UNKNOWN
    } (*hold)(void *arg, const char *stream, ra_shard *shard);
    /* Notes `handled`, `finished` and `drained_ms` of a shard that is ours. false: it isn't any more, or
     * can't be told now. */
    bool (*note)(void *arg, const char *stream, const ra_shard *shard);
    /* Gives it up, so that another one needn't wait for the lease to end. */
    void (*release)(void *arg, const char *stream, const ra_shard *shard);
    void *arg;
} ra_stream_keeper;

/* What is done with what is found. */
typedef struct ra_stream_handler {
    /* A GetRecords reply's body with at least one record, of one shard. true: all of it is handled for good.
     * false: not; the same records come again after a pause. */
    bool (*batch)(void *arg, const ra_shard *shard, ra_bytes body);
    /* Records are gone that weren't handled, or there is a stream whose past nobody knows. false: try again.
     */
    bool (*lost)(void *arg, const char *why);
    /* The stream has been found (again); `view` is its StreamViewType, "" where there is no stream. */
    void (*found)(void *arg, const char *stream_arn, const char *view);
    /* After each round over the shards: see ra_shards_watermark; 0: not known. */
    void (*watermark)(void *arg, int64_t ms);
    void *arg;
} ra_stream_handler;

typedef struct ra_stream_options {
    const char *table; /* its short name */
    bool from_now;     /* a stream that nobody has noted anything of is read from now on; else from its oldest
                          record */
    int64_t idle_interval; /* ms */
    int64_t lease;         /* ms; held shards are held again at a third of it */
    int64_t rescan;        /* ms between listings of the shards where none is due; 0: 60 s */
    unsigned batch;        /* records per GetRecords; 0: 1000 */
    /* A shard that was begun from now on, and of which no record has come yet, has no position to go on from
     * after a restart. true: it is read from its oldest record again, so nothing is passed over; false: from
     * now on, and `lost` is told. */
    bool replay;
} ra_stream_options;

typedef struct ra_stream_walk ra_stream_walk;

/* NULL: no memory. What is pointed to must outlive it. */
ra_stream_walk *ra_stream_walk_new(const ra_stream_options *o, const ra_stream_api *api,
                                   const ra_stream_keeper *keeper, const ra_stream_handler *handler);
void ra_stream_walk_free(ra_stream_walk *w);
/* Until it is stopped. With `once`: until all shards that were there at the beginning are drained. false:
 * `once` and it couldn't be done, *why says why. */
bool ra_stream_walk_run(ra_stream_walk *w, bool once, const char **why);
/* It returns soon, its shards released; for good. Any thread, and in a signal handler too; it must have
 * returned before the walk or its api is freed. */
void ra_stream_walk_stop(ra_stream_walk *w);

#endif
