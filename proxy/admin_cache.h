/* What the admin listener says and does about the cache: see proxy/admin.h. Threads: its own. */
#ifndef RA_PROXY_ADMIN_CACHE_H
#define RA_PROXY_ADMIN_CACHE_H

#include "proxy/admin.h"

void ra_admin_cache_ping(ra_admin *a, struct evhttp_request *r);
void ra_admin_cache_get(ra_admin *a, struct evhttp_request *r);
void ra_admin_cache_delete(ra_admin *a, struct evhttp_request *r);
/* Asks every loop for its counters, and answers once all have. */
void ra_admin_cache_stats(ra_admin *a, struct evhttp_request *r);

/* "memory", "redis", "momento". */
const char *ra_store_kind_name(enum ra_store_kind kind);

#endif
