#include "proxy/warm_run.h"

#include "proxy/clock.h"
#include "proxy/log.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    RUN_MAGIC = 0x7761726e,
    SLOT_MAGIC = 0x77736c74,
    TRIES = 4,
    FIRST_PAUSE = 100,
    LONGEST_PAUSE = 2000, /* ms */
    DEADLINE = 30 * 1000,
    CREDENTIALS = 10 * 1000,
    REPLY_MAX = 32 << 20,
    BODY_MAX = 2 << 20,
    WHY_MAX = 4096,
    SAID_MOST = 5,       /* failures */
    TICK_US = 200 * 1000 /* progress */
};

struct run;

/* One read at a time. */
typedef struct slot {
    uint32_t magic;
    struct run *run;
    bool busy;
    const char *operation;
    ra_buf body, lines;
    ra_http_call *call;  /* NULL: none is under way */
    struct event *again; /* after a pause */
    unsigned tries;
    int64_t pause;
} slot;

typedef struct run {
    uint32_t magic;
    const ra_warm_options *o;
    ra_warm_counts *n;
    struct event_base *base;
    ra_http *http;
    struct event *stopper, *pace, *tick;
    slot *slots;
    unsigned busy;
    int64_t next; /* us, monotonic: when the next read may be sent */
    unsigned said, in_a_row;
    bool ended; /* nothing more is taken from the source */
    bool failed;
} run;

static run *checked(void *p)
{
    run *w = p;
    if (!w || w->magic != RUN_MAGIC)
        ra_corrupt("warm");
    return w;
}

static slot *checked_slot(void *p)
{
    slot *s = p;
    if (!s || s->magic != SLOT_MAGIC)
        ra_corrupt("warm slot");
    return s;
}

/* ---- what came of a read ---- */

static void say_failure(run *w, const slot *s, const char *why)
{
    if (w->said++ >= SAID_MOST)
        return;
    ra_progress_end(w->o->progress);
    ra_ddb_task_say(w->o->task, "%s: %s%s", s->operation, why,
                    w->said == SAID_MOST ? " (more of them aren't told)" : "");
}

static void count_failure(run *w)
{
    w->n->failed++;
    if (++w->in_a_row < RA_WARM_PATIENCE || w->n->stopped)
        return;
    ra_progress_end(w->o->progress);
    ra_ddb_task_say(w->o->task, "%d reads in a row have failed: it gives up", RA_WARM_PATIENCE);
    w->ended = w->n->stopped = true;
}

static void release(slot *s)
{
    s->busy = false;
    s->run->busy--;
}

static void fail_slot(slot *s, const ra_http_reply *r)
{
    ra_buf why;
    ra_buf_init(&why, WHY_MAX);
    ra_ddb_describe_error(s->run->o->proxy, r, &why);
    ra_buf_add_char(&why, '\0');
    say_failure(s->run, s, ra_buf_ok(&why) ? why.p : "an overlong error message");
    ra_buf_free(&why);
    count_failure(s->run);
    release(s);
}

static void count(slot *s, const ra_http_reply *r)
{
    ra_warm_counts *n = s->run->n;
    const char *cache = ra_http_reply_header(r, "x-cache");
    const char *status = ra_http_reply_header(r, "cache-status");
    if (!cache) {
        say_failure(s->run, s, "the answer has no X-Cache: who gave it is no proxy of this kind");
        count_failure(s->run);
        release(s);
        return;
    }
    s->run->in_a_row = 0;
    if (strcmp(cache, "HIT") == 0 || strcmp(cache, "STALE") == 0)
        n->hits++;
    else if (status && (strstr(status, "; stored") || strstr(status, "; collapsed")))
        n->filled++;
    else
        n->uncached++;
    release(s);
}

/* ---- sending ---- */

static void charge(run *w, double reads)
{
    int64_t now = ra_clock_monotonic_us();
    if (w->next < now) /* what wasn't sent in time isn't made up for */
        w->next = now;
    w->next += (int64_t)(reads * 1e6 / w->o->rate);
}

static void on_reply(ra_http_call *call, ra_http_reply *r, void *arg)
{
    slot *s = checked_slot(arg);
    (void)call;
    s->call = NULL;
    if (ra_ddb_succeeded(r)) {
        count(s, r);
        return;
    }
    bool again = ra_ddb_may_pass(r) && s->tries < TRIES && !s->run->n->stopped;
    int64_t ms = again ? ra_ddb_backoff(&s->pause, FIRST_PAUSE, LONGEST_PAUSE) : 0;
    const struct timeval pause = {ms / 1000, (ms % 1000) * 1000};
    if (!again || evtimer_add(s->again, &pause) != 0)
        fail_slot(s, r);
}

static void send_slot(slot *s)
{
    run *w = s->run;
    const char *headers[RA_DDB_HEADERS_MAX], *url;
    size_t n = 0;
    ra_buf_clear(&s->lines);
    s->tries++;
    charge(w, 1);
    if (ra_ddb_sign(w->o->proxy, s->operation, ra_buf_bytes(&s->body), CREDENTIALS, &s->lines, headers, &n,
                    &url)) {
        const ra_http_request r = {.method = "POST",
                                   .url = url,
                                   .headers = headers,
                                   .nheaders = n,
                                   .body = ra_buf_bytes(&s->body),
                                   .deadline = DEADLINE,
                                   .max_reply = REPLY_MAX};
        s->call = ra_http_send(w->http, &r, on_reply, s);
        if (s->call)
            return;
    }
    say_failure(w, s, "it can't be signed or sent: no credentials, or no memory");
    count_failure(w);
    release(s);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    slot *s = checked_slot(arg);
    (void)fd;
    (void)what;
    if (!s->run->n->stopped) {
        send_slot(s);
        return;
    }
    s->run->n->failed++; /* it was told to stop meanwhile */
    release(s);
}

