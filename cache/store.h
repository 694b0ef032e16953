/*
 * The store: where entries live. One interface for the in-process table, Redis and Momento.
 *
 * Words. A *unit* is what a write invalidates as one: an item, a partition, an index or a table, named by an
 * ra_key. An *entry* is one cached reply inside a unit, named by the digest of its canonical request. A unit
 * is in one of two states that exclude each other:
 *   data    it has a generation (a nonce that is never used twice) and entries;
 *   marked  one or more writes to it are under way; it has no generation and no entries.
 * A *token* is the generation that a reader found or made at its miss: the right to fill the unit, void once
 * any write has marked it. An entry also carries the generations of its *guards* (the unit of its table and,
 * for a global index, of the index): it is a hit only while each guard is unmarked and its generation equal.
 *
 * The protocol, which every implementation keeps (cache/README.md says why it holds):
 *
 * - lookup: a hit is an unexpired entry whose unit and guards are unmarked and whose generations are equal; a
 *   miss is none, and a token taken now; a bypass means that a marker is live (or that the store can't say):
 *   read upstream, fill nothing. The token is taken before the upstream read, always.
 * - fill: stores only while the unit's generation equals the token's. A guard that has been broken since the
 *   token makes an entry that never hits.
 * - begin: marks units before a write is sent; drops generation and entries.
 * - end: ends one write's marker at once or, with `settle`, that much later. A begin whose write's fate is
 *   unknown gets no end: its marker lives for `hold`.
 * - invalidate: drops generation and entries; never touches a marker.
 *
 * A store object belongs to one event loop and is called on its thread only; what is shared (the in-process
 * table) is behind it. `now` is the caller's clock (ms, monotonic): a store that has none of its own uses it,
 * so that tests pass time in and never sleep.
 *
 * Asynchronous calls return RA_STORE_DONE when the result is there at once (the in-process table always does)
 * and RA_STORE_PENDING when `call->done` will be run later on the same thread, never before the function has
 * returned. Until then the caller keeps the arrays alive, or cancels.
 */
#ifndef RA_CACHE_STORE_H
#define RA_CACHE_STORE_H

#include "cache/key.h"
#include "cache/payload.h"

enum { RA_GENERATION_MAX = 47, RA_GUARDS_MAX = 2, RA_GROUPS = 1024 };

typedef struct ra_generation {
    uint8_t len; /* 0: none */
    uint8_t b[RA_GENERATION_MAX];
} ra_generation;

typedef struct ra_token {
    ra_generation unit;
    ra_generation guard[RA_GUARDS_MAX];
} ra_token;

enum ra_store_step { RA_STORE_DONE, RA_STORE_PENDING };

enum ra_lookup_outcome {
    RA_LOOKUP_HIT,   /* payload is set, fresh */
    RA_LOOKUP_STALE, /* payload is set, past its TTL but never invalidated and within its keep; token is set
                      */
    RA_LOOKUP_MISS,  /* token is set */
    RA_LOOKUP_BYPASS /* read upstream, fill nothing; `reason` says why */
};

typedef struct ra_lookup {
    /* in */
    ra_key unit;
    ra_key request;
    ra_key guard[RA_GUARDS_MAX];
    unsigned nguards;
    bool exact;  /* the promise is linearizable: what is held nearer than the store is never served unasked */
    bool awaits; /* at a miss the caller would wait for another process that is filling this very entry */
    uint32_t tag;              /* the caller's own; the store doesn't look at it, nor at the next two */
    int64_t ttl, negative_ttl; /* as they are now; the entry may have been filled under others */
    /* out */
    enum ra_lookup_outcome outcome;
    bool near;           /* HIT: the payload was held in this process, in front of a network store */
    ra_payload *payload; /* one reference, the caller's to unref; NULL unless HIT or STALE */
    int64_t expires_in;  /* HIT: ms left (> 0); STALE: how long past, as a negative number or 0 */
    ra_token token;
    int64_t filling_for; /* MISS, if asked: ms since another one of the store's processes began to fill this
                          * entry under this token. A hint, it may never end; -1: nobody is known to */
    const char *reason;  /* BYPASS: a static word such as "write-in-progress" */
} ra_lookup;

