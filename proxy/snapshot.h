/*
 * Live reload: another configuration while the proxy runs.
 *
 * The server holds the newest snapshot for those who begin something; each loop has a reference of its own,
 * which changes between two turns of it, so that a request, which takes the loop's, needs no lock. What can't
 * change while the process lives (which addresses it listens on, which store it has, ...: the options that
 * the table of config/schema.c doesn't call reloadable) stays as it was, and is named.
 *
 * What is cached stays: entries that are still valid under the new configuration are served. A TTL that has
 * become shorter counts at once, for a hit is no hit when it is older than the TTL now is.
 *
 * Threads: reload is for any one thread at a time (a mutex makes it so).
 */
#ifndef RA_PROXY_SNAPSHOT_H
#define RA_PROXY_SNAPSHOT_H

#include "proxy/server.h"

typedef struct ra_reload_result {
    bool ok;                /* false: nothing has changed */
    ra_problems problems;   /* of the file; warnings too */
    char **kept;            /* paths of options whose new values wait for a restart */
    size_t nkept;
    char **changed;         /* paths of those that are in force now */
    size_t nchanged;
} ra_reload_result;

/* Reads the configuration's file anew, and what it names (keys, certificates). All or nothing. */
void ra_server_reload_config(ra_server *s, ra_reload_result *out);
void ra_reload_result_fini(ra_reload_result *r);

#endif
