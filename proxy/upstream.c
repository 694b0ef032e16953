#include "proxy/upstream.h"

#include "cache/arena.h"
#include "cache/buf.h"
#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/sigv4.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CALL_MAGIC = 0x75706361,
    HEADER_BYTES = 64 * 1024, /* cap for one request's header lines, session token included */
    HEADERS_MAX = 16,
    SIGNED_MAX = 8
};

/* Where one service is, prepared once. */
typedef struct endpoint {
    char *url;  /* "https://host/" */
    char *host; /* as the Host header has it */
} endpoint;

struct ra_upstream {
    ra_config *config;
    ra_credentials_provider *provider;
    ra_mailbox *mailbox; /* where credentials that were waited for arrive */
    ra_http *http;
    ra_signer *signer;
    endpoint dynamodb, streams;
    ra_upstream_call *calls; /* all under way, so that _free finds them */
    void (*idle)(void *arg);
    void *idle_arg;
    void (*seen)(const ra_http_reply *reply, int64_t sent, void *arg);
    void *seen_arg;
};

struct ra_upstream_call {
    uint32_t magic;
    ra_upstream *u;
    ra_upstream_call *prev, *next;
    ra_upstream_request r; /* its texts are the caller's until a wait for credentials copies them */
    ra_arena copies;
    int64_t deadline_at;
    int64_t sent;       /* wall clock, ms */
    ra_http_call *http; /* NULL while credentials are being fetched */
    ra_upstream_done done;
    void *arg;
    ra_credentials_wait wait; /* for credentials that are being fetched */
};

/* The Host header leaves out the scheme's default port, as SDKs and AWS do when they sign. */
static bool endpoint_set(endpoint *e, const char *url)
{
    const char *host = strstr(url, "://");
    if (!host)
        return false;
    bool tls = strncmp(url, "https:", 6) == 0;
    host += 3;
    size_t n = strlen(host);
    const char *tail = tls ? ":443" : ":80";
    size_t t = strlen(tail);
    if (n > t && strcmp(host + n - t, tail) == 0)
        n -= t;
    e->host = strndup(host, n);
    return e->host && asprintf(&e->url, "%s/", url) >= 0;
}

ra_upstream *ra_upstream_new(struct event_base *base, ra_config *config, ra_credentials_provider *provider)
{
    ra_upstream *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    u->config = ra_config_ref(config);
    u->provider = provider;
    unsigned share = config->upstream.max_connections / config->listen.threads;
    ra_http_options o = {.max_connections = share ? share : 1,
                         .connect_timeout = config->upstream.connect_timeout,
                         .verify_tls = true,
                         .ca_file = config->upstream.ca_file};
    u->mailbox = ra_mailbox_new(base);
    u->http = ra_http_new(base, &o);
    u->signer = ra_signer_new(config->upstream.region, "dynamodb");
    if (u->mailbox && u->http && u->signer && endpoint_set(&u->dynamodb, config->upstream.endpoint) &&
        endpoint_set(&u->streams, config->upstream.streams_endpoint))
        return u;
    ra_upstream_free(u);
    return NULL;
}

void ra_upstream_renew(ra_upstream *u, ra_config *config)
{
    ra_config *before = u->config;
    u->config = ra_config_ref(config);
    ra_config_unref(before);
}

static void call_unlink(ra_upstream_call *c)
{
    if (c->prev)
        c->prev->next = c->next;
    else if (c->u && c->u->calls == c)
        c->u->calls = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->prev = c->next = NULL;
    c->u = NULL;
}

static void call_free(ra_upstream_call *c)
{
    call_unlink(c);
    ra_arena_free(&c->copies);
    c->magic = 0;
    free(c);
}

void ra_upstream_free(ra_upstream *u)
{
    if (!u)
        return;
    for (ra_upstream_call *c = u->calls, *next; c; c = next) {
        next = c->next;
        ra_upstream_cancel(c);
    }
    if (u->http)
        ra_http_free(u->http);
    ra_mailbox_free(u->mailbox);
    ra_signer_free(u->signer);
    free(u->dynamodb.url);
    free(u->dynamodb.host);
    free(u->streams.url);
    free(u->streams.host);
    ra_config_unref(u->config);
    free(u);
}

