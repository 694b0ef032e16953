#include "cache/memory_markers.h"

#include "cache/memory_table.h"

enum { BATCH = 64, LOOKED_AT = 4096 /* units, before the lock is given up */ };

static ra_memory_marked look(const ra_shard *s, const ra_unit *u, int64_t now)
{
    ra_memory_marked out = {.unit = u->key};
    for (uint32_t at = u->first.marked ? u->list : 0; at;) {
        const ra_marker *marker = ra_slab_at(&s->markers, at);
        int64_t left = marker->deadline - now;
        out.live += left > 0;
        out.expired += left <= 0;
        if (left > out.left)
            out.left = left;
        at = marker->next;
    }
    return out;
}

/* The next marked units after `*at`, which becomes the last one that was looked at; 0: the shard is through.
 */
static size_t take_some(ra_shard *s, int64_t now, uint32_t *at, ra_memory_marked out[BATCH])
{
    size_t n = 0;
    pthread_mutex_lock(&s->lock);
    if (s->markers.live == 0) {
        *at = 0;
    } else {
        for (unsigned looked = 0; n < BATCH && looked < LOOKED_AT; looked++) {
            *at = ra_slab_next(&s->units, *at);
            const ra_unit *u = *at ? ra_shard_unit(s, *at) : NULL;
            if (!u)
                break;
            if (u->first.marked)
                out[n++] = look(s, u, now);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

void ra_memory_markers_visit(ra_memory *m, int64_t now, bool (*visit)(const ra_memory_marked *u, void *arg),
                             void *arg)
{
    for (unsigned i = 0; i < m->nshards; i++) {
        ra_memory_marked some[BATCH];
        uint32_t at = 0;
        do {
            size_t n = take_some(&m->shards[i], now, &at, some);
            for (size_t k = 0; k < n; k++)
                if (!visit(&some[k], arg))
                    return;
        } while (at);
    }
}

void ra_memory_markers_clear(ra_memory *m, int64_t now, const ra_key *unit, ra_memory_marked *out)
{
    uint64_t hash;
    ra_shard *s = ra_table_lock(m, unit, &hash);
    uint32_t at = ra_shard_find(s, unit, hash);
    *out = (ra_memory_marked){.unit = *unit};
    if (at && ra_shard_unit(s, at)->first.marked) {
        *out = look(s, ra_shard_unit(s, at), now);
        ra_marker_clear_all(s, at);
        ra_shard_settle(s, at);
    }
    pthread_mutex_unlock(&s->lock);
}
