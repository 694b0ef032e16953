/*
 * Numbers for made-up items: the same on every machine, integers only. A stream is a splitmix64 generator
 * (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014) that begins at a place of its
 * own, found from a key, a kind and an index. So whatever belongs to one person or one message can be made
 * again at any time from its index, and needn't be kept.
 *
 * Pure; any thread.
 */
#ifndef RA_PROXY_DDB_GENERATE_RANDOM_H
#define RA_PROXY_DDB_GENERATE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

enum { RA_UUID_TEXT = 37 }; /* with its zero */

/* What a stream is for; streams of different kinds are independent. */
enum ra_generate_kind {
    RA_STREAM_KEY,
    RA_STREAM_PEOPLE,
    RA_STREAM_USER_UUID,
    RA_STREAM_GROUP_UUID,
    RA_STREAM_MESSAGE_UUID,
    RA_STREAM_PAIR,
    RA_STREAM_MANNERS, /* how a group's members share the talking */
    RA_STREAM_ORDER,   /* which group a message is in, whose it is, when */
    RA_STREAM_TEXT
};

typedef struct ra_stream {
    uint64_t state;
} ra_stream;

ra_stream ra_stream_at(uint64_t key, enum ra_generate_kind kind, uint64_t index);
uint64_t ra_stream_next(ra_stream *s);
/* 0 to n - 1; n > 0. */
uint64_t ra_stream_below(ra_stream *s, uint64_t n);
/*
 * 0 to n - 1, small ones much more often: each doubling of the rank is as likely as the one before it, so
 * that rank r comes about 1/r times as often as the first (Zipf's law). n > 0.
 */
uint64_t ra_stream_zipf(ra_stream *s, uint64_t n);
/* 0 to n - 1, small ones somewhat more often: the first about ln(n)^2 / 2 times as often as the mean. */
uint32_t ra_stream_popular(ra_stream *s, uint32_t n);
/* A UUID of version 4, in lower case. */
void ra_generate_uuid(uint64_t key, enum ra_generate_kind kind, uint64_t index, char out[RA_UUID_TEXT]);

#endif
