#include "cache/memory_shard.h"

#include <stdlib.h>

static uint64_t load64(const ra_key *k)
{
    uint64_t h;
    memcpy(&h, k->b, sizeof h);
    return h;
}

/* splitmix64's finalizer (Steele, Lea, Flood 2014): every bit of x moves every bit of the result. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t ra_shard_hash(uint64_t seed, const ra_key *unit)
{
    return mix(load64(unit) ^ seed);
}

static uint64_t entry_hash(const ra_shard *s, const ra_key *unit, const ra_key *request)
{
    return mix(ra_shard_hash(s->limits->seed, unit) ^ load64(request));
}

static uint32_t *node_link(void *table, uint32_t ref)
{
    ra_shard *s = table;
    return ref & RA_FURTHER ? &ra_shard_further(s, ref)->chain : &ra_shard_unit(s, ref)->chain;
}

static uint64_t node_hash(void *table, uint32_t ref)
{
    ra_shard *s = table;
    if (!(ref & RA_FURTHER))
        return ra_shard_hash(s->limits->seed, &ra_shard_unit(s, ref)->key);
    const ra_further *f = ra_shard_further(s, ref);
    return entry_hash(s, &ra_shard_unit(s, f->unit)->key, &f->entry.request);
}

static const ra_index_nodes nodes = {node_link, node_hash};

bool ra_shard_init(ra_shard *s, const ra_shard_limits *limits, atomic_size_t *markers_in_all,
                   ra_memory_group *groups)
{
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->limits = limits;
    s->markers_in_all = markers_in_all;
    s->groups = groups;
    s->fixed_bytes = sizeof *s;
    ra_slab_init(&s->units, sizeof(ra_unit));
    ra_slab_init(&s->further, sizeof(ra_further));
    ra_slab_init(&s->markers, sizeof(ra_marker));
    return ra_index_init(&s->index, &nodes, s) && ra_ghost_init(&s->ghost, limits->budget, &s->fixed_bytes);
}

void ra_shard_fini(ra_shard *s)
{
    for (uint32_t u = 0; (u = ra_slab_next(&s->units, u));)
        ra_payload_unref(ra_shard_unit(s, u)->first.payload);
    for (uint32_t f = 0; (f = ra_slab_next(&s->further, f));)
        ra_payload_unref(ra_shard_further(s, f)->entry.payload);
    ra_index_free(&s->index);
    ra_slab_free(&s->units);
    ra_slab_free(&s->further);
    ra_slab_free(&s->markers);
    free(s->ghost.sets);
    pthread_mutex_destroy(&s->lock);
}

uint32_t ra_shard_find(ra_shard *s, const ra_key *key, uint64_t hash)
{
    uint32_t ref = *ra_index_chain(&s->index, hash);
    while (ref && (ref & RA_FURTHER || !ra_key_eq(&ra_shard_unit(s, ref)->key, key)))
        ref = *node_link(s, ref);
    return ref;
}

uint32_t ra_shard_add(ra_shard *s, const ra_key *key)
{
    uint32_t ref = ra_slab_take(&s->units);
    if (!ref)
        return 0;
    ra_shard_unit(s, ref)->key = *key;
    ra_index_insert(&s->index, ref);
    return ref;
}

uint32_t ra_shard_find_or_add(ra_shard *s, const ra_key *key, uint64_t hash)
{
    uint32_t ref = ra_shard_find(s, key, hash);
    return ref ? ref : ra_shard_add(s, key);
}

static void remove_unit(ra_shard *s, uint32_t unit)
{
    ra_queue_remove(s, unit);
    ra_index_remove(&s->index, unit);
    ra_slab_give(&s->units, unit);
}

void ra_shard_settle(ra_shard *s, uint32_t unit)
{
    ra_unit *u = ra_shard_unit(s, unit);
    if (ra_unit_entries(u) || u->first.marked || u->first.pinned) {
        if (u->first.queue == RA_QUEUE_TOKENS)
            ra_queue_remove(s, unit);
        return;
    }
    if (!u->generation) {
        remove_unit(s, unit);
        return;
    }
    if (u->first.queue == RA_QUEUE_TOKENS)
        return;
    ra_queue *tokens = &s->queue[RA_QUEUE_TOKENS];
    ra_queue_push(s, RA_QUEUE_TOKENS, unit);
    if (tokens->count > s->limits->max_tokens && tokens->oldest != unit)
        remove_unit(s, tokens->oldest);
}

void ra_shard_drop_data(ra_shard *s, uint32_t unit)
{
    ra_unit *u = ra_shard_unit(s, unit);
    if (u->first.payload)
        ra_shard_remove_entry(s, unit);
    while (u->first.further)
        ra_shard_remove_entry(s, u->list);
    ra_queue_remove(s, unit);
    u->generation = 0;
}

uint32_t ra_shard_find_entry(ra_shard *s, uint32_t unit, const ra_key *request)
{
    const ra_unit *u = ra_shard_unit(s, unit);
    if (u->first.payload && ra_key_eq(&u->first.request, request))
        return unit;
    if (!u->first.further)
        return 0;
    uint32_t ref = *ra_index_chain(&s->index, entry_hash(s, &u->key, request));
    for (; ref; ref = *node_link(s, ref)) {
        if (!(ref & RA_FURTHER))
            continue;
        const ra_further *f = ra_shard_further(s, ref);
        if (f->unit == unit && ra_key_eq(&f->entry.request, request))
            return ref;
    }
    return 0;
}

/* As the newest of its unit: in front of the head, which is the oldest. */
static void link_further(ra_shard *s, ra_unit *u, uint32_t ref)
{
    ra_further *f = ra_shard_further(s, ref);
    if (!u->first.further) {
        f->prev = f->next = u->list = ref;
    } else {
        ra_further *head = ra_shard_further(s, u->list);
        f->prev = head->prev;
        f->next = u->list;
        ra_shard_further(s, head->prev)->next = ref;
        head->prev = ref;
    }
    u->first.further = (u->first.further + 1U) & UINT16_MAX;
}

