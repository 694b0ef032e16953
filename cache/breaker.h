/*
 * A circuit breaker: whether a store that fails or is slow should be asked at all. Pure: time is passed in.
 *
 * Closed: every call may go. It opens when, of the newest calls, too many were bad: failed, or slower than
 * the store's own recent latency makes likely. Open: no call goes until the pause is over (doubled each time
 * that probes fail, or that it opens anew soon after it was closed; with jitter; up to a limit) and the calls
 * of before have ended. Half open: one call at a time goes, as a probe; a few good ones in a row close it
 * again, a bad one opens it.
 *
 * One hiccup is no illness: calls that were under way together were held up together, however many they are.
 * It therefore opens on a call only that began after half of `failures` had been bad already: calls that go
 * one by one open it at exactly `failures`, any number of them at once in the second round of bad ones.
 *
 * What is usual follows the good calls; until there have been 16 nothing counts as slow. Slow ones don't move
 * it, but slow probes do, slightly: a store that has become slower for good is taken as it is in the end, the
 * later the further off. One that was never faster, or that became slow step by step, isn't slow by this
 * measure: the deadline that callers give their calls is the limit then, since what passes it has failed.
 *
 * Threads: none shared; one breaker per connection.
 */
#ifndef RA_CACHE_BREAKER_H
#define RA_CACHE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum { RA_BREAKER_WINDOW_MOST = 128 };

enum ra_breaker_state { RA_BREAKER_CLOSED, RA_BREAKER_OPEN, RA_BREAKER_HALF_OPEN };

typedef struct ra_breaker_options {
    unsigned window;       /* calls that are looked at; at most 128; 0: 64 */
    unsigned failures;     /* of them so many bad: open; 0: half the window */
    unsigned slow_factor;  /* slower than so many times the usual latency counts as slow; 0: 20 */
    int64_t slow_floor_us; /* what is faster than this is never slow; 0: 5000 */
    int64_t pause_ms;      /* the first pause; 0: 200 */
    int64_t pause_most_ms; /* 0: 10000; never less than the first */
    unsigned probes;       /* good ones in a row that close it; 0: 3 */
} ra_breaker_options;

typedef struct ra_breaker {
    ra_breaker_options options; /* with the defaults put in */
    enum ra_breaker_state state;
    uint64_t bad[2];         /* the window as bits: failed, or slow */
    unsigned at, seen, nbad; /* next bit; how many bits count; how many are set */
    double usual_us;         /* moving average of good calls' latency; 0: none yet */
    unsigned learnt;         /* calls that it was learnt from; counted up to where no more are needed */
    bool suspect;            /* half of what opens is bad */
    int64_t suspected;       /* ms: since when */
    int64_t reopens;         /* ms: when a probe may go; half open: when the newest one went */
    int64_t pause;           /* ms: the newest one; 0: there was none */
    int64_t closed;          /* ms: when probes last closed it */
    bool probing;            /* a probe is under way */
    unsigned good;           /* probes in a row */
    unsigned under_way;      /* calls that are allowed and haven't ended */
    uint64_t opened;         /* times that it opened out of closed, for counters */
} ra_breaker;

void ra_breaker_init(ra_breaker *b, const ra_breaker_options *o); /* NULL: all defaults */
/* May a call go at `now` (ms, monotonic)? One that may must be followed by ra_breaker_done or _cancelled,
 * once. */
bool ra_breaker_allow(ra_breaker *b, int64_t now);
/* A call has ended: failed, or well; `latency_us` after it was allowed either way. A call that has passed its
 * deadline has failed. `spread` is a random number, for the pause's jitter. */
void ra_breaker_done(ra_breaker *b, int64_t now, bool ok, int64_t latency_us, uint32_t spread);
/* A call that was allowed never went, or nobody waits for it any more. Says nothing about the store. */
void ra_breaker_cancelled(ra_breaker *b);
/*
 * The connection was lost or made anew; no call is under way on it. Closed: it opens, for a pause. Open or
 * half open: the pause is over, the next call probes. A breaker that knows nothing yet stays closed, so that
 * a first connection may be told as any other.
 */
void ra_breaker_trip(ra_breaker *b, int64_t now, uint32_t spread);

#endif
