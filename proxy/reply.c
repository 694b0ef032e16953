#include "proxy/reply.h"

#include "proxy/cors.h"
#include "proxy/express.h"
#include "proxy/log.h"
#include "proxy/op.h"
#include "proxy/request_id.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    ERROR_BODY_MAX = 64 * 1024 /* a route may have 64 codes to tell of */
};

static void add_request_id(struct evkeyvalq *headers)
{
    char id[RA_REQUEST_ID_CHARS + 1];
    ra_request_id(id);
    id[RA_REQUEST_ID_CHARS] = '\0';
    evhttp_add_header(headers, "x-amzn-RequestId", id);
}

static void add_number(struct evkeyvalq *headers, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    evhttp_add_header(headers, name, text);
}

static void add_crc(struct evkeyvalq *headers, uint32_t crc)
{
    add_number(headers, "x-amz-crc32", crc);
}

/* RFC 9211. */
static void add_cache_status(struct evkeyvalq *headers, const ra_verdict *v)
{
    char text[160];
    int n = snprintf(text, sizeof text, "readaside; ");
    size_t at = (size_t)n;
    if (v->forward)
        n = snprintf(text + at, sizeof text - at, "fwd=%s", v->forward);
    else
        n = snprintf(text + at, sizeof text - at, "hit; ttl=%lld", (long long)v->ttl);
    at += (size_t)n;
    snprintf(text + at, sizeof text - at, "%s%s%s%s", v->stored ? "; stored" : "",
             v->collapsed ? "; collapsed" : "", v->detail ? "; detail=" : "", v->detail ? v->detail : "");
    evhttp_add_header(headers, "Cache-Status", text);
}

static void add_verdict(struct evkeyvalq *headers, const ra_verdict *v)
{
    static const char *const word[] = {"HIT", "MISS", "BYPASS", "STALE"};
    evhttp_add_header(headers, "X-Cache", word[v->cache]);
    if (v->cache == RA_X_HIT || v->cache == RA_X_STALE)
        add_number(headers, "Age", v->age < 0 ? 0 : v->age);
    add_cache_status(headers, v);
}

static ra_loop *loop_of(void *arg)
{
    ra_loop *l = arg;
    if (l->magic != RA_LOOP_MAGIC)
        ra_corrupt("loop");
    return l;
}

static void sent(struct evhttp_connection *connection, ra_loop *l)
{
    evhttp_connection_set_closecb(connection, NULL, NULL);
    l->sending--;
    ra_loop_ended(l);
}

static void written(struct evhttp_request *r, void *arg)
{
    ra_loop *l = loop_of(arg);
    ra_express_between(l->express, evhttp_request_get_connection(r));
    sent(evhttp_request_get_connection(r), l);
}

static void closed(struct evhttp_connection *connection, void *arg)
{
    sent(connection, loop_of(arg));
}

/*
 * evhttp reads no body of a HEAD request: what was sent as one would be taken for the connection's next
 * request, which another party may have let pass as data.
 */
static bool leaves_body_unread(struct evhttp_request *r)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(r);
    if (evhttp_request_get_command(r) != EVHTTP_REQ_HEAD)
        return false;
    const char *length = evhttp_find_header(headers, "Content-Length");
    return (length && strcmp(length, "0") != 0) || evhttp_find_header(headers, "Transfer-Encoding");
}

/* Asked for keep-alive over HTTP/1.0 evhttp says keep-alive, whatever the reply says already: let it not be
 * asked. */
static void close_after(struct evhttp_request *r)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    struct evkeyvalq *asked = evhttp_request_get_input_headers(r);
    if (!evhttp_find_header(headers, "Connection"))
        evhttp_add_header(headers, "Connection", "close");
    while (evhttp_find_header(asked, "Connection") && evhttp_remove_header(asked, "Connection") == 0) {
    }
}

/*
 * Writes at once what evhttp would write in the loop's next turn, once the socket has been found writable.
 * What the socket doesn't take stays for that. evhttp hears that all is written as it else would, after its
 * caller has returned; until then it does nothing with the connection. Not for TLS, which writes other bytes.
 */
static void flush(struct evhttp_connection *connection)
{
    struct bufferevent *b = evhttp_connection_get_bufferevent(connection);
    struct evbuffer *out = bufferevent_get_output(b);
    evbuffer_unfreeze(out, 1);
    evbuffer_write(out, bufferevent_getfd(b));
    evbuffer_freeze(out, 1);
    if (evbuffer_get_length(out) == 0)
        bufferevent_trigger(b, EV_WRITE, BEV_OPT_DEFER_CALLBACKS);
}

