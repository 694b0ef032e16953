/*
 * What a change has made of an item, as its write notes it and as the stream's record tells of it
 * (cache/own_writes.h). Where a table has global indexes what it was counts too, for that is in whose
 * partitions it was: two writes that leave the same item needn't make the same stale. So do the indexes that
 * are known: a write through a proxy that doesn't know a new one yet hasn't marked its partitions. Pure.
 */
#ifndef RA_PROXY_FOLLOW_IMAGE_H
#define RA_PROXY_FOLLOW_IMAGE_H

#include "proxy/table.h"

/* `old_or_null`: the old image's name, or that of an item that isn't there; NULL: nobody knows. false: then
 * it has no name, or there is no memory. */
bool ra_follow_image(const ra_table *t, const ra_key *old_or_null, const ra_key *new_image, ra_key *out);

#endif
