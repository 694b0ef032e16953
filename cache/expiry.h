/* How long an entry lives. Pure: time and randomness are passed in. */
#ifndef RA_CACHE_EXPIRY_H
#define RA_CACHE_EXPIRY_H

#include <stdint.h>

/*
 * The TTL less a random share of up to jitter_ppm parts per million (never longer than the TTL, so that
 * the TTL stays a bound). `random` is any uniform 32-bit number. The result is at least 1 for a positive TTL,
 * 0 for ttl_ms <= 0.
 */
int64_t ra_expiry_jittered(int64_t ttl_ms, uint32_t jitter_ppm, uint32_t random);

/* What is left of a TTL for a fill: ttl less the time since the read's own miss; <= 0: don't fill. */
int64_t ra_expiry_left(int64_t ttl_ms, int64_t missed_at, int64_t now);

#endif
