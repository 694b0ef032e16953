/*
 * When a provider's keys are fetched. Pure: times (ms, monotonic) are passed in.
 *
 * A fetch is *due* at start, an hour after one that went well, and a minute after one that didn't; as long as
 * none has ever gone well, sooner: 1, 2, 4, 8, then every 10 seconds. Between these, a token that names an
 * unknown key may have one *asked* for, at most once a minute; not while there are no keys at all, for then
 * the next one is due soon.
 */
#ifndef RA_PROXY_JWKS_PACE_H
#define RA_PROXY_JWKS_PACE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ra_jwks_pace {
    int64_t due;
    int64_t asked;     /* when the last one that wasn't due began; INT64_MIN: there was none */
    bool have;         /* one has gone well */
    unsigned failures; /* in a row */
} ra_jwks_pace;

void ra_jwks_pace_init(ra_jwks_pace *p, int64_t now);
/* May one begin now? */
bool ra_jwks_pace_may(const ra_jwks_pace *p, int64_t now);
void ra_jwks_pace_began(ra_jwks_pace *p, int64_t now);
void ra_jwks_pace_ended(ra_jwks_pace *p, int64_t now, bool well);

#endif
