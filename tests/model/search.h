/* Breadth-first search over all states of a run. */
#ifndef RA_TESTS_MODEL_SEARCH_H
#define RA_TESTS_MODEL_SEARCH_H

#include "tests/model/steps.h"

#include <stdint.h>
#include <stdio.h>

enum ra_verdict {
    RA_HOLDS,     /* every state was seen, no read was too old */
    RA_BROKEN,    /* a read was too old; the trace is the shortest */
    RA_UNFINISHED /* more states than the limit, or no memory: says nothing */
};

typedef struct ra_trace_step {
    ra_label label;
    ra_state after;
} ra_trace_step;

typedef struct ra_result {
    enum ra_verdict verdict;
    uint64_t states, transitions;
    double seconds;
    uint64_t seen[RA_VERBS]; /* how often each kind of step was possible */
    unsigned committed;      /* writers whose requests were, one bit each */
    ra_trace_step *trace;    /* malloc'ed; its last step is the read that is too old */
    unsigned ntrace;
} ra_result;

void ra_search(const ra_run *run, uint64_t max_states, ra_result *out);
void ra_result_free(ra_result *r);

#endif
