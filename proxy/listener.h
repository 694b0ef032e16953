/*
 * The HTTP front end: sockets, evhttp, and what must be refused before a request is looked at.
 * Threads: the socket functions any; the rest on the loop.
 */
#ifndef RA_PROXY_LISTENER_H
#define RA_PROXY_LISTENER_H

#include "cache/bytes.h"
#include "config/config.h"

#include <event2/http.h>

struct ra_connections;

/*
 * Is the address free? Probed with a plain bind, since SO_REUSEPORT sockets of two processes would share a
 * port silently. Returns a socket bound to it with SO_REUSEPORT and listening; `port` 0 takes a free one. On
 * failure -1 with errno.
 */
int ra_listen_first(const ra_config_listen *c, uint16_t *port);
/* One more socket on the port that ra_listen_first took. */
int ra_listen_more(const ra_config_listen *c, uint16_t port);

/* evhttp on `fd` with the config's limits, where evhttp itself keeps them: what is a little over them is left
 * to us, for its own answers are in HTML. `received` is run for each request. NULL without memory. */
struct evhttp *ra_listener_new(struct event_base *base, const ra_config_listen *c, int fd,
                               void (*received)(struct evhttp_request *, void *), void *arg,
                               struct evhttp_bound_socket **socket);
/* These limits, for connections that come from now on; and for one that is there. */
void ra_listener_limit(struct evhttp *http, const ra_config_listen *c);
void ra_listener_limit_connection(struct evhttp_connection *http, const ra_config_listen *c);

/*
 * Framing that evhttp takes but two parties may read differently (RFC 9112 sections 3.2 and 6.3): a header
 * name that isn't a token, a NUL, a header over several lines, CONNECT, more than one Content-Length,
 * Transfer-Encoding or Host, an encoding other than chunked, or one besides a length, a compressed body. NULL
 * if all is well, else a static text. The connection must be closed after such a request. `all`: who has seen
 * its head; NULL: nobody.
 */
const char *ra_framing_problem(struct ra_connections *all, struct evhttp_request *request);

/* Is its head over listen.max_header_bytes or listen.max_headers? NULL if not, else a static text: status
 * 431, and the connection must be closed. */
const char *ra_listener_limits_problem(const ra_config_listen *c, struct evhttp_request *request);
/*
 * May the listener be called by this Host? Where it is not exposed, or has names (listen.hosts), it must be
 * called by an address, localhost, a name below that, or one of these; the port doesn't matter. So a web page
 * can't reach it by a name of its own that has been made to mean this machine. Without a Host header (p NULL)
 * no browser has asked.
 */
bool ra_listener_host_ok(const ra_config_listen *c, ra_bytes host);

/* The service in the Authorization header's credential scope ("s3"), or "" (in `out`). */
void ra_signed_service(struct evhttp_request *request, char *out, size_t size);

#endif
