#include "proxy/jwks_pace.h"

enum {
    SECOND = 1000,
    MINUTE = 60 * SECOND,
    HOUR = 60 * MINUTE,
    FIRST_TRIES_MOST = 10 * SECOND,
    DOUBLINGS = 4 /* behind them FIRST_TRIES_MOST is reached */
};

void ra_jwks_pace_init(ra_jwks_pace *p, int64_t now)
{
    *p = (ra_jwks_pace){.due = now, .asked = INT64_MIN};
}

bool ra_jwks_pace_may(const ra_jwks_pace *p, int64_t now)
{
    return now >= p->due || (p->have && (p->asked == INT64_MIN || now - p->asked >= MINUTE));
}

void ra_jwks_pace_began(ra_jwks_pace *p, int64_t now)
{
    if (now < p->due)
        p->asked = now;
}

static int64_t pause_after_failure(const ra_jwks_pace *p)
{
    if (p->have)
        return MINUTE;
    return p->failures > DOUBLINGS ? FIRST_TRIES_MOST : SECOND << (p->failures - 1);
}

void ra_jwks_pace_ended(ra_jwks_pace *p, int64_t now, bool well)
{
    p->have = p->have || well;
    p->failures = well ? 0 : p->failures + (p->failures <= DOUBLINGS);
    p->due = now + (well ? HOUR : pause_after_failure(p));
}
