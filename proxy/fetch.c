#include "proxy/fetch.h"

#include "proxy/log.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>

enum { FETCH_MAGIC = 0x66657463, HEADERS_MAX = 64 * 1024 /* bytes of a reply's, all of them */ };

typedef struct fetch {
    unsigned magic;
    const ra_fetch_request *request;
    ra_buf *body;
    size_t before; /* what stood in `body` */
    size_t max_reply;
    size_t header_bytes;
    bool headed;         /* the headers' end has come: libcurl takes a reply without it, too */
    const char *stopped; /* why we have stopped it; NULL: we haven't */
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
} fetch;

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT); /* counted: that others do it too is no harm */
}

static fetch *checked(void *p)
{
    fetch *f = p;
    if (!f || f->magic != FETCH_MAGIC)
        ra_corrupt("fetch");
    return f;
}

/* Returning less than it was given stops the transfer, here and below. */
static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    fetch *f = checked(arg);
    f->headed = size * n <= 2 && size * n > 0 && p[size * n - 1] == '\n';
    f->header_bytes += size * n;
    if (f->header_bytes <= HEADERS_MAX)
        return size * n;
    f->stopped = "the reply's headers are too large";
    return 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    fetch *f = checked(arg);
    size_t len = size * n, have = f->body->n - f->before;
    if (len > f->max_reply - have || len > f->body->cap - f->body->n) {
        f->stopped = "the reply is larger than allowed";
        return 0;
    }
    if (ra_buf_add(f->body, p, len))
        return len;
    f->stopped = "out of memory";
    return 0;
}

static int on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    fetch *f = checked(arg);
    (void)down_all;
    (void)down;
    (void)up_all;
    (void)up;
    if (!f->request->stop(f->request->stop_arg))
        return 0;
    f->stopped = "it isn't wanted any more";
    return 1;
}

/* ---- what is sent ---- */

/* A line break in a value that came from a file or a variable would make two headers of it; and a header
 * without a value is one that libcurl leaves out. */
static bool header_good(const char *line)
{
    const char *colon = strchr(line, ':');
    if (!colon || colon == line || colon[1 + strspn(colon + 1, " \t")] == '\0')
        return false;
    for (const unsigned char *p = (const unsigned char *)line; *p; p++) {
        if ((*p < ' ' && *p != '\t') || *p == 0x7f)
            return false;
    }
    return true;
}

static bool given(const ra_fetch_request *r, const char *name)
{
    for (size_t i = 0; i < r->nheaders; i++) {
        if (strncasecmp(r->headers[i], name, strlen(name)) == 0)
            return true;
    }
    return false;
}

static bool add_header(fetch *f, const char *line)
{
    struct curl_slist *list = curl_slist_append(f->headers, line);
    if (list)
        f->headers = list;
    return list != NULL;
}

/* Ours, and the absence of those that libcurl would make up. */
static const char *add_headers(fetch *f, const ra_fetch_request *r)
{
    static const char *const curls_own[] = {"Expect:", "Content-Type:"};
    for (size_t i = 0; i < r->nheaders; i++) {
        if (!header_good(r->headers[i]))
            return "a header that was to be sent is empty, or holds control characters";
        if (!add_header(f, r->headers[i]))
            return "out of memory";
    }
    for (size_t i = 0; i < sizeof curls_own / sizeof *curls_own; i++) {
        if (!given(r, curls_own[i]) && !add_header(f, curls_own[i]))
            return "out of memory";
    }
    return NULL;
}

/* Those options that copy a string may fail. */
static bool set_strings(CURL *e, const ra_fetch_request *r)
{
    return curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           (!r->no_proxy || curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK) &&
           (!r->ca_file || curl_easy_setopt(e, CURLOPT_CAINFO, r->ca_file) == CURLE_OK) &&
           (!r->method || curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method) == CURLE_OK) &&
           curl_easy_setopt(e, CURLOPT_URL, r->url) == CURLE_OK;
}

static bool prepare(CURL *e, fetch *f, const ra_fetch_request *r)
{
    bool bodied =
        r->body.n || (r->method && (strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0));
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)r->connect_timeout);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)r->timeout);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (bodied) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body.n ? r->body.p : "");
    }
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, f->headers);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->error);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, f);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, r->stop ? 0L : 1L);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(e, CURLOPT_XFERINFODATA, f);
    return set_strings(e, r);
}

/* ---- what comes ---- */

/* libcurl's own words where they tell of connections and certificates; elsewhere they might quote a reply. */
static const char *reason(const fetch *f, CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_PEER_FAILED_VERIFICATION:
        return f->error[0] ? f->error : curl_easy_strerror(code);
    default:
        return curl_easy_strerror(code);
    }
}

/* The status; 0 with *why. */
static int perform(CURL *e, fetch *f, char why[RA_FETCH_WHY_MAX])
{
    CURLcode code = curl_easy_perform(e);
    long status = 0;
    curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
    if (f->stopped)
        snprintf(why, RA_FETCH_WHY_MAX, "%s", f->stopped);
    else if (code != CURLE_OK)
        snprintf(why, RA_FETCH_WHY_MAX, "%s", reason(f, code));
    else if (!f->headed)
        snprintf(why, RA_FETCH_WHY_MAX, "the reply ended within its headers");
    else if (status >= 300 && status < 400)
        snprintf(why, RA_FETCH_WHY_MAX, "it redirects (HTTP status %ld), which isn't followed", status);
    else if (status >= 200 && status < 600)
        return (int)status;
    else
        snprintf(why, RA_FETCH_WHY_MAX, "it replied with HTTP status %ld, which is none", status);
    return 0;
}

int ra_fetch(const ra_fetch_request *r, ra_buf *body, char why[RA_FETCH_WHY_MAX])
{
    pthread_once(&curl_once, init_curl);
    fetch f = {
        .magic = FETCH_MAGIC, .request = r, .body = body, .before = body->n, .max_reply = r->max_reply};
    CURL *e = curl_easy_init();
    const char *wrong = e && ra_buf_ok(body) ? add_headers(&f, r) : "out of memory";
    int status = 0;
    if (!wrong && !prepare(e, &f, r))
        wrong = "out of memory";
    if (wrong)
        snprintf(why, RA_FETCH_WHY_MAX, "%s", wrong);
    else
        status = perform(e, &f, why);
    if (!status) /* what has come of a reply that isn't whole is of no use */
        body->n = f.before;
    curl_easy_cleanup(e);
    curl_slist_free_all(f.headers);
    f.magic = 0;
    return status;
}
