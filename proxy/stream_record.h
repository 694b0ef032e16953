/*
 * Records of a stream (GetRecords), and what they make stale. Pure. Source: DynamoDB Streams API reference,
 * "Record", "StreamRecord".
 *
 * Ownership: tokens over the reply's body, texts in the arena. Threads: none shared.
 */
#ifndef RA_PROXY_STREAM_RECORD_H
#define RA_PROXY_STREAM_RECORD_H

#include "proxy/op_plan.h"
#include "proxy/stream_shards.h"

enum ra_stream_event { RA_STREAM_INSERT, RA_STREAM_MODIFY, RA_STREAM_REMOVE };

typedef struct ra_stream_record {
    uint32_t token;
    bool understood; /* false: of the rest only `sequence` may be set, and nothing else is known */
    char sequence[RA_SEQUENCE_MAX + 1]; /* "": it has none */
    int64_t created_s;                  /* ApproximateCreationDateTime, rounded down to seconds; 0: none */
    enum ra_stream_event event;
    uint32_t keys, before, after; /* tokens of the images; RA_JSON_NONE: not in the stream's view */
    uint32_t identity;            /* userIdentity: DynamoDB's own TTL has deleted it; RA_JSON_NONE */
} ra_stream_record;

typedef struct ra_stream_records {
    ra_json json;
    ra_stream_record *v; /* in the arena, in the stream's order */
    size_t n;
    ra_bytes next; /* NextShardIterator, decoded; p NULL: the shard is closed and this is its end */
} ra_stream_records;

/* false: not such a reply, or no memory. Then there is nothing to free, and asking again may help. A record
 * that isn't understood never will be, so that it is among the others, for the caller to make up for. */
bool ra_stream_records_read(ra_bytes body, ra_arena *a, ra_stream_records *out);
void ra_stream_records_free(ra_stream_records *r);

/*
 * Adds to *m what a record makes stale: the item and its partition, at once; of each global index the
 * partitions of the old and the new image, for the table's settle. Where the view lacks an image that there
 * was (MODIFY, REMOVE without OldImage; INSERT, MODIFY without NewImage) the index's own key attributes among
 * the table's keys do, else the whole index. A record that isn't understood, or whose key can't be read,
 * marks the whole table.
 */
void ra_stream_record_marks(const ra_stream_record *r, const ra_json *j, const ra_op_table *t, ra_arena *a,
                            ra_marks *m);

#endif
