/*
 * Zipf-distributed ranks: rank k of n is drawn with a probability proportional to 1/(k+1)^s, k from 0. Exact
 * for every n and s >= 0 (0: all alike) at a cost that doesn't depend on n, by rejection-inversion (Hoermann
 * and Derflinger, "Rejection-inversion to generate variates from monotone discrete distributions", 1996).
 *
 * ra_scramble spreads ranks over keys: a one-to-one mapping, so that the law stays what it is and neighbours
 * in rank are no neighbours in the table. Pure; any thread.
 */
#ifndef RA_BENCH_LOADGEN_ZIPF_H
#define RA_BENCH_LOADGEN_ZIPF_H

#include "bench/loadgen/rng.h"

typedef struct ra_zipf {
    uint64_t n;
    double s;
    double left, right; /* of the area under the law's curve that is drawn from */
    double sure;        /* so near to a rank, and no comparison is needed */
} ra_zipf;

void ra_zipf_init(ra_zipf *z, uint64_t n, double s); /* 1 <= n <= 2^53, 0 <= s <= 10 */
uint64_t ra_zipf_rank(const ra_zipf *z, ra_rng *r);
/* A permutation of 0..n-1, the same for the same n. rank < n. */
uint64_t ra_scramble(uint64_t rank, uint64_t n);

#endif
