#include "proxy/ddb_seed_write.h"

#include "proxy/clock.h"
#include "proxy/seed_file.h"

#include <inttypes.h>
#include <unistd.h>

enum { FIRST_PAUSE = 50, LONGEST_PAUSE = 5000, CALL_TIMEOUT = 30000, LEFT_MAX = 64 };

void ra_seed_writer_begin(ra_seed_writer *w, const ra_ddb_task *task, uint64_t total)
{
    int64_t now = ra_clock_monotonic();
    *w = (ra_seed_writer){.task = task, .total = total, .begun = now, .moved = now};
    ra_progress_begin(&w->progress, stderr, isatty(STDERR_FILENO), now);
}

/* ", 2 min 5 s left" */
static void describe_left(uint64_t seconds, char out[LEFT_MAX])
{
    if (seconds < 60)
        snprintf(out, LEFT_MAX, ", %" PRIu64 " s left", seconds);
    else if (seconds < 3600)
        snprintf(out, LEFT_MAX, ", %" PRIu64 " min %" PRIu64 " s left", seconds / 60, seconds % 60);
    else
        snprintf(out, LEFT_MAX, ", %" PRIu64 " h %" PRIu64 " min left", seconds / 3600, seconds % 3600 / 60);
}

static void show_progress(ra_seed_writer *w)
{
    int64_t now = ra_clock_monotonic();
    if (!ra_progress_due(&w->progress, now))
        return;
    uint64_t ms = now > w->begun ? (uint64_t)(now - w->begun) : 1, rate = w->done * 1000 / ms;
    char left[LEFT_MAX] = "";
    if (rate > 0)
        describe_left((w->total - w->done) / rate, left);
    ra_progress_say(&w->progress, now, "%" PRIu64 "/%" PRIu64 " items, %" PRIu64 " items/s%s", w->done,
                    w->total, rate, left);
}

/* `body` becomes what is still to be sent of it, *left the number of its writes. -1: go on, else the exit
 * status. */
static int write_once(ra_seed_writer *w, ra_buf *body, size_t *left)
{
    const ra_ddb_task *t = w->task;
    int64_t timeout = t->timeout < CALL_TIMEOUT ? t->timeout : CALL_TIMEOUT;
    ra_http_reply *r = ra_ddb_call(t->ddb, "BatchWriteItem", ra_buf_bytes(body), timeout);
    int status = -1;
    size_t undone = *left;
    if (ra_ddb_succeeded(r)) {
        if (!ra_seed_unprocessed((ra_bytes){r->body, r->len}, &undone, body))
            status = ra_ddb_task_fail(t, "the reply to BatchWriteItem can't be read");
    } else if (!ra_ddb_may_pass(r)) { /* writes that may have been done already may be done again */
        status = ra_ddb_task_fail_reply(t, "BatchWriteItem", r);
    }
    if (status < 0 && undone < *left) {
        w->done += *left - undone;
        w->moved = ra_clock_monotonic();
        *left = undone;
    } else if (status < 0 && ra_clock_monotonic() - w->moved >= t->timeout) {
        status = ra_ddb_succeeded(r)
                     ? ra_ddb_task_fail(t, "DynamoDB leaves items unprocessed for too long (--timeout)")
                     : ra_ddb_task_fail_reply(t, "BatchWriteItem", r);
    }
    ra_http_reply_unref(r);
    return status;
}

int ra_seed_writer_write(ra_seed_writer *w, ra_buf *body, size_t n)
{
    int64_t pause = 0;
    for (size_t left = n;;) {
        size_t before = left;
        int status = write_once(w, body, &left);
        if (status >= 0)
            return status;
        show_progress(w);
        if (left == 0)
            return -1;
        if (left < before)
            pause = 0;
        ra_ddb_wait(w->task->ddb, ra_ddb_backoff(&pause, FIRST_PAUSE, LONGEST_PAUSE));
    }
}

int64_t ra_seed_writer_end(ra_seed_writer *w, int status)
{
    int64_t ms = ra_clock_monotonic() - w->begun;
    ra_progress_end(&w->progress);
    if (status >= 0 && w->done > 0)
        fprintf(stderr, "readaside %s: %" PRIu64 " of %" PRIu64 " items were written before that\n",
                w->task->command->name, w->done, w->total);
    return ms > 0 ? ms : 1;
}
