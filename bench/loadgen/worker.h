/*
 * One thread of a run. In an open loop it takes requests up when they are due, whether replies have come or
 * not: what finds no free connection waits in a bounded queue, and its latency counts from when it was due.
 * In a closed loop each connection sends its next request when the reply to the last one has come. In rounds,
 * all connections of all threads ask at once, and wait for each other.
 *
 * Threads: made and freed by the main thread, before the threads start and after they have ended; in between
 * only ra_worker_poke and the two counters may be touched from outside.
 */
#ifndef RA_BENCH_LOADGEN_WORKER_H
#define RA_BENCH_LOADGEN_WORKER_H

#include "bench/loadgen/request.h"
#include "bench/loadgen/run.h"
#include "cache/mailbox.h"

#include <pthread.h>

struct ra_worker {
    unsigned magic;
    ra_run *run;
    const ra_run_options *o;
    unsigned index;
    pthread_t thread;
    struct event_base *base;
    ra_mailbox *mailbox;
    ra_letter poke, go, home; /* something has changed; rounds: ask; rounds: all are back */
    ra_conn_env env;
    ra_conn *conns;
    unsigned nconns, busy, nidle;
    ra_conn *idle, *resting; /* resting: they were refused, and are tried again a little later */
    struct event *due, *rested, *paused;
    ra_generator generator;
    ra_request_maker maker;
    ra_stats stats;
    uint64_t limit;     /* requests of this thread */
    uint64_t issued;    /* taken from the generator */
    uint64_t scheduled; /* open loop: taken from the schedule */
    bool leading;       /* rounds: what comes before the next one is under way */
    bool refused;       /* rounds: a connection was, since the last look */
    uint64_t *waiting;  /* a ring: when each was due */
    unsigned first, nwaiting, room;
    unsigned queue;      /* of them may wait; for more there is room only while connections are free */
    uint64_t cpu, ended; /* ns */
    atomic_uint_fast64_t seen, failed; /* for the progress line */
};

/* false: no memory, or no more file numbers. ra_worker_free takes what there is of it. */
bool ra_worker_init(ra_worker *w, ra_run *run, unsigned index);
void ra_worker_free(ra_worker *w);
/* For pthread_create. */
void *ra_worker_main(void *worker);
/* Has it look at run->stop. Any thread. */
void ra_worker_poke(ra_worker *w);

/* worker_rounds.c: connects everything and begins; and what they do when a request has ended. */
void ra_worker_rounds_begin(ra_worker *w);
void ra_worker_rounds_ended(ra_worker *w, enum ra_conn_result result);
void ra_worker_rounds_asked(ra_letter *letter, void *worker);
void ra_worker_rounds_home(ra_letter *letter, void *worker);
void ra_worker_rounds_paused(int fd, short what, void *worker);

/* For worker_rounds.c: sends one request on the connection, which isn't busy. */
void ra_worker_send(ra_worker *w, ra_conn *c, const ra_operation *o, uint64_t since);
void ra_worker_end(ra_worker *w);
ra_worker *ra_worker_checked(void *p);

#endif
