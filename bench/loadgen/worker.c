#include "bench/loadgen/worker.h"

#include "proxy/log.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum {
    MAGIC = 0x776f726b,
    REST_US = 20000, /* after a refused connection */
    LATE_PERIODS = 10,
    LATE_NS = 1000000 /* a request is late if it is taken up later than both */
};

ra_worker *ra_worker_checked(void *p)
{
    ra_worker *w = p;
    if (w->magic != MAGIC)
        ra_corrupt("load generator's thread");
    return w;
}

static struct timeval to_timeval(uint64_t ns)
{
    uint64_t us = ns / 1000 + 1; /* never early */
    return (struct timeval){.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
}

static int64_t wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool stopped(const ra_worker *w)
{
    return atomic_load_explicit(&w->run->stop, memory_order_relaxed);
}

void ra_worker_end(ra_worker *w)
{
    w->ended = ra_conn_now();
    event_base_loopbreak(w->base);
}

/* ---- sending ---- */

static void to_idle(ra_worker *w, ra_conn *c)
{
    c->next = w->idle;
    w->idle = c;
    w->nidle++;
}

/* `since`: when the request was due; 0: now. */
void ra_worker_send(ra_worker *w, ra_conn *c, const ra_operation *o, uint64_t since)
{
    ra_bytes bytes = ra_request_make(&w->maker, &w->generator, o, wall_us());
    uint64_t now = ra_conn_now();
    if (!bytes.p) {
        w->stats.unmade++;
        atomic_store(&w->run->stop, true); /* the next one would fare no better */
        to_idle(w, c);
        return;
    }
    c->asked = o;
    c->since = since ? since : now;
    w->stats.sent++;
    w->busy++;
    ra_conn_send(c, bytes, o->method[0] == 'H' && strcmp(o->method, "HEAD") == 0, now);
}

static ra_conn *take_idle(ra_worker *w)
{
    ra_conn *c = w->idle;
    w->idle = c->next;
    w->nidle--;
    return c;
}

/* A closed loop goes on until the time is over or its share of the requests is sent. */
static bool may_send(const ra_worker *w)
{
    if (w->issued >= w->limit || stopped(w))
        return false;
    return w->o->duration == 0 || ra_conn_now() - w->run->start < w->o->duration;
}

static void pump_closed(ra_worker *w)
{
    while (w->idle && may_send(w)) {
        w->issued++;
        ra_worker_send(w, take_idle(w), ra_generator_pick(&w->generator), 0);
    }
    if (w->busy == 0 && !may_send(w))
        ra_worker_end(w);
}

static void pump_open(ra_worker *w)
{
    while (w->idle && w->nwaiting && !stopped(w)) {
        uint64_t since = w->waiting[w->first];
        w->first = w->first + 1 == w->room ? 0 : w->first + 1;
        w->nwaiting--;
        w->issued++;
        ra_worker_send(w, take_idle(w), ra_generator_pick(&w->generator), since);
    }
    if (w->busy == 0 && (stopped(w) || (w->nwaiting == 0 && w->scheduled == w->limit)))
        ra_worker_end(w);
}

static void pump(ra_worker *w)
{
    if (w->o->open_loop)
        pump_open(w);
    else if (!w->o->workload->rounds)
        pump_closed(w);
}

/* ---- the schedule ---- */

static uint64_t due_at(const ra_worker *w, uint64_t k)
{
    return w->run->start + ra_schedule_due(&w->o->schedule, k * w->o->threads + w->index);
}

/* How late this thread is itself: no server has had a part in it yet. */
static void judge(ra_worker *w, uint64_t due, uint64_t now)
{
    double period = ra_schedule_period(&w->o->schedule, due - w->run->start) * w->o->threads;
    uint64_t late = now - due;
    w->stats.late += late > LATE_NS && (double)late > LATE_PERIODS * period;
}

/*
 * Those for which a connection is free don't wait. The newest is dropped, not the oldest: those that have
 * waited longest are what a stall looks like.
 */
static void take_up(ra_worker *w, uint64_t due, uint64_t now)
{
    judge(w, due, now);
    if (w->nwaiting >= w->queue + w->nidle) {
        w->stats.dropped++;
        return;
    }
    unsigned at = w->first + w->nwaiting++;
    w->waiting[at >= w->room ? at - w->room : at] = due;
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
    ra_worker *w = ra_worker_checked(arg);
    uint64_t now = ra_conn_now(), due = 0;
    (void)fd;
    (void)what;
    while (w->scheduled < w->limit && !stopped(w) && (due = due_at(w, w->scheduled)) <= now) {
        take_up(w, due, now);
        w->scheduled++;
    }
    pump_open(w);
    if (w->scheduled == w->limit || stopped(w))
        return;
    now = ra_conn_now();
    struct timeval wait = to_timeval(due > now ? due - now : 0);
    event_add(w->due, &wait);
}

/* ---- replies ---- */

static size_t index_of(const ra_worker *w, const ra_operation *o)
{
    return o == w->o->workload->before ? RA_OPERATIONS_MAX : (size_t)(o - w->o->workload->operations);
}

static void count(ra_worker *w, ra_conn *c, enum ra_conn_result result)
{
    const ra_operation *o = c->asked;
    ra_stats_add(&w->stats, index_of(w, o), o->write, result, &c->response, ra_conn_now() - c->since);
    atomic_fetch_add_explicit(&w->seen, 1, memory_order_relaxed);
    if (result != RA_CONN_OK || c->response.status >= 400)
        atomic_fetch_add_explicit(&w->failed, 1, memory_order_relaxed);
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
    ra_worker *w = ra_worker_checked(arg);
    ra_conn *c;
    (void)fd;
    (void)what;
    while ((c = w->resting)) {
        w->resting = c->next;
        to_idle(w, c);
    }
    pump(w);
}

/* Who isn't let in doesn't knock again at once: that would be a loop without a pause. */
static void rest(ra_worker *w, ra_conn *c)
{
    const struct timeval wait = {.tv_usec = REST_US};
    c->next = w->resting;
    w->resting = c;
    if (!event_pending(w->rested, EV_TIMEOUT, NULL))
        event_add(w->rested, &wait);
}

static void on_done(ra_conn *c, enum ra_conn_result result)
{
    ra_worker *w = ra_worker_checked(c->env->arg);
    w->busy--;
    if (c->asked) /* else it was only opened */
        count(w, c, result);
    c->asked = NULL;
    if (w->o->workload->rounds) {
        ra_worker_rounds_ended(w, result);
        return;
    }
    if (result == RA_CONN_REFUSED)
        rest(w, c);
    else
        to_idle(w, c);
    pump(w);
}

/* ---- its life ---- */

static void on_poke(ra_letter *letter, void *arg)
{
    (void)letter;
    pump(ra_worker_checked(arg));
}

void ra_worker_poke(ra_worker *w)
{
    ra_mailbox_post(w->mailbox, &w->poke);
}

/* Of n things, those of this thread: 0, threads, 2 * threads... for the first one. */
static uint64_t share(const ra_worker *w, uint64_t n)
{
    return n / w->o->threads + (w->index < n % w->o->threads);
}

static uint64_t limit_of(const ra_worker *w)
{
    uint64_t all = w->o->requests ? w->o->requests : UINT64_MAX;
    if (w->o->open_loop && w->o->duration) {
        uint64_t due = ra_schedule_count(&w->o->schedule, w->o->duration);
        all = due < all ? due : all;
    }
    return all == UINT64_MAX ? all : share(w, all);
}

static bool init_conns(ra_worker *w)
{
    w->nconns = (unsigned)share(w, w->o->connections);
    w->conns = calloc(w->nconns, sizeof *w->conns);
    w->env = (ra_conn_env){
        .base = w->base, .target = w->o->target, .timeout = w->o->timeout, .done = on_done, .arg = w};
    if (!w->conns || !ra_conn_env_start(&w->env))
        return false;
    for (unsigned i = w->nconns; i-- > 0;) {
        if (!ra_conn_init(&w->conns[i], &w->env))
            return false;
        to_idle(w, &w->conns[i]);
    }
    return true;
}

static bool init_loop(ra_worker *w)
{
    struct event_config *c = event_config_new();
    if (!c)
        return false;
    event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NO_CACHE_TIME);
    w->base = event_base_new_with_config(c);
    event_config_free(c);
    if (!w->base)
        return false;
    w->mailbox = ra_mailbox_new(w->base);
    w->due = event_new(w->base, -1, 0, on_due, w);
    w->rested = event_new(w->base, -1, 0, on_rested, w);
    w->paused = event_new(w->base, -1, 0, ra_worker_rounds_paused, w);
    return w->mailbox && w->due && w->rested && w->paused;
}

