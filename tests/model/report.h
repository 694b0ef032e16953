/* Results for people and as JSON. */
#ifndef RA_TESTS_MODEL_REPORT_H
#define RA_TESTS_MODEL_REPORT_H

#include "tests/model/search.h"

typedef struct ra_report {
    bool json;
    unsigned printed;
} ra_report;

void ra_report_start(ra_report *p);
/* `unseen`: what the search should have met and didn't, or RA_VERBS. `passed`: as it should be. */
void ra_report_result(ra_report *p, const ra_run *run, const ra_result *r, enum ra_verb unseen, bool passed);
void ra_report_end(ra_report *p, bool passed);

void ra_report_trace(const ra_run *run, const ra_result *r);

#endif
