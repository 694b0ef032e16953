/*
 * Units as a person names them: by the first digits of their digests, or by all of them.
 * Ownership: the list is the owner's own. Threads: none.
 */
#ifndef RA_PROXY_MARKERS_NAMES_H
#define RA_PROXY_MARKERS_NAMES_H

#include "cache/key.h"

enum { RA_MARKERS_NAMES_MAX = 256, RA_MARKERS_NAME_LEAST = 16 };

typedef struct ra_markers_name {
    const char *text; /* as it was given; the caller's */
    ra_key key;       /* its digits, then zeros */
    size_t digits;
    bool met;
} ra_markers_name;

typedef struct ra_markers_names {
    ra_markers_name v[RA_MARKERS_NAMES_MAX];
    size_t n;
} ra_markers_names;

/* NULL, or what is wrong with it. */
const char *ra_markers_names_add(ra_markers_names *m, const char *text);
/* Is the unit named? With `met` all its names are noted as met. */
bool ra_markers_names_has(ra_markers_names *m, const ra_key *unit, bool met);
/* Writes the keys if all names are whole. */
bool ra_markers_names_whole(const ra_markers_names *m, ra_key out[RA_MARKERS_NAMES_MAX]);

#endif
