#include "proxy/ddb_call.h"

#include "cache/random.h"
#include "proxy/clock.h"
#include "proxy/credentials_chain.h"
#include "proxy/log.h"
#include "proxy/sigv4.h"

#include <cjson/cJSON.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    DDB_MAGIC = 0x64646263,
    LINES_MAX = 64 * 1024,
    HEADERS_MAX = 8,
    REPLY_MAX = 16 << 20,
    RENEW_AHEAD = 60000 /* ms */
};

struct ra_ddb {
    uint32_t magic;
    struct event_base *base;
    ra_http *http;
    ra_signer *signer;
    ra_credentials_chain chain;
    ra_credentials *credentials;
    char why[RA_CHAIN_WHY_MAX];
    char *region;
    char *endpoint;
    char *url;
    ra_http_reply *reply; /* of the call under way, once it is there */
};

static ra_ddb *checked(void *p)
{
    ra_ddb *d = p;
    if (!d || d->magic != DDB_MAGIC)
        ra_corrupt("ddb call");
    return d;
}

/* Looks for credentials, unless those at hand are good for a while. false: there are none that live; why is
 * in `why`. */
static bool take_credentials(ra_ddb *d)
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

/* Commands are alone in their process, and make one client after the other. */
static const char *told(const char *why)
{
    static char text[RA_CHAIN_WHY_MAX];
    snprintf(text, sizeof text, "%s", why);
    return text;
}

ra_ddb *ra_ddb_new(const ra_ddb_options *o, const char **why)
{
    ra_http_options http = {.max_connections = 1, .verify_tls = true, .ca_file = o->ca_file};
    ra_ddb *d = calloc(1, sizeof *d);
    *why = "out of memory";
    if (!d)
        return NULL;
    d->magic = DDB_MAGIC;
    d->region = strdup(o->region);
    ra_credentials_chain_init(&d->chain, d->region);
    if (d->region && !take_credentials(d)) {
        *why = told(d->why);
        ra_ddb_free(d);
        return NULL;
    }
    d->base = event_base_new();
    d->http = d->base ? ra_http_new(d->base, &http) : NULL;
    d->signer = ra_signer_new(o->region, "dynamodb");
    d->endpoint = strdup(o->endpoint);
    if (asprintf(&d->url, "%s/", o->endpoint) < 0)
        d->url = NULL;
    if (d->http && d->signer && d->region && d->endpoint && d->url)
        return d;
    ra_ddb_free(d);
    return NULL;
}

void ra_ddb_free(ra_ddb *d)
{
    if (!d)
        return;
    ra_http_free(d->http);
    if (d->base)
        event_base_free(d->base);
    ra_signer_free(d->signer);
    ra_credentials_unref(d->credentials);
    free(d->region);
    free(d->endpoint);
    free(d->url);
    d->magic = 0;
    free(d);
}

static void on_reply(ra_http_call *call, ra_http_reply *reply, void *arg)
{
    (void)call;
    checked(arg)->reply = ra_http_reply_ref(reply);
}

/* The header lines of one request, one after the other in `lines`. */
static bool make_headers(ra_ddb *d, const char *operation, ra_bytes body, ra_buf *lines,
                         const char *headers[HEADERS_MAX], size_t *n)
{
    static const ra_bytes type = RA_BYTES("application/x-amz-json-1.0");
    char target[128];
    snprintf(target, sizeof target, "DynamoDB_20120810.%s", operation);
    ra_bytes host = ra_bytes_z(strstr(d->endpoint, "://") + 3);
    size_t count = 0;
    if (!ra_signer_sign(d->signer, d->credentials, ra_clock_wall() / 1000, host, type, ra_bytes_z(target),
                        body, lines, &count))
        return false;
    ra_buf_addf(lines, "Content-Type: %.*s%c", (int)type.n, type.p, '\0');
    ra_buf_addf(lines, "X-Amz-Target: %s%c", target, '\0');
    ra_buf_addf(lines, "Accept-Encoding: identity%c", '\0');
    *n = count + 3;
    if (!ra_buf_ok(lines) || *n > HEADERS_MAX)
        return false;
    const char *line = lines->p; /* the buffer doesn't move any more */
    for (size_t i = 0; i < *n; i++, line += strlen(line) + 1)
        headers[i] = line;
    return true;
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
    ra_http_call *call = ra_http_send(d->http, &r, on_reply, d);
    while (call && !d->reply && event_base_loop(d->base, EVLOOP_ONCE) == 0) {
    }
    if (call && !d->reply)
        ra_http_cancel(call);
    return d->reply;
}

