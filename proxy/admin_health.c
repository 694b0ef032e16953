#include "proxy/admin_health.h"

#include "cache/http_client.h"
#include "proxy/clock.h"
#include "proxy/follow.h"
#include "proxy/log.h"
#include "proxy/watch.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    HEALTH_MAGIC = 0x68656c74,
    LATELY_MS = 10000, /* so long an operation's result says whether DynamoDB can be reached */
    PROBED_MS = 1000,  /* and so long a probe's */
    PROBE_MS = 2000,
    PROBE_REPLY_MAX = 64 << 10,
    BODY_MAX = 256
};

/* A /readyz that waits for a probe. */
typedef struct asker {
    struct evhttp_request *request;
    struct asker *next;
} asker;

struct ra_health {
    uint32_t magic;
    ra_admin *admin;
    ra_http *http;
    ra_http_call *probe; /* under way */
    asker *waiting;
    bool probed, reached;
    int64_t at; /* monotonic: of the newest probe's end */
};

/* ---- replies ---- */

/* HEAD gets the headers alone (RFC 9110 section 9.3.2). */
static void reply(struct evhttp_request *r, int status, const char *type, const char *body)
{
    char length[24];
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    snprintf(length, sizeof length, "%zu", strlen(body));
    evhttp_add_header(headers, "Content-Type", type);
    evhttp_add_header(headers, "Content-Length", length);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    if (evhttp_request_get_command(r) != EVHTTP_REQ_HEAD)
        evbuffer_add(evhttp_request_get_output_buffer(r), body, strlen(body));
    evhttp_send_reply(r, status, NULL, NULL);
}

void ra_admin_healthz(ra_admin *a, struct evhttp_request *r)
{
    (void)a;
    reply(r, 200, "text/plain; charset=utf-8", "ok\n");
}

static bool store_is_there(const ra_watch *w)
{
    unsigned n;
    const ra_loop_share *v = ra_watch_shares(w, &n);
    bool there = true;
    for (unsigned i = 0; i < n; i++)
        there &= v[i].reachable;
    return there;
}

static const char *word(bool b)
{
    return b ? "true" : "false";
}

static void answer(ra_admin *a, struct evhttp_request *r, bool upstream)
{
    char body[BODY_MAX];
    bool store = store_is_there(ra_admin_watch(a));
    bool streams = !ra_follows_any_lags(ra_admin_server(a)->follows, ra_clock_wall());
    bool ready = upstream && store && streams;
    snprintf(body, sizeof body, "{\"ready\": %s, \"upstream\": %s, \"store\": %s, \"streams\": %s}\n",
             word(ready), word(upstream), word(store), word(streams));
    reply(r, ready ? 200 : 503, "application/json", body);
}

/* ---- DynamoDB ---- */

static void answer_waiting(ra_health *h)
{
    asker *next;
    for (asker *q = h->waiting; q; q = next) {
        next = q->next;
        answer(h->admin, q->request, h->reached);
        free(q);
        ra_admin_end(h->admin);
    }
    h->waiting = NULL;
}

/* Whatever it answers to a request that nobody has signed, it is there; unless that says that it, or what
 * stands behind whoever has answered, can't. */
static bool is_there(const ra_http_reply *r)
{
    return r && r->result == RA_HTTP_OK && r->status != 500 && (r->status < 502 || r->status > 504);
}

static void probed(ra_http_call *call, ra_http_reply *r, void *arg)
{
    ra_health *h = arg;
    (void)call;
    if (h->magic != HEALTH_MAGIC)
        ra_corrupt("admin: health");
    h->probe = NULL;
    h->probed = true;
    h->at = ra_clock_monotonic();
    h->reached = is_there(r);
    answer_waiting(h);
}

static ra_http_call *probe(ra_health *h)
{
    char *url = NULL;
    if (asprintf(&url, "%s/", ra_admin_server(h->admin)->config->upstream.endpoint) < 0)
        return NULL;
    const ra_http_request r = {
        .method = "GET", .url = url, .deadline = PROBE_MS, .max_reply = PROBE_REPLY_MAX};
    ra_http_call *call = ra_http_send(h->http, &r, probed, h);
    free(url);
    return call;
}

/* Did the last operation that was sent lately get an answer? */
static bool answers_lately(const ra_server *s, int64_t now)
{
    ra_request_sums sums;
    ra_metrics_sum_requests(s->metrics, &sums);
    return sums.upstream_replied && now - sums.upstream_replied < LATELY_MS &&
           sums.upstream_replied >= sums.upstream_failed;
}

/* The request's, which is answered when the probe ends. false: no memory. */
static bool wait_for_probe(ra_health *h, struct evhttp_request *r)
{
    asker *q = malloc(sizeof *q);
    if (!q)
        return false;
    if (!h->probe)
        h->probe = probe(h);
    if (!h->probe) {
        free(q);
        return false;
    }
    ra_admin_begin(h->admin);
    *q = (asker){.request = r, .next = h->waiting};
    h->waiting = q;
    return true;
}

/* The loops have answered. */
static void shares_are_there(ra_admin *a, struct evhttp_request *r)
{
    const ra_health *h = ra_admin_health(a);
    int64_t now = ra_clock_monotonic();
    if (answers_lately(ra_admin_server(a), now))
        answer(a, r, true);
    else if (!h->probe && h->probed && now - h->at < PROBED_MS)
        answer(a, r, h->reached);
    else if (!wait_for_probe(ra_admin_health(a), r))
        answer(a, r, false);
}

void ra_admin_readyz(ra_admin *a, struct evhttp_request *r)
{
    ra_watch_answer(a, r, shares_are_there);
}

/* ---- begin and end ---- */

ra_health *ra_health_new(ra_admin *a, struct event_base *base)
{
    const ra_config_upstream *u = &ra_admin_server(a)->config->upstream;
    const ra_http_options o = {.max_connections = 1,
                               .connect_timeout = u->connect_timeout,
                               .verify_tls = true,
                               .ca_file = u->ca_file};
    ra_health *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    *h = (ra_health){.magic = HEALTH_MAGIC, .admin = a, .http = ra_http_new(base, &o)};
    if (h->http)
        return h;
    ra_health_free(h);
    return NULL;
}

void ra_health_free(ra_health *h)
{
    if (!h)
        return;
    if (h->http)
        ra_http_free(h->http);
    h->magic = 0;
    free(h);
}
