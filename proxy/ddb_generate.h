/*
 * Made-up conversations for load tests, one item after the other: every message, in the order of its time,
 * then two membership items for each group with the group's newest message. What an item looks like is the
 * configuration's to say; here are the values of its slots (enum ra_generate_slot).
 *
 * The same spec gives the same values on every machine; another seed, or other counts, give other people,
 * groups and ids, so that the items of two specs never mix. No two messages have the same time, nor have two
 * membership items the same user and time.
 *
 * Memory: O(groups), whatever the number of messages. Ownership: an item's values are the generator's, until
 * the next one. Threads: one.
 */
#ifndef RA_PROXY_DDB_GENERATE_H
#define RA_PROXY_DDB_GENERATE_H

#include "cache/bytes.h"
#include "config/route.h"
#include "proxy/ddb_generate_spec.h"

enum { RA_GENERATED_TIME = 33 }; /* "2024-06-11T20:05:43.816059+00:00" and its zero */

typedef struct ra_generate ra_generate;

typedef struct ra_generated {
    bool membership; /* else a message */
    ra_bytes values[RA_GENERATE_SLOTS];
} ra_generated;

/* Something to look at first: the group with most messages, and one of its members. */
typedef struct ra_generate_example {
    char user_uuid[37];
    char group_uuid[37];
} ra_generate_example;

ra_generate *
ra_generate_new(const ra_generate_spec *spec); /* as ra_generate_spec_parse takes it; NULL: no memory */
void ra_generate_free(ra_generate *g);         /* NULL is allowed */

/* messages + 2 * groups */
uint64_t ra_generate_items(const ra_generate *g);
/* The next item. NULL: there is none, or *no_memory. */
const ra_generated *ra_generate_next(ra_generate *g, bool *no_memory);
/* After the last item. */
void ra_generate_busiest(const ra_generate *g, ra_generate_example *out);

#endif
