/* `readaside warm`: the cache is filled by reading through the running proxy. */
#include "proxy/cli_access_key.h"
#include "proxy/cli_stream.h"
#include "proxy/clock.h"
#include "proxy/warm_run.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { FROM = 256, RATE, CONCURRENCY, PATTERN, ENDPOINT, CA_FILE, ACCESS_KEY, RATE_MOST = 1000000 };

static const char NAME[] = "warm", TABLE[] = "table:";

static void usage(FILE *out)
{
    fputs(
        "usage: readaside warm -c FILE --from FILE [OPTION]...\n"
        "       readaside warm -c FILE --from table:NAME [--pattern NAME] [OPTION]...\n"
        "\n"
        "Fills the cache by reading through the running proxy, so that who comes next finds it warm.\n"
        "\n"
        "From a file: each line is a request, {\"operation\": \"GetItem\" or \"Query\", \"request\": {...}}, "
        "as "
        "DynamoDB\n"
        "takes it; other members don't matter. From a table: its partition keys are scanned, straight from\n"
        "upstream, and each partition is read by a Query of it, its first page, or by GetItem where the "
        "table has\n"
        "no sort key. An entry is of one request: a Query with a Limit, an order or a filter isn't warmed by "
        "the one\n"
        "of the whole partition (\"#p = :p\", as condition builders of SDKs spell it), but by a file that "
        "has "
        "it.\n"
        "\n",
        out);
    fputs(
        "  -c, --config FILE     the proxy's configuration\n"
        "      --from WHAT       a file of JSON lines, or table:NAME\n"
        "      --pattern NAME    only partitions that this pattern of the table takes\n"
        "      --rate N          reads per second at most; 100 if not given. A page of the scan counts as "
        "the\n"
        "                        capacity units that it consumed\n"
        "      --concurrency N   reads at a time, 1 to 1000; 8 if not given\n"
        "      --endpoint URL    the proxy (default: listen.address)\n"
        "      --ca-file FILE    PEM: whose word for the proxy's certificate is taken (default: that\n"
        "                        certificate itself, listen.tls.cert_file)\n"
        "      --access-key ID   sign for the proxy with this key of auth.sigv4.keys_file (default: with "
        "AWS\n"
        "                        credentials, as `readaside credentials` shows them)\n"
        "      --json            {\"read\", \"hits\", \"filled\", \"uncached\", \"failed\", \"seconds\", "
        "\"stopped\"}\n"
        "  -h, --help            this text\n"
        "\n"
        "`filled` are those that are cached now and weren't, `hits` those that were, `uncached` those that "
        "the\n"
        "proxy answers without its cache. SIGINT and SIGTERM end it when what is under way is answered.\n"
        "Exit status: 0 done, 1 something failed, or it was ended early, 2 a wrong call or configuration.\n",
        out);
}

typedef struct warm {
    ra_ddb_task task;
    const char *file, *from, *pattern, *endpoint, *ca_file, *access_key;
    double rate;
    unsigned concurrency;
    bool json;
    char proxy_endpoint[RA_ENDPOINT_MAX];
    ra_credentials_provider *key; /* NULL: AWS's chain */
    ra_ddb *proxy;
    ra_warm_source *source;
    ra_progress progress;
} warm;

/* ---- ending early ---- */

/* What the signals' handler needs; the table's client while it may be stopped. */
static int stop_fd = -1;
static ra_ddb *volatile scanning;

static void on_signal(int number)
{
    uint64_t one = 1;
    ssize_t n = write(stop_fd, &one, sizeof one);
    (void)number;
    (void)n;
    if (scanning)
        ra_ddb_stop(scanning);
}

/* The second one ends the process at once. */
static bool heed_signals(ra_ddb *client)
{
    struct sigaction heed = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    scanning = client;
    return stop_fd >= 0 && sigaction(SIGINT, &heed, NULL) == 0 && sigaction(SIGTERM, &heed, NULL) == 0;
}

