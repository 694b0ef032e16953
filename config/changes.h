/*
 * What a reload changes, by option: two documents are compared along the option table, by what their values
 * mean ("5m" is "300s", a default that is spelt out is no change). What can't change while the process lives
 * is put back as it was, so that what comes out is the document that is in force from now on.
 *
 * A table may come and go, but its consistency and its schema, by which its entries are named, stay: what it
 * has by its own entry, or by "*". One
 * that isn't in the file any more is retired, unless "*" stands for it; one that is new joins, unless "*" has
 * stood for it: see enum ra_standing.
 *
 * Where proxies share a Redis, what they must agree on (`pact` in the option table, and which tables there
 * are beside "*") waits for a restart as well.
 *
 * Pure but for memory. Threads: none shared.
 */
#ifndef RA_CONFIG_CHANGES_H
#define RA_CONFIG_CHANGES_H

#include "config/config.h"

#include <cjson/cJSON.h>

enum { RA_CHANGES_MAX = 1000 }; /* of each list; the rest is counted */

typedef struct ra_names {
    char **v;
    size_t n;
    size_t all; /* with those that aren't listed */
} ra_names;

typedef struct ra_changes {
    ra_names changed; /* paths of options that are in force now */
    ra_names kept;    /* paths of those whose new values wait for a restart */
    bool no_memory;
} ra_changes;

void ra_names_free(ra_names *n);
void ra_changes_free(ra_changes *c);
/* The table is in force only in so far as writes to it are marked. */
void ra_changes_keep_table(ra_changes *c, const char *name);

/* The standing of each table that isn't just named, in parallel to the document. */
typedef struct ra_standings {
    ra_names retired, joining; /* never cut */
} ra_standings;

void ra_standings_free(ra_standings *s);

/*
 * `now` is in force, `fresh` has been loaded from the file. NULL without memory, else the document to be in
 * force, the caller's; changes->kept says what of `fresh` isn't in it.
 */
cJSON *ra_changes_merge(const ra_config *now, const ra_config *fresh, ra_changes *changes, ra_standings *out);

#endif
