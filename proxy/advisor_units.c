/* The advisor's records: units and entries, each in an array with a hash table over it. */
#include "proxy/advisor_parts.h"

/* Murmur3's finalizer: every bit of the input moves every bit of the output. */
uint64_t ra_advisor_mix(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

double ra_advisor_random(ra_advisor *a)
{
    a->random += UINT64_C(0x9e3779b97f4a7c15);
    return (double)(ra_advisor_mix(a->random) >> 11) * 0x1p-53;
}

static uint32_t bucket_of(uint64_t hash, uint32_t buckets)
{
    return (uint32_t)((hash >> 32) * buckets >> 32);
}

bool ra_advisor_is_sampled(const ra_advisor *a, uint64_t unit)
{
    return ra_advisor_mix(unit ^ a->seed) <= a->threshold;
}

void ra_advisor_expect(const ra_advisor *a, uint64_t unit, enum ra_advisor_soon soon)
{
    const uint32_t *bucket = &a->unit_bucket[bucket_of(ra_advisor_mix(unit), a->unit_buckets)];
    if (soon == RA_ADVISOR_LATER) {
        __builtin_prefetch(bucket);
        return;
    }
    if (*bucket == RA_ADVISOR_NONE)
        return;
    const ra_advisor_unit *u = &a->units[*bucket];
    if (soon == RA_ADVISOR_SOON) {
        __builtin_prefetch(u);
        return;
    }
    for (size_t at = 0; u->first != RA_ADVISOR_NONE && at < sizeof(ra_advisor_entry); at += 64)
        __builtin_prefetch((const char *)&a->entries[u->first] + at, 1);
}

ra_advisor_unit *ra_advisor_unit_find(ra_advisor *a, uint64_t name)
{
    uint32_t i = a->unit_bucket[bucket_of(ra_advisor_mix(name), a->unit_buckets)];
    while (i != RA_ADVISOR_NONE && a->units[i].name != name)
        i = a->units[i].next_in_bucket;
    return i == RA_ADVISOR_NONE ? NULL : &a->units[i];
}

ra_advisor_unit *ra_advisor_unit_make(ra_advisor *a, uint64_t name)
{
    uint32_t i = a->free_unit;
    uint32_t *bucket = &a->unit_bucket[bucket_of(ra_advisor_mix(name), a->unit_buckets)];
    ra_advisor_unit *u = &a->units[i];
    a->free_unit = u->next_in_bucket;
    *u = (ra_advisor_unit){.name = name,
                           .next_in_bucket = *bucket,
                           .first = RA_ADVISOR_NONE,
                           .slot = RA_ADVISOR_NONE,
                           .cleared = a->cleared,
                           .sampled = ra_advisor_is_sampled(a, name)};
    *bucket = i;
    a->nunits++;
    return u;
}

void ra_advisor_unit_drop_idle(ra_advisor *a, ra_advisor_unit *u)
{
    if (u->slot != RA_ADVISOR_NONE || (u->sampled && u->nentries))
        return;
    ra_advisor_unit_drop_entries(a, u);
    uint32_t i = (uint32_t)(u - a->units);
    uint32_t *at = &a->unit_bucket[bucket_of(ra_advisor_mix(u->name), a->unit_buckets)];
    while (*at != i)
        at = &a->units[*at].next_in_bucket;
    *at = u->next_in_bucket;
    u->next_in_bucket = a->free_unit;
    a->free_unit = i;
    a->nunits--;
}

static uint64_t entry_name(const ra_advisor_unit *u, uint64_t entry)
{
    return ra_advisor_mix(u->name) ^ entry;
}

ra_advisor_entry *ra_advisor_entry_find(ra_advisor *a, const ra_advisor_unit *u, uint64_t entry)
{
    uint64_t name = entry_name(u, entry);
    /* Most units have one, which is at hand, while a bucket is far from everything. */
    if (u->nentries <= 1)
        return u->nentries && a->entries[u->first].name == name ? &a->entries[u->first] : NULL;
    uint32_t i = a->entry_bucket[bucket_of(ra_advisor_mix(name), a->entry_buckets)];
    while (i != RA_ADVISOR_NONE && a->entries[i].name != name)
        i = a->entries[i].next_in_bucket;
    return i == RA_ADVISOR_NONE ? NULL : &a->entries[i];
}

void ra_advisor_entry_clear(ra_advisor_entry *e, uint32_t now)
{
    for (size_t t = 0; t < RA_ADVISOR_TTLS; t++)
        e->fill[t] = now - RA_ADVISOR_LONG_AGO;
}

void ra_advisor_entry_drop(ra_advisor *a, ra_advisor_unit *u, uint32_t *at)
{
    uint32_t i = *at;
    ra_advisor_entry *e = &a->entries[i];
    uint32_t *in = &a->entry_bucket[bucket_of(ra_advisor_mix(e->name), a->entry_buckets)];
    while (*in != i)
        in = &a->entries[*in].next_in_bucket;
    *in = e->next_in_bucket;
    *at = e->next_of_unit;
    e->next_in_bucket = a->free_entry;
    a->free_entry = i;
    u->nentries--;
    if (u->sampled)
        a->sampled_entries--;
    else
        a->head_entries--;
}

void ra_advisor_unit_drop_entries(ra_advisor *a, ra_advisor_unit *u)
{
    while (u->first != RA_ADVISOR_NONE)
        ra_advisor_entry_drop(a, u, &u->first);
}

ra_advisor_entry *ra_advisor_entry_make(ra_advisor *a, ra_advisor_unit *u, uint64_t entry, uint32_t now)
{
    /* The newest but one goes: what came first stays, whatever is asked for once and never again. */
    if (u->nentries >= RA_ADVISOR_UNIT_ENTRIES || u->nentries >= a->entries_max / 8)
        ra_advisor_entry_drop(a, u, &a->entries[u->first].next_of_unit);
    uint64_t name = entry_name(u, entry);
    uint32_t *bucket = &a->entry_bucket[bucket_of(ra_advisor_mix(name), a->entry_buckets)];
    uint32_t i = a->free_entry;
    ra_advisor_entry *e = &a->entries[i];
    a->free_entry = e->next_in_bucket;
    *e = (ra_advisor_entry){
        .name = name, .next_in_bucket = *bucket, .next_of_unit = u->first, .epoch = u->epoch};
    ra_advisor_entry_clear(e, now);
    *bucket = i;
    u->first = i;
    u->nentries++;
    if (u->sampled)
        a->sampled_entries++;
    else
        a->head_entries++;
    return e;
}
