/*
 * Operations that may be repeated, again and again while DynamoDB has a bad moment, and the patience that a
 * command has for that. Threads: main's only. Units: ms, by the monotonic clock.
 */
#ifndef RA_PROXY_DDB_READ_H
#define RA_PROXY_DDB_READ_H

#include "proxy/ddb_task.h"

/* --timeout, from when it began on, and the next pause in it. */
typedef struct ra_ddb_patience {
    const ra_ddb_task *task;
    int64_t begun;
    int64_t pause;
} ra_ddb_patience;

void ra_ddb_patience_begin(ra_ddb_patience *p, const ra_ddb_task *t);
int64_t ra_ddb_patience_left(const ra_ddb_patience *p);
/* How long one call may take. */
int64_t ra_ddb_patience_call(const ra_ddb_patience *p);
/* Pauses, each time for longer, but not beyond the end. */
void ra_ddb_patience_nap(ra_ddb_patience *p);

/* The last reply, whatever it is; NULL without memory. */
ra_http_reply *ra_ddb_try(const ra_ddb_task *t, const char *operation, ra_bytes body);
/* A successful one. NULL: it has been said what is wrong, with `what` before it. */
ra_http_reply *ra_ddb_read(const ra_ddb_task *t, const char *operation, ra_bytes body, const char *what);

/* Appends {"TableName": NAME}. */
bool ra_ddb_table_body(const char *name, ra_buf *out);

/* -1: all output so far is written, else the command's exit status: it has been said why not, unless who
 * reads it has closed the pipe, who knows. */
int ra_ddb_unwritten(const ra_ddb_task *t);

#endif
