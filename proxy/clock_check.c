#include "proxy/clock_check.h"

#include "proxy/clock.h"
#include "proxy/log.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WATCH_MAGIC = 0x636c6f63,
    CHECK_MAGIC = 0x636c6f68,
    MOST_MS = 60000,  /* that the clocks may differ by: unknown_write_hold has room for it */
    PAUSE_MS = 10000, /* between two looks at replies */
    AGAIN_MS = 2000,  /* while they differ */
    ASK_MS = 5000,
    REPLY_MAX = 64 << 10,
    DATE_MAX = 32
};

/* ---- dates ---- */

bool ra_clock_date(const char *text, int64_t *seconds)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end)
        return false;
    *seconds = timegm(&tm);
    return true;
}

int64_t ra_clock_ahead(int64_t date, int64_t sent, int64_t now)
{
    int64_t first = date * 1000, last = first + 999;
    if (sent > last)
        return sent - last;
    return now < first ? now - first : 0;
}

static const char *show(int64_t ms, char out[DATE_MAX])
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    if (!gmtime_r(&t, &tm) || !strftime(out, DATE_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
        snprintf(out, DATE_MAX, "%" PRId64, ms / 1000);
    return out;
}

static bool date_of(const ra_http_reply *reply, int64_t *date)
{
    const char *text = reply->result == RA_HTTP_OK ? ra_http_reply_header(reply, "date") : NULL;
    return text && ra_clock_date(text, date);
}

static void log_difference(int64_t ahead, int64_t date, const char *what_then)
{
    char here[DATE_MAX], there[DATE_MAX];
    ra_log(RA_LOG_ERROR,
           "the clock is %" PRId64 " s %s DynamoDB's (here %s, there %s): consistency linearizable rests on "
           "unknown_write_hold, and that on the clock, which may differ by 60 s: %s",
           (ahead < 0 ? -ahead : ahead) / 1000, ahead < 0 ? "behind" : "ahead of",
           show(ra_clock_wall(), here), show(date * 1000, there), what_then);
}

static bool too_far(int64_t ahead)
{
    return ahead > MOST_MS || ahead < -MOST_MS;
}

/* ---- asking ---- */

/* A request that needs no signature: whatever is answered has a Date. NULL: no memory. */
static ra_http_call *ask(ra_http *http, const ra_config *c, ra_http_done done, void *arg)
{
    int64_t most = c->upstream.request_timeout;
    char *url = NULL;
    if (asprintf(&url, "%s/", c->upstream.endpoint) < 0)
        return NULL;
    ra_http_request r = {
        .method = "GET", .url = url, .deadline = most < ASK_MS ? most : ASK_MS, .max_reply = REPLY_MAX};
    ra_http_call *call = ra_http_send(http, &r, done, arg);
    free(url);
    return call;
}

static ra_http *http_new(struct event_base *base, const ra_config *c)
{
    ra_http_options o = {.max_connections = 1,
                         .connect_timeout = c->upstream.connect_timeout,
                         .verify_tls = true,
                         .ca_file = c->upstream.ca_file};
    return ra_http_new(base, &o);
}

/* ---- at start ---- */

typedef struct check {
    uint32_t magic;
    ra_http_reply *reply;
} check;

static void answered(ra_http_call *call, ra_http_reply *reply, void *arg)
{
    check *c = arg;
    (void)call;
    if (c->magic != CHECK_MAGIC)
        ra_corrupt("clock check");
    c->reply = ra_http_reply_ref(reply);
}

static bool judge(const ra_http_reply *reply, int64_t sent)
{
    int64_t date = 0;
    if (!date_of(reply, &date)) {
        ra_log(RA_LOG_WARNING,
               "consistency linearizable: whether the clock agrees with DynamoDB's isn't known: %s",
               reply->result == RA_HTTP_OK ? "its reply has no Date" : reply->error);
        return true;
    }
    int64_t ahead = ra_clock_ahead(date, sent, ra_clock_wall());
    if (!too_far(ahead))
        return true;
    log_difference(ahead, date, "set it right first");
    return false;
}

bool ra_clock_check(const ra_config *c)
{
    check at = {.magic = CHECK_MAGIC};
    struct event_base *base = event_base_new();
    ra_http *http = base ? http_new(base, c) : NULL;
    int64_t sent = ra_clock_wall();
    ra_http_call *call = http ? ask(http, c, answered, &at) : NULL;
    while (call && !at.reply && event_base_loop(base, EVLOOP_ONCE) == 0) {
    }
    bool good = at.reply && judge(at.reply, sent);
    if (!at.reply)
        ra_log(RA_LOG_ERROR, "out of memory");
    ra_http_reply_unref(at.reply);
    if (http)
        ra_http_free(http);
    if (base)
        event_base_free(base);
    return good;
}

/* ---- while it runs ---- */

struct ra_clock_watch {
    uint32_t magic;
    ra_server *server;
    struct event_base *base;
    ra_http *http;       /* NULL until the clocks have differed */
    ra_http_call *call;  /* under way */
    int64_t asked;       /* wall: when it was sent */
    struct event *again; /* while they differ */
    int64_t next;        /* monotonic: no look before */
};

static ra_clock_watch *watch_of(void *arg)
{
    ra_clock_watch *w = arg;
    if (w->magic != WATCH_MAGIC)
        ra_corrupt("clock watch");
    return w;
}

static void ask_again(evutil_socket_t fd, short what, void *arg);

ra_clock_watch *ra_clock_watch_new(ra_server *s, struct event_base *base)
{
    ra_clock_watch *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    *w = (ra_clock_watch){.magic = WATCH_MAGIC, .server = s, .base = base};
    w->again = evtimer_new(base, ask_again, w);
    if (w->again)
        return w;
    free(w);
    return NULL;
}

void ra_clock_watch_free(ra_clock_watch *w)
{
    if (!w)
        return;
    if (w->http)
        ra_http_free(w->http);
    event_free(w->again);
    w->magic = 0;
    free(w);
}

static void wait_a_little(ra_clock_watch *w)
{
    const struct timeval t = {.tv_sec = AGAIN_MS / 1000};
    if (evtimer_add(w->again, &t) != 0)
        ra_log(RA_LOG_WARNING, "out of memory: the clock is compared when DynamoDB replies to a request");
}

static void conclude(ra_clock_watch *w, int64_t date, int64_t sent)
{
    int64_t ahead = ra_clock_ahead(date, sent, ra_clock_wall());
    bool differs = too_far(ahead);
    bool before = atomic_exchange(&w->server->clock_differs, differs);
    if (differs && !before)
        log_difference(ahead, date, "linearizable writes are refused until it is right");
    else if (!differs && before)
        ra_log(RA_LOG_INFO, "the clock agrees with DynamoDB's again");
    if (differs && !evtimer_pending(w->again, NULL) && !w->call)
        wait_a_little(w);
}

void ra_clock_watch_reply(ra_clock_watch *w, const ra_http_reply *reply, int64_t sent)
{
    int64_t date = 0, now = ra_clock_monotonic();
    if (now < w->next || !date_of(reply, &date))
        return;
    w->next = now + PAUSE_MS;
    conclude(w, date, sent);
}

static void asked_again(ra_http_call *call, ra_http_reply *reply, void *arg)
{
    ra_clock_watch *w = watch_of(arg);
    int64_t date = 0;
    (void)call;
    w->call = NULL;
    if (date_of(reply, &date))
        conclude(w, date, w->asked);
    else
        wait_a_little(w);
}

static void ask_again(evutil_socket_t fd, short what, void *arg)
{
    ra_clock_watch *w = watch_of(arg);
    (void)fd;
    (void)what;
    if (ra_clock_agrees(w->server)) /* another loop has seen it */
        return;
    if (!w->http)
        w->http = http_new(w->base, w->server->config);
    w->asked = ra_clock_wall();
    if (w->http)
        w->call = ask(w->http, w->server->config, asked_again, w);
    if (!w->call)
        wait_a_little(w);
}

bool ra_clock_agrees(const ra_server *s)
{
    return !atomic_load(&s->clock_differs);
}
