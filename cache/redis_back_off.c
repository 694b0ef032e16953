#include "cache/redis_back_off.h"

int64_t ra_redis_back_off(int64_t first, int64_t most, unsigned failures, uint32_t spread)
{
    int64_t wait = first;
    for (unsigned i = 0; i < failures && wait < most; i++)
        wait = wait > most / 2 ? most : wait * 2;
    if (wait > most)
        wait = most;
    if (wait < 1)
        return 1;
    return wait - (int64_t)(spread % ((uint64_t)wait / 2 + 1));
}
