#include "bench/loadgen/options.h"

#include "config/suggest.h"
#include "config/units.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MS              1000000ULL
#define RATE_MAX        100000000.0
#define ZIPF_MAX        10.0
#define DURATION_MAX_MS (7LL * 24 * 3600 * 1000)

enum {
    RAMP = 256,
    TIMEOUT,
    QUEUE,
    SEED,
    KEYS,
    ZIPF,
    ITEM_SIZE,
    TABLE,
    SIGN,
    NO_SIGN,
    REGION,
    CA,
    INSECURE,
    PREPARE,
    PREPARE_ONLY,
    PREPARE_ENDPOINT,
    PAUSE,
    SERVER_PID,
    MAX_ERRORS,
    JSON,
    SHOW
};

static const struct option longs[] = {{"workload", required_argument, NULL, 'w'},
                                      {"rate", required_argument, NULL, 'r'},
                                      {"ramp", required_argument, NULL, RAMP},
                                      {"connections", required_argument, NULL, 'c'},
                                      {"threads", required_argument, NULL, 't'},
                                      {"duration", required_argument, NULL, 'd'},
                                      {"requests", required_argument, NULL, 'n'},
                                      {"timeout", required_argument, NULL, TIMEOUT},
                                      {"queue", required_argument, NULL, QUEUE},
                                      {"seed", required_argument, NULL, SEED},
                                      {"keys", required_argument, NULL, KEYS},
                                      {"zipf", required_argument, NULL, ZIPF},
                                      {"item-size", required_argument, NULL, ITEM_SIZE},
                                      {"table", required_argument, NULL, TABLE},
                                      {"sign", no_argument, NULL, SIGN},
                                      {"no-sign", no_argument, NULL, NO_SIGN},
                                      {"region", required_argument, NULL, REGION},
                                      {"ca", required_argument, NULL, CA},
                                      {"insecure", no_argument, NULL, INSECURE},
                                      {"prepare", no_argument, NULL, PREPARE},
                                      {"prepare-only", no_argument, NULL, PREPARE_ONLY},
                                      {"prepare-endpoint", required_argument, NULL, PREPARE_ENDPOINT},
                                      {"pause", required_argument, NULL, PAUSE},
                                      {"server-pid", required_argument, NULL, SERVER_PID},
                                      {"max-errors", required_argument, NULL, MAX_ERRORS},
                                      {"json", required_argument, NULL, JSON},
                                      {"show-workload", required_argument, NULL, SHOW},
                                      {"help", no_argument, NULL, 'h'},
                                      {NULL, 0, NULL, 0}};

