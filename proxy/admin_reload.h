/*
 * What an operator changes while the proxy runs.
 *
 *   POST /admin/reload      {}
 *       200 {"reloaded": true, "changed": [PATH, ...], "kept": [PATH, ...], "problems": [...]}: what is in
 * force now, what waits for a restart, and warnings
 *       422 {"reloaded": false, "error": TEXT, "problems": [...], ...}: nothing has changed
 *   POST /admin/caching     {"caching": "on" | "observe" | "off", "table": NAME, or none for all}
 *       200 {"caching": ..., "table": NAME or null, "until": "the next reload or restart"}
 *   POST /admin/invalidate  {"all": true}, {"table": NAME}, or
 *                           {"table": NAME, "partition_key": VALUE, "sort_key": VALUE, "index": NAME}
 *       200 {"marked": N} units; see proxy/invalidate.h for the values and for what a partition is
 *
 * Problems are as `readaside check --json` has them. Threads: the admin listener's.
 */
#ifndef RA_PROXY_ADMIN_RELOAD_H
#define RA_PROXY_ADMIN_RELOAD_H

#include "proxy/admin.h"

void ra_admin_reload(ra_admin *a, struct evhttp_request *r);
void ra_admin_caching(ra_admin *a, struct evhttp_request *r);
void ra_admin_invalidate(ra_admin *a, struct evhttp_request *r);

#endif
