#include "proxy/admin_events.h"

#include "proxy/event_stream.h"
#include "proxy/journal.h"
#include "proxy/live.h"
#include "proxy/log.h"
#include "proxy/snapshot.h"

#include <event2/event.h>
#include <stdlib.h>

enum { VIEWERS_MAGIC = 0x76777273, EVENT_MAX = 4096, LIVE_MAX = 8 << 20 };

struct ra_admin_viewers {
    uint32_t magic;
    ra_server *server;
    ra_mailbox *mailbox;
    ra_event_stream *stream;
    struct event *tick;
    bool ticking;
    ra_buf live;      /* as it was last made; while it ticks no older than a second */
    uint64_t told;    /* of the journal's entries, to all */
    ra_letter letter; /* something has been noted */
    ra_config *shown; /* whose admin.token the viewers have shown; NULL: nobody looks */
};

static ra_admin_viewers *checked(void *arg)
{
    ra_admin_viewers *v = arg;
    if (v->magic != VIEWERS_MAGIC)
        ra_corrupt("the viewers of events");
    return v;
}

static bool same_token(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Who looks because he has shown a token that isn't the one any more looks no longer: less than a second, or
 * until something is noted. */
static void check_token(ra_admin_viewers *v)
{
    ra_snapshot *now = ra_server_snapshot(v->server);
    if (v->shown && !same_token(v->shown->admin.token, now->config->admin.token))
        ra_event_stream_cut(v->stream);
    ra_config_unref(v->shown);
    v->shown = ra_config_ref(now->config);
    ra_snapshot_unref(now);
}

/* false: not now, for want of memory. */
static bool make(ra_admin_viewers *v)
{
    ra_buf_clear(&v->live);
    return ra_live_write(v->server, &v->live) && ra_buf_ok(&v->live);
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
    ra_admin_viewers *v = checked(arg);
    (void)fd;
    (void)what;
    check_token(v);
    if (ra_event_stream_viewers(v->stream) == 0) {
        event_del(v->tick);
        v->ticking = false;
        ra_config_unref(v->shown);
        v->shown = NULL;
        ra_buf_free(&v->live);
    } else if (make(v)) {
        ra_event_stream_send(v->stream, "live", ra_buf_bytes(&v->live));
    }
}

static void noted(ra_letter *letter, void *arg)
{
    ra_admin_viewers *v = checked(arg);
    (void)letter;
    check_token(v);
    if (ra_event_stream_viewers(v->stream) == 0) {
        v->told = ra_journal_count(v->server->journal);
        return;
    }
    ra_buf one;
    ra_buf_init(&one, EVENT_MAX);
    for (uint64_t n; (n = ra_journal_next(v->server->journal, v->told, &one)) != 0; ra_buf_clear(&one)) {
        v->told = n;
        if (ra_buf_ok(&one))
            ra_event_stream_send(v->stream, "event", ra_buf_bytes(&one));
    }
    ra_buf_free(&one);
}

/* The newest viewer's first: what was made for the others, or where there are none is made now. It holds
 * the entries that have been told to all, or more. */
static void begin(ra_admin_viewers *v)
{
    static const struct timeval second = {.tv_sec = 1};
    bool made = v->ticking ? v->live.n > 0 && ra_buf_ok(&v->live) : make(v);
    if (made)
        ra_event_stream_send_newest(v->stream, "live", ra_buf_bytes(&v->live));
    if (!v->ticking)
        v->ticking = event_add(v->tick, &second) == 0;
}

void ra_admin_events(ra_admin *a, struct evhttp_request *r)
{
    ra_admin_viewers *v = ra_admin_get_viewers(a);
    check_token(v);
    switch (ra_event_stream_join(v->stream, r)) {
    case RA_EVENT_STREAM_FULL:
        ra_admin_error(r, 503, "as many look already as may at a time");
        break;
    case RA_EVENT_STREAM_NO_MEMORY:
        ra_admin_error(r, 500, "out of memory");
        break;
    case RA_EVENT_STREAM_JOINED:
        begin(v);
        break;
    }
}

ra_admin_viewers *ra_admin_viewers_new(ra_server *s, struct event_base *base, ra_mailbox *mailbox,
                                       ra_connections *connections)
{
    ra_admin_viewers *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->magic = VIEWERS_MAGIC;
    v->server = s;
    v->mailbox = mailbox;
    v->letter = (ra_letter){.deliver = noted, .arg = v};
    v->stream = ra_event_stream_new(connections, RA_ADMIN_VIEWERS);
    v->tick = event_new(base, -1, EV_PERSIST, tick, v);
    ra_buf_init(&v->live, LIVE_MAX);
    if (v->stream && v->tick) {
        v->told = ra_journal_count(s->journal);
        ra_journal_listen(s->journal, mailbox, &v->letter);
        return v;
    }
    ra_event_stream_free(v->stream);
    if (v->tick)
        event_free(v->tick);
    free(v);
    return NULL;
}

void ra_admin_viewers_end(ra_admin_viewers *v)
{
    ra_journal_listen(v->server->journal, NULL, NULL);
    ra_mailbox_withdraw(v->mailbox, &v->letter);
    ra_event_stream_end(v->stream);
}

void ra_admin_viewers_free(ra_admin_viewers *v)
{
    if (!v)
        return;
    ra_admin_viewers_end(v);
    ra_event_stream_free(v->stream);
    event_free(v->tick);
    ra_buf_free(&v->live);
    ra_config_unref(v->shown);
    v->magic = 0;
    free(v);
}
