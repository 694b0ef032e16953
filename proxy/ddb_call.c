#include "proxy/ddb_call.h"

#include "proxy/clock.h"
#include "proxy/credentials_chain.h"
#include "proxy/log.h"
#include "proxy/sigv4.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    DDB_MAGIC = 0x64646263,
    PROVIDED_MAGIC = 0x64646370,
    REPLY_MAX = 16 << 20,
    RENEW_AHEAD = 60000 /* ms */
};

/* A service at an address. */
typedef struct place {
    char *endpoint, *url;
    const char *target; /* before the operation's name; a literal */
} place;

struct ra_ddb {
    uint32_t magic;
    struct event_base *base;
    ra_http *http;
    ra_signer *signer;
    ra_credentials_provider *provider; /* not ours; NULL: the chain */
    ra_mailbox *mailbox;               /* by which the provider answers; NULL without one */
    ra_credentials_chain chain;
    ra_credentials *credentials;
    char why[RA_CHAIN_WHY_MAX];
    char *region;
    place dynamodb, streams; /* streams.url NULL: none */
    struct event *timer;     /* ends a wait */
    struct event *stopper;   /* ends whatever is under way; `stop_fd` becomes readable for good */
    int stop_fd;
    atomic_bool stopped;
    bool waited;          /* `timer` has fired */
    ra_http_reply *reply; /* of the call under way, once it is there */
};

static ra_ddb *checked(void *p)
{
    ra_ddb *d = p;
    if (!d || d->magic != DDB_MAGIC)
        ra_corrupt("ddb call");
    return d;
}

/* ---- credentials ---- */

/* Looks for credentials, unless those at hand are good for a while. false: there are none that live; why is
 * in `why`. */
static bool take_from_chain(ra_ddb *d)
{
    int64_t now = ra_clock_wall();
    if (d->credentials && now < d->credentials->expires_ms - RENEW_AHEAD)
        return true;
    ra_credentials *c = ra_credentials_chain_look(&d->chain);
    if (c) {
        ra_credentials_unref(d->credentials);
        d->credentials = c;
        return true;
    }
    ra_credentials_chain_why(&d->chain, d->why);
    return d->credentials && now < d->credentials->expires_ms;
}

/* What the provider has said, at once or by its letter. */
typedef struct provided {
    uint32_t magic;
    bool done;
    ra_credentials *credentials; /* a reference; NULL: none */
    const char *why;             /* static */
} provided;

static void on_credentials(ra_credentials *take_or_null, const char *why_none, void *arg)
{
    provided *p = arg;
    if (p->magic != PROVIDED_MAGIC)
        ra_corrupt("credentials for a ddb call");
    p->credentials = take_or_null;
    p->why = why_none;
    p->done = true;
}

static void turn_until(ra_ddb *d, const bool *done, int64_t ms);

/* The provider's, waited for. Of the former set nothing is kept: the provider knows which ones live. */
static bool take_from_provider(ra_ddb *d, int64_t timeout)
{
    provided p = {.magic = PROVIDED_MAGIC, .why = "there was no time to wait for them"};
    ra_credentials_wait wait = {.done = on_credentials, .arg = &p};
    enum ra_credentials_step step = d->provider->get(d->provider, &p.credentials, &p.why, d->mailbox, &wait);
    if (step == RA_CREDENTIALS_PENDING) {
        turn_until(d, &p.done, timeout);
        if (!p.done)
            d->provider->leave(d->provider, &wait);
    }
    ra_credentials_unref(d->credentials);
    d->credentials = p.credentials;
    if (!d->credentials)
        snprintf(d->why, sizeof d->why, "%s", p.why ? p.why : "the source has none");
    return d->credentials != NULL;
}

static bool take_credentials(ra_ddb *d, int64_t timeout)
{
    return d->provider ? take_from_provider(d, timeout) : take_from_chain(d);
}

/* ---- making and freeing ---- */

/* Commands are alone in their process, and make one client after the other. */
static const char *told(const char *why)
{
    static _Thread_local char text[RA_CHAIN_WHY_MAX];
    snprintf(text, sizeof text, "%s", why);
    return text;
}

static bool place_set(place *p, const char *endpoint, const char *target)
{
    p->target = target;
    p->endpoint = strdup(endpoint);
    if (asprintf(&p->url, "%s/", endpoint) < 0)
        p->url = NULL;
    return p->endpoint && p->url;
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    checked(arg)->waited = true;
}

/* Nothing to do: that the loop's turn ends is what it is for. */
static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    checked(arg);
}

