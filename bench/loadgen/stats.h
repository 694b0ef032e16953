/*
 * What a thread has seen, and the sum of all threads: counts and latencies by outcome, errors by kind.
 *
 * Every request that was sent, or should have been, is in exactly one outcome or in `dropped`.
 * Threads: one owner at a time; ra_stats_merge after the run.
 */
#ifndef RA_BENCH_LOADGEN_STATS_H
#define RA_BENCH_LOADGEN_STATS_H

#include "bench/loadgen/conn.h"
#include "bench/loadgen/histogram.h"
#include "bench/loadgen/workload.h"

enum ra_outcome {
    RA_OUTCOME_HIT, /* reads, by X-Cache */
    RA_OUTCOME_MISS,
    RA_OUTCOME_STALE,
    RA_OUTCOME_BYPASS,
    RA_OUTCOME_READ, /* a read whose reply says nothing of a cache */
    RA_OUTCOME_WRITE,
    RA_OUTCOME_ERROR, /* no reply, or a status of 400 or above */
    RA_OUTCOMES
};

enum { RA_ERROR_KINDS = 24, RA_ERROR_NAME_MAX = 64 };

typedef struct ra_error_count {
    char name[RA_ERROR_NAME_MAX]; /* "400 ThrottlingException", "timeout" */
    uint64_t count;
} ra_error_count;

typedef struct ra_stats {
    ra_histogram latency[RA_OUTCOMES];
    uint64_t by_operation[RA_OPERATIONS_MAX + 1][RA_OUTCOMES]; /* the last: before rounds */
    uint64_t collapsed; /* misses and bypasses that shared another's upstream read */
    uint64_t sent;      /* handed to a connection, however it ended */
    uint64_t dropped;   /* due, but the queue was full */
    uint64_t unmade;    /* couldn't be made: no memory, or too large */
    uint64_t late;      /* picked up late by the generator itself */
    uint64_t rounds;
    uint64_t connects, bytes_in, bytes_out;
    ra_error_count errors[RA_ERROR_KINDS]; /* the last one: all other kinds */
    size_t nerrors;
    char why[RA_TARGET_WHY_MAX]; /* the newest failure of a connection, in words */
} ra_stats;

const char *ra_outcome_name(enum ra_outcome o);
/* One request's end. `operation` is its index. */
void ra_stats_add(ra_stats *s, size_t operation, bool write, enum ra_conn_result result,
                  const ra_response *reply, uint64_t latency);
void ra_stats_merge(ra_stats *into, const ra_stats *from);
uint64_t ra_stats_count(const ra_stats *s); /* all that ended */
/* Of one operation, by its index. */
uint64_t ra_stats_count_of(const ra_stats *s, size_t operation);
/* Of the reads of one operation that say something of a cache, the share that came from it (hit or stale); <
 * 0: none does. */
double ra_stats_hit_ratio_of(const ra_stats *s, size_t operation);
uint64_t ra_stats_errors(const ra_stats *s); /* failed, dropped or not made */
uint64_t ra_stats_reads(const ra_stats *s);  /* that were answered */
/* Reads that sent nothing upstream, by their headers: hits, stale ones and those that joined another's. */
uint64_t ra_stats_saved(const ra_stats *s);
/* Whether any reply has said something of a cache. */
bool ra_stats_cached(const ra_stats *s);

#endif