/* The call is gone before its callback runs, which may send another. */
static void finish(ra_upstream_call *c, ra_http_reply *reply)
{
    ra_upstream *u = c->u;
    ra_upstream_done done = c->done;
    void *arg = c->arg;
    call_free(c);
    done(reply, arg);
    if (!u->calls && u->idle)
        u->idle(u->idle_arg);
}

static void replied(ra_http_call *http, ra_http_reply *reply, void *arg)
{
    (void)http;
    ra_upstream_call *c = arg;
    if (c->magic != CALL_MAGIC)
        ra_corrupt("upstream call");
    if (c->u->seen && reply->result == RA_HTTP_OK && !c->r.streams)
        c->u->seen(reply, c->sent, c->u->seen_arg);
    finish(c, reply);
}

bool ra_upstream_busy(const ra_upstream *u)
{
    return u->calls != NULL;
}

void ra_upstream_on_idle(ra_upstream *u, void (*idle)(void *arg), void *arg)
{
    u->idle = idle;
    u->idle_arg = arg;
}

void ra_upstream_on_reply(ra_upstream *u, void (*seen)(const ra_http_reply *reply, int64_t sent, void *arg),
                          void *arg)
{
    u->seen = seen;
    u->seen_arg = arg;
}

/* "Name: value" with a NUL at its end; the address is kept as an offset since the buffer may move. */
static void header_line(ra_buf *lines, size_t *at, size_t *n, const char *name, ra_bytes value)
{
    at[(*n)++] = lines->n;
    ra_buf_addf(lines, "%s: ", name);
    ra_buf_add_bytes(lines, value);
    ra_buf_add_char(lines, '\0');
}

/* All header lines of one request: ours, then the signature's. */
static bool header_lines(const ra_upstream_call *c, const endpoint *e, const ra_credentials *credentials,
                         int64_t date, ra_buf *lines, const char *headers[HEADERS_MAX], size_t *count)
{
    size_t at[HEADERS_MAX];
    size_t n = 0;
    size_t signed_n = 0;
    header_line(lines, at, &n, "Content-Type", c->r.content_type);
    header_line(lines, at, &n, "X-Amz-Target", c->r.target);
    header_line(lines, at, &n, "Accept-Encoding", RA_BYTES("identity"));
    if (c->r.user_agent.n)
        header_line(lines, at, &n, "User-Agent", c->r.user_agent);
    if (c->r.traceparent.n)
        header_line(lines, at, &n, "traceparent", c->r.traceparent);
    if (c->r.tracestate.n)
        header_line(lines, at, &n, "tracestate", c->r.tracestate);
    size_t signature_at = lines->n;
    if (!ra_signer_sign(c->u->signer, credentials, date, ra_bytes_z(e->host), c->r.content_type, c->r.target,
                        c->r.body, lines, &signed_n) ||
        !ra_buf_ok(lines) || signed_n > SIGNED_MAX)
        return false;
    for (size_t i = 0, p = signature_at; i < signed_n; i++, p += strlen(lines->p + p) + 1)
        at[n++] = p;
    for (size_t i = 0; i < n; i++)
        headers[i] = lines->p + at[i];
    *count = n;
    return true;
}

/* Signs and hands the request to libcurl. The signature is made last, so that it is as young as can be. */
static const char *send_signed(ra_upstream_call *c, const ra_credentials *credentials)
{
    const endpoint *e = c->r.streams ? &c->u->streams : &c->u->dynamodb;
    /* The date first: if the process is stopped after it was read, it is too old by so much. */
    c->sent = ra_clock_wall();
    int64_t date = c->sent / 1000;
    int64_t now = ra_clock_monotonic();
    int64_t left = c->deadline_at - now;
    if (left <= 0)
        return "the deadline passed while credentials were being fetched";
    if (c->r.sign_by && now >= c->r.sign_by)
        return "too much time has passed since what it touches was marked";
    ra_buf lines;
    ra_buf_init(&lines, HEADER_BYTES);
    const char *headers[HEADERS_MAX];
    size_t n = 0;
    if (header_lines(c, e, credentials, date, &lines, headers, &n)) {
        ra_http_request r = {.method = "POST",
                             .url = e->url,
                             .headers = headers,
                             .nheaders = n,
                             .body = c->r.body,
                             .once = c->r.once,
                             .deadline = left,
                             .max_reply = c->u->config->upstream.max_reply};
        c->http = ra_http_send(c->u->http, &r, replied, c);
    }
    ra_buf_free(&lines);
    return c->http ? NULL : "out of memory";
}

