/* Each unit is read under its own shard's lock, guards first, as a lookup does it (memory_store.c). */
#include "cache/memory_view.h"

#include "cache/memory_table.h"

/* Good for as long as fewer than 2^63 generations are drawn between the two. */
static bool drawn_later(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) > 0;
}

/* 0: it has none, so that nothing that it guards is served. */
static uint64_t generation_of(ra_memory *m, const ra_key *key)
{
    uint64_t hash;
    ra_shard *s = ra_table_lock(m, key, &hash);
    uint32_t unit = ra_shard_find(s, key, hash);
    uint64_t generation = unit ? ra_shard_unit(s, unit)->generation : 0;
    pthread_mutex_unlock(&s->lock);
    return generation;
}

static void view_markers(const ra_shard *s, const ra_unit *u, int64_t now, ra_unit_view *v)
{
    for (uint32_t at = u->list; at;) {
        const ra_marker *marker = ra_slab_at(&s->markers, at);
        int64_t left = marker->deadline - now;
        v->markers += left > 0;
        if (left > v->marked_for)
            v->marked_for = left;
        at = marker->next;
    }
    v->state = v->markers ? RA_UNIT_MARKED : RA_UNIT_EMPTY;
}

static bool view_entry(const ra_entry *e, int64_t now, bool served, ra_unit_view *v)
{
    if (!e->payload)
        return true;
    if (!served || ra_entry_over(e, now)) {
        v->overtaken++;
        return true;
    }
    ra_unit_entry out = {.request = e->request,
                         .bytes = e->payload->len,
                         .expires_in = e->expires - now,
                         .keeps_in = e->expires - now + (int64_t)e->keep};
    return ra_unit_view_add(v, &out);
}

static bool view_data(const ra_shard *s, const ra_unit *u, int64_t now, bool served, ra_unit_view *v)
{
    bool ok = view_entry(&u->first, now, served, v);
    uint32_t at = u->list;
    v->state = RA_UNIT_DATA;
    for (unsigned i = 0; ok && i < u->first.further; i++) {
        const ra_further *f = ra_shard_further(s, at);
        ok = view_entry(&f->entry, now, served, v);
        at = f->next;
    }
    return ok;
}

bool ra_memory_view(ra_memory *m, int64_t now, ra_unit_view *v)
{
    uint64_t hash, guards[RA_GUARDS_MAX] = {0};
    bool ok = true;
    ra_unit_view_clear(v);
    for (unsigned i = 0; i < v->nguards; i++)
        guards[i] = generation_of(m, &v->guard[i]);
    ra_shard *s = ra_table_lock(m, &v->unit, &hash);
    uint32_t unit = ra_shard_find(s, &v->unit, hash);
    const ra_unit *u = unit ? ra_shard_unit(s, unit) : NULL;
    if (u && u->first.marked) {
        view_markers(s, u, now, v);
    } else if (u && u->generation) {
        bool served = true;
        for (unsigned i = 0; i < v->nguards; i++)
            served = served && guards[i] && !drawn_later(guards[i], u->generation);
        ok = view_data(s, u, now, served, v);
    }
    pthread_mutex_unlock(&s->lock);
    return ok;
}
