/* What a follower has the first loop do for it, since stores are called there. */
#include "proxy/clock.h"
#include "proxy/follow_parts.h"
#include "proxy/log.h"
#include "proxy/mark_errand.h"

enum {
    TASK_MAGIC = 0x666f7461,
    TURN = 64, /* changes: so many at once, or the store's queue and the loop's others would suffer */
    LIMIT_MS = 10 * 1000,
    TURN_AGAIN_MS = 200,
    POST_LIMIT_MS = 5 * 1000
};

/* One errand's; on the thread's stack, which waits for it. */
typedef struct task {
    uint32_t magic;
    ra_follow *f;
    ra_store_call call;
    size_t at, upto, n; /* this turn's [at, upto) of n; those before it are done */
    ra_post *post;
    ra_own_change *changes;
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

/* ---- the schema, and marks ---- */

ra_table *ra_follow_learn(ra_follow *f)
{
    return ra_errand_learn(&f->errand, f->loop, f->name, f->config);
}

/*
 * A store that takes only so much in a second refuses a turn, and a batch of many turns would never come to
 * its end if each time it began anew. Not where processes share the work: then the leases want to be renewed
 * meanwhile.
 */
static bool may_go_on(const ra_follow *f, size_t done, int64_t since)
{
    return done > 0 && !atomic_load(&f->stopping) && !ra_store_arbitrates(f->loop->store) &&
           ra_clock_monotonic() - since < LIMIT_MS;
}

bool ra_follow_mark(ra_follow *f, const ra_mark *marks, size_t n)
{
    int64_t since = ra_clock_monotonic();
    for (size_t done = 0, before = 0; !ra_errand_mark(&f->errand, f->loop, marks, n, RA_CAUSE_STREAM, &done);
         before = done) {
        if (done > before)
            since = ra_clock_monotonic();
        if (!may_go_on(f, done, since))
            return false;
        const ra_stream_api *api = ra_stream_calls_api(f->calls);
        api->wait(api->arg, TURN_AGAIN_MS);
    }
    return true;
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
