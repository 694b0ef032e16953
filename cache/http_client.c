#include "cache/http_client.h"

#include "cache/curl_loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/queue.h>

#define HTTP_MAGIC 0x68747470u
#define CALL_MAGIC 0x63616c6cu

enum { PRESIZE_MAX = 1 << 20 }; /* how far a peer's Content-Length is believed before the bytes come */

/* Which of the client's lists a call is on. DONE: on none, its callback is running. */
enum call_state {
    CALL_QUEUED,  /* all connections are in use; nothing of it has been given to curl */
    CALL_SENDING, /* curl has it */
    CALL_REFUSED, /* never given to curl; its timer ends it with the result that stands in the reply */
    CALL_STATES,
    CALL_DONE = CALL_STATES
};

struct ra_http_call {
    uint32_t magic;
    enum call_state state;
    ra_http *http;
    TAILQ_ENTRY(ra_http_call) link;
    CURL *easy; /* SENDING only */
    struct curl_slist *headers;
    char *url;
    char *method;
    ra_bytes body; /* the caller's */
    bool once;
    bool maybe_sent; /* a connection was there and curl was about to write to it */
    bool reading_trailer;
    enum ra_http_result refused; /* why a curl callback stopped the transfer; OK: none did */
    size_t max_reply;
    size_t body_size; /* allocated for reply->body */
    ra_http_reply *reply;
    struct event timer;
    ra_http_done done;
    void *arg;
    char curl_error[CURL_ERROR_SIZE];
};

TAILQ_HEAD(call_list, ra_http_call);

struct ra_http {
    uint32_t magic;
    struct event_base *base;
    ra_curl_loop *loop;
    ra_http_options o;
    char *ca_file;
    struct call_list calls[CALL_STATES];
    size_t in_flight; /* on all lists */
    unsigned sending; /* on the SENDING list; <= o.max_connections */
    CURL **idle;      /* easy handles to use again; room for max_connections */
    unsigned nidle;
    unsigned calling_back; /* depth of callbacks running; the struct outlives them */
    bool freed;            /* ra_http_free has been called by one of them */
};

static _Noreturn void corrupt(const char *what)
{
    fprintf(stderr, "http_client: a callback got something that isn't a %s\n", what);
    abort();
}

static ra_http *checked_http(void *p)
{
    ra_http *h = p;
    if (!h || h->magic != HTTP_MAGIC)
        corrupt("client");
    return h;
}

static ra_http_call *checked_call(void *p)
{
    ra_http_call *c = p;
    if (!c || c->magic != CALL_MAGIC)
        corrupt("call");
    return c;
}

static void say(ra_http_reply *r, const char *text)
{
    size_t n = strnlen(text, sizeof r->error - 1);
    memcpy(r->error, text, n);
    r->error[n] = '\0';
}

/* ---- what curl calls while a transfer runs; none of these may call back into the multi handle ---- */

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
    ra_http_call *c = checked_call(arg);
    if (c->once && c->maybe_sent) {
        say(c->reply, "the connection closed before a reply came");
        c->refused = RA_HTTP_CUT;
        return CURL_PREREQFUNC_ABORT;
    }
    c->maybe_sent = true;
    return CURL_PREREQFUNC_OK;
}

static ra_bytes trim(ra_bytes s)
{
    while (s.n && strchr(" \t\r\n", s.p[s.n - 1]))
        s.n--;
    while (s.n && strchr(" \t", s.p[0])) {
        s.p++;
        s.n--;
    }
    return s;
}

static void refuse_reply(ra_http_call *c, enum ra_http_result why, const char *text)
{
    c->refused = why;
    say(c->reply, text);
}

/* CURLOPT_HEADERFUNCTION: one line, with its line end. Returning less than it was given stops the transfer.
 */
static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    ra_http_call *c = checked_call(arg);
    ra_bytes line = {p, size * n};
    if (line.n >= 5 && memcmp(line.p, "HTTP/", 5) == 0) { /* the last of several replies (1xx) counts */
        ra_http_reply_clear_headers(c->reply);
        c->reading_trailer = false;
        return line.n;
    }
    const char *colon = memchr(line.p, ':', line.n);
    if (trim(line).n == 0)
        c->reading_trailer = true; /* what follows the empty line isn't a header */
    if (c->reading_trailer)
        return line.n;
    if (line.p[0] == ' ' || line.p[0] == '\t' || !colon || colon == line.p) {
        refuse_reply(c, RA_HTTP_CUT, "the reply has a malformed header");
        return 0;
    }
    ra_bytes name = {line.p, (size_t)(colon - line.p)};
    ra_bytes value = trim((ra_bytes){colon + 1, line.n - name.n - 1});
    enum ra_http_result added = ra_http_reply_add_header(c->reply, name, value);
    if (added == RA_HTTP_OK)
        return line.n;
    refuse_reply(c, added, added == RA_HTTP_TOO_LARGE ? "the reply's headers are too large" : "no memory");
    return 0;
}

