/*
 * A shard of the in-process store, for the files memory_*.c alone: its records, who is on which list, and
 * what it counts. Every function here is called with the shard locked.
 *
 * Records. A unit's record holds its first entry in itself, as most units have one; further entries have
 * records of their own, which the index finds by unit and request together, so that a unit with a thousand
 * pages costs a lookup no more than a unit with one. Both kinds are in one index; an entry is named by a
 * reference whose top bit says where it is.
 *
 * Invariants.
 *   - generation != 0 => not marked. Entries => generation != 0. So a marked unit has no data.
 *   - `list` heads the markers of a marked unit, the further entries of another (circular, oldest first).
 *   - An entry is on exactly one of SMALL and MAIN. A unit that has a generation, no entry and isn't pinned
 *     is on TOKENS by its first entry's place: it stands there only for the tokens that were taken on it.
 *   - A unit with no generation, no marker and not pinned doesn't exist (but within an operation).
 */
#ifndef RA_CACHE_MEMORY_SHARD_H
#define RA_CACHE_MEMORY_SHARD_H

#include "cache/memory_index.h"
#include "cache/memory_slab.h"
#include "cache/memory_store.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#define RA_FURTHER 0x80000000u /* bit of an entry's reference: not in its unit's record */

enum ra_queue_name { RA_QUEUE_NONE, RA_QUEUE_TOKENS, RA_QUEUE_SMALL, RA_QUEUE_MAIN, RA_QUEUES };

typedef struct ra_entry {
    ra_key request;
    ra_payload *payload; /* NULL: the unit's record has no entry in itself */
    int64_t expires;
    uint32_t newer, older; /* on its queue */
    uint32_t keep;         /* ms past `expires` */
    unsigned freq : 2;     /* hits since it was queued, up to 3 */
    unsigned queue : 2;    /* enum ra_queue_name */
    /* The next three are of the unit that this is the first entry of; they are here to fill the record. */
    unsigned pinned : 1; /* it is a guard */
    unsigned marked : 1;
    unsigned further : 16; /* number of entries in records of their own */
    unsigned group : 10;   /* of this entry: see ra_fill */
} ra_entry;

typedef struct ra_unit {
    ra_entry first;
    ra_key key;
    uint64_t generation; /* 0: none */
    uint32_t chain;      /* index */
    uint32_t list;       /* markers or further entries */
} ra_unit;

typedef struct ra_further {
    ra_entry entry;
    uint32_t chain; /* index */
    uint32_t unit;
    uint32_t prev, next; /* of the unit's list */
} ra_further;

typedef struct ra_marker {
    ra_write_id id;
    int64_t deadline;
    uint32_t next;
} ra_marker;

_Static_assert(sizeof(void *) != 8 ||
                   (sizeof(ra_entry) == 64 && sizeof(ra_unit) == 112 && sizeof(ra_further) == 80),
               "the overhead that README.md states rests on these");

typedef struct ra_queue {
    uint32_t newest, oldest;
    size_t bytes; /* what the entries cost (ra_shard_entry_cost) */
    size_t count;
} ra_queue;

/* What was lately evicted from SMALL after no or one hit: fingerprints in sets of four. */
typedef struct ra_ghost {
    uint32_t (*sets)[4];
    size_t mask; /* number of sets - 1 */
} ra_ghost;

typedef struct ra_shard_limits {
    size_t budget; /* bytes */
    size_t max_entry_bytes;
    unsigned max_unit_entries; /* <= UINT16_MAX */
    size_t max_tokens;         /* units that hold nothing but a generation */
    size_t max_markers;        /* of the whole store */
    uint64_t seed;             /* of the hash, so that nobody outside can aim at one bucket */
} ra_shard_limits;

/* What all shards hold of one group of entries. */
typedef struct ra_memory_group {
    atomic_size_t entries, bytes;
} ra_memory_group;

typedef struct ra_shard {
    alignas(64) pthread_mutex_t lock;
    const ra_shard_limits *limits;
    atomic_size_t *markers_in_all;
    ra_memory_group *groups; /* of all shards, RA_GROUPS of them; NULL: not counted */
    ra_slab units, further, markers;
    ra_index index;
    ra_queue queue[RA_QUEUES];
    ra_ghost ghost;
    size_t payload_bytes, fixed_bytes;
    ra_store_stats n; /* counters, and `entries` */
} ra_shard;

bool ra_shard_init(ra_shard *s, const ra_shard_limits *limits, atomic_size_t *markers_in_all,
                   ra_memory_group *groups);
void ra_shard_fini(ra_shard *s);

