/* The head of a hit's reply, as bytes: what ra_reply_payload has evhttp say, for the express way. */
#ifndef RA_PROXY_EXPRESS_REPLY_H
#define RA_PROXY_EXPRESS_REPLY_H

#include "cache/payload.h"
#include "proxy/http_date.h"
#include "proxy/reply.h"
#include "proxy/request_id.h"

enum { RA_EXPRESS_REPLY_MAX = 704 };

/* For the access log: what the request is called. */
typedef struct ra_express_ids {
    ra_bytes given; /* by its client: X-Request-Id, RA_REQUEST_ID_GIVEN_MAX at most; n 0: by nobody */
    char made[RA_REQUEST_ID_CHARS]; /* set: x-amzn-RequestId */
} ra_express_ids;

/* Its length. `wall`: ms since the epoch. `ids`: NULL: nobody wants to know. */
size_t ra_express_reply(char out[RA_EXPRESS_REPLY_MAX], const ra_payload *p, const ra_verdict *v,
                        ra_http_date *date, int64_t wall, ra_express_ids *ids);

#endif
