/*
 * Something that a thread has an event loop do for it, since it is the loop's to do, and waits for. One at a
 * time. The loop always answers: each errand has a time limit there, after which it is given up.
 *
 * Threads: run, the one thread that has it; begin, cancel, end and again, the loop's; hurry, any. Init is
 * before the loop runs, fini after it has ended.
 */
#ifndef RA_PROXY_FOLLOW_ERRAND_H
#define RA_PROXY_FOLLOW_ERRAND_H

#include "cache/mailbox.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;

typedef struct ra_errand ra_errand;

typedef struct ra_errand_kind {
    /* Does it, or begins it: ends with ra_errand_end, at once or later. Called again after ra_errand_again.
     */
    void (*begin)(ra_errand *e, void *arg);
    /* It is given up: nothing of it may be pending afterwards. */
    void (*cancel)(ra_errand *e, void *arg);
    bool last; /* it is done even after ra_errand_hurry */
} ra_errand_kind;

struct ra_errand {
    uint32_t magic;
    ra_mailbox *mailbox;
    struct event *timer;
    ra_letter letter, hurry;
    const ra_errand_kind *kind; /* of the one under way, and so are the next three */
    void *arg;
    int64_t limit;
    bool active; /* the loop's: it has begun and hasn't ended */
    bool hurried;
    pthread_mutex_t lock; /* guards the next two */
    pthread_cond_t ended;
    bool over, ok;
};

bool ra_errand_init(ra_errand *e, struct event_base *base, ra_mailbox *mailbox); /* false: no memory */
void ra_errand_fini(ra_errand *e); /* harmless where init has failed, or on zeroes */

/* How it has ended; false also where it took longer than `limit` ms. */
bool ra_errand_run(ra_errand *e, const ra_errand_kind *kind, void *arg, int64_t limit);
void ra_errand_end(ra_errand *e, bool ok);
/* The loop turns to others first, then `begin` is called again. */
void ra_errand_again(ra_errand *e);
/* The one under way is given up, and all that come but the `last` ones. */
void ra_errand_hurry(ra_errand *e);

#endif
