/* The head of a hit's reply, as bytes: what ra_reply_payload has evhttp say, for the express way. */
#ifndef RA_PROXY_EXPRESS_REPLY_H
#define RA_PROXY_EXPRESS_REPLY_H

#include "cache/payload.h"
#include "proxy/http_date.h"
#include "proxy/reply.h"

enum { RA_EXPRESS_REPLY_MAX = 512 };

/* Its length. `wall`: ms since the epoch. */
size_t ra_express_reply(char out[RA_EXPRESS_REPLY_MAX], const ra_payload *p, const ra_verdict *v,
                        ra_http_date *date, int64_t wall);

#endif
