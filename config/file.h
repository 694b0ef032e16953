/* Files: read whole with a cap, and made to last. Blocks: only at start, on reload and in the command line.
 */
#ifndef RA_CONFIG_FILE_H
#define RA_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The content, zero-terminated, *len without that zero; freed by the caller with free(). NULL: *error says
 * why (a static string or strerror's). With `regular`, anything but a regular file is refused, so that a pipe
 * can't block the reader.
 */
char *ra_file_read(const char *path, size_t max, bool regular, size_t *len, const char **error);

/* All of it, in as many writes as it takes. false: errno says why; some of it may be written. */
bool ra_file_write_all(int fd, const char *text, size_t n);
/* Makes last on disk what has been made, renamed or deleted in the folder that holds `path`. false: it can't
 * be told to. */
bool ra_file_sync_folder(const char *path);

#endif
