/*
 * What an operator's eyes are for: the running proxy's numbers as one JSON object. GET /admin/live gives it
 * once; GET /admin/events is a stream of server-sent events (WHATWG HTML, "Server-sent events"): `live`, once
 * a second, whose data is this object on one line, and `event`, as it happens, whose data is one element of
 * `events`. The dashboard and `readaside top` show nothing else, and /metrics says the same.
 *
 * Counters only grow while the process lives; rates are differences. Times are ms since 1970, latencies us.
 *
 *   {"at": MS, "started": MS, "version": TEXT, "store": "memory", "caching": "on", "threads": N,
 *    "requests": {"hit": N, "near": N, "miss": N, "stale": N, "bypass": N, "coalesced": N, "negative": N,
 *                 "write": N, "pass": N, "error": N},
 *       one of these each, but `near` (of hit), `coalesced` (of miss) and `negative` (of hit), which are part
 *       of another. Of all hits in a batch, `near` if all are. `error`: also those whose client left
 *    "patterns": [{"table": TEXT, "pattern": TEXT or null (the table's own policy), "ttl_ms": N,
 *                  "hit": N, "miss": N, "stale": N, "bypass": N, "coalesced": N, "negative": N, "write": N,
 *                  "invalidations": N, "observed_hit": N, "observed_miss": N, "compared": N,
 *                  "mismatch": N, "units_spent": X, "units_extra": X, "units_saved": X, "write_units": X}],
 *       `units_extra` is part of `units_spent`: what the clients' own reads wouldn't have consumed; without
 *       the proxy reads would have consumed spent - extra + saved
 *    "bypasses": {REASON: N}, "refused_fills": {REASON: N},
 *    "latency": {"hit": BAND, "miss": BAND, "write": BAND, "store": BAND, "upstream": BAND},
 *       of the last ten seconds: BAND is {"count": N, "p50": US, "p90": US, "p99": US, "p999": US}
 *    "upstream": {"reads": N, "writes": N, "reads_saved": N, "units_spent": X,
 *                 "units_extra": X, "units_saved": X, "write_units": X},
 *    "money": {"currency": "USD", "per_hour": X, "per_month": X, "saved_per_hour": X,
 *              "saved_per_month": X, "would_save_per_hour": X, "would_save_per_month": X} or null, see
 *       proxy/money.h,
 *    "observed": {"hit": N, "miss": N, "stale": N, "bypass": N, "units_saved": X},
 *       with caching "observe": what reads would have been, which DynamoDB has answered
 *    "compare": {"compared": N (equal + mismatch), "equal": N, "mismatch": N, "raced": N, "index_equal": N,
 *                "index_lag": N, "failed": N, "skipped": N, "reads": N, "nines": N or null,
 *                "at_least": BOOL},
 *       entries compared with DynamoDB. `nines` of `compared` were right; without a mismatch it is a bound at
 *       95 % (`at_least`), null while too few were compared for one. `reads`: sent for that alone
 *    "streams": {TABLE: {"lag_ms": N or null, "fresh_as_of": MS or null, "in_bounds": BOOL, "records": N}},
 *    "memory": {"bytes": N, "max_bytes": N, "entries": N, "evictions": N}, (0 but with store memory)
 *    "near": {"bytes": N, "max_bytes": N, "entries": N} or null,
 *    "connections": N, "in_flight": N, "breakers": [TEXT, ...] (one a loop; [] with store memory),
 *    "top_keys": [{"table": TEXT, "pattern": TEXT or null, "digest": HEX, "key": TEXT or null, "reads": N}],
 *       the units that are read most of late, at most 20; `reads` is estimated from a sample, and fades, so
 *       that it may shrink. `key` is null: what a unit's digest was made of isn't kept
 *    "events": [{"at": MS, "kind": "breaker" | "reload" | "takeover" | "stream" | "caching" | "markers" |
 *                        "start" | "mismatch",
 *                "text": TEXT}],
 *       the last 100, oldest first
 *    "advice": [{"table": TEXT, "pattern": TEXT or null, "current_ms": N, "recommended_ms": N, "reason":
 * TEXT, "reads": N, "since": MS, "points": [{"ttl_ms": N, "hit_ratio": X, "bytes": N, "units_per_s": X,
 * "stale_age_ms": N}]}]} as GET /admin/advice has them; the current TTL and the recommended one are among the
 * points, by TTL
 *
 * Threads: the admin listener's.
 */
#ifndef RA_PROXY_LIVE_H
#define RA_PROXY_LIVE_H

#include "proxy/admin.h"

/* Appends the object, on one line without its end. false: there was no memory. What `events` says comes from
 * the server's journal (proxy/journal.h), where whoever makes something happen notes it. */
bool ra_live_write(ra_server *s, ra_buf *out);

void ra_admin_live(ra_admin *a, struct evhttp_request *r);
void ra_admin_events(ra_admin *a, struct evhttp_request *r);

#endif
