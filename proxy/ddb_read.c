#include "proxy/ddb_read.h"

#include "proxy/clock.h"

#include <errno.h>

enum { FIRST_PAUSE = 100, LONGEST_PAUSE = 5000, CALL_TIMEOUT = 30000 };

void ra_ddb_patience_begin(ra_ddb_patience *p, const ra_ddb_task *t)
{
    *p = (ra_ddb_patience){.task = t, .begun = ra_clock_monotonic()};
}

int64_t ra_ddb_patience_left(const ra_ddb_patience *p)
{
    return p->begun + p->task->timeout - ra_clock_monotonic();
}

int64_t ra_ddb_patience_call(const ra_ddb_patience *p)
{
    int64_t left = ra_ddb_patience_left(p);
    return left < CALL_TIMEOUT ? left : CALL_TIMEOUT;
}

void ra_ddb_patience_nap(ra_ddb_patience *p)
{
    int64_t ms = ra_ddb_backoff(&p->pause, FIRST_PAUSE, LONGEST_PAUSE), left = ra_ddb_patience_left(p);
    ra_ddb_wait(p->task->ddb, ms < left ? ms : left);
}

ra_http_reply *ra_ddb_try(const ra_ddb_task *t, const char *operation, ra_bytes body)
{
    ra_ddb_patience patience;
    ra_ddb_patience_begin(&patience, t);
    for (;;) {
        ra_http_reply *r = ra_ddb_call(t->ddb, operation, body, ra_ddb_patience_call(&patience));
        if (!r || ra_ddb_succeeded(r) || !ra_ddb_may_pass(r) || ra_ddb_stopped(t->ddb) ||
            ra_ddb_patience_left(&patience) <= 0)
            return r;
        ra_http_reply_unref(r);
        ra_ddb_patience_nap(&patience);
    }
}

ra_http_reply *ra_ddb_read(const ra_ddb_task *t, const char *operation, ra_bytes body, const char *what)
{
    ra_http_reply *r = ra_ddb_try(t, operation, body);
    if (ra_ddb_succeeded(r))
        return r;
    ra_ddb_task_fail_reply(t, what, r);
    ra_http_reply_unref(r);
    return NULL;
}

bool ra_ddb_table_body(const char *name, ra_buf *out)
{
    ra_buf_add_z(out, "{\"TableName\":");
    ra_buf_add_json_string(out, ra_bytes_z(name));
    return ra_buf_add_char(out, '}');
}

int ra_ddb_unwritten(const ra_ddb_task *t)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return -1;
    if (errno != EPIPE)
        fprintf(stderr, "readaside %s: the output can't be written\n", t->command->name);
    return RA_CLI_FAILED;
}
