/*
 * A circuit breaker: whether a store that fails or is slow should be asked at all. Pure: time is passed in.
 *
 * Closed: every call may go. It opens when, of the newest calls, too many failed, or took longer than the
 * store's own recent latency makes likely. Open: no call goes until the pause is over (doubled at each failed
 * probe, with jitter, up to a limit). Half open: one call at a time goes, as a probe; a few good ones close
 * it again.
 *
 * Threads: none shared; one breaker per connection.
 */
#ifndef RA_CACHE_BREAKER_H
#define RA_CACHE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum ra_breaker_state { RA_BREAKER_CLOSED, RA_BREAKER_OPEN, RA_BREAKER_HALF_OPEN };

typedef struct ra_breaker_options {
    unsigned window;       /* calls that are looked at; at most 128; 0: 64 */
    unsigned failures;     /* of them so many failed: open; 0: half the window */
    unsigned slow_factor;  /* slower than so many times the usual latency counts as slow; 0: 20 */
    int64_t slow_floor_us; /* what is faster than this is never slow; 0: 5000 */
    int64_t pause_ms;      /* the first pause; 0: 200 */
    int64_t pause_most_ms; /* 0: 10000 */
    unsigned probes;       /* good ones in a row that close it; 0: 3 */
} ra_breaker_options;

typedef struct ra_breaker {
    ra_breaker_options options; /* with the defaults put in */
    enum ra_breaker_state state;
    uint64_t bad[2];         /* the window as bits: failed, or slow */
    unsigned at, seen, nbad; /* next bit; how many bits count; how many are set */
    double usual_us;         /* moving average of good calls' latency; 0: none yet */
    int64_t reopens;         /* ms: when a probe may go */
    int64_t pause;           /* ms: the newest one */
    bool probing;            /* a probe is under way */
    unsigned good;           /* probes in a row */
    uint64_t opened;         /* times, for counters */
} ra_breaker;

void ra_breaker_init(ra_breaker *b, const ra_breaker_options *o); /* NULL: all defaults */
/* May a call go at `now` (ms, monotonic)? One that may must be followed by ra_breaker_done or _cancelled. */
bool ra_breaker_allow(ra_breaker *b, int64_t now);
/* A call has ended: failed, or after `latency_us`. `spread` is a random number, for the pause's jitter. */
void ra_breaker_done(ra_breaker *b, int64_t now, bool ok, int64_t latency_us, uint32_t spread);
/* A call that was allowed never went, or nobody waits for it any more. */
void ra_breaker_cancelled(ra_breaker *b);
/* The connection was lost or made anew: open at once, or let the next call probe. */
void ra_breaker_trip(ra_breaker *b, int64_t now, uint32_t spread);

#endif
