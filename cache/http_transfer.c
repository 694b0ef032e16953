#include "cache/http_transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define TRANSFER_MAGIC 0x7472616eu

enum { PRESIZE_MAX = 1 << 20 }; /* how far a peer's Content-Length is believed before the bytes come */

static ra_http_transfer *checked(void *p)
{
    ra_http_transfer *t = p;
    if (!t || t->magic != TRANSFER_MAGIC) {
        fputs("http_transfer: a callback got something that isn't a transfer\n", stderr);
        abort();
    }
    return t;
}

void ra_http_transfer_say(ra_http_transfer *t, const char *text)
{
    size_t n = strlen(text);
    if (n > sizeof t->reply->error - 1)
        n = sizeof t->reply->error - 1;
    memcpy(t->reply->error, text, n);
    t->reply->error[n] = '\0';
}

/* ---- what curl calls while it runs; none of these may call back into the multi handle ---- */

static void stop(ra_http_transfer *t, enum ra_http_result why, const char *text)
{
    t->stopped = why;
    ra_http_transfer_say(t, text);
}

/*
 * A connection is there (TLS included) and curl is about to write the request. When it comes here a second
 * time, a reused connection has died under the first transmission: whoever asked for `once` gets an error
 * instead.
 */
static int before_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
    (void)ip;
    (void)local_ip;
    (void)port;
    (void)local_port;
    ra_http_transfer *t = checked(arg);
    if (t->once && t->maybe_sent) {
        stop(t, RA_HTTP_CUT, "the connection closed before a reply came");
        return CURL_PREREQFUNC_ABORT;
    }
    t->maybe_sent = true;
    return CURL_PREREQFUNC_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static ra_bytes trim(ra_bytes s)
{
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    while (s.n && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    return s;
}

/* CURLOPT_HEADERFUNCTION: one line, with its end. Returning less than it was given stops the transfer. */
static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    ra_http_transfer *t = checked(arg);
    ra_bytes line = {p, size * n};
    if (line.n >= 5 && memcmp(line.p, "HTTP/", 5) == 0) { /* the last of several replies (1xx) counts */
        ra_http_reply_clear_headers(t->reply);
        t->reading_trailer = false;
        return line.n;
    }
    if (trim(line).n == 0)
        t->reading_trailer = true; /* what follows the empty line isn't a header */
    if (t->reading_trailer)
        return line.n;
    const char *colon = memchr(line.p, ':', line.n);
    if (is_blank(line.p[0]) || !colon || colon == line.p) {
        stop(t, RA_HTTP_CUT, "the reply has a malformed header");
        return 0;
    }
    ra_bytes name = {line.p, (size_t)(colon - line.p)};
    ra_bytes value = trim((ra_bytes){colon + 1, line.n - name.n - 1});
    enum ra_http_result added = ra_http_reply_add_header(t->reply, name, value);
    if (added == RA_HTTP_OK)
        return line.n;
    stop(t, added, added == RA_HTTP_TOO_LARGE ? "the reply's headers are too large" : "no memory");
    return 0;
}

/* The caller has checked that all fits into max_reply. */
static bool make_room(ra_http_transfer *t, size_t n)
{
    size_t need = t->reply->len + n;
    if (need <= t->body_size)
        return true;
    size_t size = t->body_size * 2;
    if (t->body_size == 0) {
        curl_off_t announced = -1;
        curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
        size = announced > 0 && announced <= PRESIZE_MAX ? (size_t)announced : 4096;
    }
    if (size < need)
        size = need;
    if (size > t->max_reply)
        size = t->max_reply;
    char *body = realloc(t->reply->body, size);
    if (!body)
        return false;
    t->reply->body = body;
    t->body_size = size;
    return true;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    ra_http_transfer *t = checked(arg);
    size_t len = size * n;
    if (len > t->max_reply - t->reply->len) {
        stop(t, RA_HTTP_TOO_LARGE, "the reply is larger than allowed");
        return 0;
    }
    if (len && !make_room(t, len)) {
        stop(t, RA_HTTP_NO_MEMORY, "no memory");
        return 0;
    }
    if (len)
        memcpy(t->reply->body + t->reply->len, p, len);
    t->reply->len += len;
    return len;
}

/* ---- easy handles ---- */

/* A libcurl without HTTP/2 refuses the second one, and stays with the first. */
static void set_version(CURL *e, bool http2)
{
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (http2)
        curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
}

/* Over TLS it is known once a connection is there whether it can be shared, and it is worth waiting for.
 * Without it would be known with the first reply only, and one that doesn't come would hold up all others. */
static bool may_share(const ra_http_transfer *t, bool http2)
{
    return http2 && strncasecmp(t->url, "https:", 6) == 0;
}