static void unlink_further(ra_shard *s, ra_unit *u, uint32_t ref)
{
    ra_further *f = ra_shard_further(s, ref);
    ra_shard_further(s, f->prev)->next = f->next;
    ra_shard_further(s, f->next)->prev = f->prev;
    u->first.further = (u->first.further - 1U) & UINT16_MAX;
    if (!u->first.further)
        u->list = 0;
    else if (u->list == ref)
        u->list = f->next;
}

uint32_t ra_shard_add_entry(ra_shard *s, uint32_t unit, const ra_key *request)
{
    ra_unit *u = ra_shard_unit(s, unit);
    if (!u->first.payload) {
        ra_queue_remove(s, unit); /* from TOKENS, if there */
        u->first.request = *request;
        return unit;
    }
    uint32_t ref = ra_slab_take(&s->further);
    if (!ref)
        return 0;
    ra_further *f = ra_shard_further(s, ref);
    f->entry.request = *request;
    f->unit = unit;
    ref |= RA_FURTHER;
    link_further(s, u, ref);
    ra_index_insert(&s->index, ref);
    return ref;
}

size_t ra_shard_entry_cost(uint32_t entry, const ra_payload *payload)
{
    size_t record = entry & RA_FURTHER ? RA_MEMORY_ENTRY_OVERHEAD : RA_MEMORY_UNIT_OVERHEAD;
    return record + ra_pool_cost(sizeof *payload + payload->len);
}

/* An entry with its payload comes, or goes. */
static void group_add(ra_shard *s, uint32_t entry)
{
    const ra_entry *e = ra_shard_entry(s, entry);
    if (!s->groups)
        return;
    ra_memory_group *g = &s->groups[e->group];
    atomic_fetch_add_explicit(&g->entries, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&g->bytes, ra_shard_entry_cost(entry, e->payload), memory_order_relaxed);
}