typedef struct ra_fill {
    ra_key unit;
    ra_key request;
    ra_token token;
    ra_key guard[RA_GUARDS_MAX];
    unsigned nguards;
    ra_payload *payload; /* the store takes its own reference */
    int64_t ttl;         /* ms from now: the TTL less the time since this read's own miss; > 0 */
    int64_t keep;        /* ms past the TTL that the entry stays for stale serving; >= 0 */
    unsigned group;      /* below RA_GROUPS: the in-process store may count what it holds by it */
} ra_fill;

enum ra_fill_result {
    RA_FILL_STORED,
    RA_FILL_OVERTAKEN, /* a write (or eviction of the token) came between: dropped */
    RA_FILL_TOO_LARGE, /* over the store's limit for one entry */
    RA_FILL_FULL,      /* the unit's cap of entries, or no memory */
    RA_FILL_QUEUED     /* a network store: sent, result unknown yet */
};

/* Names one write's markers. Unique over processes and time (128 random bits). */
typedef struct ra_write_id {
    unsigned char b[16];
} ra_write_id;
bool ra_write_id_new(ra_write_id *id); /* false if there is no randomness */

typedef struct ra_store_call ra_store_call;
struct ra_store_call {
    void (*done)(ra_store_call *call); /* in: run when PENDING completes */
    void *arg;                         /* in: the caller's */
    bool ok;                           /* out, for begin: every unit is marked; for ask: it is a hit; for
                                        * post and take_own: the store could be asked */
    void *pending;                     /* the store's own; NULL when nothing is pending */
};

/*
 * A *post*: something that one of the processes that share a store does for all of them (reading one shard of
 * a stream), and how far it has come with it. Who holds a post may leave a note at it, which outlives the
 * holder; the clock is the store's. A store that has lost its data, or is another server than before, knows
 * of no post: each is free and has no note. With a store that can't arbitrate (the in-process one, Momento)
 * every process holds whatever post it asks for, and must remember itself what it has noted: nothing is ever
 * found.
 *
 * `since`: records that were committed before that haven't all been asked about, so that for whoever reads
 * this shard, or its children, own writes count only if they were begun after it (ra_store_take_own). It
 * stays at the post, the latest; each process knows it by its own clock, never too early.
 */
enum { RA_POST_NOTE_MAX = 512 };
#define RA_SINCE_EVER INT64_MIN

typedef struct ra_post {
    /* in */
    ra_key name;
    ra_write_id holder; /* of this process, or of one part of it */
    int64_t lease;      /* ms; 0: only look, nothing is changed */
    bool leave;         /* give it up instead, if it is ours */
    bool renew;         /* hold it only if it is ours, lease run out or not, so that a note is never left over
                           that of somebody who has come and gone */
    const char *note;   /* leave this note, if the post is ours then; NULL: as it is */
    size_t note_n;      /* at most RA_POST_NOTE_MAX; an empty one is none */
    int64_t note_life;  /* ms that a note lives after it was left last */
    int64_t since;      /* monotonic; kept if the post is ours then. RA_SINCE_EVER: as it is */
    /* out, when ok */
    bool held;                    /* it is ours for `lease` from now: it was free or ours, or has run out */
    bool taken_over;              /* it is ours, and somebody else's lease had run out: he may have died */
    char found[RA_POST_NOTE_MAX]; /* the note as it was before; found_n 0: none. No terminating zero */
    size_t found_n;
    int64_t found_since; /* monotonic, the given one counted; RA_SINCE_EVER: nobody has left one */
} ra_post;

typedef struct ra_store_stats {
    uint64_t entries, units, markers;
    uint64_t bytes, max_bytes; /* overhead included */
    uint64_t hits, stale, misses, bypasses;
    uint64_t fills, fills_overtaken, fills_too_large, fills_full;
    uint64_t evictions, expirations, begins, ends, invalidations;
} ra_store_stats;

/* A change that a stream tells of: is it a write that went through one of the processes? See
 * cache/own_writes.h. */
typedef struct ra_own_change {
    ra_key item, image;
    bool has_image; /* false: it is nobody's for certain, but ends the item's notes */
    bool own;       /* out */
} ra_own_change;

typedef struct ra_store ra_store;

