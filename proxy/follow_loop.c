/* What a follower has the first loop do for it, since tables' schemas are asked for and stores called there.
 */
#include "proxy/clock.h"
#include "proxy/follow_parts.h"
#include "proxy/log.h"

enum {
    TASK_MAGIC = 0x666f7461,
    TURN =
        64, /* units, or changes: so many at once, or the store's queue and the loop's others would suffer */
    HOLD_MS = 10 * 1000, /* of markers that aren't ended, because the process was */
    LIMIT_MS = 10 * 1000,
    TURN_AGAIN_MS = 200,
    POST_LIMIT_MS = 5 * 1000,
    LEARN_SPARE_MS = 1000 /* beyond DescribeTable's own deadline */
};

/* One errand's; on the thread's stack, which waits for it. */
typedef struct task {
    uint32_t magic;
    ra_follow *f;
    ra_store_call call;
    size_t at, upto, n; /* this turn's [at, upto) of n; those before it are done */
    ra_tables_wait wait;
    ra_post *post;
    ra_own_change *changes;
    const ra_mark *marks;
    ra_key *units; /* theirs */
    ra_write_id id;
    int64_t hold;
} task;

static task *checked(void *p)
{
    task *t = p;
    if (t->magic != TASK_MAGIC)
        ra_corrupt("follower's task");
    return t;
}

static ra_store *store_of(const task *t)
{
    return t->f->loop->store;
}

static void cancel_call(ra_errand *e, void *arg)
{
    (void)e;
    task *t = checked(arg);
    if (t->call.pending)
        ra_store_cancel(store_of(t), &t->call);
}

static void begin_turn(task *t, void (*done)(ra_store_call *call))
{
    t->upto = t->n - t->at > TURN ? t->at + TURN : t->n;
    t->call = (ra_store_call){.done = done, .arg = t};
}

static void end_turn(task *t, bool ok)
{
    if (ok)
        t->at = t->upto;
    if (!ok || t->at == t->n)
        ra_errand_end(&t->f->errand, ok);
    else
        ra_errand_again(&t->f->errand);
}

/* ---- the schema ---- */

static void learnt(ra_tables_wait *wait)
{
    task *t = checked(wait->arg);
    ra_http_reply_unref(wait->reply);
    wait->reply = NULL;
    wait->arg = NULL;
    ra_errand_end(&t->f->errand, wait->table != NULL);
}

static void learn(ra_errand *e, void *arg)
{
    (void)e;
    task *t = checked(arg);
    ra_loop *l = t->f->loop;
    const ra_table_config *config = t->f->config;
    t->wait = (ra_tables_wait){.mailbox = l->mailbox, .woken = learnt, .arg = t};
    if (ra_tables_get(l->server->tables, l->upstream, ra_bytes_z(config->name), config, &t->wait) !=
        RA_TABLES_PENDING)
        learnt(&t->wait);
}

static void leave(ra_errand *e, void *arg)
{
    (void)e;
    task *t = checked(arg);
    if (t->wait.arg)
        ra_tables_leave(t->f->loop->server->tables, &t->wait);
}

ra_table *ra_follow_learn(ra_follow *f)
{
    static const ra_errand_kind kind = {.begin = learn, .cancel = leave};
    task t = {.magic = TASK_MAGIC, .f = f};
    int64_t limit = f->loop->server->config->upstream.request_timeout + LEARN_SPARE_MS;
    return ra_errand_run(&f->errand, &kind, &t, limit) ? t.wait.table : NULL;
}

/* ---- own changes ---- */

static void taken(ra_store_call *call)
{
    task *t = checked(call->arg);
    end_turn(t, call->ok);
}

static void take(ra_errand *e, void *arg)
{
    (void)e;
    task *t = checked(arg);
    begin_turn(t, taken);
    if (ra_store_take_own(store_of(t), ra_clock_monotonic(), t->f->since, t->changes + t->at, t->upto - t->at,
                          &t->call) == RA_STORE_DONE)
        taken(&t->call);
}

static void take_here(ra_follow *f, ra_own_change *v, size_t n)
{
    int64_t now = ra_clock_monotonic();
    for (size_t i = 0; i < n; i++)
        v[i].own =
            ra_own_writes_take(f->all->own, &v[i].item, v[i].has_image ? &v[i].image : NULL, f->since, now);
}

