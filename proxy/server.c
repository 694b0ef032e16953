#include "proxy/server.h"

#include "proxy/admin.h"
#include "proxy/advice.h"
#include "proxy/clock.h"
#include "proxy/clock_check.h"
#include "proxy/express.h"
#include "proxy/follow.h"
#include "proxy/invalidate.h"
#include "proxy/journal.h"
#include "proxy/listener.h"
#include "proxy/log.h"
#include "proxy/metrics.h"
#include "proxy/mismatches.h"
#include "proxy/request.h"
#include "proxy/route_shown.h"
#include "proxy/server_store.h"
#include "proxy/snapshot.h"
#include "proxy/store_trial.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SWEEP_INTERVAL_MS = 1000, SWEEP_MOST = 4096, ACCEPT_PAUSE_MS = 100, ACCEPT_LOG_INTERVAL_MS = 10000 };

/* For callbacks that have no argument of ours. */
static _Thread_local ra_loop *running;

ra_loop *ra_loop_running(void)
{
    return running;
}

static ra_loop *loop_of(void *arg)
{
    ra_loop *l = arg;
    if (l->magic != RA_LOOP_MAGIC)
        ra_corrupt("loop");
    return l;
}

static struct timeval interval(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

/* ---- the end of a loop ---- */

/* A fetch of a table's schema is nobody's request, but other loops may wait for it. */
static bool is_idle(const ra_loop *l)
{
    return l->in_flight == 0 && l->sending == 0 && !ra_upstream_busy(l->upstream);
}

void ra_loop_ended(ra_loop *l)
{
    if (l->draining && is_idle(l))
        event_base_loopexit(l->base, NULL);
}

static void upstream_idle(void *arg)
{
    ra_loop_ended(loop_of(arg));
}

static void drain_timed_out(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ra_loop *l = loop_of(arg);
    l->cut = true;
    ra_log(RA_LOG_WARNING, "drain_timeout passed with %u requests in flight", l->in_flight);
    event_base_loopexit(l->base, NULL);
}

static void drain(ra_letter *letter, void *arg)
{
    (void)letter;
    ra_loop *l = loop_of(arg);
    l->draining = true;
    evhttp_del_accept_socket(l->http, l->socket); /* closes it: the kernel gives its share to nobody */
    l->socket = NULL;
    struct timeval t = interval(l->config->listen.drain_timeout);
    l->drain_timer = evtimer_new(l->base, drain_timed_out, l);
    if (l->drain_timer)
        evtimer_add(l->drain_timer, &t);
    ra_loop_ended(l);
}

/* ---- loops ---- */

static void sweep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ra_loop *l = loop_of(arg);
    ra_memory_sweep(l->server->memory, ra_clock_monotonic(), SWEEP_MOST);
}

static struct event_base *base_new(void)
{
    struct event_config *c = event_config_new();
    if (!c)
        return NULL;
    /* Only the loop's own thread touches its base. */
    event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK);
#ifndef READASIDE_NO_CHANGELIST
    /* Folds the epoll_ctl calls of one turn. */
    event_config_set_flag(c, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
#endif
    struct event_base *base = event_base_new_with_config(c);
    event_config_free(c);
    return base;
}

static void reply_seen(const ra_http_reply *reply, int64_t sent, void *arg)
{
    ra_clock_watch_reply(loop_of(arg)->clock, reply, sent);
}

static bool watch_clock(ra_loop *l)
{
    if (!l->upstream || !ra_config_any_linearizable(l->server->config))
        return true;
    l->clock = ra_clock_watch_new(l->server, l->base);
    if (l->clock)
        ra_upstream_on_reply(l->upstream, reply_seen, l);
    return l->clock != NULL;
}

static bool loop_init(ra_loop *l, ra_server *s, bool first)
{
    l->magic = RA_LOOP_MAGIC;
    l->server = s;
    l->meter = s->config->admin.metrics ? ra_metrics_meter(s->metrics, (unsigned)(l - s->loops)) : NULL;
    l->drain_letter = (ra_letter){.deliver = drain, .arg = l};
    l->base = base_new();
    if (!ra_loop_snapshot_init(l) || !l->base)
        return false;
    l->access_log = l->config->access_log.path ? s->access_log : NULL;
    l->mailbox = ra_mailbox_new(l->base);
    l->upstream = ra_upstream_new(l->base, s->config, s->provider);
    if (l->upstream)
        ra_upstream_on_idle(l->upstream, upstream_idle, l);
    ra_loop_store_open(l, first);
    l->shown = ra_shown_new(RA_SHOWN_BYTES);
    l->express = ra_express_new(l);
    l->connections = ra_connections_new(l->base, &s->config->listen, s->limits, s->tls);
    if (l->connections && l->express)
        ra_express_serve(l->express, l->connections);
    if (first && s->memory) {
        struct timeval t = interval(SWEEP_INTERVAL_MS);
        l->sweep = event_new(l->base, -1, EV_PERSIST, sweep, l);
        if (!l->sweep || event_add(l->sweep, &t) != 0)
            return false;
    }
    return watch_clock(l) && l->mailbox && l->upstream && l->store && l->shown && l->express &&
           l->connections;
}

