/*
 * A command as bytes of RESP, by hiredis, at the end of an evbuffer.
 */
#ifndef RA_CACHE_REDIS_FORMAT_H
#define RA_CACHE_REDIS_FORMAT_H

#include "cache/bytes.h"

struct evbuffer;

/* Appends all of it or, if it would have more than `max` bytes or there is no memory, nothing. Returns how
 * many bytes it has; 0: nothing was appended. */
size_t ra_redis_format(struct evbuffer *out, const ra_bytes *argv, unsigned argc, size_t max);

#endif
