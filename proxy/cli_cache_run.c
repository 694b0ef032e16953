/* What the commands of `readaside cache` do. */
#include "config/text.h"
#include "proxy/admin_cache.h"
#include "proxy/cli_cache.h"
#include "proxy/cli_cache_admin.h"
#include "proxy/cli_cache_ask.h"
#include "proxy/cli_cache_item.h"
#include "proxy/cli_cache_show.h"
#include "proxy/ddb_given.h"
#include "proxy/ddb_read.h"
#include "proxy/markers_table.h"

#include <stdlib.h>

enum { KEYS_MAX = 1 << 20 /* a key's values, decoded */ };

/* One command, what it was given, and what it has asked. */
typedef struct cache_task {
    ra_ddb_command command;
    ra_ddb_task task; /* its config, client and messages */
    const char *file;
    ra_markers_key key;
    bool names_units; /* it takes a table and a key */
    bool takes_all;   /* and instead of the key --all */
    bool all;
    void (*usage)(FILE *out);
    char where[RA_CACHE_ASK_WHERE_MAX];
    ra_markers_unit asked[RA_MARKERS_UNITS];
    ra_unit_view views[RA_MARKERS_UNITS];
    size_t n;
    ra_cache_ask *ask;
} cache_task;

static const char *store_name(const cache_task *c)
{
    return ra_store_kind_name(c->task.config->cache.store);
}

/* A failure that comes of how it was called or configured. */
static int wrong_call(const cache_task *c, const char *text)
{
    ra_ddb_task_fail(&c->task, "%s", text);
    return RA_CLI_USAGE;
}

/* ---- what is wanted ---- */

enum { PARTITION_KEY = 256, SORT_KEY, INDEX, ALL };

static void take(cache_task *c, int option)
{
    const char **text = option == 'c'             ? &c->file
                        : option == PARTITION_KEY ? &c->key.partition_key
                        : option == SORT_KEY      ? &c->key.sort_key
                        : option == INDEX         ? &c->key.index
                                                  : NULL;
    if (text)
        *text = optarg;
    c->task.json = c->task.json || option == 'j';
    c->all = c->all || option == ALL;
}

/* What is wrong with what was given as a whole, NULL: nothing. */
static const char *contradiction(const cache_task *c)
{
    const ra_markers_key *k = &c->key;
    bool has_key = k->partition_key || k->sort_key || k->index;
    if (!c->file)
        return "-c FILE is missing, and READASIDE_CONFIG isn't set";
    if (!c->names_units)
        return NULL;
    if (!k->table)
        return "TABLE is missing";
    if (ra_text_valid(k->table, strlen(k->table)) != strlen(k->table))
        return "no table has a name that isn't UTF-8";
    if (c->all && has_key)
        return "--all is the whole table: it doesn't go with a key or an index";
    if (!c->all && !k->partition_key)
        return c->takes_all ? "--partition-key VALUE is missing, or --all"
                            : "--partition-key VALUE is missing";
    return NULL;
}

/* false: *status is how it ends. */
static bool read_options(cache_task *c, int argc, char **argv, int *status)
{
    struct option known[8] = {{"config", required_argument, NULL, 'c'},
                              {"json", no_argument, NULL, 'j'},
                              {"help", no_argument, NULL, 'h'}};
    static const struct option key[] = {{"partition-key", required_argument, NULL, PARTITION_KEY},
                                        {"sort-key", required_argument, NULL, SORT_KEY},
                                        {"index", required_argument, NULL, INDEX}};
    bool first = true;
    if (c->names_units)
        memcpy(&known[3], key, sizeof key);
    if (c->takes_all)
        known[6] = (struct option){"all", no_argument, NULL, ALL};
    *status = RA_CLI_USAGE;
    for (int o; (o = ra_cli_option(argc, argv, c->command.name, ":c:h", known, &first)) != -1;) {
        if (o == 'h') {
            c->usage(stdout);
            *status = RA_CLI_OK;
        }
        if (o == 'h' || o == '?')
            return false;
        take(c, o);
    }
    if (c->names_units && optind < argc)
        c->key.table = argv[optind++];
    if (!c->file)
        c->file = ra_ddb_environment("READASIDE_CONFIG");
    const char *wrong = contradiction(c);
    if (optind < argc)
        ra_cli_misuse(c->command.name, "unknown argument '%s'", argv[optind]);
    else if (wrong)
        ra_cli_misuse(c->command.name, "%s", wrong);
    return optind == argc && !wrong;
}