static void loop_free(ra_loop *l)
{
    ra_express_free(l->express);
    if (l->http)
        evhttp_free(l->http);
    ra_connections_free(l->connections);
    ra_upstream_free(l->upstream);
    ra_clock_watch_free(l->clock);
    ra_shown_free(l->shown);
    ra_loop_store_close(l);
    if (l->sweep)
        event_free(l->sweep);
    if (l->drain_timer)
        event_free(l->drain_timer);
    if (l->accept_again)
        event_free(l->accept_again);
    if (l->mailbox)
        ra_mailbox_free(l->mailbox);
    if (l->base && !l->server->memory)
        event_base_loop(l->base, EVLOOP_NONBLOCK); /* what a look-up of Redis's name has left goes now */
    if (l->base)
        event_base_free(l->base);
    ra_loop_snapshot_fini(l);
    l->magic = 0;
}

/* What the loops' listeners share. */
static bool listener_init(ra_server *s)
{
    const ra_config_listen *c = &s->config->listen;
    s->limits = ra_connection_limits_new(c, "listen");
    if (!s->limits)
        ra_log(RA_LOG_ERROR, "out of memory");
    else if (c->tls.cert_file)
        s->tls = ra_tls_server_new(&c->tls, "listen.tls");
    return s->limits && (s->tls || !c->tls.cert_file);
}

static bool access_log_init(ra_server *s)
{
    char why[RA_ACCESS_WHY_MAX];
    const char *path = s->config->access_log.path;
    s->access_log = ra_access_log_new(s->nloops);
    if (!path || !s->access_log)
        return s->access_log != NULL;
    ra_access_file *file = ra_access_file_open(path, why);
    if (!file)
        ra_log(RA_LOG_ERROR, "access_log.path: %s: %s", path, why);
    if (!file || !ra_access_log_prepare(s->access_log)) {
        ra_access_file_close(file);
        return false;
    }
    ra_access_log_use(s->access_log, file);
    return true;
}

ra_server *ra_server_new(ra_config *config, ra_credentials_provider *provider, int64_t quiet_until)
{
    ra_server *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->config = ra_config_ref(config);
    s->journal = ra_journal_new();
    s->mismatches = ra_mismatches_new(s->journal);
    s->provider = provider;
    s->nloops = config->listen.threads;
    if (!ra_server_snapshots_init(s) || !listener_init(s) || !access_log_init(s) ||
        !ra_server_store_init(s, quiet_until) || !ra_store_trial(s)) {
        ra_server_free(s);
        return NULL;
    }
    s->flights = ra_flights_new();
    s->tables = ra_tables_new(config);
    s->metrics = ra_metrics_new(s->nloops + 1);
    s->started = ra_clock_wall();
    s->advice = s->metrics ? ra_advice_new(s->metrics, s->nloops + 1) : NULL;
    if (s->advice) {
        ra_metrics_bind(s->metrics, s->config);
        ra_advice_bind(s->advice, s->config);
        for (unsigned i = 0; i <= s->nloops; i++)
            ra_meter_tell(ra_metrics_meter(s->metrics, i), ra_advice_get_ring(s->advice, i));
    }
    s->loops = calloc(s->nloops ? s->nloops : 1, sizeof *s->loops);
    bool ok = s->journal && s->mismatches && s->advice && s->flights && s->tables && s->loops;
    for (unsigned i = 0; i < s->nloops && ok; i++)
        ok = loop_init(&s->loops[i], s, i == 0);
    s->invalidator = ok ? ra_invalidator_new(s) : NULL;
    ok = s->invalidator != NULL;
    if (ok)
        s->follows = ra_follows_new(s, &ok);
    if (ok)
        return s;
    ra_log(RA_LOG_ERROR, "out of memory");
    ra_server_free(s);
    return NULL;
}

/* ---- accepting ---- */

static void accept_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ra_loop *l = loop_of(arg);
    if (l->socket)
        evconnlistener_enable(evhttp_bound_socket_get_listener(l->socket));
}

/* Out of file descriptors, say: a pause, or the loop would do nothing but fail. Who waits is in the kernel's
 * queue. */
