/*
 * The shared store that a configuration names, for a look at its markers.
 * Threads: main's only.
 */
#ifndef RA_PROXY_MARKERS_STORE_H
#define RA_PROXY_MARKERS_STORE_H

#include "cache/redis_markers_scan.h"
#include "config/config.h"

enum { RA_MARKERS_WHERE_MAX = 340 };

/* "redis HOST:PORT" or the socket's path: where, for a person. */
void ra_markers_where(const ra_config_redis *c, char out[RA_MARKERS_WHERE_MAX]);
/* Begins to connect to the store of a configuration whose store is redis. NULL: `why` says why not. */
ra_marker_scan *ra_markers_store_new(const ra_config *c, char why[RA_MARKER_SCAN_WHY_MAX]);

#endif
