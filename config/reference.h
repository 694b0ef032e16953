/* Values that stand elsewhere: "env:NAME" and "file:/path". */
#ifndef RA_CONFIG_REFERENCE_H
#define RA_CONFIG_REFERENCE_H

#include "config/pool.h"

#include <stdbool.h>

enum { RA_REFERENCE_ERROR_MAX = 512, RA_REFERENCE_FILE_MAX = 64 * 1024 };

/*
 * What a string in the configuration stands for. *value: the text itself if it is no reference, else the
 * variable's or the file's content (without one line end at its end), owned by the pool. *source: NULL, or
 * the reference: then the value may be a secret and must not be printed. A relative file is looked for in
 * `folder`. false: `error` names what is missing, never a value.
 */
bool ra_reference_resolve(const char *given, const char *folder, ra_pool *pool, const char **value,
                          const char **source, char error[RA_REFERENCE_ERROR_MAX]);

/* `path` as seen from the folder ("" is the working directory); NULL without memory. */
char *ra_reference_path(const char *path, const char *folder, ra_pool *pool);

#endif
