/*
 * A workload for the advisor and what really would have been: units by Zipf's law, some of their reads of a
 * second or third entry, some operations writes; and a cache without limits for each TTL, all entries
 * followed. The same seed is the same workload.
 */
#ifndef RA_TESTS_UNIT_PROXY_ADVISOR_WORKLOAD_H
#define RA_TESTS_UNIT_PROXY_ADVISOR_WORKLOAD_H

#include "proxy/advisor_parts.h"

#include <math.h>
#include <stdlib.h>

enum { WORKLOAD_ENTRIES = 3 };

typedef struct workload {
    size_t nunits;
    double *up_to; /* of each rank: the chance of it or a lower one */
    uint64_t random;
    double writes; /* share of the operations */
    double pause;  /* ms from one to the next, on average */
    double now;
    int64_t current;
    uint64_t reads, cost, hits[RA_ADVISOR_TTLS], spared[RA_ADVISOR_TTLS];
    double age[RA_ADVISOR_TTLS];
    int64_t (*fill)[RA_ADVISOR_TTLS]; /* of each entry; -1: not cached */
} workload;

static double workload_uniform(workload *w)
{
    w->random += UINT64_C(0x9e3779b97f4a7c15);
    return (double)(ra_advisor_mix(w->random) >> 11) * 0x1p-53;
}

static void workload_init(workload *w, size_t nunits, double skew, double writes, double pause,
                          int64_t current)
{
    *w = (workload){
        .nunits = nunits, .random = 1, .writes = writes, .pause = pause, .now = 1e9, .current = current};
    w->up_to = malloc(nunits * sizeof *w->up_to);
    w->fill = malloc(nunits * WORKLOAD_ENTRIES * sizeof *w->fill);
    double sum = 0;
    for (size_t i = 0; i < nunits; i++)
        w->up_to[i] = sum += pow((double)i + 1, -skew);
    for (size_t i = 0; i < nunits; i++)
        w->up_to[i] /= sum;
    for (size_t i = 0; i < nunits * WORKLOAD_ENTRIES; i++)
        for (size_t t = 0; t < RA_ADVISOR_TTLS; t++)
            w->fill[i][t] = -1;
}

static void workload_free(workload *w)
{
    free(w->up_to);
    free(w->fill);
}

static size_t workload_unit(workload *w)
{
    double x = workload_uniform(w);
    size_t low = 0, high = w->nunits - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (w->up_to[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int64_t workload_ttl(const workload *w, size_t t)
{
    return t == RA_ADVISOR_CURRENT ? w->current : (int64_t)ra_advisor_grid[t];
}

static uint32_t workload_bytes(size_t unit, size_t entry)
{
    return (uint32_t)(200 + unit % 700 + 100 * entry);
}

static void workload_read(workload *w, ra_advisor *a, size_t unit)
{
    double x = workload_uniform(w);
    size_t entry = x < 0.8 ? 0 : x < 0.95 ? 1 : 2;
    int64_t now = (int64_t)w->now, *fill = w->fill[unit * WORKLOAD_ENTRIES + entry];
    ra_advisor_read r = {.unit = ra_advisor_mix(unit + 1),
                         .entry = ra_advisor_mix(unit * WORKLOAD_ENTRIES + entry + 77),
                         .bytes = workload_bytes(unit, entry),
                         .half_units = 2 + (uint32_t)(unit % 3),
                         .now = now};
    w->reads++;
    w->cost += r.half_units;
    for (size_t t = 0; t < RA_ADVISOR_TTLS; t++) {
        if (fill[t] >= 0 && now - fill[t] < workload_ttl(w, t)) {
            w->hits[t]++;
            w->spared[t] += r.half_units;
            w->age[t] += (double)(now - fill[t]);
        } else {
            fill[t] = now;
        }
    }
    ra_advisor_note_read(a, &r);
}

static void workload_write(workload *w, ra_advisor *a, size_t unit)
{
    for (size_t e = 0; e < WORKLOAD_ENTRIES; e++)
        for (size_t t = 0; t < RA_ADVISOR_TTLS; t++)
            w->fill[unit * WORKLOAD_ENTRIES + e][t] = -1;
    ra_advisor_note_invalidation(a, ra_advisor_mix(unit + 1), (int64_t)w->now);
}

static void workload_run(workload *w, ra_advisor *a, size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        w->now += -log(1 - workload_uniform(w)) * w->pause;
        size_t unit = workload_unit(w);
        if (workload_uniform(w) < w->writes)
            workload_write(w, a, unit);
        else
            workload_read(w, a, unit);
    }
}

static double workload_bytes_cached(const workload *w, size_t t)
{
    double sum = 0;
    for (size_t unit = 0; unit < w->nunits; unit++)
        for (size_t e = 0; e < WORKLOAD_ENTRIES; e++) {
            int64_t fill = w->fill[unit * WORKLOAD_ENTRIES + e][t];
            if (fill >= 0 && (int64_t)w->now - fill < workload_ttl(w, t))
                sum += workload_bytes(unit, e);
        }
    return sum;
}

#endif
