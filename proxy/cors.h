/*
 * Cross-origin requests to routes: WHATWG Fetch, section "CORS protocol". Pure but for the headers it adds.
 * Threads: the loop's.
 */
#ifndef RA_PROXY_CORS_H
#define RA_PROXY_CORS_H

#include "config/config.h"

struct evkeyvalq;

/*
 * Adds to a route's reply what its Origin may read: Access-Control-Allow-Origin, -Allow-Credentials,
 * -Expose-Headers, and Vary: Origin unless the config allows "*". Nothing where the config names no origin.
 */
void ra_cors_add(const ra_config *c, const struct evkeyvalq *request, struct evkeyvalq *reply);
/*
 * The same for the reply to OPTIONS on a route's path. `allow` is the Allow header's value ("GET, HEAD,
 * OPTIONS"), which is added too; a preflight (Origin and Access-Control-Request-Method are there) of an
 * allowed origin also gets the methods, the allowed request headers and how long that holds.
 */
void ra_cors_add_preflight(const ra_config *c, const struct evkeyvalq *request, const char *allow,
                           struct evkeyvalq *reply);

#endif
