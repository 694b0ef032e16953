/*
 * The items of a Scan or a Query on their way to stdout, page after page: as a readable table, or as JSON
 * with one item a line. Threads: main's only.
 */
#ifndef RA_PROXY_DDB_ROWS_H
#define RA_PROXY_DDB_ROWS_H

#include "proxy/ddb_page.h"
#include "proxy/ddb_view.h"

typedef struct ra_ddb_rows {
    ra_ddb_task *task;
    const char *open;      /* JSON: what comes before the items */
    const ra_route *route; /* JSON: items are shown as this route shows them; NULL: as DynamoDB spells them */
    bool discover;         /* columns for the first page's other attributes too */
    ra_ddb_view view;      /* unused with --json */
    uint64_t shown;
    bool begun;
} ra_ddb_rows;

/* false: it has been said why; to be freed all the same. */
bool ra_ddb_rows_begin(ra_ddb_rows *r, ra_ddb_task *t);
void ra_ddb_rows_free(ra_ddb_rows *r);
/* One page, its items in reverse when `reverse`. -1: go on, else the command's exit status (said). */
int ra_ddb_rows_page(ra_ddb_rows *r, const ra_ddb_page *p, bool reverse);
/* After the last page: the table's end, or the JSON's array is closed. -1 or the exit status. */
int ra_ddb_rows_end(ra_ddb_rows *r);

/* A --limit: a number from 1 on. false: misuse, said. */
bool ra_ddb_rows_limit(const char *command, const char *value, uint32_t *limit);

#endif
