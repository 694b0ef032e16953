/*
 * Moves the rows of one target: queries them, moves each that is behind, and looks again until none is.
 *
 * A row that has changed since it was read is found again by the next look. Throttling and outages are waited
 * out for as long as they last, and said once. What is refused is tried `tries` times; so is what changes
 * again and again, but a try of that kind lasts `settle`, for an index may show a row for so long that isn't
 * there any more.
 *
 * Threads: one.
 */
#ifndef RA_PROXY_REKEY_RUN_H
#define RA_PROXY_REKEY_RUN_H

#include "proxy/rekey.h"
#include "proxy/rekey_reply.h"

/* Who is asked, and time. */
typedef struct ra_rekey_calls {
    ra_http_reply *(*query)(void *arg, ra_bytes body);    /* upstream: one reference, NULL without memory */
    ra_http_reply *(*transact)(void *arg, ra_bytes body); /* the proxy, whose cache it invalidates */
    const char *query_at, *transact_at;                   /* their addresses, for messages */
    void (*wait)(void *arg, int64_t ms);                  /* or until it is to stop */
    bool (*stopping)(void *arg);
    int64_t (*monotonic)(void *arg); /* ms */
    void *arg;
} ra_rekey_calls;

typedef struct ra_rekey_run {
    const ra_rekey_calls *calls;
    const ra_table *table;
    unsigned tries;
    int64_t settle;
    /* Something keeps records from being handled, or (NULL) doesn't any more. */
    void (*trouble)(void *arg, const char *what_or_null);
    void *arg;
    bool troubled; /* said, and not over */
} ra_rekey_run;

enum ra_rekey_end {
    RA_REKEY_DONE,
    RA_REKEY_GIVEN_UP, /* `error` says why, `tries` how often it was tried */
    RA_REKEY_STOPPED   /* before it was done */
};

typedef struct ra_rekey_outcome {
    size_t moved;
    unsigned tries;
    ra_buf error; /* to be freed */
} ra_rekey_outcome;

/* *out is set up here. */
enum ra_rekey_end ra_rekey_run_target(ra_rekey_run *run, const ra_stream_rule *rule,
                                      const ra_rekey_target *target, ra_rekey_outcome *out);

/* For whoever else has to wait: says it once, and that it is over. */
void ra_rekey_run_troubled(ra_rekey_run *run, const char *what);
void ra_rekey_run_untroubled(ra_rekey_run *run);

#endif
