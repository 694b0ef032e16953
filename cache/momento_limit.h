/*
 * How much may be asked of Momento: a token bucket of operations, and a pause while the service says that it
 * is too much. One for all loops of a process. Time is passed in.
 *
 * The bucket holds a second's worth at most, but a few reads in any case. Reads take what is there or
 * nothing. What fills the cache after a miss may borrow half as much again: else reads would use up all there
 * is, and what they don't find would never come in. What tells Momento of a write may borrow as much again,
 * so that both yield to writes: a read that isn't made is a read that DynamoDB answers, but a write that
 * isn't told is one that others miss.
 * What is more than a second's worth (a batch of many keys) goes when the bucket is full, and is owed.
 *
 * Threads: any; a short lock.
 */
#ifndef RA_CACHE_MOMENTO_LIMIT_H
#define RA_CACHE_MOMENTO_LIMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ra_momento_limit {
    pthread_mutex_t lock;
    double rate;          /* operations per second; 0: no limit */
    double most;          /* that it holds */
    double held;          /* from -most to most */
    int64_t at;           /* ms: as of when */
    bool begun;           /* `at` is set */
    int64_t paused_until; /* ms */
} ra_momento_limit;

/* What Momento's word is good for when it doesn't say for how long: its limits are per second. */
enum { RA_MOMENTO_PAUSE = 1000, RA_MOMENTO_PAUSE_MOST = 60000 };

void ra_momento_limit_init(ra_momento_limit *l, unsigned operations_per_second);
void ra_momento_limit_fini(ra_momento_limit *l);
enum ra_momento_purpose { RA_MOMENTO_TO_READ, RA_MOMENTO_TO_FILL, RA_MOMENTO_TO_WRITE };
/* n operations, all or none. */
bool ra_momento_limit_take(ra_momento_limit *l, int64_t now, unsigned n, enum ra_momento_purpose why);
/* Nothing is to be asked for `ms`; negative: it isn't known for how long. Never longer than a minute,
 * whatever a peer says, and never shorter than what was said before. */
void ra_momento_limit_pause(ra_momento_limit *l, int64_t now, int64_t ms);
bool ra_momento_limit_is_paused(ra_momento_limit *l, int64_t now);

#endif
