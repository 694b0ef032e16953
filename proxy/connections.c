#include "proxy/connections.h"

#include "proxy/clock.h"
#include "proxy/head_end.h"
#include "proxy/listener.h"
#include "proxy/log.h"
#include "proxy/log_seldom.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { CONNECTION_MAGIC = 0x636f6e6e, CONNECTIONS_MAGIC = 0x636f6e73, PLACES_FIRST = 256, PIECES = 8 };

enum stage {
    BETWEEN, /* nothing of a request is there, and evhttp has nothing left to write */
    HELD,    /* see RA_ARRIVAL_HELD */
    HEAD,    /* a request's head is arriving */
    BODY,    /* it has ended */
    SERVED   /* the request has been handed over; until its reply is written */
};

typedef struct queue queue;

struct ra_connection {
    uint32_t magic;
    enum stage stage;
    ra_head head;
    ra_connections *all;
    struct bufferevent *bev;
    struct evhttp_connection *http;  /* NULL: evhttp has just accepted it */
    struct evbuffer_cb_entry *watch; /* on its input; enabled in the stages BETWEEN and HEAD */
    int fd;
    ra_peer peer;
    bool counted; /* among the limits' */
    queue *waits; /* where it stands; NULL: nowhere */
    ra_connection *prev, *next;
    int64_t deadline;
    void (*closed)(struct evhttp_connection *, void *);
    void *closed_arg;
};

/* Connections by their deadline, since all of a queue have the same time. */
struct queue {
    int64_t time; /* 0: no limit, and nobody waits */
    const char *option;
    ra_connection *first, *last;
    ra_seldom said;
};

struct ra_connections {
    uint32_t magic;
    struct event_base *base;
    ra_connection_limits *limits;
    ra_tls_server *tls;
    queue heads, bodies;
    struct event *timer;
    int64_t wakes;        /* when it does; INT64_MAX: it isn't set */
    ra_connection *fresh; /* accepted, and not looked at since; the first that came is the first */
    ra_connection **fresh_end;
    struct event *admit;
    ra_connection **by_fd; /* those that evhttp has told of; NULL elsewhere */
    size_t nplaces;
    void (*received)(struct evhttp_request *, void *);
    void *received_arg;
    enum ra_arrival (*arrived)(void *, struct bufferevent *); /* NULL: nobody looks first */
    void *arrived_arg;
};

static ra_connections *all_of(void *arg)
{
    ra_connections *all = arg;
    if (all->magic != CONNECTIONS_MAGIC)
        ra_corrupt("connections");
    return all;
}

static ra_connection *checked(void *arg)
{
    ra_connection *c = arg;
    if (c->magic != CONNECTION_MAGIC)
        ra_corrupt("connection");
    return c;
}

/* ---- who waits for how long ---- */

static void wake_at(ra_connections *all, int64_t deadline, int64_t now)
{
    if (deadline >= all->wakes)
        return;
    int64_t ms = deadline > now ? deadline - now : 0;
    struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    if (evtimer_add(all->timer, &t) == 0)
        all->wakes = deadline;
}

static void unqueue(ra_connection *c)
{
    queue *q = c->waits;
    if (!q)
        return;
    if (c->prev)
        c->prev->next = c->next;
    else
        q->first = c->next;
    if (c->next)
        c->next->prev = c->prev;
    else
        q->last = c->prev;
    c->prev = c->next = NULL;
    c->waits = NULL;
}

static void enqueue(ra_connection *c, queue *q)
{
    if (q->time == 0)
        return;
    int64_t now = ra_clock_monotonic();
    c->deadline = now + q->time;
    c->prev = q->last;
    if (q->last)
        q->last->next = c;
    else
        q->first = c;
    q->last = c;
    c->waits = q;
    wake_at(c->all, c->deadline, now);
}

static void close_late(queue *q, int64_t now)
{
    while (q->first && q->first->deadline <= now) {
        ra_connection *c = q->first;
        unqueue(c);
        evhttp_connection_free(c->http);
        unsigned long n = ra_seldom_say(&q->said, now);
        if (n)
            ra_log(RA_LOG_WARNING, "%lu connection%s closed: a request took longer than %s (%lld ms)", n,
                   n == 1 ? "" : "s", q->option, (long long)q->time);
    }
}

