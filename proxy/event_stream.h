/*
 * Server-sent events (WHATWG HTML, "Server-sent events") to all who look: each event is written to every
 * viewer's connection, which lasts until one of both ends it. A viewer that takes nothing for
 * RA_EVENT_STREAM_PATIENCE ms, for which RA_EVENT_STREAM_WAITING bytes wait when more is to come, or that
 * says anything, is cut off.
 *
 * evhttp can't stream to a peer that may go at any time, so the reply's head is written here; the reply ends
 * with its connection. evhttp still owns that, and the request.
 *
 * Threads: the loop's that the connections belong to.
 */
#ifndef RA_PROXY_EVENT_STREAM_H
#define RA_PROXY_EVENT_STREAM_H

#include "cache/bytes.h"
#include "proxy/connections.h"

#include <stdbool.h>

enum { RA_EVENT_STREAM_PATIENCE = 10 * 1000, RA_EVENT_STREAM_WAITING = 4 << 20 };

typedef struct ra_event_stream ra_event_stream;

/* `most` viewers. `all` outlives it but for ra_event_stream_free. NULL: no memory. */
ra_event_stream *ra_event_stream_new(ra_connections *all, unsigned most);
/* Its viewers must have gone: ra_event_stream_end. NULL is allowed. */
void ra_event_stream_free(ra_event_stream *s);
unsigned ra_event_stream_viewers(const ra_event_stream *s);

enum ra_event_stream_joined {
    RA_EVENT_STREAM_JOINED, /* the request is the stream's now */
    RA_EVENT_STREAM_FULL,   /* the request is as it was, and here too */
    RA_EVENT_STREAM_NO_MEMORY
};
/* One viewer more, which gets what is sent from now on. */
enum ra_event_stream_joined ra_event_stream_join(ra_event_stream *s, struct evhttp_request *r);
/* To all viewers. `data` has no line ends. */
void ra_event_stream_send(ra_event_stream *s, const char *event, ra_bytes data);
/* To the one that has joined last. */
void ra_event_stream_send_newest(ra_event_stream *s, const char *event, ra_bytes data);
/* Closes every viewer's connection. */
void ra_event_stream_cut(ra_event_stream *s);
/* The same, and takes nobody any more. */
void ra_event_stream_end(ra_event_stream *s);

#endif
