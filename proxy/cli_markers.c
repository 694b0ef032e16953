/* `readaside markers`: which units of the store are held by writes, and letting go of them. */
#include "config/text.h"
#include "proxy/cli.h"
#include "proxy/clock.h"
#include "proxy/ddb_read.h"
#include "proxy/log.h"
#include "proxy/markers_admin.h"
#include "proxy/markers_key.h"
#include "proxy/markers_names.h"
#include "proxy/markers_show.h"
#include "proxy/markers_store.h"
#include "proxy/markers_table.h"
#include "proxy/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { MARKERS_MAGIC = 0x6d61726b, KEYS_MAX = 1 << 20 /* a key's values, decoded */ };

static void usage(FILE *out)
{
    fputs(
        "usage: readaside markers -c FILE [--json]\n"
        "       readaside markers -c FILE --table NAME --partition-key VALUE [--sort-key VALUE]\n"
        "                         [--index NAME] [--json]\n"
        "       readaside markers -c FILE --clear UNIT... --yes [--json]\n"
        "       readaside markers -c FILE --clear-all --yes [--json]\n"
        "\n"
        "A write marks the units that it touches in the store before it is sent, and takes its markers\n"
        "away when its result is known. Where that never is (a timeout, a lost connection, a proxy that was\n"
        "killed) they stay until their deadline. A unit with a live marker is\n"
        "held: reads of it go to DynamoDB and aren't cached. A unit is an item, a partition, a global "
        "index's\n"
        "partition, an index or a table; its name is a digest that doesn't tell which.\n"
        "\n"
        "Lists each unit that is held: the first 16 digits of its digest (all of them with --json), how\n"
        "many markers live and have expired, when the last one ends; then a total. Expired markers hold\n"
        "nothing, and go when the unit is next read. Times are by the clock of Redis.\n"
        "\n"
        "With cache.store redis that is the shared store; with memory the running proxy is asked, at\n"
        "admin.address, for what its own process holds. What is removed is noted among the proxy's events.\n"
        "\n",
        out);
    fputs(
        "  -c, --config FILE      the configuration that the proxies run with\n"
        "      --table NAME       only what concerns one key of this table: its item, its partition and the\n"
        "                         table, held or not. Asks DynamoDB for the table's keys, unless the\n"
        "                         configuration has its schema\n"
        "      --partition-key VALUE, --sort-key VALUE\n"
        "                         the key: text is a string; a number is '{\"N\":\"1\"}', a binary\n"
        "                         '{\"B\":\"AA==\"}', a string that begins with { '{\"S\":\"{...\"}'\n"
        "      --index NAME       what concerns a partition of this index instead; the partition key is the\n"
        "                         index's\n"
        "      --clear UNIT...    removes the markers of these units, named by the 16 digits that are "
        "shown,\n"
        "                         or more of them; whole digests spare Redis a walk over all its keys\n"
        "      --clear-all        removes the markers of all units of this key_prefix\n"
        "      --yes              yes, remove them. A marker stands for a write that may still happen until\n"
        "                         its deadline. What is read and cached before it does is then stale, for\n"
        "                         up to its TTL; consistency linearizable doesn't hold for it\n"
        "                         A running proxy that has sent such a write itself goes on reading past "
        "the\n"
        "                         cache there until the deadline, and sets its marker again when it has to\n"
        "                         connect anew\n"
        "      --json             {\"units\": [{\"unit\", \"markers\", \"unreadable\", \"expired\",\n"
        "                         \"latest_deadline\", \"remaining_ms\"}, ...], \"total\"}; with --table "
        "also\n"
        "                         \"kind\" and \"held\", with --clear \"removed\"; or {\"error\"}\n"
        "  -h, --help             this text\n"
        "\n"
        "Redis must allow the proxy's user SCAN and HSCAN besides what the proxy needs. The password, TLS "
        "and\n"
        "the like come from cache.redis, AWS credentials (with --table) from AWS's usual places, which\n"
        "`readaside credentials` shows.\n"
        "Exit status: 0 done, also if no marker was there, 1 it couldn't be done, 2 a wrong call or\n"
        "configuration.\n",
        out);
}

