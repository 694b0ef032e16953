#include "proxy/mark_errand.h"

#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/snapshot.h"

enum {
    TASK_MAGIC = 0x6d6b6572,
    TURN = 64,           /* units: so many at once, or the store's queue and the loop's others would suffer */
    HOLD_MS = 10 * 1000, /* of markers that aren't ended, because the process was */
    LIMIT_MS = 10 * 1000,
    LEARN_SPARE_MS = 1000 /* beyond DescribeTable's own deadline */
};

/* One errand's; on the thread's stack, which waits for it. */
typedef struct task {
    uint32_t magic;
    ra_errand *errand;
    ra_loop *loop;
    ra_bytes name;
    const ra_table_config *config;
    ra_tables_wait wait;
    ra_store_call call;
    size_t at, upto, n; /* this turn's [at, upto) of n; those before it are done */
    const ra_mark *marks;
    ra_key units[TURN]; /* this turn's */
    enum ra_cause cause;
    ra_write_id id;
    int64_t hold;
} task;

static task *checked(void *p)
{
    task *t = p;
    if (t->magic != TASK_MAGIC)
        ra_corrupt("an errand's task");
    return t;
}

/* ---- the schema ---- */

static void learnt(ra_tables_wait *wait)
{
    task *t = checked(wait->arg);
    ra_http_reply_unref(wait->reply);
    wait->reply = NULL;
    wait->arg = NULL;
    ra_errand_end(t->errand, wait->table != NULL);
}

static void learn(ra_errand *e, void *arg)
{
    (void)e;
    task *t = checked(arg);
    ra_loop *l = t->loop;
    t->wait = (ra_tables_wait){.mailbox = l->mailbox, .woken = learnt, .arg = t};
    if (ra_tables_get(l->server->tables, l->upstream, t->name, t->config, &t->wait) != RA_TABLES_PENDING)
        learnt(&t->wait);
}

static void leave(ra_errand *e, void *arg)
{
    (void)e;
    task *t = checked(arg);
    if (t->wait.arg)
        ra_tables_leave(t->loop->server->tables, &t->wait);
}

static int64_t request_timeout(ra_server *s)
{
    ra_snapshot *now = ra_server_snapshot(s);
    int64_t deadline = now->config->upstream.request_timeout;
    ra_snapshot_unref(now);
    return deadline;
}

ra_table *ra_errand_learn(ra_errand *e, ra_loop *l, const char *name, const ra_table_config *c)
{
    static const ra_errand_kind kind = {.begin = learn, .cancel = leave};
    task t = {.magic = TASK_MAGIC, .errand = e, .loop = l, .name = ra_bytes_z(name), .config = c};
    return ra_errand_run(e, &kind, &t, request_timeout(l->server) + LEARN_SPARE_MS) ? t.wait.table : NULL;
}

/* ---- marks ---- */

/* Run by run of equal settle times. */
static void end_marks(task *t)
{
    int64_t now = ra_clock_monotonic();
    for (size_t i = t->at, run = i; i < t->upto; i = run) {
        while (run < t->upto && t->marks[run].settle == t->marks[i].settle)
            run++;
        ra_store_end(t->loop->store, now, &t->id, t->units + (i - t->at), run - i, t->marks[i].settle);
    }
}

/* The loop's meter counts them. */
static void count_marks(const task *t)
{
    int64_t now = ra_clock_monotonic();
    for (size_t i = t->at; i < t->upto; i++)
        ra_meter_invalidation(t->loop->meter, t->marks[i].subject, t->cause,
                              t->marks[i].all ? NULL : &t->marks[i].unit, now);
}

static void marked(ra_store_call *call)
{
    task *t = checked(call->arg);
    bool ok = call->ok;
    if (ok)
        count_marks(t);
    end_marks(t);
    if (ok)
        t->at = t->upto;
    if (!ok || t->at == t->n)
        ra_errand_end(t->errand, ok);
    else
        ra_errand_again(t->errand);
}

static void mark(ra_errand *e, void *arg)
{
    (void)e;
    task *t = checked(arg);
    t->upto = t->n - t->at > TURN ? t->at + TURN : t->n;
    for (size_t i = t->at; i < t->upto; i++)
        t->units[i - t->at] = t->marks[i].unit;
    t->call = (ra_store_call){.done = marked, .arg = t};
    if (ra_store_begin(t->loop->store, ra_clock_monotonic(), &t->id, t->units, t->upto - t->at, t->hold,
                       &t->call) == RA_STORE_DONE)
        marked(&t->call);
}

static void unmark(ra_errand *e, void *arg)
{
    (void)e;
    task *t = checked(arg);
    if (!t->call.pending)
        return;
    ra_store_cancel(t->loop->store, &t->call);
    end_marks(t);
}

bool ra_errand_mark(ra_errand *e, ra_loop *l, const ra_mark *marks, size_t n, enum ra_cause cause,
                    size_t *done)
{
    static const ra_errand_kind kind = {.begin = mark, .cancel = unmark};
    task t = {.magic = TASK_MAGIC, .errand = e, .loop = l, .at = *done, .n = n, .cause = cause};
    if (*done == n)
        return true;
    if (!ra_write_id_new(&t.id))
        return false;
    t.marks = marks;
    /* That of the index that may take longest to follow, and then some. */
    t.hold = HOLD_MS + marks[n - 1].settle;
    bool ok = ra_errand_run(e, &kind, &t, LIMIT_MS);
    *done = t.at;
    return ok;
}
