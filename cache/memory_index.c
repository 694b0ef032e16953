#include "cache/memory_index.h"

#include "cache/memory_pool.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_BYTES (RA_INDEX_SEGMENT * sizeof(uint32_t))

static bool add_segment(ra_index *x)
{
    if (x->nsegments == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 8;
        uint32_t **segments = realloc(x->segments, cap * sizeof *segments);
        if (!segments)
            return false;
        x->bytes +=
            ra_memory_cost(cap * sizeof *segments) - (x->cap ? ra_memory_cost(x->cap * sizeof *segments) : 0);
        x->segments = segments;
        x->cap = cap;
    }
    uint32_t *segment = ra_pool_take(SEGMENT_BYTES);
    if (!segment)
        return false;
    memset(segment, 0, SEGMENT_BYTES);
    x->segments[x->nsegments++] = segment;
    x->bytes += ra_pool_cost(SEGMENT_BYTES);
    return true;
}

bool ra_index_init(ra_index *x, const ra_index_nodes *nodes, void *table)
{
    *x = (ra_index){.nodes = nodes, .table = table, .buckets = RA_INDEX_SEGMENT, .low = RA_INDEX_SEGMENT};
    return add_segment(x);
}

void ra_index_free(ra_index *x)
{
    for (size_t i = 0; i < x->nsegments; i++)
        ra_pool_give(x->segments[i], SEGMENT_BYTES);
    free(x->segments);
    *x = (ra_index){0};
}

/* One bucket more: it takes what is its own out of the bucket that stood for both. */
static void grow(ra_index *x)
{
    size_t added = x->buckets, from = added - x->low;
    if (added / RA_INDEX_SEGMENT == x->nsegments && !add_segment(x))
        return;
    uint32_t *to = &x->segments[added / RA_INDEX_SEGMENT][added % RA_INDEX_SEGMENT];
    uint32_t *at = &x->segments[from / RA_INDEX_SEGMENT][from % RA_INDEX_SEGMENT];
    *to = 0;
    while (*at) {
        uint32_t ref = *at, *link = x->nodes->link(x->table, ref);
        if ((x->nodes->hash(x->table, ref) & (2 * x->low - 1)) != added) {
            at = link;
            continue;
        }
        *at = *link;
        *link = *to;
        *to = ref;
    }
    if (++x->buckets == 2 * x->low)
        x->low *= 2;
}

void ra_index_insert(ra_index *x, uint32_t ref)
{
    if (x->count >= x->buckets)
        grow(x);
    uint32_t *head = ra_index_chain(x, x->nodes->hash(x->table, ref));
    *x->nodes->link(x->table, ref) = *head;
    *head = ref;
    x->count++;
}

void ra_index_remove(ra_index *x, uint32_t ref)
{
    uint32_t *at = ra_index_chain(x, x->nodes->hash(x->table, ref));
    while (*at != ref)
        at = x->nodes->link(x->table, *at);
    *at = *x->nodes->link(x->table, ref);
    x->count--;
}
