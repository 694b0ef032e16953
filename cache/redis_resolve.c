#include "cache/redis_resolve.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC = 0x72726573 };

/*
 * libevent may answer before evdns_getaddrinfo returns (/etc/hosts), or from deep within itself; so an answer
 * is kept, and `deliver` takes it to the caller from the loop. When a lookup is given up libevent still calls
 * once, a turn later: until then `asking` keeps it in memory, without its resolver.
 */
struct ra_redis_lookup {
    unsigned magic;
    bool asking; /* libevent will call `answered` */
    bool freed;
    struct evdns_base *dns;
    struct event *deliver;
    ra_redis_addresses found;
    const char *why;
    void (*done)(const ra_redis_addresses *addresses, const char *why, void *arg);
    void *arg;
};

static ra_redis_lookup *checked(void *p)
{
    ra_redis_lookup *l = p;
    if (l->magic != MAGIC) {
        fputs("redis_resolve: corrupted\n", stderr);
        abort();
    }
    return l;
}

bool ra_redis_address_of(const char *host, uint16_t port, ra_redis_addresses *to)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    *to = (ra_redis_addresses){0};
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        to->len[0] = sizeof v4;
        memcpy(&to->address[0], &v4, sizeof v4);
    } else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        to->len[0] = sizeof v6;
        memcpy(&to->address[0], &v6, sizeof v6);
    } else {
        return false;
    }
    to->count = 1;
    return true;
}

static void let_go(ra_redis_lookup *l)
{
    l->magic = 0;
    free(l);
}

static void deliver(evutil_socket_t fd, short what, void *arg)
{
    ra_redis_lookup *l = checked(arg);
    (void)fd;
    (void)what;
    l->done(&l->found, l->found.count ? NULL : l->why, l->arg);
}

static void answered(int error, struct evutil_addrinfo *list, void *arg)
{
    ra_redis_lookup *l = checked(arg);
    l->asking = false;
    for (struct evutil_addrinfo *a = list; a && !error && l->found.count < RA_REDIS_ADDRESSES_MAX;
         a = a->ai_next) {
        if (a->ai_addrlen > sizeof l->found.address[0])
            continue;
        memcpy(&l->found.address[l->found.count], a->ai_addr, a->ai_addrlen);
        l->found.len[l->found.count++] = a->ai_addrlen;
    }
    if (list)
        evutil_freeaddrinfo(list);
    if (l->freed) {
        let_go(l);
        return;
    }
    l->why = error ? evutil_gai_strerror(error) : "no address of a usable kind";
    event_active(l->deliver, EV_TIMEOUT, 1);
}

static void configure(struct evdns_base *dns, const ra_redis_lookup_options *o)
{
    char seconds[32];
    double each = (double)o->timeout / 3000;
    snprintf(seconds, sizeof seconds, "%.3f", each > 5 ? 5 : each < 0.01 ? 0.01 : each);
    /* A missing file means the usual defaults: the name server on this machine, and localhost. */
    evdns_base_resolv_conf_parse(dns, DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC,
                                 o->resolv_conf ? o->resolv_conf : "/etc/resolv.conf");
    evdns_base_load_hosts(dns, o->hosts ? o->hosts : "/etc/hosts");
    /* Names are sent as they are written: some name servers give back another case than was asked for. */
    evdns_base_set_option(dns, "randomize-case:", "0");
    evdns_base_set_option(dns, "timeout:", seconds);
    /* how long the addresses of one family wait for those of the other */
    evdns_base_set_option(dns, "getaddrinfo-allow-skew:", seconds);
}

ra_redis_lookup *ra_redis_lookup_new(const ra_redis_lookup_options *o)
{
    ra_redis_lookup *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->magic = MAGIC;
    l->done = o->done;
    l->arg = o->arg;
    l->dns = evdns_base_new(o->base, 0);
    l->deliver = event_new(o->base, -1, 0, deliver, l);
    if (!l->dns || !l->deliver) {
        ra_redis_lookup_free(l);
        return NULL;
    }
    configure(l->dns, o);
    char port[8];
    snprintf(port, sizeof port, "%u", o->port);
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    l->asking = true;
    evdns_getaddrinfo(l->dns, o->host, port, &hints, answered, l);
    return l;
}

void ra_redis_lookup_free(ra_redis_lookup *l)
{
    if (!l)
        return;
    l->freed = true;
    if (l->deliver)
        event_free(l->deliver);
    if (l->dns)
        evdns_base_free(l->dns, 1); /* ends what is asked: `answered` runs, a turn later */
    l->deliver = NULL;
    l->dns = NULL;
    if (!l->asking)
        let_go(l);
}