void ra_options_usage(FILE *out)
{
    fputs(
        "usage: readaside-bench [OPTION]... URL\n"
        "\n"
        "Loads an HTTP server (readaside, DynamoDB, DynamoDB Local, any other) and says how it bore it.\n"
        "\n"
        "  -w, --workload NAME|FILE  what is asked: chat, ycsb-a, ycsb-b, ycsb-c, ycsb-d (or a, b, c, d), "
        "herd,\n"
        "                         scan-flood, writes, get (the URL itself; the default if it has a path, "
        "else\n"
        "                         chat), or a file in JSON\n"
        "      --show-workload NAME  prints a named one, to start your own from\n"
        "  -r, --rate N           open loop: N requests per second by a fixed schedule, whether replies "
        "have\n"
        "                         come or not. Latencies count from when a request was due, so that a stall\n"
        "                         shows in all that it has delayed\n"
        "      --ramp START:END:SECONDS  open loop: from START to END per second, and on at END\n"
        "                         Without both: closed loop, each connection asks again when it has its "
        "reply\n"
        "  -c, --connections N    of all threads together (32)\n"
        "  -t, --threads N        (1)\n"
        "  -d, --duration TIME    such as 10s or 5m (10s, unless --requests is given)\n"
        "  -n, --requests N       ends after N requests\n"
        "      --timeout TIME     of each request (10s)\n"
        "      --queue N          open loop: requests that may wait for a free connection; what comes on "
        "top\n"
        "                         is dropped, and counted (10000)\n"
        "      --seed N           the same seed and threads: the same requests (1)\n",
        out);
    fputs("\n"
          "      --keys N, --zipf S, --item-size SIZE, --table NAME  instead of the workload's own\n"
          "      --pause TIME       herd: before each round, wait so long for the key to expire, instead of\n"
          "                         writing it\n"
          "      --prepare          first makes the workload's tables, if they are missing, and writes its "
          "items\n"
          "      --prepare-only     does that and nothing else\n"
          "      --prepare-endpoint URL  where to, instead of URL: DynamoDB itself, past a proxy\n"
          "\n"
          "      --sign             signs each request to DynamoDB (the default), by AWS_ACCESS_KEY_ID,\n"
          "                         AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN\n"
          "      --no-sign          doesn't, for servers that check none: the client then needs a fifth less "
          "CPU\n"
          "      --region NAME      that requests are signed for (us-east-1)\n"
          "      --ca FILE          https: the authorities to trust, instead of the system's\n"
          "      --insecure         https: takes any certificate\n",
          out);
    fputs("\n"
          "      --server-pid PID   also report the CPU time that this process used; may be given often\n"
          "      --max-errors N     exit status 1 if there were more (0)\n"
          "      --json FILE|-      the report as JSON; with - nothing else goes to standard output\n"
          "  -h, --help             this text\n"
          "\n"
          "An error is a request without a reply, with a status of 400 or above, or one that was dropped. "
          "Ctrl-C\n"
          "ends a run early and reports.\n"
          "Exit status: 0 done, 1 it couldn't be done or there were more errors than --max-errors, 2 a wrong "
          "call\n"
          "or workload.\n",
          out);
}

void ra_options_misuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("readaside-bench: ", stderr);
    vfprintf(stderr, format, args);
    fputs("\n`readaside-bench --help` says what it takes.\n", stderr);
    va_end(args);
}

/* ---- values ---- */

static bool misfit(const char *name, const char *text, const char *accepted)
{
    ra_options_misuse("--%s '%s': accepted: %s", name, text, accepted);
    return false;
}

static bool read_count(const char *name, const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    int64_t value;
    if (ra_count_parse(text, &value) && (uint64_t)value >= least && (uint64_t)value <= most) {
        *out = (uint64_t)value;
        return true;
    }
    ra_options_misuse("--%s '%s': accepted: a whole number from %llu to %llu", name, text,
                      (unsigned long long)least, (unsigned long long)most);
    return false;
}

static bool read_unsigned(const char *name, const char *text, uint64_t least, uint64_t most, unsigned *out)
{
    uint64_t value;
    if (!read_count(name, text, least, most, &value))
        return false;
    *out = (unsigned)value;
    return true;
}

static bool read_time(const char *name, const char *text, uint64_t *ns)
{
    int64_t ms;
    if (!ra_duration_parse(text, &ms) || ms < 1 || ms > DURATION_MAX_MS)
        return misfit(name, text, "a duration such as 200ms, 10s or 5m, up to 7d");
    *ns = (uint64_t)ms * MS;
    return true;
}

static bool read_number(const char *name, const char *text, double least, double most, double *out)
{
    char *end = NULL, accepted[80];
    double value = isdigit((unsigned char)*text) ? strtod(text, &end) : -1;
    if (value >= least && value <= most && end && *end == '\0') {
        *out = value;
        return true;
    }
    snprintf(accepted, sizeof accepted, "a number from %g to %g", least, most);
    return misfit(name, text, accepted);
}

static bool read_item_size(const char *text, unsigned *out)
{
    int64_t size;
    if (!ra_size_parse(text, &size) || size < 1 || size > RA_PLACE_RANDOM_MAX)
        return misfit("item-size", text, "a size such as 100 or 4KiB, up to 400KiB");
    *out = (unsigned)size;
    return true;
}

