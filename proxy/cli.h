/*
 * The command line: `readaside COMMAND [OPTION]...`. Each command parses its own options and knows --help.
 *
 * Exit status, for all: 0 done, 1 it couldn't be done, 2 a wrong call or configuration; `reload` alone has 3:
 * done, but something waits for a restart. What a program may
 * want to read goes to stdout, everything else to stderr. Threads: main's only.
 */
#ifndef RA_PROXY_CLI_H
#define RA_PROXY_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum ra_cli_status { RA_CLI_OK = 0, RA_CLI_FAILED = 1, RA_CLI_USAGE = 2, RA_CLI_PARTLY = 3 };

/* argv[0] is the command's own name. */
typedef struct ra_cli_command {
    const char *name;
    const char *summary; /* for the overview */
    int (*run)(int argc, char **argv);
} ra_cli_command;

/* The program: finds the command and runs it. Returns the exit status. */
int ra_cli_main(int argc, char **argv);

int ra_cli_serve(int argc, char **argv);
int ra_cli_check(int argc, char **argv);
int ra_cli_advise(int argc, char **argv);
int ra_cli_top(int argc, char **argv);
int ra_cli_warm(int argc, char **argv);
int ra_cli_markers(int argc, char **argv);
int ra_cli_cache(int argc, char **argv);
int ra_cli_reload(int argc, char **argv);
int ra_cli_caching(int argc, char **argv);
int ra_cli_invalidate(int argc, char **argv);
int ra_cli_credentials(int argc, char **argv);
int ra_cli_ddb(int argc, char **argv);
int ra_cli_ddb_schema_load(int argc, char **argv); /* argv[0] is "schema-load" */
int ra_cli_ddb_seed(int argc, char **argv);        /* argv[0] is "seed" */
int ra_cli_ddb_list_tables(int argc, char **argv);
int ra_cli_ddb_drop(int argc, char **argv);
int ra_cli_ddb_scan(int argc, char **argv);
int ra_cli_ddb_get_conversation(int argc, char **argv);
int ra_cli_ddb_list_conversations(int argc, char **argv);

/*
 * Runs the one of `commands` that argv[0] names; `parent` ("readaside", "readaside ddb") is for messages. An
 * unknown one: a message with the nearest name, and RA_CLI_USAGE.
 */
int ra_cli_dispatch(const char *parent, const ra_cli_command *commands, size_t n, int argc, char **argv);
/* The overview's lines. */
void ra_cli_list(const ra_cli_command *commands, size_t n, FILE *out);

/*
 * getopt_long, restarted when *first is true (it is then set to false), with our messages: what is unknown is
 * named with the nearest option that exists. `shorts` begins with ':'. Returns -1 at the end, '?' after a
 * message.
 */
int ra_cli_option(int argc, char **argv, const char *command, const char *shorts, const struct option *longs,
                  bool *first);
/* "readaside COMMAND: MESSAGE" and where help is, on stderr. Returns RA_CLI_USAGE. */
int ra_cli_misuse(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
