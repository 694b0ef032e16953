/* What `readaside cache` prints. Threads: main's only. Errors: false without memory; those of stdout stay to
 * be seen in ferror. */
#ifndef RA_PROXY_CLI_CACHE_SHOW_H
#define RA_PROXY_CLI_CACHE_SHOW_H

#include "proxy/cache_json.h"
#include "proxy/markers_key.h"

#include <stdio.h>

/* Units, each of asked[i]'s kind, and the entries in them. */
bool ra_cache_show_units(FILE *out, const char *store, const ra_markers_unit *asked, const ra_unit_view *v,
                         size_t n, bool json);
bool ra_cache_show_dropped(FILE *out, const char *store, const ra_markers_unit *asked, const bool *dropped,
                           size_t n, bool json);
/* The counters as the proxy has sent them. */
bool ra_cache_show_stats(FILE *out, const cJSON *stats, bool json);

#endif
