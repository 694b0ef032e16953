/*
 * TLS to a Redis server, by OpenSSL 3. The contexts are made by ra_redis_tls_new (redis_conn.h).
 */
#ifndef RA_CACHE_REDIS_TLS_H
#define RA_CACHE_REDIS_TLS_H

#include "cache/redis_conn.h"

struct bufferevent;
struct ssl_st;

/* A session that checks that the server is `host` (a name or an address); freed with SSL_free. NULL: no
 * memory, or `host` can't be a server's name. */
struct ssl_st *ra_redis_tls_session(struct ssl_ctx_st *tls, const char *host);
/* After a bufferevent's error: OpenSSL's reason into `why`; false: it has none, look at errno. */
bool ra_redis_tls_why(struct bufferevent *bev, char *why, size_t size);

#endif
