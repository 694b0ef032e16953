/* Where a Redis server is and who we are there, as one URL. */
#ifndef RA_CONFIG_REDIS_URL_H
#define RA_CONFIG_REDIS_URL_H

#include "config/config.h"
#include "config/pool.h"

enum { RA_REDIS_PORT = 6379, RA_REDIS_DATABASE_MOST = 65535, RA_REDIS_SOCKET_MOST = 107 };

/*
 * Reads one of
 *
 *   redis://[user[:password]@]host[:port][/database]    and rediss:// for TLS
 *   unix://[user[:password]@]/path[?db=database]
 *
 * into `out`, whose strings then are the pool's. User, password and path may be percent-encoded. Returns
 * NULL, or what is wrong with the text in words that don't repeat it: it may hold a password. `out` is then
 * untouched. Source: the IANA registrations of "redis" and "rediss"; "unix" as redis-py has it.
 */
const char *ra_redis_url_parse(const char *text, ra_pool *pool, ra_config_redis *out);

#endif
