/* How a GetItem of a whole item names its entry. Pure. */
#ifndef RA_PROXY_CLI_CACHE_ITEM_H
#define RA_PROXY_CLI_CACHE_ITEM_H

#include "proxy/markers_key.h"

/* The entry's name in the item's unit; the key is whole and has been read before (ra_markers_units). false:
 * the configuration has it bypass the cache, or there is no memory. */
bool ra_cache_item_name(const ra_table_config *config, ra_table *t, const ra_markers_key *k, ra_key *out);

#endif
