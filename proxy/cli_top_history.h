/*
 * What `readaside top` has seen of a proxy: its newest GET /admin/live (proxy/live.h), and of those before it
 * the counters, which only grow, so that rates are differences. A proxy that has been started again begins
 * anew.
 *
 * Ownership: the history owns what it is given. Threads: one. Rates are per second over the newest
 * RA_TOP_WINDOW ms, or over one interval where that is longer; NAN: there is one sample only.
 */
#ifndef RA_PROXY_CLI_TOP_HISTORY_H
#define RA_PROXY_CLI_TOP_HISTORY_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RA_TOP_SAMPLES = 61, RA_TOP_WINDOW = 10 * 1000 };

enum ra_top_count {
    /* of `requests`; the first ones of them are all there are, once each */
    RA_TOP_HIT,
    RA_TOP_STALE,
    RA_TOP_MISS,
    RA_TOP_BYPASS,
    RA_TOP_WRITE,
    RA_TOP_PASS,
    RA_TOP_ERROR,
    RA_TOP_OUTCOMES,
    RA_TOP_NEAR = RA_TOP_OUTCOMES, /* these are part of others */
    RA_TOP_NEGATIVE,
    RA_TOP_COALESCED,
    /* of `upstream` */
    RA_TOP_READS,
    RA_TOP_WRITES,
    RA_TOP_READS_SAVED,
    RA_TOP_UNITS_SPENT,
    RA_TOP_UNITS_SAVED,
    RA_TOP_EVICTIONS, /* of `memory` */
    RA_TOP_COUNTS
};

enum ra_top_pattern_count {
    RA_TOP_P_HIT,
    RA_TOP_P_STALE,
    RA_TOP_P_MISS,
    RA_TOP_P_BYPASS,
    RA_TOP_P_COALESCED,
    RA_TOP_P_NEGATIVE,
    RA_TOP_P_WRITE,
    RA_TOP_P_INVALIDATIONS,
    RA_TOP_P_UNITS_SPENT,
    RA_TOP_P_UNITS_SAVED,
    RA_TOP_P_COUNTS
};

typedef struct ra_top_history ra_top_history;

ra_top_history *ra_top_history_new(void);
void ra_top_history_free(ra_top_history *h); /* NULL is allowed */
/* Takes the answer over, also where it fails: no memory, or it isn't what a proxy answers. */
bool ra_top_history_add(ra_top_history *h, cJSON *live_take);
const cJSON *ra_top_live(const ra_top_history *h); /* the newest; NULL: none */
size_t ra_top_samples(const ra_top_history *h);

/* As the live view names it. */
const char *ra_top_count_name(enum ra_top_count c);
const char *ra_top_pattern_count_name(enum ra_top_pattern_count c);
double ra_top_count(const ra_top_history *h, enum ra_top_count c); /* in all */
double ra_top_rate(const ra_top_history *h, enum ra_top_count c);
double ra_top_requests_rate(const ra_top_history *h); /* of all outcomes */
/* Of the `i`th of `patterns`. */
double ra_top_pattern_rate(const ra_top_history *h, size_t i, enum ra_top_pattern_count c);

/* Of what may be answered from the cache, how much was, in the same time. NAN: nothing was read. */
double ra_top_ratio(const ra_top_history *h);
double ra_top_pattern_ratio(const ra_top_history *h, size_t i);

/* From sample to sample, oldest first, up to `most` of the newest; NAN: nothing is known. How many. */
size_t ra_top_requests_series(const ra_top_history *h, double *out, size_t most);
size_t ra_top_series(const ra_top_history *h, enum ra_top_count c, double *out, size_t most);
size_t ra_top_pattern_ratio_series(const ra_top_history *h, size_t i, double *out, size_t most);

#endif
