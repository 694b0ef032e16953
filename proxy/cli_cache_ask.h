/*
 * The store that a configuration names, asked by a command: Redis and Momento themselves; the in-process one
 * through the admin address of the proxy that it is in. Threads: main's only.
 */
#ifndef RA_PROXY_CLI_CACHE_ASK_H
#define RA_PROXY_CLI_CACHE_ASK_H

#include "cache/unit_view.h"
#include "config/config.h"

enum { RA_CACHE_ASK_WHY_MAX = 768, RA_CACHE_ASK_DETAIL_MAX = 256, RA_CACHE_ASK_WHERE_MAX = 512 };

typedef struct ra_cache_ask ra_cache_ask;

typedef struct ra_cache_pong {
    int64_t connect_us;                   /* until the first answer, connecting included */
    int64_t ping_us;                      /* an answer on a connection that is there */
    char detail[RA_CACHE_ASK_DETAIL_MAX]; /* what else is known: "Redis 7.0.15, master" */
} ra_cache_pong;

/* Begins to connect. NULL: `why` says why not; *wrong: it is the configuration's fault. */
ra_cache_ask *ra_cache_ask_new(const ra_config *c, char why[RA_CACHE_ASK_WHY_MAX], bool *wrong);
void ra_cache_ask_free(ra_cache_ask *a); /* NULL is allowed */
/* Where the store is, for a person: "redis 127.0.0.1:6379". Good without having asked. */
void ra_cache_ask_where(const ra_config *c, char out[RA_CACHE_ASK_WHERE_MAX]);
/* What went wrong with the call that has failed. */
const char *ra_cache_ask_why(const ra_cache_ask *a);

/* All: false, see _why. */
bool ra_cache_ask_ping(ra_cache_ask *a, ra_cache_pong *out);
bool ra_cache_ask_units(ra_cache_ask *a, ra_unit_view *v, size_t n);
/* dropped[i]: it had a generation, and perhaps entries. */
bool ra_cache_ask_drop(ra_cache_ask *a, const ra_key *units, size_t n, bool *dropped);

#endif
