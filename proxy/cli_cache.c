/* `readaside cache COMMAND`. */
#include "proxy/cli_cache.h"

#include "proxy/cli.h"

#include <string.h>

static const ra_cli_command commands[] = {
    {"ping", "can the configured store be reached and used, and how fast is it", ra_cli_cache_ping},
    {"get", "show what is cached of an item or a partition", ra_cli_cache_get},
    {"delete", "drop what is cached of an item, a partition or a table", ra_cli_cache_delete},
    {"stats", "show a running proxy's counters of its store", ra_cli_cache_stats},
};
static const size_t ncommands = sizeof commands / sizeof *commands;

static void usage(FILE *out)
{
    fputs("usage: readaside cache COMMAND [-c FILE] [OPTION]... [TABLE]\n\n", out);
    ra_cli_list(commands, ncommands, out);
    fputs(
        "\n"
        "They talk to the store that the configuration names: to Redis or to Momento themselves, and where\n"
        "it is in the proxy's own process to that proxy, at its admin.address.\n"
        "`readaside cache COMMAND --help` explains a command.\n",
        out);
}

int ra_cli_cache(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return RA_CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return RA_CLI_OK;
    }
    return ra_cli_dispatch("readaside cache", commands, ncommands, argc - 1, argv + 1);
}
