/*
 * Latencies, counted in buckets whose width grows with the value (as HdrHistogram's do): a quantile read from
 * it is within 1 % of the exact one, from 1 us to 100 s. Histograms of several threads are added up.
 *
 * Values are nanoseconds. Shorter ones than 1 us count as they are, longer ones than 100 s in the last bucket
 * and in `over`; the least and the greatest are kept exactly. Threads: one owner at a time. Errors: none.
 */
#ifndef RA_BENCH_LOADGEN_HISTOGRAM_H
#define RA_BENCH_LOADGEN_HISTOGRAM_H

#include <stdint.h>

enum {
    RA_HISTOGRAM_BITS = 7, /* each power of two is cut into 2^7 buckets */
    RA_HISTOGRAM_TOP = 37, /* 2^37 ns is the first power of two above 100 s */
    RA_HISTOGRAM_BUCKETS = (RA_HISTOGRAM_TOP - RA_HISTOGRAM_BITS + 1) << RA_HISTOGRAM_BITS
};

typedef struct ra_histogram { /* all zero: empty */
    uint64_t count;
    uint64_t over; /* of them, above 100 s */
    uint64_t least, greatest;
    uint64_t buckets[RA_HISTOGRAM_BUCKETS];
} ra_histogram;

void ra_histogram_add(ra_histogram *h, uint64_t ns);
void ra_histogram_merge(ra_histogram *into, const ra_histogram *from);
/* The value that a share `q` (0 to 1) of all values doesn't exceed; 0 of an empty one. */
uint64_t ra_histogram_quantile(const ra_histogram *h, double q);
/* How many values lie in buckets that begin at `ns` or above. */
uint64_t ra_histogram_above(const ra_histogram *h, uint64_t ns);

#endif
