/* What the files access_keys*.c share; nobody else includes it. */
#ifndef RA_PROXY_ACCESS_KEYS_PARTS_H
#define RA_PROXY_ACCESS_KEYS_PARTS_H

#include "proxy/access_keys.h"

#include <stdatomic.h>

struct ra_access_keys {
    atomic_uint refs;
    ra_access_key *v; /* sorted by id once the set is handed out */
    size_t n;
};

/* Room for n keys, none of them there yet; NULL: no memory. */
ra_access_keys *ra_access_keys_new(size_t n);
/* -1, 0, 1: as the set is sorted. */
int ra_access_keys_compare(ra_bytes a, ra_bytes b);

#endif