/* -1: go on. */
static int read_config(cache_task *c)
{
    ra_problems problems = {0};
    c->task.config = ra_config_load(c->file, &problems);
    ra_problems_print(&problems, c->file, stderr);
    ra_problems_free(&problems);
    if (!c->task.config)
        return RA_CLI_USAGE;
    ra_cache_ask_where(c->task.config, c->where);
    return -1;
}

/* ---- one key's units ---- */

/* The guards of what stands in the others: the table's unit and, of an index, the index's. */
static void name_guards(cache_task *c)
{
    bool global = c->n == RA_MARKERS_UNITS && strcmp(c->asked[1].kind, "index") == 0;
    for (size_t i = 0; i < c->n; i++) {
        ra_unit_view *v = &c->views[i];
        bool guard = i + 1 == c->n || (global && i == 1);
        v->unit = c->asked[i].unit;
        if (guard)
            continue;
        v->guard[v->nguards++] = c->asked[c->n - 1].unit;
        if (global)
            v->guard[v->nguards++] = c->asked[1].unit;
    }
}

/* -1: go on. */
static int find_units(cache_task *c)
{
    int status;
    char why[RA_MARKERS_KEY_WHY_MAX];
    ra_table *t = ra_markers_table(&c->task, c->key.table, &status);
    if (!t)
        return status;
    ra_bytes name = ra_table_short_name(ra_bytes_z(c->key.table));
    const ra_table_config *config = ra_config_table(c->task.config, name.p, name.n);
    if (c->all) {
        c->asked[0] = (ra_markers_unit){"table", t->key};
        c->n = 1;
    } else {
        ra_arena arena;
        ra_arena_init(&arena, KEYS_MAX);
        c->n = ra_markers_units(t, &c->key, &arena, c->asked, why);
        ra_arena_free(&arena);
    }
    if (c->n && strcmp(c->asked[0].kind, "item") == 0)
        c->views[0].named = ra_cache_item_name(config, t, &c->key, &c->views[0].name);
    ra_table_unref(t);
    name_guards(c);
    return c->n ? -1 : wrong_call(c, why);
}

/* ---- each command ---- */

static int fail_store(const cache_task *c, const char *why)
{
    return ra_ddb_task_fail(&c->task, "%s: %s", c->where, why);
}

/* -1: go on. */
static int open_store(cache_task *c)
{
    char why[RA_CACHE_ASK_WHY_MAX];
    bool wrong;
    c->ask = ra_cache_ask_new(c->task.config, why, &wrong);
    if (c->ask)
        return -1;
    return wrong ? wrong_call(c, why) : fail_store(c, why);
}

static int written(const cache_task *c, bool ok)
{
    int status = ok ? ra_ddb_unwritten(&c->task) : ra_ddb_task_fail(&c->task, "out of memory");
    return status < 0 ? RA_CLI_OK : status;
}

