#include "proxy/reply_head.h"

#include "proxy/request_id.h"

#include <stdio.h>
#include <time.h>

void ra_reply_head_init(ra_reply_head *h)
{
    *h = (ra_reply_head){0};
    ra_buf_init(&h->lines, RA_REPLY_HEAD_MAX);
}

void ra_reply_head_free(ra_reply_head *h)
{
    ra_buf_free(&h->lines);
}

bool ra_reply_head_ok(const ra_reply_head *h)
{
    return ra_buf_ok(&h->lines);
}

static bool has_break(ra_bytes s)
{
    return s.n && (memchr(s.p, '\r', s.n) || memchr(s.p, '\n', s.n));
}

void ra_reply_head_add(ra_reply_head *h, const char *name, ra_bytes value)
{
    if (has_break(ra_bytes_z(name)) || has_break(value))
        return;
    ra_buf_add_z(&h->lines, name);
    ra_buf_add(&h->lines, ": ", 2);
    ra_buf_add_bytes(&h->lines, value);
    ra_buf_add(&h->lines, "\r\n", 2);
}

void ra_reply_head_add_z(ra_reply_head *h, const char *name, const char *value)
{
    ra_reply_head_add(h, name, ra_bytes_z(value));
}

void ra_reply_head_add_number(ra_reply_head *h, const char *name, int64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)value);
    ra_reply_head_add(h, name, (ra_bytes){text, (size_t)n});
}

void ra_reply_head_add_given_id(ra_reply_head *h, const char *name, ra_bytes id)
{
    size_t before = h->lines.n;
    ra_reply_head_add(h, name, id);
    if (ra_reply_head_ok(h) && h->lines.n > before) {
        h->id_at = h->lines.n - id.n - 2; /* before CR LF */
        h->id_n = id.n;
    }
}

void ra_reply_head_add_request_id(ra_reply_head *h)
{
    char id[RA_REQUEST_ID_CHARS];
    ra_request_id(id);
    ra_reply_head_add_given_id(h, "x-amzn-RequestId", (ra_bytes){id, sizeof id});
}

ra_bytes ra_reply_head_request_id(const ra_reply_head *h)
{
    return (ra_bytes){h->id_n ? h->lines.p + h->id_at : NULL, h->id_n};
}

static void add_cache_status(ra_reply_head *h, const ra_verdict *v)
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
    ra_reply_head_add_z(h, "Cache-Status", text);
}

/* ISO 8601, UTC, with ms. */
static void add_fresh_as_of(ra_reply_head *h, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm t;
    char text[48];
    if (!gmtime_r(&seconds, &t))
        return;
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &t);
    if (n == 0)
        return;
    snprintf(text + n, sizeof text - n, ".%03dZ", (int)(ms % 1000));
    ra_reply_head_add_z(h, "X-Cache-Fresh-As-Of", text);
}

const char *ra_x_cache_word(enum ra_x_cache cache)
{
    static const char *const word[] = {"HIT", "MISS", "BYPASS", "STALE"};
    return word[cache];
}

void ra_reply_head_add_verdict(ra_reply_head *h, const ra_verdict *v)
{
    ra_reply_head_add_z(h, "X-Cache", ra_x_cache_word(v->cache));
    if (v->cache == RA_X_HIT || v->cache == RA_X_STALE)
        ra_reply_head_add_number(h, "Age", v->age < 0 ? 0 : v->age);
    if ((v->cache == RA_X_HIT || v->cache == RA_X_STALE) && v->fresh_as_of > 0)
        add_fresh_as_of(h, v->fresh_as_of);
    add_cache_status(h, v);
}

void ra_reply_head_give(ra_reply_head *h, struct evkeyvalq *headers)
{
    char *p = h->lines.p, *end = p ? p + h->lines.n : NULL;
    while (p < end) {
        char *colon = memchr(p, ':', (size_t)(end - p)), *stop = memchr(p, '\r', (size_t)(end - p));
        *colon = *stop = '\0';
        evhttp_add_header(headers, p, colon + 2);
        p = stop + 2;
    }
    ra_buf_clear(&h->lines);
}
