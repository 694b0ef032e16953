/*
 * What a run has found, for a person and for a program. Pure but for the stream; any thread.
 */
#ifndef RA_BENCH_LOADGEN_REPORT_H
#define RA_BENCH_LOADGEN_REPORT_H

#include "bench/loadgen/run.h"

#include <stdio.h>

typedef struct ra_report {
    const ra_run_options *options;
    const ra_run_result *result;
    const char *workload; /* its name or file */
    const char *url;
} ra_report;

void ra_report_table(const ra_report *r, FILE *out);
/* One JSON object, ended by a line feed. false: no memory, or it can't be written. */
bool ra_report_json(const ra_report *r, FILE *out);

/*
 * Whether the figures are the generator's own limits and not the server's: one of its threads had no rest, or
 * took up more than 1 % of its requests late. The reason in words; NULL if they are the server's.
 */
const char *ra_report_overload(const ra_run_options *o, const ra_run_result *r);

/* Requests per second that were due, and that were answered without an error. */
double ra_report_offered(const ra_run_options *o, const ra_run_result *r);
double ra_report_achieved(const ra_run_result *r);
/* Of the reads that say something of a cache, the share that came from it (hit or stale); < 0: none does. */
double ra_report_hit_ratio(const ra_stats *s);
/* ms of CPU per request that was answered; < 0: unknown. */
double ra_report_server_cpu(const ra_run_result *r, unsigned pid);

#endif
