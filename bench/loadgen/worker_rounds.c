/*
 * Rounds: all connections of all threads ask for the same thing at once, and the next round begins when all
 * have been answered. What they ask for has just been written, or has had time to expire.
 *
 * The first thread leads. Each thread that has all its replies counts itself home in run->away; the last one
 * writes to the leader, who makes the next round's beginning and writes to all. So at any moment either the
 * leader is between two rounds and nobody else does anything, or a round is under way and away > 0.
 */
#include "bench/loadgen/worker.h"

#include <event2/event.h>

enum { REFUSED_PAUSE = 20000000 /* ns: else it would be a loop without a pause */ };

static void come_home(ra_worker *w)
{
    ra_worker *leader = &w->run->workers[0];
    if (atomic_fetch_sub(&w->run->away, 1) == 1)
        ra_mailbox_post(leader->mailbox, &leader->home);
}

/* A thread without connections (there are more threads than those) is home at once. */
void ra_worker_rounds_begin(ra_worker *w)
{
    for (unsigned i = 0; i < w->nconns; i++) {
        w->busy++;
        ra_conn_open(&w->conns[i]);
    }
    if (w->nconns == 0)
        come_home(w);
}

void ra_worker_rounds_asked(ra_letter *letter, void *worker)
{
    ra_worker *w = ra_worker_checked(worker);
    (void)letter;
    if (atomic_load(&w->run->over)) {
        ra_worker_end(w);
        return;
    }
    w->idle = NULL;
    w->busy = 0;
    for (unsigned i = 0; i < w->nconns; i++)
        ra_worker_send(w, &w->conns[i], ra_generator_pick(&w->generator), 0);
    if (w->busy == 0)
        come_home(w);
}

/* Whole rounds only: one more must fit, but there is always a first one. */
static bool is_over(const ra_worker *leader)
{
    const ra_run_options *o = leader->o;
    uint64_t rounds = leader->stats.rounds;
    if (atomic_load(&leader->run->stop))
        return true;
    if (rounds == 0)
        return false;
    if (o->requests && (rounds + 1) * o->connections > o->requests)
        return true;
    return o->duration && ra_conn_now() - leader->run->start >= o->duration;
}

/* To another round, or to their end. */
static void send_all_off(ra_worker *leader)
{
    ra_run *run = leader->run;
    if (is_over(leader))
        atomic_store(&run->over, true);
    else
        leader->stats.rounds++;
    atomic_store(&run->away, run->options->threads);
    for (unsigned i = 0; i < run->options->threads; i++)
        ra_mailbox_post(run->workers[i].mailbox, &run->workers[i].go);
}

/* All are home and have rested: the key is written, if it hasn't been left to expire. */
static void go_on(ra_worker *leader)
{
    const ra_operation *before = leader->o->workload->before;
    if (!before || leader->o->pause || is_over(leader)) {
        send_all_off(leader);
        return;
    }
    leader->leading = true;
    leader->busy = 0;
    ra_worker_send(leader, &leader->conns[0], before, 0);
    if (leader->busy == 0) /* it couldn't be made, and is counted as that */
        ra_worker_rounds_ended(leader, RA_CONN_NO_MEMORY);
}

void ra_worker_rounds_paused(int fd, short what, void *worker)
{
    (void)fd;
    (void)what;
    go_on(ra_worker_checked(worker));
}

void ra_worker_rounds_home(ra_letter *letter, void *worker)
{
    ra_worker *w = ra_worker_checked(worker);
    uint64_t ns = w->o->pause;
    (void)letter;
    if (w->refused && ns < REFUSED_PAUSE)
        ns = REFUSED_PAUSE;
    w->refused = false;
    if (ns == 0 || is_over(w)) {
        go_on(w);
        return;
    }
    struct timeval wait = {.tv_sec = (time_t)(ns / 1000000000),
                           .tv_usec = (suseconds_t)(ns % 1000000000 / 1000)};
    event_add(w->paused, &wait);
}

void ra_worker_rounds_ended(ra_worker *w, enum ra_conn_result result)
{
    w->refused |= result == RA_CONN_REFUSED;
    if (w->leading) {
        w->leading = false;
        send_all_off(w);
    } else if (w->busy == 0) {
        come_home(w);
    }
}
