#include "bench/loadgen/histogram.h"

#include <math.h>

#define LONGEST 100000000000ULL /* 100 s */

enum { CUTS = 1 << RA_HISTOGRAM_BITS };

/* Up to 2^7 each value has a bucket of its own; above, the value's seven bits below its first one choose. */
static unsigned bucket_of(uint64_t v)
{
    if (v < CUTS)
        return (unsigned)v;
    unsigned shift = 63U - (unsigned)__builtin_clzll(v) - RA_HISTOGRAM_BITS;
    return (shift << RA_HISTOGRAM_BITS) + (unsigned)(v >> shift);
}

static uint64_t begin_of(unsigned bucket)
{
    if (bucket < 2 * CUTS)
        return bucket;
    unsigned shift = (bucket >> RA_HISTOGRAM_BITS) - 1;
    return (uint64_t)((bucket & (CUTS - 1)) + CUTS) << shift;
}

void ra_histogram_add(ra_histogram *h, uint64_t ns)
{
    h->over += ns > LONGEST;
    h->buckets[bucket_of(ns > LONGEST ? LONGEST : ns)]++;
    if (h->count == 0 || ns < h->least)
        h->least = ns;
    if (ns > h->greatest)
        h->greatest = ns;
    h->count++;
}

void ra_histogram_merge(ra_histogram *into, const ra_histogram *from)
{
    if (from->count == 0)
        return;
    for (unsigned i = 0; i < RA_HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
    if (into->count == 0 || from->least < into->least)
        into->least = from->least;
    if (from->greatest > into->greatest)
        into->greatest = from->greatest;
    into->count += from->count;
    into->over += from->over;
}

/* A bucket stands for its middle, so that the error is at most half its width. */
static uint64_t middle_of(unsigned bucket)
{
    return begin_of(bucket) + (begin_of(bucket + 1) - begin_of(bucket)) / 2;
}

uint64_t ra_histogram_quantile(const ra_histogram *h, double q)
{
    if (h->count == 0)
        return 0;
    double wanted = ceil(q * (double)h->count);
    uint64_t rank = wanted < 1 ? 1 : (uint64_t)wanted, seen = 0;
    if (rank >= h->count)
        return h->greatest;
    for (unsigned i = 0; i < RA_HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen < rank)
            continue;
        uint64_t value = middle_of(i);
        if (value > h->greatest)
            return h->greatest;
        return value < h->least ? h->least : value;
    }
    return h->greatest;
}

uint64_t ra_histogram_above(const ra_histogram *h, uint64_t ns)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < RA_HISTOGRAM_BUCKETS; i++)
        n += begin_of(i) >= ns ? h->buckets[i] : 0;
    return n;
}
