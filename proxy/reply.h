/*
 * What goes back to a client: headers and bodies as section "Replies" of proxy/README.md says. Bodies are
 * served by reference where they aren't rewritten. Every function ends the evhttp request: it must not be
 * touched afterwards. Threads: the loop's.
 */
#ifndef RA_PROXY_REPLY_H
#define RA_PROXY_REPLY_H

#include "cache/buf.h"
#include "cache/http_client.h"
#include "cache/payload.h"
#include "proxy/route_shown.h"
#include "proxy/server.h"

#include <event2/http.h>

enum ra_x_cache { RA_X_HIT, RA_X_MISS, RA_X_BYPASS, RA_X_STALE };

const char *ra_x_cache_word(enum ra_x_cache cache); /* "HIT" */

/* How the cache took part: X-Cache and RFC 9211's Cache-Status. */
typedef struct ra_verdict {
    enum ra_x_cache cache;
    const char
        *forward;       /* Cache-Status fwd=: "miss", "method", "bypass", "request", "stale"; NULL on a hit */
    const char *detail; /* why, a static word; NULL: none */
    bool stored;
    bool collapsed;      /* it waited for another request's upstream read */
    int64_t age;         /* seconds; HIT and STALE */
    int64_t ttl;         /* seconds left, negative past it; HIT and STALE */
    int64_t fresh_as_of; /* wall clock, ms: X-Cache-Fresh-As-Of; HIT and STALE; 0: none */
} ra_verdict;

/* A cached body; takes the reference. */
void ra_reply_payload(ra_loop *l, struct evhttp_request *r, ra_payload *payload_take, const ra_verdict *v);
/* Upstream's reply as it is: status, headers, bytes. Takes a reference of its own. */
void ra_reply_upstream(ra_loop *l, struct evhttp_request *r, ra_http_reply *reply, const ra_verdict *v);
/* A body made here, with upstream's other headers when `reply` isn't NULL, and its own x-amz-crc32. Takes the
 * buffer's bytes. */
void ra_reply_made(ra_loop *l, struct evhttp_request *r, ra_http_reply *reply, ra_buf *body,
                   const ra_verdict *v);

/* DynamoDB's error shape, {"__type": …, "message": …}. `type` is the full name with its namespace. */
void ra_reply_error(ra_loop *l, struct evhttp_request *r, int status, const char *type, const char *message,
                    bool close);
/* What a route shows. Takes a reference of its own; HEAD gets the headers alone. `c` is for CORS. */
void ra_reply_route(ra_loop *l, const ra_config *c, struct evhttp_request *r, ra_shown_reply *reply,
                    const ra_verdict *v);
/* What a request on a route gets that isn't carried out. */
void ra_reply_refusal(ra_loop *l, const ra_config *c, struct evhttp_request *r,
                      const ra_route_refusal *refusal);
/* OPTIONS on a route's path: the Allow header, and a preflight's answers. */
void ra_reply_options(ra_loop *l, const ra_config *c, struct evhttp_request *r, const char *allow);
/* A refusal {"code": …, "message": …} of a path that is no route's. `allow` is the Allow header's value or
 * NULL. */
void ra_reply_route_error(ra_loop *l, struct evhttp_request *r, int status, const char *code,
                          const char *message, const char *allow);
/* An error for the clients of AWS's XML protocols (S3, STS, EC2…), whose SDKs show it. */
void ra_reply_xml_error(ra_loop *l, struct evhttp_request *r, int status, const char *code,
                        const char *message);

#define RA_CONTENT_TYPE "application/x-amz-json-1.0"

#define RA_TYPE_SERIALIZATION     "com.amazon.coral.service#SerializationException"
#define RA_TYPE_UNKNOWN_OPERATION "com.amazon.coral.service#UnknownOperationException"
#define RA_TYPE_UNAVAILABLE       "com.amazonaws.dynamodb.v20120810#ServiceUnavailable"

#endif
