#include "proxy/cli_cache_admin.h"

#include "cache/http_client.h"
#include "proxy/clock.h"
#include "proxy/log.h"

#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ADMIN_MAGIC = 0x63616461,
    TIMEOUT = 10 * 1000,
    REPLY_MAX = 64 << 20,
    URL_MAX = 256,
    AUTHORIZATION_MAX = 1024 + 32 /* admin.token has at most 1024 bytes */
};

struct ra_cache_admin {
    unsigned magic;
    struct event_base *base;
    ra_http *http;
    ra_http_reply *reply; /* of the call under way, once it is there */
    struct event *heeded; /* NULL: nothing ends a call early */
    bool interrupted;
    char base_url[RA_CACHE_ADMIN_WHERE_MAX - 16];
    char authorization[AUTHORIZATION_MAX]; /* a header; "": there is no admin.token */
    char where[RA_CACHE_ADMIN_WHERE_MAX];
    char why[RA_CACHE_ADMIN_WHY_MAX];
};

__attribute__((format(printf, 2, 3))) static cJSON *fail(ra_cache_admin *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(a->why, sizeof a->why, format, args);
    va_end(args);
    return NULL;
}

/* Where it listens on every address it can be called by loopback's. */
static const char *reachable(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 ? "127.0.0.1" : strcmp(host, "::") == 0 ? "::1" : host;
}

ra_cache_admin *ra_cache_admin_new(const ra_config *c, char why[RA_CACHE_ADMIN_WHY_MAX])
{
    const ra_config_listen *at = &c->admin.listen;
    /* What the proxy shows is what it is known by: no authority has to vouch for it. */
    const ra_http_options o = {.max_connections = 1, .verify_tls = true, .ca_file = at->tls.cert_file};
    if (!at->host || at->port == 0) {
        snprintf(why, RA_CACHE_ADMIN_WHY_MAX,
                 at->host ? "admin.address has port 0, which doesn't tell where the proxy is; give it a port"
                          : "the running proxy is asked for this, and the configuration has no "
                            "admin.address, such as \"127.0.0.1:8081\"");
        return NULL;
    }
    ra_cache_admin *a = calloc(1, sizeof *a);
    const char *host = reachable(at->host);
    bool v6 = strchr(host, ':') != NULL;
    snprintf(why, RA_CACHE_ADMIN_WHY_MAX, "out of memory");
    if (!a)
        return NULL;
    a->magic = ADMIN_MAGIC;
    snprintf(a->base_url, sizeof a->base_url, "http%s://%s%s%s:%u", at->tls.cert_file ? "s" : "",
             v6 ? "[" : "", host, v6 ? "]" : "", at->port);
    if (c->admin.token)
        snprintf(a->authorization, sizeof a->authorization, "Authorization: Bearer %s", c->admin.token);
    snprintf(a->where, sizeof a->where, "the proxy at %s", a->base_url);
    a->base = event_base_new();
    a->http = a->base ? ra_http_new(a->base, &o) : NULL;
    if (a->http)
        return a;
    ra_cache_admin_free(a);
    return NULL;
}

void ra_cache_admin_free(ra_cache_admin *a)
{
    if (!a)
        return;
    ra_http_free(a->http);
    if (a->heeded)
        event_free(a->heeded);
    if (a->base)
        event_base_free(a->base);
    OPENSSL_cleanse(a->authorization, sizeof a->authorization);
    a->magic = 0;
    free(a);
}

const char *ra_cache_admin_why(const ra_cache_admin *a)
{
    return a->why;
}

const char *ra_cache_admin_where(const ra_cache_admin *a)
{
    return a->where;
}

static ra_cache_admin *checked(void *p)
{
    ra_cache_admin *a = p;
    if (!a || a->magic != ADMIN_MAGIC)
        ra_corrupt("cache admin");
    return a;
}

static void on_heeded(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    checked(arg)->interrupted = true;
}

