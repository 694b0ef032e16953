/*
 * Which entry goes when there is no room: S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you
 * need for cache eviction", SOSP 2023). New entries queue in SMALL, a tenth of the budget; at its end, one
 * that was hit more than once moves to MAIN and the others go, leaving a fingerprint in the ghost list. One
 * whose fingerprint is found there starts in MAIN at once. At MAIN's end an entry that was hit goes round
 * again with one hit less. A hit only counts; it moves nothing.
 */
#include "cache/memory_shard.h"

#include <stdlib.h>

/* Entries that one call may send round again before it takes the next whatever its hits: bounds how long the
 * shard stays locked when everything is hot. */
enum { MOVES_MAX = 64, GHOST_BYTES = 512 };

bool ra_ghost_init(ra_ghost *g, size_t budget, size_t *bytes)
{
    /* One fingerprint for each 512 bytes of the budget or a little less: below 1 % of it. A budget that just
     * misses a power of two counts as one. */
    size_t sets = 1;
    while (sets * 2 * 4 * GHOST_BYTES <= budget + budget / 16)
        sets *= 2;
    g->mask = sets - 1;
    g->sets = calloc(sets, sizeof *g->sets);
    *bytes += ra_memory_cost(sets * sizeof *g->sets);
    return g->sets != NULL;
}

static void ghost_add(ra_ghost *g, uint32_t print)
{
    uint32_t *set = g->sets[print / 2 & g->mask];
    memmove(set + 1, set, 3 * sizeof *set);
    set[0] = print;
}

/* Is it there? Then it isn't any more. */
static bool ghost_take(ra_ghost *g, uint32_t print)
{
    uint32_t *set = g->sets[print / 2 & g->mask];
    for (unsigned i = 0; i < 4; i++) {
        if (set[i] != print)
            continue;
        for (; i < 3; i++)
            set[i] = set[i + 1];
        set[3] = 0;
        return true;
    }
    return false;
}

static size_t cost(const ra_entry *e, uint32_t entry)
{
    return e->payload ? ra_shard_entry_cost(entry, e->payload) : RA_MEMORY_UNIT_OVERHEAD;
}

void ra_queue_push(ra_shard *s, enum ra_queue_name name, uint32_t entry)
{
    ra_queue *q = &s->queue[name];
    ra_entry *e = ra_shard_entry(s, entry);
    e->newer = 0;
    e->older = q->newest;
    if (q->newest)
        ra_shard_entry(s, q->newest)->newer = entry;
    else
        q->oldest = entry;
    q->newest = entry;
    e->queue = (unsigned)name & 3U;
    q->count++;
    q->bytes += cost(e, entry);
}

void ra_queue_remove(ra_shard *s, uint32_t entry)
{
    ra_entry *e = ra_shard_entry(s, entry);
    if (e->queue == RA_QUEUE_NONE)
        return;
    ra_queue *q = &s->queue[e->queue];
    if (e->newer)
        ra_shard_entry(s, e->newer)->older = e->older;
    else
        q->newest = e->older;
    if (e->older)
        ra_shard_entry(s, e->older)->newer = e->newer;
    else
        q->oldest = e->newer;
    q->count--;
    q->bytes -= cost(e, entry);
    e->queue = RA_QUEUE_NONE;
    e->newer = e->older = 0;
}

void ra_evict_admit(ra_shard *s, uint32_t entry)
{
    bool known = ghost_take(&s->ghost, ra_shard_fingerprint(s, entry));
    ra_shard_entry(s, entry)->freq = 0;
    ra_queue_push(s, known ? RA_QUEUE_MAIN : RA_QUEUE_SMALL, entry);
}

/* The oldest of a queue but for the one to spare, or 0. */
static uint32_t oldest(const ra_shard *s, enum ra_queue_name name, uint32_t spare)
{
    uint32_t entry = s->queue[name].oldest;
    return entry && entry == spare ? ra_shard_entry(s, entry)->newer : entry;
}

/* The next to go, or 0. */
static uint32_t victim(ra_shard *s, int64_t now, uint32_t spare, unsigned *moves)
{
    for (;;) {
        uint32_t small = oldest(s, RA_QUEUE_SMALL, spare), entry = oldest(s, RA_QUEUE_MAIN, spare);
        bool from_small = small && (!entry || s->queue[RA_QUEUE_SMALL].bytes > s->limits->budget / 10);
        if (from_small)
            entry = small;
        if (!entry)
            return 0;
        ra_entry *e = ra_shard_entry(s, entry);
        bool stays = !ra_entry_over(e, now) && e->freq > (from_small ? 1U : 0U) && *moves < MOVES_MAX;
        if (!stays) {
            if (from_small)
                ghost_add(&s->ghost, ra_shard_fingerprint(s, entry));
            return entry;
        }
        ++*moves;
        ra_queue_remove(s, entry);
        e->freq = from_small ? 0U : (e->freq - 1U) & 3U;
        ra_queue_push(s, RA_QUEUE_MAIN, entry);
    }
}

bool ra_evict_room(ra_shard *s, int64_t now, uint32_t spare)
{
    for (unsigned moves = 0; ra_shard_bytes(s) > s->limits->budget;) {
        uint32_t entry = victim(s, now, spare, &moves);
        if (!entry)
            return false;
        uint32_t unit = ra_shard_owner(s, entry);
        ra_shard_remove_entry(s, entry);
        s->n.evictions++;
        /* An emptied unit goes at once. Reads under way on it only lose the right to fill. */
        ra_unit *u = ra_shard_unit(s, unit);
        if (!ra_unit_entries(u) && !u->first.pinned)
            u->generation = 0;
        ra_shard_settle(s, unit);
    }
    return true;
}
