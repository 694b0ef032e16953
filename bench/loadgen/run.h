/*
 * A run: threads, each with its own loop, connections, generator and counts, started and ended together.
 *
 * Ownership: the options are the caller's and outlive the run. Threads: ra_run_go is called on the main
 * thread, which shows the progress meanwhile and takes SIGINT and SIGTERM for "stop asking, then report".
 */
#ifndef RA_BENCH_LOADGEN_RUN_H
#define RA_BENCH_LOADGEN_RUN_H

#include "bench/loadgen/schedule.h"
#include "bench/loadgen/stats.h"
#include "proxy/credentials.h"

#include <pthread.h>
#include <stdatomic.h>

enum { RA_THREADS_MAX = 256, RA_CONNECTIONS_MAX = 65536, RA_PIDS_MAX = 32 };

typedef struct ra_run_options {
    const ra_workload *workload;
    const ra_target *target;
    const char *region;
    ra_credentials *credentials; /* NULL: requests aren't signed */
    unsigned threads, connections;
    bool open_loop;
    ra_schedule schedule; /* of an open loop */
    uint64_t requests;    /* 0: until `duration` */
    uint64_t duration;    /* ns; 0: until `requests` */
    uint64_t timeout;     /* ns, of each request */
    uint64_t pause;       /* ns; rounds: waits so long instead of sending what comes before them */
    unsigned queue;       /* requests that may wait for a connection, over all threads */
    uint64_t seed;
    int pids[RA_PIDS_MAX]; /* whose CPU time is reported */
    unsigned npids;
    bool terminal; /* stderr is one */
} ra_run_options;

typedef struct ra_run_result {
    ra_stats stats;
    uint64_t elapsed;               /* ns, from the beginning to the last reply */
    uint64_t scheduled;             /* of an open loop: requests that were due */
    uint64_t schedule;              /* ns, in which they were */
    uint64_t client_cpu;            /* ns, of the threads that make requests */
    double busiest;                 /* the busiest thread's share of a core */
    double server_cpu[RA_PIDS_MAX]; /* seconds, by pid; < 0: it has ended meanwhile */
    bool interrupted;
} ra_run_result;

typedef struct ra_worker ra_worker;

/* What the threads of one run share. */
typedef struct ra_run {
    const ra_run_options *options;
    ra_worker *workers;
    uint64_t start;      /* ns; when the schedule begins */
    atomic_bool stop;    /* send nothing more */
    atomic_bool over;    /* rounds: the leader's word that there is no further one */
    atomic_uint away;    /* rounds: threads whose round isn't over */
    atomic_uint running; /* threads */
    pthread_t main;
} ra_run;

/* NULL, or why it couldn't begin. */
const char *ra_run_go(const ra_run_options *o, ra_run_result *out);

#endif
