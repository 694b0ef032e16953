/*
 * The store in Momento: as much of the protocol of cache/store.h as a service without conditional writes lets
 * one keep, over HTTP, shared by any number of processes. cache/README.md says what is promised, and why.
 *
 * Each unit has a register (cache/momento_record.h). begin puts "W" into it and end puts "I" with a fresh
 * nonce, so that every entry of before is void. A lookup gets register and entry together. A lookup that
 * finds no register puts an idle one, and waits for that before it answers: so whatever is filled under it
 * was read after it had landed, and a write that was missed has overwritten it.
 *
 * What this process writes is remembered in it until the "I" has been acknowledged and two seconds more, in
 * which Momento's replicas agree; so long lookups of the unit bypass on all stores that share an
 * ra_momento_shared. A register that can't be put is put again until it is.
 *
 * Nothing is asked while Momento refuses the API key or the cache, while it says 429, while the breaker is
 * open, or over operations_per_second: lookups then bypass, with the reason in the lookup.
 *
 * Clocks: `now` is CLOCK_MONOTONIC in ms; an entry's expiry is by the wall clock of whoever fills and reads.
 * Threads: one store per loop; ra_momento_shared: any. A store isn't freed from one of its callbacks.
 */
#ifndef RA_CACHE_MOMENTO_STORE_H
#define RA_CACHE_MOMENTO_STORE_H

#include "cache/breaker.h"
#include "cache/momento_client.h"
#include "cache/near.h"
#include "cache/seal.h"
#include "cache/store.h"

/* What all loops of a process know together. */
typedef struct ra_momento_shared ra_momento_shared;

typedef struct ra_momento_shared_options {
    ra_near *near;                  /* takes a reference; NULL: none */
    unsigned operations_per_second; /* 0: no limit */
    int64_t max_age; /* ms that a guard's register may be taken for what it was, and what is near for good */
    /* What a person should know, once per event; from any of the loops' threads. */
    void (*say)(const char *text, bool warning, void *arg);
    void *say_arg;
} ra_momento_shared_options;

/* One reference. NULL: no memory. */
ra_momento_shared *ra_momento_shared_new(const ra_momento_shared_options *o);
ra_momento_shared *ra_momento_shared_ref(ra_momento_shared *s);
void ra_momento_shared_unref(ra_momento_shared *s); /* NULL is allowed */
/* For a call that no store makes: Momento's word on the configuration is said, and remembered, as if one had.
 */
void ra_momento_shared_heard(ra_momento_shared *s, int64_t now, const ra_momento_result *r);

/* For tests, which pass time in. */
typedef struct ra_momento_clock {
    int64_t (*monotonic)(void); /* ms */
    int64_t (*wall)(void);      /* ms since the epoch */
} ra_momento_clock;

typedef struct ra_momento_store_options {
    ra_momento_client_options client;
    const char *key_prefix;   /* at most RA_MOMENTO_PREFIX_MOST bytes */
    const ra_seal_keys *seal; /* must outlive the store */
    ra_momento_shared *shared;
    int64_t request_timeout; /* ms: of each round of a lookup, of a begin; > 0 */
    int64_t register_ttl;    /* ms that an idle register stays; at most the service's 24 h */
    size_t max_entry_bytes;
    size_t max_markers;            /* writes that are remembered, of 200 bytes each. 0: 262144 */
    const ra_momento_clock *clock; /* NULL: the system's */
} ra_momento_store_options;

/* NULL: no memory, or a prefix that is too long. */
ra_store *ra_momento_store_new(struct event_base *base, const ra_momento_store_options *o);

/* The write is going to be sent, or has been, although begin has failed: from here on it is remembered as if
 * it had begun. false: there is no room to; what has been remembered by then is for the caller to end. */
bool ra_momento_store_go_on(ra_store *s, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                            int64_t hold);
/* Is there anything that Momento is being told of writes that have ended, or is about to be? Not what it
 * doesn't take now, nor what it has refused several times. */
bool ra_momento_store_ending(ra_store *s);

enum ra_momento_health {
    RA_MOMENTO_MISCONFIGURED, /* Momento refuses the API key or the cache */
    RA_MOMENTO_PAUSED,        /* it has said 429, or when to ask again */
    RA_MOMENTO_BREAKER,       /* it fails, or is too slow */
    RA_MOMENTO_SERVING
};
enum ra_momento_health ra_momento_store_health(ra_store *s, int64_t now);

typedef struct ra_momento_store_counts {
    uint64_t operations;      /* requests sent */
    uint64_t throttled;       /* of them, answered 429 */
    uint64_t bypassed_429;    /* lookups that went to DynamoDB while Momento said 429, or just had */
    uint64_t rate_limited;    /* lookups, fills and marks that operations_per_second has kept back */
    uint64_t refused;         /* requests answered 401, 403 or "cache not found" */
    uint64_t failed;          /* requests that got no reply, or an error of the service's */
    uint64_t too_large;       /* fills over the service's limit of 5 MB for an item */
    uint64_t too_long;        /* fills over its limit of 24 h for a TTL */
    uint64_t too_short;       /* fills that live for less than a second: held near alone */
    uint64_t foreign;         /* entries that didn't open: another version's, or an unknown key */
    uint64_t damaged;         /* those that were truncated, forged, swapped */
    uint64_t ahead;           /* those that were dated later than it is here: clocks differ */
    uint64_t untold;          /* writes of this store whose end Momento hasn't acknowledged yet */
    uint64_t markers_refused; /* there was no room to remember one */
} ra_momento_store_counts;
void ra_momento_store_get_counts(ra_store *s, ra_momento_store_counts *out);

#endif
