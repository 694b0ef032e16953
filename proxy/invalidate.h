/*
 * An operator's invalidations, and what a table needs that joins: the same marks as a write's, so that what
 * is being filled just now is void too.
 *
 * Threads: any but a loop's; one at a time (a mutex makes it so). Between the server's start and its drain.
 */
#ifndef RA_PROXY_INVALIDATE_H
#define RA_PROXY_INVALIDATE_H

#include "proxy/server.h"

typedef struct ra_invalidator ra_invalidator;

/* Before the loops run, and after they have ended. */
ra_invalidator *ra_invalidator_new(ra_server *s); /* NULL: no memory */
void ra_invalidator_free(ra_invalidator *v);      /* NULL is allowed */
/* The one under way, and those that come, end without having marked all. Once; any thread. */
void ra_invalidator_hurry(ra_invalidator *v);

enum ra_invalidated {
    RA_INVALIDATED,
    RA_INVALIDATED_NOT_CONFIGURED, /* no entry of the configuration stands for the table */
    RA_INVALIDATED_UNKNOWN,        /* its schema can't be had now */
    RA_INVALIDATED_KEY,            /* that isn't a value of its key */
    RA_INVALIDATED_INDEX,          /* it has no such global index */
    RA_INVALIDATED_STORE,          /* the store can't be told, or not of all of it */
    RA_INVALIDATED_NO_MEMORY
};
const char *ra_invalidated_text(enum ra_invalidated r); /* a sentence without its full stop */

/* What of a table. Keys are attribute values ({"S": "..."}), or strings, which are of the key's type then. */
typedef struct ra_invalidation {
    const char *table;      /* or its ARN; of the whole table all of that name are meant */
    ra_bytes partition_key; /* JSON; n 0: the whole table, with its indexes */
    ra_bytes sort_key;      /* n 0: none; else of that item as well */
    const char *index;      /* the partition is of this global index; NULL: of the table */
} ra_invalidation;

/*
 * *units: how many were marked. A partition is the queries of it: items that were read one by one are units
 * of their own, each named by its whole key.
 */
enum ra_invalidated ra_invalidate(ra_invalidator *v, const ra_invalidation *what, size_t *units);
/* Every table that this process knows or that the configuration names. The first that can't be ends it. */
enum ra_invalidated ra_invalidate_all(ra_invalidator *v, size_t *units);

#endif
