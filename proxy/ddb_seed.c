/* `readaside ddb seed`: a file's items, written in batches, what DynamoDB leaves undone again after a pause.
 */
#include "proxy/clock.h"
#include "proxy/ddb_task.h"
#include "proxy/progress.h"
#include "proxy/seed_file.h"

#include <unistd.h>

enum { FIRST_PAUSE = 50, LONGEST_PAUSE = 5000, CALL_TIMEOUT = 30000 };

static void usage(FILE *out)
{
    fputs("usage: readaside ddb seed [OPTION]... [FILE]\n"
          "\n"
          "Writes items. FILE is what `aws dynamodb batch-write-item --request-items` takes, of any length:\n"
          "  {\"TABLE\": [{\"PutRequest\": {\"Item\": {...}}}, ...]}\n"
          "\"-\" is standard input; without FILE it is ddb.seed of the configuration. Sent in batches of 25; "
          "what\n"
          "DynamoDB leaves unprocessed is sent again after a pause.\n"
          "\n",
          out);
    ra_ddb_usage_options(out);
    fputs(
        "      --timeout TIME  give up after so long without progress, such as 30s or 5m; 120s if not given\n"
        "      --json          the result on stdout as {\"seeded\": {TABLE: items}}, or {\"error\"}\n",
        out);
    ra_ddb_usage_end(out);
}

typedef struct seeding {
    ra_ddb_task task;
    ra_seed seed;
    size_t done;   /* writes */
    int64_t begun; /* monotonic, ms */
    int64_t moved; /* when something was written last */
    ra_progress progress;
} seeding;

static void show_progress(seeding *s)
{
    int64_t now = ra_clock_monotonic(), ms = now - s->begun;
    if (ra_progress_due(&s->progress, now))
        ra_progress_say(&s->progress, now, "%zu/%zu items, %lld items/s", s->done, s->seed.nwrites,
                        (long long)s->done * 1000 / (ms > 0 ? ms : 1));
}

/* `body` becomes what is still to be sent of it, *left the number of its writes. -1: go on, else the exit
 * status. */
static int write_once(seeding *s, ra_buf *body, size_t *left)
{
    int64_t timeout = s->task.timeout < CALL_TIMEOUT ? s->task.timeout : CALL_TIMEOUT;
    ra_http_reply *r = ra_ddb_call(s->task.ddb, "BatchWriteItem", ra_buf_bytes(body), timeout);
    int status = -1;
    size_t undone = *left;
    if (ra_ddb_succeeded(r)) {
        if (!ra_seed_unprocessed((ra_bytes){r->body, r->len}, &undone, body))
            status = ra_ddb_task_fail(&s->task, "the reply to BatchWriteItem can't be read");
    } else if (!ra_ddb_may_pass(r)) { /* writes that may have been done already may be done again */
        status = ra_ddb_task_fail_reply(&s->task, "BatchWriteItem", r);
    }
    if (status < 0 && undone < *left) {
        s->done += *left - undone;
        s->moved = ra_clock_monotonic();
        *left = undone;
    } else if (status < 0 && ra_clock_monotonic() - s->moved >= s->task.timeout) {
        status = ra_ddb_succeeded(r)
                     ? ra_ddb_task_fail(&s->task, "DynamoDB leaves items unprocessed for too long "
                                                  "(--timeout)")
                     : ra_ddb_task_fail_reply(&s->task, "BatchWriteItem", r);
    }
    ra_http_reply_unref(r);
    return status;
}

static int write_chunk(seeding *s, ra_buf *body, size_t left)
{
    int64_t pause = 0;
    for (;;) {
        size_t before = left;
        int status = write_once(s, body, &left);
        if (status >= 0 || left == 0)
            return status;
        if (left < before)
            pause = 0;
        show_progress(s);
        ra_ddb_wait(s->task.ddb, ra_ddb_backoff(&pause, FIRST_PAUSE, LONGEST_PAUSE));
    }
}

static int write_all(seeding *s)
{
    ra_buf body;
    ra_buf_init(&body, RA_SEED_BODY_MAX);
    int status = -1;
    for (size_t from = 0; from < s->seed.nwrites && status < 0;) {
        ra_buf_clear(&body);
        size_t n = ra_seed_chunk(&s->seed, from, &body);
        if (n == 0) {
            status = ra_ddb_task_fail_at(&s->task, s->seed.json.t[s->seed.writes[from]].start,
                                         "this write is too large to be sent");
            break;
        }
        status = write_chunk(s, &body, n);
        from += n;
        show_progress(s);
    }
    ra_buf_free(&body);
    ra_progress_end(&s->progress);
    if (status >= 0 && s->done > 0)
        fprintf(stderr, "readaside ddb seed: %zu of %zu items were written before that\n", s->done,
                s->seed.nwrites);
    return status;
}

static void report(const seeding *s)
{
    if (s->task.json)
        fputs("{\"seeded\": {", stdout);
    for (size_t i = 0; i < s->seed.ntables; i++) {
        const ra_seed_table *t = &s->seed.tables[i];
        ra_bytes raw = ra_json_raw(&s->seed.json, t->token);
        if (s->task.json)
            printf("%s%.*s: %zu", i ? ", " : "", (int)raw.n, raw.p, t->nwrites);
        else
            printf("seeded %zu items into %.*s\n", t->nwrites, (int)t->name.n, t->name.p);
    }
    if (s->task.json)
        fputs("}}\n", stdout);
}

static int seed(seeding *s)
{
    size_t at = 0;
    const char *wrong = ra_seed_read(&s->seed, ra_buf_bytes(&s->task.text), &at);
    if (wrong)
        return ra_ddb_task_fail_at(&s->task, at, wrong);
    s->begun = s->moved = ra_clock_monotonic();
    ra_progress_begin(&s->progress, stderr, isatty(STDERR_FILENO), s->begun);
    int status = write_all(s);
    if (status < 0) {
        report(s);
        status = RA_CLI_OK;
    }
    ra_seed_free(&s->seed);
    return status;
}

int ra_cli_ddb_seed(int argc, char **argv)
{
    static const ra_ddb_command command = {
        .name = "ddb seed", .usage = usage, .file = "seed", .changes = true};
    seeding s = {0};
    int status;
    if (ra_ddb_task_begin(&s.task, &command, argc, argv, &status))
        status = seed(&s);
    ra_ddb_task_free(&s.task);
    return status;
}
