/*
 * A request's life. Read this first.
 *
 * - a read: received → decoded → learning → planned → looking up → looked up → joining → (waiting in a flight
 *   | fetching) → filling → finished; a hit ends at looked up. When another process is filling what it
 *   misses: awaiting, and once more from looking up on. When upstream fails: falling back
 * - a read that is compared: after its answer comparing → compared → checking → checked, twice at most
 * - a write: received → decoded → learning → planned → marking → (marked) → forwarding → forwarded →
 *   aftermarking → (aftermarked) → remarking → unmarking → finished
 * - the rest: received → decoded → planned → forwarding → finished
 * - on a route: received → identifying → allowing → routed → decoded, and from there on as the read or the
 * write that it has become
 *
 * One short function per state (here, in request_auth.c, request_route.c, request_allow.c, request_read.c,
 * request_await.c, request_mark.c and request_write.c), one loop that runs them. Returning RA_SUSPENDED is
 * the only way to wait.
 */
#include "proxy/clock.h"
#include "proxy/connections.h"
#include "proxy/listener.h"
#include "proxy/log.h"
#include "proxy/request_states.h"
#include "proxy/wire.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    ARENA_MAX = 256 * 1024 * 1024
}; /* tokens and copies of a 16 MiB body fit; past it the request fails alone */

static enum ra_step received(ra_request *r);
static enum ra_step decoded(ra_request *r);
static enum ra_step learning(ra_request *r);
static enum ra_step planned(ra_request *r);
static enum ra_step finished(ra_request *r);

static enum ra_step (*const states[RA_STATES])(ra_request *) = {
    [RA_RECEIVED] = received,
    [RA_IDENTIFYING] = ra_request_identify,
    [RA_ALLOWING] = ra_request_allow,
    [RA_ROUTED] = ra_request_routed,
    [RA_DECODED] = decoded,
    [RA_LEARNING] = learning,
    [RA_PLANNED] = planned,
    [RA_LOOKING_UP] = ra_request_look_up,
    [RA_LOOKED_UP] = ra_request_looked_up,
    [RA_AWAITING] = ra_request_await,
    [RA_JOINING] = ra_request_join,
    [RA_FETCHING] = ra_request_fetch,
    [RA_FILLING] = ra_request_fill,
    [RA_FALLING_BACK] = ra_request_fall_back,
    [RA_FALLEN_BACK] = ra_request_fallen_back,
    [RA_COMPARING] = ra_request_compare,
    [RA_COMPARED] = ra_request_compared,
    [RA_CHECKING] = ra_request_check,
    [RA_CHECKED] = ra_request_checked,
    [RA_MARKING] = ra_request_mark,
    [RA_MARKED] = ra_request_marked,
    [RA_FORWARDING] = ra_request_forward,
    [RA_FORWARDED] = ra_request_forwarded,
    [RA_AFTERMARKING] = ra_request_aftermark,
    [RA_AFTERMARKED] = ra_request_aftermarked,
    [RA_REMARKING] = ra_request_remark,
    [RA_REMARKED] = ra_request_remarked,
    [RA_UNMARKING] = ra_request_unmark,
    [RA_FINISHED] = finished,
};

ra_request *ra_request_of(void *arg)
{
    ra_request *r = arg;
    if (r->magic != RA_REQUEST_MAGIC)
        ra_corrupt("request");
    return r;
}

/* ---- beginning and end ---- */

static ra_request *request_new(ra_loop *l, ra_snapshot *snapshot, struct evhttp_request *http)
{
    ra_request *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->magic = RA_REQUEST_MAGIC;
    r->loop = l;
    r->http = http;
    r->arrived_us = ra_clock_monotonic_us();
    r->snapshot = ra_snapshot_ref(snapshot);
    r->config = snapshot->config;
    l->older += snapshot != l->snapshot;
    ra_arena_init(&r->arena, ARENA_MAX);
    ra_buf_init(&r->upstream_body, 2 * r->config->listen.max_body + 4096);
    r->next = l->requests;
    if (l->requests)
        l->requests->prev = r;
    l->requests = r;
    l->in_flight++;
    atomic_fetch_add_explicit(&l->server->in_flight, 1, memory_order_relaxed);
    return r;
}

