/*
 * How many connections clients may have, over all loops of one listener: in all, and of one address. An
 * address is an IPv4 address (also where it comes as IPv6's ::ffff:a.b.c.d) or the first 64 bits of an IPv6
 * one, for a client may take any of the others.
 *
 * Threads: any; a short mutex. Memory: one record per address that has a connection.
 */
#ifndef RA_PROXY_CONNECTION_LIMITS_H
#define RA_PROXY_CONNECTION_LIMITS_H

#include "config/config.h"

struct sockaddr;

typedef struct ra_connection_limits ra_connection_limits;

/* Whom a connection is counted for. */
typedef struct ra_peer {
    uint64_t network;
    bool v6;
} ra_peer;

ra_peer ra_peer_of(const struct sockaddr *address); /* all that are neither IPv4 nor IPv6 are one */

/* `option` is the listener's place in the configuration ("listen"), for messages; static. NULL: no memory. */
ra_connection_limits *ra_connection_limits_new(const ra_config_listen *c, const char *option);
void ra_connection_limits_free(ra_connection_limits *l); /* NULL is allowed */
/* Other limits, for connections that come from now on. */
void ra_connection_limits_renew(ra_connection_limits *l, const ra_config_listen *c);

/* One connection more. false: there are enough, or there is no memory; that is logged, though not each time.
 * `now`: monotonic. */
bool ra_connection_limits_enter(ra_connection_limits *l, ra_peer peer, int64_t now);
/* One that entered has gone. */
void ra_connection_limits_leave(ra_connection_limits *l, ra_peer peer);

/* How many there are. */
unsigned ra_connection_limits_count(ra_connection_limits *l);

#endif