static bool make_events(ra_ddb *d)
{
    d->base = event_base_new();
    d->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!d->base || d->stop_fd < 0)
        return false;
    d->timer = evtimer_new(d->base, on_time, d);
    d->stopper = event_new(d->base, d->stop_fd, EV_READ | EV_PERSIST, on_stop, d);
    if (d->provider)
        d->mailbox = ra_mailbox_new(d->base);
    return d->timer && d->stopper && event_add(d->stopper, NULL) == 0 && (d->mailbox || !d->provider);
}

static bool make_parts(ra_ddb *d, const ra_ddb_options *o, const char *streams_endpoint)
{
    ra_http_options http = {
        .max_connections = streams_endpoint ? 2 : 1, .verify_tls = true, .ca_file = o->ca_file};
    if (!make_events(d))
        return false;
    d->http = ra_http_new(d->base, &http);
    d->signer = ra_signer_new(o->region, "dynamodb");
    return d->http && d->signer && place_set(&d->dynamodb, o->endpoint, "DynamoDB_20120810") &&
           (!streams_endpoint || place_set(&d->streams, streams_endpoint, "DynamoDBStreams_20120810"));
}

ra_ddb *ra_ddb_new_streams(const ra_ddb_options *o, const char *streams_endpoint,
                           ra_credentials_provider *provider, const char **why)
{
    ra_ddb *d = calloc(1, sizeof *d);
    *why = "out of memory";
    if (!d)
        return NULL;
    d->magic = DDB_MAGIC;
    d->stop_fd = -1;
    d->provider = provider;
    d->region = strdup(o->region);
    ra_credentials_chain_init(&d->chain, d->region);
    if (d->region && !provider && !take_from_chain(d)) {
        *why = told(d->why);
        ra_ddb_free(d);
        return NULL;
    }
    if (d->region && make_parts(d, o, streams_endpoint))
        return d;
    ra_ddb_free(d);
    return NULL;
}

ra_ddb *ra_ddb_new(const ra_ddb_options *o, const char **why)
{
    return ra_ddb_new_streams(o, NULL, NULL, why);
}

static void place_free(place *p)
{
    free(p->endpoint);
    free(p->url);
}

void ra_ddb_free(ra_ddb *d)
{
    if (!d)
        return;
    ra_http_free(d->http);
    ra_mailbox_free(d->mailbox);
    if (d->timer)
        event_free(d->timer);
    if (d->stopper)
        event_free(d->stopper);
    if (d->stop_fd >= 0)
        close(d->stop_fd);
    if (d->base)
        event_base_free(d->base);
    ra_signer_free(d->signer);
    ra_credentials_unref(d->credentials);
    free(d->region);
    place_free(&d->dynamodb);
    place_free(&d->streams);
    d->magic = 0;
    free(d);
}

/* ---- waiting, and being told to stop ---- */

void ra_ddb_stop(ra_ddb *d)
{
    uint64_t one = 1;
    atomic_store(&d->stopped, true);
    ssize_t n = write(d->stop_fd, &one, sizeof one);
    (void)n; /* it fails only when the counter is full, and then it is readable anyway */
}

bool ra_ddb_stopped(const ra_ddb *d)
{
    return atomic_load(&d->stopped);
}

/* Runs the loop until *done, for `ms` at most, or until it is told to stop. */
static void turn_until(ra_ddb *d, const bool *done, int64_t ms)
{
    struct timeval t = {ms / 1000, (ms % 1000) * 1000};
    d->waited = ms <= 0 || evtimer_add(d->timer, &t) != 0;
    while (!*done && !d->waited && !ra_ddb_stopped(d) && event_base_loop(d->base, EVLOOP_ONCE) == 0) {
    }
    evtimer_del(d->timer);
}

void ra_ddb_wait(ra_ddb *d, int64_t ms)
{
    static const bool never = false;
    turn_until(d, &never, ms);
}

/* ---- one call ---- */

static void on_reply(ra_http_call *call, ra_http_reply *reply, void *arg)
{
    (void)call;
    checked(arg)->reply = ra_http_reply_ref(reply);
}