static void unwatch(ra_request *r)
{
    if (r->http)
        ra_connection_on_close(ra_connection_of(r->loop->connections, evhttp_request_get_connection(r->http)),
                               NULL, NULL);
    if (r->client_stirs)
        event_free(r->client_stirs);
    r->client_stirs = NULL;
}

ra_request *ra_request_new_for(ra_request *asker)
{
    ra_request *r = request_new(asker->loop, asker->snapshot, NULL);
    if (r) {
        r->asker = asker;
        r->own = true;
        asker->asked = r;
    }
    return r;
}

static void free_parts(ra_request *r)
{
    for (size_t i = 0; i < r->op.nparts; i++)
        ra_payload_unref(r->op.parts[i].look.payload);
    for (size_t i = 0; i < r->op.ntables; i++)
        ra_table_unref(r->op.tables[i].table); /* the reference that learning() took */
    ra_op_close(&r->op);
}

/* Nothing may be under way any more. */
static void request_free(ra_request *r)
{
    ra_loop *l = r->loop;
    ra_request_count_answer(r, r->left ? RA_REQUEST_LEFT : RA_REQUEST_ERROR);
    unwatch(r);
    ra_request_free_doubts(r);
    if (r->op_open)
        free_parts(r);
    ra_request_part_from_asker(r);
    ra_identity_free(&r->identity);
    ra_access_keys_unref(r->access_keys);
    ra_table_unref(r->allow_table);
    ra_http_reply_unref(r->reply);
    if (r->await_timer)
        event_free(r->await_timer);
    ra_buf_free(&r->upstream_body);
    ra_buf_free(&r->route_body);
    ra_table_unref(r->route_table);
    if (r->body_bytes)
        evbuffer_free(r->body_bytes);
    ra_arena_free(&r->arena);
    if (r->snapshot != l->snapshot)
        ra_loop_older_ended(l);
    ra_snapshot_unref(r->snapshot);
    if (r->prev)
        r->prev->next = r->next;
    else
        l->requests = r->next;
    if (r->next)
        r->next->prev = r->prev;
    r->magic = 0;
    free(r);
    l->in_flight--;
    atomic_fetch_sub_explicit(&l->server->in_flight, 1, memory_order_relaxed);
    ra_loop_ended(l);
}

static enum ra_step finished(ra_request *r)
{
    request_free(r);
    return RA_ENDED;
}

/* ---- the client's connection while a request waits ---- */

/* Nobody is there to be answered. A read ends, unless others wait for it; a write goes on to its end. */
static void without_client(ra_request *r)
{
    r->http = NULL;
    r->left = true;
    if (r->op.class == RA_CLASS_READ && ra_request_leave_read(r))
        request_free(r);
}

/*
 * evhttp closes the connection by itself while a request waits (its "100 Continue" couldn't be written, say).
 * The evhttp request is then no longer the connection's but ours.
 */
static void connection_lost(struct evhttp_connection *connection, void *arg)
{
    (void)connection;
    ra_request *r = ra_request_of(arg);
    struct evhttp_request *http = r->http;
    unwatch(r);
    if (!evhttp_request_get_connection(http))
        evhttp_request_free(http);
    without_client(r);
}

/*
 * evhttp doesn't look at a connection whose request is being worked on, so a raw event does: EV_CLOSED for an
 * orderly end, EV_READ for a reset, which epoll reports as an error and libevent as readable. Over TLS an
 * orderly end has bytes before it; where they come alone they may be anything.
 */
