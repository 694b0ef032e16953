/*
 * When requests are meant to be sent, in an open loop: a fixed rate, or one that rises (or falls) evenly from
 * `start` to `end` over `ramp` seconds and stays there. The schedule knows nothing of replies: it doesn't
 * wait for a server that stalls, which is why latencies counted from it show the stall.
 *
 * Of `threads`, thread t sends the requests t, t + threads, t + 2*threads... of the one schedule. Pure.
 */
#ifndef RA_BENCH_LOADGEN_SCHEDULE_H
#define RA_BENCH_LOADGEN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ra_schedule {
    double start, end; /* requests per second, > 0; equal without a ramp */
    double ramp;       /* seconds; 0: none */
} ra_schedule;

/* When request number `i` (from 0) is due, in ns after the beginning. */
uint64_t ra_schedule_due(const ra_schedule *s, uint64_t i);
/* The time between two requests at that moment, in ns. */
double ra_schedule_period(const ra_schedule *s, uint64_t ns);
/* How many requests are due before `ns`. */
uint64_t ra_schedule_count(const ra_schedule *s, uint64_t ns);
/* "START:END:SECONDS", all above 0. */
bool ra_schedule_parse_ramp(const char *text, ra_schedule *out);

#endif
