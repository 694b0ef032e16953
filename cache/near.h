/*
 * The near cache: entries of a network store that this process holds in its own memory, in front of it. It
 * saves the payload's way, and where the store tells what others change (pushes) the question too.
 *
 * An entry carries the token under which it is good: it may be served while its unit and its guards have
 * these very generations in the store. Who asks the store and finds that they do may serve it (*validated*).
 * It may be served without asking only while it is *fresh*: it was validated less than max_age ago, pushes
 * have been heard from the very server that its token is of ever since the question was sent by which it was
 * validated, and none has come for its unit or guards.
 *
 * Pushes are counted in slots that many units share: one too many only costs a question. So a push costs an
 * addition and takes no lock, and units that aren't held cost nothing. A mark is what the slots said when a
 * question was about to be sent; an answer is as new as the mark, never newer. What a process writes itself
 * counts as a push (ra_near_touch), when its write begins and again when all that its client waits for is in.
 *
 * Memory: bounded by max_bytes, overhead included, of which the slots are 256 KiB: with less nothing is held.
 * When there is no room the entry goes that was put in first, unless it was served since; so what is read
 * once goes first. An entry past its `keeps` isn't given out.
 *
 * Times: `now` is CLOCK_MONOTONIC in ms; expires and keeps are the store's clock, which the caller knows.
 * Ownership: reference-counted; payloads are too. Errors: without memory nothing is held, nothing fails.
 * Threads: any; shards with a short mutex each, no callback is run.
 */
#ifndef RA_CACHE_NEAR_H
#define RA_CACHE_NEAR_H

#include "cache/store.h"

typedef struct ra_near ra_near;

/* `max_age` in ms. NULL: no memory. One reference. */
ra_near *ra_near_new(size_t max_bytes, int64_t max_age);
ra_near *ra_near_ref(ra_near *n);
void ra_near_unref(ra_near *n); /* NULL is allowed */

/* ---- pushes ---- */

typedef struct ra_near_mark {
    uint32_t all; /* never 0; 0: what is put in under this mark has yet to be validated */
    uint32_t unit;
    uint32_t guard[RA_GUARDS_MAX];
} ra_near_mark;

/* To be taken before a question about the unit is sent. */
ra_near_mark ra_near_mark_now(ra_near *n, const ra_key *unit, const ra_key *guards, unsigned nguards);
/* Something has become of the unit: what is held of it must be validated. Wait-free. */
void ra_near_touch(ra_near *n, const ra_key *unit);
/* Of every unit, for nobody knows which: pushes have been missed. Nothing is fresh until told so again. */
void ra_near_touch_all(ra_near *n);

enum { RA_NEAR_EPOCH_MAX = 8 }; /* characters; one that is longer, or "", is of no server */
/*
 * Until then (monotonic) pushes of the server whose generations begin with `epoch` are known to be heard. The
 * first time after touch_all, or with another epoch, says that hearing has begun just now: what was asked
 * before isn't fresh, as what changed before may not have been pushed. `until` may pass: if the next call has
 * the same epoch, then no push was missed in between.
 */
void ra_near_heard(ra_near *n, const char *epoch, int64_t until);

/* ---- entries ---- */

typedef struct ra_near_entry {
    ra_payload *payload; /* get: one reference, the caller's to unref. put: the near cache takes its own */
    ra_token token;
    int64_t expires, keeps; /* the store's clock, ms */
    bool fresh;             /* get: may be served without asking the store; put: not looked at */
} ra_near_entry;

/* false: none. `store_now` is the store's clock. One with other guards than asked for counts as none. */
bool ra_near_get(ra_near *n, int64_t now, int64_t store_now, const ra_key *unit, const ra_key *request,
                 const ra_key *guards, unsigned nguards, ra_near_entry *out);
/* What is held for v, to be validated by a question that the caller is about to send, with the mark of the
 * time before that. false, and no payload: nothing that isn't past its TTL, for the store may have a newer
 * one. */
bool ra_near_look(ra_near *n, int64_t now, int64_t store_now, const ra_lookup *v, ra_near_mark *mark,
                  ra_near_entry *out);
/* A hit for v that may be served without asking the store, as far as the near cache knows: sets what a peek
 * sets. false: none. */
bool ra_near_hit(ra_near *n, int64_t now, int64_t store_now, ra_lookup *v);
/* Holds a copy, in the place of the one that is there. `mark` was taken before the question was sent whose
 * answer this is; with mark->all = 0 the entry is held, but isn't fresh. One larger than an eighth of a
 * shard isn't held. */
void ra_near_put(ra_near *n, int64_t now, const ra_key *unit, const ra_key *request, const ra_key *guards,
                 unsigned nguards, const ra_near_entry *e, const ra_near_mark *mark);
/* The store has said that the token is good: validated anew, if the entry is still held under it. */
void ra_near_validated(ra_near *n, int64_t now, const ra_key *unit, const ra_key *request,
                       const ra_token *token, const ra_near_mark *mark);
/* It is void, or damaged. */
void ra_near_drop(ra_near *n, const ra_key *unit, const ra_key *request);

typedef struct ra_near_stats {
    uint64_t entries, bytes, max_bytes; /* overhead included */
    uint64_t fresh, checked;            /* gets that gave a fresh entry, and one that had to be validated */
    uint64_t none;
    uint64_t puts, evictions, too_large, touches, touches_of_all;
} ra_near_stats;
void ra_near_get_stats(ra_near *n, ra_near_stats *out);

#endif
