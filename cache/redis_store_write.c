/* Writes in Redis: begin, end, invalidate. */
#include "cache/redis_store_parts.h"

#include <stdlib.h>

typedef struct beginning {
    ra_write_id id;
    const ra_key *units; /* the caller's, until it is told or cancels */
    unsigned greeting;
} beginning;

static void take(ra_redis_call *c, const ra_redis_step *step, const redisReply *reply)
{
    const beginning *b = c->own;
    if (reply->type != REDIS_REPLY_INTEGER) {
        c->failed = true;
        return;
    }
    ra_redis_marker *m = ra_redis_marker_find(c->store, &b->id, &b->units[step->index]);
    if (m)
        m->set_in = b->greeting;
}

static void finish(ra_redis_call *c, bool ok)
{
    ra_store_call *call = c->call;
    call->ok = ok;
    ra_redis_call_free(c);
    call->done(call);
}

/*
 * The record of a write that is under way. One that has ended by itself, past its deadline, goes on telling
 * Redis so under the store's own name, and the write gets another: else it could be gone before the write
 * ends, and its end would drop nothing. NULL: no room.
 */
static ra_redis_marker *remember(ra_redis_store *s, const ra_write_id *id, const ra_key *unit, int64_t until)
{
    ra_redis_marker *old = ra_redis_marker_find(s, id, unit);
    bool over = old && old->ended;
    if (over)
        old->id = s->own;
    ra_redis_marker *m = ra_redis_marker_remember(s, id, unit, until);
    if (m && over)
        m->sent |= old->sent; /* a marker of this name may be there */
    return m;
}

static bool send_begin(ra_redis_call *c, size_t index, int64_t now, int64_t hold)
{
    ra_redis_store *s = c->store;
    const beginning *b = c->own;
    ra_redis_marker *m = remember(s, &b->id, &b->units[index], now + hold);
    if (!m)
        return false;
    ra_redis_step *step = ra_redis_call_step(c, index);
    step->run = ra_redis_marker_run(s, RA_SCRIPT_BEGIN, &b->id, &m->unit, hold, s->o.command_timeout,
                                    ra_redis_call_done, step);
    if (step->run)
        m->sent = true;
    else if (!m->sent)
        ra_redis_marker_forget(m);
    return step->run != NULL;
}

enum ra_store_step ra_redis_store_begin(ra_store *store, int64_t now, const ra_write_id *id,
                                        const ra_key *units, size_t n, int64_t hold, ra_store_call *call)
{
    ra_redis_store *s = ra_redis_store_of(store);
    call->ok = false;
    s->n.begins += n;
    if (s->state != RA_STORE_READY || now < s->quiet_until)
        return RA_STORE_DONE;
    ra_redis_call *c = ra_redis_call_new(s, call, n, sizeof(beginning));
    if (!c)
        return RA_STORE_DONE;
    *(beginning *)c->own = (beginning){.id = *id, .units = units, .greeting = s->greeting};
    c->take = take;
    c->finish = finish;
    for (size_t i = 0; i < n; i++)
        if (!send_begin(c, i, now, hold)) {
            ra_redis_call_free(c);
            return RA_STORE_DONE;
        }
    return RA_STORE_PENDING;
}

bool ra_redis_store_go_on(ra_store *store, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                          int64_t hold)
{
    ra_redis_store *s = ra_redis_store_of(store);
    for (size_t i = 0; i < n; i++)
        if (!remember(s, id, &units[i], now + hold))
            return false;
    return true;
}

/* A unit of which nothing is remembered: its begin had failed, and no write was sent. */
void ra_redis_store_end(ra_store *store, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                        int64_t settle)
{
    ra_redis_store *s = ra_redis_store_of(store);
    (void)now;
    for (size_t i = 0; i < n; i++) {
        ra_redis_marker *m = ra_redis_marker_find(s, id, &units[i]);
        s->n.ends++;
        if (m)
            ra_redis_marker_end(m, settle);
    }
}

static void ignore(ra_redis *conn, const redisReply *reply, void *arg)
{
    (void)conn;
    (void)reply;
    (void)arg;
}

/* One that can't be remembered is sent at least. */
void ra_redis_store_invalidate(ra_store *store, int64_t now, const ra_key *units, size_t n)
{
    ra_redis_store *s = ra_redis_store_of(store);
    for (size_t i = 0; i < n; i++) {
        char key[RA_REDIS_KEY_MAX];
        ra_redis_marker *m = ra_redis_marker_find(s, &s->own, &units[i]);
        s->n.invalidations++;
        if (!m)
            m = ra_redis_marker_remember(s, &s->own, &units[i], now);
        if (m)
            ra_redis_marker_end(m, 0);
        else
            ra_redis_store_run(s, RA_SCRIPT_INVALIDATE, ra_redis_store_key(s, &units[i], key), NULL, 0,
                               s->o.command_timeout, ignore, NULL);
    }
}
