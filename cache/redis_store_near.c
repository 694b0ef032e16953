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
    if (ra_redis_store_written_here(s, v) || !ra_near_hit(s->near, now, now + s->clock, v))
        return false;
    if (ra_redis_store_is_current(s, &v->token.unit))
        return true;
    ra_payload_unref(v->payload);
    v->payload = NULL;
    return false;
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
