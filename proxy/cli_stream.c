#include "proxy/cli_stream.h"

#include "proxy/cli.h"
#include "proxy/cli_access_key.h"
#include "proxy/credentials_chain.h"
#include "proxy/log.h"
#include "proxy/rekey_table.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    OPTION_ENDPOINT = 256,
    OPTION_STATE,
    OPTION_DEAD,
    OPTION_TRIES,
    OPTION_FROM_NOW,
    OPTION_ONCE,
    OPTION_JSON,
    OPTION_CA_FILE,
    OPTION_ACCESS_KEY
};
enum { DEFAULT_TRIES = 5, TRIES_MAX = 1000 };

static void usage(FILE *out)
{
    fputs(
        "usage: readaside stream -c FILE [OPTION]...\n"
        "\n"
        "Applies the configuration's stream_rules: reads the streams of the tables that they name, and "
        "moves\n"
        "rows when what they stand for has changed. It reads from upstream, and writes through the proxy, "
        "so\n"
        "that what is cached there is invalidated. Runs until SIGTERM or SIGINT, which end it after the\n"
        "record in hand; started again it goes on where it was.\n"
        "\n"
        "  -c, --config FILE     the configuration\n"
        "      --endpoint URL    the proxy (default: listen.address)\n"
        "      --ca-file FILE    PEM: whose word for the proxy's certificate is taken (default: the "
        "system's)\n"
        "      --access-key ID   sign for the proxy with this key of auth.sigv4.keys_file (default: with "
        "the\n"
        "                        credentials that are used upstream)\n"
        "      --state FILE      where positions are kept (default: readaside-stream.state); one process at "
        "a\n"
        "                        time\n"
        "      --dead-letters FILE\n"
        "                        JSON lines: records that couldn't be handled, and why (default:\n"
        "                        readaside-stream.dead.jsonl)\n"
        "      --tries N         how often a record is tried before it becomes one (default: 5). Throttling\n"
        "                        and outages don't count: they are waited out\n"
        "      --from-now        a stream without a kept position is read from now on, not from its oldest\n"
        "                        record\n"
        "      --once            end when all that is in the streams has been handled\n"
        "      --json            a JSON line on stdout for each event\n"
        "  -h, --help            this text\n"
        "\n"
        "Exit status: 0 after a clean end (dead letters or not), 1 if it can't go on, 2 for a wrong call or\n"
        "configuration.\n",
        out);
}

/* ---- options ---- */

static bool take_tries(ra_stream_given *g, const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '1' || *text > '9' || *end || n > TRIES_MAX) {
        ra_cli_misuse("stream", "--tries '%s' isn't a number from 1 to %d", text, TRIES_MAX);
        return false;
    }
    g->tries = (unsigned)n;
    return true;
}

/* Where an option's text goes; NULL: it takes none, or is read. */
static const char **text_of(ra_stream_given *g, int option)
{
    switch (option) {
    case 'c':
        return &g->config_path;
    case OPTION_ENDPOINT:
        return &g->endpoint;
    case OPTION_CA_FILE:
        return &g->ca_file;
    case OPTION_ACCESS_KEY:
        return &g->access_key;
    case OPTION_STATE:
        return &g->state;
    case OPTION_DEAD:
        return &g->dead_letters;
    default:
        return NULL;
    }
}

static bool take(ra_stream_given *g, int option, const char *value)
{
    const char **text = text_of(g, option);
    if (text)
        *text = value;
    else if (option == OPTION_TRIES)
        return take_tries(g, value);
    else
        *(option == OPTION_FROM_NOW ? &g->from_now : option == OPTION_ONCE ? &g->once : &g->json) = true;
    return true;
}