static bool make_room(ra_http_call *c, size_t n)
{
    size_t need = c->reply->len + n;
    if (need <= c->body_size)
        return true;
    size_t size = c->body_size * 2;
    if (c->body_size == 0) {
        curl_off_t announced = -1;
        curl_easy_getinfo(c->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
        size = announced > 0 && announced <= PRESIZE_MAX ? (size_t)announced : 4096;
    }
    if (size < need)
        size = need;
    if (size > c->max_reply)
        size = c->max_reply; /* still >= need: the caller has checked */
    char *body = realloc(c->reply->body, size);
    if (!body)
        return false;
    c->reply->body = body;
    c->body_size = size;
    return true;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    ra_http_call *c = checked_call(arg);
    size_t len = size * n;
    if (len > c->max_reply - c->reply->len) {
        refuse_reply(c, RA_HTTP_TOO_LARGE, "the reply is larger than allowed");
        return 0;
    }
    if (len && !make_room(c, len)) {
        refuse_reply(c, RA_HTTP_NO_MEMORY, "no memory");
        return 0;
    }
    if (len)
        memcpy(c->reply->body + c->reply->len, p, len);
    c->reply->len += len;
    return len;
}

/* ---- easy handles ---- */

/* What is the same for every call; the rest is set anew by prepare, without exception. */
static CURL *easy_new(const ra_http *h)
{
    CURL *e = curl_easy_init();
    if (!e)
        return NULL;
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROXY, ""); /* also: none from the environment */
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 65536L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)h->o.connect_timeout);
    /* curl reuses a connection whose idle time, in whole seconds, is at most this */
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)((h->o.max_idle - 1) / 1000));
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, h->o.verify_tls ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, h->o.verify_tls ? 2L : 0L);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* else removing a transfer whose name is still being looked up joins that thread: the loop would stand */
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
#endif
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    if (h->ca_file && curl_easy_setopt(e, CURLOPT_CAINFO, h->ca_file) != CURLE_OK) {
        curl_easy_cleanup(e);
        return NULL;
    }
    return e;
}

/* The body always goes by POSTFIELDS, so that it leaves with the headers in one write. */
static bool prepare(CURL *e, ra_http_call *c)
{
    bool head = strcmp(c->method, "HEAD") == 0;
    bool bodied = c->body.n || strcmp(c->method, "POST") == 0 || strcmp(c->method, "PUT") == 0;
    curl_easy_setopt(e, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    if (head)
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    if (bodied) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.n);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body.n ? c->body.p : "");
    }
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->curl_error);
    curl_easy_setopt(e, CURLOPT_PRIVATE, c);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, c);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
    return curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, head ? NULL : c->method) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_URL, c->url) == CURLE_OK;
}

static void easy_release(ra_http *h, CURL *e)
{
    /* nothing may point to the call any more */
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(e, CURLOPT_PRIVATE, NULL);
    if (h->nidle < h->o.max_connections)
        h->idle[h->nidle++] = e;
    else
        curl_easy_cleanup(e);
}

/* ---- calls: from list to list, and their end ---- */

static void enter(ra_http_call *c, enum call_state state)
{
    ra_http *h = c->http;
    c->state = state;
    TAILQ_INSERT_TAIL(&h->calls[state], c, link);
    h->in_flight++;
    if (state == CALL_SENDING)
        h->sending++;
}

/* Off its list; if curl has it, curl lets go of it, closing the connection unless the reply was whole. */
static void leave(ra_http_call *c)
{
    ra_http *h = c->http;
    TAILQ_REMOVE(&h->calls[c->state], c, link);
    h->in_flight--;
    if (c->state == CALL_SENDING) {
        h->sending--;
        curl_multi_remove_handle(ra_curl_loop_multi(h->loop), c->easy);
        easy_release(h, c->easy);
        c->easy = NULL;
    }
    c->state = CALL_DONE;
}

static void call_free(ra_http_call *c)
{
    if (event_initialized(&c->timer))
        event_del(&c->timer);
    curl_slist_free_all(c->headers);
    free(c->url);
    free(c->method);
    ra_http_reply_unref(c->reply);
    c->magic = 0;
    free(c);
}