/* ---- the source ---- */

static slot *free_slot(const run *w)
{
    for (unsigned i = 0; i < w->o->concurrency; i++)
        if (!w->slots[i].busy)
            return &w->slots[i];
    return NULL;
}

/* A page is read with nothing under way, for it blocks. */
static void read_page(run *w)
{
    double units;
    if (w->busy)
        return;
    if (ra_warm_source_page(w->o->source, &units))
        charge(w, units);
    else
        w->failed = w->ended = w->n->stopped = true;
}

/* Takes one more from the source. false: there is nothing to be had now. */
static bool take(run *w, slot *s)
{
    switch (ra_warm_source_next(w->o->source, &s->operation, &s->body)) {
    case RA_WARM_REQUEST:
        s->busy = true;
        s->tries = 0;
        s->pause = 0;
        w->busy++;
        w->n->read++;
        send_slot(s);
        return true;
    case RA_WARM_WRONG:
        w->n->failed++;
        return event_base_loop(w->base, EVLOOP_NONBLOCK) == 0; /* however many there are, it can be stopped */
    case RA_WARM_PAGE:
        if (w->busy)
            return false;
        read_page(w);
        return true;
    default:
        w->ended = true;
        return false;
    }
}

/* Sends what may be sent now. */
static void pump(run *w)
{
    slot *s;
    while (!w->ended && (s = free_slot(w)) != NULL) {
        int64_t wait = w->next - ra_clock_monotonic_us();
        const struct timeval pause = {wait / 1000000, wait % 1000000};
        if (wait > 0) {
            evtimer_add(w->pace, &pause);
            return;
        }
        if (!take(w, s))
            return;
    }
}

/* ---- events that only end a turn of the loop, and what is told ---- */

static void on_pace(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    checked(arg);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    run *w = checked(arg);
    (void)fd;
    (void)what;
    w->ended = w->n->stopped = true;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    run *w = checked(arg);
    const ra_warm_counts *n = w->n;
    char at[RA_WARM_AT_MAX];
    (void)fd;
    (void)what;
    int64_t now = ra_clock_monotonic();
    if (!ra_progress_due(w->o->progress, now))
        return;
    ra_warm_source_at(w->o->source, at);
    ra_progress_say(w->o->progress, now,
                    "%" PRIu64 " read: %" PRIu64 " hits, %" PRIu64 " filled, %" PRIu64 " not cached, %" PRIu64
                    " failed%s",
                    n->read, n->hits, n->filled, n->uncached, n->failed, at);
}

/* ---- begin and end ---- */

static bool make_slots(run *w)
{
    w->slots = calloc(w->o->concurrency, sizeof *w->slots);
    for (unsigned i = 0; w->slots && i < w->o->concurrency; i++) {
        slot *s = &w->slots[i];
        *s = (slot){.magic = SLOT_MAGIC, .run = w};
        ra_buf_init(&s->body, BODY_MAX);
        ra_buf_init(&s->lines, RA_DDB_LINES_MAX);
        s->again = evtimer_new(w->base, on_again, s);
        if (!s->again)
            return false;
    }
    return w->slots != NULL;
}

static bool begin(run *w)
{
    const struct timeval tick = {0, TICK_US};
    const ra_http_options http = {
        .max_connections = w->o->concurrency, .verify_tls = true, .ca_file = w->o->ca_file};
    w->base = event_base_new();
    w->http = w->base ? ra_http_new(w->base, &http) : NULL;
    if (!w->http || !make_slots(w))
        return false;
    w->pace = evtimer_new(w->base, on_pace, w);
    w->tick = event_new(w->base, -1, EV_PERSIST, on_tick, w);
    w->stopper = event_new(w->base, w->o->stop_fd, EV_READ, on_stop, w);
    return w->pace && w->tick && w->stopper && event_add(w->tick, &tick) == 0 &&
           event_add(w->stopper, NULL) == 0;
}

static void end(run *w)
{
    struct event *events[3] = {w->stopper, w->pace, w->tick};
    ra_http_free(w->http);
    for (size_t i = 0; i < 3; i++)
        if (events[i])
            event_free(events[i]);
    for (unsigned i = 0; w->slots && i < w->o->concurrency; i++) {
        if (w->slots[i].again)
            event_free(w->slots[i].again);
        ra_buf_free(&w->slots[i].body);
        ra_buf_free(&w->slots[i].lines);
        w->slots[i].magic = 0;
    }
    free(w->slots);
    if (w->base)
        event_base_free(w->base);
    w->magic = 0;
}

bool ra_warm_run(const ra_warm_options *o, ra_warm_counts *out)
{
    run w = {.magic = RUN_MAGIC, .o = o, .n = out};
    int64_t begun = ra_clock_monotonic();
    *out = (ra_warm_counts){0};
    bool ok = begin(&w);
    if (!ok)
        ra_ddb_task_say(o->task, "out of memory");
    while (ok) {
        pump(&w);
        if (w.ended && !w.busy)
            break;
        ok = event_base_loop(w.base, EVLOOP_ONCE) == 0;
    }
    out->ms = ra_clock_monotonic() - begun;
    ra_progress_end(o->progress);
    end(&w);
    return ok && !w.failed;
}
