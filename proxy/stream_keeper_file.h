/*
 * The file of stream_keeper.h, read and written as a whole, and its lock. Threads: one at a time.
 *
 *   {"version": 1, "notes": [{"stream": ARN, "shard": ID, "handled": SEQUENCE NUMBER, "finished": false,
 *    "drained_ms": N, "at": N}, …]}
 */
#ifndef RA_PROXY_STREAM_KEEPER_FILE_H
#define RA_PROXY_STREAM_KEEPER_FILE_H

#include "proxy/stream_keeper.h"

/* How far one shard has been handled. */
typedef struct ra_stream_note {
    char *stream; /* its ARN */
    char shard[RA_SHARD_ID_MAX + 1];
    char handled[RA_SEQUENCE_MAX + 1];
    bool finished;
    int64_t drained_ms;
    int64_t at; /* wall clock, ms: when it was noted */
} ra_stream_note;

/* The lock's descriptor; -1: why says why, and who has it. */
int ra_stream_notes_lock(const char *path, char why[RA_STREAM_FILE_WHY_MAX]);
void ra_stream_notes_unlock(int fd); /* -1 is allowed */
/* Gives each note of the file to `keep`, which copies it. No file is no notes. false: why says why. */
bool ra_stream_notes_read(const char *path, bool (*keep)(void *arg, const ra_stream_note *n), void *arg,
                          char why[RA_STREAM_FILE_WHY_MAX]);
/* Replaces the file in one step, on disk before it returns. false: why says why. */
bool ra_stream_notes_write(const char *path, const ra_stream_note *v, size_t n,
                           char why[RA_STREAM_FILE_WHY_MAX]);

#endif
