#include "proxy/latency.h"

#include <math.h>

enum { CUT_BITS = RA_LATENCY_CUT_BITS, CUTS = RA_LATENCY_CUTS, LAST = RA_LATENCY_BUCKETS - 1 };

/*
 * Of value v the bits of v - 1 choose, since a bucket's upper edge belongs to it. Below 2^CUT_BITS each value
 * has a bucket of its own; above, the CUT_BITS bits below its first one choose.
 */
static unsigned bucket_of(uint64_t us)
{
    uint64_t v = us ? us - 1 : 0;
    if (v < CUTS)
        return (unsigned)v;
    if (v >> RA_LATENCY_TOP)
        return LAST;
    unsigned shift = 63U - (unsigned)__builtin_clzll(v) - CUT_BITS;
    return (shift << CUT_BITS) + (unsigned)(v >> shift);
}

/* The lower edge, which isn't in it (but 0 is in the first). */
static uint64_t edge_below(unsigned bucket)
{
    if (bucket < 2 * CUTS)
        return bucket;
    unsigned shift = (bucket >> CUT_BITS) - 1;
    return (uint64_t)((bucket & (CUTS - 1)) + CUTS) << shift;
}

void ra_latency_add(ra_latency *h, int64_t us)
{
    uint64_t v = us > 0 ? (uint64_t)us : 0;
    ra_count_add(&h->buckets[bucket_of(v)], 1);
    ra_count_add(&h->sum, v);
}

void ra_latency_sum_up(ra_latency_copy *into, const ra_latency *h)
{
    for (unsigned i = 0; i < RA_LATENCY_BUCKETS; i++) {
        uint64_t n = ra_count_get(&h->buckets[i]);
        into->buckets[i] += n;
        into->count += n;
    }
    into->sum += ra_count_get(&h->sum);
}

void ra_latency_since(const ra_latency_copy *now, const ra_latency_copy *before, ra_latency_copy *out)
{
    out->count = now->count - before->count;
    out->sum = now->sum - before->sum;
    for (unsigned i = 0; i < RA_LATENCY_BUCKETS; i++)
        out->buckets[i] = now->buckets[i] - before->buckets[i];
}

uint64_t ra_latency_up_to(const ra_latency_copy *h, unsigned power)
{
    uint64_t edge = (uint64_t)1 << power, n = 0;
    for (unsigned i = 0; i < LAST && edge_below(i) < edge; i++)
        n += h->buckets[i];
    return n;
}

/* A bucket stands for its middle, so that the error is at most half its width. */
static uint64_t middle_of(unsigned bucket)
{
    uint64_t below = edge_below(bucket);
    return bucket == LAST ? below : (below + edge_below(bucket + 1) + 1) / 2;
}

uint64_t ra_latency_quantile(const ra_latency_copy *h, double q)
{
    double wanted = ceil(q * (double)h->count);
    uint64_t rank = wanted < 1 ? 1 : (uint64_t)wanted, seen = 0;
    for (unsigned i = 0; i < RA_LATENCY_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= rank)
            return middle_of(i);
    }
    return 0;
}
