/*
 * Live reload: another configuration while the proxy runs.
 *
 * A snapshot is what a request begins with and keeps: a configuration, and what was read with it. The server
 * holds the newest one for whoever isn't on a loop; each loop has a reference of its own, which changes
 * between two turns of it, by a letter, so that a request, which takes the loop's, needs no lock. What can't
 * change while the process lives (which addresses it listens on, which store it has, ...: the options that
 * the table of config/schema.c doesn't call reloadable) stays as it was, and is named; server->config has it.
 *
 * What is cached stays: entries that are still valid under the new configuration are served. A TTL that has
 * become shorter counts at once (proxy/freshness.h). Writes to a table that the file doesn't name any more
 * are marked on, so that it may be put back. One that is new joins: its writes are marked first; when all
 * requests that have begun without that have ended, and what a shared store may hold of it has been voided,
 * its reads are cached.
 *
 * Threads: reload and switch are for any one thread but a loop's, at a time (a mutex makes it so), between
 * the server's start and its drain. A snapshot: any.
 */
#ifndef RA_PROXY_SNAPSHOT_H
#define RA_PROXY_SNAPSHOT_H

#include "config/changes.h"
#include "proxy/server.h"

#include <stdatomic.h>

typedef struct ra_snapshot {
    uint32_t magic; /* RA_SNAPSHOT_MAGIC */
    atomic_uint refs;
    ra_config *config;
    ra_access_keys *access_keys; /* NULL: clients of the wire API needn't sign */
    ra_keys_source *jwks;        /* NULL: no tokens are taken */
} ra_snapshot;

enum { RA_SNAPSHOT_MAGIC = 0x736e6170 };

/* One reference. NULL: no memory; nothing is taken. */
ra_snapshot *ra_snapshot_new(ra_config *config, ra_access_keys *keys_take, ra_keys_source *jwks);
ra_snapshot *ra_snapshot_ref(ra_snapshot *s);
void ra_snapshot_unref(ra_snapshot *s); /* NULL is allowed */

/* A reference to the newest one. Any thread. */
ra_snapshot *ra_server_snapshot(ra_server *s);
/* The loop's own: a request that had begun with an older one has ended. */
void ra_loop_older_ended(ra_loop *l);

/* ---- changing it: proxy/snapshot.c and proxy/reload.c ---- */

/* What one loop gets, and gives back. */
typedef struct ra_loop_reload {
    ra_snapshot *snapshot;
    struct ra_verifier *verifier; /* NULL: nobody has to sign */
} ra_loop_reload;

/* false with a message logged; nothing has begun, and ra_server_snapshots_fini is to be called. */
bool ra_server_snapshots_init(ra_server *s);
bool ra_loop_snapshot_init(ra_loop *l);
void ra_loop_snapshot_fini(ra_loop *l);
void ra_server_snapshots_fini(ra_server *s);
/*
 * The snapshot is in force when this returns: all loops begin requests with it. `to` is for each loop, and
 * what each had before is in it afterwards.
 */
void ra_server_adopt(ra_server *s, ra_snapshot *next, ra_loop_reload *to);
/* Have all requests ended that had begun with older ones? Waits for at most `limit` ms. */
bool ra_server_settled(ra_server *s, int64_t limit);
/* The process is about to end: a reload that waits, for requests or for the store, waits no longer, and
 * tables that would join don't. Before the drain, any thread. */
void ra_server_hurry_reloads(ra_server *s);

typedef struct ra_reload_result {
    bool ok;              /* false: nothing has changed */
    ra_problems problems; /* of the file, and of what it names; warnings too */
    ra_changes changes;   /* what is in force now, and what waits for a restart */
} ra_reload_result;

/* Reads the configuration's file anew, and what it names (keys, certificates). All or nothing; it is logged,
 * and goes into the journal. */
void ra_server_reload_config(ra_server *s, ra_reload_result *out);
void ra_reload_result_fini(ra_reload_result *r);

/* Until the next reload or restart. `table` has an entry of its own, or is "*"; NULL: all of them. false: see
 * *why. */
bool ra_server_switch_caching(ra_server *s, const char *table, enum ra_caching caching, const char **why);

#endif
