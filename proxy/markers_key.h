/*
 * The units that concern one key of a table, as a read of it names them. Pure.
 *
 * Ownership: what is made is in the arena. Errors: a static text, or in `why`, that says what is wrong.
 */
#ifndef RA_PROXY_MARKERS_KEY_H
#define RA_PROXY_MARKERS_KEY_H

#include "proxy/table.h"

enum { RA_MARKERS_UNITS = 3, RA_MARKERS_KEY_WHY_MAX = 1024 };

/* A key as it stands on a command line. */
typedef struct ra_markers_key {
    const char *table;
    const char *partition_key;
    const char *sort_key; /* NULL: none */
    const char *index;    /* NULL: the table itself; else the partition key is the index's */
} ra_markers_key;

typedef struct ra_markers_unit {
    const char *kind; /* "item", "partition", "index partition", "index", "table" */
    ra_key unit;
} ra_markers_unit;

/*
 * One value: text that begins with '{' is a string, number or binary as DynamoDB writes them ({"N":"1"}), all
 * other text is itself the string. NULL, or what is wrong.
 */
const char *ra_markers_value(const char *text, ra_arena *a, ra_scalar *out);

/*
 * The item (where there is a whole key of one), the partition and the table; in a global index the index's
 * partition, the index and the table. The number of units; 0: `why` says why not.
 */
size_t ra_markers_units(const ra_table *t, const ra_markers_key *k, ra_arena *a,
                        ra_markers_unit out[RA_MARKERS_UNITS], char why[RA_MARKERS_KEY_WHY_MAX]);

#endif
