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

/* What a command takes besides the options that all of them have. */
typedef struct ra_ddb_command {
    const char *name; /* "ddb seed" */
    void (*usage)(FILE *out);
    const char *file; /* it reads one file: the option under `ddb` in the configuration that names it when no
                         argument does ("seed"); NULL: it reads none */
    const char
        *argument; /* it takes one argument that isn't a file: what that is ("a table's name"); or NULL */
    const char *config; /* it needs a configuration: the option there that it is for; or NULL */
    bool changes;       /* it changes tables or items: with --aws it says first in which account and region */
    /* Its own options, ended by a zero entry, with val >= 256; `take` is given each, false: misuse, said. */
    const struct option *more;
    bool (*take)(void *arg, int option, const char *value);
    void *arg;
    bool (*wants_file)(void *arg); /* does it read the file after all, given its options? NULL: yes */
    bool (*check)(void *arg);      /* do its options go together? false: misuse, said. NULL: always */
} ra_ddb_command;

typedef struct ra_ddb_task {
    const ra_ddb_command *command;
    ra_config *config;    /* NULL: none was given */
    const char *file;     /* argv's or the configuration's; NULL: none is read */
    const char *argument; /* NULL: none is taken */
    char endpoint[RA_ENDPOINT_MAX];
    char region[RA_REGION_MAX];
    int64_t timeout; /* ms */
    bool json;
    bool aws;    /* AWS itself: --aws */
    ra_buf text; /* the file's content */
    ra_ddb *ddb;
} ra_ddb_task;

/* The lines of a command's --help that all of them share: the options that name a DynamoDB; what comes last.
 */
void ra_ddb_usage_options(FILE *out);
void ra_ddb_usage_end(FILE *out);

/* Reads the options and the file and makes the client. false: *status is how the command ends (said already).
 * The task is to be freed in both cases. */
bool ra_ddb_task_begin(ra_ddb_task *t, const ra_ddb_command *command, int argc, char **argv, int *status);
void ra_ddb_task_free(ra_ddb_task *t);

/* "readaside ddb seed: MESSAGE" on stderr, without control characters. */
void ra_ddb_task_say(const ra_ddb_task *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for a failure; with --json also {"error": MESSAGE} on stdout. Returns
 * RA_CLI_FAILED. */
int ra_ddb_task_fail(const ra_ddb_task *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for a reply: "WHAT: TypeName: message". */
int ra_ddb_task_fail_reply(const ra_ddb_task *t, const char *what, const ra_http_reply *r);
/* The same for a place in the file. `at` is an offset. */
int ra_ddb_task_fail_at(const ra_ddb_task *t, size_t at, const char *what);

#endif