/* A reply that says that nothing was sent for want of credentials. */
static ra_http_reply *unsigned_reply(const ra_ddb *d)
{
    ra_http_reply *reply = ra_http_reply_new();
    if (!reply)
        return NULL;
    reply->result = RA_HTTP_NOT_SENT;
    snprintf(reply->error, sizeof reply->error, "no AWS credentials: %.120s", d->why);
    return reply;
}

ra_http_reply *ra_ddb_call(ra_ddb *d, const char *operation, ra_bytes body, int64_t timeout)
{
    if (!take_credentials(d)) /* those of the start have expired */
        return unsigned_reply(d);
    ra_buf lines;
    const char *headers[HEADERS_MAX];
    size_t n = 0;
    ra_buf_init(&lines, LINES_MAX);
    ra_http_reply *reply = NULL;
    if (make_headers(d, operation, body, &lines, headers, &n))
        reply = ra_ddb_post(d, d->url, headers, n, body, timeout);
    ra_buf_free(&lines);
    return reply;
}

const ra_credentials *ra_ddb_credentials(const ra_ddb *d)
{
    return d->credentials;
}

static void on_wait_over(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(checked(arg)->base);
}

void ra_ddb_wait(ra_ddb *d, int64_t ms)
{
    struct timeval t = {ms / 1000, (ms % 1000) * 1000};
    if (ms > 0 && event_base_once(d->base, -1, EV_TIMEOUT, on_wait_over, d, &t) == 0)
        event_base_dispatch(d->base);
}

bool ra_ddb_succeeded(const ra_http_reply *r)
{
    return r && r->result == RA_HTTP_OK && r->status == 200;
}

/* The error reply as a document, NULL if it isn't one. */
static cJSON *error_document(const ra_http_reply *r)
{
    if (!r || r->result != RA_HTTP_OK || r->status == 200 || !r->body)
        return NULL;
    return cJSON_ParseWithLength(r->body, r->len);
}

/* "com.amazonaws.dynamodb.v20120810#ResourceInUseException" without what is before '#'. */
static const char *error_type(const cJSON *error)
{
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "__type"));
    const char *hash = type ? strrchr(type, '#') : NULL;
    return hash ? hash + 1 : type;
}

bool ra_ddb_is_error(const ra_http_reply *r, const char *type)
{
    cJSON *error = error_document(r);
    const char *is = error ? error_type(error) : NULL;
    bool same = is && strcmp(is, type) == 0;
    cJSON_Delete(error);
    return same;
}

bool ra_ddb_may_pass(const ra_http_reply *r)
{
    static const char *const throttled[] = {"ProvisionedThroughputExceededException", "ThrottlingException",
                                            "RequestLimitExceeded", "LimitExceededException"};
    if (!r || r->result != RA_HTTP_OK)
        return r && r->result != RA_HTTP_NOT_SENT && r->result != RA_HTTP_NO_MEMORY;
    if (r->status >= 500)
        return true;
    for (size_t i = 0; i < sizeof throttled / sizeof *throttled; i++) {
        if (ra_ddb_is_error(r, throttled[i]))
            return true;
    }
    return false;
}

void ra_ddb_describe_error(const ra_ddb *d, const ra_http_reply *r, ra_buf *out)
{
    if (!r) {
        ra_buf_add_z(out, "out of memory");
        return;
    }
    if (r->result != RA_HTTP_OK) {
        ra_buf_addf(out, r->result == RA_HTTP_NOT_SENT ? "%s can't be reached: %s" : "no reply from %s: %s",
                    d->endpoint, r->error);
        return;
    }
    cJSON *error = error_document(r);
    const char *type = error ? error_type(error) : NULL;
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "message"));
    if (!message)
        message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "Message"));
    if (type)
        ra_buf_addf(out, "%s: %s", type, message ? message : "(no message)");
    else
        ra_buf_addf(out, "%s replied with HTTP status %d and something that isn't DynamoDB's", d->endpoint,
                    r->status);
    cJSON_Delete(error);
}

int64_t ra_ddb_backoff(int64_t *pause, int64_t first, int64_t most)
{
    *pause = *pause * 2 < first ? first : *pause * 2;
    if (*pause > most)
        *pause = most;
    return *pause - *pause / 4 * (int64_t)(ra_random() % 1024) / 1024;
}
