#include "proxy/background.h"

#include "proxy/clock.h"
#include "proxy/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAGIC = 0x62616b67, NAME_MAX_BYTES = 16 };

/* A wait's state. It goes from NOT to LISTED to WOKEN and back; what is WOKEN is in its mailbox. The last one
 * also tells the mailbox's callback that its argument is a wait. */
enum { NOT = 0, LISTED = 0x6c697374, WOKEN = 0x776f6b65 };

struct ra_background {
    unsigned magic;
    int64_t (*fetch)(void *arg);
    void *arg;
    char name[NAME_MAX_BYTES];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t told;
    atomic_bool ending; /* set under the lock */
    /* guarded by lock */
    bool asked; /* for a fetch; never while one is under way */
    bool fetching;
    int64_t again; /* monotonic ms: fetch unasked; INT64_MAX: not */
    ra_background_wait *waiting;
};

static int64_t later(int64_t now, int64_t ms)
{
    if (ms <= 0)
        return now;
    return ms > INT64_MAX - now ? INT64_MAX : now + ms;
}

/* ---- those that wait; under the lock ---- */

static void list(ra_background *b, ra_background_wait *w)
{
    w->state = LISTED;
    w->prev = NULL;
    w->next = b->waiting;
    if (w->next)
        w->next->prev = w;
    b->waiting = w;
}

static void unlist(ra_background *b, ra_background_wait *w)
{
    if (w->prev)
        w->prev->next = w->next;
    else
        b->waiting = w->next;
    if (w->next)
        w->next->prev = w->prev;
    w->prev = w->next = NULL;
    w->state = NOT;
}

static void deliver(ra_letter *letter, void *arg)
{
    ra_background_wait *w = arg;
    (void)letter;
    if (w->state != WOKEN)
        ra_corrupt("background wait");
    w->state = NOT;
    w->woken(w);
}

/* Posted under the lock: so a waiter that leaves finds itself either in the list or in its mailbox. */
static void wake_all(ra_background *b)
{
    while (b->waiting) {
        ra_background_wait *w = b->waiting;
        unlist(b, w);
        w->state = WOKEN;
        w->letter = (ra_letter){.deliver = deliver, .arg = w};
        ra_mailbox_post(w->mailbox, &w->letter);
    }
}

/* ---- the thread ---- */

/* Waits until there is something to fetch; false: it ends. Under the lock. */
static bool await_work(ra_background *b)
{
    while (!atomic_load(&b->ending) && !b->asked && ra_clock_monotonic() < b->again) {
        if (b->again == INT64_MAX) {
            pthread_cond_wait(&b->told, &b->lock);
        } else {
            struct timespec t = {.tv_sec = (time_t)(b->again / 1000), .tv_nsec = b->again % 1000 * 1000000};
            pthread_cond_timedwait(&b->told, &b->lock, &t);
        }
    }
    return !atomic_load(&b->ending);
}

static void *run(void *arg)
{
    ra_background *b = arg;
    if (b->magic != MAGIC)
        ra_corrupt("background thread");
    pthread_setname_np(pthread_self(), b->name);
    pthread_mutex_lock(&b->lock);
    while (await_work(b)) {
        b->asked = false;
        b->fetching = true;
        pthread_mutex_unlock(&b->lock);
        int64_t ms = b->fetch(b->arg);
        pthread_mutex_lock(&b->lock);
        b->fetching = false;
        b->again = later(ra_clock_monotonic(), ms);
        wake_all(b);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* The thread takes no signals: they are for whoever has asked for them. */
static bool start(ra_background *b)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&b->thread, NULL, run, b) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

/* ---- from outside ---- */

static bool make_lock(ra_background *b)
{
    pthread_condattr_t monotonic;
    if (pthread_mutex_init(&b->lock, NULL) != 0)
        return false;
    if (pthread_condattr_init(&monotonic) != 0) {
        pthread_mutex_destroy(&b->lock);
        return false;
    }
    bool ok = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&b->told, &monotonic) == 0;
    pthread_condattr_destroy(&monotonic);
    if (!ok)
        pthread_mutex_destroy(&b->lock);
    return ok;
}

ra_background *ra_background_new(const char *name, int64_t (*fetch)(void *arg), void *arg)
{
    ra_background *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->magic = MAGIC;
    b->fetch = fetch;
    b->arg = arg;
    b->again = INT64_MAX;
    atomic_init(&b->ending, false);
    snprintf(b->name, sizeof b->name, "%s", name);
    if (!make_lock(b)) {
        free(b);
        return NULL;
    }
    if (start(b))
        return b;
    pthread_cond_destroy(&b->told);
    pthread_mutex_destroy(&b->lock);
    free(b);
    return NULL;
}

void ra_background_free(ra_background *b)
{
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    atomic_store(&b->ending, true);
    pthread_cond_signal(&b->told);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    while (b->waiting)
        unlist(b, b->waiting);
    pthread_cond_destroy(&b->told);
    pthread_mutex_destroy(&b->lock);
    b->magic = 0;
    free(b);
}

static void ask(ra_background *b)
{
    if (b->fetching || b->asked)
        return;
    b->asked = true;
    pthread_cond_signal(&b->told);
}

void ra_background_ask(ra_background *b)
{
    pthread_mutex_lock(&b->lock);
    ask(b);
    pthread_mutex_unlock(&b->lock);
}

void ra_background_wait_for(ra_background *b, ra_background_wait *wait)
{
    pthread_mutex_lock(&b->lock);
    list(b, wait);
    ask(b);
    pthread_mutex_unlock(&b->lock);
}

void ra_background_leave(ra_background *b, ra_background_wait *wait)
{
    pthread_mutex_lock(&b->lock);
    if (wait->state == LISTED)
        unlist(b, wait);
    else if (wait->state == WOKEN && ra_mailbox_withdraw(wait->mailbox, &wait->letter))
        wait->state = NOT;
    pthread_mutex_unlock(&b->lock);
}

bool ra_background_ending(const ra_background *b)
{
    return atomic_load(&b->ending);
}
