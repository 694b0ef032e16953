#include "cache/momento_client.h"

#include "cache/buf.h"
#include "cache/http_client.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CLIENT_MAGIC = 0x6d6f6d63,
    CALL_MAGIC = 0x6d6f6d72,
    KEY_MOST = 1024, /* base64 makes 4 of 3, and a URL of several KiB is refused here and there */
    URL_MOST = 8192,
    REPLY_MOST = RA_MOMENTO_ITEM_MOST + 65536,
    RETRY_AFTER_MOST = 3600,
    KEY_LIKE = 24 /* characters */
};

enum method { GET, PUT, DELETE };
static const char *const names[] = {[GET] = "GET", [PUT] = "PUT", [DELETE] = "DELETE"};

struct ra_momento_call {
    unsigned magic;
    ra_momento_client *client;
    struct ra_momento_call *prev, *next;
    enum method method;
    ra_http_call *http;
    char *body; /* of a put */
    ra_momento_done done;
    void *arg;
};

struct ra_momento_client {
    unsigned magic;
    ra_http *http;
    char *base;          /* "<endpoint>/cache/<cache>?key_base64=" */
    char *authorization; /* the header; a secret */
    ra_momento_call *calls;
};

static ra_momento_call *call_of(void *p)
{
    ra_momento_call *c = p;
    if (!c || c->magic != CALL_MAGIC) {
        fputs("momento client: a call is corrupted\n", stderr);
        abort();
    }
    return c;
}

/* ---- outcomes ---- */

bool ra_momento_is_misconfigured(enum ra_momento_outcome o)
{
    return o == RA_MOMENTO_NO_CACHE || o == RA_MOMENTO_UNAUTHORIZED || o == RA_MOMENTO_FORBIDDEN;
}

bool ra_momento_is_good(enum ra_momento_outcome o)
{
    return o == RA_MOMENTO_FOUND || o == RA_MOMENTO_DONE || o == RA_MOMENTO_ABSENT;
}

const char *ra_momento_outcome_text(enum ra_momento_outcome o)
{
    static const char *const texts[] = {
        [RA_MOMENTO_FOUND] = "found",
        [RA_MOMENTO_DONE] = "done",
        [RA_MOMENTO_ABSENT] = "there is no such key",
        [RA_MOMENTO_NO_CACHE] = "the cache doesn't exist",
        [RA_MOMENTO_UNAUTHORIZED] = "the API key is invalid or has expired",
        [RA_MOMENTO_FORBIDDEN] = "the API key doesn't grant reading and writing the cache",
        [RA_MOMENTO_THROTTLED] = "over a limit of the account",
        [RA_MOMENTO_TOO_LARGE] = "over the limit for one item",
        [RA_MOMENTO_REFUSED] = "the request isn't accepted",
        [RA_MOMENTO_SERVER_ERROR] = "the service has failed",
        [RA_MOMENTO_NETWORK] = "no reply",
    };
    return texts[o];
}

/* Does the text hold the words, in any case? `words` in lower case. */
static bool says(ra_bytes text, const char *words)
{
    size_t n = strlen(words);
    for (size_t at = 0; at + n <= text.n; at++) {
        size_t i = 0;
        while (i < n && (text.p[at + i] >= 'A' && text.p[at + i] <= 'Z' ? text.p[at + i] + 32
                                                                        : text.p[at + i]) == words[i])
            i++;
        if (i == n)
            return true;
    }
    return false;
}

/* The two 404s differ in their words alone. One that has neither's isn't this API's. */
static enum ra_momento_outcome not_found(enum method method, ra_bytes body)
{
    if (method == GET && (says(body, "key not found") || says(body, "item not found")))
        return RA_MOMENTO_ABSENT;
    return says(body, "cache not found") || says(body, "cache does not exist") ? RA_MOMENTO_NO_CACHE
                                                                               : RA_MOMENTO_SERVER_ERROR;
}

static enum ra_momento_outcome judge(enum method method, int status, ra_bytes body)
{
    switch (status) {
    case 200:
    case 204: /* a value of no bytes, if it was got */
        return method == GET ? RA_MOMENTO_FOUND : RA_MOMENTO_DONE;
    case 401:
        return RA_MOMENTO_UNAUTHORIZED;
    case 403:
        return RA_MOMENTO_FORBIDDEN;
    case 404:
        return not_found(method, body);
    case 413:
        return RA_MOMENTO_TOO_LARGE;
    case 429: /* the account's limits, of which one is an item's size: that isn't a matter of how often */
        return method == PUT && says(body, "size limit") ? RA_MOMENTO_TOO_LARGE : RA_MOMENTO_THROTTLED;
    default:
        return status >= 400 && status < 500 && status != 408 ? RA_MOMENTO_REFUSED : RA_MOMENTO_SERVER_ERROR;
    }
}

