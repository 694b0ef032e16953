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
    ra_near_entry e;
    int64_t wall = ra_momento_store_wall(s);
    if (!s->near || v->exact || ra_momento_store_written_here(s, v) ||
        !ra_near_get(s->near, now, wall, &v->unit, &v->request, v->guard, v->nguards, &e))
        return false;
    if (!e.fresh || e.expires <= wall || !ra_momento_store_is_of_today(s, e.payload)) {
        ra_payload_unref(e.payload);
        return false;
    }
    v->payload = e.payload;
    v->token = e.token;
    v->outcome = RA_LOOKUP_HIT;
    v->near = true;
    v->expires_in = e.expires - wall;
    v->reason = NULL;
    return true;
}

/* What is near stays good for its moment also while Momento is away. */
bool ra_momento_store_peek(ra_store *store, int64_t now, ra_lookup *v)
{
    ra_momento_store *s = ra_momento_store_of(store);
    bool hit = ra_momento_store_near_hit(s, now, v);
    s->n.hits += hit;
    return hit;
}
