/*
 * A provider that renews its credentials in the background: 10 minutes before they expire, or in the middle
 * of what they have left if that is less; one fetch at a time, during which the old ones go on being used.
 * When they have expired, who asks waits for the fetch. While the source is down it is asked again with
 * growing pauses, and the log says so once per outage, and once more when the old ones have expired. Those
 * that never expire are never fetched again.
 */
#ifndef RA_PROXY_CREDENTIALS_RENEWED_H
#define RA_PROXY_CREDENTIALS_RENEWED_H

#include "proxy/credentials.h"
#include "proxy/credentials_chain.h"

typedef struct ra_credentials_renewed_options {
    ra_credentials *first; /* taken, also when there is no provider */
    /* Blocks, on a thread of its own; may look whether `b` is ending. NULL: `why` says why. */
    ra_credentials *(*look)(void *arg, const ra_background *b, char why[RA_CHAIN_WHY_MAX]);
    void (*free_arg)(void *arg); /* also when there is no provider; NULL: nothing is to be freed */
    void *arg;
    int64_t (*wall)(void); /* ms; NULL: the wall clock */
} ra_credentials_renewed_options;

/* NULL: no memory, or no thread. */
ra_credentials_provider *ra_credentials_renewed_new(const ra_credentials_renewed_options *o);

/* When credentials that were had at `now` are to be renewed; all in ms by the wall clock. Pure. */
int64_t ra_credentials_renewal_due(int64_t now, int64_t expires);
/* How long to wait after a failure, in ms; `pause` is the last one's (0: it was the first), `random` any
 * number. Pure. */
int64_t ra_credentials_renewal_pause(int64_t pause, bool expired, uint64_t random);

#endif