static void heed_signals_no_more(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    scanning = NULL;
    if (stop_fd >= 0)
        close(stop_fd);
    stop_fd = -1;
}

/* ---- options ---- */

static bool take_rate(warm *w, const char *text)
{
    char *end;
    w->rate = strtod(text, &end);
    if (strcmp(end, "/s") == 0)
        end += 2;
    if (*text >= '0' && *text <= '9' && !*end && w->rate > 0 && w->rate <= RATE_MOST)
        return true;
    ra_cli_misuse(NAME, "--rate '%s' isn't a number of reads per second, up to %d", text, RATE_MOST);
    return false;
}

static bool take_concurrency(warm *w, const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    w->concurrency = n <= RA_WARM_CONCURRENCY_MAX ? (unsigned)n : 0;
    if (*text >= '1' && *text <= '9' && !*end && w->concurrency)
        return true;
    ra_cli_misuse(NAME, "--concurrency '%s' isn't a number from 1 to %d", text, RA_WARM_CONCURRENCY_MAX);
    return false;
}

static bool take(warm *w, int option)
{
    const char **text = option == 'c'          ? &w->file
                        : option == FROM       ? &w->from
                        : option == PATTERN    ? &w->pattern
                        : option == ENDPOINT   ? &w->endpoint
                        : option == CA_FILE    ? &w->ca_file
                        : option == ACCESS_KEY ? &w->access_key
                                               : NULL;
    if (text)
        *text = optarg;
    w->json = w->json || option == 'j';
    if (option == RATE)
        return take_rate(w, optarg);
    return option != CONCURRENCY || take_concurrency(w, optarg);
}

static bool is_table(const warm *w)
{
    return strncmp(w->from, TABLE, sizeof TABLE - 1) == 0;
}

static bool goes_together(const warm *w)
{
    const char *wrong = !w->file                                    ? "-c FILE is missing"
                        : !w->from                                  ? "--from FILE or table:NAME is missing"
                        : is_table(w) && !w->from[sizeof TABLE - 1] ? "--from table:NAME lacks the name"
                        : w->pattern && !is_table(w)                ? "--pattern goes with --from table:NAME"
                                                                    : NULL;
    if (wrong)
        ra_cli_misuse(NAME, "%s", wrong);
    return !wrong;
}

/* false: *status is how it ends. */
static bool options(warm *w, int argc, char **argv, int *status)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"from", required_argument, NULL, FROM},
                                          {"pattern", required_argument, NULL, PATTERN},
                                          {"rate", required_argument, NULL, RATE},
                                          {"concurrency", required_argument, NULL, CONCURRENCY},
                                          {"endpoint", required_argument, NULL, ENDPOINT},
                                          {"ca-file", required_argument, NULL, CA_FILE},
                                          {"access-key", required_argument, NULL, ACCESS_KEY},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    bool first = true;
    *status = RA_CLI_USAGE;
    for (int c; (c = ra_cli_option(argc, argv, NAME, ":c:h", known, &first)) != -1;) {
        if (c == 'h') {
            usage(stdout);
            *status = RA_CLI_OK;
        }
        if (c == 'h' || c == '?' || !take(w, c))
            return false;
    }
    if (optind == argc)
        return goes_together(w);
    ra_cli_misuse(NAME, "unknown argument '%s'", argv[optind]);
    return false;
}

/* ---- what is needed ---- */

static bool read_config(warm *w)
{
    ra_problems problems;
    w->task.config = ra_config_load(w->file, &problems);
    if (!w->task.config)
        ra_problems_print(&problems, w->file, stderr);
    ra_problems_free(&problems);
    return w->task.config != NULL;
}

