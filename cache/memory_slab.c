#include "cache/memory_slab.h"

#include <stdlib.h>
#include <string.h>

#define FULL UINT64_MAX

static size_t chunk_size(const ra_slab *s)
{
    return sizeof(ra_slab_chunk) + RA_SLAB_CHUNK * s->record;
}

void ra_slab_init(ra_slab *s, size_t record)
{
    *s = (ra_slab){.record = record, .nslots = 1};
}

void ra_slab_free(ra_slab *s)
{
    for (uint32_t i = 1; i < s->nslots; i++)
        if (s->slots[i].chunk)
            ra_pool_give(s->slots[i].chunk, chunk_size(s));
    free(s->slots);
    ra_slab_init(s, s->record);
}

static void link_partial(ra_slab *s, uint32_t slot)
{
    s->slots[slot].prev = 0;
    s->slots[slot].next = s->partial;
    if (s->partial)
        s->slots[s->partial].prev = slot;
    s->partial = slot;
}

static void unlink_partial(ra_slab *s, uint32_t slot)
{
    ra_slab_slot *t = &s->slots[slot];
    if (t->prev)
        s->slots[t->prev].next = t->next;
    else
        s->partial = t->next;
    if (t->next)
        s->slots[t->next].prev = t->prev;
}

/* An unused slot, or 0. */
static uint32_t take_slot(ra_slab *s)
{
    uint32_t slot = s->unused;
    if (slot) {
        s->unused = s->slots[slot].next;
        return slot;
    }
    if (s->nslots >= s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 8;
        if (cap > RA_SLAB_REF_MAX / RA_SLAB_CHUNK + 1)
            return 0;
        ra_slab_slot *slots = realloc(s->slots, cap * sizeof *slots);
        if (!slots)
            return 0;
        s->bytes +=
            ra_memory_cost(cap * sizeof *slots) - (s->cap ? ra_memory_cost(s->cap * sizeof *slots) : 0);
        memset(slots + s->cap, 0, (cap - s->cap) * sizeof *slots);
        s->slots = slots;
        s->cap = cap;
    }
    return s->nslots++;
}

static void give_slot(ra_slab *s, uint32_t slot)
{
    s->slots[slot].next = s->unused;
    s->unused = slot;
}

static uint32_t add_chunk(ra_slab *s)
{
    uint32_t slot = take_slot(s);
    if (!slot)
        return 0;
    ra_slab_chunk *c = ra_pool_take(chunk_size(s));
    if (!c) {
        give_slot(s, slot);
        return 0;
    }
    c->live = 0;
    s->bytes += ra_pool_cost(chunk_size(s));
    s->slots[slot].chunk = c;
    link_partial(s, slot);
    return slot;
}

uint32_t ra_slab_take(ra_slab *s)
{
    uint32_t slot = s->partial ? s->partial : add_chunk(s);
    if (!slot)
        return 0;
    ra_slab_chunk *c = s->slots[slot].chunk;
    uint32_t i = (uint32_t)__builtin_ctzll(~c->live);
    c->live |= (uint64_t)1 << i;
    if (c->live == FULL)
        unlink_partial(s, slot);
    s->live++;
    memset(c->records + i * s->record, 0, s->record);
    return slot * RA_SLAB_CHUNK + i;
}

void ra_slab_give(ra_slab *s, uint32_t ref)
{
    uint32_t slot = ref / RA_SLAB_CHUNK;
    ra_slab_chunk *c = s->slots[slot].chunk;
    if (c->live == FULL)
        link_partial(s, slot);
    c->live &= ~((uint64_t)1 << ref % RA_SLAB_CHUNK);
    s->live--;
    /* One chunk with room is kept, so that taking and giving one record at the edge costs no allocation. */
    if (c->live || (s->partial == slot && !s->slots[slot].next))
        return;
    unlink_partial(s, slot);
    ra_pool_give(c, chunk_size(s));
    s->slots[slot].chunk = NULL;
    s->bytes -= ra_pool_cost(chunk_size(s));
    give_slot(s, slot);
}

uint32_t ra_slab_next(const ra_slab *s, uint32_t ref)
{
    ref++;
    for (uint32_t slot = ref / RA_SLAB_CHUNK; slot < s->nslots; slot++, ref = slot * RA_SLAB_CHUNK) {
        const ra_slab_chunk *c = slot ? s->slots[slot].chunk : NULL;
        uint64_t rest = c ? c->live >> ref % RA_SLAB_CHUNK : 0;
        if (rest)
            return ref + (uint32_t)__builtin_ctzll(rest);
    }
    return 0;
}
