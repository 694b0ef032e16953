#include "proxy/reply.h"

#include "proxy/clock.h"
#include "proxy/connections.h"
#include "proxy/cors.h"
#include "proxy/log.h"
#include "proxy/op.h"
#include "proxy/reply_head.h"
#include "proxy/request_id.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http_struct.h>
#include <stdlib.h>
#include <strings.h>

enum {
    ERROR_BODY_MAX = 64 * 1024, /* a route may have 64 codes to tell of */
    TLS_RECORD = 15000          /* as much as libevent writes at a time */
};

static ra_loop *loop_of(void *arg)
{
    ra_loop *l = arg;
    if (l->magic != RA_LOOP_MAGIC)
        ra_corrupt("loop");
    return l;
}

static void sent(ra_loop *l)
{
    l->sending--;
    ra_loop_ended(l);
}

static void written(struct evhttp_request *r, void *arg)
{
    ra_loop *l = loop_of(arg);
    ra_connection *c = ra_connection_of(l->connections, evhttp_request_get_connection(r));
    ra_connection_on_close(c, NULL, NULL);
    ra_connection_between(c);
    sent(l);
}

static void closed(struct evhttp_connection *connection, void *arg)
{
    (void)connection;
    sent(loop_of(arg));
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

/*
 * Also a chunked body is the connection's last: evhttp takes sizes and ends of chunks that another party
 * reads differently, so nothing behind it may be taken for a request.
 */
static bool is_last(struct evhttp_request *r)
{
    return evhttp_find_header(evhttp_request_get_output_headers(r), "Connection") || leaves_body_unread(r) ||
           evhttp_find_header(evhttp_request_get_input_headers(r), "Transfer-Encoding");
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
    if (r->type == EVHTTP_REQ_CONNECT)
        r->type = EVHTTP_REQ_TRACE; /* evhttp never closes after a CONNECT */
}

/*
 * Over TLS what is added while it may be written is written by then, and what it comes to is told later. A
 * record is made of each piece, so that head and body are made one before. Without memory evhttp's way will
 * do.
 */
static void write_tls(struct bufferevent *b)
{
    struct evbuffer *out = bufferevent_get_output(b), *whole = evbuffer_new();
    if (!whole)
        return;
    evbuffer_add_buffer(whole, out); /* which isn't frozen, as a plain socket's is */
    size_t n = evbuffer_get_length(whole);
    evbuffer_pullup(whole, n < TLS_RECORD ? (ev_ssize_t)n : TLS_RECORD);
    bufferevent_write_buffer(b, whole);
    evbuffer_free(whole);
}

/*
 * Writes at once what evhttp would write in the loop's next turn, once the socket has been found writable.
 * What the socket doesn't take stays for that; meanwhile nothing is read, which evhttp would keep without
 * limit. evhttp hears that all is written as it else would, after its caller has returned; until then it does
 * nothing with the connection. The first `not_sent` bytes are taken away before. To a TLS connection nothing
 * is written past it: what its socket takes are other bytes.
 */
static void flush(struct bufferevent *b, bool tls, size_t not_sent)
{
    struct evbuffer *out = bufferevent_get_output(b);
    if (tls) {
        write_tls(b);
    } else {
        evbuffer_unfreeze(out, 1);
        evbuffer_drain(out, not_sent);
        evbuffer_write(out, bufferevent_getfd(b));
        evbuffer_freeze(out, 1);
    }
    if (evbuffer_get_length(out))
        bufferevent_disable(b, EV_READ);
    else if (!tls)
        bufferevent_trigger(b, EV_WRITE, BEV_OPT_DEFER_CALLBACKS);
}

/* NULL: evhttp knows it. */
static const char *reason_of(int status)
{
    return status == 421   ? "Misdirected Request"
           : status == 422 ? "Unprocessable Content"
           : status == 431 ? "Request Header Fields Too Large"
                           : NULL;
}

/* ---- for the access log ---- */

static void keep_id(char to[RA_ACCESS_ID_MAX], size_t *n, ra_bytes id)
{
    *n = id.n < RA_ACCESS_ID_MAX ? id.n : RA_ACCESS_ID_MAX;
    if (*n)
        memcpy(to, id.p, *n);
}

/*
 * What the request is called: as its client calls it (X-Request-Id); else as the reply does
 * (x-amzn-RequestId), if it has that; else by a new name. The X-Request-Id that the reply gets then; n 0:
 * none.
 */
static ra_bytes name_request(ra_loop *l, struct evhttp_request *r, ra_bytes reply_id)
{
    ra_access_said *said = &l->said;
    ra_bytes given = ra_bytes_z(evhttp_find_header(evhttp_request_get_input_headers(r), "X-Request-Id"));
    said->reply_id_n = 0;
    if (ra_request_id_is_sane(given)) {
        keep_id(said->id, &said->id_n, given);
        keep_id(said->reply_id, &said->reply_id_n, reply_id);
    } else if (reply_id.n) {
        keep_id(said->id, &said->id_n, reply_id);
        return (ra_bytes){NULL, 0};
    } else {
        ra_request_id(said->id);
        said->id_n = RA_REQUEST_ID_CHARS;
    }
    return (ra_bytes){said->id, said->id_n};
}

/* Of a reply whose headers are evhttp's. */
static void name_in_headers(ra_loop *l, struct evhttp_request *r)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    char text[RA_ACCESS_ID_MAX + 1];
    if (!l->access_log)
        return;
    ra_bytes id = name_request(l, r, ra_bytes_z(evhttp_find_header(headers, "x-amzn-RequestId")));
    if (!id.n)
        return;
    memcpy(text, id.p, id.n);
    text[id.n] = '\0';
    evhttp_add_header(headers, "X-Request-Id", text);
}