static void client_stirs(evutil_socket_t fd, short what, void *arg)
{
    ra_request *r = ra_request_of(arg);
    struct evhttp_connection *connection = evhttp_request_get_connection(r->http);
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0 && what & EV_CLOSED && ra_tls_is(evhttp_connection_get_bufferevent(connection)))
        n = 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        event_add(r->client_stirs, NULL);
        return;
    }
    if (n > 0) { /* its next request, already: it is there, and not watched any longer */
        event_free(r->client_stirs);
        r->client_stirs = NULL;
        return;
    }
    unwatch(r);
    evhttp_connection_free(connection); /* and with it the evhttp request */
    without_client(r);
}

/* While a request waits. A write's client may close its direction and still be answered, so only a read's is
 * watched. */
static void watch(ra_request *r)
{
    if (!r->http || r->client_stirs)
        return;
    struct evhttp_connection *connection = evhttp_request_get_connection(r->http);
    ra_connection_on_close(ra_connection_of(r->loop->connections, connection), connection_lost, r);
    if (r->op.class != RA_CLASS_READ)
        return;
    evutil_socket_t fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
    r->client_stirs = event_new(r->loop->base, fd, EV_READ | EV_CLOSED, client_stirs, r);
    if (r->client_stirs)
        event_add(r->client_stirs, NULL);
}

struct evhttp_request *ra_request_take_http(ra_request *r)
{
    struct evhttp_request *http = r->http;
    unwatch(r);
    r->http = NULL;
    return http;
}

void ra_request_resume(ra_request *r, enum ra_request_state state)
{
    r->state = state;
    enum ra_step step = RA_GO;
    while (step == RA_GO)
        step = states[r->state](r);
    if (step == RA_SUSPENDED)
        watch(r);
}

void ra_request_store_done(ra_store_call *call)
{
    ra_request *r = ra_request_of(call->arg);
    ra_request_count_store(r);
    ra_request_resume(r, r->state);
}

/* ---- answers ---- */

void ra_request_answer_error(ra_request *r, int status, const char *type, const char *message)
{
    if (r->asker)
        ra_request_tell_asker(r, status, (ra_bytes){NULL, 0});
    else if (r->route)
        ra_request_route_error(r, status, message);
    else if (r->http)
        ra_reply_error(r->loop, ra_request_take_http(r), status, type, message, false);
}

static const char *failure_text(const ra_http_reply *reply)
{
    switch (reply ? reply->result : RA_HTTP_NO_MEMORY) {
    case RA_HTTP_NOT_SENT:
        return "DynamoDB can't be reached";
    case RA_HTTP_TIMEOUT:
        return "DynamoDB did not answer in time";
    case RA_HTTP_CUT:
        return "the connection to DynamoDB broke";
    case RA_HTTP_TOO_LARGE:
        return "DynamoDB's reply is larger than upstream.max_reply";
    default:
        return "out of memory";
    }
}

void ra_request_answer_upstream(ra_request *r, const ra_verdict *v)
{
    if (!r->http && !r->asker)
        return;
    if (r->reply && r->reply->result == RA_HTTP_OK) {
        if (r->asker)
            ra_request_tell_asker(r, r->reply->status, (ra_bytes){r->reply->body, r->reply->len});
        else if (r->route)
            ra_request_route_reply(r, r->reply->status, (ra_bytes){r->reply->body, r->reply->len}, v);
        else
            ra_reply_upstream(r->loop, ra_request_take_http(r), r->reply, v);
        ra_request_count_verdict(r, v);
        return;
    }
    char message[320];
    snprintf(message, sizeof message, "readaside: %s%s%s", failure_text(r->reply),
             r->reply && r->reply->error[0] ? ": " : "", r->reply ? r->reply->error : "");
    ra_request_answer_error(r, 503, RA_TYPE_UNAVAILABLE, message);
}

void ra_request_answer_made(ra_request *r, ra_http_reply *reply, ra_buf *body, const ra_verdict *v)
{
    if (r->asker)
        ra_request_tell_asker(r, reply ? reply->status : 200, ra_buf_bytes(body));
    else if (r->route)
        ra_request_route_reply(r, reply ? reply->status : 200, ra_buf_bytes(body), v);
    else if (r->http)
        ra_reply_made(r->loop, ra_request_take_http(r), reply, body, v);
    ra_request_count_verdict(r, v);
}

