/*
 * Latencies, counted in buckets whose width grows with the value: each power of two of microseconds is cut
 * into 2^RA_LATENCY_CUT_BITS buckets, so that a percentile is within 7 % of the exact one. A bucket takes
 * what is above its lower edge, up to and with its upper one, and every power of two is an edge: so how many
 * took at most 2^k us is exact, as Prometheus' `le` wants it.
 *
 * Threads: ra_latency has one writer and any number of readers; relaxed atomics, no locks. A reader may see
 * a value in the buckets that isn't in the sum yet. ra_latency_copy is one owner's.
 */
#ifndef RA_PROXY_LATENCY_H
#define RA_PROXY_LATENCY_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    RA_LATENCY_CUT_BITS = 3,
    RA_LATENCY_CUTS = 1 << RA_LATENCY_CUT_BITS,
    RA_LATENCY_TOP = 27, /* what takes longer than 2^27 us, 134 s, counts in the last bucket */
    RA_LATENCY_BUCKETS = (RA_LATENCY_TOP - RA_LATENCY_CUT_BITS + 1) * RA_LATENCY_CUTS + 1
};

/* What one thread alone adds to: no bus is locked. */
typedef _Atomic uint64_t ra_count;

static inline void ra_count_add(ra_count *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}
static inline uint64_t ra_count_get(const ra_count *c)
{
    return atomic_load_explicit((ra_count *)c, memory_order_relaxed);
}

typedef struct ra_latency { /* all zero: empty */
    ra_count sum;           /* us */
    ra_count buckets[RA_LATENCY_BUCKETS];
} ra_latency;

/* What was in one, or in several together, at some time. */
typedef struct ra_latency_copy { /* all zero: empty */
    uint64_t count, sum;
    uint64_t buckets[RA_LATENCY_BUCKETS];
} ra_latency_copy;

void ra_latency_add(ra_latency *h, int64_t us); /* a negative one counts as 0 */
/* Adds what is in `h` now. */
void ra_latency_sum_up(ra_latency_copy *into, const ra_latency *h);
/* What has come to `now` since `before`, which was taken of the same histograms. */
void ra_latency_since(const ra_latency_copy *now, const ra_latency_copy *before, ra_latency_copy *out);
/* How many took at most 2^power us; `power` is at most RA_LATENCY_TOP. */
uint64_t ra_latency_up_to(const ra_latency_copy *h, unsigned power);
/* The us that a share `q` (0 to 1) of all values doesn't exceed; 0 of an empty one. */
uint64_t ra_latency_quantile(const ra_latency_copy *h, double q);

#endif
