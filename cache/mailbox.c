#include "cache/mailbox.h"

#include <event2/event.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MAGIC = 0x6d61696c };

/*
 * Letters are taken out one at a time, so that ra_mailbox_withdraw finds a letter of the batch that is being
 * delivered. The eventfd is written when the box goes from empty to not empty, and again by the loop itself
 * when it stops with letters left; so: not empty and nobody delivering => the eventfd is readable.
 */
struct ra_mailbox {
    unsigned magic;
    int fd;
    struct event *event;
    pthread_mutex_t lock;
    ra_letter *first, **last; /* guarded by lock, and so is `count` */
    size_t count;
};

/* Fails only when the counter is at its maximum, and then the eventfd is readable anyway. */
static void wake(const ra_mailbox *m)
{
    uint64_t one = 1;
    ssize_t n = write(m->fd, &one, sizeof one);
    (void)n;
}

static ra_letter *take(ra_mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    ra_letter *l = m->first;
    if (l) {
        m->first = l->next;
        if (!m->first)
            m->last = &m->first;
        m->count--;
        l->next = NULL;
        l->posted = false;
    }
    pthread_mutex_unlock(&m->lock);
    return l;
}

/* Delivers what is there now; what is posted meanwhile waits for the next turn of the loop, so that letters
 * which answer letters can't keep it from its sockets. */
static void deliver(evutil_socket_t fd, short what, void *arg)
{
    ra_mailbox *m = arg;
    (void)what;
    if (m->magic != MAGIC) {
        fprintf(stderr, "mailbox: corrupted\n");
        abort();
    }
    uint64_t drained;
    ssize_t got = read((int)fd, &drained, sizeof drained);
    (void)got; /* EAGAIN if a turn came twice: then the box is simply looked into once more */
    pthread_mutex_lock(&m->lock);
    size_t n = m->count;
    pthread_mutex_unlock(&m->lock);
    for (ra_letter *l; n && (l = take(m)); n--)
        l->deliver(l, l->arg);
    pthread_mutex_lock(&m->lock);
    bool more = m->first != NULL;
    pthread_mutex_unlock(&m->lock);
    if (more)
        wake(m);
}

ra_mailbox *ra_mailbox_new(struct event_base *base)
{
    ra_mailbox *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->magic = MAGIC;
    m->last = &m->first;
    pthread_mutex_init(&m->lock, NULL);
    m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (m->fd >= 0)
        m->event = event_new(base, m->fd, EV_READ | EV_PERSIST, deliver, m);
    if (!m->event || event_add(m->event, NULL) != 0) {
        ra_mailbox_free(m);
        return NULL;
    }
    return m;
}

void ra_mailbox_free(ra_mailbox *m)
{
    if (!m)
        return;
    if (m->event)
        event_free(m->event);
    while (take(m))
        continue;
    if (m->fd >= 0)
        close(m->fd);
    pthread_mutex_destroy(&m->lock);
    m->magic = 0;
    free(m);
}

bool ra_mailbox_post(ra_mailbox *m, ra_letter *letter)
{
    pthread_mutex_lock(&m->lock);
    bool fresh = !letter->posted, was_empty = !m->first;
    if (fresh) {
        letter->posted = true;
        letter->next = NULL;
        *m->last = letter;
        m->last = &letter->next;
        m->count++;
    }
    /* Under the lock: once it is given up the loop may deliver this letter, and the last one may end the
     * loop and free the box. */
    if (fresh && was_empty)
        wake(m);
    pthread_mutex_unlock(&m->lock);
    return fresh;
}

bool ra_mailbox_withdraw(ra_mailbox *m, ra_letter *letter)
{
    bool found = false;
    pthread_mutex_lock(&m->lock);
    if (letter->posted) {
        ra_letter **at = &m->first;
        while (*at && *at != letter)
            at = &(*at)->next;
        found = *at == letter;
        if (found) {
            *at = letter->next;
            if (!*at)
                m->last = at;
            m->count--;
            letter->next = NULL;
            letter->posted = false;
        }
    }
    pthread_mutex_unlock(&m->lock);
    return found;
}