static int run_ping(cache_task *c)
{
    ra_cache_pong pong;
    int status = open_store(c);
    if (status >= 0)
        return status;
    if (!ra_cache_ask_ping(c->ask, &pong))
        return fail_store(c, ra_cache_ask_why(c->ask));
    double connect = (double)pong.connect_us / 1000, ping = (double)pong.ping_us / 1000;
    if (!c->task.json) {
        printf("%s: can be reached and used; %s\n", c->where, pong.detail);
        printf("connecting and the first answer took %.2f ms, one more answer %.2f ms\n", connect, ping);
        return written(c, true);
    }
    ra_buf out;
    ra_buf_init(&out, KEYS_MAX);
    ra_buf_addf(&out, "{\"store\": \"%s\", \"where\": ", store_name(c));
    ra_buf_add_json_string(&out, ra_bytes_z(c->where));
    ra_buf_add_z(&out, ", \"detail\": ");
    ra_buf_add_json_string(&out, ra_bytes_z(pong.detail));
    ra_buf_addf(&out, ", \"connect_ms\": %.3f, \"latency_ms\": %.3f}", connect, ping);
    bool ok = ra_buf_ok(&out);
    if (ok)
        printf("%.*s\n", (int)out.n, out.p);
    ra_buf_free(&out);
    return written(c, ok);
}

static int run_get(cache_task *c)
{
    int status = find_units(c);
    if (status < 0)
        status = open_store(c);
    if (status >= 0)
        return status;
    if (!ra_cache_ask_units(c->ask, c->views, c->n))
        return fail_store(c, ra_cache_ask_why(c->ask));
    return written(c, ra_cache_show_units(stdout, store_name(c), c->asked, c->views, c->n, c->task.json));
}

/* Guards are dropped only where the whole of what they guard is meant. */
static size_t units_to_drop(const cache_task *c, ra_key *out)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->all || c->views[i].nguards)
            out[n++] = c->asked[i].unit;
    return n;
}

static int run_delete(cache_task *c)
{
    ra_key units[RA_MARKERS_UNITS];
    bool dropped[RA_MARKERS_UNITS] = {false};
    int status = find_units(c);
    if (status < 0)
        status = open_store(c);
    if (status >= 0)
        return status;
    size_t n = units_to_drop(c, units);
    if (!ra_cache_ask_drop(c->ask, units, n, dropped))
        return fail_store(c, ra_cache_ask_why(c->ask));
    return written(c, ra_cache_show_dropped(stdout, store_name(c), c->asked, dropped, n, c->task.json));
}

static int run_stats(cache_task *c)
{
    char why[RA_CACHE_ADMIN_WHY_MAX];
    ra_cache_admin *admin = ra_cache_admin_new(c->task.config, why);
    if (!admin)
        return wrong_call(c, why);
    cJSON *stats = ra_cache_admin_call(admin, "/admin/cache/stats", NULL, NULL);
    int status =
        stats ? written(c, ra_cache_show_stats(stdout, stats, c->task.json))
              : ra_ddb_task_fail(&c->task, "%s: %s", ra_cache_admin_where(admin), ra_cache_admin_why(admin));
    cJSON_Delete(stats);
    ra_cache_admin_free(admin);
    return status;
}

/* ---- the whole ---- */

static int run(cache_task *c, int (*work)(cache_task *c), int argc, char **argv)
{
    int status = RA_CLI_FAILED;
    c->task.command = &c->command;
    if (read_options(c, argc, argv, &status)) {
        status = read_config(c);
        if (status < 0)
            status = work(c);
    }
    for (size_t i = 0; i < RA_MARKERS_UNITS; i++)
        ra_unit_view_clear(&c->views[i]);
    ra_cache_ask_free(c->ask);
    ra_ddb_task_free(&c->task);
    return status;
}

static void usage_end(FILE *out, const char *json)
{
    fprintf(
        out,
        "  -c, --config FILE      the configuration that the proxies run with; default: READASIDE_CONFIG\n"
        "      --json             %s, or {\"error\"}\n"
        "  -h, --help             this text\n"
        "\n"
        "Where the store is \"memory\" the proxy itself is asked, at its admin.address.\n"
        "Exit status: 0 done, 1 it couldn't be done, 2 a wrong call or configuration.\n",
        json);
}

