/*
 * Who remembers how far streams have been handled, for one process that reads all their shards: a file, so
 * that the next process goes on from there; or memory alone. (Proxies that share a store divide shards among
 * them by its posts instead, see proxy/follow.h.)
 *
 * The file is one JSON document. It is replaced in one step (written beside, on disk, renamed) at most every
 * 200 ms while something is noted, and by ra_stream_file_close: so after a crash at most so much is handled
 * once more, and nothing is passed over. A lock file beside it ("PATH.lock") keeps other processes away. A
 * file that isn't whole is refused: to go on without it would be to begin anew, silently.
 *
 * Threads: any; a mutex, which is held while the file is written.
 */
#ifndef RA_PROXY_STREAM_KEEPER_H
#define RA_PROXY_STREAM_KEEPER_H

#include "proxy/stream_walk.h"

enum { RA_STREAM_FILE_WHY_MAX = 512, RA_STREAM_FILE_MAX = 64 << 20 };

typedef struct ra_stream_file ra_stream_file;

/* `path` NULL: memory alone. NULL: why says why. */
ra_stream_file *ra_stream_file_open(const char *path, char why[RA_STREAM_FILE_WHY_MAX]);
/* As long as the file is open. Every shard is HELD. */
const ra_stream_keeper *ra_stream_file_keeper(const ra_stream_file *f);
/* Writes what isn't written yet. false: it couldn't be; why says why. */
bool ra_stream_file_flush(ra_stream_file *f, char why[RA_STREAM_FILE_WHY_MAX]);
/* Flushes, gives the lock up and frees. false: what was noted last isn't in the file; it is logged. NULL is
 * allowed. */
bool ra_stream_file_close(ra_stream_file *f);

#endif
