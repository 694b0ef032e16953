/* Numbers that need to be well spread, not unpredictable (request ids, jitter of TTLs and of a breaker's
 * pauses). Threads: any; one state each. */
#ifndef RA_CACHE_RANDOM_H
#define RA_CACHE_RANDOM_H

#include <stdint.h>

uint64_t ra_random(void);

#endif
