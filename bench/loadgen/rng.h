/*
 * Numbers that look random and are the same for the same seed: a counter, mixed (SplitMix64: Steele, Lea and
 * Flood, "Fast splittable pseudorandom number generators", 2014). Not for secrets. Threads: one state each.
 */
#ifndef RA_BENCH_LOADGEN_RNG_H
#define RA_BENCH_LOADGEN_RNG_H

#include <stdint.h>

typedef struct ra_rng {
    uint64_t state;
} ra_rng;

static inline uint64_t ra_rng_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static inline uint64_t ra_rng_next(ra_rng *r)
{
    r->state += 0x9e3779b97f4a7c15ULL;
    return ra_rng_mix(r->state);
}

/* From 0 (included) to 1 (not included). */
static inline double ra_rng_unit(ra_rng *r)
{
    return (double)(ra_rng_next(r) >> 11) * 0x1p-53;
}

/* From 0 to n - 1, for n up to 2^53. */
static inline uint64_t ra_rng_below(ra_rng *r, uint64_t n)
{
    return (uint64_t)(ra_rng_unit(r) * (double)n);
}

/* The stream number `index` of a seed: as far apart as streams of different seeds. */
static inline ra_rng ra_rng_stream(uint64_t seed, uint64_t index)
{
    return (ra_rng){ra_rng_mix(seed + 0x632be59bd9b4e019ULL) ^ ra_rng_mix(index * 0x9e3779b97f4a7c15ULL + 1)};
}

#endif