/* Ends a call that can't be sent, from the event loop. */
static void refuse(ra_http_call *c, enum ra_http_result result, const char *text)
{
    static const struct timeval at_once = {0, 0};
    c->reply->result = result;
    say(c->reply, text);
    enter(c, CALL_REFUSED);
    event_add(&c->timer, &at_once);
}

static void start(ra_http_call *c)
{
    ra_http *h = c->http;
    CURL *e = h->nidle ? h->idle[--h->nidle] : easy_new(h);
    if (!e) {
        refuse(c, RA_HTTP_NO_MEMORY, "no memory");
        return;
    }
    if (!prepare(e, c) || curl_multi_add_handle(ra_curl_loop_multi(h->loop), e) != CURLM_OK) {
        easy_release(h, e);
        refuse(c, RA_HTTP_NO_MEMORY, "no memory");
        return;
    }
    c->easy = e;
    enter(c, CALL_SENDING);
}

static void start_queued(ra_http *h)
{
    ra_http_call *c;
    while (h->sending < h->o.max_connections && (c = TAILQ_FIRST(&h->calls[CALL_QUEUED]))) {
        leave(c);
        start(c);
    }
}

static void http_destroy(ra_http *h)
{
    h->magic = 0;
    free(h);
}

/* Takes the call off its list and runs its callback, which may do anything: send, cancel, free the client. */
static void finish(ra_http_call *c, enum ra_http_result result)
{
    ra_http *h = c->http;
    ra_http_reply *r = c->reply;
    leave(c);
    event_del(&c->timer);
    r->result = result;
    if (result != RA_HTTP_OK) {
        ra_http_reply_clear_headers(r);
        free(r->body);
        r->body = NULL;
        r->len = 0;
        r->status = 0;
    }
    start_queued(h);
    h->calling_back++;
    c->done(c, r, c->arg);
    h->calling_back--;
    call_free(c);
    if (h->freed && h->calling_back == 0)
        http_destroy(h);
}

/* The deadline; or the end of a call that was refused. */
static void on_call_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ra_http_call *c = checked_call(arg);
    if (c->state == CALL_REFUSED) {
        finish(c, c->reply->result);
        return;
    }
    bool queued = c->state == CALL_QUEUED;
    say(c->reply, queued          ? "the deadline passed while all connections were in use"
                  : c->maybe_sent ? "the deadline passed before the reply was whole"
                                  : "the deadline passed while connecting");
    finish(c, c->maybe_sent ? RA_HTTP_TIMEOUT : RA_HTTP_NOT_SENT);
}

/* What became of a call that curl says has failed. */
static enum ra_http_result failure(const ra_http_call *c, CURLcode code)
{
    if (c->refused != RA_HTTP_OK)
        return c->refused;
    if (code == CURLE_OUT_OF_MEMORY)
        return RA_HTTP_NO_MEMORY;
    if (!c->maybe_sent)
        return RA_HTTP_NOT_SENT;
    return code == CURLE_OPERATION_TIMEDOUT ? RA_HTTP_TIMEOUT : RA_HTTP_CUT;
}

static void finish_by_curl(ra_http_call *c, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    c->reply->status = (int)status;
    if (code == CURLE_OK) {
        finish(c, RA_HTTP_OK);
        return;
    }
    if (c->refused == RA_HTTP_OK)
        say(c->reply, c->curl_error[0] ? c->curl_error : curl_easy_strerror(code));
    finish(c, failure(c, code));
}

/* Curl has acted: ends what is done. A callback may cancel others (curl then forgets their messages). */
static void on_progress(void *arg)
{
    ra_http *h = checked_http(arg);
    h->calling_back++; /* keeps the struct, and by `freed` says when to stop */
    while (!h->freed) {
        int left;
        CURLMsg *m = curl_multi_info_read(ra_curl_loop_multi(h->loop), &left);
        if (!m)
            break;
        if (m->msg != CURLMSG_DONE)
            continue;
        char *private = NULL;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
        finish_by_curl(checked_call(private), code);
    }
    h->calling_back--;
    if (h->freed && h->calling_back == 0)
        http_destroy(h);
}

/* ---- the public face ---- */

