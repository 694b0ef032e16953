/* Posts in Redis: who of all processes does something, and how far it has come. One key each, one script. */
#include "cache/redis_store_parts.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct posting {
    ra_post *p; /* the caller's, until it is told or cancels */
} posting;

/* {held, taken over, note, since}. */
static bool read_post(const ra_redis_store *s, const redisReply *reply, ra_post *p)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4 ||
        reply->element[0]->type != REDIS_REPLY_INTEGER || reply->element[1]->type != REDIS_REPLY_INTEGER ||
        reply->element[2]->type != REDIS_REPLY_STRING || reply->element[2]->len > sizeof p->found ||
        reply->element[3]->type != REDIS_REPLY_INTEGER)
        return false;
    int64_t since = reply->element[3]->integer;
    p->held = reply->element[0]->integer == 1;
    p->taken_over = reply->element[1]->integer == 1;
    p->found_n = reply->element[2]->len;
    memcpy(p->found, reply->element[2]->str, p->found_n);
    p->found_since = since > 0 ? since - s->clock_least : RA_SINCE_EVER;
    return true;
}

static void take(ra_redis_call *c, const ra_redis_step *step, const redisReply *reply)
{
    const posting *own = c->own;
    (void)step;
    c->failed |= !read_post(c->store, reply, own->p);
}

static void finish(ra_redis_call *c, bool ok)
{
    ra_store_call *call = c->call;
    call->ok = ok;
    ra_redis_call_free(c);
    call->done(call);
}

int64_t ra_redis_store_since(const ra_redis_store *s, int64_t since)
{
    return since == RA_SINCE_EVER || since + s->clock < 0 ? 0 : since + s->clock;
}

static ra_redis_run *send_post(ra_redis_store *s, const ra_post *p, ra_redis_step *step)
{
    char key[RA_REDIS_KEY_MAX], holder[RA_REDIS_FIELD_MAX], lease[24], life[24], since[24];
    snprintf(lease, sizeof lease, "%" PRId64, p->lease);
    snprintf(life, sizeof life, "%" PRId64, p->note_life);
    snprintf(since, sizeof since, "%" PRId64, ra_redis_store_since(s, p->since));
    ra_bytes argv[] = {ra_redis_store_write_name(&p->holder, holder),
                       ra_bytes_z(lease),
                       ra_bytes_z(p->leave   ? "1"
                                  : p->renew ? "2"
                                             : "0"),
                       ra_bytes_z(life),
                       {s->epoch, RA_EPOCH_CHARS},
                       ra_bytes_z(since),
                       {p->note, p->note_n}};
    return ra_redis_store_run(s, RA_SCRIPT_POST, ra_redis_store_other_key(s, RA_REDIS_POST, &p->name, key),
                              argv, p->note ? 7 : 6, s->o.command_timeout, ra_redis_call_done, step);
}

/* In quarantine, too: who reads a stream for all must not change hands because a server has. */
enum ra_store_step ra_redis_store_post(ra_store *store, int64_t now, ra_post *p, ra_store_call *call)
{
    ra_redis_store *s = ra_redis_store_of(store);
    (void)now;
    if (s->state != RA_STORE_READY || (p->note && p->note_n > RA_POST_NOTE_MAX))
        return RA_STORE_DONE;
    ra_redis_call *c = ra_redis_call_new(s, call, 1, sizeof(posting));
    if (!c)
        return RA_STORE_DONE;
    *(posting *)c->own = (posting){p};
    c->take = take;
    c->finish = finish;
    ra_redis_step *step = ra_redis_call_step(c, 0);
    step->run = send_post(s, p, step);
    if (step->run)
        return RA_STORE_PENDING;
    ra_redis_call_free(c);
    return RA_STORE_DONE;
}