CURL *ra_http_easy_new(const ra_http_options *o)
{
    CURL *e = curl_easy_init();
    if (!e)
        return NULL;
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    set_version(e, o->http2);
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    /* Allocated anew for each transfer: small enough for a thread's own cache of jemalloc's (32 KiB). */
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 30000L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout);
    /* curl reuses a connection whose idle time, in whole seconds, is at most this */
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)((o->max_idle - 1) / 1000));
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, o->verify_tls ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, o->verify_tls ? 2L : 0L);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* else removing a transfer whose name is still being looked up joins that thread: the loop would stand */
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
#endif
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    /* these copy a string, so that they may fail; an empty proxy also keeps the environment's out */
    if (curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
        curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK &&
        (!o->ca_file || curl_easy_setopt(e, CURLOPT_CAINFO, o->ca_file) == CURLE_OK))
        return e;
    curl_easy_cleanup(e);
    return NULL;
}

/* The body always goes by POSTFIELDS, so that it leaves with the headers in one write. */
bool ra_http_transfer_attach(ra_http_transfer *t, CURL *e, const ra_http_options *o)
{
    bool head = strcmp(t->method, "HEAD") == 0;
    bool bodied = t->body.n || strcmp(t->method, "POST") == 0 || strcmp(t->method, "PUT") == 0;
    t->easy = e;
    curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 0L);
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, may_share(t, o->http2) ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    if (head)
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    if (bodied) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.n);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, t->body.n ? t->body.p : "");
    }
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->curl_error);
    curl_easy_setopt(e, CURLOPT_PRIVATE, t->owner);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    return curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, head ? NULL : t->method) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_URL, t->url) == CURLE_OK;
}

void ra_http_transfer_distrust(ra_http_transfer *t)
{
    curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
}

void ra_http_transfer_detach(ra_http_transfer *t)
{
    CURL *e = t->easy;
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(e, CURLOPT_PRIVATE, NULL);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, NULL);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, NULL);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, NULL);
    t->easy = NULL;
}

/* ---- a transfer's own ---- */

static bool add_header(ra_http_transfer *t, const char *line)
{
    struct curl_slist *list = curl_slist_append(t->headers, line);
    if (list)
        t->headers = list;
    return list != NULL;
}

/* To curl "Name:" without a value means that the header isn't to be sent; "Name;" means an empty one. */
static bool add_empty_header(ra_http_transfer *t, const char *line, size_t name_len)
{
    char *empty = strndup(line, name_len + 1);
    if (!empty)
        return false;
    empty[name_len] = ';';
    bool ok = add_header(t, empty);
    free(empty);
    return ok;
}

static bool given(const ra_http_request *r, const char *name)
{
    for (size_t i = 0; i < r->nheaders; i++) {
        if (strncasecmp(r->headers[i], name, strlen(name)) == 0)
            return true;
    }
    return false;
}

static bool add_headers(ra_http_transfer *t, const ra_http_request *r)
{
    static const char *const curls_own[] = {"Expect:", "Accept:", "Content-Type:"};
    for (size_t i = 0; i < r->nheaders; i++) {
        const char *line = r->headers[i], *colon = strchr(line, ':');
        bool empty = colon && colon[1 + strspn(colon + 1, " \t")] == '\0';
        if (!(empty ? add_empty_header(t, line, (size_t)(colon - line)) : add_header(t, line)))
            return false;
    }
    for (size_t i = 0; i < sizeof curls_own / sizeof *curls_own; i++) {
        if (!given(r, curls_own[i]) && !add_header(t, curls_own[i]))
            return false;
    }
    return true;
}

bool ra_http_transfer_init(ra_http_transfer *t, const ra_http_request *r, void *owner)
{
    *t = (ra_http_transfer){.magic = TRANSFER_MAGIC,
                            .owner = owner,
                            .body = r->body,
                            .once = r->once,
                            .max_reply = r->max_reply,
                            .reply = ra_http_reply_new(),
                            .url = strdup(r->url),
                            .method = strdup(r->method)};
    return t->reply && t->url && t->method && add_headers(t, r);
}

void ra_http_transfer_clear(ra_http_transfer *t)
{
    curl_slist_free_all(t->headers);
    free(t->url);
    free(t->method);
    ra_http_reply_unref(t->reply);
    *t = (ra_http_transfer){0};
}

enum ra_http_result ra_http_transfer_outcome(ra_http_transfer *t, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    t->reply->status = (int)status;
    if (code == CURLE_OK)
        return RA_HTTP_OK;
    if (t->stopped != RA_HTTP_OK)
        return t->stopped;
    ra_http_transfer_say(t, t->curl_error[0] ? t->curl_error : curl_easy_strerror(code));
    if (code == CURLE_OUT_OF_MEMORY)
        return RA_HTTP_NO_MEMORY;
    if (!t->maybe_sent)
        return RA_HTTP_NOT_SENT;
    return code == CURLE_OPERATION_TIMEDOUT ? RA_HTTP_TIMEOUT : RA_HTTP_CUT;
}