void ra_request_answer_payload(ra_request *r, ra_payload *take, const ra_verdict *v)
{
    if (r->http && !r->route) {
        ra_reply_payload(r->loop, ra_request_take_http(r), take, v);
    } else {
        if (r->asker)
            ra_request_tell_asker(r, 200, (ra_bytes){take->body, take->len});
        else if (r->route)
            ra_request_route_payload(r, take, v);
        ra_payload_unref(take);
    }
    ra_request_count_verdict(r, v);
}

static enum ra_step refuse(ra_request *r, int status, const char *type, const char *message)
{
    ra_request_answer_error(r, status, type, message);
    return ra_request_go(r, RA_FINISHED);
}

/* ---- states: received, decoded, learning, planned ---- */

/* The request's headers go with its client, who may leave before the request does. */
bool ra_request_name(ra_request *r, ra_bytes target)
{
    const char *agent = evhttp_find_header(evhttp_request_get_input_headers(r->http), "User-Agent");
    ra_request_find_trace(r);
    r->target = ra_arena_strdup(&r->arena, target);
    r->user_agent = ra_arena_strdup(&r->arena, ra_bytes_z(agent ? agent : ""));
    return r->target && r->user_agent;
}

bool ra_request_take_body(ra_request *r)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(r->http);
    r->body_bytes = evbuffer_new();
    if (!r->body_bytes || evbuffer_add_buffer(r->body_bytes, input) != 0)
        return false;
    size_t n = evbuffer_get_length(r->body_bytes);
    r->body = (ra_bytes){n ? (const char *)evbuffer_pullup(r->body_bytes, -1) : "", n};
    return r->body.p != NULL;
}

static enum ra_step received(ra_request *r)
{
    ra_loop *l = r->loop;
    if (!ra_request_host_ok(r) && !ra_framing_problem(l->connections, r->http))
        return ra_request_refuse_host(r);
    if (r->config->nroutes && !ra_wire_is_root(r->http))
        return ra_request_receive_route(r);
    ra_bytes target = ra_wire_accept(l, r->http);
    if (!target.n) {
        r->http = NULL;
        return ra_request_go(r, RA_FINISHED);
    }
    if (ra_request_is_one_too_many(r))
        return refuse(r, 503, RA_TYPE_UNAVAILABLE, RA_TOO_MANY);
    if (evbuffer_get_length(evhttp_request_get_input_buffer(r->http)) > r->config->listen.max_body)
        return refuse(r, 413, RA_TYPE_SERIALIZATION, RA_BODY_TOO_LARGE);
    if (!ra_request_name(r, target) || !ra_request_take_body(r))
        return refuse(r, 503, RA_TYPE_UNAVAILABLE, "readaside: out of memory");
    return ra_request_go(r, ra_request_is_signed(r) ? RA_DECODED : RA_FINISHED);
}

static enum ra_step decoded(ra_request *r)
{
    const char *problem = NULL;
    switch (ra_op_open(&r->op, ra_bytes_z(r->target), r->body, &r->arena, &problem)) {
    case RA_OP_OK:
        break;
    case RA_OP_MALFORMED:
        return refuse(r, 400, RA_TYPE_SERIALIZATION, problem);
    case RA_OP_NO_MEMORY:
        return refuse(r, 503, RA_TYPE_UNAVAILABLE, "readaside: out of memory");
    }
    r->op_open = true;
    if (!ra_request_is_authorized(r))
        return ra_request_go(r, RA_FINISHED);
    r->tables_version = ra_tables_version(r->loop->server->tables);
    r->state = ra_op_needs_tables(&r->op) ? RA_LEARNING : RA_PLANNED;
    return RA_GO;
}

static void learnt(ra_tables_wait *wait)
{
    ra_request *r = ra_request_of(wait->arg);
    ra_request_resume(r, r->state);
}

