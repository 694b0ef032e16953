/*
 * The values of one thread's requests, one request after the other. The same seed, thread and number of
 * threads make the same sequence (but for {now}).
 *
 * Ownership: the generator owns what the values point to, until the next request. Threads: one each.
 */
#ifndef RA_BENCH_LOADGEN_GENERATOR_H
#define RA_BENCH_LOADGEN_GENERATOR_H

#include "bench/loadgen/workload.h"
#include "cache/bytes.h"

typedef struct ra_generator {
    const ra_workload *workload;
    unsigned thread, threads;
    ra_rng rng;
    uint64_t seq[RA_OPERATIONS_MAX + 1]; /* by operation; the last is that before a round */
    uint64_t inserts;
    ra_zipf newest;                /* the law over all keys, those inserted included */
    uint64_t forced_key, forced_n; /* while a table is filled */
    char *text;                    /* what the values point to */
    size_t size;
    ra_bytes values[RA_TEMPLATE_SLOTS_MAX];
    uint64_t numbers[RA_TEMPLATE_SLOTS_MAX]; /* of those that are one */
    int64_t second;                          /* of `stamp` */
    char stamp[32];
} ra_generator;

/* false: no memory. */
bool ra_generator_init(ra_generator *g, const ra_workload *w, uint64_t seed, unsigned thread,
                       unsigned threads);
void ra_generator_free(ra_generator *g);
/* The next request's operation, by the weights. */
const ra_operation *ra_generator_pick(ra_generator *g);
/* Draws its values. `now_us` is the wall clock. */
void ra_generator_draw(ra_generator *g, const ra_operation *o, int64_t now_us);
/* The values of the n-th item of a key, while a table is filled. */
void ra_generator_item(ra_generator *g, const ra_prepared_items *items, uint64_t key, uint64_t n,
                       int64_t now_us);

#endif