static void timed_out(evutil_socket_t fd, short what, void *arg)
{
    ra_connections *all = all_of(arg);
    int64_t now = ra_clock_monotonic();
    (void)fd;
    (void)what;
    all->wakes = INT64_MAX;
    close_late(&all->heads, now);
    close_late(&all->bodies, now);
    if (all->heads.first)
        wake_at(all, all->heads.first->deadline, now);
    if (all->bodies.first)
        wake_at(all, all->bodies.first->deadline, now);
}

/* ---- what arrives ---- */

static void watch(ra_connection *c, bool yes)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    if (yes)
        evbuffer_cb_set_flags(in, c->watch, EVBUFFER_CB_ENABLED);
    else
        evbuffer_cb_clear_flags(in, c->watch, EVBUFFER_CB_ENABLED);
}

static void enter(ra_connection *c, enum stage stage)
{
    c->stage = stage;
    watch(c, stage == BETWEEN || stage == HEAD);
}

/* Does the head end in what stands from `from` on? */
static bool head_ends(ra_connection *c, struct evbuffer *in, size_t from)
{
    struct evbuffer_ptr at;
    struct evbuffer_iovec v[PIECES];
    size_t n = evbuffer_get_length(in);
    while (from < n) {
        if (evbuffer_ptr_set(in, &at, from, EVBUFFER_PTR_SET) != 0)
            return false;
        int pieces = evbuffer_peek(in, (ev_ssize_t)(n - from), &at, v, PIECES);
        for (int i = 0; i < pieces && i < PIECES; i++) {
            if (ra_head_ends(&c->head, (ra_bytes){v[i].iov_base, v[i].iov_len}))
                return true;
            from += v[i].iov_len;
        }
        if (pieces <= 0)
            return false;
    }
    return false;
}

static void follow_head(ra_connection *c, size_t from)
{
    if (!head_ends(c, bufferevent_get_input(c->bev), from))
        return;
    unqueue(c);
    enqueue(c, &c->all->bodies);
    enter(c, BODY);
}

/* A request is beginning, whose first bytes are in the buffer. One that began with the connection has been
 * waited for since then. */
static void begin_head(ra_connection *c)
{
    enter(c, HEAD);
    c->head = (ra_head){0};
    if (c->waits != &c->all->heads)
        enqueue(c, &c->all->heads);
    follow_head(c, 0);
}

static void begin(ra_connection *c)
{
    ra_connections *all = c->all;
    enum ra_arrival what = RA_ARRIVAL_LEFT;
    if (all->arrived && !all->tls)
        what = all->arrived(all->arrived_arg, c->bev);
    if (what == RA_ARRIVAL_LEFT) {
        begin_head(c);
        return;
    }
    unqueue(c);
    if (what == RA_ARRIVAL_HELD)
        enter(c, HELD);
}

static void stirred(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
    if (info->n_added == 0)
        return; /* what has been taken out */
    ra_connection *c = checked(arg);
    if (c->stage == BETWEEN)
        begin(c);
    else if (c->stage == HEAD)
        follow_head(c, evbuffer_get_length(in) - info->n_added);
}

bool ra_connection_head_is_odd(const ra_connection *c)
{
    return c && c->head.odd;
}

void ra_connection_taken(ra_connection *c)
{
    if (c)
        enter(c, BETWEEN);
}

void ra_connection_left(ra_connection *c)
{
    if (c)
        begin_head(c);
}

void ra_connection_between(ra_connection *c)
{
    if (!c)
        return;
    enter(c, BETWEEN);
    if (evbuffer_get_length(bufferevent_get_input(c->bev)))
        begin_head(c); /* it has come already, and evhttp is going to read it */
}

/* ---- the end ---- */

void ra_connection_on_close(ra_connection *c, void (*closed)(struct evhttp_connection *, void *), void *arg)
{
    if (!c)
        return;
    c->closed = closed;
    c->closed_arg = arg;
}