enum ra_tables_step ra_request_learn(ra_request *r, ra_bytes given, const ra_table_config *config)
{
    if (r->wait.arg) { /* woken: the outcome is there */
        r->wait.arg = NULL;
        return r->wait.step;
    }
    if (!config)
        return RA_TABLES_NONE;
    r->wait.mailbox = r->loop->mailbox;
    r->wait.woken = learnt;
    enum ra_tables_step step =
        ra_tables_get(r->loop->server->tables, r->loop->upstream, given, config, &r->wait);
    if (step == RA_TABLES_PENDING)
        r->wait.arg = r;
    return step;
}

/* The schema can't be had: the client gets DynamoDB's own answer to that, for it can't be served rightly
 * without. */
static enum ra_step refuse_unlearnt(ra_request *r)
{
    r->reply = r->wait.reply;
    r->wait.reply = NULL;
    if (!r->reply)
        return refuse(r, 503, RA_TYPE_UNAVAILABLE, "readaside: the table's schema can't be had now");
    ra_verdict v = {.cache = RA_X_BYPASS, .forward = "bypass", .detail = "schema-unavailable"};
    r->op.bypass = v.detail;
    ra_request_count_reads(r, false);
    ra_request_answer_upstream(r, &v);
    return ra_request_go(r, RA_FINISHED);
}

/* A table's config, or NULL: it isn't cached. */
static const ra_table_config *config_of(const ra_request *r, ra_bytes given)
{
    ra_bytes name = ra_table_short_name(given);
    const ra_table_config *c = ra_config_table(r->config, name.p, name.n);
    if (c && c->standing != RA_TABLE_NAMED && r->op.class == RA_CLASS_READ)
        return NULL;
    /* A schema in the config names no account, so that what is asked by ARN could be another account's table.
     * It isn't cached; a write to it marks all the same. */
    bool uncertain = c && c->schema && !ra_bytes_eq(name, given);
    return uncertain && r->op.class == RA_CLASS_READ ? NULL : c;
}

/* Entered anew for each table whose schema had to be fetched. */
static enum ra_step learning(ra_request *r)
{
    while (r->learning < r->op.ntables) {
        ra_op_table *t = &r->op.tables[r->learning];
        t->config = config_of(r, t->given);
        enum ra_tables_step step = ra_request_learn(r, t->given, t->config);
        if (step == RA_TABLES_PENDING)
            return RA_SUSPENDED;
        if (step == RA_TABLES_FAILED)
            return refuse_unlearnt(r);
        if (step == RA_TABLES_KNOWN || r->op.class != RA_CLASS_READ)
            t->table = r->wait.table;
        else
            ra_table_unref(r->wait.table);
        r->wait.table = NULL;
        r->learning++;
    }
    return ra_request_go(r, RA_PLANNED);
}

static enum ra_step planned(ra_request *r)
{
    r->op.ask_capacity = r->config->upstream.ask_capacity;
    r->op.estimate_capacity = !r->op.ask_capacity;
    if (ra_op_plan(&r->op) != RA_OP_OK)
        return refuse(r, 503, RA_TYPE_UNAVAILABLE, "readaside: out of memory");
    if (r->op.class == RA_CLASS_WRITE)
        r->state = RA_MARKING;
    else if (r->op.class == RA_CLASS_PASS)
        r->state = RA_FORWARDING;
    else
        r->state = r->op.bypass || r->op.nparts == 0 ? RA_FETCHING : RA_LOOKING_UP;
    r->detail = r->op.bypass;
    return RA_GO;
}

/* ---- sending upstream ---- */

static void replied(ra_http_reply *reply, void *arg)
{
    ra_request *r = ra_request_of(arg);
    r->upstream = NULL;
    r->reply = reply ? ra_http_reply_ref(reply) : NULL;
    ra_request_count_upstream(r);
    ra_request_resume(r, r->state);
}

