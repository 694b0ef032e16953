/*
 * A thread that fetches something for the loops, which mustn't wait: one fetch at a time, with whatever
 * blocks (files, programs, HTTP). Whoever needs its outcome waits on a loop and is told by a letter.
 *
 * Threads: `fetch` runs on the thread; ra_background_ask and _wait may be called from any thread, `woken`
 * runs on the mailbox's loop, ra_background_leave is called there. Ownership: a wait is the waiter's, and
 * must live until it is woken or has left.
 */
#ifndef RA_PROXY_BACKGROUND_H
#define RA_PROXY_BACKGROUND_H

#include "cache/mailbox.h"

#include <stdint.h>

typedef struct ra_background ra_background;

typedef struct ra_background_wait ra_background_wait;
struct ra_background_wait {
    /* in */
    ra_mailbox *mailbox;
    void (*woken)(
        ra_background_wait *wait); /* a fetch that began after the wait, or was under way, is over */
    void *arg;
    /* the background's own */
    ra_background_wait *prev, *next;
    ra_letter letter;
    int state;
};

/* `fetch` returns in how many ms (monotonic) it wants to be run again unasked; INT64_MAX: not. The first one
 * is run when it is asked for. NULL: no memory, no thread. */
ra_background *ra_background_new(const char *name, int64_t (*fetch)(void *arg), void *arg);
/* Waits for a fetch under way (which should be bounded by its own timeouts). Nobody may be waiting, but those
 * that wait are told nothing. NULL is allowed. */
void ra_background_free(ra_background *b);
/* Fetch now, unless a fetch is under way. */
void ra_background_ask(ra_background *b);
/* Asks, and waits: `woken` runs once. */
void ra_background_wait_for(ra_background *b, ra_background_wait *wait);
/* `woken` won't run. Harmless when it isn't waiting. */
void ra_background_leave(ra_background *b, ra_background_wait *wait);
/* Is free about to wait? A long fetch may look, and end. */
bool ra_background_ending(const ra_background *b);

#endif
