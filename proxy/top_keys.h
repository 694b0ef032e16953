/*
 * The units that are read most of late: a Space-Saving summary (Metwally, Agrawal, El Abbadi 2005) of a
 * sample of a loop's reads, one in RA_TOP_KEYS_ONE_IN on average, at random distances. Counts are halved each
 * time that RA_TOP_KEYS_FADE reads were sampled, so that what was hot once gives way.
 *
 * Of a fixed size. Threads: one notes; any reads; a short mutex, taken for what is sampled alone.
 */
#ifndef RA_PROXY_TOP_KEYS_H
#define RA_PROXY_TOP_KEYS_H

#include "cache/key.h"

#include <pthread.h>

enum { RA_TOP_KEYS = 128, RA_TOP_KEYS_ONE_IN = 32, RA_TOP_KEYS_FADE = 8192 };

typedef struct ra_top_key {
    ra_key unit;
    unsigned subject;
    uint64_t reads; /* an estimate of those not faded yet, in units of samples while it is held */
} ra_top_key;

typedef struct ra_top_keys {
    unsigned left;        /* reads until the next one is sampled; the noting thread's */
    pthread_mutex_t lock; /* of what follows */
    unsigned sampled;
    size_t n;
    ra_top_key v[RA_TOP_KEYS];
} ra_top_keys;

void ra_top_keys_init(ra_top_keys *t);
void ra_top_keys_fini(ra_top_keys *t);
/* A read is in the sample. Use ra_top_keys_note. */
void ra_top_keys_take(ra_top_keys *t, unsigned subject, const ra_key *unit);
static inline void ra_top_keys_note(ra_top_keys *t, unsigned subject, const ra_key *unit)
{
    if (t->left)
        t->left--;
    else
        ra_top_keys_take(t, subject, unit);
}
/* Adds what is held to out[0 .. *n), of which there are at most `most`: the same unit of several summaries is
 * one. Reads are scaled to all. */
void ra_top_keys_add(ra_top_keys *t, ra_top_key *out, size_t *n, size_t most);
/* The most read first. */
void ra_top_keys_sort(ra_top_key *v, size_t n);

#endif
