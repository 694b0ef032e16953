/* What the near cache spares the store in Momento: the questions themselves. */
#include "cache/momento_store_parts.h"

bool ra_momento_store_written_here(const ra_momento_store *s, const ra_lookup *v)
{
    bool is = ra_momento_shared_is_written(s->shared, &v->unit);
    for (unsigned k = 0; k < v->nguards; k++)
        is |= ra_momento_shared_is_written(s->shared, &v->guard[k]);
    return is;
}

bool ra_momento_store_near_hit(ra_momento_store *s, int64_t now, ra_lookup *v)
{
    if (!s->near || ra_momento_store_written_here(s, v) ||
        !ra_near_hit(s->near, now, ra_momento_store_wall(s), v))
        return false;
    if (ra_momento_store_is_of_today(s, v->payload))
        return true;
    ra_payload_unref(v->payload);
    v->payload = NULL;
    return false;
}

/* What is near stays good for its moment also while Momento is away. */
bool ra_momento_store_peek(ra_store *store, int64_t now, ra_lookup *v)
{
    ra_momento_store *s = ra_momento_store_of(store);
    bool hit = ra_momento_store_near_hit(s, now, v);
    s->n.hits += hit;
    return hit;
}
