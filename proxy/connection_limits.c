#include "proxy/connection_limits.h"

#include "proxy/log.h"
#include "proxy/log_seldom.h"

#include <netinet/in.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_FIRST = 64 };

typedef struct record {
    struct record *next;
    ra_peer peer;
    unsigned n; /* of its connections; never 0 */
} record;

struct ra_connection_limits {
    pthread_mutex_t mutex;
    const char *option;
    unsigned most, most_per_address; /* 0: no limit */
    unsigned n;
    record **buckets;
    size_t nbuckets; /* a power of two */
    size_t nrecords;
    uint64_t seed; /* clients choose their addresses, but not where these end up */
    ra_seldom said_most, said_per_address;
};

ra_peer ra_peer_of(const struct sockaddr *address)
{
    ra_peer peer = {0};
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        peer.network = v4.sin_addr.s_addr;
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        uint32_t low;
        memcpy(&v6, address, sizeof v6);
        peer.v6 = !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
        memcpy(&low, v6.sin6_addr.s6_addr + 12, sizeof low);
        if (peer.v6)
            memcpy(&peer.network, v6.sin6_addr.s6_addr, sizeof peer.network);
        else
            peer.network = low;
    }
    return peer;
}

ra_connection_limits *ra_connection_limits_new(const ra_config_listen *c, const char *option)
{
    ra_connection_limits *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    pthread_mutex_init(&l->mutex, NULL);
    l->option = option;
    ra_connection_limits_renew(l, c);
    l->nbuckets = BUCKETS_FIRST;
    l->buckets = calloc(l->nbuckets, sizeof(record *));
    if (l->buckets && RAND_bytes((unsigned char *)&l->seed, sizeof l->seed) == 1)
        return l;
    ra_connection_limits_free(l);
    return NULL;
}

void ra_connection_limits_renew(ra_connection_limits *l, const ra_config_listen *c)
{
    pthread_mutex_lock(&l->mutex);
    l->most = c->max_connections;
    l->most_per_address = c->max_connections_per_address;
    pthread_mutex_unlock(&l->mutex);
}

void ra_connection_limits_free(ra_connection_limits *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->nbuckets && l->buckets; i++)
        for (record *r = l->buckets[i], *next; r; r = next) {
            next = r->next;
            free(r);
        }
    free(l->buckets);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

/* ---- by address; under the mutex ---- */

static size_t bucket_of(const ra_connection_limits *l, ra_peer peer)
{
    uint64_t h = (peer.network ^ l->seed) + peer.v6;
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
    return (size_t)(h >> 32) & (l->nbuckets - 1);
}

/* Where its record hangs, or would. */
static record **place_of(const ra_connection_limits *l, ra_peer peer)
{
    record **at = &l->buckets[bucket_of(l, peer)];
    while (*at && ((*at)->peer.network != peer.network || (*at)->peer.v6 != peer.v6))
        at = &(*at)->next;
    return at;
}

/* Without memory the chains just get longer. */
static void grow(ra_connection_limits *l)
{
    size_t old_n = l->nbuckets;
    record **old = l->buckets, **more = calloc(2 * old_n, sizeof(record *));
    if (!more)
        return;
    l->buckets = more;
    l->nbuckets = 2 * old_n;
    for (size_t i = 0; i < old_n; i++)
        for (record *r = old[i], *next; r; r = next) {
            next = r->next;
            record **at = &more[bucket_of(l, r->peer)];
            r->next = *at;
            *at = r;
        }
    free(old);
}

/* false: it has enough, or there is no memory (then *at is NULL). */
static bool count_in(ra_connection_limits *l, ra_peer peer)
{
    record **at = place_of(l, peer);
    if (*at && l->most_per_address && (*at)->n >= l->most_per_address)
        return false;
    if (!*at) {
        record *r = calloc(1, sizeof *r);
        if (!r)
            return false;
        r->peer = peer;
        *at = r;
        l->nrecords++;
    }
    (*at)->n++;
    if (l->nrecords > l->nbuckets)
        grow(l);
    return true;
}

static void count_out(ra_connection_limits *l, ra_peer peer)
{
    record **at = place_of(l, peer), *r = *at;
    if (!r)
        ra_corrupt("connections of an address");
    if (--r->n)
        return;
    *at = r->next;
    free(r);
    l->nrecords--;
}

/* ---- connections ---- */

static void say(const char *option, const char *limit, unsigned most, unsigned long refused)
{
    ra_log(RA_LOG_WARNING, "%lu connection%s refused: %s.%s (%u) is reached", refused,
           refused == 1 ? "" : "s", option, limit, most);
}

bool ra_connection_limits_enter(ra_connection_limits *l, ra_peer peer, int64_t now)
{
    pthread_mutex_lock(&l->mutex);
    bool full = l->most && l->n >= l->most;
    bool in = !full && count_in(l, peer);
    l->n += in;
    unsigned long refused = in ? 0 : ra_seldom_say(full ? &l->said_most : &l->said_per_address, now);
    unsigned most = full ? l->most : l->most_per_address;
    pthread_mutex_unlock(&l->mutex);
    if (refused)
        say(l->option, full ? "max_connections" : "max_connections_per_address", most, refused);
    return in;
}

void ra_connection_limits_leave(ra_connection_limits *l, ra_peer peer)
{
    pthread_mutex_lock(&l->mutex);
    if (l->n == 0)
        ra_corrupt("the number of connections");
    l->n--;
    count_out(l, peer);
    pthread_mutex_unlock(&l->mutex);
}

unsigned ra_connection_limits_count(ra_connection_limits *l)
{
    pthread_mutex_lock(&l->mutex);
    unsigned n = l->n;
    pthread_mutex_unlock(&l->mutex);
    return n;
}
