/*
 * A host's addresses, without blocking the loop: those of /etc/hosts and of the name servers in
 * /etc/resolv.conf, by libevent's resolver. Both files are read anew for each lookup, so that a change of
 * them needs no restart, and a name server that was down once isn't avoided ever after. A numeric address is
 * its own.
 *
 * Ownership: the caller frees the lookup, in `done` at the earliest. Threads: the loop's.
 */
#ifndef RA_CACHE_REDIS_RESOLVE_H
#define RA_CACHE_REDIS_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct event_base;

enum { RA_REDIS_ADDRESSES_MAX = 8 }; /* more are left out */

typedef struct ra_redis_addresses {
    unsigned count;
    struct sockaddr_storage address[RA_REDIS_ADDRESSES_MAX];
    socklen_t len[RA_REDIS_ADDRESSES_MAX];
} ra_redis_addresses;

typedef struct ra_redis_lookup ra_redis_lookup;

typedef struct ra_redis_lookup_options {
    struct event_base *base;
    const char *host;
    uint16_t port;
    int64_t timeout;         /* ms: how long the caller will wait; a name server gets a third of it per try */
    const char *resolv_conf; /* NULL: /etc/resolv.conf */
    const char *hosts;       /* NULL: /etc/hosts */
    /* Once, from the loop. `why` is set if there are none. */
    void (*done)(const ra_redis_addresses *addresses, const char *why, void *arg);
    void *arg;
} ra_redis_lookup_options;

/* NULL: no memory. The strings needn't outlive the call. */
ra_redis_lookup *ra_redis_lookup_new(const ra_redis_lookup_options *o);
/* `done` doesn't run any more. If it hadn't yet, the loop must turn once more before it is freed: what
 * libevent holds for the lookup goes then. */
void ra_redis_lookup_free(ra_redis_lookup *l);

/* true: `host` is an address, and `to` holds it. */
bool ra_redis_address_of(const char *host, uint16_t port, ra_redis_addresses *to);

#endif
