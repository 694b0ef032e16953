#include "proxy/express.h"

#include "proxy/alias.h"
#include "proxy/capacity.h"
#include "proxy/clock.h"
#include "proxy/express_ask.h"
#include "proxy/express_auth.h"
#include "proxy/express_head.h"
#include "proxy/express_log.h"
#include "proxy/express_reply.h"
#include "proxy/express_write.h"
#include "proxy/follow.h"
#include "proxy/freshness.h"
#include "proxy/listener.h"
#include "proxy/log.h"
#include "proxy/metrics.h"
#include "proxy/request.h"
#include "proxy/snapshot.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>

enum { EXPRESS_MAGIC = 0x65787072, REQUEST_MAX = RA_EXPRESS_HEAD_MAX + RA_EXPRESS_BODY_MAX };

struct ra_express {
    uint32_t magic;
    ra_loop *loop;
    ra_aliases *aliases;
    ra_express_writes writes;
    ra_express_asks asks;
    ra_http_date date;
    ra_http_line lines[RA_EXPRESS_LINES_MAX]; /* of the head that is being read, where somebody wants them */
    ra_express_noted noted;                   /* of the request that is being answered, for the access log */
};

static void answered(ra_express *e, struct bufferevent *connection, size_t n, ra_lookup *look,
                     int64_t began_us);

ra_express *ra_express_new(ra_loop *l)
{
    ra_express *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->magic = EXPRESS_MAGIC;
    e->loop = l;
    e->aliases = ra_aliases_new(RA_ALIAS_BYTES);
    ra_express_writes_init(&e->writes, l);
    ra_express_asks_init(&e->asks, l, answered);
    if (e->aliases)
        return e;
    free(e);
    return NULL;
}

