/* Numbers that need to be well spread, not unpredictable (request ids, TTL jitter). Threads: any; one state
 * each. */
#ifndef RA_PROXY_RANDOM_H
#define RA_PROXY_RANDOM_H

#include <stdint.h>

uint64_t ra_random(void);

#endif