static inline size_t ra_shard_bytes(const ra_shard *s)
{
    return s->fixed_bytes + s->payload_bytes + s->units.bytes + s->further.bytes + s->markers.bytes +
           s->index.bytes;
}
static inline ra_unit *ra_shard_unit(const ra_shard *s, uint32_t unit)
{
    return ra_slab_at(&s->units, unit);
}
static inline ra_further *ra_shard_further(const ra_shard *s, uint32_t entry)
{
    return ra_slab_at(&s->further, entry & ~RA_FURTHER);
}
static inline ra_entry *ra_shard_entry(const ra_shard *s, uint32_t entry)
{
    return entry & RA_FURTHER ? &ra_shard_further(s, entry)->entry : &ra_shard_unit(s, entry)->first;
}
static inline uint32_t ra_shard_owner(const ra_shard *s, uint32_t entry)
{
    return entry & RA_FURTHER ? ra_shard_further(s, entry)->unit : entry;
}
/* Past its TTL and the time that it is kept for stale serving. */
static inline bool ra_entry_over(const ra_entry *e, int64_t now)
{
    return now >= e->expires && now - e->expires >= (int64_t)e->keep;
}
static inline unsigned ra_unit_entries(const ra_unit *u)
{
    return (u->first.payload ? 1U : 0U) + u->first.further;
}

uint64_t ra_shard_hash(uint64_t seed, const ra_key *unit);

/* Units, by reference; 0: none, or no memory. */
uint32_t ra_shard_find(ra_shard *s, const ra_key *key, uint64_t hash);
uint32_t ra_shard_add(ra_shard *s, const ra_key *key); /* it must not be there */
uint32_t ra_shard_find_or_add(ra_shard *s, const ra_key *key, uint64_t hash);
/* Drops generation and entries: every token on the unit is void from here on. */
void ra_shard_drop_data(ra_shard *s, uint32_t unit);
/* Puts a unit where it belongs after a change: on or off TOKENS, or away if nothing is left of it. */
void ra_shard_settle(ra_shard *s, uint32_t unit);

/* Drops what of a unit is past its time, perhaps the unit itself; returns how many entries it looked at. */
size_t ra_shard_sweep_unit(ra_shard *s, uint32_t unit, int64_t now);

/* Entries. add gives one with no payload, which is on no queue yet; 0: no memory. */
uint32_t ra_shard_find_entry(ra_shard *s, uint32_t unit, const ra_key *request);
uint32_t ra_shard_add_entry(ra_shard *s, uint32_t unit, const ra_key *request);
/* Takes its own reference to the payload. `group` is below RA_GROUPS. */
void ra_shard_set_payload(ra_shard *s, uint32_t entry, ra_payload *payload, unsigned group);
void ra_shard_renew(ra_shard *s, uint32_t entry); /* it is the newest of its unit now */
void ra_shard_remove_entry(ra_shard *s, uint32_t entry);
uint32_t ra_shard_oldest_entry(ra_shard *s, uint32_t unit);
size_t ra_shard_entry_cost(uint32_t entry, const ra_payload *payload);
uint32_t ra_shard_fingerprint(ra_shard *s, uint32_t entry);

/* memory_marker.c. set: false without memory or past max_markers. */
bool ra_marker_set(ra_shard *s, uint32_t unit, const ra_write_id *id, int64_t deadline);
bool ra_marker_clear(ra_shard *s, uint32_t unit, const ra_write_id *id); /* false: it wasn't there */
void ra_marker_clear_all(ra_shard *s, uint32_t unit);                    /* whosoever they are */
bool ra_marker_postpone(ra_shard *s, uint32_t unit, const ra_write_id *id, int64_t deadline);
/* The write has ended; the unit stays marked until `deadline`. A unit has one such marker for all its writes,
 * so that a busy index doesn't gather thousands. false: the write's marker wasn't there. */
bool ra_marker_settle(ra_shard *s, uint32_t unit, const ra_write_id *id, int64_t deadline);
/* Drops markers past their deadline; true if a live one is left. */
bool ra_marker_live(ra_shard *s, uint32_t unit, int64_t now);
size_t ra_marker_count(ra_shard *s, int64_t now); /* live ones of writes that haven't ended */

/* memory_evict.c */
bool ra_ghost_init(ra_ghost *g, size_t budget, size_t *bytes);
void ra_queue_push(ra_shard *s, enum ra_queue_name name, uint32_t entry);
void ra_queue_remove(ra_shard *s, uint32_t entry); /* harmless when it is on none */
/* Puts a new entry, with its payload, on the queue that is its own. */
void ra_evict_admit(ra_shard *s, uint32_t entry);
/* Evicts until the shard is within its budget, but not `spare`. false: it still isn't. */
bool ra_evict_room(ra_shard *s, int64_t now, uint32_t spare);

#endif