typedef struct ra_store_ops {
    const char *name;
    bool (*peek)(ra_store *s, int64_t now, ra_lookup *v);
    enum ra_store_step (*ask)(ra_store *s, int64_t now, ra_lookup *v,
                              ra_store_call *call); /* NULL: peek says all */
    enum ra_store_step (*lookup)(ra_store *s, int64_t now, ra_lookup *v, size_t n, ra_store_call *call);
    enum ra_fill_result (*fill)(ra_store *s, int64_t now, const ra_fill *f);
    enum ra_store_step (*begin)(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units,
                                size_t n, int64_t hold, ra_store_call *call);
    void (*end)(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                int64_t settle);
    void (*invalidate)(ra_store *s, int64_t now, const ra_key *units, size_t n);
    void (*cancel)(ra_store *s, ra_store_call *call); /* done won't run; the arrays may go */
    /* NULL: it can't arbitrate, see ra_store_post */
    enum ra_store_step (*post)(ra_store *s, int64_t now, ra_post *p, ra_store_call *call);
    /* NULL: those in this process do, see ra_store_note_own */
    void (*note_own)(ra_store *s, int64_t now, const ra_key *item, const ra_key *image, int64_t took);
    enum ra_store_step (*take_own)(ra_store *s, int64_t now, int64_t since, ra_own_change *v, size_t n,
                                   ra_store_call *call);
    void (*stats)(ra_store *s, ra_store_stats *out);
    void (*free)(ra_store *s);
} ra_store_ops;

struct ra_store {
    const ra_store_ops *ops;
};

/*
 * A fresh hit, if there is one that can be had at once: v's outputs but the token are set as by a lookup. It
 * never makes a unit or a token. false: nothing has been counted, and v's outputs mean nothing: look it up.
 */
bool ra_store_peek(ra_store *s, int64_t now, ra_lookup *v);
/* For a store: what a bypass leaves in v. */
void ra_lookup_bypass(ra_lookup *v, const char *reason);
/*
 * The same where it must be asked for: a fresh hit, if there is one, by the cheapest question there is.
 * PENDING: call->ok will say whether it is a hit, with v's outputs as of a peek. DONE: nothing was asked.
 * Without a hit nothing has been counted, no unit and no token made: look it up. After a peek that found
 * nothing.
 */
enum ra_store_step ra_store_ask(ra_store *s, int64_t now, ra_lookup *v, ra_store_call *call);
/* Results are in v[] when DONE, or when call->done runs. With n = 0: DONE. */
enum ra_store_step ra_store_lookup(ra_store *s, int64_t now, ra_lookup *v, size_t n, ra_store_call *call);
/* Never waits. */
enum ra_fill_result ra_store_fill(ra_store *s, int64_t now, const ra_fill *f);
/* Marks all units or says so in call->ok = false, after which the caller ends them all and sends nothing. */
enum ra_store_step ra_store_begin(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units,
                                  size_t n, int64_t hold, ra_store_call *call);
/* Never waits; copies what it needs. If a unit no longer has this write's marker, its data is dropped. */
void ra_store_end(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                  int64_t settle);
void ra_store_invalidate(ra_store *s, int64_t now, const ra_key *units, size_t n);
void ra_store_cancel(ra_store *s, ra_store_call *call); /* harmless when nothing is pending */
/* Holds, looks at, or leaves a post. call->ok says whether the store could be asked, also when DONE. *p and
 * its note stay until then. In a network store's quarantine, too. */
enum ra_store_step ra_store_post(ra_store *s, int64_t now, ra_post *p, ra_store_call *call);
/* Can processes that share the store agree on posts? */
bool ra_store_arbitrates(const ra_store *s);
/* A write has succeeded; fire and forget. `now`, `took`, and which writes and images may be noted: as with
 * ra_own_writes_note. Does nothing with a store that leaves that to the process (ra_own_writes). */
void ra_store_note_own(ra_store *s, int64_t now, const ra_key *item, const ra_key *image, int64_t took);
/*
 * v[] in the order of the stream; of one item there may be several. Writes that were begun before `since`
 * (monotonic; RA_SINCE_EVER: all count) aren't known: records have been skipped that were committed by then.
 * DONE with call->ok true: a store that leaves it to the process, nothing is set. With call->ok false, DONE
 * or later, nothing is own; and what has been noted may stand there as before, so that the records don't
 * count as handled: they must be taken again, all of them, also those of which nothing is to be invalidated.
 */
enum ra_store_step ra_store_take_own(ra_store *s, int64_t now, int64_t since, ra_own_change *v, size_t n,
                                     ra_store_call *call);
bool ra_store_notes_own(const ra_store *s); /* does the store, and not the process? */
void ra_store_get_stats(ra_store *s, ra_store_stats *out);
void ra_store_free(ra_store *s);

#endif