static void accept_failed(struct evconnlistener *listener, void *evhttps)
{
    (void)evhttps;
    ra_loop *l = loop_of(running);
    int error = EVUTIL_SOCKET_ERROR();
    int64_t now = ra_clock_monotonic();
    if (!l->accept_logged || now - l->accept_logged >= ACCEPT_LOG_INTERVAL_MS) {
        l->accept_logged = now;
        ra_log(RA_LOG_WARNING, "can't accept connections for now: %s", strerror(error));
    }
    struct timeval t = interval(ACCEPT_PAUSE_MS);
    if (l->accept_again && evtimer_add(l->accept_again, &t) == 0)
        evconnlistener_disable(listener);
}

static void *run(void *arg)
{
    ra_loop *l = loop_of(arg);
    running = l;
    do /* events that were active together with the one that ended the loop may have begun a request */
        event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
    while (!l->cut && !is_idle(l));
    while (!l->cut && ra_loop_store_busy(l))
        event_base_loop(l->base, EVLOOP_ONCE);
    return NULL;
}

static bool start_loop(ra_loop *l, int fd)
{
    l->http = ra_listener_new(l->base, &l->server->config->listen, fd, ra_request_received, l, &l->socket);
    if (l->http)
        ra_connections_serve(l->connections, l->http, ra_request_received, l);
    l->accept_again = evtimer_new(l->base, accept_again, l);
    if (l->http && l->accept_again) {
        evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(l->socket), accept_failed);
        return true;
    }
    if (!l->http)
        close(fd);
    ra_log(RA_LOG_ERROR, "out of memory");
    return false;
}

static bool bind_all(ra_server *s)
{
    const ra_config_listen *c = &s->config->listen;
    for (unsigned i = 0; i < s->nloops; i++) {
        int fd = i == 0 ? ra_listen_first(c, &s->port) : ra_listen_more(c, s->port);
        if (fd < 0) {
            ra_log(RA_LOG_ERROR, "can't listen on %s port %u: %s", c->host, c->port, strerror(errno));
            return false;
        }
        if (!start_loop(&s->loops[i], fd))
            return false;
    }
    return true;
}

bool ra_server_start(ra_server *s)
{
    if (!bind_all(s))
        return false;
    s->admin = s->config->admin.listen.host ? ra_admin_new(s) : NULL;
    if (s->config->admin.listen.host && !s->admin)
        return false;
    for (unsigned i = 0; i < s->nloops; i++) {
        int error = pthread_create(&s->loops[i].thread, NULL, run, &s->loops[i]);
        if (error) {
            ra_log(RA_LOG_ERROR, "can't start a thread: %s", strerror(error));
            ra_server_drain(s);
            ra_server_join(s);
            return false;
        }
        s->loops[i].running = true;
    }
    ra_journal_note(s->journal, RA_JOURNAL_START, "readaside " READASIDE_VERSION " listens on port %u",
                    s->port);
    if (ra_advice_start(s->advice) && (!s->admin || ra_admin_start(s->admin)) &&
        (!s->follows || ra_follows_start(s->follows)))
        return true;
    ra_server_drain(s);
    ra_server_join(s);
    return false;
}

void ra_server_drain(ra_server *s)
{
    ra_server_hurry_reloads(s);
    ra_admin_stop(s->admin); /* it and the followers ask the loops */
    ra_follows_stop(s->follows);
    for (unsigned i = 0; i < s->nloops; i++)
        if (s->loops[i].running)
            ra_mailbox_post(s->loops[i].mailbox, &s->loops[i].drain_letter);
}

bool ra_server_join(ra_server *s)
{
    bool clean = true;
    for (unsigned i = 0; i < s->nloops; i++) {
        if (!s->loops[i].running)
            continue;
        pthread_join(s->loops[i].thread, NULL);
        s->loops[i].running = false;
        clean = clean && !s->loops[i].cut;
    }
    ra_request_abandon_all(s->loops, s->nloops);
    return clean && !ra_server_store_forgets(s);
}

void ra_server_free(ra_server *s)
{
    ra_follows_free(s->follows);
    ra_invalidator_free(s->invalidator);
    for (unsigned i = 0; i < s->nloops && s->loops; i++)
        loop_free(&s->loops[i]);
    ra_admin_free(s->admin);
    free(s->loops);
    ra_tables_free(s->tables);
    if (s->flights)
        ra_flights_free(s->flights);
    ra_server_store_free(s);
    ra_server_snapshots_fini(s);
    ra_connection_limits_free(s->limits);
    ra_tls_server_free(s->tls);
    ra_config_unref(s->config);
    ra_access_log_free(s->access_log);
    ra_mismatches_free(s->mismatches);
    ra_journal_free(s->journal);
    ra_advice_free(s->advice);
    ra_metrics_free(s->metrics);
    free(s);
}
