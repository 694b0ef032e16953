/*
 * Which keys have been met already: a set that only grows, up to a cap. Keys are digests, so that their own
 * bytes scatter them.
 *
 * Ownership: the set copies keys. Errors: past the cap and without memory a key is simply not remembered.
 * Threads: none.
 */
#ifndef RA_CACHE_KEY_SET_H
#define RA_CACHE_KEY_SET_H

#include "cache/key.h"

typedef struct ra_key_set {
    ra_key *slots; /* a key of zeros: empty; at most half of them are taken */
    size_t nslots; /* a power of two */
    size_t n;
    size_t most; /* keys */
} ra_key_set;

/* Takes at most 4 times `most` keys' bytes, while it grows half as much again. */
void ra_key_set_init(ra_key_set *s, size_t most);
void ra_key_set_free(ra_key_set *s); /* back to the state after ra_key_set_init */
/* false: it was there already. A key of zeros, which is no digest, never is. */
bool ra_key_set_add(ra_key_set *s, const ra_key *k);

#endif