static void usage_key(FILE *out)
{
    fputs("      --partition-key VALUE, --sort-key VALUE\n"
          "                         the key: text is a string; a number is '{\"N\":\"1\"}', a binary\n"
          "                         '{\"B\":\"AA==\"}', a string that begins with { '{\"S\":\"{...\"}'\n"
          "      --index NAME       a partition of this index instead; the partition key is the index's\n",
          out);
}

static void usage_ping(FILE *out)
{
    fputs(
        "usage: readaside cache ping [-c FILE] [--json]\n"
        "\n"
        "Can the store that the configuration names be reached, does it take the credentials, how fast does\n"
        "it answer? Of Redis a connection is made and PING sent; in Momento a key is put, which lives for a\n"
        "minute, and got again, so that also the cache must exist and the API key be good for both; of\n"
        "store \"memory\" the running proxy is asked.\n"
        "\n",
        out);
    usage_end(out, "{\"store\", \"where\", \"detail\", \"connect_ms\", \"latency_ms\"}");
}

static void usage_get(FILE *out)
{
    fputs(
        "usage: readaside cache get TABLE --partition-key VALUE [--sort-key VALUE] [--index NAME]\n"
        "                           [-c FILE] [--json]\n"
        "\n"
        "Shows what is cached of one key: of its item, where the key is whole, of its partition's queries,\n"
        "and whether the table is held by a write; of an index, of that partition of it. For each entry its\n"
        "size and when it expires; not its content. Nothing is changed by looking. Momento can't list what\n"
        "it holds: there only the state of each, and the item itself, are shown.\n"
        "\n",
        out);
    usage_key(out);
    usage_end(out, "{\"store\", \"units\": [{\"kind\", \"unit\", \"state\",\n"
                   "                         \"entries\", ...}], \"total\"}");
}

static void usage_delete(FILE *out)
{
    fputs(
        "usage: readaside cache delete TABLE --partition-key VALUE [--sort-key VALUE] [--index NAME]\n"
        "                              [-c FILE] [--json]\n"
        "       readaside cache delete TABLE --all [-c FILE] [--json]\n"
        "\n"
        "Drops what is cached, so that the next read asks DynamoDB: of the item and of its partition's\n"
        "queries; without the sort key of the partition's queries alone, since each item stands for itself;\n"
        "of an index, of that partition of it. What is being written stays marked. With Redis and Momento\n"
        "this holds for all proxies, but what a proxy holds near it may serve for up to cache.near.max_age.\n"
        "\n",
        out);
    usage_key(out);
    fputs("      --all              all that is cached of the table and its indexes\n", out);
    usage_end(out, "{\"store\", \"units\": [{\"kind\", \"unit\", \"dropped\"}]}");
}

static void usage_stats(FILE *out)
{
    fputs("usage: readaside cache stats [-c FILE] [--json]\n"
          "\n"
          "Shows what a running proxy has counted since it began: hits, misses, fills and so on, of all its\n"
          "threads, and what its near cache holds. Counters are each proxy's own, so with every store the\n"
          "proxy is asked, at its admin.address.\n"
          "\n",
          out);
    usage_end(out, "{\"store\", \"hits\", ...}");
}

int ra_cli_cache_ping(int argc, char **argv)
{
    cache_task c = {.command = {.name = "cache ping"}, .usage = usage_ping};
    return run(&c, run_ping, argc, argv);
}

int ra_cli_cache_get(int argc, char **argv)
{
    cache_task c = {.command = {.name = "cache get"}, .usage = usage_get, .names_units = true};
    return run(&c, run_get, argc, argv);
}

int ra_cli_cache_delete(int argc, char **argv)
{
    cache_task c = {
        .command = {.name = "cache delete"}, .usage = usage_delete, .names_units = true, .takes_all = true};
    return run(&c, run_delete, argc, argv);
}

int ra_cli_cache_stats(int argc, char **argv)
{
    cache_task c = {.command = {.name = "cache stats"}, .usage = usage_stats};
    return run(&c, run_stats, argc, argv);
}
