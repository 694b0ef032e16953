/*
 * The access log: lines on their way to a file. An event loop puts a line into a ring of its own, which takes
 * no lock and no system call; one thread writes them. So a slow disk, a full one, or a pipe that nobody reads
 * stops no loop: what the ring has no room for is dropped, and counted.
 *
 * A line is never split over two calls of write(2), and none is longer than 4096 bytes, which is PIPE_BUF: so
 * lines don't mix with what other processes append. What a write that failed has left of a line is ended
 * before the next one is written. Lines of one loop come in order; those of several may not.
 *
 * Pipes: a FIFO is opened when somebody reads it, and again when that one has gone.
 *
 * Ownership: the server's. Threads: put: the loop's own; stats: any; the rest: one at a time.
 */
#ifndef RA_PROXY_ACCESS_LOG_H
#define RA_PROXY_ACCESS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RA_ACCESS_RING = 512 * 1024, RA_ACCESS_WHY_MAX = 128, RA_ACCESS_ID_MAX = 128 };

typedef struct ra_access_log ra_access_log;
typedef struct ra_access_file ra_access_file;

/* Of a reply that has just been handed over, for the line of the request that it answers. A loop has one: the
 * request is counted before the loop answers another. */
typedef struct ra_access_said {
    int status;     /* 0: none has been */
    uint64_t bytes; /* of its body */
    size_t id_n, reply_id_n;
    char id[RA_ACCESS_ID_MAX];       /* what the reply calls the request */
    char reply_id[RA_ACCESS_ID_MAX]; /* its x-amzn-RequestId, where that is another */
} ra_access_said;

typedef struct ra_access_stats {
    uint64_t written, full, failed; /* lines; the latter two were dropped: no room, or writing failed */
} ra_access_stats;

/* Costs next to nothing before it is prepared. NULL: no memory. */
ra_access_log *ra_access_log_new(unsigned loops);
/* Writes what is there, if that can be done at once. NULL is allowed. */
void ra_access_log_free(ra_access_log *log);

/* Appends to it; "-" is standard output. NULL with `why`. */
ra_access_file *ra_access_file_open(const char *path, char why[RA_ACCESS_WHY_MAX]);
void ra_access_file_close(ra_access_file *file); /* NULL is allowed */

/* Memory and the thread, once: before the first file. false: they can't be had. */
bool ra_access_log_prepare(ra_access_log *log);
/* What is put from now on goes there, and is written no more to what was there before. NULL: nobody puts
 * anything any more; what has been put is still written where it was to go. */
void ra_access_log_use(ra_access_log *log, ra_access_file *file_take);

/* A line with its end, of at most RA_ACCESS_LINE_MAX bytes. After ra_access_log_prepare. */
void ra_access_log_put(ra_access_log *log, unsigned loop, const char *line, size_t n);
void ra_access_log_get_stats(const ra_access_log *log, ra_access_stats *out);

#endif
