/*
 * A shard of the near cache, for the files near*.c alone: its entries, in the order in which they were put
 * in, and what they cost. Every function but init and fini is called with the shard locked.
 *
 * An entry is found by unit and request. Its guards and generations are in `tail`, packed: they are long and
 * seldom as many or as long as they might be.
 *
 * When there is no room the oldest entry goes, unless it was served since it was put in: then it goes round
 * once more, as if it had been put in now (Corbato's "clock", 1968). At most RA_NEAR_ROUND_AGAIN do so in one
 * call: that bounds how long the shard stays locked when everything is served.
 *
 * Invariants. Every entry is in the index and on the queue, and has payload and tail. Between calls the
 * shard's bytes are within its budget, or it has no entry.
 */
#ifndef RA_CACHE_NEAR_SHARD_H
#define RA_CACHE_NEAR_SHARD_H

#include "cache/memory_index.h"
#include "cache/memory_slab.h"
#include "cache/near.h"

#include <pthread.h>
#include <stdalign.h>

enum { RA_NEAR_ROUND_AGAIN = 64 };

typedef struct ra_near_record {
    ra_key unit, request;
    ra_payload *payload;
    char *tail; /* the guards' keys, then each generation: of the unit, of the guards */
    int64_t expires, keeps;
    int64_t validated; /* when; monotonic */
    ra_near_mark mark; /* under which it was */
    uint32_t chain;    /* index */
    uint32_t newer, older;
    uint16_t tail_len;
    uint8_t nguards;
    bool served; /* since it was put in, or went round */
} ra_near_record;

typedef struct ra_near_shard {
    alignas(64) pthread_mutex_t lock;
    size_t budget; /* bytes */
    uint64_t seed; /* of the hash, so that nobody outside can aim at one bucket */
    ra_slab records;
    ra_index index;
    uint32_t newest, oldest;
    size_t held_bytes; /* payloads and tails */
    ra_near_stats n;   /* counters, and `entries` */
} ra_near_shard;

bool ra_near_shard_init(ra_near_shard *s, size_t budget, uint64_t seed);
void ra_near_shard_fini(ra_near_shard *s); /* fits one whose init failed */

uint64_t ra_near_shard_hash(uint64_t seed, const ra_key *unit, const ra_key *request);
size_t ra_near_shard_bytes(const ra_near_shard *s); /* overhead included */

/* 0: none. */
uint32_t ra_near_shard_find(ra_near_shard *s, uint64_t hash, const ra_key *unit, const ra_key *request);
/* The record is good until an entry is added or removed. */
ra_near_record *ra_near_shard_at(const ra_near_shard *s, uint32_t ref);
void ra_near_shard_remove(ra_near_shard *s, uint32_t ref);
/*
 * Adds an entry that isn't there, as the newest, and makes room for it. 0: no memory, or it alone doesn't
 * fit; `too_large` is counted. Times and mark are then the caller's to set.
 */
uint32_t ra_near_shard_add(ra_near_shard *s, const ra_key *unit, const ra_key *request, const ra_key *guards,
                           unsigned nguards, const ra_near_entry *e);

bool ra_near_record_guarded_by(const ra_near_record *r, const ra_key *guards, unsigned nguards);
void ra_near_record_token(const ra_near_record *r, ra_token *out);

#endif
