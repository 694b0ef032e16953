#include "proxy/admin_work.h"

#include "proxy/log.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

enum { MAGIC = 0x61646a62 };

struct ra_admin_work {
    uint32_t magic;
    ra_mailbox *mailbox;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t more;
    ra_admin_job *first, **end;
    unsigned n;
    bool ending;
};

static ra_admin_job *take(ra_admin_work *w)
{
    pthread_mutex_lock(&w->mutex);
    while (!w->first && !w->ending)
        pthread_cond_wait(&w->more, &w->mutex);
    ra_admin_job *j = w->first;
    if (j) {
        w->first = j->next;
        if (!w->first)
            w->end = &w->first;
        w->n--;
    }
    pthread_mutex_unlock(&w->mutex);
    return j;
}

static void *run(void *arg)
{
    ra_admin_work *w = arg;
    ra_admin_job *j;
    if (w->magic != MAGIC)
        ra_corrupt("admin's work");
    while ((j = take(w))) {
        j->run(j);
        ra_mailbox_post(w->mailbox, &j->letter);
    }
    return NULL;
}

static void deliver(ra_letter *letter, void *arg)
{
    ra_admin_job *j = arg;
    (void)letter;
    if (j->work->magic != MAGIC)
        ra_corrupt("admin's work");
    j->done(j);
}

ra_admin_work *ra_admin_work_new(ra_mailbox *mailbox)
{
    ra_admin_work *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->magic = MAGIC;
    w->mailbox = mailbox;
    w->end = &w->first;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->more, NULL);
    if (pthread_create(&w->thread, NULL, run, w) == 0)
        return w;
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->mutex);
    free(w);
    return NULL;
}

void ra_admin_work_free(ra_admin_work *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->ending = true;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->mutex);
    w->magic = 0;
    free(w);
}

bool ra_admin_work_post(ra_admin_work *w, ra_admin_job *j)
{
    j->work = w;
    j->next = NULL;
    j->letter = (ra_letter){.deliver = deliver, .arg = j};
    pthread_mutex_lock(&w->mutex);
    bool room = w->n < RA_ADMIN_JOBS_MAX;
    if (room) {
        *w->end = j;
        w->end = &j->next;
        w->n++;
        pthread_cond_signal(&w->more);
    }
    pthread_mutex_unlock(&w->mutex);
    return room;
}
