/*
 * Where `readaside warm` has its requests from: a file of them, or a table whose partitions are found by a
 * Scan of its keys, straight at upstream.
 *
 * Of a table each partition is named once: items of one partition stand together in a Scan, so that it is
 * enough to compare with the one before. Messages go to stderr as `task` says them.
 *
 * Threads: main's only.
 */
#ifndef RA_PROXY_WARM_SOURCE_H
#define RA_PROXY_WARM_SOURCE_H

#include "proxy/ddb_task.h"

enum { RA_WARM_LINE_MAX = 1 << 20, RA_WARM_AT_MAX = 64 };

enum ra_warm_step {
    RA_WARM_REQUEST,
    RA_WARM_WRONG, /* a line that is no request: said */
    RA_WARM_PAGE,  /* first ra_warm_source_page */
    RA_WARM_END
};

typedef struct ra_warm_source ra_warm_source;

/* Outlived by the task. NULL: said. */
ra_warm_source *ra_warm_source_file(const ra_ddb_task *task, const char *path);
/* `pattern` NULL: all partitions; else those that the table's pattern of that name takes. The task gets its
 * client. NULL: said, and *status is how to end. */
ra_warm_source *ra_warm_source_table(ra_ddb_task *task, const char *table, const char *pattern, int *status);
void ra_warm_source_free(ra_warm_source *s); /* NULL is allowed */

/* The next request: its operation, a literal, and its body, which is made anew. */
enum ra_warm_step ra_warm_source_next(ra_warm_source *s, const char **operation, ra_buf *body);
/* Reads the next page of the table, which blocks; *units are what it consumed. false: said, or the task's
 * client was told to stop. */
bool ra_warm_source_page(ra_warm_source *s, double *units);
/* How far it is: ", 42% of the file", ", 120 items scanned". */
void ra_warm_source_at(const ra_warm_source *s, char out[RA_WARM_AT_MAX]);

#endif
