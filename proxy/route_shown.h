/*
 * Replies that were shown before. What a route makes of a cached reply depends on nothing but the reply, the
 * route and the request's path and query string (the Link repeats them); so for a hit that comes again the
 * work has been done. Keyed by the payload itself, which never changes: what a write voids is another payload
 * afterwards.
 *
 * Bounded by what it holds and what it keeps alive: bodies, payloads, paths. A key that is new takes the
 * place of an older one.
 *
 * Ownership: a slot has a reference to its payload and to the configuration whose route it is. Threads: one
 * per loop, and used on its thread only; references to replies too.
 */
#ifndef RA_PROXY_ROUTE_SHOWN_H
#define RA_PROXY_ROUTE_SHOWN_H

#include "cache/payload.h"
#include "proxy/route_reply.h"

/* A body and the answer that goes with it, immutable. */
typedef struct ra_shown_reply {
    unsigned refs;
    ra_route_answer answer; /* `next` is the reply's own */
    char *body;             /* NULL: none, as of 204 */
    size_t n;
} ra_shown_reply;

/* Takes the buffer's bytes. NULL: no memory, or the buffer failed. */
ra_shown_reply *ra_shown_reply_new(ra_buf *body, const ra_route_answer *answer);
ra_shown_reply *ra_shown_reply_ref(ra_shown_reply *r);
void ra_shown_reply_unref(ra_shown_reply *r); /* NULL is allowed */

typedef struct ra_shown ra_shown;

enum { RA_SHOWN_SLOTS = 512, RA_SHOWN_BYTES = 2 << 20 }; /* per event loop */

ra_shown *ra_shown_new(size_t max_bytes); /* NULL: no memory */
void ra_shown_free(ra_shown *s);          /* NULL is allowed */
void ra_shown_clear(ra_shown *s);         /* what other routes show will be asked for from now on */

/* One reference, or NULL: it wasn't shown lately. */
ra_shown_reply *ra_shown_find(const ra_shown *s, const ra_payload *p, const ra_route_call *call);
/* Keeps it, unless it is too large or there is no memory. */
void ra_shown_keep(ra_shown *s, ra_config *c, ra_payload *p, const ra_route_call *call,
                   ra_shown_reply *reply);
/* What is held, as it is counted. */
size_t ra_shown_bytes(const ra_shown *s);

#endif
