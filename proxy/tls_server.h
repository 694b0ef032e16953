/*
 * What a listener shows over TLS: its certificate, its key, and whose certificates it asks for. TLS 1.2 and
 * up; no renegotiation, no compression; sessions are resumed by tickets, nothing is kept of them here.
 *
 * A reload reads the files anew. Connections that come after it get what it has read; those that are there
 * live on with what they have. What can't be loaded changes nothing.
 *
 * Threads: any; a short mutex.
 */
#ifndef RA_PROXY_TLS_SERVER_H
#define RA_PROXY_TLS_SERVER_H

#include "config/config.h"

struct bufferevent;
struct event_base;

typedef struct ra_tls_server ra_tls_server;

/* `files` (cert_file is given) and `option`, its place in the configuration ("listen.tls"), must outlive it.
 * NULL with a message logged. */
ra_tls_server *ra_tls_server_new(const ra_config_tls *files, const char *option);
void ra_tls_server_free(ra_tls_server *t); /* NULL is allowed */
/* false with a message logged: what was shown is shown on. */
bool ra_tls_server_reload(ra_tls_server *t);

/*
 * A connection whose socket evhttp is going to set. It closes the socket when it is freed. Its callbacks
 * never run from within the calls made to it: evhttp, which writes and goes on with what it has, couldn't
 * take it. NULL: no memory.
 */
struct bufferevent *ra_tls_server_accept(ra_tls_server *t, struct event_base *base);

/* Is it a connection of TLS? Nothing may be written to its socket but by itself. */
bool ra_tls_is(struct bufferevent *connection);
/* Tells the client that nothing more will come, if that can be told. Before its socket is closed. */
void ra_tls_say_goodbye(struct bufferevent *connection);

#endif
