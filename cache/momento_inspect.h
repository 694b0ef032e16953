/*
 * What stands in Momento, looked at or dropped unit by unit: what an operator's tool needs, never a proxy at
 * work. Calls run an event loop of their own until Momento has answered.
 *
 * Momento can't list keys. So of a unit its register is known, and of its entries only the one that the view
 * names, if it does.
 *
 * Threads: one. The process ignores SIGPIPE.
 */
#ifndef RA_CACHE_MOMENTO_INSPECT_H
#define RA_CACHE_MOMENTO_INSPECT_H

#include "cache/momento_client.h"
#include "cache/unit_view.h"

enum { RA_MOMENTO_INSPECT_WHY_MAX = 512 };

typedef struct ra_momento_inspect ra_momento_inspect;

typedef struct ra_momento_inspect_options {
    ra_momento_client_options client;
    const char *key_prefix; /* as the store's; must outlive it */
    int64_t timeout;        /* ms, > 0: of each request */
    int64_t now;            /* the wall clock, ms: what entries' times are compared with */
} ra_momento_inspect_options;

/* NULL: no memory, or a prefix that is too long. */
ra_momento_inspect *ra_momento_inspect_new(const ra_momento_inspect_options *o);
void ra_momento_inspect_free(ra_momento_inspect *m); /* NULL is allowed */
/* What went wrong, for a person; may quote the service. NULL: nothing has so far. Then everything fails. */
const char *ra_momento_inspect_why(const ra_momento_inspect *m);

/*
 * Puts a key of its own, that lives for a minute, and gets it: the API key may do both, and the cache is
 * there. How long the first took, connecting included, and the second.
 */
bool ra_momento_inspect_ping(ra_momento_inspect *m, int64_t *connect_us, int64_t *ping_us);
/* Fills the views. */
bool ra_momento_inspect_units(ra_momento_inspect *m, ra_unit_view *v, size_t n);
/*
 * Gives each unit that has one another generation, so that its entries are void: for a proxy that has asked
 * for the register lately once it asks again. One with a write under way is void as it is, and left alone.
 * dropped[i]: it had a generation.
 */
bool ra_momento_inspect_drop(ra_momento_inspect *m, const ra_key *units, size_t n, bool *dropped);

#endif