/* Hands the reply to evhttp and counts it until it is written out or its connection has gone. `head_n`: its
 * body begins with its head, of so many bytes; 0: it doesn't. */
static void send_out(ra_loop *l, struct evhttp_request *r, int status, size_t head_n)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(r);
    if (!connection) { /* evhttp has closed it meanwhile: the request is ours alone */
        evhttp_request_free(r);
        return;
    }
    if (l->draining || is_last(r))
        close_after(r);
    size_t n = evbuffer_get_length(evhttp_request_get_output_buffer(r));
    if (l->access_log) {
        l->said.status = status;
        l->said.bytes = n - head_n;
    }
    l->sending++;
    evhttp_request_set_on_complete_cb(r, written, l);
    ra_connection_on_close(ra_connection_of(l->connections, connection), closed, l);
    evhttp_send_reply(r, status, reason_of(status), NULL);
    struct bufferevent *b = evhttp_connection_get_bufferevent(connection);
    flush(b, ra_tls_is(b), head_n ? evbuffer_get_length(bufferevent_get_output(b)) - n : 0);
}

/* A body by reference: `done` is called with `arg` when it isn't needed any more, or can't be sent. */
typedef struct reply_body {
    const void *p;
    size_t n;
    evbuffer_ref_cleanup_cb done;
    void *arg;
} reply_body;

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

/* Nothing about how long the reply or its connection is to be is for evhttp to say, and it is written here.
 */
static bool is_usual(const ra_loop *l, struct evhttp_request *r, int status)
{
    const char *asked = evhttp_find_header(evhttp_request_get_input_headers(r), "Connection");
    struct evhttp_connection *connection = evhttp_request_get_connection(r);
    return status == 200 && connection && !ra_tls_is(evhttp_connection_get_bufferevent(connection)) &&
           !l->draining && r->major == 1 && r->minor == 1 &&
           evhttp_request_get_command(r) != EVHTTP_REQ_HEAD &&
           !evhttp_find_header(evhttp_request_get_input_headers(r), "Transfer-Encoding") &&
           (!asked || strcasecmp(asked, "keep-alive") == 0);
}

/* The whole head, into the buffer of what is evhttp's body. */
static bool add_head(ra_loop *l, struct evbuffer *out, ra_reply_head *head, size_t body_n)
{
    static const char first[] = "HTTP/1.1 200 OK\r\n";
    ra_reply_head_add_z(head, "Date", ra_http_date_text(&l->date, ra_clock_wall()));
    ra_reply_head_add_number(head, "Content-Length", (int64_t)body_n);
    ra_buf_add(&head->lines, "\r\n", 2);
    return ra_reply_head_ok(head) && evbuffer_add(out, first, sizeof first - 1) == 0 &&
           evbuffer_add(out, head->lines.p, head->lines.n) == 0;
}

/*
 * A reply of the wire API. Frees the head. To evhttp a usual one is all body; the head that it makes for that
 * is taken away again before anything is written.
 */
static void send_reply(ra_loop *l, struct evhttp_request *r, int status, ra_reply_head *head,
                       const reply_body *b)
{
    struct evbuffer *out = evhttp_request_get_output_buffer(r);
    bool usual = is_usual(l, r, status), ok = ra_reply_head_ok(head);
    size_t head_n = 0;
    if (ok && l->access_log) {
        ra_bytes id = name_request(l, r, ra_reply_head_request_id(head));
        if (id.n)
            ra_reply_head_add(head, "X-Request-Id", id);
        ok = ra_reply_head_ok(head);
    }
    if (ok && usual)
        ok = add_head(l, out, head, b->n), head_n = evbuffer_get_length(out);
    else if (ok)
        ra_reply_head_give(head, evhttp_request_get_output_headers(r));
    ra_reply_head_free(head);
    if (ok && b->n)
        ok = evbuffer_add_reference(out, b->p, b->n, b->done, b->arg) == 0;
    if (!ok || !b->n)
        b->done(b->p, b->n, b->arg);
    if (ok)
        send_out(l, r, status, head_n);
    else
        ra_reply_error(l, r, 503, RA_TYPE_UNAVAILABLE, "out of memory", true);
}

void ra_reply_payload(ra_loop *l, struct evhttp_request *r, ra_payload *p, const ra_verdict *v)
{
    ra_reply_head head;
    ra_reply_head_init(&head);
    ra_reply_head_add_z(&head, "Content-Type", RA_CONTENT_TYPE);
    ra_reply_head_add_number(&head, "x-amz-crc32", p->crc32);
    ra_reply_head_add_request_id(&head);
    ra_reply_head_add_verdict(&head, v);
    send_reply(l, r, 200, &head, &(reply_body){p->body, p->len, payload_done, p});
}

