/* Reading a whole file with a cap. Blocks: only at start, on reload and in the command line. */
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

#endif
