#include "proxy/event_stream.h"

#include "proxy/log.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdint.h>
#include <stdlib.h>

enum { STREAM_MAGIC = 0x65767374, VIEWER_MAGIC = 0x76696577, READ_MOST = 4096 };

static const char head[] = "HTTP/1.1 200 OK\r\n"
                           "Content-Type: text/event-stream\r\n"
                           "Cache-Control: no-store\r\n"
                           "X-Content-Type-Options: nosniff\r\n"
                           "Connection: close\r\n"
                           "\r\n";

typedef struct viewer {
    uint32_t magic;
    ra_event_stream *stream;
    struct evhttp_connection *connection;
    struct bufferevent *bev;
    struct viewer *prev, *next;
} viewer;

struct ra_event_stream {
    uint32_t magic;
    ra_connections *all;
    viewer *newest; /* first of the list */
    unsigned n, most;
};

static viewer *checked(void *arg)
{
    viewer *v = arg;
    if (v->magic != VIEWER_MAGIC)
        ra_corrupt("a viewer of events");
    return v;
}

ra_event_stream *ra_event_stream_new(ra_connections *all, unsigned most)
{
    ra_event_stream *s = calloc(1, sizeof *s);
    if (s)
        *s = (ra_event_stream){.magic = STREAM_MAGIC, .all = all, .most = most};
    return s;
}

void ra_event_stream_free(ra_event_stream *s)
{
    if (!s)
        return;
    if (s->magic != STREAM_MAGIC || s->n)
        ra_corrupt("a stream of events");
    s->magic = 0;
    free(s);
}

unsigned ra_event_stream_viewers(const ra_event_stream *s)
{
    return s->n;
}

/* Whichever way a connection goes, this is told. */
static void closed(struct evhttp_connection *connection, void *arg)
{
    viewer *v = checked(arg);
    ra_event_stream *s = v->stream;
    (void)connection;
    if (v->prev)
        v->prev->next = v->next;
    else
        s->newest = v->next;
    if (v->next)
        v->next->prev = v->prev;
    s->n--;
    v->magic = 0;
    free(v);
}

static void drop(viewer *v)
{
    evhttp_connection_free(v->connection); /* and with it the request; `closed` is told */
}

static void happened(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    (void)what; /* it has left, or takes nothing */
    drop(checked(arg));
}

static void said(struct bufferevent *bev, void *arg)
{
    (void)bev;
    drop(checked(arg));
}

enum ra_event_stream_joined ra_event_stream_join(ra_event_stream *s, struct evhttp_request *r)
{
    if (s->n >= s->most)
        return RA_EVENT_STREAM_FULL;
    struct evhttp_connection *connection = evhttp_request_get_connection(r);
    ra_connection *known = ra_connection_of(s->all, connection);
    viewer *v = known ? calloc(1, sizeof *v) : NULL;
    if (!v)
        return RA_EVENT_STREAM_NO_MEMORY;
    struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);
    *v =
        (viewer){.magic = VIEWER_MAGIC, .stream = s, .connection = connection, .bev = bev, .next = s->newest};
    if (s->newest)
        s->newest->prev = v;
    s->newest = v;
    s->n++;
    ra_connection_on_close(known, closed, v);
    struct timeval patience = {.tv_sec = RA_EVENT_STREAM_PATIENCE / 1000};
    bufferevent_setcb(bev, said, NULL, happened, v);
    bufferevent_setwatermark(bev, EV_READ, 0, READ_MOST);
    bufferevent_set_timeouts(bev, NULL, &patience);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    bufferevent_write(bev, head, sizeof head - 1);
    return RA_EVENT_STREAM_JOINED;
}

static void send_to(viewer *v, const char *event, ra_bytes data)
{
    struct evbuffer *out = bufferevent_get_output(v->bev);
    if (evbuffer_get_length(out) > RA_EVENT_STREAM_WAITING ||
        evbuffer_add_printf(out, "event: %s\ndata: ", event) < 0 || evbuffer_add(out, data.p, data.n) != 0 ||
        evbuffer_add(out, "\n\n", 2) != 0)
        drop(v);
}

void ra_event_stream_send(ra_event_stream *s, const char *event, ra_bytes data)
{
    for (viewer *v = s->newest, *next; v; v = next) {
        next = v->next;
        send_to(v, event, data);
    }
}

void ra_event_stream_send_newest(ra_event_stream *s, const char *event, ra_bytes data)
{
    if (s->newest)
        send_to(s->newest, event, data);
}

void ra_event_stream_cut(ra_event_stream *s)
{
    while (s->newest)
        drop(s->newest);
}

void ra_event_stream_end(ra_event_stream *s)
{
    s->most = 0;
    ra_event_stream_cut(s);
}
