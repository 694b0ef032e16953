/*
 * What is left at a shard's post (ra_post) of how far the shard has been read, as text: a version, the last
 * handled record's sequence number ("-": none), whether the shard is finished, the time of `drained_ms`.
 * Pure.
 */
#ifndef RA_PROXY_FOLLOW_NOTE_H
#define RA_PROXY_FOLLOW_NOTE_H

#include "cache/key.h"
#include "cache/store.h"
#include "proxy/stream_shards.h"

/* Its length. */
size_t ra_follow_note_write(const ra_shard *shard, char out[RA_POST_NOTE_MAX]);
/* Takes over what a note says of a shard. false: not such a note, it is as it was. */
bool ra_follow_note_read(ra_bytes note, ra_shard *shard);

/* The post of a shard: the same for all proxies that follow the same stream for the same cache. false: no
 * memory. */
bool ra_follow_post_name(const char *endpoint, const char *key_prefix, const char *stream, const char *shard,
                         ra_key *out);

#endif
