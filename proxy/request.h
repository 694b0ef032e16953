/*
 * A request, from its arrival to its end. The file to read first is proxy/request.c.
 * Threads: a request lives and dies on its loop.
 */
#ifndef RA_PROXY_REQUEST_H
#define RA_PROXY_REQUEST_H

#include "proxy/server.h"

struct evhttp_request;

/* evhttp's callback: `loop` is the ra_loop. */
void ra_request_received(struct evhttp_request *http, void *loop);

/* Is a hit that is about to be served without a request to be compared with what DynamoDB says? Then it goes
 * the whole way. */
bool ra_compare_draws(ra_loop *l);

/*
 * Ends what is left of the loops' requests, without answering: after drain_timeout, when no loop runs any
 * more. For all loops in one call, since a flight's leader and its waiters may be on different ones.
 */
void ra_request_abandon_all(ra_loop *loops, unsigned n);

#endif
