/*
 * The wire API's doorstep: is this a DynamoDB request at all? What isn't is answered here, in the words of
 * the protocol that its sender speaks, with what to do about it.
 */
#ifndef RA_PROXY_WIRE_H
#define RA_PROXY_WIRE_H

#include "proxy/server.h"

#include <event2/http.h>

/*
 * The X-Amz-Target of a request that the wire API takes (a view of the request's header), or an empty view:
 * then the request has been answered and must not be touched any more.
 */
ra_bytes ra_wire_accept(ra_loop *l, struct evhttp_request *r);

/* Is the request's path "/", where the wire API lives? Every other path may be a route's. */
bool ra_wire_is_root(struct evhttp_request *r);

#endif