/* Delay-seconds (RFC 9110, 10.2.3); a date isn't worth a clock that may differ. */
static int64_t retry_after(const ra_http_reply *r)
{
    const char *text = ra_http_reply_header(r, "retry-after");
    int64_t s = 0;
    if (!text || !*text || text[strspn(text, "0123456789")])
        return -1;
    for (; *text && s < RETRY_AFTER_MOST; text++)
        s = s * 10 + (*text - '0');
    return (s < RETRY_AFTER_MOST ? s : RETRY_AFTER_MOST) * 1000;
}

/* What is in a body for a person, on one line. */
static void set_text(ra_momento_result *r, const char *p, size_t n)
{
    size_t i = 0;
    for (; i < n && i < sizeof r->text - 1; i++)
        r->text[i] = (char)(p[i] >= ' ' && p[i] < 127 ? p[i] : ' ');
    while (i && r->text[i - 1] == ' ')
        i--;
    r->text[i] = '\0';
}

static bool may_be_a_key(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("+/-_.=", c));
}

/* A service, or what stands between, may repeat the API key that it was sent: what is as long as one, and
 * has no other characters, isn't shown. */
static void hide_keys(char *text)
{
    char *to = text;
    for (const char *from = text; *from;) {
        size_t n = 0;
        while (may_be_a_key(from[n]))
            n++;
        size_t shown = n ? n : 1;
        memmove(to, n >= KEY_LIKE ? "..." : from, n >= KEY_LIKE ? 3 : shown);
        to += n >= KEY_LIKE ? 3 : shown;
        from += shown;
    }
    *to = '\0';
}

static void read_reply(enum method method, const ra_http_reply *reply, ra_momento_result *out)
{
    ra_bytes body = {reply->body, reply->len};
    *out = (ra_momento_result){.outcome = RA_MOMENTO_NETWORK, .is_put = method == PUT, .retry_after = -1};
    if (reply->result == RA_HTTP_TOO_LARGE)
        out->outcome = RA_MOMENTO_TOO_LARGE;
    if (reply->result != RA_HTTP_OK) {
        set_text(out, reply->error, strlen(reply->error));
        return;
    }
    out->status = reply->status;
    out->outcome = judge(method, reply->status, body);
    if (out->outcome == RA_MOMENTO_FOUND)
        out->value = body;
    if (ra_momento_is_good(out->outcome))
        return;
    out->retry_after = retry_after(reply);
    set_text(out, body.p, body.n);
    hide_keys(out->text);
}

/* ---- calls ---- */

static void call_free(ra_momento_call *c)
{
    if (c->prev)
        c->prev->next = c->next;
    else
        c->client->calls = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->magic = 0;
    free(c->body);
    free(c);
}

static void replied(ra_http_call *http, ra_http_reply *reply, void *arg)
{
    ra_momento_call *c = call_of(arg);
    ra_momento_done done = c->done;
    ra_momento_result result;
    void *their = c->arg;
    (void)http;
    read_reply(c->method, reply, &result);
    call_free(c);
    done(&result, their);
}

void ra_momento_cancel(ra_momento_call *call)
{
    ra_http_cancel(call_of(call)->http);
    call_free(call);
}

/* Base64 in the alphabet for URLs, not padded: nothing in it needs escaping in a query. */
static void add_base64url(ra_buf *out, ra_bytes key)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < key.n; i += 3) {
        unsigned bits = 0;
        size_t n = key.n - i < 3 ? key.n - i : 3;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < n ? (unsigned char)key.p[i + k] : 0);
        for (size_t k = 0; k <= n; k++)
            ra_buf_add_char(out, digits[bits >> (18 - 6 * k) & 63]);
    }
}

static char *make_url(const ra_momento_client *c, ra_bytes key, int64_t ttl)
{
    ra_buf url;
    size_t n;
    ra_buf_init(&url, URL_MOST);
    ra_buf_add_z(&url, c->base);
    add_base64url(&url, key);
    if (ttl)
        ra_buf_addf(&url, "&ttl_seconds=%lld", (long long)ttl);
    ra_buf_add_char(&url, '\0');
    char *text = ra_buf_ok(&url) ? ra_buf_take(&url, &n) : NULL;
    ra_buf_free(&url);
    return text;
}