static bool choose_endpoint(warm *w)
{
    const char *wrong = w->endpoint ? ra_endpoint_normalise(w->endpoint, w->proxy_endpoint)
                                    : ra_stream_proxy_endpoint(&w->task.config->listen, w->proxy_endpoint);
    if (wrong && w->endpoint)
        ra_cli_misuse(NAME, "--endpoint '%s': %s", w->endpoint, wrong);
    else if (wrong)
        ra_cli_misuse(NAME, "which proxy? %s: give --endpoint URL", wrong);
    if (!w->ca_file && !w->endpoint)
        w->ca_file = w->task.config->listen.tls.cert_file; /* what it shows is what it is known by */
    return !wrong;
}

/* -1: go on. */
static int open_proxy(warm *w)
{
    const ra_ddb_options o = {w->proxy_endpoint, w->task.config->upstream.region, w->ca_file};
    const char *why;
    if (w->access_key && !(w->key = ra_cli_access_key(NAME, w->task.config, w->access_key)))
        return w->task.config->auth.sigv4.mode == RA_SIGV4_KEYS ? RA_CLI_FAILED : RA_CLI_USAGE;
    w->proxy = ra_ddb_new_streams(&o, NULL, w->key, &why);
    if (!w->proxy)
        ra_ddb_task_say(&w->task, "%s", why);
    return w->proxy ? -1 : RA_CLI_FAILED;
}

static bool open_source(warm *w, int *status)
{
    *status = RA_CLI_FAILED;
    w->source = is_table(w) ? ra_warm_source_table(&w->task, w->from + sizeof TABLE - 1, w->pattern, status)
                            : ra_warm_source_file(&w->task, w->from);
    return w->source != NULL;
}

/* ---- the work ---- */

static void print(const warm *w, const ra_warm_counts *n)
{
    double seconds = (double)n->ms / 1000;
    if (w->json)
        printf("{\"read\": %" PRIu64 ", \"hits\": %" PRIu64 ", \"filled\": %" PRIu64
               ", \"uncached\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"seconds\": %.3f, \"stopped\": %s}\n",
               n->read, n->hits, n->filled, n->uncached, n->failed, seconds, n->stopped ? "true" : "false");
    else
        printf("%s%" PRIu64 " read in %.1f s: %" PRIu64 " hits already, %" PRIu64 " filled, %" PRIu64
               " not cached, %" PRIu64 " failed\n",
               n->stopped ? "ended early; " : "", n->read, seconds, n->hits, n->filled, n->uncached,
               n->failed);
}

static int run(warm *w)
{
    ra_warm_counts n = {0};
    bool ok = false;
    if (heed_signals(w->task.ddb)) {
        ra_progress_begin(&w->progress, stderr, isatty(STDERR_FILENO), ra_clock_monotonic());
        const ra_warm_options o = {.task = &w->task,
                                   .source = w->source,
                                   .proxy = w->proxy,
                                   .ca_file = w->ca_file,
                                   .rate = w->rate,
                                   .concurrency = w->concurrency,
                                   .stop_fd = stop_fd,
                                   .progress = &w->progress};
        ok = ra_warm_run(&o, &n);
        print(w, &n);
    } else {
        ra_ddb_task_say(&w->task, "signals can't be heeded");
    }
    heed_signals_no_more();
    return ok && !n.failed && !n.stopped ? RA_CLI_OK : RA_CLI_FAILED;
}

int ra_cli_warm(int argc, char **argv)
{
    static const ra_ddb_command command = {.name = NAME};
    warm w = {.task = {.command = &command}, .rate = 100, .concurrency = 8};
    int status;
    if (!options(&w, argc, argv, &status))
        return status;
    status = read_config(&w) && choose_endpoint(&w) ? open_proxy(&w) : RA_CLI_USAGE;
    if (status < 0 && open_source(&w, &status))
        status = run(&w);
    ra_warm_source_free(w.source);
    ra_ddb_free(w.proxy);
    ra_credentials_provider_free(w.key);
    ra_ddb_task_free(&w.task);
    return status;
}
