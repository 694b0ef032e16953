/* The server that cache.redis of the config names: for a connection, and for a person. Pure. */
#ifndef RA_PROXY_REDIS_SERVER_H
#define RA_PROXY_REDIS_SERVER_H

#include "cache/redis_conn.h"
#include "config/config.h"

/* Where it is, who we are there, and for how long to try. The strings are the config's. */
ra_redis_options ra_redis_server_options(const ra_config_redis *c);

enum { RA_REDIS_WHERE_MAX = 320 };
/* "127.0.0.1:6379", or the socket's path. Never the user or the password. */
void ra_redis_server_where(const ra_config_redis *c, char out[RA_REDIS_WHERE_MAX]);

#endif
