/*
 * The in-process store's markers, for an operator's tool: which units are marked, and until when; and their
 * removal. Threads: any; a shard's lock is held for some units at a time, and not while the visitor runs.
 */
#ifndef RA_CACHE_MEMORY_MARKERS_H
#define RA_CACHE_MEMORY_MARKERS_H

#include "cache/memory_store.h"

typedef struct ra_memory_marked {
    ra_key unit;
    uint64_t live, expired; /* markers; those of writes that have ended but settle are among them */
    int64_t left;           /* ms until the last live one ends; 0: none */
} ra_memory_marked;

/* Visits every unit that has markers, in no order. What is marked only meanwhile may be missing. The visitor
 * says false to stop. */
void ra_memory_markers_visit(ra_memory *m, int64_t now, bool (*visit)(const ra_memory_marked *u, void *arg),
                             void *arg);
/* Removes a unit's markers; *out is what they were. A write that ends after that drops what has been cached
 * since, as one does whose marker has run out. */
void ra_memory_markers_clear(ra_memory *m, int64_t now, const ra_key *unit, ra_memory_marked *out);

#endif
