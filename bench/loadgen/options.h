/*
 * The command line of readaside-bench: what it says, checked as far as it can be without a network.
 * Ownership: texts are argv's. Threads: main's only.
 */
#ifndef RA_BENCH_LOADGEN_OPTIONS_H
#define RA_BENCH_LOADGEN_OPTIONS_H

#include "bench/loadgen/run.h"

#include <stdio.h>

typedef struct ra_options {
    ra_run_options run; /* workload, target and credentials are still to be filled in */
    ra_workload_changes changes;
    const char *workload; /* a name or a file */
    const char *url;
    const char *ca;
    bool insecure, sign;
    bool prepare, runs; /* --prepare alone runs nothing */
    const char *prepare_endpoint;
    uint64_t max_errors;
    const char *json; /* "-": standard output */
    const char *show; /* --show-workload */
} ra_options;

enum ra_options_step { RA_OPTIONS_GO, RA_OPTIONS_HELP, RA_OPTIONS_MISUSE };

/* MISUSE has said on stderr what is wrong. */
enum ra_options_step ra_options_parse(ra_options *o, int argc, char **argv);
void ra_options_usage(FILE *out);
/* "readaside-bench: MESSAGE" and where help is, on stderr. */
void ra_options_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
