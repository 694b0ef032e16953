#include "bench/loadgen/response.h"

#include <strings.h>

enum state { STATUS, HEADERS, BODY, TO_THE_END, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILERS, DONE, BAD };

void ra_response_begin(ra_response *r, bool head)
{
    r->status = 0;
    r->cache = RA_CACHE_UNSAID;
    r->collapsed = r->has_length = r->chunked = r->minor_zero = false;
    r->keep_alive = true;
    r->body = r->left = 0;
    r->why = NULL;
    r->nkept = r->head_bytes = r->nline = 0;
    r->state = STATUS;
    r->head = head;
}

static bool bad(ra_response *r, const char *why)
{
    r->why = why;
    r->state = BAD;
    return false;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_status(ra_response *r, const char *p, size_t n)
{
    bool http = n >= 12 && memcmp(p, "HTTP/1.", 7) == 0 && (p[7] == '1' || p[7] == '0') && p[8] == ' ';
    if (!http || !digit(p[9]) || !digit(p[10]) || !digit(p[11]) || (n > 12 && p[12] != ' '))
        return bad(r, "the reply doesn't begin as an HTTP/1.1 reply does");
    r->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
    r->minor_zero = p[7] == '0';
    r->keep_alive = !r->minor_zero;
    r->state = HEADERS;
    if (r->status < 100 || r->status == 101)
        return bad(r, "the reply's status is none that was asked for");
    return true;
}

static bool is(ra_bytes name, const char *z, size_t n)
{
    return name.n == n && strncasecmp(name.p, z, n) == 0;
}

#define IS(name, literal) is(name, literal, sizeof(literal) - 1)

/* Whether a list separated by commas or semicolons has this word as one of its members. */
static bool lists(ra_bytes value, const char *word)
{
    size_t len = strlen(word), begin = 0;
    for (size_t i = 0; i <= value.n; i++) {
        if (i < value.n && value.p[i] != ',' && value.p[i] != ';')
            continue;
        size_t from = begin, to = i;
        while (from < to && (value.p[from] == ' ' || value.p[from] == '\t'))
            from++;
        while (to > from && (value.p[to - 1] == ' ' || value.p[to - 1] == '\t'))
            to--;
        if (to - from == len && strncasecmp(value.p + from, word, len) == 0)
            return true;
        begin = i + 1;
    }
    return false;
}

static bool read_length(ra_response *r, ra_bytes value)
{
    uint64_t n = 0;
    if (value.n == 0 || value.n > 18)
        return bad(r, "a Content-Length that is no number");
    for (size_t i = 0; i < value.n; i++) {
        if (!digit(value.p[i]))
            return bad(r, "a Content-Length that is no number");
        n = n * 10 + (uint64_t)(value.p[i] - '0');
    }
    if (r->has_length && r->left != n)
        return bad(r, "two different Content-Lengths");
    r->has_length = true;
    r->left = n;
    return true;
}

static enum ra_response_cache read_cache(ra_bytes v)
{
    static const struct {
        const char *word;
        enum ra_response_cache is;
    } words[] = {{"HIT", RA_CACHE_HIT},         {"MISS", RA_CACHE_MISS},      {"STALE", RA_CACHE_STALE},
                 {"BYPASS", RA_CACHE_BYPASS},   {"UPDATING", RA_CACHE_STALE}, {"EXPIRED", RA_CACHE_MISS},
                 {"REVALIDATED", RA_CACHE_MISS}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (ra_bytes_eq_z(v, words[i].word))
            return words[i].is;
    }
    return RA_CACHE_UNSAID;
}

static bool take_header(ra_response *r, ra_bytes name, ra_bytes value)
{
    if (IS(name, "Content-Length"))
        return read_length(r, value);
    if (IS(name, "X-Cache")) {
        r->cache = read_cache(value);
    } else if (IS(name, "Cache-Status")) {
        r->collapsed |= lists(value, "collapsed");
    } else if (IS(name, "Connection")) {
        if (lists(value, "close"))
            r->keep_alive = false;
        else if (lists(value, "keep-alive"))
            r->keep_alive = true;
    } else if (IS(name, "Transfer-Encoding")) {
        if (!IS(value, "chunked") || r->chunked)
            return bad(r, "a Transfer-Encoding other than chunked");
        r->chunked = true;
    }
    return true;
}

static bool read_header(ra_response *r, const char *p, size_t n)
{
    const char *colon = memchr(p, ':', n);
    size_t name = colon ? (size_t)(colon - p) : 0;
    if (name == 0)
        return bad(r, "a header line without a name");
    for (size_t i = 0; i < name; i++) {
        if (p[i] <= ' ' || p[i] == 127)
            return bad(r, "white space in a header's name");
    }
    size_t from = name + 1, to = n;
    while (from < to && (p[from] == ' ' || p[from] == '\t'))
        from++;
    while (to > from && (p[to - 1] == ' ' || p[to - 1] == '\t'))
        to--;
    return take_header(r, (ra_bytes){p, name}, (ra_bytes){p + from, to - from});
}

/* The empty line after the headers: what comes now? */
static bool end_head(ra_response *r)
{
    if (r->chunked && (r->has_length || r->minor_zero))
        return bad(r, "chunks and a Content-Length, or chunks in HTTP/1.0");
    if (r->status < 200) { /* an interim reply: the reply itself is still to come */
        bool head = r->head;
        size_t bytes = r->head_bytes;
        ra_response_begin(r, head);
        r->head_bytes = bytes; /* so that there is no end of them */
    } else if (r->head || r->status == 204 || r->status == 304) {
        r->state = DONE;
    } else if (r->chunked) {
        r->state = CHUNK_SIZE;
    } else if (r->has_length) {
        r->state = r->left ? BODY : DONE;
    } else {
        r->keep_alive = false;
        r->state = TO_THE_END;
    }
    return true;
}

static int hex(char c)
{
    if (digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number; extensions after it mean nothing to us. */
static bool read_chunk_size(ra_response *r, const char *p, size_t n)
{
    size_t i = 0;
    uint64_t size = 0;
    for (; i < n && hex(p[i]) >= 0; i++) {
        if (i == 15)
            return bad(r, "a chunk's size that is too large");
        size = size << 4 | (uint64_t)hex(p[i]);
    }
    if (i == 0 || (i < n && p[i] != ';' && p[i] != ' ' && p[i] != '\t'))
        return bad(r, "a chunk's size that is no number");
    r->left = size;
    r->head_bytes = 0;
    r->state = size ? CHUNK : TRAILERS;
    return true;
}

/* One line without its CR LF. */
static bool take_line(ra_response *r, const char *p, size_t n)
{
    r->head_bytes += n + 2;
    if (r->head_bytes > RA_RESPONSE_HEAD_MAX)
        return bad(r, "the reply's headers are longer than 64 KiB");
    switch (r->state) {
    case STATUS:
        return read_status(r, p, n);
    case HEADERS:
        return n ? read_header(r, p, n) : end_head(r);
    case CHUNK_SIZE:
        return read_chunk_size(r, p, n);
    case CHUNK_END:
        r->state = CHUNK_SIZE;
        return n == 0 || bad(r, "a chunk that is longer than its size");
    default: /* TRAILERS */
        r->state = n ? TRAILERS : DONE;
        return true;
    }
}

/* A line that is here as a whole is read where it stands; only one that came in pieces is copied. */
static bool feed_line(ra_response *r, const char *p, size_t n, size_t *used)
{
    const char *end = memchr(p, '\n', n);
    size_t len = end ? (size_t)(end - p) + 1 : n;
    *used = len;
    if (r->nline + len > RA_RESPONSE_LINE_MAX)
        return bad(r, "a header line is longer than 8 KiB");
    if (!end || r->nline) {
        memcpy(r->line + r->nline, p, len);
        r->nline += len;
        if (!end)
            return true;
        p = r->line;
        len = r->nline;
        r->nline = 0;
    }
    if (len < 2 || p[len - 2] != '\r')
        return bad(r, "a line that doesn't end with CR LF");
    return take_line(r, p, len - 2);
}

static void take_body(ra_response *r, const char *p, size_t n)
{
    r->body += n;
    if (r->status < 400 || r->nkept == RA_RESPONSE_KEPT_MAX)
        return;
    size_t room = RA_RESPONSE_KEPT_MAX - r->nkept, more = n < room ? n : room;
    memcpy(r->kept + r->nkept, p, more);
    r->nkept += more;
}

static void feed_body(ra_response *r, const char *p, size_t n, size_t *used)
{
    *used = r->state != TO_THE_END && n > r->left ? (size_t)r->left : n;
    take_body(r, p, *used);
    if (r->state == TO_THE_END)
        return;
    r->left -= *used;
    if (r->left == 0)
        r->state = r->state == CHUNK ? CHUNK_END : DONE;
}

enum ra_response_step ra_response_feed(ra_response *r, const char *p, size_t n, size_t *used)
{
    size_t at = 0;
    while (at < n && r->state != DONE && r->state != BAD) {
        size_t took = 0;
        if (r->state == BODY || r->state == CHUNK || r->state == TO_THE_END)
            feed_body(r, p + at, n - at, &took);
        else
            feed_line(r, p + at, n - at, &took);
        at += took;
    }
    *used = at;
    return r->state == DONE ? RA_RESPONSE_DONE : r->state == BAD ? RA_RESPONSE_BAD : RA_RESPONSE_MORE;
}

enum ra_response_step ra_response_eof(ra_response *r)
{
    if (r->state == TO_THE_END)
        r->state = DONE;
    if (r->state == DONE)
        return RA_RESPONSE_DONE;
    bad(r, "the connection was closed before the reply's end");
    return RA_RESPONSE_BAD;
}

ra_bytes ra_response_error_type(const ra_response *r)
{
    static const char name[] = "\"__type\"";
    const char *end = r->kept + r->nkept, *p = memmem(r->kept, r->nkept, name, sizeof name - 1);
    ra_bytes none = RA_BYTES("");
    if (!p)
        return none;
    p += sizeof name - 1;
    while (p < end && (*p == ' ' || *p == ':'))
        p++;
    const char *close = p < end && *p == '"' ? memchr(p + 1, '"', (size_t)(end - p - 1)) : NULL;
    if (!close)
        return none;
    const char *hash = memrchr(p + 1, '#', (size_t)(close - p - 1));
    const char *from = hash ? hash + 1 : p + 1;
    return (ra_bytes){from, (size_t)(close - from)};
}