static bool send_it(ra_momento_call *call, ra_bytes key, size_t n, int64_t ttl, int64_t timeout)
{
    ra_momento_client *c = call->client;
    char *url = make_url(c, key, ttl);
    const char *headers[] = {c->authorization, "Content-Type: application/octet-stream"};
    ra_http_request r = {.method = names[call->method],
                         .url = url,
                         .headers = headers,
                         .nheaders = call->method == PUT ? 2 : 1,
                         .body = {call->body, n},
                         .once = call->method == PUT,
                         .deadline = timeout,
                         .max_reply = REPLY_MOST};
    if (url)
        call->http = ra_http_send(c->http, &r, replied, call);
    free(url);
    return call->http != NULL;
}

static ra_momento_call *start(ra_momento_client *c, enum method method, ra_bytes key, ra_bytes value,
                              int64_t ttl, int64_t timeout, ra_momento_done done, void *arg)
{
    ra_momento_call *call = key.n && key.n <= KEY_MOST ? calloc(1, sizeof *call) : NULL;
    if (!call)
        return NULL;
    *call = (ra_momento_call){
        .magic = CALL_MAGIC, .client = c, .next = c->calls, .method = method, .done = done, .arg = arg};
    if (c->calls)
        c->calls->prev = call;
    c->calls = call;
    call->body = value.n ? malloc(value.n) : NULL;
    if (call->body)
        memcpy(call->body, value.p, value.n);
    if ((!value.n || call->body) && send_it(call, key, value.n, ttl, timeout))
        return call;
    call_free(call);
    return NULL;
}

ra_momento_call *ra_momento_get(ra_momento_client *c, ra_bytes key, int64_t timeout, ra_momento_done done,
                                void *arg)
{
    return start(c, GET, key, (ra_bytes){NULL, 0}, 0, timeout, done, arg);
}

bool ra_momento_fits(ra_bytes key, size_t n)
{
    return key.n <= RA_MOMENTO_ITEM_MOST && n <= RA_MOMENTO_ITEM_MOST - key.n;
}

ra_momento_call *ra_momento_put(ra_momento_client *c, ra_bytes key, ra_bytes value, int64_t ttl,
                                int64_t timeout, ra_momento_done done, void *arg)
{
    if (!ra_momento_fits(key, value.n) || ttl < 1 || ttl > RA_MOMENTO_TTL_MOST)
        return NULL;
    return start(c, PUT, key, value, ttl, timeout, done, arg);
}

ra_momento_call *ra_momento_delete(ra_momento_client *c, ra_bytes key, int64_t timeout, ra_momento_done done,
                                   void *arg)
{
    return start(c, DELETE, key, (ra_bytes){NULL, 0}, 0, timeout, done, arg);
}

/* ---- the client ---- */

static char *joined(const char *a, const char *b, const char *c, const char *d)
{
    size_t n = strlen(a) + strlen(b) + strlen(c) + strlen(d) + 1;
    char *text = malloc(n);
    if (text)
        snprintf(text, n, "%s%s%s%s", a, b, c, d);
    return text;
}

ra_momento_client *ra_momento_client_new(struct event_base *base, const ra_momento_client_options *o)
{
    ra_http_options http = {
        .max_connections = o->max_connections, .verify_tls = true, .ca_file = o->ca_file, .http2 = true};
    ra_momento_client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->magic = CLIENT_MAGIC;
    c->base = joined(o->endpoint, "/cache/", o->cache, "?key_base64=");
    c->authorization = joined("Authorization: ", o->api_key, "", "");
    c->http = c->base && c->authorization ? ra_http_new(base, &http) : NULL;
    if (c->http)
        return c;
    ra_momento_client_free(c);
    return NULL;
}

void ra_momento_client_free(ra_momento_client *c)
{
    if (!c)
        return;
    if (c->magic != CLIENT_MAGIC) {
        fputs("momento client: corrupted\n", stderr);
        abort();
    }
    while (c->calls)
        ra_momento_cancel(c->calls);
    ra_http_free(c->http);
    free(c->base);
    if (c->authorization)
        explicit_bzero(c->authorization, strlen(c->authorization));
    free(c->authorization);
    c->magic = 0;
    free(c);
}
