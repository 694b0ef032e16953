/*
 * Clients' connections of one loop's listener, from accept to close: how many there may be, how long each may
 * take to say what it wants, over TLS or not, and who is told when one goes.
 *
 * evhttp owns its connections, and knows nothing of all that; each has a ra_connection beside it, which it
 * frees by way of its close callback. That is used up here: who else wants to know registers with
 * ra_connection_on_close. A connection that there is no memory for is closed at its first request.
 *
 * How long: listen.header_timeout from the connection's beginning, or a request's first byte, to the end of
 * its head; from there listen.body_timeout to its last byte. Then it is closed. Between requests evhttp's own
 * timeout counts, and while a reply is written too. Each limit is one for all, so what waits for it stands in
 * a queue, and a timer for each loop is enough.
 *
 * Threads: the loop's, but for new and free. Bytes arriving are seen by a callback on the connection's input
 * buffer, before evhttp sees them, and only where they may tell something: between requests and in a head.
 */
#ifndef RA_PROXY_CONNECTIONS_H
#define RA_PROXY_CONNECTIONS_H

#include "config/config.h"
#include "proxy/connection_limits.h"
#include "proxy/tls_server.h"

struct bufferevent;
struct event_base;
struct evhttp;
struct evhttp_connection;
struct evhttp_request;

typedef struct ra_connection ra_connection;
typedef struct ra_connections ra_connections;

/* `limits` and `tls` (NULL: plain) are shared and outlive it. NULL: no memory. */
ra_connections *ra_connections_new(struct event_base *base, const ra_config_listen *c,
                                   ra_connection_limits *limits, ra_tls_server *tls);
/* After evhttp, which closes what is left. NULL is allowed. */
void ra_connections_free(ra_connections *all);
/* Other limits, also for the connections that are there. On the loop's thread. */
void ra_connections_renew(ra_connections *all, const ra_config_listen *c);
/* All connections that `http` accepts; `received` is run for each request, and nobody else's callback. Before
 * the loop runs. */
void ra_connections_serve(ra_connections *all, struct evhttp *http,
                          void (*received)(struct evhttp_request *, void *), void *arg);

/* What is done with the bytes of a request that arrive first, before evhttp has seen them. */
enum ra_arrival {
    RA_ARRIVAL_LEFT,  /* they are evhttp's, as all that follows until its reply is written */
    RA_ARRIVAL_TAKEN, /* nothing is left of them in the buffer: the next ones begin another request */
    RA_ARRIVAL_HELD   /* they are still there; ra_connection_taken or ra_connection_left will say which */
};
/* Who looks at them; never on TLS connections. */
void ra_connections_look_first(ra_connections *all,
                               enum ra_arrival (*arrived)(void *arg, struct bufferevent *connection),
                               void *arg);

/* NULL: `all` is NULL, or the connection is closing. */
ra_connection *ra_connection_of(ra_connections *all, struct evhttp_connection *connection);
ra_connection *ra_connection_find(ra_connections *all, struct bufferevent *connection);

/* In all of these `c` may be NULL, and nothing is done. */

/* `closed` is told when the connection goes, once, in the place of whoever was to be told before. NULL:
 * nobody is. */
void ra_connection_on_close(ra_connection *c, void (*closed)(struct evhttp_connection *, void *), void *arg);
/* What was held has been answered, and is out of the buffer. */
void ra_connection_taken(ra_connection *c);
/* What was held is evhttp's. */
void ra_connection_left(ra_connection *c);
/* Might another party read its request's head differently? See proxy/head_end.h. */
bool ra_connection_head_is_odd(const ra_connection *c);
/* evhttp's reply is written, and it is about to read the next request. */
void ra_connection_between(ra_connection *c);

#endif
