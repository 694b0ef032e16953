/*
 * What writes hold in the in-process store, and letting go of it; see proxy/admin.h. `readaside markers` asks
 * a network store itself.
 *
 *   GET  /admin/markers          {"store": "memory", "now": MS, "units": [{"unit": DIGEST, "markers": N,
 *                                "expired": N, "remaining_ms": N}, ...], "more": N}
 *       at most RA_MARKED_MOST units; `more` are there besides. remaining_ms: of the last one that lives
 *   POST /admin/markers/clear    {"units": [DIGEST, ...]}, at most 256, or {"all": true}
 *                                {"store": "memory", "now": MS, "units": [as above, what they were], "more":
 * N} POST /admin/markers/cleared  {"units": N, "markers": N}: somebody has removed them from the network
 * store;
 *                                {} is the answer. It is noted in the journal, as the call above is
 *
 * Threads: the admin listener's.
 */
#ifndef RA_PROXY_ADMIN_MARKERS_H
#define RA_PROXY_ADMIN_MARKERS_H

#include "proxy/admin.h"

enum { RA_MARKED_MOST = 65536 };

void ra_admin_markers(ra_admin *a, struct evhttp_request *r);
void ra_admin_markers_clear(ra_admin *a, struct evhttp_request *r);
void ra_admin_markers_cleared(ra_admin *a, struct evhttp_request *r);

#endif
