/*
 * What the admin listener is asked for and may take long (a reload waits for the loops, an invalidation for
 * the store): done one after the other, on a thread of its own, so that the listener goes on answering.
 *
 * Threads: post is the listener's; new and free are main's, before it runs and after it has ended.
 */
#ifndef RA_PROXY_ADMIN_WORK_H
#define RA_PROXY_ADMIN_WORK_H

#include "cache/mailbox.h"

typedef struct ra_admin_work ra_admin_work;

typedef struct ra_admin_job ra_admin_job;
struct ra_admin_job {
    void (*run)(ra_admin_job *j);  /* on the thread */
    void (*done)(ra_admin_job *j); /* then, on the listener's; the job is its to free */
    /* the work's own */
    ra_admin_work *work;
    ra_admin_job *next;
    ra_letter letter;
};

enum { RA_ADMIN_JOBS_MAX = 64 };

/* `mailbox` is the listener's. NULL: no memory, no thread. */
ra_admin_work *ra_admin_work_new(ra_mailbox *mailbox);
/* Nothing may be under way. NULL is allowed. */
void ra_admin_work_free(ra_admin_work *w);
/* false: there is too much to do already. */
bool ra_admin_work_post(ra_admin_work *w, ra_admin_job *j);

#endif
