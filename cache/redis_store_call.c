/* A call on the store in Redis: several commands of one pipeline, one answer. */
#include "cache/redis_store_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ra_redis_call *call_of(void *p)
{
    ra_redis_call *c = p;
    if (!c || c->magic != RA_REDIS_CALL_MAGIC) {
        fputs("redis store: a call is corrupted\n", stderr);
        abort();
    }
    return c;
}

static ra_redis_step *step_of(void *p)
{
    ra_redis_step *step = p;
    if (!step || step->magic != RA_REDIS_STEP_MAGIC) {
        fputs("redis store: a command is corrupted\n", stderr);
        abort();
    }
    return step;
}

/* The steps and what the kind calls its own follow the call itself: one allocation for all. */
ra_redis_call *ra_redis_call_new(ra_redis_store *s, ra_store_call *call, size_t most, size_t own)
{
    _Static_assert(sizeof(ra_redis_call) % _Alignof(ra_redis_step) == 0, "the steps are aligned");
    _Static_assert(sizeof(ra_redis_step) % _Alignof(int64_t) == 0, "what follows them is");
    ra_redis_call *c = calloc(1, sizeof *c + most * sizeof *c->steps + own);
    if (!c)
        return NULL;
    ra_redis_step *steps = (ra_redis_step *)(c + 1);
    *c = (ra_redis_call){.magic = RA_REDIS_CALL_MAGIC,
                         .store = s,
                         .call = call,
                         .steps = steps,
                         .most = most,
                         .own = steps + most,
                         .begun_us = ra_redis_monotonic_us(),
                         .next = s->calls};
    if (s->calls)
        s->calls->prev = c;
    s->calls = c;
    call->pending = c;
    return c;
}

static void abandon_steps(ra_redis_call *c)
{
    for (size_t i = 0; i < c->nsteps; i++) {
        if (c->steps[i].command)
            ra_redis_abandon(c->steps[i].command);
        if (c->steps[i].run)
            ra_redis_run_abandon(c->steps[i].run);
    }
}

void ra_redis_call_free(ra_redis_call *c)
{
    ra_redis_store *s = call_of(c)->store;
    abandon_steps(c);
    if (c->prev)
        c->prev->next = c->next;
    else
        s->calls = c->next;
    if (c->next)
        c->next->prev = c->prev;
    if (c->measured)
        ra_breaker_cancelled(&s->breaker);
    if (c->drop)
        c->drop(c);
    c->call->pending = NULL;
    c->magic = 0;
    free(c);
}

ra_redis_step *ra_redis_call_step(ra_redis_call *c, size_t index)
{
    if (c->nsteps == c->most) {
        fputs("redis store: a call has more commands than it said\n", stderr);
        abort();
    }
    ra_redis_step *step = &c->steps[c->nsteps++];
    *step = (ra_redis_step){.magic = RA_REDIS_STEP_MAGIC, .call = c, .index = index};
    c->waiting++;
    return step;
}

void ra_redis_call_next_round(ra_redis_call *c)
{
    c->nsteps = 0;
}

/* The whole call was one measurement of the store: as slow as its last reply, as good as its worst. */
static void judge(ra_redis_call *c, bool ok)
{
    int64_t us = ra_redis_monotonic_us();
    if (!c->measured)
        return;
    c->measured = false;
    ra_redis_store_judge(c->store, us, ok, us - c->begun_us);
}

void ra_redis_call_succeeded(ra_redis_call *c)
{
    judge(c, true);
}

/* The server has no memory left: it is as quick as ever, and what it holds is good. */
static bool is_full(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "OOM ", 4) == 0;
}

void ra_redis_call_done(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_step *step = step_of(arg);
    ra_redis_call *c = call_of(step->call);
    (void)conn;
    step->command = NULL;
    step->run = NULL;
    c->waiting--;
    bool good = reply && (reply->type != REDIS_REPLY_ERROR || (c->may_be_full && is_full(reply)));
    if (good)
        c->take(c, step, reply);
    c->failed |= !good;
    if (c->failed)
        judge(c, false);
    /* A kind may send more from `finish`: then there is something to wait for again. */
    if (c->failed || c->waiting == 0)
        c->finish(c, !c->failed);
}