typedef struct markers {
    unsigned magic;
    ra_ddb_task task; /* its config, client and messages */
    const char *file;
    ra_markers_key key;
    ra_markers_names names; /* to be cleared */
    bool clear_all, yes;
    ra_markers_unit asked[RA_MARKERS_UNITS];
    size_t nasked, at;
    char where[RA_MARKERS_WHERE_MAX];
    ra_marker_scan *scan;
    ra_cache_admin *admin; /* a running proxy, whose own process the store is in */
    char admin_why[RA_MARKERS_ADMIN_WHY_MAX];
    ra_markers_show show;
    ra_progress progress;
    int status; /* of a failure that has been said; -1: none */
} markers;

static const char NAME[] = "markers";

static markers *checked(void *p)
{
    markers *m = p;
    if (!m || m->magic != MARKERS_MAGIC)
        ra_corrupt("markers");
    return m;
}

static bool clears(const markers *m)
{
    return m->clear_all || m->names.n;
}

/* ---- what is wanted ---- */

enum { TABLE = 256, PARTITION_KEY, SORT_KEY, INDEX, CLEAR, CLEAR_ALL, YES };

static bool add_name(markers *m, const char *text)
{
    const char *wrong = ra_markers_names_add(&m->names, text);
    if (wrong)
        ra_cli_misuse(NAME, "--clear '%s': %s", text, wrong);
    return !wrong;
}

static bool take(markers *m, int option)
{
    const char **text = option == 'c'             ? &m->file
                        : option == TABLE         ? &m->key.table
                        : option == PARTITION_KEY ? &m->key.partition_key
                        : option == SORT_KEY      ? &m->key.sort_key
                        : option == INDEX         ? &m->key.index
                                                  : NULL;
    if (text)
        *text = optarg;
    m->task.json = m->task.json || option == 'j';
    m->clear_all = m->clear_all || option == CLEAR_ALL;
    m->yes = m->yes || option == YES;
    return option != CLEAR || add_name(m, optarg);
}

/* What is wrong with the options as a whole, NULL: nothing. */
static const char *contradiction(const markers *m)
{
    const ra_markers_key *k = &m->key;
    if (!m->file)
        return "-c FILE is missing";
    if (m->clear_all && m->names.n)
        return "--clear and --clear-all don't go together";
    if (clears(m) && k->table)
        return "--table doesn't go with --clear or --clear-all: it shows units, --clear takes their digests";
    if (m->yes && !clears(m))
        return "--yes goes with --clear or --clear-all";
    if (!k->table && (k->partition_key || k->sort_key || k->index))
        return "--table NAME is missing";
    if (k->table && !k->partition_key)
        return "--partition-key VALUE is missing";
    if (k->table && ra_text_valid(k->table, strlen(k->table)) != strlen(k->table))
        return "--table: no table has a name that isn't UTF-8";
    return NULL;
}

/* false: *status is how it ends. */
static bool read_options(markers *m, int argc, char **argv, int *status)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"table", required_argument, NULL, TABLE},
                                          {"partition-key", required_argument, NULL, PARTITION_KEY},
                                          {"sort-key", required_argument, NULL, SORT_KEY},
                                          {"index", required_argument, NULL, INDEX},
                                          {"clear", required_argument, NULL, CLEAR},
                                          {"clear-all", no_argument, NULL, CLEAR_ALL},
                                          {"yes", no_argument, NULL, YES},
                                          {NULL, 0, NULL, 0}};
    bool first = true;
    *status = RA_CLI_USAGE;
    for (int c; (c = ra_cli_option(argc, argv, NAME, ":c:h", known, &first)) != -1;) {
        if (c == 'h') {
            usage(stdout);
            *status = RA_CLI_OK;
        }
        if (c == 'h' || c == '?' || !take(m, c))
            return false;
    }
    for (; m->names.n && optind < argc; optind++) {
        if (!add_name(m, argv[optind]))
            return false;
    }
    const char *wrong = contradiction(m);
    if (optind < argc)
        ra_cli_misuse(NAME, "unknown argument '%s'", argv[optind]);
    else if (wrong)
        ra_cli_misuse(NAME, "%s", wrong);
    return optind == argc && !wrong;
}

/* A failure that comes of how it was called or configured. */
static int wrong_call(const markers *m, const char *text)
{
    ra_ddb_task_fail(&m->task, "%s", text);
    return RA_CLI_USAGE;
}

