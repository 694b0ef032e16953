/*
 * What the `ddb` commands share: their options, the file to read, the DynamoDB to talk to, and how they end.
 *
 * Ownership: a task owns all that hangs on it. Threads: main's only.
 */
#ifndef RA_PROXY_DDB_TASK_H
#define RA_PROXY_DDB_TASK_H

#include "cache/buf.h"
#include "config/config.h"
#include "config/endpoint.h"
#include "proxy/cli.h"
#include "proxy/ddb_call.h"

enum { RA_REGION_MAX = 65, RA_DDB_FILE_MAX = 256 << 20 };

/* Where the file is named in the configuration: ddb.schema or ddb.seed. */
typedef struct ra_ddb_command {
    const char *name; /* "ddb seed" */
    const char *what; /* "seed", the option in the configuration */
    void (*usage)(FILE *out);
    bool takes_if_missing;
} ra_ddb_command;

typedef struct ra_ddb_task {
    const ra_ddb_command *command;
    ra_config *config; /* NULL: none was given */
    const char *file;  /* argv's or the configuration's */
    char endpoint[RA_ENDPOINT_MAX];
    char region[RA_REGION_MAX];
    int64_t timeout; /* ms */
    bool json;
    bool if_missing;
    ra_buf text; /* the file's content */
    ra_ddb *ddb;
} ra_ddb_task;

/* Reads the options and the file and makes the client. false: *status is how the command ends (said already).
 * The task is to be freed in both cases. */
bool ra_ddb_task_begin(ra_ddb_task *t, const ra_ddb_command *command, int argc, char **argv, int *status);
void ra_ddb_task_free(ra_ddb_task *t);

/* "readaside ddb seed: MESSAGE" on stderr; with --json also {"error": MESSAGE} on stdout. Returns
 * RA_CLI_FAILED. */
int ra_ddb_task_fail(const ra_ddb_task *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for a reply: "WHAT: TypeName: message". */
int ra_ddb_task_fail_reply(const ra_ddb_task *t, const char *what, const ra_http_reply *r);
/* The same for a place in the file. `at` is an offset. */
int ra_ddb_task_fail_at(const ra_ddb_task *t, size_t at, const char *what);

#endif