enum ra_step ra_request_send(ra_request *r, bool once, enum ra_request_state then)
{
    ra_bytes body = r->op.body;
    r->state = then;
    r->op.as_asked = r->as_asked;
    if (!ra_op_body_is_original(&r->op)) {
        ra_buf_clear(&r->upstream_body);
        if (!ra_op_body(&r->op, &r->upstream_body)) {
            r->reply = ra_upstream_failure("out of memory");
            return RA_GO;
        }
        body = ra_buf_bytes(&r->upstream_body);
    }
    ra_upstream_request u = {
        .streams = r->op.streams,
        .once = once,
        .target = ra_bytes_z(r->target),
        .content_type = RA_BYTES(RA_CONTENT_TYPE), /* as which the body was read */
        .user_agent = ra_bytes_z(r->user_agent),
        .traceparent = {r->trace ? r->trace->parent : NULL, r->trace ? RA_TRACEPARENT_CHARS : 0},
        .tracestate = r->trace ? r->trace->state : (ra_bytes){NULL, 0},
        .body = body,
        .deadline = r->config->upstream.request_timeout,
        .sign_by = once ? r->sign_by : 0};
    const char *why = NULL;
    r->sent_us = ra_clock_monotonic_us();
    r->upstream = ra_upstream_send(r->loop->upstream, &u, replied, r, &why);
    if (r->upstream)
        return RA_SUSPENDED;
    r->reply = ra_upstream_failure(why);
    ra_request_count_upstream(r);
    return RA_GO;
}

static bool error_mentions(const ra_http_reply *reply, const char *text)
{
    return reply->body &&
           memmem(reply->body, reply->len < 1024 ? reply->len : 1024, text, strlen(text)) != NULL;
}

bool ra_reply_is_throttled(const ra_http_reply *reply)
{
    return reply->status == 400 &&
           (error_mentions(reply, "ProvisionedThroughputExceededException") ||
            error_mentions(reply, "ThrottlingException") || error_mentions(reply, "RequestLimitExceeded"));
}

void ra_request_doubt_tables(ra_request *r)
{
    if (!r->reply || r->reply->result != RA_HTTP_OK || r->reply->status != 400)
        return;
    if (!error_mentions(r->reply, "ResourceNotFoundException") &&
        !error_mentions(r->reply, "does not match the schema") &&
        !error_mentions(r->reply, "does not have the specified index"))
        return;
    for (size_t i = 0; i < r->op.ntables; i++)
        if (r->op.tables[i].table)
            ra_tables_doubt(r->loop->server->tables, ra_bytes_z(r->op.tables[i].table->name));
}

/* ---- doors ---- */

void ra_request_received(struct evhttp_request *http, void *arg)
{
    ra_loop *l = arg;
    if (l->magic != RA_LOOP_MAGIC)
        ra_corrupt("loop");
    ra_request *r = request_new(l, l->snapshot, http);
    if (!r) {
        ra_reply_error(l, http, 503, RA_TYPE_UNAVAILABLE, "readaside: out of memory", true);
        l->said.status = 0;
        return;
    }
    if (l->access_log)
        ra_request_hear(r);
    ra_request_resume(r, RA_RECEIVED);
}

static void abandon(ra_request *r)
{
    if (r->wait.arg)
        ra_tables_leave(r->loop->server->tables, &r->wait);
    if (r->call.pending)
        ra_store_cancel(r->loop->store, &r->call);
    if (r->upstream)
        ra_upstream_cancel(r->upstream);
    if (r->key_wait.arg)
        ra_jwks_source_leave(r->snapshot->jwks->source, &r->key_wait);
    request_free(r);
}

void ra_request_abandon_all(ra_loop *loops, unsigned n)
{
    for (unsigned i = 0; i < n; i++) /* waiters first: then every leader is alone */
        for (ra_request *r = loops[i].requests; r; r = r->next)
            if (r->waits)
                ra_flight_leave(&r->seat);
    for (unsigned i = 0; i < n; i++)
        for (ra_request *r = loops[i].requests, *next; r; r = next) {
            next = r->next;
            if (r->leads)
                ra_flight_orphan(&r->seat);
            abandon(r);
        }
}
