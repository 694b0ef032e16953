/*
 * Items on their way into a table: BatchWriteItem bodies, what DynamoDB leaves undone again after a pause,
 * progress on stderr. Threads: main's only.
 */
#ifndef RA_PROXY_DDB_SEED_WRITE_H
#define RA_PROXY_DDB_SEED_WRITE_H

#include "proxy/ddb_task.h"
#include "proxy/progress.h"

typedef struct ra_seed_writer {
    const ra_ddb_task *task;
    uint64_t total; /* writes */
    uint64_t done;
    int64_t begun; /* monotonic, ms */
    int64_t moved; /* when something was written last */
    ra_progress progress;
} ra_seed_writer;

void ra_seed_writer_begin(ra_seed_writer *w, const ra_ddb_task *task, uint64_t total);
/* A request's body, with n writes; its content is used up. -1: all are written, else the exit status (said).
 */
int ra_seed_writer_write(ra_seed_writer *w, ra_buf *body, size_t n);
/* Says how far it came, if `status` isn't -1. Returns the time that it took, in ms, at least 1. */
int64_t ra_seed_writer_end(ra_seed_writer *w, int status);

#endif
