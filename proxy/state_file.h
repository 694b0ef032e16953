/*
 * Whether the last exit was clean, across restarts. With consistency "linearizable" and the memory store, a
 * process that died with writes in flight may be followed by one that caches a read before such a write
 * commits. So after an exit that isn't known to be clean the cache is quiet for `unknown_write_hold`. Errors:
 * what can't be read or written counts as unclean, and is logged. Threads: main, before and after the loops.
 */
#ifndef RA_PROXY_STATE_FILE_H
#define RA_PROXY_STATE_FILE_H

#include <stdbool.h>

/* Was the last exit clean? Marks the state as running, so that a crash from here on isn't. */
bool ra_state_file_open(const char *path);
/* A clean exit: every request ended and no marker is left. */
void ra_state_file_close(const char *path);

#endif
