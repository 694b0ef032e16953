/*
 * Upstream: DynamoDB (and DynamoDB Streams). Signs what it sends with the proxy's own credentials; libcurl
 * only carries.
 *
 * Ownership: an upstream and its calls belong to one loop. The body stays the caller's until `done` has run
 * or the call was cancelled. Errors: a call that can't be made gives NULL and a static text; every other
 * outcome comes through `done`.
 */
#ifndef RA_PROXY_UPSTREAM_H
#define RA_PROXY_UPSTREAM_H

#include "cache/http_client.h"
#include "config/config.h"
#include "proxy/credentials.h"

typedef struct ra_upstream ra_upstream;
typedef struct ra_upstream_call ra_upstream_call;
typedef void (*ra_upstream_done)(ra_http_reply *reply, void *arg); /* borrowed; NULL: no memory for one */

typedef struct ra_upstream_request {
    bool streams;    /* to the streams endpoint */
    bool once;       /* a write: never sent twice by this side */
    ra_bytes target; /* X-Amz-Target */
    ra_bytes content_type;
    ra_bytes user_agent;              /* the client's; empty: none is sent */
    ra_bytes traceparent, tracestate; /* the same */
    ra_bytes body;
    int64_t deadline; /* ms from now */
    int64_t sign_by;  /* monotonic ms: not sent unless it is signed before; 0: whenever */
} ra_upstream_request;

/* NULL without memory. The provider and the config must outlive it (the config is ref'ed). */
ra_upstream *ra_upstream_new(struct event_base *base, ra_config *config, ra_credentials_provider *provider);
/* Another configuration: what is sent from now on has its max_reply. On the loop's thread. */
void ra_upstream_renew(ra_upstream *u, ra_config *config);
void ra_upstream_free(ra_upstream *u); /* cancels every call; no callback runs */

ra_upstream_call *ra_upstream_send(ra_upstream *u, const ra_upstream_request *r, ra_upstream_done done,
                                   void *arg, const char **why);
/* Is any call under way? `idle` is run each time that the last one has ended and its `done` has run. */
bool ra_upstream_busy(const ra_upstream *u);
void ra_upstream_on_idle(ra_upstream *u, void (*idle)(void *arg), void *arg);
/* `seen` is run with each whole reply of DynamoDB's, before its own `done`; `sent` by the wall clock, ms. */
void ra_upstream_on_reply(ra_upstream *u, void (*seen)(const ra_http_reply *reply, int64_t sent, void *arg),
                          void *arg);
/* A reply that says that nothing was sent, and why; one reference. NULL without memory. */
ra_http_reply *ra_upstream_failure(const char *why);
void ra_upstream_cancel(ra_upstream_call *call);

#endif