/* evhttp frees the connection; its socket is still open. */
static void closing(struct evhttp_connection *http, void *arg)
{
    ra_connection *c = checked(arg);
    void (*closed)(struct evhttp_connection *, void *) = c->closed;
    void *closed_arg = c->closed_arg;
    unqueue(c);
    if (c->counted)
        ra_connection_limits_leave(c->all->limits, c->peer);
    if ((size_t)c->fd < c->all->nplaces && c->all->by_fd[c->fd] == c)
        c->all->by_fd[c->fd] = NULL;
    evbuffer_remove_cb_entry(bufferevent_get_input(c->bev), c->watch);
    ra_tls_say_goodbye(c->bev);
    c->magic = 0;
    free(c);
    if (closed)
        closed(http, closed_arg);
}

/* ---- the beginning ---- */

static bool make_place(ra_connections *all, size_t fd)
{
    size_t n = all->nplaces ? all->nplaces : PLACES_FIRST;
    while (n <= fd)
        n *= 2;
    if (n == all->nplaces)
        return true;
    ra_connection **more = realloc(all->by_fd, n * sizeof(ra_connection *));
    if (!more)
        return false;
    memset(more + all->nplaces, 0, (n - all->nplaces) * sizeof(ra_connection *));
    all->by_fd = more;
    all->nplaces = n;
    return true;
}

static bool may_enter(ra_connection *c)
{
    union {
        struct sockaddr any;
        struct sockaddr_storage room;
    } a = {0};
    socklen_t n = sizeof a;
    if (getpeername(c->fd, &a.any, &n) != 0 || !make_place(c->all, (size_t)c->fd))
        return false; /* it has gone already; or no memory */
    c->peer = ra_peer_of(&a.any);
    c->counted = ra_connection_limits_enter(c->all->limits, c->peer, ra_clock_monotonic());
    return c->counted;
}

