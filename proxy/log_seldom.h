/* What a stranger can make happen as often as he likes is logged at most every ten seconds, with how often it
 * has happened since it was last said. Threads: the caller's. */
#ifndef RA_PROXY_LOG_SELDOM_H
#define RA_PROXY_LOG_SELDOM_H

#include <stdbool.h>
#include <stdint.h>

enum { RA_SELDOM_MS = 10 * 1000 };

typedef struct ra_seldom {
    bool said; /* ever */
    int64_t at;
    unsigned long since; /* times */
} ra_seldom;

/* It has happened once more. How often it has, if that is to be said now; else 0. `now`: monotonic. */
static inline unsigned long ra_seldom_say(ra_seldom *s, int64_t now)
{
    s->since++;
    if (s->said && now - s->at < RA_SELDOM_MS)
        return 0;
    unsigned long n = s->since;
    *s = (ra_seldom){.said = true, .at = now};
    return n;
}

#endif
