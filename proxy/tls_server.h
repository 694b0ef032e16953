/*
 * What a listener shows over TLS: its certificate, its key, and whose certificates it asks for. TLS 1.2 and
 * up; no renegotiation, no compression; sessions are resumed by tickets, nothing is kept of them here.
 *
 * A reload reads the files anew. Connections that come after it get what it has read; those that are there
 * live on with what they have.
 *
 * Threads: any; a short mutex.
 */
#ifndef RA_PROXY_TLS_SERVER_H
#define RA_PROXY_TLS_SERVER_H

#include "config/config.h"

struct bufferevent;
struct event_base;
struct ssl_ctx_st;

typedef struct ra_tls_server ra_tls_server;

enum { RA_TLS_WHY_MAX = 512 };

/* What the files (cert_file is given) say. NULL: why they can't be used, and which member of the
 * configuration's object it is that is wrong (".key_file"), "" if none is. */
struct ssl_ctx_st *ra_tls_context_new(const ra_config_tls *files, const char **member,
                                      char why[RA_TLS_WHY_MAX]);

/* `option` is the files' place in the configuration ("listen.tls"). NULL with a message logged. */
ra_tls_server *ra_tls_server_new(const ra_config_tls *files, const char *option);
void ra_tls_server_free(ra_tls_server *t); /* NULL is allowed */
/* From now on this one is shown. */
void ra_tls_server_show(ra_tls_server *t, struct ssl_ctx_st *context_take);

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