static bool read_options(ra_stream_given *g, int argc, char **argv, int *status)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"endpoint", required_argument, NULL, OPTION_ENDPOINT},
                                          {"ca-file", required_argument, NULL, OPTION_CA_FILE},
                                          {"access-key", required_argument, NULL, OPTION_ACCESS_KEY},
                                          {"state", required_argument, NULL, OPTION_STATE},
                                          {"dead-letters", required_argument, NULL, OPTION_DEAD},
                                          {"tries", required_argument, NULL, OPTION_TRIES},
                                          {"from-now", no_argument, NULL, OPTION_FROM_NOW},
                                          {"once", no_argument, NULL, OPTION_ONCE},
                                          {"json", no_argument, NULL, OPTION_JSON},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    bool first = true;
    *status = RA_CLI_USAGE;
    for (int c = 0; (c = ra_cli_option(argc, argv, "stream", ":c:h", known, &first)) != -1;) {
        if (c == 'h') {
            usage(stdout);
            *status = RA_CLI_OK;
            return false;
        }
        if (c == '?' || !take(g, c, optarg))
            return false;
    }
    if (optind < argc)
        ra_cli_misuse("stream", "unknown argument '%s'", argv[optind]);
    else if (!g->config_path)
        ra_cli_misuse("stream", "-c FILE is missing");
    else if (!*g->state || !*g->dead_letters)
        ra_cli_misuse("stream", "--%s needs the name of a file", *g->state ? "dead-letters" : "state");
    else if (strcmp(g->state, g->dead_letters) == 0)
        ra_cli_misuse("stream",
                      "--state and --dead-letters are one file, '%s': either would overwrite the other",
                      g->state);
    else
        return true;
    return false;
}

const char *ra_stream_proxy_endpoint(const ra_config_listen *l, char out[RA_ENDPOINT_MAX])
{
    char text[RA_ENDPOINT_MAX];
    const char *host = strcmp(l->host, "0.0.0.0") == 0 ? "127.0.0.1"
                       : strcmp(l->host, "::") == 0    ? "::1"
                                                       : l->host;
    bool v6 = strchr(host, ':') != NULL;
    if (l->port == 0)
        return "listen.address leaves the proxy's port open";
    snprintf(text, sizeof text, "http%s://%s%.255s%s:%u", l->tls.cert_file ? "s" : "", v6 ? "[" : "", host,
             v6 ? "]" : "", l->port);
    return ra_endpoint_normalise(text, out);
}

static bool check_ca_file(const char *ca_file, const char *endpoint)
{
    if (strncmp(endpoint, "https:", 6) != 0)
        ra_cli_misuse("stream", "--ca-file: %s has no certificate; accepted: with https", endpoint);
    else if (access(ca_file, R_OK) != 0)
        ra_cli_misuse("stream", "--ca-file '%s': %s", ca_file, strerror(errno));
    else
        return true;
    return false;
}

static bool choose_endpoint(const ra_stream_given *g, const ra_config *c, char out[RA_ENDPOINT_MAX])
{
    const char *wrong =
        g->endpoint ? ra_endpoint_normalise(g->endpoint, out) : ra_stream_proxy_endpoint(&c->listen, out);
    if (wrong && g->endpoint)
        ra_cli_misuse("stream", "--endpoint '%s': %s", g->endpoint, wrong);
    else if (wrong)
        ra_cli_misuse("stream", "which proxy? %s: give --endpoint URL", wrong);
    return !wrong && (!g->ca_file || check_ca_file(g->ca_file, out));
}

/* ---- the work ---- */

typedef struct stream {
    ra_stream_given given;
    const ra_config *config;
    char endpoint[RA_ENDPOINT_MAX];
    ra_credentials_provider *credentials, *key; /* key NULL: the same for the proxy */
    ra_stream_file *state;
    ra_dead_letters *dead;
    ra_rekey_report *report;
    ra_rekey_table **tables;
    size_t ntables;
    pthread_t main;
    atomic_size_t ended;
} stream;

/* A table's thread is at its end: wakes main's. */
static void on_ended(void *arg)
{
    stream *s = arg;
    atomic_fetch_add(&s->ended, 1);
    pthread_kill(s->main, SIGUSR1);
}

static bool is_first_of_table(const ra_config *c, size_t rule)
{
    for (size_t i = 0; i < rule; i++) {
        if (strcmp(c->stream_rules[i].table, c->stream_rules[rule].table) == 0)
            return false;
    }
    return true;
}

