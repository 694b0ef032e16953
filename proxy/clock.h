/* The two clocks. Read at the edges (listener, timers); everything below them is given the time. Threads:
 * any. */
#ifndef RA_PROXY_CLOCK_H
#define RA_PROXY_CLOCK_H

#include <stdint.h>
#include <time.h>

/* ms that wall clocks which are kept right, or two looks at one, differ at most. */
enum { RA_CLOCKS_APART = 1000 };

static inline int64_t ra_clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* For deadlines, TTLs and markers: never set back. */
static inline int64_t ra_clock_monotonic(void)
{
    return ra_clock_ms(CLOCK_MONOTONIC);
}

/* For what takes less than a few ms. */
static inline int64_t ra_clock_monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* For signatures and Age: ms since the epoch. */
static inline int64_t ra_clock_wall(void)
{
    return ra_clock_ms(CLOCK_REALTIME);
}

#endif
