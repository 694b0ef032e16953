/*
 * The access log on the express way: what is kept of a request before it is taken out of the buffer, and its
 * line once it is answered. Nothing of this is run where there is no access log. Threads: the loop's.
 */
#ifndef RA_PROXY_EXPRESS_LOG_H
#define RA_PROXY_EXPRESS_LOG_H

#include "proxy/access_log_line.h"
#include "proxy/express_head.h"
#include "proxy/express_reply.h"
#include "proxy/metrics.h"
#include "proxy/server.h"

struct bufferevent;

/* Of one request, until it is answered. */
typedef struct ra_express_noted {
    ra_express_ids ids; /* `given` is a view of `id` */
    char id[RA_REQUEST_ID_GIVEN_MAX];
    bool sampled; /* the rest is set only then */
    bool traced;
    ra_trace trace;
    char operation[64], table[RA_ACCESS_NAME_MAX + 1], user_agent[RA_ACCESS_AGENT_MAX];
    size_t user_agent_n, bytes;
    const char *access_key; /* of the snapshot */
} ra_express_noted;

/* `lines` are the head's; `look` says whose it is. */
void ra_express_note(ra_loop *l, const ra_express_head *head, ra_http_lines lines, ra_bytes body,
                     const ra_lookup *look, ra_express_noted *out);
/* It has been answered by a hit of `bytes`. */
void ra_express_log(ra_loop *l, struct bufferevent *connection, const ra_express_noted *noted,
                    const ra_lookup *look, size_t bytes, int64_t us);

#endif
