/*
 * For whoever starts, stops and routes to proxies (GET and HEAD):
 *
 *   /healthz  200 "ok": the process is there, and its admin thread turns
 *   /readyz   200 or 503 {"ready": BOOL, "upstream": BOOL, "store": BOOL, "streams": BOOL}: DynamoDB and the
 *             store can be reached, and following each stream is within its max_stream_lag
 *
 * DynamoDB is taken for reachable where the last operation that was sent lately got an answer; else it is
 * asked for its root, unsigned, which costs nothing, at most once a second. With store "memory" the store is
 * always there.
 *
 * Neither wants admin.token. Orchestrators and load balancers send none, or would have to be given the one
 * that opens everything else; and all that these say is what a client of the proxy finds out by a request.
 * They name no table, no host and no reason: /metrics and the log do.
 *
 * Threads: the admin listener's.
 */
#ifndef RA_PROXY_ADMIN_HEALTH_H
#define RA_PROXY_ADMIN_HEALTH_H

#include "proxy/admin.h"

void ra_admin_healthz(ra_admin *a, struct evhttp_request *r);
void ra_admin_readyz(ra_admin *a, struct evhttp_request *r);

/* What is known of DynamoDB. */
typedef struct ra_health ra_health;
ra_health *ra_health_new(ra_admin *a, struct event_base *base); /* NULL: no memory */
void ra_health_free(ra_health *h);                              /* NULL is allowed */

#endif