/* evhttp's connection is to be known now, and nothing has been read from it yet. */
static void admit_one(ra_connection *c)
{
    void *http = NULL;
    bufferevent_getcb(c->bev, NULL, NULL, NULL, &http);
    if (!http) { /* evhttp had no memory for it, and has freed it */
        evbuffer_remove_cb_entry(bufferevent_get_input(c->bev), c->watch);
        bufferevent_decref(c->bev);
        free(c);
        return;
    }
    bufferevent_decref(c->bev);
    c->http = http;
    c->fd = bufferevent_getfd(c->bev);
    evhttp_connection_set_closecb(c->http, closing, c);
    if (c->fd < 0 || !may_enter(c)) {
        evhttp_connection_free(c->http);
        return;
    }
    c->all->by_fd[c->fd] = c;
    int on = 1; /* a long reply is written record by record */
    if (c->all->tls)
        (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    enqueue(c, &c->all->heads);
    enter(c, BETWEEN);
}

static void admit(evutil_socket_t fd, short what, void *arg)
{
    ra_connections *all = all_of(arg);
    (void)fd;
    (void)what;
    for (ra_connection *c = all->fresh, *next; c; c = next) {
        next = c->next;
        c->next = NULL;
        admit_one(c);
    }
    all->fresh = NULL;
    all->fresh_end = &all->fresh;
}

/* evhttp wants a bufferevent for a connection of which nothing is known yet. Without one it makes its own. */
static struct bufferevent *accepted(struct event_base *base, void *arg)
{
    ra_connections *all = all_of(arg);
    ra_connection *c = calloc(1, sizeof *c);
    struct bufferevent *b =
        all->tls ? ra_tls_server_accept(all->tls, base) : bufferevent_socket_new(base, -1, 0);
    struct evbuffer_cb_entry *entry = c && b ? evbuffer_add_cb(bufferevent_get_input(b), stirred, c) : NULL;
    if (!entry) {
        if (b)
            bufferevent_free(b);
        free(c);
        return NULL;
    }
    *c = (ra_connection){.magic = CONNECTION_MAGIC, .all = all, .bev = b, .watch = entry, .fd = -1};
    *all->fresh_end = c;
    all->fresh_end = &c->next;
    bufferevent_incref(b); /* until it is admitted */
    event_active(all->admit, EV_TIMEOUT, 0);
    return b;
}

/*
 * A request is there, with its body. Over TLS nothing may be read in the middle of it: reading is off, but a
 * session that has something to write for its own sake may read all the same then, and evhttp takes being
 * told so for the end of the process.
 */
static void handed_over(struct evhttp_request *request, void *arg)
{
    ra_connections *all = all_of(arg);
    struct evhttp_connection *http = evhttp_request_get_connection(request);
    ra_connection *c = ra_connection_of(all, http);
    if (!c) { /* there was no memory for it when it came */
        evhttp_connection_free(http);
        return;
    }
    unqueue(c);
    enter(c, SERVED);
    if (all->tls) {
        bufferevent_data_cb written = NULL;
        bufferevent_event_cb happened = NULL;
        void *theirs = NULL;
        bufferevent_getcb(c->bev, NULL, &written, &happened, &theirs);
        bufferevent_setcb(c->bev, NULL, written, happened, theirs);
    }
    all->received(request, all->received_arg);
}

ra_connection *ra_connection_find(ra_connections *all, struct bufferevent *connection)
{
    int fd = all && connection ? bufferevent_getfd(connection) : -1;
    if (fd < 0 || (size_t)fd >= all->nplaces)
        return NULL;
    ra_connection *c = all->by_fd[fd];
    return c && c->bev == connection ? c : NULL;
}

ra_connection *ra_connection_of(ra_connections *all, struct evhttp_connection *connection)
{
    return all && connection ? ra_connection_find(all, evhttp_connection_get_bufferevent(connection)) : NULL;
}

/* ---- all of them ---- */

ra_connections *ra_connections_new(struct event_base *base, const ra_config_listen *c,
                                   ra_connection_limits *limits, ra_tls_server *tls)
{
    ra_connections *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    *all = (ra_connections){.magic = CONNECTIONS_MAGIC,
                            .base = base,
                            .limits = limits,
                            .tls = tls,
                            .heads = {.time = c->header_timeout, .option = "header_timeout"},
                            .bodies = {.time = c->body_timeout, .option = "body_timeout"},
                            .wakes = INT64_MAX,
                            .fresh_end = &all->fresh};
    all->timer = evtimer_new(base, timed_out, all);
    all->admit = event_new(base, -1, 0, admit, all);
    if (all->timer && all->admit)
        return all;
    ra_connections_free(all);
    return NULL;
}

void ra_connections_free(ra_connections *all)
{
    if (!all)
        return;
    if (all->admit)
        admit(-1, 0, all); /* what the loop had no time for any more; evhttp has freed it */
    if (all->timer)
        event_free(all->timer);
    if (all->admit)
        event_free(all->admit);
    free(all->by_fd);
    all->magic = 0;
    free(all);
}

/* Who waits has waited since the same moment: all of a queue move together, and stay in its order. */
static void set_time(queue *q, int64_t time)
{
    for (ra_connection *c = q->first; c; c = c->next)
        c->deadline += time - q->time;
    q->time = time;
}

void ra_connections_renew(ra_connections *all, const ra_config_listen *config)
{
    int64_t now = ra_clock_monotonic();
    set_time(&all->heads, config->header_timeout);
    set_time(&all->bodies, config->body_timeout);
    if (all->heads.first)
        wake_at(all, all->heads.first->deadline, now);
    if (all->bodies.first)
        wake_at(all, all->bodies.first->deadline, now);
    for (size_t i = 0; i < all->nplaces; i++)
        if (all->by_fd[i])
            ra_listener_limit_connection(all->by_fd[i]->http, config);
}

void ra_connections_serve(ra_connections *all, struct evhttp *http,
                          void (*received)(struct evhttp_request *, void *), void *arg)
{
    all->received = received;
    all->received_arg = arg;
    evhttp_set_bevcb(http, accepted, all);
    evhttp_set_gencb(http, handed_over, all);
}

void ra_connections_look_first(ra_connections *all,
                               enum ra_arrival (*arrived)(void *arg, struct bufferevent *connection),
                               void *arg)
{
    all->arrived = arrived;
    all->arrived_arg = arg;
}
