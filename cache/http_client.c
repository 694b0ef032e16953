#include "cache/http_client.h"

#include "cache/curl_loop.h"
#include "cache/http_transfer.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#define HTTP_MAGIC 0x68747470u
#define CALL_MAGIC 0x63616c6cu

/* Which of the client's lists a call is on. */
enum call_state {
    CALL_QUEUED,  /* all connections are in use; nothing of it has been given to curl */
    CALL_SENDING, /* curl has it */
    CALL_REFUSED, /* never given to curl; its timer ends it with the result that stands in the reply */
    CALL_STATES,
    CALL_DONE = CALL_STATES /* on none: not begun, or its callback is running */
};

struct ra_http_call {
    uint32_t magic;
    enum call_state state;
    ra_http *http;
    TAILQ_ENTRY(ra_http_call) link;
    ra_http_transfer transfer;
    struct event timer; /* the deadline */
    ra_http_done done;
    void *arg;
};

TAILQ_HEAD(call_list, ra_http_call);

struct ra_http {
    uint32_t magic;
    struct event_base *base;
    ra_curl_loop *loop;
    ra_http_options o;
    char *ca_file; /* o.ca_file's memory */
    struct call_list calls[CALL_STATES];
    size_t in_flight; /* on all lists */
    unsigned sending; /* on the SENDING list; <= o.max_connections */
    CURL **idle;      /* easy handles to use again; room for max_connections, which is all there can be */
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

static void release_easy(ra_http *h, ra_http_transfer *t)
{
    CURL *e = t->easy;
    ra_http_transfer_detach(t);
    h->idle[h->nidle++] = e;
}

/* Off its list; if curl has it, curl lets go of it, closing the connection unless the reply was whole. */
static void leave(ra_http_call *c)
{
    ra_http *h = c->http;
    TAILQ_REMOVE(&h->calls[c->state], c, link);
    h->in_flight--;
    if (c->state == CALL_SENDING) {
        h->sending--;
        curl_multi_remove_handle(ra_curl_loop_multi(h->loop), c->transfer.easy);
        release_easy(h, &c->transfer);
    }
    c->state = CALL_DONE;
}

static void call_free(ra_http_call *c)
{
    if (event_initialized(&c->timer))
        event_del(&c->timer);
    ra_http_transfer_clear(&c->transfer);
    c->magic = 0;
    free(c);
}

/* Ends a call that can't be sent, from the event loop. */
static void refuse(ra_http_call *c, enum ra_http_result result, const char *text)
{
    static const struct timeval at_once = {0, 0};
    c->transfer.reply->result = result;
    ra_http_transfer_say(&c->transfer, text);
    enter(c, CALL_REFUSED);
    event_add(&c->timer, &at_once);
}

static CURL *easy_new(ra_http *h)
{
    CURL *e = ra_http_easy_new(&h->o);
    if (e)
        ra_curl_loop_use(h->loop, e);
    return e;
}

static void start(ra_http_call *c)
{
    ra_http *h = c->http;
    CURL *e = h->nidle ? h->idle[--h->nidle] : easy_new(h);
    if (!e) {
        refuse(c, RA_HTTP_NO_MEMORY, "no memory");
        return;
    }
    if (!ra_http_transfer_attach(&c->transfer, e, &h->o) ||
        curl_multi_add_handle(ra_curl_loop_multi(h->loop), e) != CURLM_OK) {
        release_easy(h, &c->transfer);
        refuse(c, RA_HTTP_NO_MEMORY, "no memory");
        return;
    }
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

static void end_callback(ra_http *h)
{
    h->calling_back--;
    if (h->freed && h->calling_back == 0)
        http_destroy(h);
}

/* Takes the call off its list and runs its callback, which may do anything: send, cancel, free the client. */
static void finish(ra_http_call *c, enum ra_http_result result)
{
    ra_http *h = c->http;
    ra_http_reply *r = c->transfer.reply;
    leave(c);
    event_del(&c->timer);
    r->result = result;
    if (result != RA_HTTP_OK) { /* half a reply is none */
        ra_http_reply_clear_headers(r);
        free(r->body);
        r->body = NULL;
        r->len = 0;
        r->status = 0;
    }
    start_queued(h);
    h->calling_back++;
    c->done(c, r, c->arg);
    call_free(c);
    end_callback(h);
}

/* The deadline; or the end of a call that was refused. */
static void on_call_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ra_http_call *c = checked_call(arg);
    if (c->state == CALL_REFUSED) {
        finish(c, c->transfer.reply->result);
        return;
    }
    const char *text = "the deadline passed before the reply was whole";
    if (c->state == CALL_QUEUED)
        text = "the deadline passed while all connections were in use";
    else if (!c->transfer.maybe_sent)
        text = "the deadline passed while connecting";
    ra_http_transfer_say(&c->transfer, text);
    if (c->state == CALL_SENDING)
        ra_http_transfer_distrust(&c->transfer);
    finish(c, c->transfer.maybe_sent ? RA_HTTP_TIMEOUT : RA_HTTP_NOT_SENT);
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
        char *owner = NULL;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &owner);
        ra_http_call *c = checked_call(owner);
        finish(c, ra_http_transfer_outcome(&c->transfer, code));
    }
    end_callback(h);
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
    h->o.ca_file = h->ca_file;
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
        for (ra_http_call *c = TAILQ_FIRST(&h->calls[i]), *next; c; c = next) {
            next = TAILQ_NEXT(c, link);
            leave(c);
            call_free(c);
        }
    }
    for (unsigned i = 0; h->idle && i < h->nidle; i++)
        curl_easy_cleanup(h->idle[i]);
    ra_curl_loop_free(h->loop);
    free(h->idle);
    free(h->ca_file);
    h->freed = true;
    if (h->calling_back == 0)
        http_destroy(h);
}

/* A line break would end the header and begin another. */
static bool headers_sound(const ra_http_request *r)
{
    for (size_t i = 0; i < r->nheaders; i++) {
        if (strpbrk(r->headers[i], "\r\n") || !strchr(r->headers[i], ':'))
            return false;
    }
    return true;
}

ra_http_call *ra_http_send(ra_http *h, const ra_http_request *r, ra_http_done done, void *arg)
{
    ra_http_call *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->magic = CALL_MAGIC;
    c->state = CALL_DONE;
    c->http = h;
    c->done = done;
    c->arg = arg;
    struct timeval deadline = {r->deadline / 1000, (r->deadline % 1000) * 1000};
    if (!ra_http_transfer_init(&c->transfer, r, c) ||
        evtimer_assign(&c->timer, h->base, on_call_timer, c) != 0 || event_add(&c->timer, &deadline) != 0) {
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
