#include "proxy/ddb_given.h"

#include "config/text.h"

#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 24, OWN = 256 };

const char *ra_ddb_environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

void ra_ddb_usage_options(FILE *out)
{
    fputs(
        "  -c, --config FILE   a configuration; else the one that READASIDE_CONFIG names\n"
        "      --endpoint URL  which DynamoDB; else AWS_ENDPOINT_URL_DYNAMODB, else the configuration's\n"
        "                      upstream.endpoint\n"
        "      --aws           AWS itself, in the region that --region, the configuration, AWS_REGION or\n"
        "                      AWS_DEFAULT_REGION names, whatever endpoint these name; what changes tables\n"
        "                      or items says first in which account and region it does so\n"
        "      --region NAME   else the configuration's, else AWS_REGION or AWS_DEFAULT_REGION, else (but "
        "for\n"
        "                      --aws) us-east-1\n",
        out);
}

void ra_ddb_usage_end(FILE *out)
{
    fputs("  -h, --help          this text\n"
          "\n"
          "Credentials come from AWS's usual places; `readaside credentials` tells which.\n"
          "Exit status: 0 done, 1 it couldn't be done, 2 a wrong call or configuration.\n",
          out);
}

/* The options that all commands have, then the command's own. */
static void list_options(const ra_ddb_command *command, struct option all[OPTIONS_MAX])
{
    static const struct option common[] = {
        {"config", required_argument, NULL, 'c'},  {"endpoint", required_argument, NULL, 'e'},
        {"aws", no_argument, NULL, 'a'},           {"region", required_argument, NULL, 'r'},
        {"timeout", required_argument, NULL, 't'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'}};
    size_t n = sizeof common / sizeof *common;
    memset(all, 0, OPTIONS_MAX * sizeof *all);
    memcpy(all, common, sizeof common);
    for (const struct option *o = command->more; o && o->name && n < OPTIONS_MAX - 1; o++)
        all[n++] = *o;
}

static bool take(ra_ddb_given *g, const ra_ddb_command *command, int option)
{
    const char **text = option == 'c'   ? &g->config
                        : option == 'e' ? &g->endpoint
                        : option == 'r' ? &g->region
                        : option == 't' ? &g->timeout
                                        : NULL;
    if (text)
        *text = optarg;
    else if (option == 'j')
        g->json = true;
    else if (option == 'a')
        g->aws = true;
    else if (option >= OWN)
        return command->take(command->arg, option, optarg);
    return true;
}

static bool read_options(ra_ddb_given *g, const ra_ddb_command *command, int argc, char **argv, int *status)
{
    struct option all[OPTIONS_MAX];
    list_options(command, all);
    bool first = true;
    for (int c; (c = ra_cli_option(argc, argv, command->name, ":c:h", all, &first)) != -1;) {
        if (c == 'h') {
            command->usage(stdout);
            *status = RA_CLI_OK;
            return false;
        }
        if (c == '?' || !take(g, command, c))
            return false;
    }
    return true;
}

/* What isn't an option: the argument, the file, both or nothing. */
static bool read_words(ra_ddb_given *g, const ra_ddb_command *command, int n, char **words)
{
    int at = 0;
    if (command->argument) {
        if (at >= n || !words[at][0]) {
            ra_cli_misuse(command->name, "give %s", command->argument);
            return false;
        }
        if (ra_text_valid(words[at], strlen(words[at])) != strlen(words[at])) {
            ra_cli_misuse(command->name, "%s is UTF-8", command->argument);
            return false;
        }
        g->argument = words[at++];
    }
    g->wants_file = command->file && (!command->wants_file || command->wants_file(command->arg));
    if (g->wants_file && at < n)
        g->file = words[at++];
    if (at == n)
        return true;
    if (g->wants_file)
        ra_cli_misuse(command->name, "one file at a time: '%s' is one too many", words[at]);
    else
        ra_cli_misuse(command->name, "'%s' is one argument too many", words[at]);
    return false;
}

bool ra_ddb_given_read(ra_ddb_given *g, const ra_ddb_command *command, int argc, char **argv, int *status)
{
    *g = (ra_ddb_given){0};
    *status = RA_CLI_USAGE;
    if (!read_options(g, command, argc, argv, status) ||
        !read_words(g, command, argc - optind, argv + optind))
        return false;
    if (command->check && !command->check(command->arg))
        return false;
    if (g->aws && g->endpoint) {
        ra_cli_misuse(command->name, "--aws and --endpoint exclude each other");
        return false;
    }
    if (!g->config)
        g->config = ra_ddb_environment("READASIDE_CONFIG");
    if (g->config || !command->config)
        return true;
    ra_cli_misuse(command->name,
                  "it needs a configuration that has %s: give it with -c FILE or in READASIDE_CONFIG",
                  command->config);
    return false;
}