static bool read_pid(ra_run_options *r, const char *text)
{
    unsigned pid;
    if (!read_unsigned("server-pid", text, 1, 0x7fffffff, &pid))
        return false;
    if (r->npids == RA_PIDS_MAX)
        return misfit("server-pid", text, "at most 32 of them");
    r->pids[r->npids++] = (int)pid;
    return true;
}

static bool read_table(const char *text, const char **out)
{
    size_t n = strlen(text);
    *out = text;
    if (n >= 1 && n <= 255 &&
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") == n)
        return true;
    return misfit("table", text, "1 to 255 letters, digits, '_', '.' and '-'");
}

static bool read_region(const char *text, const char **out)
{
    *out = text;
    return ra_region_valid(text) || misfit("region", text, "a region such as eu-west-1");
}

static bool read_ramp(const char *text, ra_schedule *out)
{
    return ra_schedule_parse_ramp(text, out) ||
           misfit("ramp", text, "START:END:SECONDS, all above 0, such as 100:5000:60");
}

/* ---- options ---- */

typedef struct given {
    bool rate, ramp, duration, queue;
} given;

static bool take_load(ra_options *o, given *g, int c, const char *text)
{
    ra_run_options *r = &o->run;
    switch (c) {
    case 'r':
        g->rate = true;
        r->schedule.ramp = 0;
        return read_number("rate", text, 0.001, RATE_MAX, &r->schedule.start);
    case RAMP:
        g->ramp = true;
        return read_ramp(text, &r->schedule);
    case 'c':
        return read_unsigned("connections", text, 1, RA_CONNECTIONS_MAX, &r->connections);
    case 't':
        return read_unsigned("threads", text, 1, RA_THREADS_MAX, &r->threads);
    case 'd':
        g->duration = true;
        return read_time("duration", text, &r->duration);
    case 'n':
        return read_count("requests", text, 1, 1000000000000ULL, &r->requests);
    case TIMEOUT:
        return read_time("timeout", text, &r->timeout);
    case QUEUE:
        g->queue = true;
        return read_unsigned("queue", text, 0, 10000000, &r->queue);
    case SEED:
        return read_count("seed", text, 0, INT64_MAX, &r->seed);
    default: /* PAUSE */
        return read_time("pause", text, &r->pause);
    }
}

static bool take_text(ra_options *o, int c, const char *text)
{
    const char **out = c == 'w'                ? &o->workload
                       : c == CA               ? &o->ca
                       : c == PREPARE_ENDPOINT ? &o->prepare_endpoint
                       : c == JSON             ? &o->json
                                               : &o->show;
    *out = text;
    const struct option *named = longs;
    while (named->val != c)
        named++;
    return *text != '\0' || misfit(named->name, text, "a text that isn't empty");
}

static bool take_flag(ra_options *o, int c)
{
    if (c == SIGN || c == NO_SIGN)
        o->sign = c == SIGN;
    o->insecure |= c == INSECURE;
    o->prepare |= c == PREPARE || c == PREPARE_ONLY;
    o->runs &= c != PREPARE_ONLY;
    return true;
}

static bool take(ra_options *o, given *g, int c, const char *text)
{
    switch (c) {
    case KEYS:
        return read_count("keys", text, 1, RA_WORKLOAD_KEYS_MAX, &o->changes.keys);
    case ZIPF:
        return read_number("zipf", text, 0, ZIPF_MAX, &o->changes.zipf);
    case ITEM_SIZE:
        return read_item_size(text, &o->changes.item_size);
    case TABLE:
        return read_table(text, &o->changes.table);
    case REGION:
        return read_region(text, &o->run.region);
    case SERVER_PID:
        return read_pid(&o->run, text);
    case MAX_ERRORS:
        return read_count("max-errors", text, 0, INT64_MAX, &o->max_errors);
    case SIGN:
    case NO_SIGN:
    case INSECURE:
    case PREPARE:
    case PREPARE_ONLY:
        return take_flag(o, c);
    case 'w':
    case CA:
    case PREPARE_ENDPOINT:
    case JSON:
    case SHOW:
        return take_text(o, c, text);
    default:
        return take_load(o, g, c, text);
    }
}

static void unknown(const char *given_text, int letter)
{
    const char *names[64];
    char word[64] = "";
    size_t n = 0, len = strcspn(given_text, "=");
    if (strncmp(given_text, "--", 2) != 0) {
        ra_options_misuse("unknown option '-%c'", letter);
        return;
    }
    for (; longs[n].name; n++)
        names[n] = longs[n].name;
    if (len - 2 < sizeof word)
        memcpy(word, given_text + 2, len - 2);
    const char *meant = letter ? NULL : ra_suggest(word, names, n);
    if (letter)
        ra_options_misuse("option '%s' takes no value", given_text);
    else if (meant)
        ra_options_misuse("unknown option '%s', did you mean '--%s'?", given_text, meant);
    else
        ra_options_misuse("unknown option '%s'", given_text);
}

/* What doesn't go together, and what follows from what is left out. */
static bool settle(ra_options *o, const given *g)
{
    ra_run_options *r = &o->run;
    const char *wrong = g->rate && g->ramp ? "--rate and --ramp: accepted: one of them"
                        : g->queue && !(g->rate || g->ramp)
                            ? "--queue is for an open loop; accepted: with --rate or --ramp"
                        : o->insecure && o->ca               ? "--ca and --insecure: accepted: one of them"
                        : o->prepare_endpoint && !o->prepare ? "--prepare-endpoint needs --prepare"
                                                             : NULL;
    if (wrong) {
        ra_options_misuse("%s", wrong);
        return false;
    }
    r->open_loop = g->rate || g->ramp;
    if (g->rate)
        r->schedule.end = r->schedule.start;
    if (!g->duration && !r->requests)
        r->duration = 10000 * MS;
    return true;
}

static bool take_url(ra_options *o, int argc, char **argv)
{
    if (o->show) {
        if (optind == argc)
            return true;
        ra_options_misuse("--show-workload takes no URL");
        return false;
    }
    if (optind + 1 == argc) {
        o->url = argv[optind];
        return true;
    }
    if (optind == argc)
        ra_options_misuse("no URL; accepted: http(s)://HOST[:PORT][/PATH]");
    else
        ra_options_misuse("too many arguments: '%s'; accepted: one URL", argv[optind + 1]);
    return false;
}

enum ra_options_step ra_options_parse(ra_options *o, int argc, char **argv)
{
    given g = {0};
    int c;
    *o = (ra_options){.sign = true, .runs = true, .changes.zipf = -1};
    o->run = (ra_run_options){.region = "us-east-1",
                              .threads = 1,
                              .connections = 32,
                              .timeout = 10000 * MS,
                              .queue = 10000,
                              .seed = 1};
    optind = 0; /* glibc: from the beginning */
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":w:r:c:t:d:n:h", longs, NULL)) != -1) {
        if (c == 'h')
            return RA_OPTIONS_HELP;
        if (c == ':') {
            ra_options_misuse("option '%s' needs a value", argv[optind - 1]);
            return RA_OPTIONS_MISUSE;
        }
        if (c == '?') {
            const char *text = argv[optind - 1];
            bool is_long = strncmp(text, "--", 2) == 0 && (optopt == 0 || strchr(text, '='));
            unknown(is_long ? text : "-", optopt);
            return RA_OPTIONS_MISUSE;
        }
        if (!take(o, &g, c, optarg))
            return RA_OPTIONS_MISUSE;
    }
    return settle(o, &g) && take_url(o, argc, argv) ? RA_OPTIONS_GO : RA_OPTIONS_MISUSE;
}
