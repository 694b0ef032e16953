#include "proxy/express_write.h"

#include "proxy/express_reply.h"
#include "proxy/log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/uio.h>

enum { PENDING_MAGIC = 0x70656e64 };

struct ra_express_pending {
    uint32_t magic;
    struct ra_express_pending *prev, *next;
    ra_express_writes *writes;
    struct bufferevent *connection;
    struct event *writable;
    struct evbuffer *aside; /* what arrived meanwhile; NULL: nothing */
    ra_payload *payload;
    size_t head_n, sent; /* `sent` counts head and body as one */
    char head[RA_EXPRESS_REPLY_MAX];
};

void ra_express_writes_init(ra_express_writes *w, ra_loop *l)
{
    *w = (ra_express_writes){.loop = l};
}

static void pending_free(ra_express_pending *p)
{
    ra_loop *l = p->writes->loop;
    if (p->prev)
        p->prev->next = p->next;
    else
        p->writes->pending = p->next;
    if (p->next)
        p->next->prev = p->prev;
    if (p->writable)
        event_free(p->writable);
    if (p->aside)
        evbuffer_free(p->aside);
    ra_payload_unref(p->payload);
    p->magic = 0;
    free(p);
    l->sending--;
}

void ra_express_writes_fini(ra_express_writes *w)
{
    ra_express_pending *next;
    for (ra_express_pending *p = w->pending; p; p = next) {
        next = p->next;
        pending_free(p);
    }
}

void ra_express_break_off(struct bufferevent *connection)
{
    struct evbuffer *in = bufferevent_get_input(connection);
    bufferevent_disable(connection, EV_READ);
    evbuffer_drain(in, evbuffer_get_length(in));
    bufferevent_trigger_event(connection, BEV_EVENT_READING | BEV_EVENT_EOF, BEV_TRIG_DEFER_CALLBACKS);
}

/* Bytes taken by the socket; -1: the connection is broken. */
static ssize_t write_some(int fd, ra_bytes head, const ra_payload *payload, size_t sent)
{
    struct iovec v[2];
    int n = 0;
    size_t of_body = sent > head.n ? sent - head.n : 0;
    if (sent < head.n)
        v[n++] = (struct iovec){(char *)head.p + sent, head.n - sent};
    if (of_body < payload->len)
        v[n++] = (struct iovec){(char *)payload->body + of_body, payload->len - of_body};
    if (n == 0)
        return 0;
    ssize_t r = writev(fd, v, n);
    if (r >= 0)
        return r;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

static void give_up(ra_express_pending *p)
{
    struct bufferevent *connection = p->connection;
    ra_loop *l = p->writes->loop;
    pending_free(p);
    ra_express_break_off(connection);
    ra_loop_ended(l);
}

/* Nothing of it is pending any more: what was set aside comes back, and the connection is read again. */
static void resume(ra_express_pending *p)
{
    struct bufferevent *connection = p->connection;
    struct evbuffer *aside = p->aside;
    ra_loop *l = p->writes->loop;
    p->aside = NULL;
    pending_free(p);
    bufferevent_enable(connection, EV_READ);
    if (aside) {
        struct evbuffer *in = bufferevent_get_input(connection);
        evbuffer_unfreeze(in, 0);       /* where else only the bufferevent adds */
        evbuffer_add_buffer(in, aside); /* the express way sees it first */
        evbuffer_freeze(in, 0);
        evbuffer_free(aside);
        if (evbuffer_get_length(in)) /* and has left it to evhttp */
            bufferevent_trigger(connection, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
    }
    ra_loop_ended(l);
}

static void writable(evutil_socket_t fd, short what, void *arg)
{
    ra_express_pending *p = arg;
    if (p->magic != PENDING_MAGIC)
        ra_corrupt("a reply that is being written");
    ssize_t n = what & EV_TIMEOUT ? -1 : write_some(fd, (ra_bytes){p->head, p->head_n}, p->payload, p->sent);
    if (n < 0) {
        give_up(p);
        return;
    }
    p->sent += (size_t)n;
    if (p->sent == p->head_n + p->payload->len)
        resume(p);
}

static ra_express_pending *pending_new(ra_express_writes *w, struct bufferevent *connection, ra_bytes head)
{
    ra_express_pending *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    int64_t idle = w->loop->config->listen.idle_timeout;
    struct timeval t = {.tv_sec = idle / 1000, .tv_usec = idle % 1000 * 1000};
    p->writable = event_new(w->loop->base, bufferevent_getfd(connection), EV_WRITE | EV_PERSIST, writable, p);
    if (!p->writable || event_add(p->writable, &t) != 0) {
        if (p->writable)
            event_free(p->writable);
        free(p);
        return NULL;
    }
    p->magic = PENDING_MAGIC;
    p->writes = w;
    p->connection = connection;
    p->head_n = head.n;
    memcpy(p->head, head.p, head.n);
    p->next = w->pending;
    if (w->pending)
        w->pending->prev = p;
    w->pending = p;
    w->loop->sending++;
    return p;
}

ra_express_pending *ra_express_write(ra_express_writes *w, struct bufferevent *connection, ra_bytes head,
                                     ra_payload *payload)
{
    ssize_t n = write_some(bufferevent_getfd(connection), head, payload, 0);
    if (n >= 0 && (size_t)n == head.n + payload->len) {
        ra_payload_unref(payload);
        return NULL;
    }
    ra_express_pending *p = n < 0 ? NULL : pending_new(w, connection, head);
    if (!p) {
        ra_express_break_off(connection);
        ra_payload_unref(payload);
        return NULL;
    }
    p->sent = (size_t)n;
    p->payload = payload;
    bufferevent_disable(connection, EV_READ);
    return p;
}

void ra_express_set_aside(ra_express_pending *p, struct evbuffer *in)
{
    p->aside = evbuffer_new();
    if (!p->aside || evbuffer_add_buffer(p->aside, in) != 0)
        give_up(p);
}
