#include "proxy/follow_errand.h"

#include "proxy/log.h"

#include <event2/event.h>

enum { ERRAND_MAGIC = 0x65727264 };

static ra_errand *checked(void *p)
{
    ra_errand *e = p;
    if (!e || e->magic != ERRAND_MAGIC)
        ra_corrupt("errand");
    return e;
}

/* ---- on the loop ---- */

/* From here on the thread may have begun another one. */
void ra_errand_end(ra_errand *e, bool ok)
{
    e->active = false;
    evtimer_del(e->timer);
    pthread_mutex_lock(&e->lock);
    e->over = true;
    e->ok = ok;
    pthread_cond_signal(&e->ended);
    pthread_mutex_unlock(&e->lock);
}

static void give_up(ra_errand *e)
{
    if (!e->active)
        return;
    ra_mailbox_withdraw(e->mailbox, &e->letter); /* of ra_errand_again */
    e->kind->cancel(e, e->arg);
    ra_errand_end(e, false);
}

static void too_long(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    give_up(checked(arg));
}

static void deliver(ra_letter *letter, void *arg)
{
    (void)letter;
    ra_errand *e = checked(arg);
    if (!e->active) {
        struct timeval t = {.tv_sec = e->limit / 1000, .tv_usec = e->limit % 1000 * 1000};
        if ((e->hurried && !e->kind->last) || evtimer_add(e->timer, &t) != 0) {
            ra_errand_end(e, false);
            return;
        }
        e->active = true;
    }
    e->kind->begin(e, e->arg);
}

static void deliver_hurry(ra_letter *letter, void *arg)
{
    (void)letter;
    ra_errand *e = checked(arg);
    e->hurried = true;
    if (e->active && !e->kind->last)
        give_up(e);
}

void ra_errand_again(ra_errand *e)
{
    ra_mailbox_post(e->mailbox, &e->letter);
}

/* ---- elsewhere ---- */

bool ra_errand_init(ra_errand *e, struct event_base *base, ra_mailbox *mailbox)
{
    *e = (ra_errand){.magic = ERRAND_MAGIC, .mailbox = mailbox};
    e->letter = (ra_letter){.deliver = deliver, .arg = e};
    e->hurry = (ra_letter){.deliver = deliver_hurry, .arg = e};
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->ended, NULL);
    e->timer = evtimer_new(base, too_long, e);
    return e->timer != NULL;
}

void ra_errand_fini(ra_errand *e)
{
    if (e->magic != ERRAND_MAGIC)
        return;
    if (e->timer)
        event_free(e->timer);
    pthread_cond_destroy(&e->ended);
    pthread_mutex_destroy(&e->lock);
    e->magic = 0;
}

bool ra_errand_run(ra_errand *e, const ra_errand_kind *kind, void *arg, int64_t limit)
{
    e->kind = kind;
    e->arg = arg;
    e->limit = limit;
    e->over = false; /* nobody else looks: the last one has been answered */
    ra_mailbox_post(e->mailbox, &e->letter);
    pthread_mutex_lock(&e->lock);
    while (!e->over)
        pthread_cond_wait(&e->ended, &e->lock);
    bool ok = e->ok;
    pthread_mutex_unlock(&e->lock);
    return ok;
}

void ra_errand_hurry(ra_errand *e)
{
    ra_mailbox_post(e->mailbox, &e->hurry);
}