ra_http *ra_http_new(struct event_base *base, const ra_http_options *o)
{
    ra_http *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    *h = (ra_http){.magic = HTTP_MAGIC, .base = base, .o = *o};
    if (h->o.max_connections == 0)
        h->o.max_connections = 64;
    if (h->o.max_idle <= 0)
        h->o.max_idle = 50000;
    for (int i = 0; i < CALL_STATES; i++)
        TAILQ_INIT(&h->calls[i]);
    h->idle = calloc(h->o.max_connections, sizeof(CURL *));
    h->ca_file = o->ca_file ? strdup(o->ca_file) : NULL;
    h->loop = ra_curl_loop_new(base, (long)h->o.max_connections, on_progress, h);
    if (!h->idle || !h->loop || (o->ca_file && !h->ca_file)) {
        ra_http_free(h);
        return NULL;
    }
    return h;
}

void ra_http_free(ra_http *h)
{
    if (!h)
        return;
    for (int i = 0; i < CALL_STATES; i++) {
        ra_http_call *c;
        while ((c = TAILQ_FIRST(&h->calls[i]))) {
            leave(c);
            call_free(c);
        }
    }
    while (h->nidle)
        curl_easy_cleanup(h->idle[--h->nidle]);
    ra_curl_loop_free(h->loop);
    free(h->idle);
    free(h->ca_file);
    h->loop = NULL;
    h->freed = true;
    if (h->calling_back == 0)
        http_destroy(h);
}

/*
 * Copies the headers, and adds what keeps curl from adding its own. "Name:" without a value means to curl
 * that the header is not to be sent; "Name;" means an empty one. false: no memory.
 */
static bool copy_headers(ra_http_call *c, const ra_http_request *r)
{
    static const char *const unwanted[] = {"Expect:", "Accept:", "Content-Type:"};
    for (size_t i = 0; i < r->nheaders + sizeof unwanted / sizeof *unwanted; i++) {
        const char *line = i < r->nheaders ? r->headers[i] : unwanted[i - r->nheaders];
        bool given = false;
        for (size_t k = 0; i >= r->nheaders && k < r->nheaders; k++)
            given = given || strncasecmp(r->headers[k], line, strlen(line)) == 0;
        if (given)
            continue;
        const char *colon = strchr(line, ':');
        struct curl_slist *list;
        if (i < r->nheaders && colon && colon[1 + strspn(colon + 1, " \t")] == '\0') {
            char *empty = strndup(line, (size_t)(colon - line) + 1);
            if (!empty)
                return false;
            empty[colon - line] = ';';
            list = curl_slist_append(c->headers, empty);
            free(empty);
        } else {
            list = curl_slist_append(c->headers, line);
        }
        if (!list)
            return false;
        c->headers = list;
    }
    return true;
}

static bool headers_sound(const ra_http_request *r)
{
    for (size_t i = 0; i < r->nheaders; i++) {
        if (strpbrk(r->headers[i], "\r\n") || !strchr(r->headers[i], ':'))
            return false;
    }
    return true;
}

static ra_http_call *call_new(ra_http *h, const ra_http_request *r, ra_http_done done, void *arg)
{
    ra_http_call *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->magic = CALL_MAGIC;
    c->state = CALL_DONE;
    c->http = h;
    c->body = r->body;
    c->once = r->once;
    c->max_reply = r->max_reply;
    c->done = done;
    c->arg = arg;
    c->reply = ra_http_reply_new();
    c->url = strdup(r->url);
    c->method = strdup(r->method);
    if (!c->reply || !c->url || !c->method || !copy_headers(c, r) ||
        evtimer_assign(&c->timer, h->base, on_call_timer, c) != 0) {
        call_free(c);
        return NULL;
    }
    return c;
}

ra_http_call *ra_http_send(ra_http *h, const ra_http_request *r, ra_http_done done, void *arg)
{
    ra_http_call *c = call_new(h, r, done, arg);
    if (!c)
        return NULL;
    struct timeval deadline = {r->deadline / 1000, (r->deadline % 1000) * 1000};
    if (event_add(&c->timer, &deadline) != 0) {
        call_free(c);
        return NULL;
    }
    if (!headers_sound(r)) {
        refuse(c, RA_HTTP_NOT_SENT, "a header to be sent is malformed");
        return c;
    }
    enter(c, CALL_QUEUED);
    start_queued(h);
    return c;
}

void ra_http_cancel(ra_http_call *call)
{
    checked_call(call);
    if (call->state == CALL_DONE) /* by its own callback, after which it is freed */
        return;
    ra_http *h = call->http;
    leave(call);
    call_free(call);
    start_queued(h);
}

size_t ra_http_in_flight(const ra_http *h)
{
    return h->in_flight;
}