/* -1: go on. */
static int read_config(markers *m)
{
    ra_problems problems = {0};
    m->task.config = ra_config_load(m->file, &problems);
    ra_problems_print(&problems, m->file, stderr);
    ra_problems_free(&problems);
    if (!m->task.config)
        return RA_CLI_USAGE;
    if (m->task.config->cache.store == RA_STORE_KIND_MOMENTO)
        return wrong_call(m, "cache.store is \"momento\", which can't list what it holds: markers there end "
                             "by themselves, and `readaside cache get` shows one key's");
    if (m->task.config->cache.store == RA_STORE_KIND_REDIS)
        ra_markers_where(&m->task.config->cache.redis, m->where);
    return -1;
}

/* ---- one key's units ---- */

/* -1: go on. */
static int find_units(markers *m)
{
    int status;
    char why[RA_MARKERS_KEY_WHY_MAX];
    ra_table *t = ra_markers_table(&m->task, m->key.table, &status);
    if (!t)
        return status;
    ra_arena arena;
    ra_arena_init(&arena, KEYS_MAX);
    m->nasked = ra_markers_units(t, &m->key, &arena, m->asked, why);
    ra_arena_free(&arena);
    ra_table_unref(t);
    return m->nasked ? -1 : wrong_call(m, why);
}

/* ---- looking ---- */

static bool on_unit(const ra_marked_unit *u, void *arg)
{
    markers *m = checked(arg);
    const char *kind = m->at < m->nasked ? m->asked[m->at++].kind : NULL;
    if (u->live || u->expired)
        ra_markers_names_has(&m->names, &u->unit, true);
    if (!ra_markers_show_unit(&m->show, kind, u))
        m->status = ra_ddb_task_fail(&m->task, "out of memory");
    if (m->show.rows)
        m->task.json = false; /* what has begun on stdout can't become {"error"} */
    return m->status < 0;
}

static bool is_named(const ra_key *unit, void *arg)
{
    return ra_markers_names_has(&checked(arg)->names, unit, false);
}

static bool on_page(uint64_t keys, void *arg)
{
    markers *m = checked(arg);
    int64_t now = ra_clock_monotonic();
    ra_progress_end(&m->progress);
    if (!ra_markers_show_flush(&m->show))
        m->status = ra_ddb_task_fail(&m->task, "out of memory");
    else
        m->status = ra_ddb_unwritten(&m->task);
    if (m->status < 0 && ra_progress_due(&m->progress, now))
        ra_progress_say(&m->progress, now, "%" PRIu64 " keys seen, %" PRIu64 " unit%s", keys, m->show.units,
                        m->show.units == 1 ? "" : "s");
    return m->status < 0;
}

static bool look(markers *m)
{
    ra_marker_visitor v = {.clear = clears(m), .unit = on_unit, .page = on_page, .arg = m};
    ra_key keys[RA_MARKERS_NAMES_MAX];
    for (size_t i = 0; i < m->nasked; i++)
        keys[i] = m->asked[i].unit;
    if (m->nasked && m->admin)
        return ra_markers_admin_visit(m->admin, keys, m->nasked, &v, m->admin_why);
    if (m->nasked)
        return ra_marker_scan_units(m->scan, keys, m->nasked, &v);
    if (m->scan && m->names.n && ra_markers_names_whole(&m->names, keys))
        return ra_marker_scan_units(m->scan, keys, m->names.n, &v);
    v.wanted = m->names.n ? is_named : NULL;
    return m->admin ? ra_markers_admin_visit(m->admin, NULL, 0, &v, m->admin_why)
                    : ra_marker_scan_all(m->scan, &v);
}

/* Each unit that was named and had no marker. */
static void say_missing(const markers *m)
{
    for (size_t i = 0; i < m->names.n; i++) {
        if (!m->names.v[i].met)
            ra_ddb_task_say(&m->task, "%s: no marker stands there", m->names.v[i].text);
    }
}

