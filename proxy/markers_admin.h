/*
 * A running proxy's markers, where its store is in its own process: asked, and removed, at its admin address.
 * It visits as cache/redis_markers_scan.h does it. Threads: main's only.
 */
#ifndef RA_PROXY_MARKERS_ADMIN_H
#define RA_PROXY_MARKERS_ADMIN_H

#include "cache/redis_markers_scan.h"
#include "proxy/cli_cache_admin.h"

enum { RA_MARKERS_ADMIN_WHY_MAX = 600 };

/* Just these units, in their order, or with none all that have markers. false: *why says why, or it is empty:
 * the visitor has stopped it. */
bool ra_markers_admin_visit(ra_cache_admin *a, const ra_key *units, size_t n, const ra_marker_visitor *v,
                            char why[RA_MARKERS_ADMIN_WHY_MAX]);
/* Tells the proxy what was removed from a network store, for its journal. false: see ra_cache_admin_why. */
bool ra_markers_admin_tell(ra_cache_admin *a, uint64_t units, uint64_t markers);

#endif
