/*
 * Writing a reply to a connection's socket at once, and what the socket doesn't take as soon as it does.
 * evhttp must not see the latter in its own buffer: it would take the end of it for the end of its own last
 * reply.
 *
 * Meanwhile nothing is read from the connection; what had arrived already is set aside and put back after it.
 * A client that takes nothing for listen.idle_timeout is given up, as is one whose socket is broken: evhttp
 * is told that the connection has ended, and frees it. What the client has asked behind that reply isn't
 * done.
 *
 * Threads: the loop's.
 */
#ifndef RA_PROXY_EXPRESS_WRITE_H
#define RA_PROXY_EXPRESS_WRITE_H

#include "cache/payload.h"
#include "proxy/server.h"

struct bufferevent;
struct evbuffer;

typedef struct ra_express_pending ra_express_pending; /* a reply that is being written */

typedef struct ra_express_writes {
    ra_loop *loop;
    ra_express_pending *pending;
} ra_express_writes;

void ra_express_writes_init(ra_express_writes *w, ra_loop *l);
/* Gives up what is pending; the connections themselves are evhttp's. */
void ra_express_writes_fini(ra_express_writes *w);

/* Takes the payload's reference; copies what it needs of the head. NULL: it is written, or the connection is
 * broken off. */
ra_express_pending *ra_express_write(ra_express_writes *w, struct bufferevent *connection, ra_bytes head,
                                     ra_payload *payload_take);
/* Right after that: what is in `in` comes back when the reply is written. `p` is gone if there is no memory.
 */
void ra_express_set_aside(ra_express_pending *p, struct evbuffer *in);
/*
 * Nothing more is read or answered on the connection: for evhttp it has ended, and it frees it. Not from
 * within, for what has called us goes on with it.
 */
void ra_express_break_off(struct bufferevent *connection);

#endif
