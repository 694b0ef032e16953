/*
 * Aliases: what a request's bytes mean. A read that is asked again byte for byte (operation and body) is the
 * same read, so what was found out of it the first time (which unit, which entry, which guards) needn't be
 * found out again. An alias says what to look up, never what the reply is: whether there is a hit, the store
 * says each time.
 *
 * It is good while the configuration and what is known of the tables are what they were, and for a second:
 * then the request goes the whole way once more, on which a schema that is old gets renewed.
 *
 * Compared byte for byte, so that no two requests are ever taken for one; the hash only says where to look.
 * So is by whom it is asked: an alias was learnt when that very access key, as it was then, was allowed what
 * it asks. Bounded in number and in bytes; a new alias takes the place of an older one.
 *
 * Ownership: an alias has a reference to its configuration and copies of the bytes. Threads: one table per
 * loop, on its thread.
 */
#ifndef RA_PROXY_ALIAS_H
#define RA_PROXY_ALIAS_H

#include "cache/store.h"
#include "config/config.h"

enum {
    RA_ALIAS_SETS = 2048,     /* of two each */
    RA_ALIAS_BYTES = 4 << 20, /* of all copies, per event loop */
    RA_ALIAS_LIFE_MS = 1000
};

typedef struct ra_aliases ra_aliases;

ra_aliases *ra_aliases_new(size_t max_bytes); /* NULL: no memory */
void ra_aliases_free(ra_aliases *a);          /* NULL is allowed */
void ra_aliases_clear(ra_aliases *a);

/* What is asked, and by whom. */
typedef struct ra_alias_asked {
    uint64_t principal; /* the access key's serial; 0: nobody has to sign */
    ra_bytes target, body;
} ra_alias_asked;

/* What an alias rests on. */
typedef struct ra_alias_basis {
    ra_config *config;
    uint64_t tables_version;
    int64_t now; /* monotonic, ms */
} ra_alias_basis;

/* Sets *look's unit, request, guards, tag, TTLs and `exact`, the rest to 0. false: none that is good. */
bool ra_aliases_find(const ra_aliases *a, const ra_alias_asked *asked, const ra_alias_basis *b,
                     ra_lookup *look);
/* Those bytes mean this. Not kept if there is no memory or they are too long. */
void ra_aliases_learn(ra_aliases *a, const ra_alias_asked *asked, const ra_alias_basis *b,
                      const ra_lookup *look);
/* The hit that they meant is gone. */
void ra_aliases_forget(ra_aliases *a, const ra_alias_asked *asked);
size_t ra_aliases_bytes(const ra_aliases *a);

#endif
