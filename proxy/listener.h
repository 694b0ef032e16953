/*
 * The HTTP front end: sockets, evhttp, and what must be refused before a request is looked at.
 * Threads: the socket functions any; the rest on the loop.
 */
#ifndef RA_PROXY_LISTENER_H
#define RA_PROXY_LISTENER_H

#include "config/config.h"

#include <event2/http.h>

/*
 * Is the address free? Probed with a plain bind, since SO_REUSEPORT sockets of two processes would share a
 * port silently. Returns a socket bound to it with SO_REUSEPORT and listening; `port` 0 takes a free one. On
 * failure -1 with errno.
 */
int ra_listen_first(const ra_config_listen *c, uint16_t *port);
/* One more socket on the port that ra_listen_first took. */
int ra_listen_more(const ra_config_listen *c, uint16_t port);

/* evhttp on `fd` with the config's limits; `received` is run for each request. NULL without memory. */
struct evhttp *ra_listener_new(struct event_base *base, const ra_config_listen *c, int fd,
                               void (*received)(struct evhttp_request *, void *), void *arg,
                               struct evhttp_bound_socket **socket);

/*
 * Framing that evhttp takes but two parties may read differently (RFC 9112 section 6.3): a header name that
 * isn't a token, more than one Content-Length or Transfer-Encoding, both of them, an encoding other than
 * chunked, a compressed body. NULL if all is well, else a static text. The connection must be closed after
 * such a request.
 */
const char *ra_framing_problem(struct evhttp_request *request);

/* The service in the Authorization header's credential scope ("s3"), or "" (in `out`). */
void ra_signed_service(struct evhttp_request *request, char *out, size_t size);

#endif