bool ra_follow_take_own(ra_follow *f, ra_own_change *v, size_t n)
{
    static const ra_errand_kind kind = {.begin = take, .cancel = cancel_call};
    task t = {.magic = TASK_MAGIC, .f = f, .changes = v, .n = n};
    if (f->all->own)
        take_here(f, v, n);
    return f->all->own || n == 0 || ra_errand_run(&f->errand, &kind, &t, LIMIT_MS);
}

/* ---- marks ---- */

/* Run by run of equal settle times. */
static void end_marks(task *t)
{
    int64_t now = ra_clock_monotonic();
    for (size_t i = t->at, run = i; i < t->upto; i = run) {
        while (run < t->upto && t->marks[run].settle == t->marks[i].settle)
            run++;
        ra_store_end(store_of(t), now, &t->id, t->units + i, run - i, t->marks[i].settle);
    }
}

static void marked(ra_store_call *call)
{
    task *t = checked(call->arg);
    end_marks(t);
    end_turn(t, call->ok);
}

static void mark(ra_errand *e, void *arg)
{
    (void)e;
    task *t = checked(arg);
    begin_turn(t, marked);
    if (ra_store_begin(store_of(t), ra_clock_monotonic(), &t->id, t->units + t->at, t->upto - t->at, t->hold,
                       &t->call) == RA_STORE_DONE)
        marked(&t->call);
}

static void unmark(ra_errand *e, void *arg)
{
    task *t = checked(arg);
    if (!t->call.pending)
        return;
    cancel_call(e, arg);
    end_marks(t);
}

/* Its time is that of the index that may take longest to follow, and then some. */
static int64_t hold_of(const ra_mark *marks, size_t n)
{
    return HOLD_MS + marks[n - 1].settle;
}

/*
 * A store that takes only so much in a second refuses a turn, and a batch of many turns would never come to
 * its end if each time it began anew. Not where processes share the work: then the leases want to be renewed
 * meanwhile.
 */
static bool may_go_on(const task *t, int64_t since)
{
    return t->at > 0 && !atomic_load(&t->f->stopping) && !ra_store_arbitrates(store_of(t)) &&
           ra_clock_monotonic() - since < LIMIT_MS;
}

bool ra_follow_mark(ra_follow *f, const ra_mark *marks, size_t n, ra_arena *a)
{
    static const ra_errand_kind kind = {.begin = mark, .cancel = unmark};
    task t = {.magic = TASK_MAGIC, .f = f, .marks = marks, .n = n};
    if (n == 0)
        return true;
    t.units = ra_arena_array(a, n, sizeof *t.units);
    if (!t.units || !ra_write_id_new(&t.id))
        return false;
    for (size_t i = 0; i < n; i++)
        t.units[i] = marks[i].unit;
    t.hold = hold_of(marks, n);
    int64_t since = ra_clock_monotonic();
    for (size_t done = 0; !ra_errand_run(&f->errand, &kind, &t, LIMIT_MS);) {
        if (t.at > done)
            since = ra_clock_monotonic();
        done = t.at;
        if (!may_go_on(&t, since) || !ra_write_id_new(&t.id))
            return false;
        const ra_stream_api *api = ra_stream_calls_api(f->calls);
        api->wait(api->arg, TURN_AGAIN_MS);
    }
    return true;
}

/* ---- posts ---- */

static void posted(ra_store_call *call)
{
    task *t = checked(call->arg);
    ra_errand_end(&t->f->errand, call->ok);
}

static void post(ra_errand *e, void *arg)
{
    (void)e;
    task *t = checked(arg);
    t->call = (ra_store_call){.done = posted, .arg = t};
    if (ra_store_post(store_of(t), ra_clock_monotonic(), t->post, &t->call) == RA_STORE_DONE)
        posted(&t->call);
}

bool ra_follow_post(ra_follow *f, ra_post *p)
{
    static const ra_errand_kind hold = {.begin = post, .cancel = cancel_call};
    static const ra_errand_kind leaving = {.begin = post, .cancel = cancel_call, .last = true};
    task t = {.magic = TASK_MAGIC, .f = f, .post = p};
    return ra_errand_run(&f->errand, p->leave ? &leaving : &hold, &t, POST_LIMIT_MS);
}