void ra_cache_admin_heed(ra_cache_admin *a, int fd)
{
    if (a->heeded)
        event_free(a->heeded);
    a->heeded = fd >= 0 ? event_new(a->base, fd, EV_READ, on_heeded, a) : NULL;
}

bool ra_cache_admin_interrupted(const ra_cache_admin *a)
{
    return a->interrupted;
}

static void on_reply(ra_http_call *call, ra_http_reply *reply, void *arg)
{
    (void)call;
    checked(arg)->reply = ra_http_reply_ref(reply);
}

/* Until the reply is there, or what is heeded has come. */
static void turn(ra_cache_admin *a)
{
    a->interrupted = false;
    if (a->heeded)
        event_add(a->heeded, NULL);
    while (!a->reply && !a->interrupted && event_base_loop(a->base, EVLOOP_ONCE) == 0) {
    }
    if (a->heeded)
        event_del(a->heeded);
}

/* NULL: no memory, or it was interrupted. */
static ra_http_reply *exchange(ra_cache_admin *a, const char *path, const ra_buf *body, int64_t limit)
{
    const char *headers[2];
    size_t nheaders = 0;
    char url[URL_MAX];
    if (body)
        headers[nheaders++] = "Content-Type: application/json";
    if (*a->authorization)
        headers[nheaders++] = a->authorization;
    snprintf(url, sizeof url, "%s%s", a->base_url, path);
    ra_http_request r = {.method = body ? "POST" : "GET",
                         .url = url,
                         .headers = headers,
                         .nheaders = nheaders,
                         .body = body ? ra_buf_bytes(body) : (ra_bytes){NULL, 0},
                         .once = true,
                         .deadline = limit,
                         .max_reply = REPLY_MAX};
    a->reply = NULL;
    ra_http_call *call = ra_http_send(a->http, &r, on_reply, a);
    if (call)
        turn(a);
    if (call && !a->reply)
        ra_http_cancel(call);
    return a->reply;
}

static cJSON *read_reply(ra_cache_admin *a, const ra_http_reply *r)
{
    if (r->result != RA_HTTP_OK)
        return fail(a, "%s", r->error);
    cJSON *answer = r->len ? cJSON_ParseWithLength(r->body, r->len) : NULL;
    const char *error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "error"));
    if (r->status == 200 && (cJSON_IsObject(answer) || cJSON_IsArray(answer)))
        return answer;
    if (error)
        fail(a, "%.400s", error);
    else
        fail(a, "it answers with status %d, and not as a proxy's admin address does", r->status);
    cJSON_Delete(answer);
    return NULL;
}

cJSON *ra_cache_admin_do(ra_cache_admin *a, const char *path, const ra_buf *body, int64_t limit, int *status)
{
    ra_http_reply *r = ra_buf_ok(body) ? exchange(a, path, body, limit) : NULL;
    if (!r)
        return fail(a, a->interrupted ? "interrupted" : "out of memory");
    *status = r->status;
    cJSON *answer = r->result == RA_HTTP_OK && r->status != 401 && r->status != 403 && r->len
                        ? cJSON_ParseWithLength(r->body, r->len)
                        : NULL;
    if (!cJSON_IsObject(answer)) {
        cJSON_Delete(answer);
        answer = read_reply(a, r);
    }
    ra_http_reply_unref(r);
    return answer;
}

cJSON *ra_cache_admin_call(ra_cache_admin *a, const char *path, const ra_buf *body, int64_t *us)
{
    int64_t begun = ra_clock_monotonic_us();
    if (body && !ra_buf_ok(body))
        return fail(a, "out of memory");
    ra_http_reply *r = exchange(a, path, body, TIMEOUT);
    if (!r)
        return fail(a, a->interrupted ? "interrupted" : "out of memory");
    if (us)
        *us = ra_clock_monotonic_us() - begun;
    cJSON *answer = read_reply(a, r);
    ra_http_reply_unref(r);
    return answer;
}