void ra_express_free(ra_express *e)
{
    if (!e)
        return;
    ra_express_asks_fini(&e->asks);
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

/* What has become of the request at the beginning of the buffer. */
enum served {
    NOT_HERE, /* it is evhttp's */
    ANSWERED, /* and taken out */
    ASKED     /* the store is being asked; it is still there */
};

/* What is asked, and by whom as the request says. false: by nobody whom we know. */
static bool asked_by(const ra_express *e, const ra_express_head *head, ra_bytes body, ra_alias_asked *asked)
{
    *asked = (ra_alias_asked){.target = head->target, .body = body};
    if (!e->loop->snapshot->access_keys)
        return true;
    const ra_access_key *key = ra_express_claimed(e->loop, (ra_http_lines){e->lines, head->nlines});
    asked->principal = key ? key->serial : 0;
    return key != NULL;
}

/* Is it by whom it says, if that matters? */
static bool is_proven(ra_express *e, const ra_express_head *head, const ra_alias_asked *asked)
{
    return !e->loop->snapshot->access_keys ||
           ra_express_signed(e->loop, (ra_http_lines){e->lines, head->nlines}, asked->body, asked->principal);
}

/* What is over a limit the whole way refuses. */
static bool is_within_limits(const ra_config_listen *c, const ra_express_head *head)
{
    return (!c->max_headers || head->nlines <= c->max_headers) &&
           (!c->max_header_bytes || head->head_n <= c->max_header_bytes);
}

/* Is it as fresh as the TTL now wants it? Else it has been dropped, and the whole way says what it is. */
static bool still_counts(ra_lookup *look)
{
    ra_freshness_judge(look, ra_clock_wall());
    if (look->outcome == RA_LOOKUP_HIT)
        return true;
    ra_payload_unref(look->payload);
    look->payload = NULL;
    return false;
}

static enum served look_up(ra_express *e, struct bufferevent *connection, const ra_express_head *head,
                           ra_bytes body, ra_lookup *look, int64_t began_us)
{
    ra_server *s = e->loop->server;
    ra_alias_asked asked;
    ra_loop *l = e->loop;
    ra_alias_basis basis = {
        .config = l->config, .tables_version = ra_tables_version(s->tables), .now = began_us / 1000};
    if (ra_follows_any_lags(s->follows, ra_clock_wall()) || !is_within_limits(&l->config->listen, head) ||
        !ra_listener_host_ok(&l->config->listen, head->host) || !asked_by(e, head, body, &asked) ||
        !ra_aliases_find(e->aliases, &asked, &basis, look) || !is_proven(e, head, &asked) ||
        (l->config->compare_most && ra_compare_draws(l)))
        return NOT_HERE;
    if (ra_store_peek(e->loop->store, basis.now, look))
        return still_counts(look) ? ANSWERED : NOT_HERE;
    return ra_express_ask(&e->asks, connection, head->head_n + head->body_n, look, began_us) ? ASKED
                                                                                             : NOT_HERE;
}

static void count(const ra_express *e, const ra_lookup *look, bool negative, uint32_t bytes,
                  uint64_t half_units, int64_t began_us)
{
    const ra_read_event read = {.tag = look->tag,
                                .outcome = RA_READ_HIT,
                                .near = look->near,
                                .negative = negative,
                                .unit = &look->unit,
                                .entry = &look->request,
                                .bytes = bytes,
                                .half_units = half_units};
    ra_meter_read(e->loop->meter, &read, began_us / 1000);
    ra_meter_request(e->loop->meter, look->tag, &read, RA_REQUEST_HIT, ra_clock_monotonic_us() - began_us);
}

/* What the access log wants of the request, before it is taken out of the buffer. NULL: there is none. */
static ra_express_noted *note(ra_express *e, const ra_express_head *head, ra_bytes body,
                              const ra_lookup *look)
{
    if (!e->loop->access_log)
        return NULL;
    ra_express_note(e->loop, head, (ra_http_lines){e->lines, head->nlines}, body, look, &e->noted);
    return &e->noted;
}

/* The payload's reference goes with it. */
static ra_express_pending *reply(ra_express *e, struct bufferevent *connection, const ra_lookup *look,
                                 int64_t began_us, ra_express_noted *noted)
{
    bool negative = ra_op_payload_is_negative(look->payload);
    uint32_t bytes = look->payload->len;
    uint64_t saved = ra_capacity_of_read(ra_op_payload_blocks(look->payload), look->tag & RA_TAG_CONSISTENT);
    char head[RA_EXPRESS_REPLY_MAX];
    int64_t wall = ra_clock_wall();
    ra_verdict v = {.cache = RA_X_HIT,
                    .age = (wall - look->payload->filled_ms) / 1000,
                    .ttl = look->expires_in / 1000,
                    .detail = look->near ? "near" : NULL};
    size_t n = ra_express_reply(head, look->payload, &v, &e->date, wall, noted ? &noted->ids : NULL);
    ra_express_pending *pending =
        ra_express_write(&e->writes, connection, (ra_bytes){head, n}, look->payload);
    count(e, look, negative, bytes, saved, began_us);
    if (noted)
        ra_express_log(e->loop, connection, noted, look, bytes, ra_clock_monotonic_us() - began_us);
    return pending;
}

/* The request at the beginning of the buffer, if it is one for the express way and all there. */
static bool request_at(ra_express *e, struct evbuffer *in, ra_express_head *head, ra_bytes *body)
{
    ra_bytes all = received(in);
    bool wanted = e->loop->snapshot->access_keys || e->loop->access_log;
    if (!ra_express_head_read(all, head, wanted ? e->lines : NULL) || all.n - head->head_n < head->body_n)
        return false;
    *body = (ra_bytes){all.p + head->head_n, head->body_n};
    return true;
}

/* *pending: the reply, if it isn't written out. */
static enum served serve_one(ra_express *e, struct bufferevent *connection, struct evbuffer *in,
                             ra_express_pending **pending)
{
    ra_express_head head;
    ra_bytes body;
    ra_lookup look;
    if (e->loop->draining || !request_at(e, in, &head, &body))
        return NOT_HERE;
    int64_t began_us = ra_clock_monotonic_us();
    enum served what = look_up(e, connection, &head, body, &look, began_us);
    if (what != ANSWERED)
        return what;
    ra_express_noted *noted = note(e, &head, body, &look);
    evbuffer_drain(in, head.head_n + head.body_n);
    *pending = reply(e, connection, &look, began_us, noted);
    return ANSWERED;
}

/* It was a hit, and isn't any more: it need not be asked for in vain again. */
static void forget(ra_express *e, struct evbuffer *in)
{
    ra_express_head head;
    ra_bytes body;
    ra_alias_asked asked;
    if (request_at(e, in, &head, &body) && asked_by(e, &head, body, &asked))
        ra_aliases_forget(e->aliases, &asked);
}

/* The same of a request that has waited for the store; what it was before is there still. */
static ra_express_noted *note_waiting(ra_express *e, struct evbuffer *in, const ra_lookup *look)
{
    ra_express_head head;
    ra_bytes body;
    return e->loop->access_log && request_at(e, in, &head, &body) ? note(e, &head, body, look) : NULL;
}

/* ---- connections ---- */

/* Requests that are there, one after the other, as far as they are for here. NOT_HERE: the next one isn't.
 * ANSWERED: there is none, or it waits behind a reply that is being written. */
static enum served serve(ra_express *e, struct bufferevent *connection, ra_express_pending *pending)
{
    struct evbuffer *in = bufferevent_get_input(connection);
    enum served what = ANSWERED;
    while (what == ANSWERED && !pending && evbuffer_get_length(in))
        what = serve_one(e, connection, in, &pending);
    if (what == ANSWERED && evbuffer_get_length(in))
        ra_express_set_aside(pending, in);
    return what;
}

/*
 * The buffer begins where a request begins; no request of the connection is evhttp's or waits for the store,
 * and evhttp has nothing left to write.
 */
static enum ra_arrival arrived(void *arg, struct bufferevent *connection)
{
    ra_express *e = arg;
    if (e->magic != EXPRESS_MAGIC)
        ra_corrupt("express");
    enum served what = serve(e, connection, NULL);
    return what == ANSWERED ? RA_ARRIVAL_TAKEN : what == ASKED ? RA_ARRIVAL_HELD : RA_ARRIVAL_LEFT;
}

/* It reads what is there in this turn of the loop, and what arrives only then: in the middle of a request it
 * takes being told to read for the end of the process, so that its socket mustn't have told it before. */
static void leave(ra_express *e, struct bufferevent *connection)
{
    ra_connection_left(ra_connection_find(e->loop->connections, connection));
    bufferevent_disable(connection, EV_READ); /* if the socket is known to be readable, it isn't any more */
    bufferevent_enable(connection, EV_READ);
    bufferevent_trigger(connection, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

/* The store has answered for the request at the beginning of the buffer. */
static void answered(ra_express *e, struct bufferevent *connection, size_t n, ra_lookup *look,
                     int64_t began_us)
{
    if (look && !still_counts(look))
        look = NULL;
    struct evbuffer *in = bufferevent_get_input(connection);
    enum served what = NOT_HERE;
    if (look && e->loop->draining) {
        ra_payload_unref(look->payload); /* evhttp's reply ends the connection */
    } else if (look) {
        ra_express_noted *noted = note_waiting(e, in, look);
        evbuffer_drain(in, n);
        what = serve(e, connection, reply(e, connection, look, began_us, noted));
    } else {
        forget(e, in);
    }
    if (what == ANSWERED)
        ra_connection_taken(ra_connection_find(e->loop->connections, connection));
    else if (what == NOT_HERE)
        leave(e, connection);
}

void ra_express_renew(ra_express *e)
{
    ra_aliases_clear(e->aliases);
}

void ra_express_serve(ra_express *e, ra_connections *connections)
{
    ra_connections_look_first(connections, arrived, e);
}

void ra_express_learn(ra_express *e, ra_config *config, uint64_t tables_version, const ra_alias_asked *asked,
                      const ra_lookup *look)
{
    const ra_server *s = e->loop->server;
    ra_alias_basis basis = {.config = config, .tables_version = tables_version, .now = ra_clock_monotonic()};
    if (config == e->loop->config && tables_version == ra_tables_version(s->tables) &&
        asked->body.n <= RA_EXPRESS_BODY_MAX && asked->target.n <= RA_EXPRESS_HEAD_MAX)
        ra_aliases_learn(e->aliases, asked, &basis, look);
}
