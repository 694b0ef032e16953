/*
 * From a host, an address or a socket's path to a connected bufferevent, TLS included. A host's addresses are
 * tried one after the other.
 *
 * Ownership: one dialler per connection, for all its attempts; it holds what an attempt needs until the
 * attempt has ended. Threads: the loop's.
 */
#ifndef RA_CACHE_REDIS_DIAL_H
#define RA_CACHE_REDIS_DIAL_H

#include "cache/redis_conn.h"

struct bufferevent;

typedef struct ra_redis_dial ra_redis_dial;

/* `bev` is connected, and the callee's; or it is NULL and `why` says, for a person, what went wrong. */
typedef void (*ra_redis_dialled)(struct bufferevent *bev, const char *why, void *arg);

/* Reads the host, port, socket, tls, connect_timeout and so on of `o`, which must outlive it. NULL: no
 * memory. */
ra_redis_dial *ra_redis_dial_new(const ra_redis_options *o, ra_redis_dialled done, void *arg);
void ra_redis_dial_free(ra_redis_dial *d); /* ends an attempt without a word */
/* Begins an attempt. `done` runs once, from the loop or before this returns. */
void ra_redis_dial_begin(ra_redis_dial *d);
/* It has taken too long: `done` won't run. What it was at, for a person. */
const char *ra_redis_dial_stop(ra_redis_dial *d);
/* What went wrong with a connected one: for a person, into `why`. `what` is a bufferevent's event, `error`
 * the errno that came with it. */
void ra_redis_dial_why(struct bufferevent *bev, short what, int error, char *why, size_t size);

#endif
