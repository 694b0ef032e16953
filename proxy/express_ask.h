/*
 * Waiting for the store on the express way: a request that was asked before, whose reply must be fetched from
 * a network store. Meanwhile the connection is ours: evhttp's callbacks are taken off it, so that it neither
 * reads the request, which stays in the input buffer, nor frees the connection. In the end they are put back.
 * What the client sends behind the request waits in the buffer, up to RA_EXPRESS_WAITING_MAX bytes, then in
 * the socket. That the client has gone evhttp finds out afterwards.
 *
 * Threads: the loop's.
 */
#ifndef RA_PROXY_EXPRESS_ASK_H
#define RA_PROXY_EXPRESS_ASK_H

#include "cache/store.h"
#include "proxy/server.h"

struct bufferevent;

enum { RA_EXPRESS_WAITING_MAX = 64 * 1024 };

typedef struct ra_express_asked ra_express_asked;

/* The request is the first `n` bytes of the input, and was there at `began_us`. `look` is a hit, with a
 * reference to its payload, the callee's; or NULL: it isn't known to be one. evhttp's callbacks are on the
 * connection again. */
typedef void (*ra_express_answered)(struct ra_express *e, struct bufferevent *connection, size_t n,
                                    ra_lookup *look, int64_t began_us);

typedef struct ra_express_asks {
    ra_loop *loop;
    ra_express_answered answered;
    ra_express_asked *pending;
} ra_express_asks;

void ra_express_asks_init(ra_express_asks *a, ra_loop *l, ra_express_answered answered);
/* Nobody is told; the connections are evhttp's again. */
void ra_express_asks_fini(ra_express_asks *a);

/* For a request of `n` bytes that was there at `began_us` (monotonic). true: `answered` will run, on this
 * thread, after this has returned. false: nothing has changed. */
bool ra_express_ask(ra_express_asks *a, struct bufferevent *connection, size_t n, const ra_lookup *look,
                    int64_t began_us);

#endif
