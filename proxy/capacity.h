/*
 * What reads and writes cost in DynamoDB: capacity units, counted here in halves, since the smallest read
 * costs one half.
 *
 * A read costs half a unit for each 4 KB that are begun, a consistent one twice that; what is asked for that
 * isn't there costs as much as the smallest item. So a read's size in *blocks* of 4 KB is all that must be
 * kept of it: what it would have cost at the one consistency or the other follows. (DynamoDB Developer Guide,
 * "DynamoDB read and write operations", and for sizes "DynamoDB item sizes and formats".) Pure.
 */
#ifndef RA_PROXY_CAPACITY_H
#define RA_PROXY_CAPACITY_H

#include "proxy/json.h"

enum { RA_CAPACITY_BLOCK = 4096 };

/* What a read of so many blocks costs, in half units. */
static inline uint64_t ra_capacity_of_read(uint64_t blocks, bool consistent)
{
    return blocks << consistent;
}

/* The other way round. */
static inline uint64_t ra_capacity_blocks(uint64_t half_units, bool consistent)
{
    return consistent ? (half_units + 1) / 2 : half_units;
}

/* Of one object as ConsumedCapacity is, or as one of its list is: its CapacityUnits. false: it says nothing
 * that can be read. */
bool ra_capacity_read(const ra_json *j, uint32_t object, uint64_t *half_units);

/* How large DynamoDB takes an item to be whose attributes are in this object, {"NAME": {"TYPE": VALUE}}:
 * names and values, 3 bytes and one for each element of a list or a map. What isn't in the tokens (see
 * ra_json_limits) is read anew. */
size_t ra_capacity_item_size(const ra_json *j, uint32_t item);
/* Of a text: one item, or an array of them. */
size_t ra_capacity_text_size(ra_bytes text);
/* A GetItem's blocks. */
static inline uint32_t ra_capacity_item_blocks(size_t size)
{
    return size ? (uint32_t)((size + RA_CAPACITY_BLOCK - 1) / RA_CAPACITY_BLOCK) : 1;
}

#endif
