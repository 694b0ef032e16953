/* A request's states: routes. A route makes an operation of a request, and shows the operation's reply. */
#include "proxy/listener.h"
#include "proxy/request_states.h"
#include "proxy/wire.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <string.h>

#define MADE_TOO_LARGE "what the route makes of the request is over the limit of listen.max_body"

enum { LITERAL_MAX = 2 << 20, ESCAPED = 6 };

/* The most that a route may make of one request, before JSON's escapes: as much as a request may hold, and
 * what the configuration itself brings. */
static size_t made_max(const ra_request *r)
{
    return r->config->listen.max_body + LITERAL_MAX;
}

/* ---- answers ---- */

enum ra_step ra_request_refuse_route(ra_request *r, const ra_route_refusal *refusal)
{
    if (r->http)
        ra_reply_refusal(r->loop, r->config, ra_request_take_http(r), refusal);
    return ra_request_go(r, RA_FINISHED);
}

enum ra_step ra_request_refuse_route_as(ra_request *r, int status, const char *code, const char *message)
{
    ra_route_refusal refusal = {
        .status = status, .code = code, .message = message, .retry_after = status == 503 ? "1" : NULL};
    return ra_request_refuse_route(r, &refusal);
}

void ra_request_route_error(ra_request *r, int status, const char *message)
{
    ra_request_refuse_route_as(r, status, status == 503 ? "unavailable" : "invalid_request", message);
}

/* The schema that a query was made with isn't the table's: it is learnt anew, as the next request will see.
 */
static void doubt_table(ra_request *r)
{
    ra_tables_doubt(r->loop->server->tables, ra_bytes_z(r->route->route->query->table));
}

static bool mentions(ra_bytes body, const char *text)
{
    return body.n && memmem(body.p, body.n < 1024 ? body.n : 1024, text, strlen(text)) != NULL;
}

/* A query's key attributes are the schema's. Over the wire API they would be the client's own. */
static bool shows_another_table(const ra_request *r, int status, ra_bytes body)
{
    return r->route_table && status == 400 &&
           (mentions(body, "missed key schema element") || mentions(body, "does not match schema type") ||
            mentions(body, "does not have the specified index"));
}

static void answer_failure(ra_request *r, int status, ra_bytes body)
{
    ra_route_refusal refusal = {0};
    if (shows_another_table(r, status, body)) {
        doubt_table(r);
        ra_request_refuse_route_as(r, 502, "upstream_error",
                                   "the table's keys or indexes aren't what they were; try again");
        return;
    }
    ra_route_error(status, body, &r->arena, &refusal);
    ra_request_refuse_route(r, &refusal);
}

/* What the route makes of DynamoDB's reply: one reference, or NULL with *refusal set. */
static ra_shown_reply *show(ra_request *r, ra_bytes body, ra_route_refusal *refusal)
{
    ra_route_answer answer = {0};
    ra_shown_reply *reply = NULL;
    ra_buf shown;
    /* Items are mostly shorter than DynamoDB's own JSON, but names that a route gives may be longer. */
    size_t of_items = 2 * r->config->upstream.max_reply, of_templates = ESCAPED * made_max(r);
    ra_buf_init(&shown, of_items > of_templates ? of_items : of_templates);
    if (ra_route_answer_make(r->route, body, r->route_table, &r->arena, &shown, &answer, refusal)) {
        reply = ra_shown_reply_new(&shown, &answer);
        *refusal = (ra_route_refusal){
            .status = 503, .code = "unavailable", .message = "readaside: out of memory", .retry_after = "1"};
    }
    ra_buf_free(&shown);
    return reply;
}

static void answer_shown(ra_request *r, ra_shown_reply *reply, const ra_route_refusal *refusal,
                         const ra_verdict *v)
{
    if (reply)
        ra_reply_route(r->loop, r->config, ra_request_take_http(r), reply, v);
    else
        ra_request_refuse_route(r, refusal);
    ra_shown_reply_unref(reply);
}

