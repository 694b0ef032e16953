/*
 * Names an item's image: the same for whatever DynamoDB takes for the same item, however it is written (order
 * of attributes and of set members, forms of numbers, white space, base64), another for any other. SHA-256
 * over length-prefixed canonical parts. Pure.
 */
#ifndef RA_PROXY_ITEM_DIGEST_H
#define RA_PROXY_ITEM_DIGEST_H

#include "cache/arena.h"
#include "cache/key.h"
#include "proxy/json.h"

/* Of an attribute map ({"pk": {"S": "a"}, …}). false: no memory, or a form that isn't understood to the last
 * member: then it has no name. */
bool ra_item_digest(const ra_json *j, uint32_t map, ra_arena *a, ra_key *out);
/* Of an item that is gone. */
void ra_item_digest_removed(ra_key *out);

#endif
