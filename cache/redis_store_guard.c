/*
 * Questions about guards. Nearly all lookups have the same few guards, the units of their tables and indexes.
 * Those that begin between two writes to the connection share one question for each: it leaves after all of
 * them have begun, and its answer comes before theirs.
 */
#include "cache/redis_store_parts.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct ra_redis_guard_question {
    unsigned magic;
    struct ra_redis_guard_question *prev, *next;
    ra_redis_store *store;
    struct ra_redis_guard_slot *slot;
    ra_key unit;
} question;

static struct ra_redis_guard_slot *slot_of(ra_redis_guards *g, unsigned k, const ra_key *unit)
{
    return &g->slot[k][unit->b[0] % RA_REDIS_GUARD_SLOTS];
}

static void question_free(question *q)
{
    if (q->prev)
        q->prev->next = q->next;
    else
        q->store->guards.pending = q->next;
    if (q->next)
        q->next->prev = q->prev;
    q->magic = 0;
    free(q);
}

static void answered(ra_redis *conn, const redisReply *reply, void *arg)
{
    question *q = arg;
    (void)conn;
    if (q->magic != RA_REDIS_GUARD_MAGIC) {
        fputs("redis store: a question is corrupted\n", stderr);
        abort();
    }
    q->slot->answered = q->unit;
    q->slot->generation.len = 0;
    if (reply)
        ra_redis_store_take_generation(q->store, reply, &q->slot->generation);
    question_free(q);
}

static question *question_new(ra_redis_store *s, struct ra_redis_guard_slot *slot, const ra_key *unit)
{
    question *q = malloc(sizeof *q);
    if (!q)
        return NULL;
    *q = (question){
        .magic = RA_REDIS_GUARD_MAGIC, .next = s->guards.pending, .store = s, .slot = slot, .unit = *unit};
    if (q->next)
        q->next->prev = q;
    s->guards.pending = q;
    return q;
}

bool ra_redis_guard_ask(ra_redis_store *s, unsigned k, const ra_key *unit)
{
    static const ra_bytes generation[] = {RA_BYTES("!"), {NULL, 0}};
    struct ra_redis_guard_slot *slot = slot_of(&s->guards, k, unit);
    if (slot->is_asked && ra_key_eq(&slot->asked, unit) && ra_redis_is_unsent(s->conn, slot->asked_at))
        return true;
    uint64_t at = ra_redis_queued(s->conn);
    question *q = question_new(s, slot, unit);
    if (!q)
        return false;
    if (!ra_redis_store_get(s, unit, generation, answered, q)) {
        question_free(q);
        return false;
    }
    slot->asked = *unit;
    slot->asked_at = at;
    slot->is_asked = true;
    return true;
}

const ra_generation *ra_redis_guard_answer(const ra_redis_store *s, unsigned k, const ra_key *unit)
{
    const struct ra_redis_guard_slot *slot = &s->guards.slot[k][unit->b[0] % RA_REDIS_GUARD_SLOTS];
    return slot->generation.len && ra_key_eq(&slot->answered, unit) ? &slot->generation : NULL;
}

void ra_redis_guards_free(ra_redis_store *s)
{
    question *next;
    for (question *q = s->guards.pending; q; q = next) {
        next = q->next;
        question_free(q);
    }
}
