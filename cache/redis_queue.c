#include "cache/redis_queue.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAGIC = 0x7263636d };

static ra_redis_command *checked(ra_redis_command *c)
{
    if (c->magic != MAGIC) {
        fputs("redis_queue: what isn't a pending command was taken for one\n", stderr);
        abort();
    }
    return c;
}

void ra_redis_queue_init(ra_redis_queue *q, unsigned max_count, size_t max_bytes)
{
    *q = (ra_redis_queue){.max_count = max_count, .max_bytes = max_bytes};
    q->last = &q->first;
}

size_t ra_redis_queue_room(const ra_redis_queue *q)
{
    return q->count < q->max_count ? q->max_bytes - q->bytes : 0;
}

static int64_t deadline(int64_t now, int64_t timeout)
{
    return timeout < INT64_MAX - now ? now + timeout : INT64_MAX;
}

ra_redis_command *ra_redis_command_new(int64_t now, int64_t timeout, ra_redis_done done, void *arg)
{
    ra_redis_command *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    *c = (ra_redis_command){.magic = MAGIC,
                            .sent = now,
                            .timeout = timeout,
                            .deadline = deadline(now, timeout),
                            .done = done,
                            .arg = arg};
    return c;
}

void ra_redis_queue_push(ra_redis_queue *q, ra_redis_command *c, size_t bytes)
{
    c->bytes = bytes;
    *q->last = c;
    q->last = &c->next;
    q->count++;
    q->bytes += bytes;
    q->pushed += bytes;
    c->end = q->pushed;
    if (!q->unwritten)
        q->unwritten = c;
}

void ra_redis_queue_written(ra_redis_queue *q, int64_t now, size_t bytes)
{
    q->written += bytes;
    for (; q->unwritten && q->unwritten->end <= q->written; q->unwritten = q->unwritten->next) {
        ra_redis_command *c = checked(q->unwritten);
        if (c->deadline != INT64_MAX)
            c->deadline = deadline(now, c->timeout);
    }
}

void ra_redis_abandon(ra_redis_command *c)
{
    checked(c)->done = NULL;
    c->deadline = INT64_MAX;
}

/* Tells whoever waits, once. */
static void end(ra_redis_command *c, ra_redis *r, const struct redisReply *reply)
{
    ra_redis_done done = c->done;
    ra_redis_abandon(c);
    if (done)
        done(r, reply, c->arg);
}

static ra_redis_command *pop(ra_redis_queue *q)
{
    ra_redis_command *c = checked(q->first);
    q->first = c->next;
    if (!q->first)
        q->last = &q->first;
    if (q->unwritten == c) /* the connection is given up; or a server replies before it is asked */
        q->unwritten = c->next;
    q->count--;
    q->bytes -= c->bytes;
    return c;
}

static void command_free(ra_redis_command *c)
{
    c->magic = 0;
    free(c);
}

bool ra_redis_queue_answer(ra_redis_queue *q, ra_redis *r, int64_t arrived, const struct redisReply *reply)
{
    if (!q->first)
        return false;
    ra_redis_command *c = pop(q);
    end(c, r, arrived < c->deadline ? reply : NULL);
    command_free(c);
    return true;
}

/* Callbacks may append and abandon, so that the list can be walked over them. */
void ra_redis_queue_expire(ra_redis_queue *q, ra_redis *r, int64_t now)
{
    for (ra_redis_command *c = q->first; c; c = c->next) {
        if (checked(c)->deadline <= now)
            end(c, r, NULL);
    }
}

int64_t ra_redis_queue_next(const ra_redis_queue *q)
{
    int64_t next = INT64_MAX;
    for (const ra_redis_command *c = q->first; c; c = c->next) {
        if (c->deadline < next)
            next = c->deadline;
    }
    return next;
}

/* Each is told before the next one goes: a callback may abandon others. */
void ra_redis_queue_drop(ra_redis_queue *q, ra_redis *r)
{
    while (q->first) {
        ra_redis_command *c = pop(q);
        if (r)
            end(c, r, NULL);
        command_free(c);
    }
    q->pushed = q->written = 0;
}