ra_http_reply *ra_upstream_failure(const char *why)
{
    ra_http_reply *reply = ra_http_reply_new();
    if (!reply)
        return NULL;
    reply->result = RA_HTTP_NOT_SENT;
    snprintf(reply->error, sizeof reply->error, "%s", why);
    return reply;
}

/* Ends a call that never reached the network. Without memory for a reply the callback gets none. */
static void fail(ra_upstream_call *c, const char *why)
{
    ra_http_reply *reply = ra_upstream_failure(why);
    finish(c, reply);
    ra_http_reply_unref(reply);
}

static void credentials_came(ra_credentials *credentials, const char *why_none, void *arg)
{
    ra_upstream_call *c = arg;
    if (c->magic != CALL_MAGIC)
        ra_corrupt("upstream call");
    const char *why = credentials ? send_signed(c, credentials) : why_none;
    ra_credentials_unref(credentials);
    if (why)
        fail(c, why);
}

/* The request's texts may go while we wait for credentials. */
static bool copy_texts(ra_upstream_call *c)
{
    c->r.target = ra_arena_copy(&c->copies, c->r.target);
    c->r.content_type = ra_arena_copy(&c->copies, c->r.content_type);
    c->r.user_agent = ra_arena_copy(&c->copies, c->r.user_agent);
    c->r.traceparent = ra_arena_copy(&c->copies, c->r.traceparent);
    c->r.tracestate = ra_arena_copy(&c->copies, c->r.tracestate);
    return c->r.target.p && c->r.content_type.p && c->r.user_agent.p && c->r.traceparent.p &&
           c->r.tracestate.p;
}

static ra_upstream_call *call_new(ra_upstream *u, const ra_upstream_request *r, ra_upstream_done done,
                                  void *arg)
{
    ra_upstream_call *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->magic = CALL_MAGIC;
    c->u = u;
    c->r = *r;
    c->done = done;
    c->arg = arg;
    c->deadline_at = ra_clock_monotonic() + r->deadline;
    ra_arena_init(&c->copies, HEADER_BYTES);
    c->next = u->calls;
    if (u->calls)
        u->calls->prev = c;
    u->calls = c;
    return c;
}

ra_upstream_call *ra_upstream_send(ra_upstream *u, const ra_upstream_request *r, ra_upstream_done done,
                                   void *arg, const char **why)
{
    *why = "out of memory";
    ra_upstream_call *c = call_new(u, r, done, arg);
    if (!c)
        return NULL;
    ra_credentials *credentials = NULL;
    c->wait = (ra_credentials_wait){.done = credentials_came, .arg = c};
    switch (u->provider->get(u->provider, &credentials, why, u->mailbox, &c->wait)) {
    case RA_CREDENTIALS_PENDING:
        if (copy_texts(c))
            return c;
        ra_upstream_cancel(c);
        *why = "out of memory";
        return NULL;
    case RA_CREDENTIALS_READY:
        *why = send_signed(c, credentials);
        ra_credentials_unref(credentials);
        if (!*why)
            return c;
        break;
    case RA_CREDENTIALS_NONE:
        break;
    }
    call_free(c);
    return NULL;
}

void ra_upstream_cancel(ra_upstream_call *c)
{
    if (c->http)
        ra_http_cancel(c->http);
    else
        c->u->provider->leave(c->u->provider, &c->wait);
    call_free(c);
}
