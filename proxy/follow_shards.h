/*
 * Who reads which shard of a stream, as far as its posts have told: for counting, and so that it is known
 * when all are read here. A shard that nothing has been heard of for a while isn't there any more. Pure;
 * threads: one.
 */
#ifndef RA_PROXY_FOLLOW_SHARDS_H
#define RA_PROXY_FOLLOW_SHARDS_H

#include "cache/key.h"

enum ra_reader { RA_READER_NONE, RA_READER_US, RA_READER_OTHERS };

enum { RA_READER_FORGET_MS = 10 * 60 * 1000 };

typedef struct ra_known_shard {
    ra_key post;
    enum ra_reader reader;
    int64_t heard_at;
} ra_known_shard;

typedef struct ra_known_shards {
    ra_known_shard *v; /* by post */
    size_t n, room;
    size_t ours, others;
    int64_t foreign_at; /* when something was last heard of what somebody else has read; 0: never */
} ra_known_shards;

void ra_known_shards_free(ra_known_shards *k);
/* Without memory it isn't counted. `news`: its post's note says more than was known here, whoever has the
 * post by now. `now`: monotonic, ms. */
void ra_known_shards_hear(ra_known_shards *k, const ra_key *post, enum ra_reader reader, bool news,
                          int64_t now);

#endif