/* As many as can be started. */
static bool start_tables(stream *s)
{
    const ra_config *c = s->config;
    s->tables = calloc(c->nstream_rules, sizeof(ra_rekey_table *));
    for (size_t i = 0; s->tables && i < c->nstream_rules; i++) {
        const char *why;
        const ra_rekey_table_options o = {.config = c,
                                          .table = c->stream_rules[i].table,
                                          .proxy = s->endpoint,
                                          .proxy_ca_file = s->given.ca_file,
                                          .upstream_credentials = s->credentials,
                                          .proxy_credentials = s->key ? s->key : s->credentials,
                                          .keeper = ra_stream_file_keeper(s->state),
                                          .dead = s->dead,
                                          .report = s->report,
                                          .tries = s->given.tries,
                                          .from_now = s->given.from_now,
                                          .once = s->given.once,
                                          .ended = on_ended,
                                          .arg = s};
        if (!is_first_of_table(c, i))
            continue;
        s->tables[s->ntables] = ra_rekey_table_start(&o, &why);
        if (!s->tables[s->ntables]) {
            ra_log(RA_LOG_ERROR, "table %s: %s", o.table, why);
            return false;
        }
        s->ntables++;
    }
    return s->tables;
}

/* Until a signal, or a table whose thread has ended: with --once all of them must. */
static void wait_for_end(stream *s, const sigset_t *signals)
{
    for (int got = 0;;) {
        if (sigwait(signals, &got) != 0)
            continue;
        if (got != SIGUSR1) {
            ra_log(RA_LOG_INFO, "%s: ending after the record in hand", got == SIGTERM ? "SIGTERM" : "SIGINT");
            return;
        }
        size_t ended = atomic_load(&s->ended);
        if (ended > 0 && (!s->given.once || ended == s->ntables))
            return;
    }
}

static int run(stream *s)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* the threads inherit it */
    s->main = pthread_self();
    bool ok = start_tables(s);
    if (ok)
        wait_for_end(s, &signals);
    for (size_t i = 0; i < s->ntables; i++)
        ra_rekey_table_stop(s->tables[i]);
    for (size_t i = 0; i < s->ntables; i++)
        ok = ra_rekey_table_join(s->tables[i]) && ok;
    if (s->ntables)
        ra_rekey_report_end(s->report);
    return ok ? RA_CLI_OK : RA_CLI_FAILED;
}

static bool open_files(stream *s)
{
    char why[RA_STREAM_FILE_WHY_MAX];
    const char *wrong;
    s->state = ra_stream_file_open(s->given.state, why);
    if (!s->state) {
        ra_log(RA_LOG_ERROR, "%s", why);
        return false;
    }
    s->dead = ra_dead_letters_open(s->given.dead_letters, &wrong);
    if (!s->dead)
        ra_log(RA_LOG_ERROR, "%s can't be opened: %s", s->given.dead_letters, wrong);
    s->report = ra_rekey_report_new(s->given.json);
    return s->dead && s->report;
}

static int apply(stream *s)
{
    char why[RA_CHAIN_WHY_MAX];
    if (s->given.access_key && !(s->key = ra_cli_access_key("stream", s->config, s->given.access_key)))
        return s->config->auth.sigv4.mode == RA_SIGV4_KEYS ? RA_CLI_FAILED : RA_CLI_USAGE;
    s->credentials = ra_credentials_chain_provider(s->config->upstream.region, why);
    if (!s->credentials)
        ra_log(RA_LOG_ERROR, "no AWS credentials: %s", why);
    int status = s->credentials && open_files(s) ? run(s) : RA_CLI_FAILED;
    free(s->tables);
    ra_rekey_report_free(s->report);
    ra_dead_letters_close(s->dead);
    if (s->state && !ra_stream_file_close(s->state))
        status = RA_CLI_FAILED;
    ra_credentials_provider_free(s->credentials);
    ra_credentials_provider_free(s->key);
    return status;
}

int ra_cli_stream(int argc, char **argv)
{
    stream s = {.given = {.state = "readaside-stream.state",
                          .dead_letters = "readaside-stream.dead.jsonl",
                          .tries = DEFAULT_TRIES}};
    int status;
    if (!read_options(&s.given, argc, argv, &status))
        return status;
    ra_problems problems = {0};
    ra_config *config = ra_config_load(s.given.config_path, &problems);
    ra_problems_print(&problems, s.given.config_path, stderr);
    ra_problems_free(&problems);
    if (!config)
        return RA_CLI_USAGE;
    s.config = config;
    if (config->nstream_rules == 0)
        status = ra_cli_misuse("stream", "%s has no stream_rules, so that there is nothing to do",
                               s.given.config_path);
    else
        status = choose_endpoint(&s.given, config, s.endpoint) ? apply(&s) : RA_CLI_USAGE;
    ra_config_unref(config);
    return status;
}