void ra_request_route_reply(ra_request *r, int status, ra_bytes body, const ra_verdict *v)
{
    ra_route_refusal refusal = {0};
    if (!r->http)
        return;
    if (status != 200)
        answer_failure(r, status, body);
    else
        answer_shown(r, show(r, body, &refusal), &refusal, v);
}

void ra_request_route_payload(ra_request *r, ra_payload *payload, const ra_verdict *v)
{
    ra_route_refusal refusal = {0};
    if (!r->http)
        return;
    ra_shown_reply *reply = ra_shown_find(r->loop->shown, payload, r->route);
    if (!reply) {
        reply = show(r, (ra_bytes){payload->body, payload->len}, &refusal);
        if (reply)
            ra_shown_keep(r->loop->shown, r->config, payload, r->route, reply);
    }
    answer_shown(r, reply, &refusal, v);
}

/* ---- received ---- */

/* Methods that no route can have look like a DELETE on no path of ours: they never get here (see
 * evhttp_set_allowed_methods). */
static bool method_of(struct evhttp_request *http, ra_route_http *h)
{
    switch (evhttp_request_get_command(http)) {
    case EVHTTP_REQ_GET:
        h->method = RA_METHOD_GET;
        return true;
    case EVHTTP_REQ_HEAD:
        h->method = RA_METHOD_HEAD;
        return true;
    case EVHTTP_REQ_POST:
        h->method = RA_METHOD_POST;
        return true;
    case EVHTTP_REQ_PUT:
        h->method = RA_METHOD_PUT;
        return true;
    case EVHTTP_REQ_PATCH:
        h->method = RA_METHOD_PATCH;
        return true;
    case EVHTTP_REQ_DELETE:
        h->method = RA_METHOD_DELETE;
        return true;
    case EVHTTP_REQ_OPTIONS:
        h->method = RA_METHOD_OPTIONS;
        return true;
    default:
        return false;
    }
}

/* What of the HTTP request concerns routes; false: it is no request for one. */
static bool describe(const ra_request *r, ra_route_http *h)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r->http);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    if (!path || !method_of(r->http, h))
        return false;
    /* "//host/path" is a path (RFC 9112 section 3.2.1) that no route has, and libevent takes it for a host:
     * whoever guards paths in front of us has seen another one. */
    if (evhttp_uri_get_host(uri) && !evhttp_uri_get_scheme(uri))
        return false;
    h->path = ra_bytes_z(path);
    h->query = ra_bytes_z(evhttp_uri_get_query(uri));
    h->headers = evhttp_request_get_input_headers(r->http);
    h->identity = &r->identity;
    h->body = r->body;
    h->now_us = ra_route_clock();
    return true;
}

/* Not a route's: the wire API's doorstep says what it is instead. */
static enum ra_step not_routed(ra_request *r)
{
    ra_wire_accept(r->loop, ra_request_take_http(r));
    return ra_request_go(r, RA_FINISHED);
}

enum ra_step ra_request_open_route(ra_request *r)
{
    ra_route_http h;
    ra_route_refusal refusal = {0};
    ra_route_call *call = ra_arena_alloc(&r->arena, sizeof *call);
    if (!call)
        return ra_request_refuse_route_as(r, 503, "unavailable", "readaside: out of memory");
    enum ra_route_result result = RA_ROUTE_NONE;
    if (describe(r, &h))
        result = ra_route_open(r->config, &h, &r->arena, call, &refusal);
    switch (result) {
    case RA_ROUTE_NONE:
        return not_routed(r);
    case RA_ROUTE_OPTIONS:
        ra_reply_options(r->loop, r->config, ra_request_take_http(r), refusal.allow);
        ra_request_count_answer(r, RA_REQUEST_PASS);
        return ra_request_go(r, RA_FINISHED);
    case RA_ROUTE_REFUSED:
        return ra_request_refuse_route(r, &refusal);
    case RA_ROUTE_OPEN:
        break;
    }
    r->route = call;
    if (!ra_request_name(r, ra_bytes_z(ra_route_target(call->route))))
        return ra_request_refuse_route_as(r, 503, "unavailable", "readaside: out of memory");
    return ra_request_go(r, RA_ALLOWING);
}

