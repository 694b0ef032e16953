#include "cache/expiry.h"

enum { PPM = 1000000 };

/* a * random / 2^32 without leaving 64 bits; a >= 0. */
static int64_t share(int64_t a, uint32_t random)
{
    uint64_t high = (uint64_t)a >> 32, low = (uint64_t)a & UINT32_MAX;
    return (int64_t)(high * random + (low * random >> 32));
}

int64_t ra_expiry_jittered(int64_t ttl_ms, uint32_t jitter_ppm, uint32_t random)
{
    if (ttl_ms <= 0)
        return 0;
    int64_t ppm = jitter_ppm < PPM ? jitter_ppm : PPM;
    int64_t most = ttl_ms / PPM * ppm + ttl_ms % PPM * ppm / PPM; /* in this order it can't overflow */
    int64_t ttl = ttl_ms - share(most, random);
    return ttl > 0 ? ttl : 1;
}

int64_t ra_expiry_left(int64_t ttl_ms, int64_t missed_at, int64_t now)
{
    return ttl_ms - (now - missed_at);
}
