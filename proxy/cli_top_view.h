/*
 * One view of `readaside top`: what the dashboard shows, as text; and its rates as JSON. Threads: main's
 * only.
 */
#ifndef RA_PROXY_CLI_TOP_VIEW_H
#define RA_PROXY_CLI_TOP_VIEW_H

#include "proxy/cli_top_history.h"
#include "proxy/cli_top_page.h"

enum { RA_TOP_VIEW_MAX = 1 << 20 };

/* What is known of the proxy besides. */
typedef struct ra_top_place {
    const char *where;   /* "the proxy at http://127.0.0.1:8081" */
    const char *trouble; /* why it doesn't answer just now; NULL: it does */
} ra_top_place;

/* Appends the view's lines, in the page's shape; the page is begun and ended here. What doesn't fit in height
 * is left away: the hottest keys and events first. false: no memory. */
bool ra_top_view(const ra_top_history *h, const ra_top_place *place, ra_top_page *shape, ra_buf *out);

/*
 * Appends one line: the live view (proxy/live.h) without `advice`, and with it
 *   "per_second": {OUTCOME: X, ..., "requests": X, "upstream_reads": X, "upstream_reads_without_cache": X,
 *                  "upstream_writes": X, "units_spent": X, "units_saved": X, "hit_ratio": X or null,
 *                  "patterns": [{"table", "pattern", COUNTER: X, ..., "hit_ratio": X or null}]}
 * false: no memory.
 */
bool ra_top_json(const ra_top_history *h, ra_buf *out);

#endif
