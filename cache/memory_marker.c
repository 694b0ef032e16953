/* Markers: signs that a write to a unit is under way. One per write, never a flag: a write that ends must not
 * take away another's. */
#include "cache/memory_shard.h"

/* Names the marker of the writes that have ended but settle. No write is called so: ids are 128 random bits.
 */
static const ra_write_id settling;

static bool is_settling(const ra_marker *m)
{
    return memcmp(m->id.b, settling.b, sizeof settling.b) == 0;
}

static ra_marker *at(const ra_shard *s, uint32_t marker)
{
    return ra_slab_at(&s->markers, marker);
}

/* Where the reference to this write's marker is kept, or NULL. */
static uint32_t *find(ra_shard *s, ra_unit *u, const ra_write_id *id)
{
    if (!u->first.marked)
        return NULL;
    uint32_t *link = &u->list;
    while (*link && memcmp(at(s, *link)->id.b, id->b, sizeof id->b) != 0)
        link = &at(s, *link)->next;
    return *link ? link : NULL;
}

static void drop(ra_shard *s, ra_unit *u, uint32_t *link)
{
    uint32_t marker = *link;
    *link = at(s, marker)->next;
    ra_slab_give(&s->markers, marker);
    atomic_fetch_sub(s->markers_in_all, 1);
    if (!u->list)
        u->first.marked = 0;
}

bool ra_marker_set(ra_shard *s, uint32_t unit, const ra_write_id *id, int64_t deadline)
{
    if (ra_marker_postpone(s, unit, id, deadline))
        return true;
    if (atomic_fetch_add(s->markers_in_all, 1) >= s->limits->max_markers) {
        atomic_fetch_sub(s->markers_in_all, 1);
        return false;
    }
    uint32_t marker = ra_slab_take(&s->markers);
    if (!marker) {
        atomic_fetch_sub(s->markers_in_all, 1);
        return false;
    }
    ra_unit *u = ra_shard_unit(s, unit);
    *at(s, marker) = (ra_marker){.id = *id, .deadline = deadline, .next = u->list};
    u->list = marker;
    u->first.marked = 1;
    return true;
}

bool ra_marker_clear(ra_shard *s, uint32_t unit, const ra_write_id *id)
{
    ra_unit *u = ra_shard_unit(s, unit);
    uint32_t *link = find(s, u, id);
    if (link)
        drop(s, u, link);
    return link != NULL;
}

void ra_marker_clear_all(ra_shard *s, uint32_t unit)
{
    ra_unit *u = ra_shard_unit(s, unit);
    while (u->first.marked)
        drop(s, u, &u->list);
}

bool ra_marker_postpone(ra_shard *s, uint32_t unit, const ra_write_id *id, int64_t deadline)
{
    uint32_t *link = find(s, ra_shard_unit(s, unit), id);
    if (link)
        at(s, *link)->deadline = deadline;
    return link != NULL;
}

bool ra_marker_settle(ra_shard *s, uint32_t unit, const ra_write_id *id, int64_t deadline)
{
    ra_unit *u = ra_shard_unit(s, unit);
    uint32_t *link = find(s, u, id);
    if (!link)
        return false;
    uint32_t *all = find(s, u, &settling);
    if (!all) {
        *at(s, *link) = (ra_marker){.id = settling, .deadline = deadline, .next = at(s, *link)->next};
        return true;
    }
    if (at(s, *all)->deadline < deadline)
        at(s, *all)->deadline = deadline;
    drop(s, u, link);
    return true;
}

bool ra_marker_live(ra_shard *s, uint32_t unit, int64_t now)
{
    ra_unit *u = ra_shard_unit(s, unit);
    if (!u->first.marked)
        return false;
    for (uint32_t *link = &u->list; *link;) {
        if (now < at(s, *link)->deadline)
            link = &at(s, *link)->next;
        else
            drop(s, u, link);
    }
    return u->first.marked;
}

size_t ra_marker_count(ra_shard *s, int64_t now)
{
    size_t n = 0;
    for (uint32_t m = 0; (m = ra_slab_next(&s->markers, m));)
        n += now < at(s, m)->deadline && !is_settling(at(s, m));
    return n;
}
