/*
 * A keeper of positions (proxy/stream_walk.h) before another one, which holds back each position until the
 * looks that its records owe have been made (proxy/rekey_looks.h): so a crash repeats them, and passes
 * nothing over. Of each shard two positions wait at most, the next and the latest, so that one that is busy
 * gets on.
 *
 * Threads: one, that of the walk.
 */
#ifndef RA_PROXY_REKEY_KEEPER_H
#define RA_PROXY_REKEY_KEEPER_H

#include "proxy/rekey_looks.h"
#include "proxy/stream_walk.h"

typedef struct ra_rekey_keeper ra_rekey_keeper;

/* Both must outlive it. NULL: no memory. */
ra_rekey_keeper *ra_rekey_keeper_new(const ra_stream_keeper *inner, const ra_rekey_looks *looks);
void ra_rekey_keeper_free(ra_rekey_keeper *k); /* what waits is dropped; NULL is allowed */
const ra_stream_keeper *ra_rekey_keeper_outer(const ra_rekey_keeper *k);
/* Passes on what needn't wait any more; after looks have been made. */
void ra_rekey_keeper_pass(ra_rekey_keeper *k);

#endif
