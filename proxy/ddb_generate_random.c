#include "proxy/ddb_generate_random.h"

#include <inttypes.h>
#include <stdio.h>

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* A bijection in which every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

ra_stream ra_stream_at(uint64_t key, enum ra_generate_kind kind, uint64_t index)
{
    uint64_t place = mix(key + GOLDEN * ((uint64_t)kind + 1));
    return (ra_stream){mix(place + GOLDEN * (index + 1))};
}

uint64_t ra_stream_next(ra_stream *s)
{
    s->state += GOLDEN;
    return mix(s->state);
}

/* The remainder favours small numbers by less than n / 2^64, which nobody will see. */
uint64_t ra_stream_below(ra_stream *s, uint64_t n)
{
    return ra_stream_next(s) % n;
}

uint64_t ra_stream_zipf(ra_stream *s, uint64_t n)
{
    unsigned doublings = 0;
    while (n >> doublings > 1)
        doublings++;
    for (;;) { /* only the last doubling may be cut short by n: few draws are in vain */
        unsigned d = (unsigned)ra_stream_below(s, doublings + 1);
        uint64_t rank = (UINT64_C(1) << d) + ra_stream_below(s, UINT64_C(1) << d);
        if (rank <= n)
            return rank - 1;
    }
}

/* The product of three even draws from [0, 1), in units of 2^-32. */
uint32_t ra_stream_popular(ra_stream *s, uint32_t n)
{
    uint64_t x = ra_stream_next(s) >> 32;
    x = x * (ra_stream_next(s) >> 32) >> 32;
    x = x * (ra_stream_next(s) >> 32) >> 32;
    return (uint32_t)(x * n >> 32);
}

void ra_generate_uuid(uint64_t key, enum ra_generate_kind kind, uint64_t index, char out[RA_UUID_TEXT])
{
    ra_stream s = ra_stream_at(key, kind, index);
    uint64_t high = ra_stream_next(&s), low = ra_stream_next(&s);
    high = (high & ~UINT64_C(0xf000)) | UINT64_C(0x4000);              /* version 4 */
    low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(0x8000000000000000); /* RFC 9562's variant */
    snprintf(out, RA_UUID_TEXT, "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
             high >> 32, high >> 16 & 0xffff, high & 0xffff, low >> 48, low & UINT64_C(0xffffffffffff));
}
