/*
 * Counters, one for many units: two units that share one only bypass together. So a lookup costs two or three
 * loads, whatever is under way, and no loop waits for another.
 *
 * While a slot counts nothing near is served or asked about, and both ends of that touch the unit: so an
 * answer from before the write's end is never taken for one from after it.
 */
#include "cache/redis_store_parts.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { SLOTS = 1 << 16 };

struct ra_redis_shared {
    atomic_uint refs;
    ra_near *near;
    atomic_uint slot[SLOTS];
};

ra_redis_shared *ra_redis_shared_new(ra_near *near)
{
    ra_redis_shared *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->near = near ? ra_near_ref(near) : NULL;
    return s;
}

ra_near *ra_redis_shared_near(ra_redis_shared *s)
{
    return s->near;
}

ra_redis_shared *ra_redis_shared_ref(ra_redis_shared *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void ra_redis_shared_unref(ra_redis_shared *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    ra_near_unref(s->near);
    free(s);
}

static atomic_uint *slot_of(ra_redis_shared *s, const ra_key *unit)
{
    return &s->slot[unit->b[2] | unit->b[3] << 8];
}

void ra_redis_shared_add(ra_redis_shared *s, const ra_key *unit)
{
    atomic_fetch_add(slot_of(s, unit), 1);
    if (s->near)
        ra_near_touch(s->near, unit);
}

void ra_redis_shared_sub(ra_redis_shared *s, const ra_key *unit)
{
    if (s->near)
        ra_near_touch(s->near, unit);
    atomic_fetch_sub(slot_of(s, unit), 1);
}

bool ra_redis_shared_has(ra_redis_shared *s, const ra_key *unit)
{
    return atomic_load(slot_of(s, unit)) != 0;
}
