/*
 * Bytes from a Redis server to replies: hiredis's reader (RESP2), with caps on what a server can make us
 * keep.
 *
 * hiredis itself would set aside memory for as many elements as an array's first line announces, and keep a
 * line or a string of any length. Here a reply has at most RA_REDIS_REPLY_MAX bytes and RA_REDIS_ELEMENTS_MAX
 * elements, over all arrays in it, and a line at most RA_REDIS_LINE_MAX bytes.
 *
 * Ownership: replies are the caller's, freed with ra_redis_reply_free (and with nothing of hiredis's).
 * Errors: without memory, past a cap and at what isn't RESP2 the reader is broken and stays so. Threads:
 * none.
 */
#ifndef RA_CACHE_REDIS_READER_H
#define RA_CACHE_REDIS_READER_H

#include "cache/bytes.h"

enum { RA_REDIS_REPLY_MAX = 32 << 20, RA_REDIS_ELEMENTS_MAX = 1 << 18, RA_REDIS_LINE_MAX = 64 << 10 };

struct redisReply;

typedef struct ra_redis_reader ra_redis_reader;

enum ra_redis_read { RA_REDIS_READ_REPLY, RA_REDIS_READ_MORE, RA_REDIS_READ_BROKEN };

ra_redis_reader *ra_redis_reader_new(void); /* NULL: no memory */
void ra_redis_reader_free(ra_redis_reader *r);

/* Copies `piece`. false: broken. To be followed by _next until that wants more. */
bool ra_redis_reader_feed(ra_redis_reader *r, ra_bytes piece);
/* The next whole reply, or that more bytes are needed for it. */
enum ra_redis_read ra_redis_reader_next(ra_redis_reader *r, struct redisReply **reply);
/* What broke it, for a person. Good until the reader is freed. */
const char *ra_redis_reader_why(const ra_redis_reader *r);

void ra_redis_reply_free(struct redisReply *reply); /* NULL is allowed */

#endif