/* Hands the reply to evhttp and counts it until it is written out or its connection has gone. */
static void send_out(ra_loop *l, struct evhttp_request *r, int status, struct evbuffer *body)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(r);
    if (!connection) { /* evhttp has closed it meanwhile: the request is ours alone */
        evhttp_request_free(r);
        return;
    }
    bool says_so = evhttp_find_header(evhttp_request_get_output_headers(r), "Connection") != NULL;
    if (l->draining || says_so || leaves_body_unread(r))
        close_after(r);
    l->sending++;
    evhttp_request_set_on_complete_cb(r, written, l);
    evhttp_connection_set_closecb(connection, closed, l);
    /* evhttp knows the other reasons. */
    evhttp_send_reply(r, status, status == 422 ? "Unprocessable Content" : NULL, body);
    flush(connection);
}

static void payload_done(const void *data, size_t n, void *arg)
{
    (void)data;
    (void)n;
    ra_payload_unref(arg);
}

static void reply_done(const void *data, size_t n, void *arg)
{
    (void)data;
    (void)n;
    ra_http_reply_unref(arg);
}

static void bytes_done(const void *data, size_t n, void *arg)
{
    (void)data;
    (void)n;
    free(arg);
}

void ra_reply_payload(ra_loop *l, struct evhttp_request *r, ra_payload *p, const ra_verdict *v)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    evhttp_add_header(headers, "Content-Type", RA_CONTENT_TYPE);
    add_crc(headers, p->crc32);
    add_request_id(headers);
    add_verdict(headers, v);
    struct evbuffer *body = evhttp_request_get_output_buffer(r);
    if (evbuffer_add_reference(body, p->body, p->len, payload_done, p) != 0) {
        ra_payload_unref(p);
        ra_reply_error(l, r, 503, RA_TYPE_UNAVAILABLE, "out of memory", true);
        return;
    }
    send_out(l, r, 200, NULL);
}

/* Upstream's headers but those of its connection and those that are made anew. */
static void copy_headers(struct evkeyvalq *headers, const ra_http_reply *reply, bool body_is_made,
                         bool collapsed)
{
    static const char *const drop[] = {"connection", "keep-alive", "transfer-encoding",  "content-length",
                                       "date",       "trailer",    "proxy-authenticate", "upgrade"};
    for (size_t i = 0; i < reply->nheaders; i++) {
        bool keep = !body_is_made || strcasecmp(reply->headers[i].name, "x-amz-crc32") != 0;
        if (collapsed && strcasecmp(reply->headers[i].name, "x-amzn-requestid") == 0)
            keep = false; /* it names the request that led the flight */
        for (size_t k = 0; k < sizeof drop / sizeof drop[0] && keep; k++)
            keep = strcasecmp(reply->headers[i].name, drop[k]) != 0;
        if (keep)
            evhttp_add_header(headers, reply->headers[i].name, reply->headers[i].value);
    }
    if (collapsed)
        add_request_id(headers);
}

void ra_reply_upstream(ra_loop *l, struct evhttp_request *r, ra_http_reply *reply, const ra_verdict *v)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    copy_headers(headers, reply, false, v->collapsed);
    add_verdict(headers, v);
    struct evbuffer *body = evhttp_request_get_output_buffer(r);
    if (reply->len &&
        evbuffer_add_reference(body, reply->body, reply->len, reply_done, ra_http_reply_ref(reply)) != 0) {
        ra_http_reply_unref(reply);
        ra_reply_error(l, r, 503, RA_TYPE_UNAVAILABLE, "out of memory", true);
        return;
    }
    send_out(l, r, reply->status, NULL);
}

void ra_reply_made(ra_loop *l, struct evhttp_request *r, ra_http_reply *reply, ra_buf *buf,
                   const ra_verdict *v)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    size_t n = 0;
    char *bytes = ra_buf_take(buf, &n);
    struct evbuffer *body = evhttp_request_get_output_buffer(r);
    if (!bytes || evbuffer_add_reference(body, bytes, n, bytes_done, bytes) != 0) {
        free(bytes);
        ra_reply_error(l, r, 503, RA_TYPE_UNAVAILABLE, "out of memory", true);
        return;
    }
    if (reply) {
        copy_headers(headers, reply, true, v->collapsed);
    } else {
        evhttp_add_header(headers, "Content-Type", RA_CONTENT_TYPE);
        add_request_id(headers);
    }
    add_crc(headers, ra_crc32((ra_bytes){bytes, n}));
    add_verdict(headers, v);
    send_out(l, r, reply ? reply->status : 200, NULL);
}

/* An error's body is small; without memory for it the status alone must do. */
static void send_error(ra_loop *l, struct evhttp_request *r, int status, const char *type, const ra_buf *body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    struct evbuffer *out = evhttp_request_get_output_buffer(r);
    evbuffer_drain(out, evbuffer_get_length(out));
    bool head = evhttp_request_get_command(r) ==
                EVHTTP_REQ_HEAD; /* whose reply has no body (RFC 9110 section 9.3.2) */
    if (!head && ra_buf_ok(body) && evbuffer_add(out, body->p, body->n) == 0)
        evhttp_add_header(headers, "Content-Type", type);
    send_out(l, r, status, NULL);
}

