/* `readaside caching`: switched while the proxy runs. */
#include "proxy/cli.h"
#include "proxy/cli_reload.h"

#include <string.h>

enum { TABLE = 256, BODY_MAX = 4096 };

static const char NAME[] = "caching";

static void usage(FILE *out)
{
    fputs(
        "usage: readaside caching on|observe|off -c FILE [--table NAME]\n"
        "\n"
        "Switches caching in the running proxy, which is asked by FILE's admin.address and admin.token.\n"
        "While it is off reads go to DynamoDB, and nothing is filled; writes are marked all the same, so "
        "that\n"
        "it may be switched on again at any time. With \"observe\" misses fill, but every read is answered\n"
        "by DynamoDB and compared with what the cache would have said. It lasts until the next reload or "
        "restart; the option\n"
        "`caching` is what lasts longer.\n"
        "\n"
        "  -c, --config FILE   the proxy's configuration\n"
        "      --table NAME    one that `tables` names (\"*\" too); else all, whatever was said of each\n"
        "  -h, --help          this text\n"
        "\n"
        "Exit status: 0 done, 1 it couldn't be done, 2 a wrong call or configuration.\n",
        out);
}

typedef struct given {
    const char *config, *table, *word;
} given;

static bool is_word(const char *word)
{
    return strcmp(word, "on") == 0 || strcmp(word, "observe") == 0 || strcmp(word, "off") == 0;
}

static bool options(int argc, char **argv, given *g, int *exit)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"table", required_argument, NULL, TABLE},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    bool first = true;
    for (int c = 0; (c = ra_cli_option(argc, argv, NAME, ":c:h", known, &first)) != -1;) {
        if (c == 'c') {
            g->config = optarg;
        } else if (c == TABLE) {
            g->table = optarg;
        } else {
            if (c == 'h')
                usage(stdout);
            *exit = c == 'h' ? RA_CLI_OK : RA_CLI_USAGE;
            return false;
        }
    }
    g->word = optind + 1 == argc ? argv[optind] : NULL;
    if (!g->word || !is_word(g->word))
        *exit = ra_cli_misuse(NAME, "say \"on\", \"observe\" or \"off\"");
    else if (!g->config)
        *exit = ra_cli_misuse(NAME, "-c FILE is missing");
    else
        return true;
    return false;
}

int ra_cli_caching(int argc, char **argv)
{
    given g = {0};
    int exit = RA_CLI_OK, status = 0;
    ra_buf body;
    if (!options(argc, argv, &g, &exit))
        return exit;
    ra_buf_init(&body, BODY_MAX);
    ra_buf_addf(&body, "{\"caching\": \"%s\"", g.word);
    if (g.table) {
        ra_buf_add_z(&body, ", \"table\": ");
        ra_buf_add_json_string(&body, ra_bytes_z(g.table));
    }
    ra_buf_add_char(&body, '}');
    cJSON *answer = ra_cli_admin_do(NAME, g.config, "/admin/caching", &body, &status, &exit);
    const char *error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "error"));
    if (answer && status == 200) {
        printf("caching is %s%s%s until the next reload or restart\n", g.word, g.table ? " for table " : "",
               g.table ? g.table : "");
        exit = RA_CLI_OK;
    } else if (answer) {
        fprintf(stderr, "readaside %s: %s\n", NAME, error ? error : "the proxy refuses it");
    }
    cJSON_Delete(answer);
    return exit;
}
