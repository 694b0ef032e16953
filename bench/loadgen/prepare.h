/*
 * Fills the tables that a workload needs, before it runs: makes those that are missing, waits until they are
 * there, and writes the items in batches. Blocks; main's thread only.
 */
#ifndef RA_BENCH_LOADGEN_PREPARE_H
#define RA_BENCH_LOADGEN_PREPARE_H

#include "bench/loadgen/target.h"
#include "bench/loadgen/workload.h"
#include "proxy/credentials.h"

enum { RA_PREPARE_WHY_MAX = 512 };

typedef struct ra_prepare_options {
    const ra_workload *workload;
    const ra_target *endpoint; /* opened; DynamoDB, or a proxy in front of it */
    const char *region;
    ra_credentials *credentials; /* NULL: requests aren't signed */
    const char *ca;
    bool insecure;
    uint64_t seed;
    uint64_t timeout_ms; /* of each request */
} ra_prepare_options;

typedef struct ra_prepared {
    uint64_t tables; /* made; those that were there aren't counted */
    uint64_t items;
} ra_prepared;

bool ra_prepare(const ra_prepare_options *o, ra_prepared *out, char why[RA_PREPARE_WHY_MAX]);

#endif
