/*
 * Asking Redis for a hit, and for nothing else: one round, one command for the unit, at most one for each
 * guard, shared with whoever else asks for it just now (redis_store_guard.c). It is taken from the reply at
 * once; where it is no hit, the lookup that follows finds out what it is.
 *
 * The question about a guard stands before the one about the unit, and neither is written before the lookup
 * has begun. So when the unit's reply is there the guards' are, and all of them are new enough.
 */
#include "cache/redis_store_parts.h"

typedef struct asking {
    ra_lookup *v;
    int64_t asked;      /* monotonic: before anything was */
    ra_near_mark mark;  /* of the time before that */
    ra_near_entry near; /* what the near cache holds: is it still good? With a reference; NULL: nothing */
    bool hit;
} asking;

static bool guards_are(const ra_redis_store *s, const ra_lookup *v, unsigned n, const ra_generation *expected)
{
    for (unsigned k = 0; k < n; k++) {
        const ra_generation *g = ra_redis_guard_answer(s, k, &v->guard[k]);
        if (!g || !ra_redis_generation_eq(g, &expected[k]))
            return false;
    }
    return true;
}

/* The near cache's entry, if it is what Redis has or would have. */
static bool take_near(ra_redis_store *s, asking *a, const redisReply *reply)
{
    ra_lookup *v = a->v;
    ra_generation unit;
    int64_t redis_now = ra_redis_monotonic() + s->clock;
    if (!ra_redis_store_take_generation(s, reply, &unit) ||
        !ra_redis_generation_eq(&unit, &a->near.token.unit) ||
        !guards_are(s, v, v->nguards, a->near.token.guard) || a->near.expires <= redis_now)
        return false;
    ra_near_validated(s->near, a->asked, &v->unit, &v->request, &a->near.token, &a->mark);
    v->payload = a->near.payload;
    a->near.payload = NULL;
    v->near = true;
    v->expires_in = a->near.expires - redis_now;
    return true;
}

static void hold_near(ra_redis_store *s, const asking *a, const ra_redis_entry *e, const ra_generation *unit)
{
    const ra_lookup *v = a->v;
    ra_near_entry held = {
        .payload = v->payload, .token.unit = *unit, .expires = e->expires, .keeps = e->keeps};
    for (unsigned k = 0; k < v->nguards; k++)
        held.token.guard[k] = e->guard[k];
    ra_near_put(s->near, a->asked, &v->unit, &v->request, v->guard, v->nguards, &held, &a->mark);
}

/* The generation and the entry. */
static bool take_entry(ra_redis_store *s, asking *a, const redisReply *reply)
{
    ra_lookup *v = a->v;
    ra_generation unit;
    ra_redis_entry e;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[1]->type != REDIS_REPLY_STRING ||
        !ra_redis_store_take_generation(s, reply->element[0], &unit) ||
        !ra_redis_entry_read((ra_bytes){reply->element[1]->str, reply->element[1]->len}, &e))
        return false;
    int64_t redis_now = ra_redis_monotonic() + s->clock;
    if (e.nguards != v->nguards || !guards_are(s, v, v->nguards, e.guard) || e.expires <= redis_now ||
        e.keeps <= redis_now || ra_open(s->o.seal, &v->unit, &v->request, e.sealed, &v->payload) != RA_OPENED)
        return false; /* if it is damaged, the lookup that follows will count it */
    v->expires_in = e.expires - redis_now;
    if (s->near)
        hold_near(s, a, &e, &unit);
    return true;
}

static void take(ra_redis_call *c, const ra_redis_step *step, const redisReply *reply)
{
    asking *a = c->own;
    (void)step;
    a->hit = a->near.payload ? take_near(c->store, a, reply) : take_entry(c->store, a, reply);
}

static void finish(ra_redis_call *c, bool ok)
{
    ra_redis_store *s = c->store;
    asking *a = c->own;
    ra_store_call *call = c->call;
    const char *why;
    /* Is it still to be believed? A heartbeat may have come back in the meantime, or one more have failed to.
     */
    call->ok = ok && a->hit && ra_redis_store_may(s, ra_redis_monotonic(), &why);
    if (call->ok)
        a->v->outcome = RA_LOOKUP_HIT;
    s->n.hits += call->ok;
    if (ok)
        ra_redis_call_succeeded(c);
    ra_redis_call_free(c);
    call->done(call);
}

/* References that nobody has been given. */
static void drop(ra_redis_call *c)
{
    asking *a = c->own;
    ra_payload_unref(a->near.payload);
    if (c->call->ok)
        return;
    ra_payload_unref(a->v->payload);
    a->v->payload = NULL;
}

static bool send_questions(ra_redis_call *c, const ra_lookup *v)
{
    ra_redis_store *s = c->store;
    asking *a = c->own;
    char name[RA_REDIS_FIELD_MAX];
    bool held = s->near && ra_near_look(s->near, a->asked, a->asked + s->clock, v, &a->mark, &a->near);
    const ra_bytes fields[] = {RA_BYTES("!"),
                               held ? (ra_bytes){NULL, 0} : ra_redis_store_request_field(&v->request, name),
                               {NULL, 0}};
    for (unsigned k = 0; k < v->nguards; k++)
        if (!ra_redis_guard_ask(s, k, &v->guard[k]))
            return false;
    ra_redis_step *step = ra_redis_call_step(c, 0);
    step->command = ra_redis_store_get(s, &v->unit, fields, ra_redis_call_done, step);
    return step->command != NULL;
}

enum ra_store_step ra_redis_store_ask(ra_store *store, int64_t now, ra_lookup *v, ra_store_call *call)
{
    ra_redis_store *s = ra_redis_store_of(store);
    const char *why;
    if (!ra_redis_store_may(s, now, &why) || ra_redis_store_written_here(s, v) ||
        !ra_breaker_allow(&s->breaker, now))
        return RA_STORE_DONE;
    ra_redis_call *c = ra_redis_call_new(s, call, 1, sizeof(asking));
    if (!c) {
        ra_breaker_cancelled(&s->breaker);
        return RA_STORE_DONE;
    }
    *(asking *)c->own = (asking){.v = v, .asked = now};
    c->measured = true;
    c->take = take;
    c->finish = finish;
    c->drop = drop;
    if (send_questions(c, v))
        return RA_STORE_PENDING;
    ra_redis_call_free(c);
    return RA_STORE_DONE;
}