void ra_reply_error(ra_loop *l, struct evhttp_request *r, int status, const char *type, const char *message,
                    bool close)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    evhttp_clear_headers(headers);
    ra_buf body;
    ra_buf_init(&body, ERROR_BODY_MAX);
    ra_buf_add_z(&body, "{\"__type\":");
    ra_buf_add_json_string(&body, ra_bytes_z(type));
    ra_buf_add_z(&body, ",\"message\":");
    ra_buf_add_json_string(&body, ra_bytes_z(message));
    ra_buf_add_char(&body, '}');
    if (ra_buf_ok(&body))
        add_crc(headers, ra_crc32(ra_buf_bytes(&body)));
    add_request_id(headers);
    evhttp_add_header(headers, "X-Cache", "BYPASS");
    if (close)
        evhttp_add_header(headers, "Connection", "close");
    send_error(l, r, status, RA_CONTENT_TYPE, &body);
    ra_buf_free(&body);
}

/* ---- routes ---- */

static void add_route_headers(const ra_config *c, struct evhttp_request *r)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    /* What a route shows may be one person's: no shared cache may keep it, and a browser must ask again. */
    evhttp_add_header(headers, "Cache-Control", "private, no-cache");
    ra_cors_add(c, evhttp_request_get_input_headers(r), headers);
}

static void shown_done(const void *data, size_t n, void *arg)
{
    (void)data;
    (void)n;
    ra_shown_reply_unref(arg);
}

void ra_reply_route(ra_loop *l, const ra_config *c, struct evhttp_request *r, ra_shown_reply *reply,
                    const ra_verdict *v)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    struct evbuffer *body = evhttp_request_get_output_buffer(r);
    bool head = evhttp_request_get_command(r) == EVHTTP_REQ_HEAD;
    if (reply->body && !head &&
        evbuffer_add_reference(body, reply->body, reply->n, shown_done, ra_shown_reply_ref(reply)) != 0) {
        ra_shown_reply_unref(reply);
        ra_reply_route_error(l, r, 503, "unavailable", "readaside: out of memory", NULL);
        return;
    }
    if (head) /* the length of what GET would have sent */
        add_number(headers, "Content-Length", (int64_t)reply->n);
    if (reply->body)
        evhttp_add_header(headers, "Content-Type", "application/json");
    if (reply->answer.next)
        evhttp_add_header(headers, "Link", reply->answer.next);
    add_route_headers(c, r);
    add_verdict(headers, v);
    send_out(l, r, reply->answer.status, NULL);
}

void ra_reply_refusal(ra_loop *l, const ra_config *c, struct evhttp_request *r,
                      const ra_route_refusal *refusal)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    ra_buf body;
    ra_buf_init(&body, ERROR_BODY_MAX);
    ra_route_refusal_body(refusal, &body);
    evhttp_clear_headers(headers);
    if (refusal->allow)
        evhttp_add_header(headers, "Allow", refusal->allow);
    if (refusal->retry_after)
        evhttp_add_header(headers, "Retry-After", refusal->retry_after);
    if (refusal->close)
        evhttp_add_header(headers, "Connection", "close");
    add_route_headers(c, r);
    send_error(l, r, refusal->status, "application/json", &body);
    ra_buf_free(&body);
}

void ra_reply_route_error(ra_loop *l, struct evhttp_request *r, int status, const char *code,
                          const char *message, const char *allow)
{
    ra_route_refusal refusal = {.status = status, .code = code, .message = message, .allow = allow};
    ra_reply_refusal(l, l->server->config, r, &refusal);
}

void ra_reply_options(ra_loop *l, const ra_config *c, struct evhttp_request *r, const char *allow)
{
    ra_cors_add_preflight(c, evhttp_request_get_input_headers(r), allow,
                          evhttp_request_get_output_headers(r));
    send_out(l, r, 204, NULL);
}

void ra_reply_xml_error(ra_loop *l, struct evhttp_request *r, int status, const char *code,
                        const char *message)
{
    ra_buf body;
    ra_buf_init(&body, ERROR_BODY_MAX);
    /* The shape of the query protocols, which botocore's reader of REST-XML (S3) takes too. */
    ra_buf_addf(
        &body,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ErrorResponse><Error><Type>Sender</Type>"
        "<Code>%s</Code><Message>%s</Message></Error><RequestId>readaside</RequestId></ErrorResponse>\n",
        code, message);
    send_error(l, r, status, "text/xml", &body);
    ra_buf_free(&body);
}
