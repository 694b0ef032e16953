/* What the near cache spares the store in Redis: the question itself. */
#include "cache/redis_store_parts.h"

bool ra_redis_store_written_here(const ra_redis_store *s, const ra_lookup *v)
{
    bool is = ra_redis_shared_has(s->shared, &v->unit);
    for (unsigned k = 0; k < v->nguards; k++)
        is |= ra_redis_shared_has(s->shared, &v->guard[k]);
    return is;
}

/* The server that pushes are heard from is the one of this loop's connection. */
static bool near_hit(ra_redis_store *s, int64_t now, ra_lookup *v)
{
    ra_near_entry e;
    int64_t redis_now = now + s->clock;
    if (v->exact || ra_redis_store_written_here(s, v) ||
        !ra_near_get(s->near, now, redis_now, &v->unit, &v->request, v->guard, v->nguards, &e))
        return false;
    if (!e.fresh || e.expires <= redis_now || !ra_redis_store_is_current(s, &e.token.unit)) {
        ra_payload_unref(e.payload);
        return false;
    }
    v->payload = e.payload;
    v->token = e.token;
    v->outcome = RA_LOOKUP_HIT;
    v->near = true;
    v->expires_in = e.expires - redis_now;
    v->reason = NULL;
    return true;
}

bool ra_redis_store_peek(ra_store *store, int64_t now, ra_lookup *v)
{
    ra_redis_store *s = ra_redis_store_of(store);
    const char *why;
    return s->near && ra_redis_store_may(s, now, &why) && ra_redis_store_near_hits(s, now, v, 1);
}

bool ra_redis_store_near_hits(ra_redis_store *s, int64_t now, ra_lookup *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (near_hit(s, now, &v[i]))
            continue;
        while (i-- > 0) {
            ra_payload_unref(v[i].payload);
            v[i].payload = NULL;
        }
        return false;
    }
    s->n.hits += n;
    return true;
}
