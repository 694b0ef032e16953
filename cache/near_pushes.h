/*
 * What the near cache knows of pushes: how many have come, by slot; for how long they are known to be heard;
 * and of which server. For the files near*.c alone.
 *
 * A *regime* is a time in which pushes of one server are heard without a gap. `all` names it: it moves when
 * one ends (touch_all) and again before the next one's server and deadline are set (heard). So a question
 * that was sent before a regime began isn't fresh in it: what changed until then was never pushed.
 *
 * Threads: any. Who asks takes no lock; touch takes none. touch_all and heard exclude each other.
 */
#ifndef RA_CACHE_NEAR_PUSHES_H
#define RA_CACHE_NEAR_PUSHES_H

#include "cache/near.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

enum { RA_NEAR_SLOTS = 1 << 16 };

typedef struct ra_near_pushes {
    atomic_uint slot[RA_NEAR_SLOTS];
    atomic_uint all;                          /* never 0 */
    atomic_uint_fast64_t epoch;               /* its characters, then zeros; 0: none */
    atomic_int_fast64_t deadline;             /* INT64_MIN: nothing is heard */
    pthread_mutex_t regime;                   /* held while one ends or begins */
    alignas(64) atomic_uint_fast64_t touches; /* apart from what every get reads */
    atomic_uint_fast64_t touches_of_all;
} ra_near_pushes;

/* Which generations an entry has; nguards of token->guard count. */
typedef struct ra_near_claim {
    const ra_key *unit;
    const ra_key *guards;
    unsigned nguards;
    const ra_token *token;
} ra_near_claim;

void ra_near_pushes_init(ra_near_pushes *p);
void ra_near_pushes_fini(ra_near_pushes *p);
ra_near_mark ra_near_pushes_mark(ra_near_pushes *p, const ra_key *unit, const ra_key *guards,
                                 unsigned nguards);
void ra_near_pushes_touch(ra_near_pushes *p, const ra_key *unit);
void ra_near_pushes_touch_all(ra_near_pushes *p);
void ra_near_pushes_heard(ra_near_pushes *p, const char *epoch, int64_t until);
/* Have the pushes of these generations' server been heard since the mark, and none for them been among them?
 */
bool ra_near_pushes_none_since(ra_near_pushes *p, int64_t now, const ra_near_mark *mark,
                               const ra_near_claim *claim);

#endif