/* Upstream's headers but those of its connection and those that are made anew. */
static void copy_headers(ra_reply_head *head, const ra_http_reply *reply, bool body_is_made, bool collapsed)
{
    static const char *const drop[] = {"connection", "keep-alive", "transfer-encoding",  "content-length",
                                       "date",       "trailer",    "proxy-authenticate", "upgrade"};
    for (size_t i = 0; i < reply->nheaders; i++) {
        const char *name = reply->headers[i].name; /* in lower case */
        bool keep = !body_is_made || strcmp(name, "x-amz-crc32") != 0;
        if (collapsed && strcmp(name, "x-amzn-requestid") == 0)
            keep = false; /* it names the request that led the flight */
        for (size_t k = 0; k < sizeof drop / sizeof drop[0] && keep; k++)
            keep = strcmp(name, drop[k]) != 0;
        if (keep && strcmp(name, "x-amzn-requestid") == 0)
            ra_reply_head_add_given_id(head, name, ra_bytes_z(reply->headers[i].value));
        else if (keep)
            ra_reply_head_add_z(head, name, reply->headers[i].value);
    }
    if (collapsed)
        ra_reply_head_add_request_id(head);
}

void ra_reply_upstream(ra_loop *l, struct evhttp_request *r, ra_http_reply *reply, const ra_verdict *v)
{
    ra_reply_head head;
    ra_reply_head_init(&head);
    copy_headers(&head, reply, false, v->collapsed);
    ra_reply_head_add_verdict(&head, v);
    send_reply(l, r, reply->status, &head,
               &(reply_body){reply->body, reply->len, reply_done, ra_http_reply_ref(reply)});
}

void ra_reply_made(ra_loop *l, struct evhttp_request *r, ra_http_reply *reply, ra_buf *buf,
                   const ra_verdict *v)
{
    size_t n = 0;
    char *bytes = ra_buf_take(buf, &n);
    if (!bytes) {
        ra_reply_error(l, r, 503, RA_TYPE_UNAVAILABLE, "out of memory", true);
        return;
    }
    ra_reply_head head;
    ra_reply_head_init(&head);
    if (reply) {
        copy_headers(&head, reply, true, v->collapsed);
    } else {
        ra_reply_head_add_z(&head, "Content-Type", RA_CONTENT_TYPE);
        ra_reply_head_add_request_id(&head);
    }
    ra_reply_head_add_number(&head, "x-amz-crc32", ra_crc32((ra_bytes){bytes, n}));
    ra_reply_head_add_verdict(&head, v);
    send_reply(l, r, reply ? reply->status : 200, &head, &(reply_body){bytes, n, bytes_done, bytes});
}

/* What evhttp writes: without memory for a line it does without. Frees the head. */
static void give(ra_reply_head *head, struct evkeyvalq *headers)
{
    if (ra_reply_head_ok(head))
        ra_reply_head_give(head, headers);
    ra_reply_head_free(head);
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
    name_in_headers(l, r);
    send_out(l, r, status, 0);
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
    ra_reply_head head;
    ra_reply_head_init(&head);
    if (ra_buf_ok(&body))
        ra_reply_head_add_number(&head, "x-amz-crc32", ra_crc32(ra_buf_bytes(&body)));
    ra_reply_head_add_request_id(&head);
    give(&head, headers);
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
    ra_reply_head lines;
    ra_reply_head_init(&lines);
    if (head) /* the length of what GET would have sent */
        ra_reply_head_add_number(&lines, "Content-Length", (int64_t)reply->n);
    if (reply->body)
        evhttp_add_header(headers, "Content-Type", "application/json");
    if (reply->answer.next)
        evhttp_add_header(headers, "Link", reply->answer.next);
    add_route_headers(c, r);
    ra_reply_head_add_verdict(&lines, v);
    give(&lines, headers);
    name_in_headers(l, r);
    send_out(l, r, reply->answer.status, 0);
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
    if (refusal->authenticate)
        evhttp_add_header(headers, "WWW-Authenticate", refusal->authenticate);
    if (refusal->close)
        evhttp_add_header(headers, "Connection", "close");
    if (!refusal->close) /* its headers can't be believed, Origin among them */
        add_route_headers(c, r);
    send_error(l, r, refusal->status, "application/json", &body);
    ra_buf_free(&body);
}

void ra_reply_route_error(ra_loop *l, struct evhttp_request *r, int status, const char *code,
                          const char *message, const char *allow)
{
    ra_route_refusal refusal = {.status = status, .code = code, .message = message, .allow = allow};
    ra_reply_refusal(l, l->config, r, &refusal);
}

void ra_reply_options(ra_loop *l, const ra_config *c, struct evhttp_request *r, const char *allow)
{
    ra_cors_add_preflight(c, evhttp_request_get_input_headers(r), allow,
                          evhttp_request_get_output_headers(r));
    name_in_headers(l, r);
    send_out(l, r, 204, 0);
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
