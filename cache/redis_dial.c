#include "cache/redis_dial.h"

#include "cache/redis_resolve.h"
#include "cache/redis_tls.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

enum { MAGIC = 0x7264696c, WHY_MAX = 256 };

struct ra_redis_dial {
    unsigned magic;
    const ra_redis_options *o;
    ra_redis_dialled done;
    void *arg;
    ra_redis_lookup *lookup; /* while the name is looked up */
    struct bufferevent *bev; /* while one of the addresses is tried */
    ra_redis_addresses addresses;
    unsigned tried; /* of them, in this attempt */
    unsigned first; /* which of them is tried first: those that kept silent an attempt long come last */
};

static ra_redis_dial *checked(void *p)
{
    ra_redis_dial *d = p;
    if (d->magic != MAGIC) {
        fputs("redis_dial: a callback got something that isn't a dialler\n", stderr);
        abort();
    }
    return d;
}

static void let_go(ra_redis_dial *d)
{
    ra_redis_lookup_free(d->lookup);
    if (d->bev)
        bufferevent_free(d->bev);
    d->lookup = NULL;
    d->bev = NULL;
}

static void failed(ra_redis_dial *d, const char *what, const char *text)
{
    char why[WHY_MAX];
    snprintf(why, sizeof why, "%s%s", what, text);
    let_go(d);
    d->done(NULL, why, d->arg);
}

/* ---- one address ---- */

static void connected(ra_redis_dial *d)
{
    struct bufferevent *bev = d->bev;
    evutil_socket_t fd = bufferevent_getfd(bev);
    int on = 1;
    /* A command must not wait for the acknowledgement of the one before. Fails on a unix socket, which has no
     * such thing. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)evutil_make_socket_closeonexec(fd);
    d->bev = NULL;
    d->first = 0;
    d->done(bev, NULL, d->arg);
}

static void dial_next(ra_redis_dial *d);

/* An address that refuses is followed by the next one. One that was reached but isn't to be trusted is the
 * end: that is what a person should hear of. */
static void not_connected(ra_redis_dial *d, short what, int error)
{
    char why[WHY_MAX];
    if (d->o->tls && ra_redis_tls_why(d->bev, why, sizeof why)) {
        failed(d, why, "");
        return;
    }
    bufferevent_free(d->bev);
    d->bev = NULL;
    if (d->tried < d->addresses.count) {
        dial_next(d);
        return;
    }
    bool text = what & BEV_EVENT_ERROR && error;
    failed(d,
           "connecting: ", text ? evutil_socket_error_to_string(error) : "the server closed the connection");
}

static void happened(struct bufferevent *bev, short what, void *arg)
{
    int error = EVUTIL_SOCKET_ERROR();
    ra_redis_dial *d = checked(arg);
    (void)bev;
    if (what & BEV_EVENT_CONNECTED)
        connected(d);
    else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        not_connected(d, what, error);
}

static struct bufferevent *bufferevent_of(const ra_redis_options *o)
{
    if (!o->tls)
        return bufferevent_socket_new(o->base, -1, BEV_OPT_CLOSE_ON_FREE);
    SSL *s = ra_redis_tls_session(o->tls, o->host);
    if (!s)
        return NULL;
    struct bufferevent *bev =
        bufferevent_openssl_socket_new(o->base, -1, s, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    if (!bev)
        SSL_free(s);
    return bev;
}

/* No reading yet: a server may speak first, and nobody would take it. TLS reads for its own sake. */
static void dial_next(ra_redis_dial *d)
{
    unsigned i = (d->first + d->tried++) % d->addresses.count;
    d->bev = bufferevent_of(d->o);
    if (!d->bev) {
        failed(d, "no memory", "");
        return;
    }
    bufferevent_setcb(d->bev, NULL, NULL, happened, d);
    struct sockaddr *to = (struct sockaddr *)&d->addresses.address[i];
    if (bufferevent_socket_connect(d->bev, to, (int)d->addresses.len[i]) != 0)
        not_connected(d, BEV_EVENT_ERROR, EVUTIL_SOCKET_ERROR());
}

/* ---- the addresses ---- */

static void looked_up(const ra_redis_addresses *addresses, const char *why, void *arg)
{
    ra_redis_dial *d = checked(arg);
    if (why) {
        failed(d, "looking up the host: ", why);
        return;
    }
    d->addresses = *addresses;
    ra_redis_lookup_free(d->lookup);
    d->lookup = NULL;
    dial_next(d);
}

static void look_up(ra_redis_dial *d)
{
    const ra_redis_lookup_options o = {.base = d->o->base,
                                       .host = d->o->host,
                                       .port = d->o->port,
                                       .timeout = d->o->connect_timeout,
                                       .resolv_conf = d->o->resolv_conf,
                                       .hosts = d->o->hosts,
                                       .done = looked_up,
                                       .arg = d};
    d->lookup = ra_redis_lookup_new(&o);
    if (!d->lookup)
        failed(d, "no memory", "");
}

static bool socket_path(ra_redis_dial *d)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    size_t n = strlen(d->o->socket);
    if (n >= sizeof path.sun_path)
        return false;
    memcpy(path.sun_path, d->o->socket, n + 1);
    d->addresses = (ra_redis_addresses){.count = 1, .len = {sizeof path}};
    memcpy(&d->addresses.address[0], &path, sizeof path);
    return true;
}

/* ---- attempts ---- */

void ra_redis_dial_begin(ra_redis_dial *d)
{
    d->tried = 0;
    if (!d->o->host && !socket_path(d))
        failed(d, "connecting: the socket's path is too long", "");
    else if (!d->o->host || ra_redis_address_of(d->o->host, d->o->port, &d->addresses))
        dial_next(d);
    else
        look_up(d);
}

const char *ra_redis_dial_stop(ra_redis_dial *d)
{
    const char *at = d->lookup ? "looking up the host" : "connecting";
    if (d->bev)
        d->first += d->tried;
    let_go(d);
    return at;
}

void ra_redis_dial_why(struct bufferevent *bev, short what, int error, char *why, size_t size)
{
    bool text = what & BEV_EVENT_ERROR && error;
    if (what & BEV_EVENT_ERROR && ra_redis_tls_why(bev, why, size))
        return;
    snprintf(why, size, "%s",
             text ? evutil_socket_error_to_string(error) : "the server closed the connection");
}

ra_redis_dial *ra_redis_dial_new(const ra_redis_options *o, ra_redis_dialled done, void *arg)
{
    ra_redis_dial *d = calloc(1, sizeof *d);
    if (d)
        *d = (ra_redis_dial){.magic = MAGIC, .o = o, .done = done, .arg = arg};
    return d;
}

void ra_redis_dial_free(ra_redis_dial *d)
{
    if (!d)
        return;
    let_go(d);
    d->magic = 0;
    free(d);
}
