/*
 * Reads through the proxy, several at a time and so many a second: what `readaside warm` does with its
 * source. A read that the proxy can't do just now is tried again after a pause; after RA_WARM_PATIENCE
 * failures in a row it gives up.
 *
 * Threads: main's only; ra_warm_stop's descriptor may be written to anywhere.
 */
#ifndef RA_PROXY_WARM_RUN_H
#define RA_PROXY_WARM_RUN_H

#include "proxy/progress.h"
#include "proxy/warm_source.h"

enum { RA_WARM_PATIENCE = 20, RA_WARM_CONCURRENCY_MAX = 1000 };

typedef struct ra_warm_options {
    const ra_ddb_task *task; /* for messages */
    ra_warm_source *source;
    ra_ddb *proxy;       /* signs, and knows where to send */
    const char *ca_file; /* for the proxy's certificate; NULL: the system's */
    double rate;         /* reads per second, > 0; a scan's page counts as the units that it consumed */
    unsigned concurrency;
    int stop_fd; /* once it is readable nothing more is sent */
    ra_progress *progress;
} ra_warm_options;

typedef struct ra_warm_counts {
    uint64_t read;     /* sent, and what came of them: */
    uint64_t hits;     /* they were cached already */
    uint64_t filled;   /* they are now */
    uint64_t uncached; /* answered, and not cached: they bypass the cache, or the fill was refused */
    uint64_t failed;   /* lines that aren't requests among them */
    int64_t ms;
    bool stopped; /* before its source's end */
} ra_warm_counts;

/* false: no memory, or the source has failed (said). The counts count all the same. */
bool ra_warm_run(const ra_warm_options *o, ra_warm_counts *out);

#endif
