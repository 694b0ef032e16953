/* How long to wait before the next attempt to connect. Pure. */
#ifndef RA_CACHE_REDIS_BACK_OFF_H
#define RA_CACHE_REDIS_BACK_OFF_H

#include <stdint.h>

/* `first` ms, doubled for each failure before, at most `most`; of that anything from half to all, as
 * `spread`, a random number, has it: those who lost a server together don't come back together. At least 1.
 */
int64_t ra_redis_back_off(int64_t first, int64_t most, unsigned failures, uint32_t spread);

#endif
