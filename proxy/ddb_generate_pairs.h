/*
 * Who talks with whom. Pure but for memory; any thread.
 */
#ifndef RA_PROXY_DDB_GENERATE_PAIRS_H
#define RA_PROXY_DDB_GENERATE_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ra_pair {
    uint32_t member[2]; /* users, two different ones */
} ra_pair;

/*
 * `n` pairs of `users` >= 2 users, users with small numbers in more of them. Pairs are distinct, whichever
 * way round, as long as there are pairs left. false: no memory.
 */
bool ra_generate_pairs(uint64_t key, uint32_t users, size_t n, ra_pair *out);

#endif
