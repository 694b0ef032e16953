/* The commands, and what finds and explains them. */
#include "proxy/cli.h"

#include "config/config.h"
#include "config/suggest.h"
#include "proxy/cli_stream.h"
#include "proxy/metrics_table.h"

#include <errno.h>
#include <string.h>

enum { COMMANDS_MAX = 32 };

static int run_version(int argc, char **argv);
static int run_help(int argc, char **argv);

static const ra_cli_command commands[] = {
    {"serve", "run the proxy", ra_cli_serve},
    {"check", "check a configuration, and say what it promises", ra_cli_check},
    {"reload", "have the running proxy read its configuration anew", ra_cli_reload},
    {"caching", "switch caching on, off or to observe in the running proxy", ra_cli_caching},
    {"invalidate", "drop what is cached of a table, a partition, or all", ra_cli_invalidate},
    {"stream", "apply the configuration's rules to tables' streams", ra_cli_stream},
    {"top", "show in a terminal what the running proxy does", ra_cli_top},
    {"warm", "fill the cache by reading through the running proxy", ra_cli_warm},
    {"advise", "show what other TTLs would have done, and take the advice", ra_cli_advise},
    {"markers", "list, or clear, the markers of writes in the shared store", ra_cli_markers},
    {"cache", "reach the configured store, show or drop what it holds", ra_cli_cache},
    {"credentials", "tell which AWS credentials are used, and where they are from", ra_cli_credentials},
    {"ddb", "make, fill, look at and drop tables", ra_cli_ddb},
    {"version", "print the version", run_version},
    {"help", "explain a command, or the configuration's options", run_help},
};
static const size_t ncommands = sizeof commands / sizeof *commands;

static void usage(FILE *out)
{
    fputs("usage: readaside COMMAND [OPTION]...\n"
          "\n"
          "A read-aside caching proxy for DynamoDB.\n"
          "\n",
          out);
    ra_cli_list(commands, ncommands, out);
    fputs("\n"
          "`readaside COMMAND --help` explains a command, `readaside help config` lists every option of the\n"
          "configuration file, `readaside help metrics` every metric.\n",
          out);
}

void ra_cli_list(const ra_cli_command *list, size_t n, FILE *out)
{
    int width = 12;
    for (size_t i = 0; i < n; i++)
        width = (int)strlen(list[i].name) > width ? (int)strlen(list[i].name) : width;
    for (size_t i = 0; i < n; i++)
        fprintf(out, "  %-*s  %s\n", width, list[i].name, list[i].summary);
}

int ra_cli_dispatch(const char *parent, const ra_cli_command *list, size_t n, int argc, char **argv)
{
    const char *names[COMMANDS_MAX];
    for (size_t i = 0; i < n && i < COMMANDS_MAX; i++) {
        if (strcmp(argv[0], list[i].name) == 0)
            return list[i].run(argc, argv);
        names[i] = list[i].name;
    }
    const char *meant = ra_suggest(argv[0], names, n);
    bool option = argv[0][0] == '-';
    fprintf(stderr, "%s: unknown %s '%s'", parent, option ? "option" : "command", argv[0]);
    if (meant)
        fprintf(stderr, ", did you mean '%s'?", meant);
    fprintf(stderr, "\n`%s --help` lists what there is.\n", parent);
    return RA_CLI_USAGE;
}

static bool asks_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int run_version(int argc, char **argv)
{
    if (argc == 2 && asks_help(argv[1])) {
        fputs("usage: readaside version\n\nPrints \"readaside\" and the version.\n", stdout);
        return RA_CLI_OK;
    }
    if (argc > 1)
        return ra_cli_misuse("version", "unknown argument '%s'", argv[1]);
    fputs("readaside " READASIDE_VERSION "\n", stdout);
    return RA_CLI_OK;
}

/* `help ddb seed` is `ddb seed --help`. */
static int run_help(int argc, char **argv)
{
    static char help[] = "--help";
    char *words[4] = {NULL};
    if (argc == 1) {
        usage(stdout);
        return RA_CLI_OK;
    }
    if (asks_help(argv[1])) {
        fputs("usage: readaside help [COMMAND | config | metrics]\n\n"
              "Explains a command; `config` lists every option of the configuration file, `metrics` what\n"
              "GET /metrics of the admin address tells.\n",
              stdout);
        return RA_CLI_OK;
    }
    if (strcmp(argv[1], "config") == 0 && argc == 2) {
        ra_config_print_options(stdout);
        return RA_CLI_OK;
    }
    if (strcmp(argv[1], "metrics") == 0 && argc == 2) {
        ra_metrics_list(stdout);
        return RA_CLI_OK;
    }
    if (argc > 3)
        return ra_cli_misuse("help", "too many arguments");
    for (int i = 1; i < argc; i++)
        words[i - 1] = argv[i];
    if (strcmp(argv[1], "help") == 0 && argc == 2)
        words[0] = argv[0];
    words[argc - 1] = help;
    return ra_cli_dispatch("readaside", commands, ncommands, argc, words);
}

int ra_cli_main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return RA_CLI_USAGE;
    }
    if (asks_help(argv[1])) {
        usage(stdout);
        return RA_CLI_OK;
    }
    int status;
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        status = run_version(1, argv + 1);
    else
        status = ra_cli_dispatch("readaside", commands, ncommands, argc - 1, argv + 1);
    /* a full disk must not look like success; whoever closes a pipe (`| head`) has read enough and knows */
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (!written && status == RA_CLI_OK) {
        if (errno != EPIPE)
            perror("readaside: writing the output");
        status = RA_CLI_FAILED;
    }
    return status;
}
