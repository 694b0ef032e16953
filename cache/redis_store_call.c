/* A call on the store in Redis: several commands of one pipeline, one answer. */
#include "cache/redis_store_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint32_t spread(void)
{
    uint32_t n = 0;
    return getrandom(&n, sizeof n, GRND_NONBLOCK) == (ssize_t)sizeof n ? n : 0;
}

static ra_redis_call *call_of(void *p)
{
    ra_redis_call *c = p;
    if (!c || c->magic != RA_REDIS_CALL_MAGIC) {
        fputs("redis store: a call is corrupted\n", stderr);
        abort();
    }
    return c;
}

ra_redis_call *ra_redis_call_new(ra_redis_store *s, ra_store_call *call, size_t most)
{
    ra_redis_call *c = calloc(1, sizeof *c);
    ra_redis_step *steps = calloc(most ? most : 1, sizeof *steps);
    if (!c || !steps) {
        free(c);
        free(steps);
        return NULL;
    }
    *c = (ra_redis_call){.magic = RA_REDIS_CALL_MAGIC,
                         .store = s,
                         .call = call,
                         .steps = steps,
                         .begun_us = now_us(),
                         .next = s->calls};
    if (s->calls)
        s->calls->prev = c;
    s->calls = c;
    call->pending = c;
    return c;
}

void ra_redis_call_free(ra_redis_call *c)
{
    ra_redis_store *s = call_of(c)->store;
    for (size_t i = 0; i < c->nsteps; i++)
        if (c->steps[i].command)
            ra_redis_abandon(c->steps[i].command);
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
    free(c->own);
    free(c->steps);
    free(c);
}

ra_redis_step *ra_redis_call_step(ra_redis_call *c, size_t index, enum ra_redis_script script)
{
    ra_redis_step *step = &c->steps[c->nsteps++];
    *step = (ra_redis_step){.call = c, .index = index, .script = script};
    c->waiting++;
    return step;
}

/* The whole call was one measurement of the store: as slow as its last reply, as good as its worst. */
static void judge(ra_redis_call *c, bool ok)
{
    int64_t us = now_us();
    if (!c->measured)
        return;
    c->measured = false;
    ra_breaker_done(&c->store->breaker, us / 1000, ok, us - c->begun_us, spread());
}

void ra_redis_call_succeeded(ra_redis_call *c)
{
    judge(c, true);
}

void ra_redis_call_done(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_step *step = arg;
    ra_redis_call *c = call_of(step->call);
    (void)conn;
    step->command = NULL;
    c->waiting--;
    bool good = reply && reply->type != REDIS_REPLY_ERROR;
    if (step->script != RA_SCRIPTS && reply)
        c->store->loaded[step->script] = !ra_redis_store_no_script(c->store, reply);
    if (good)
        c->take(c, step, reply);
    c->failed |= !good;
    if (c->failed)
        judge(c, false);
    /* A kind may send more from `finish`: then there is something to wait for again. */
    if (c->failed || c->waiting == 0)
        c->finish(c, !c->failed);
}
