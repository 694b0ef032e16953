/* `readaside ddb COMMAND`. */
#include "proxy/cli.h"

#include <string.h>

static const ra_cli_command commands[] = {
    {"schema-load", "create a table from a file and wait until it can be used", ra_cli_ddb_schema_load},
    {"list-tables", "list the tables", ra_cli_ddb_list_tables},
    {"drop", "delete a table and wait until it is gone", ra_cli_ddb_drop},
    {"seed", "write a file's items, or made-up ones", ra_cli_ddb_seed},
    {"scan", "show a table's items", ra_cli_ddb_scan},
    {"get-conversation", "show a conversation's messages, and what reading them consumed",
     ra_cli_ddb_get_conversation},
    {"list-conversations", "show a user's conversations, and what reading them consumed",
     ra_cli_ddb_list_conversations},
};
static const size_t ncommands = sizeof commands / sizeof *commands;

static void usage(FILE *out)
{
    fputs("usage: readaside ddb COMMAND [OPTION]... [ARGUMENT]\n\n", out);
    ra_cli_list(commands, ncommands, out);
    fputs("\n`readaside ddb COMMAND --help` explains a command.\n", out);
}

int ra_cli_ddb(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return RA_CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return RA_CLI_OK;
    }
    return ra_cli_dispatch("readaside ddb", commands, ncommands, argc - 1, argv + 1);
}