/* The header lines of one request, one after the other in `lines`. */
static bool make_headers(ra_ddb *d, const place *to, const char *operation, ra_bytes body, ra_buf *lines,
                         const char *headers[RA_DDB_HEADERS_MAX], size_t *n)
{
    static const ra_bytes type = RA_BYTES("application/x-amz-json-1.0");
    char target[128];
    snprintf(target, sizeof target, "%s.%s", to->target, operation);
    ra_bytes host = ra_bytes_z(strstr(to->endpoint, "://") + 3);
    size_t count = 0;
    if (!ra_signer_sign(d->signer, d->credentials, ra_clock_wall() / 1000, host, type, ra_bytes_z(target),
                        body, lines, &count))
        return false;
    ra_buf_addf(lines, "Content-Type: %.*s%c", (int)type.n, type.p, '\0');
    ra_buf_addf(lines, "X-Amz-Target: %s%c", target, '\0');
    ra_buf_addf(lines, "Accept-Encoding: identity%c", '\0');
    *n = count + 3;
    if (!ra_buf_ok(lines) || *n > RA_DDB_HEADERS_MAX)
        return false;
    const char *line = lines->p; /* the buffer doesn't move any more */
    for (size_t i = 0; i < *n; i++, line += strlen(line) + 1)
        headers[i] = line;
    return true;
}

/* A reply that says why there is none. */
static ra_http_reply *no_reply(enum ra_http_result result, const char *before, const char *text)
{
    ra_http_reply *reply = ra_http_reply_new();
    if (!reply)
        return NULL;
    reply->result = result;
    snprintf(reply->error, sizeof reply->error, "%s%.120s", before, text);
    return reply;
}

ra_http_reply *ra_ddb_post(ra_ddb *d, const char *url, const char *const *headers, size_t nheaders,
                           ra_bytes body, int64_t timeout)
{
    ra_http_request r = {.method = "POST",
                         .url = url,
                         .headers = headers,
                         .nheaders = nheaders,
                         .body = body,
                         .once = true,
                         .deadline = timeout > 0 ? timeout : 1,
                         .max_reply = REPLY_MAX};
    d->reply = NULL;
    if (ra_ddb_stopped(d))
        return no_reply(RA_HTTP_NOT_SENT, "", "stopped");
    ra_http_call *call = ra_http_send(d->http, &r, on_reply, d);
    while (call && !d->reply && !ra_ddb_stopped(d) && event_base_loop(d->base, EVLOOP_ONCE) == 0) {
    }
    if (call && !d->reply)
        ra_http_cancel(call);
    return d->reply || !ra_ddb_stopped(d) ? d->reply : no_reply(RA_HTTP_CUT, "", "stopped");
}

/* Streams have operations and an address of their own. */
static const place *place_of(const ra_ddb *d, const char *operation)
{
    static const char *const streams[] = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"};
    for (size_t i = 0; d->streams.url && i < sizeof streams / sizeof *streams; i++) {
        if (strcmp(operation, streams[i]) == 0)
            return &d->streams;
    }
    return &d->dynamodb;
}

ra_http_reply *ra_ddb_call(ra_ddb *d, const char *operation, ra_bytes body, int64_t timeout)
{
    const place *to = place_of(d, operation);
    if (!ra_ddb_stopped(d) && !take_credentials(d, timeout)) /* those of the start have expired */
        return ra_ddb_stopped(d) ? no_reply(RA_HTTP_NOT_SENT, "", "stopped")
                                 : no_reply(RA_HTTP_NOT_SENT, "no AWS credentials: ", d->why);
    ra_buf lines;
    const char *headers[RA_DDB_HEADERS_MAX];
    size_t n = 0;
    ra_buf_init(&lines, RA_DDB_LINES_MAX);
    ra_http_reply *reply = NULL;
    if (ra_ddb_stopped(d))
        reply = no_reply(RA_HTTP_NOT_SENT, "", "stopped");
    else if (make_headers(d, to, operation, body, &lines, headers, &n))
        reply = ra_ddb_post(d, to->url, headers, n, body, timeout);
    ra_buf_free(&lines);
    return reply;
}

bool ra_ddb_sign(ra_ddb *d, const char *operation, ra_bytes body, int64_t timeout, ra_buf *lines,
                 const char *headers[RA_DDB_HEADERS_MAX], size_t *n, const char **url)
{
    const place *to = place_of(d, operation);
    *url = to->url;
    return !ra_ddb_stopped(d) && take_credentials(d, timeout) &&
           make_headers(d, to, operation, body, lines, headers, n);
}

const ra_credentials *ra_ddb_credentials(const ra_ddb *d)
{
    return d->credentials;
}

void ra_ddb_describe_error(const ra_ddb *d, const ra_http_reply *r, ra_buf *out)
{
    ra_ddb_describe_reply(d->dynamodb.endpoint, r, out);
}
