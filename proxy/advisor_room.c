/*
 * Room in the advisor: what no cache holds goes first, which changes nothing; then units leave the sample, by
 * their hash, or the head, the coldest first. An eighth at a time, so that it is seldom.
 */
#include "proxy/advisor_parts.h"

double ra_advisor_weight(const ra_advisor *a)
{
    return 0x1p64 / ((double)a->threshold + 1);
}

void ra_advisor_fold(ra_advisor *a)
{
    double weight = ra_advisor_weight(a);
    a->before.reads += weight * (double)a->sample.reads;
    a->before.cost += weight * (double)a->sample.cost;
    for (size_t t = 0; t < RA_ADVISOR_TTLS; t++) {
        a->before.hits[t] += weight * (double)a->sample.hits[t];
        a->before.spared[t] += weight * (double)a->sample.spared[t];
        a->before.age[t] += weight * (double)a->sample.age[t];
    }
    a->sampled_before += a->sample.reads;
    a->sample = (ra_advisor_counts){0};
}

/* Is it in no cache? Fills that are past their TTL are put back, lest their ages begin anew. */
static bool is_dead(const ra_advisor *a, const ra_advisor_unit *u, ra_advisor_entry *e, uint32_t now)
{
    if (e->epoch != u->epoch || u->cleared != a->cleared)
        return true;
    bool dead = true;
    for (size_t t = 0; t < RA_ADVISOR_TTLS; t++) {
        if (now - e->fill[t] < a->ttl[t])
            dead = false;
        else
            e->fill[t] = now - RA_ADVISOR_LONG_AGO;
    }
    return dead;
}

static void sweep_unit(ra_advisor *a, ra_advisor_unit *u, uint32_t now)
{
    uint32_t *at = &u->first;
    while (*at != RA_ADVISOR_NONE) {
        if (is_dead(a, u, &a->entries[*at], now))
            ra_advisor_entry_drop(a, u, at);
        else
            at = &a->entries[*at].next_of_unit;
    }
}

static void for_each_unit(ra_advisor *a, uint32_t now, void (*f)(ra_advisor *, ra_advisor_unit *, uint32_t))
{
    for (uint32_t b = 0; b < a->unit_buckets; b++)
        for (uint32_t i = a->unit_bucket[b], next; i != RA_ADVISOR_NONE; i = next) {
            next = a->units[i].next_in_bucket;
            f(a, &a->units[i], now);
            ra_advisor_unit_drop_idle(a, &a->units[i]);
        }
}

void ra_advisor_sweep(ra_advisor *a, uint32_t now)
{
    for_each_unit(a, now, sweep_unit);
}

/* Its entries stay if it is in the head. */
static void leave_sample(ra_advisor *a, ra_advisor_unit *u, uint32_t now)
{
    (void)now;
    if (!u->sampled || ra_advisor_is_sampled(a, u->name))
        return;
    if (!u->promotion)
        ra_advisor_unit_drop_entries(a, u);
    u->sampled = false;
    a->sampled_entries -= u->nentries;
    a->head_entries += u->nentries;
}

void ra_advisor_make_room(ra_advisor *a, bool sampled, uint32_t now)
{
    uint32_t each = a->entries_max / 2;
    if ((sampled ? a->sampled_entries : a->head_entries) < each)
        return;
    ra_advisor_sweep(a, now);
    uint32_t most = each - each / 8;
    while (a->sampled_entries > most) {
        ra_advisor_fold(a);
        a->threshold -= a->threshold / 8;
        for_each_unit(a, now, leave_sample);
    }
    if (a->head_entries > most)
        ra_advisor_heavy_demote(a, most);
}
