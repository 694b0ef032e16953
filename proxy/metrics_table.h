/*
 * Every metric, declared once: name, type, labels, help, and where its samples come from. README.md's list
 * says the same. Threads: the admin listener's, but for ra_metrics_list.
 */
#ifndef RA_PROXY_METRICS_TABLE_H
#define RA_PROXY_METRICS_TABLE_H

#include "proxy/metrics_text.h"
#include "proxy/watch.h"

#include <stdio.h>

/* Appends all of them, with their samples, in Prometheus' text format. false: no memory. */
bool ra_metrics_write(const ra_server *s, const ra_watch *w, ra_buf *out);
/* What there is: name, type, labels and help, a Markdown table's row each. */
void ra_metrics_list(FILE *out);

/* ---- for the files metrics_table*.c alone ---- */

typedef struct ra_exposition {
    const ra_server *server;
    const ra_watch *watch;
    ra_buf *out;
    unsigned nsubjects;
    ra_subject_sums *subjects; /* of those that nothing has been counted for all is zero */
    ra_request_sums requests;
    ra_store_stats store; /* all loops' together */
} ra_exposition;

typedef struct ra_metric {
    const char *name, *type, *labels, *help; /* labels: separated by ", " */
    void (*write)(const ra_exposition *x, const char *name);
} ra_metric;

extern const ra_metric ra_metrics_by_subject[], ra_metrics_of_server[]; /* up to a name of NULL */

#endif