static void group_sub(ra_shard *s, uint32_t entry)
{
    const ra_entry *e = ra_shard_entry(s, entry);
    if (!s->groups)
        return;
    ra_memory_group *g = &s->groups[e->group];
    atomic_fetch_sub_explicit(&g->entries, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&g->bytes, ra_shard_entry_cost(entry, e->payload), memory_order_relaxed);
}

void ra_shard_set_payload(ra_shard *s, uint32_t entry, ra_payload *payload, unsigned group)
{
    ra_entry *e = ra_shard_entry(s, entry);
    ra_payload *old = e->payload;
    if (old)
        group_sub(s, entry);
    e->payload = ra_payload_ref(payload);
    e->group = group & (RA_GROUPS - 1);
    group_add(s, entry);
    s->payload_bytes += ra_pool_cost(sizeof *payload + payload->len);
    if (!old) {
        s->n.entries++;
        return;
    }
    if (e->queue != RA_QUEUE_NONE)
        s->queue[e->queue].bytes +=
            ra_shard_entry_cost(entry, payload) - ra_shard_entry_cost(entry, old); /* may wrap on its way */
    s->payload_bytes -= ra_pool_cost(sizeof *old + old->len);
    ra_payload_unref(old);
}

void ra_shard_remove_entry(ra_shard *s, uint32_t entry)
{
    ra_entry *e = ra_shard_entry(s, entry);
    ra_queue_remove(s, entry);
    if (e->payload) {
        group_sub(s, entry);
        s->payload_bytes -= ra_pool_cost(sizeof *e->payload + e->payload->len);
        s->n.entries--;
        ra_payload_unref(e->payload);
        e->payload = NULL;
    }
    if (entry & RA_FURTHER) {
        ra_index_remove(&s->index, entry);
        unlink_further(s, ra_shard_unit(s, ra_shard_owner(s, entry)), entry);
        ra_slab_give(&s->further, entry & ~RA_FURTHER);
    }
}

void ra_shard_renew(ra_shard *s, uint32_t entry)
{
    if (!(entry & RA_FURTHER))
        return; /* the unit's own goes by the time in its payload */
    ra_unit *u = ra_shard_unit(s, ra_shard_owner(s, entry));
    unlink_further(s, u, entry);
    link_further(s, u, entry);
}

/* The unit's own entry is in no order with the further ones; when the reply was asked for tells. */
uint32_t ra_shard_oldest_entry(ra_shard *s, uint32_t unit)
{
    const ra_unit *u = ra_shard_unit(s, unit);
    if (!u->first.further)
        return u->first.payload ? unit : 0;
    if (!u->first.payload)
        return u->list;
    const ra_payload *p = ra_shard_further(s, u->list)->entry.payload;
    return u->first.payload->filled_ms <= p->filled_ms ? unit : u->list;
}

static void sweep_entry(ra_shard *s, uint32_t entry, int64_t now)
{
    if (!ra_entry_over(ra_shard_entry(s, entry), now))
        return;
    ra_shard_remove_entry(s, entry);
    s->n.expirations++;
}

size_t ra_shard_sweep_unit(ra_shard *s, uint32_t unit, int64_t now)
{
    ra_unit *u = ra_shard_unit(s, unit);
    size_t looked = 0;
    ra_marker_live(s, unit, now);
    if (u->first.payload) {
        looked++;
        sweep_entry(s, unit, now);
    }
    uint32_t entry = u->list;
    for (unsigned left = u->first.further; left; left--, looked++) {
        uint32_t next = ra_shard_further(s, entry)->next;
        sweep_entry(s, entry, now);
        entry = next;
    }
    ra_shard_settle(s, unit);
    return looked;
}

uint32_t ra_shard_fingerprint(ra_shard *s, uint32_t entry)
{
    const ra_key *unit = &ra_shard_unit(s, ra_shard_owner(s, entry))->key;
    uint64_t h = entry_hash(s, unit, &ra_shard_entry(s, entry)->request);
    return (uint32_t)(h >> 32) | 1; /* 0 is an empty place */
}
