/*
 * Is what the store has found as fresh as the configuration now wants it? The store knows the TTL that an
 * entry was filled with; one that has become shorter since counts at once. A longer one counts for what is
 * filled from now on.
 *
 * The age is that of the reply upstream, by the wall clock; where another process has filled the entry, by
 * that one's. So a clock that is behind makes what its process fills look older, which costs misses; one that
 * is ahead makes it look younger, and then the store's own TTL is what bounds it.
 *
 * Pure; any thread.
 */
#ifndef RA_PROXY_FRESHNESS_H
#define RA_PROXY_FRESHNESS_H

#include "cache/store.h"

/*
 * A look-up's answer under look->ttl and look->negative_ttl: expires_in is cut to them, and a HIT that is
 * past it becomes STALE, with the token that a look-up's hit has, too. What a peek or an ask has found has no
 * token: past its TTL it is to be dropped, and looked up.
 */
void ra_freshness_judge(ra_lookup *look, int64_t wall_ms);

#endif
