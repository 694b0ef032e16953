/*
 * What a `ddb` command's line says, before anything is looked up. Ownership: views of argv. Threads: main's
 * only.
 */
#ifndef RA_PROXY_DDB_GIVEN_H
#define RA_PROXY_DDB_GIVEN_H

#include "proxy/ddb_task.h"

typedef struct ra_ddb_given {
    const char *config, *endpoint, *region, *timeout; /* NULL: not given */
    const char *argument;                             /* as the command takes it */
    const char *file;                                 /* "-" is standard input */
    bool wants_file;                                  /* a file is read, given or not */
    bool json;
    bool aws;
} ra_ddb_given;

/* false: *status is how the command ends (said already, --help included). */
bool ra_ddb_given_read(ra_ddb_given *g, const ra_ddb_command *command, int argc, char **argv, int *status);

/* An environment variable, an empty one counts as none: NULL. */
const char *ra_ddb_environment(const char *name);

#endif