static int show_all(markers *m)
{
    ra_progress_begin(&m->progress, stderr, isatty(STDERR_FILENO), ra_clock_monotonic());
    bool ok = look(m);
    ra_progress_end(&m->progress);
    const char *why = m->scan ? ra_marker_scan_why(m->scan) : *m->admin_why ? m->admin_why : NULL;
    if (ok && !ra_markers_show_end(&m->show)) {
        ok = false;
        m->status = ra_ddb_task_fail(&m->task, "out of memory");
    }
    if (ok)
        m->status = ra_ddb_unwritten(&m->task);
    else if (why)
        m->status = ra_ddb_task_fail(&m->task, "%s: %s", m->where, why);
    if (m->status < 0)
        say_missing(m);
    return m->status < 0 ? RA_CLI_OK : m->status;
}

/* ---- the whole ---- */

/* -1: go on. */
static int open_admin(markers *m)
{
    char why[RA_CACHE_ADMIN_WHY_MAX];
    m->admin = ra_cache_admin_new(m->task.config, why);
    if (m->admin)
        snprintf(m->where, sizeof m->where, "%s", ra_cache_admin_where(m->admin));
    if (m->admin)
        return -1;
    ra_ddb_task_fail(&m->task, "cache.store is \"memory\", so markers are in the proxy's own process: %s",
                     why);
    return RA_CLI_USAGE;
}

/* A proxy notes in its journal what was removed behind its back. */
static void tell_proxy(const markers *m)
{
    char why[RA_CACHE_ADMIN_WHY_MAX];
    const ra_config_listen *at = &m->task.config->admin.listen;
    if (m->admin || !m->show.markers || !at->host || at->port == 0)
        return;
    ra_cache_admin *a = ra_cache_admin_new(m->task.config, why);
    if (a && !ra_markers_admin_tell(a, m->show.units, m->show.markers))
        ra_ddb_task_say(&m->task, "%s can't be told of it: %s", ra_cache_admin_where(a),
                        ra_cache_admin_why(a));
    ra_cache_admin_free(a);
}

/* What removing markers means. false: it wasn't said that it is meant. */
static bool warn(const markers *m)
{
    ra_ddb_task_say(
        &m->task,
        "warning: a marker stands for a write that is under way, or whose fate nobody knows. Such a "
        "write may still happen until its marker's deadline; what is read and cached before it does "
        "is then stale, for up to its TTL");
    if (ra_config_any_linearizable(m->task.config))
        ra_ddb_task_say(&m->task, "warning: consistency linearizable, which this configuration promises, "
                                  "doesn't hold for what is read of these units until then");
    if (!m->yes)
        wrong_call(m, "nothing was removed; --yes removes them");
    return m->yes;
}

static int run(markers *m)
{
    char why[RA_MARKER_SCAN_WHY_MAX];
    int status = read_config(m);
    if (status < 0 && clears(m) && !warn(m))
        status = RA_CLI_USAGE;
    if (status < 0 && m->key.table)
        status = find_units(m);
    if (status >= 0)
        return status;
    enum ra_markers_view view = clears(m)      ? RA_MARKERS_CLEARED
                                : m->key.table ? RA_MARKERS_ASKED
                                               : RA_MARKERS_HELD;
    if (!ra_markers_show_begin(&m->show, stdout, view, m->task.json, ra_text_table_terminal(stdout)))
        return ra_ddb_task_fail(&m->task, "out of memory");
    if (m->task.config->cache.store == RA_STORE_KIND_MEMORY) {
        status = open_admin(m);
        return status < 0 ? show_all(m) : status;
    }
    m->scan = ra_markers_store_new(m->task.config, why);
    if (!m->scan)
        return ra_ddb_task_fail(&m->task, "%s: %s", m->where, why);
    status = show_all(m);
    if (clears(m))
        tell_proxy(m);
    return status;
}

int ra_cli_markers(int argc, char **argv)
{
    static const ra_ddb_command command = {.name = NAME};
    int status = RA_CLI_FAILED;
    markers *m = calloc(1, sizeof *m);
    if (!m) {
        fprintf(stderr, "readaside %s: out of memory\n", NAME);
        return status;
    }
    m->magic = MARKERS_MAGIC;
    m->status = -1;
    m->task.command = &command;
    if (read_options(m, argc, argv, &status))
        status = run(m);
    ra_marker_scan_free(m->scan);
    ra_cache_admin_free(m->admin);
    ra_markers_show_free(&m->show);
    ra_ddb_task_free(&m->task);
    m->magic = 0;
    free(m);
    return status;
}
