/*
 * What a store holds of one unit, as an operator's tool shows it: never asked for by a request. A view is a
 * look, not a lookup: it makes no unit, no token, and counts nothing.
 *
 * Ownership: a view owns its entries. Threads: none; one owner at a time.
 */
#ifndef RA_CACHE_UNIT_VIEW_H
#define RA_CACHE_UNIT_VIEW_H

#include "cache/store.h"

enum { RA_UNIT_VIEW_ENTRIES = 4096 }; /* more aren't listed; a store keeps fewer in one unit by default */

enum ra_unit_state {
    RA_UNIT_EMPTY,  /* nothing is held */
    RA_UNIT_DATA,   /* a generation, and perhaps entries */
    RA_UNIT_MARKED, /* writes to it are under way, or of unknown fate */
    RA_UNIT_STATES
};

typedef struct ra_unit_entry {
    ra_key request;
    uint64_t bytes;     /* as the store holds it, its own overhead left out */
    int64_t expires_in; /* ms; <= 0: it is past its TTL, and kept for stale serving */
    int64_t keeps_in;   /* ms until it goes */
} ra_unit_entry;

typedef struct ra_unit_view {
    /* in */
    ra_key unit;
    ra_key guard[RA_GUARDS_MAX];
    unsigned nguards;
    bool named; /* `name` is the request of one entry: for a store that can't list them */
    ra_key name;
    /* out */
    enum ra_unit_state state;
    uint64_t markers;       /* that live */
    int64_t marked_for;     /* ms until the last of them that can be read ends; 0: none */
    bool unlisted;          /* this store can't tell which entries there are */
    ra_unit_entry *entries; /* that are served as long as nothing is written */
    size_t n;
    uint64_t overtaken; /* entries that are there and never hit: a guard was broken since, or they are over */
} ra_unit_view;

/* false: no memory, or there are RA_UNIT_VIEW_ENTRIES. */
bool ra_unit_view_add(ra_unit_view *v, const ra_unit_entry *e);
/* Back to what was asked: nothing is known. */
void ra_unit_view_clear(ra_unit_view *v);
uint64_t ra_unit_view_bytes(const ra_unit_view *v);
/* "empty", "data", "marked"; and back, RA_UNIT_STATES: something else. */
const char *ra_unit_state_name(enum ra_unit_state s);
enum ra_unit_state ra_unit_state_of(const char *name);

#endif
