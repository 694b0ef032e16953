#include "proxy/express.h"

#include "proxy/alias.h"
#include "proxy/clock.h"
#include "proxy/express_head.h"
#include "proxy/express_reply.h"
#include "proxy/express_write.h"
#include "proxy/log.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <stdlib.h>

enum { EXPRESS_MAGIC = 0x65787072, REQUEST_MAX = RA_EXPRESS_HEAD_MAX + RA_EXPRESS_BODY_MAX };

struct ra_express {
    uint32_t magic;
    ra_loop *loop;
    ra_aliases *aliases;
    ra_express_writes writes;
    ra_express_date date;
};

/* A callback on a buffer has one argument, and that is the connection. */
static ra_express *express_of_thread(void)
{
    ra_express *e = ra_loop_running()->express;
    if (e->magic != EXPRESS_MAGIC)
        ra_corrupt("express");
    return e;
}

ra_express *ra_express_new(ra_loop *l)
{
    ra_express *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->magic = EXPRESS_MAGIC;
    e->loop = l;
    e->aliases = ra_aliases_new(RA_ALIAS_BYTES);
    ra_express_writes_init(&e->writes, l);
    if (e->aliases)
        return e;
    free(e);
    return NULL;
}

void ra_express_free(ra_express *e)
{
    if (!e)
        return;
    ra_express_writes_fini(&e->writes);
    ra_aliases_free(e->aliases);
    e->magic = 0;
    free(e);
}

/* ---- one request ---- */

/* What has arrived, in one piece; a request that is longer isn't for the express way. */
static ra_bytes received(struct evbuffer *in)
{
    struct evbuffer_iovec v = {0};
    size_t n = evbuffer_get_length(in);
    n = n < REQUEST_MAX ? n : REQUEST_MAX;
    if (evbuffer_peek(in, (ev_ssize_t)n, NULL, &v, 1) == 1 && v.iov_len >= n)
        return (ra_bytes){v.iov_base, n};
    const unsigned char *p = evbuffer_pullup(in, (ev_ssize_t)n);
    return (ra_bytes){(const char *)p, p ? n : 0};
}

static bool look_up(ra_express *e, const ra_express_head *head, ra_bytes body, ra_lookup *look)
{
    ra_server *s = e->loop->server;
    ra_alias_basis basis = {
        .config = s->config, .tables_version = ra_tables_version(s->tables), .now = ra_clock_monotonic()};
    return ra_aliases_find(e->aliases, head->target, body, &basis, look) &&
           ra_store_peek(e->loop->store, basis.now, look);
}

/* The payload's reference goes with it. */
static ra_express_pending *reply(ra_express *e, struct bufferevent *connection, const ra_lookup *look)
{
    char head[RA_EXPRESS_REPLY_MAX];
    int64_t wall = ra_clock_wall();
    ra_verdict v = {.cache = RA_X_HIT,
                    .age = (wall - look->payload->filled_ms) / 1000,
                    .ttl = look->expires_in / 1000,
                    .detail = look->near ? "near" : NULL};
    size_t n = ra_express_reply(head, look->payload, &v, &e->date, wall);
    return ra_express_write(&e->writes, connection, (ra_bytes){head, n}, look->payload);
}

/* Answers the request at the beginning of the buffer and takes it out. false: that isn't to be done here.
 * *pending: its reply, if that isn't written out. */
static bool serve_one(ra_express *e, struct bufferevent *connection, struct evbuffer *in,
                      ra_express_pending **pending)
{
    ra_express_head head;
    ra_lookup look;
    ra_bytes all = received(in);
    if (e->loop->draining || !ra_express_head_read(all, &head) || all.n - head.head_n < head.body_n)
        return false;
    if (!look_up(e, &head, (ra_bytes){all.p + head.head_n, head.body_n}, &look))
        return false;
    evbuffer_drain(in, head.head_n + head.body_n);
    *pending = reply(e, connection, &look);
    return true;
}

/* ---- connections ---- */

/*
 * Invariant: while it is set, the buffer begins where a request begins (or is empty), no request of the
 * connection is evhttp's, and evhttp has nothing left to write.
 */
static void arrived(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
    struct bufferevent *connection = arg;
    if (info->n_added == 0)
        return; /* what we took out ourselves */
    ra_express *e = express_of_thread();
    ra_express_pending *pending = NULL;
    while (!pending && evbuffer_get_length(in)) {
        if (serve_one(e, connection, in, &pending))
            continue;
        evbuffer_remove_cb(in, arrived, connection);
        return;
    }
    /* The connection's next requests wait behind what is still being written. */
    if (evbuffer_get_length(in))
        ra_express_set_aside(pending, in);
}

static struct bufferevent *accepted(struct event_base *base, void *arg)
{
    struct bufferevent *connection = bufferevent_socket_new(base, -1, 0);
    (void)arg;
    if (connection)
        evbuffer_add_cb(bufferevent_get_input(connection), arrived, connection);
    return connection;
}

void ra_express_serve(ra_express *e, struct evhttp *http)
{
    evhttp_set_bevcb(http, accepted, e);
}

void ra_express_between(ra_express *e, struct evhttp_connection *connection)
{
    struct bufferevent *b = evhttp_connection_get_bufferevent(connection);
    (void)e;
    /* What has come already evhttp is going to read. */
    if (b && evbuffer_get_length(bufferevent_get_input(b)) == 0)
        evbuffer_add_cb(bufferevent_get_input(b), arrived, b);
}

void ra_express_learn(ra_express *e, ra_config *config, uint64_t tables_version, ra_bytes target,
                      ra_bytes body, const ra_lookup *look)
{
    const ra_server *s = e->loop->server;
    ra_alias_basis basis = {.config = config, .tables_version = tables_version, .now = ra_clock_monotonic()};
    if (config == s->config && tables_version == ra_tables_version(s->tables) &&
        body.n <= RA_EXPRESS_BODY_MAX && target.n <= RA_EXPRESS_HEAD_MAX)
        ra_aliases_learn(e->aliases, target, body, &basis, look);
}
