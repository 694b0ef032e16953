/*
 * The shards of one table's stream, and in which order they may be read: a parent before its children, so
 * that what happens to one item is seen in its order. Source: Amazon DynamoDB Developer Guide, "Change data
 * capture for DynamoDB Streams"; DescribeStream. Pure; threads: one.
 *
 * A shard is *closed* when DescribeStream says its ending sequence number; it may be read before that, and is
 * *finished* when its last record has been handled. A parent that isn't listed any more (records live for 24
 * hours) counts as finished.
 */
#ifndef RA_PROXY_STREAM_SHARDS_H
#define RA_PROXY_STREAM_SHARDS_H

#include "cache/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { RA_SHARD_ID_MAX = 65, RA_SEQUENCE_MAX = 48, RA_SHARDS_MAX = 10000 };

enum ra_shard_start {
    RA_SHARD_FROM_OLDEST, /* TRIM_HORIZON: nothing of it has been handled, and all of it counts */
    RA_SHARD_FROM_NOW,    /* LATEST: what is older is covered otherwise */
    RA_SHARD_AFTER        /* AFTER_SEQUENCE_NUMBER */
};

typedef struct ra_shard {
    char id[RA_SHARD_ID_MAX + 1];
    char parent[RA_SHARD_ID_MAX + 1];  /* "": none */
    char handled[RA_SEQUENCE_MAX + 1]; /* the last record's sequence number that has been handled; "": none */
    bool closed, finished;
    unsigned start;     /* enum ra_shard_start, of who begins to read it now */
    int64_t drained_ms; /* wall clock: all that was in it then has been handled; 0: not known yet */
    unsigned seen;      /* the listing that it was in last */
    unsigned refused;   /* how often in a row its next batch hasn't been handled */
    void *arg;          /* the reader's own; not touched here */
} ra_shard;

typedef struct ra_shards ra_shards;

/* `forget` is called for each shard that is forgotten, and by free; NULL: nobody. NULL: no memory. */
ra_shards *ra_shards_new(void (*forget)(ra_shard *shard));
void ra_shards_free(ra_shards *s);

/*
 * One whole DescribeStream listing, page by page: begin, page (a reply's body), end. *last is the page's
 * LastEvaluatedShardId ("" on the last page). The first listing's open shards start FROM_NOW if `from_now`,
 * all others FROM_OLDEST; shards of later listings always FROM_OLDEST. At the end shards that weren't listed
 * are forgotten if they are finished, and finished if not: their records are gone. *lost says whether one of
 * these hadn't been handled to its end: what it had is unknown. false: not such a reply, too many shards, no
 * memory; the listing is given up.
 */
void ra_shards_list_begin(ra_shards *s, bool from_now);
bool ra_shards_list_page(ra_shards *s, ra_bytes body, char last[RA_SHARD_ID_MAX + 1]);
bool ra_shards_list_end(ra_shards *s, bool *lost);
/* "ENABLED", "DISABLED", …: StreamStatus and StreamViewType of a DescribeStream reply. false: not there. */
bool ra_stream_described(ra_bytes body, char status[16], char view[24]);

size_t ra_shards_count(const ra_shards *s);
/* The i-th; pointers are good until the next listing's end. */
ra_shard *ra_shards_at(ra_shards *s, size_t i);
ra_shard *ra_shards_find(ra_shards *s, const char *id);
/* May it be read now? Not finished, and its parent is, or isn't there. */
bool ra_shards_ready(const ra_shards *s, const ra_shard *shard);
/* Is a listing due? A shard has been finished since the last one, so that its children may not be known. */
bool ra_shards_stale(const ra_shards *s);
/* The shard's `drained_ms`; where that isn't known that of the nearest one before it, for what is in a shard
 * was written after its parent was last seen open. 0: not known. */
int64_t ra_shards_drained(const ra_shards *s, const ra_shard *shard);
/* Of two sequence numbers of one shard: < 0, 0, > 0. "" is before all. */
int ra_sequence_compare(const char *a, const char *b);
/*
 * All that was written before this wall-clock time (ms) has been handled: the least `drained_ms` of the
 * shards that aren't finished; those that wait for their parent count with their parent's. While children may
 * be unknown (ra_shards_stale) it is at most when the youngest finished shard was drained. 0: not known.
 */
int64_t ra_shards_watermark(const ra_shards *s);

#endif