bool ra_worker_init(ra_worker *w, ra_run *run, unsigned index)
{
    w->magic = MAGIC;
    w->run = run;
    w->o = run->options;
    w->index = index;
    w->poke = (ra_letter){.deliver = on_poke, .arg = w};
    w->go = (ra_letter){.deliver = ra_worker_rounds_asked, .arg = w};
    w->home = (ra_letter){.deliver = ra_worker_rounds_home, .arg = w};
    w->limit = limit_of(w);
    w->queue = (unsigned)share(w, w->o->queue);
    w->room = w->queue + (unsigned)share(w, w->o->connections) + 1; /* never none */
    w->waiting = calloc(w->room, sizeof *w->waiting);
    return w->waiting && init_loop(w) && init_conns(w) &&
           ra_generator_init(&w->generator, w->o->workload, w->o->seed, index, w->o->threads) &&
           ra_request_maker_init(&w->maker, w->o->target, w->o->region, w->o->credentials);
}

static void free_events(ra_worker *w)
{
    enum { EVENTS = 3 };
    struct event *const events[EVENTS] = {w->due, w->rested, w->paused};
    for (size_t i = 0; i < EVENTS; i++) {
        if (events[i])
            event_free(events[i]);
    }
}

void ra_worker_free(ra_worker *w)
{
    if (w->magic != MAGIC)
        return;
    for (unsigned i = 0; w->conns && i < w->nconns; i++) {
        if (w->conns[i].magic)
            ra_conn_close(&w->conns[i]);
    }
    free(w->conns);
    ra_conn_env_stop(&w->env);
    free_events(w);
    if (w->mailbox)
        ra_mailbox_free(w->mailbox);
    if (w->base)
        event_base_free(w->base);
    ra_generator_free(&w->generator);
    ra_request_maker_free(&w->maker);
    free(w->waiting);
    w->magic = 0;
}

static uint64_t thread_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

void *ra_worker_main(void *worker)
{
    ra_worker *w = ra_worker_checked(worker);
    if (w->o->workload->rounds)
        ra_worker_rounds_begin(w);
    else if (w->o->open_loop)
        event_active(w->due, EV_TIMEOUT, 0);
    else
        ra_worker_poke(w);
    event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY);
    w->cpu = thread_cpu();
    w->stats.connects = w->env.connects;
    w->stats.bytes_in = w->env.bytes_in;
    w->stats.bytes_out = w->env.bytes_out;
    memcpy(w->stats.why, w->env.why, sizeof w->stats.why);
    atomic_fetch_sub(&w->run->running, 1);
    pthread_kill(w->run->main, SIGUSR1);
    return NULL;
}
