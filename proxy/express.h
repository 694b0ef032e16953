/*
 * The express way: a read that was asked before, byte for byte, and whose reply can be had at once from this
 * process's memory, is answered at the connection, before evhttp has parsed it. Everything else is evhttp's,
 * as if this weren't here: what is looked at is never changed, and taken only together with its answer.
 *
 * It looks only where a request begins, at what arrives between requests, before evhttp sees it (see
 * proxy/connections.h). Where it doesn't answer, what has arrived, and all that follows until evhttp's reply
 * is written, is evhttp's.
 *
 * A reply that the socket doesn't take at once is written as it takes it; meanwhile nothing is read from the
 * connection. Not over TLS: there what a socket takes isn't what was written.
 *
 * Threads: the loop's.
 */
#ifndef RA_PROXY_EXPRESS_H
#define RA_PROXY_EXPRESS_H

#include "proxy/alias.h"
#include "proxy/connections.h"
#include "proxy/server.h"

typedef struct ra_express ra_express;

ra_express *ra_express_new(ra_loop *l); /* NULL: no memory */
/* Before evhttp's connections go: replies that are being written are given up. NULL is allowed. */
void ra_express_free(ra_express *e);

/* It looks first at what arrives on these connections. */
void ra_express_serve(ra_express *e, ra_connections *connections);

/* The loop's snapshot is another one: what bytes meant is forgotten. */
void ra_express_renew(ra_express *e);

/* A request for the wire API was a hit, with what was looked up. `tables_version`: as it was before anything
 * was asked of the registry of tables. */
void ra_express_learn(ra_express *e, ra_config *config, uint64_t tables_version, const ra_alias_asked *asked,
                      const ra_lookup *look);

#endif
