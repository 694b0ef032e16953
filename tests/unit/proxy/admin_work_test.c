/* Jobs are done one after the other, elsewhere, and each is told of on the listener's loop. */
#include "proxy/admin_work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>

enum { JOBS = 5 };

typedef struct job {
    ra_admin_job job;
    int number;
} job;

static pthread_t listener;
static int run_n, done_n;
static bool elsewhere;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void run(ra_admin_job *j)
{
    const job *mine = (const job *)(const void *)j;
    pthread_mutex_lock(&gate);
    elsewhere = elsewhere && !pthread_equal(pthread_self(), listener);
    if (mine->number == run_n)
        run_n++;
    pthread_mutex_unlock(&gate);
}

static void done(ra_admin_job *j)
{
    const job *mine = (const job *)(const void *)j;
    assert_true(pthread_equal(pthread_self(), listener));
    assert_int_equal(mine->number, done_n);
    done_n++;
}

static void in_order(void **state)
{
    job jobs[JOBS];
    (void)state;
    struct event_base *base = event_base_new();
    ra_mailbox *mailbox = ra_mailbox_new(base);
    ra_admin_work *w = ra_admin_work_new(mailbox);
    assert_non_null(w);
    listener = pthread_self();
    elsewhere = true;
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (job){.job = {.run = run, .done = done}, .number = i};
        assert_true(ra_admin_work_post(w, &jobs[i].job));
    }
    while (done_n < JOBS)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(run_n, JOBS);
    assert_true(elsewhere);
    ra_admin_work_free(w);
    ra_admin_work_free(NULL);
    ra_mailbox_free(mailbox);
    event_base_free(base);
}

/* While one is being done so many more may wait. */
static void not_too_many(void **state)
{
    static job jobs[RA_ADMIN_JOBS_MAX + 3];
    (void)state;
    struct event_base *base = event_base_new();
    ra_mailbox *mailbox = ra_mailbox_new(base);
    ra_admin_work *w = ra_admin_work_new(mailbox);
    int taken = 0;
    run_n = done_n = 0;
    pthread_mutex_lock(&gate);
    for (int i = 0; i < RA_ADMIN_JOBS_MAX + 2; i++) {
        jobs[taken] = (job){.job = {.run = run, .done = done}, .number = taken};
        taken += ra_admin_work_post(w, &jobs[taken].job);
    }
    pthread_mutex_unlock(&gate);
    assert_true(taken == RA_ADMIN_JOBS_MAX || taken == RA_ADMIN_JOBS_MAX + 1);
    while (done_n < taken)
        event_base_loop(base, EVLOOP_ONCE);
    ra_admin_work_free(w);
    ra_mailbox_free(mailbox);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_order), cmocka_unit_test(not_too_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
