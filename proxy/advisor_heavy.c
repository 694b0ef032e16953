/*
 * Who is hot: Space-Saving (Metwally, Agrawal, El Abbadi 2005), its least candidate first in a binary heap.
 *
 * One that isn't a candidate takes the place, and the count, of the least one; with randomized admission (Ben
 * Basat, Einziger, Friedman, Kassner: "Randomized admission policy", 2017) only once in as many times as that
 * count is high. So a long tail doesn't push out those that are just hot enough, and costs less. Counts are
 * halved from time to time, so that what was hot once isn't hot for ever.
 */
#include "proxy/advisor_parts.h"

#include <stdlib.h>

static uint32_t count_at(const ra_advisor *a, uint32_t slot)
{
    return a->units[a->heap[slot]].count;
}

static void put(ra_advisor *a, uint32_t slot, uint32_t unit)
{
    a->heap[slot] = unit;
    a->units[unit].slot = slot;
}

static void sink(ra_advisor *a, uint32_t slot)
{
    uint32_t unit = a->heap[slot], count = a->units[unit].count;
    for (uint32_t child; (child = 2 * slot + 1) < a->nheap; slot = child) {
        if (child + 1 < a->nheap && count_at(a, child + 1) < count_at(a, child))
            child++;
        if (count_at(a, child) >= count)
            break;
        put(a, slot, a->heap[child]);
    }
    put(a, slot, unit);
}

static void rise(ra_advisor *a, uint32_t slot)
{
    uint32_t unit = a->heap[slot], count = a->units[unit].count;
    while (slot > 0 && count_at(a, (slot - 1) / 2) > count) {
        put(a, slot, a->heap[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    put(a, slot, unit);
}

/* Halving keeps the order, so the heap stays one. */
static void halve_in_time(ra_advisor *a)
{
    if (a->until_halved-- > 0)
        return;
    a->until_halved = (uint64_t)a->heap_max * 64;
    for (uint32_t i = 0; i < a->nheap; i++)
        a->units[a->heap[i]].count /= 2;
    a->floor /= 2;
}

static void leave_head(ra_advisor *a, ra_advisor_unit *u)
{
    u->promotion = 0;
    u->complete = false;
    if (!u->sampled)
        ra_advisor_unit_drop_entries(a, u);
}

static void promote(ra_advisor *a, ra_advisor_unit *u, bool complete)
{
    u->promotion = ++a->promotions ? a->promotions : ++a->promotions;
    u->complete = complete;
}

/* The new one counts as if it had been read as often as who gives way. */
static ra_advisor_unit *replace_least(ra_advisor *a, ra_advisor_unit *u, uint64_t name, uint32_t now)
{
    ra_advisor_unit *least = &a->units[a->heap[0]];
    uint32_t count = least->count;
    leave_head(a, least);
    least->slot = RA_ADVISOR_NONE;
    ra_advisor_unit_drop_idle(a, least);
    if (!u)
        u = ra_advisor_unit_make(a, name);
    u->count = count + 1;
    u->seen = 1;
    u->came = now;
    put(a, 0, (uint32_t)(u - a->units));
    sink(a, 0);
    return u;
}

static ra_advisor_unit *admit(ra_advisor *a, ra_advisor_unit *u, uint64_t name, uint32_t now)
{
    if (a->nheap < a->heap_max) {
        if (!u)
            u = ra_advisor_unit_make(a, name);
        u->count = u->seen = 1;
        u->came = now;
        put(a, a->nheap, (uint32_t)(u - a->units));
        rise(a, a->nheap++);
        /* None has been missed: this is its first read, and all of its past is known. */
        if (!a->missed_any)
            promote(a, u, true);
        return u;
    }
    a->missed_any = true;
    if (ra_advisor_random(a) * ((double)count_at(a, 0) + 1) >= 1)
        return u;
    return replace_least(a, u, name, now);
}

ra_advisor_unit *ra_advisor_heavy_count(ra_advisor *a, ra_advisor_unit *u, uint64_t name, uint32_t now)
{
    halve_in_time(a);
    if (!u || u->slot == RA_ADVISOR_NONE)
        return admit(a, u, name, now);
    if (u->count < UINT32_MAX)
        u->count++;
    sink(a, u->slot);
    if (u->seen < UINT32_MAX)
        u->seen++;
    if (!u->promotion && u->seen >= RA_ADVISOR_PROBATION && u->count > a->floor)
        promote(a, u, false);
    return u;
}

static int by_rank(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The least count such that those of the head who are above it have so many entries at most. */
static uint32_t floor_for(ra_advisor *a, uint32_t entries)
{
    size_t n = 0;
    for (uint32_t i = 0; i < a->nheap; i++) {
        const ra_advisor_unit *u = &a->units[a->heap[i]];
        if (u->promotion)
            a->ranks[n++] = (uint64_t)u->count << 32 | (u->sampled ? 0 : u->nentries);
    }
    qsort(a->ranks, n, sizeof *a->ranks, by_rank);
    uint64_t kept = 0;
    while (n > 0 && (kept += a->ranks[n - 1] & UINT32_MAX) <= entries)
        n--;
    return n > 0 ? (uint32_t)(a->ranks[n - 1] >> 32) : a->floor;
}

void ra_advisor_heavy_demote(ra_advisor *a, uint32_t entries)
{
    uint32_t least = floor_for(a, entries);
    a->floor = least;
    for (uint32_t i = 0; i < a->nheap; i++) {
        ra_advisor_unit *u = &a->units[a->heap[i]];
        if (u->promotion && u->count <= least)
            leave_head(a, u);
    }
}