enum ra_step ra_request_receive_route(ra_request *r)
{
    const char *problem = ra_framing_problem(r->loop->connections, r->http);
    if (problem) {
        ra_route_refusal refusal = {
            .status = 400, .code = "malformed_request", .message = problem, .close = true};
        return ra_request_refuse_route(r, &refusal);
    }
    problem = ra_listener_limits_problem(&r->config->listen, r->http);
    if (problem) {
        ra_route_refusal refusal = {
            .status = 431, .code = "headers_too_large", .message = problem, .close = true};
        return ra_request_refuse_route(r, &refusal);
    }
    if (ra_request_is_one_too_many(r))
        return ra_request_refuse_route_as(r, 503, "unavailable", RA_TOO_MANY);
    if (evbuffer_get_length(evhttp_request_get_input_buffer(r->http)) > r->config->listen.max_body)
        return ra_request_refuse_route_as(r, 413, "body_too_large", RA_BODY_TOO_LARGE);
    if (!ra_request_take_body(r))
        return ra_request_refuse_route_as(r, 503, "unavailable", "readaside: out of memory");
    return ra_request_go(r, RA_IDENTIFYING);
}

/* ---- routed ---- */

/* The schema can't be had: DynamoDB's answer to DescribeTable says why, if there is one. */
static enum ra_step refuse_unlearnt(ra_request *r)
{
    ra_http_reply *reply = r->wait.reply;
    r->wait.reply = NULL;
    ra_route_refusal refusal = {.status = 503,
                                .code = "unavailable",
                                .message = "readaside: the table's schema can't be had now",
                                .retry_after = "1"};
    if (reply && reply->result == RA_HTTP_OK && reply->status != 200)
        ra_route_error(reply->status, (ra_bytes){reply->body, reply->len}, &r->arena, &refusal);
    ra_http_reply_unref(reply);
    return ra_request_refuse_route(r, &refusal);
}

/* A query's key attributes have their names and types from the schema. */
enum ra_step ra_request_learn_query(ra_request *r, const ra_route_query *query, ra_table **table)
{
    ra_bytes name = ra_bytes_z(query->table);
    enum ra_tables_step step = ra_request_learn(r, name, ra_config_table(r->config, name.p, name.n));
    if (step == RA_TABLES_PENDING)
        return RA_SUSPENDED;
    ra_table *found = r->wait.table;
    r->wait.table = NULL;
    if (step == RA_TABLES_KNOWN) {
        *table = found;
        return RA_GO;
    }
    ra_table_unref(found); /* what it was before it went */
    if (step == RA_TABLES_FAILED)
        return refuse_unlearnt(r);
    return ra_request_refuse_route_as(
        r, 502, "upstream_error",
        "readaside: the route's table isn't there, or dynamodb:DescribeTable isn't allowed");
}

enum ra_step ra_request_routed(ra_request *r)
{
    ra_route_refusal refusal = {0};
    if (ra_route_needs_table(r->route)) {
        enum ra_step step = ra_request_learn_query(r, r->route->route->query, &r->route_table);
        if (!r->route_table)
            return step;
    }
    /* Before anything is made or sent: a write mustn't be told as failed because its answer is too long. */
    if (ra_route_length(r->route) > made_max(r))
        return ra_request_refuse_route_as(r, 413, "body_too_large", MADE_TOO_LARGE);
    ra_buf_init(&r->route_body, ESCAPED * made_max(r));
    if (!ra_route_body(r->route, r->route_table, &r->arena, &r->route_body, &refusal)) {
        if (refusal.status == 500)
            doubt_table(r);
        return ra_request_refuse_route(r, &refusal);
    }
    r->body = ra_buf_bytes(&r->route_body);
    return ra_request_go(r, RA_DECODED);
}
