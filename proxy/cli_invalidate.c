/* `readaside invalidate`: what is cached is dropped, in the running proxy and in the store that it shares. */
#include "proxy/cli.h"
#include "proxy/cli_reload.h"

enum { TABLE = 256, PARTITION, SORT, INDEX, ALL, BODY_MAX = 16 * 1024 };

static const char NAME[] = "invalidate";

static void usage(FILE *out)
{
    fputs(
        "usage: readaside invalidate -c FILE --all\n"
        "       readaside invalidate -c FILE --table NAME [--partition KEY [--sort KEY | --index NAME]]\n"
        "\n"
        "Drops what is cached, and voids what is being fetched just now, as a write does. The running proxy\n"
        "is asked by FILE's admin.address and admin.token; with store \"redis\" or \"momento\" it counts for "
        "all\n"
        "that share the store.\n"
        "\n"
        "A partition is the queries of it. Items that were read one by one are named by their whole key, "
        "and\n"
        "a global index has partitions of its own: name these too, or the whole table.\n"
        "\n"
        "  -c, --config FILE    the proxy's configuration\n"
        "      --all            every table\n"
        "      --table NAME     one table with its indexes\n"
        "      --partition KEY  one partition of it: the partition key's value\n"
        "      --sort KEY       and the item with this sort key\n"
        "      --index NAME     the partition is of this global index\n"
        "  -h, --help           this text\n"
        "\n"
        "Exit status: 0 done, 1 it couldn't be done, 2 a wrong call or configuration.\n",
        out);
}

typedef struct given {
    const char *config, *table, *partition, *sort, *index;
    bool all;
} given;

static int check(int argc, const given *g)
{
    if (optind != argc)
        return ra_cli_misuse(NAME, "too many arguments");
    if (!g->config)
        return ra_cli_misuse(NAME, "-c FILE is missing");
    if (g->all == (g->table != NULL))
        return ra_cli_misuse(NAME, "say either --all or --table NAME");
    if ((g->sort || g->index || g->partition) && !g->table)
        return ra_cli_misuse(NAME, "keys and indexes go with --table");
    if ((g->sort || g->index) && !g->partition)
        return ra_cli_misuse(NAME, "--sort and --index go with --partition");
    return g->sort && g->index ? ra_cli_misuse(NAME, "--index names a partition: without --sort") : RA_CLI_OK;
}

static bool options(int argc, char **argv, given *g, int *exit)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},  {"all", no_argument, NULL, ALL},
        {"table", required_argument, NULL, TABLE}, {"partition", required_argument, NULL, PARTITION},
        {"sort", required_argument, NULL, SORT},   {"index", required_argument, NULL, INDEX},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    bool first = true;
    for (int c = 0; (c = ra_cli_option(argc, argv, NAME, ":c:h", known, &first)) != -1;) {
        const char **to = c == 'c'         ? &g->config
                          : c == TABLE     ? &g->table
                          : c == PARTITION ? &g->partition
                          : c == SORT      ? &g->sort
                          : c == INDEX     ? &g->index
                                           : NULL;
        if (to) {
            *to = optarg;
        } else if (c == ALL) {
            g->all = true;
        } else {
            if (c == 'h')
                usage(stdout);
            *exit = c == 'h' ? RA_CLI_OK : RA_CLI_USAGE;
            return false;
        }
    }
    *exit = check(argc, g);
    return *exit == RA_CLI_OK;
}

static void add_member(ra_buf *body, const char *name, const char *value)
{
    if (!value)
        return;
    ra_buf_addf(body, "%s\"%s\": ", body->n > 1 ? ", " : "", name);
    ra_buf_add_json_string(body, ra_bytes_z(value));
}

int ra_cli_invalidate(int argc, char **argv)
{
    given g = {0};
    int exit = RA_CLI_OK, status = 0;
    ra_buf body;
    if (!options(argc, argv, &g, &exit))
        return exit;
    ra_buf_init(&body, BODY_MAX);
    ra_buf_add_z(&body, g.all ? "{\"all\": true" : "{");
    add_member(&body, "table", g.table);
    add_member(&body, "partition_key", g.partition);
    add_member(&body, "sort_key", g.sort);
    add_member(&body, "index", g.index);
    ra_buf_add_char(&body, '}');
    cJSON *answer = ra_cli_admin_do(NAME, g.config, "/admin/invalidate", &body, &status, &exit);
    const char *error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "error"));
    if (answer && status == 200) {
        double marked = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(answer, "marked"));
        printf("invalidated %.0f unit%s\n", marked, marked == 1 ? "" : "s");
        exit = RA_CLI_OK;
    } else if (answer) {
        fprintf(stderr, "readaside %s: %s\n", NAME, error ? error : "the proxy refuses it");
    }
    cJSON_Delete(answer);
    return exit;
}
