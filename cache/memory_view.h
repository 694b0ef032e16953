/* A look at one unit of the in-process store. Threads: any. */
#ifndef RA_CACHE_MEMORY_VIEW_H
#define RA_CACHE_MEMORY_VIEW_H

#include "cache/memory_store.h"
#include "cache/unit_view.h"

/* Changes nothing, evicted and expired things stay as they are. false: no memory for the list of entries. */
bool ra_memory_view(ra_memory *m, int64_t now, ra_unit_view *v);

#endif
