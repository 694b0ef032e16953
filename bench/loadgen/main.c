/* readaside-bench: the order of things. */
#include "bench/loadgen/options.h"
#include "bench/loadgen/prepare.h"
#include "bench/loadgen/report.h"
#include "config/file.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, FAILED = 1, MISUSE = 2 };

static int failed(const char *what, const char *why)
{
    fprintf(stderr, "readaside-bench: %s: %s\n", what, why);
    return FAILED;
}

/* ---- the workload ---- */

static int show_workload(const char *name)
{
    size_t len;
    const char *text = ra_workload_builtin(name, &len);
    if (!text) {
        ra_options_misuse("--show-workload '%s': there is none of that name", name);
        return MISUSE;
    }
    fwrite(text, 1, len, stdout);
    return fflush(stdout) == 0 ? OK : failed("standard output", strerror(errno));
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup("");
}

static ra_workload *parse(const ra_options *o, const char *text, size_t len, const char *folder, int *status)
{
    ra_problems problems;
    ra_workload *w = ra_workload_read(text, len, folder, &o->changes, &problems);
    ra_problems_print(&problems, o->workload, stderr);
    ra_problems_free(&problems);
    *status = w ? OK : MISUSE;
    return w;
}

static void list_names(void)
{
    for (const char *const *n = ra_workload_names(); *n; n++)
        fprintf(stderr, "%s%s", n == ra_workload_names() ? "The named workloads are " : ", ", *n);
    fputs(".\n", stderr);
}

/* A name, else a file. NULL: *status, and it has been said why. */
static ra_workload *load(const ra_options *o, int *status)
{
    const char *error;
    size_t len;
    const char *text = ra_workload_builtin(o->workload, &len);
    if (text)
        return parse(o, text, len, "", status);
    char *read = ra_file_read(o->workload, RA_WORKLOAD_MAX, false, &len, &error);
    if (!read) {
        ra_options_misuse("--workload '%s': %s", o->workload, error);
        list_names();
        *status = MISUSE;
        return NULL;
    }
    char *folder = folder_of(o->workload);
    ra_workload *w = folder ? parse(o, read, len, folder, status) : NULL;
    if (!folder)
        *status = failed(o->workload, "out of memory");
    free(folder);
    free(read);
    return w;
}

/* An option that changes nothing is a mistake: the person believes that it does. */
static bool fits(const ra_options *o, const ra_workload *w)
{
    unsigned laws = RA_PLACE_BIT(RA_PLACE_KEY) | RA_PLACE_BIT(RA_PLACE_ZIPF) | RA_PLACE_BIT(RA_PLACE_LATEST);
    unsigned numbers = RA_PLACE_NUMBERS & ~RA_PLACE_BIT(RA_PLACE_N);
    const char *wrong =
        o->changes.table && !(w->used & RA_PLACE_BIT(RA_PLACE_TABLE))      ? "--table: it names none"
        : o->changes.keys && !(w->used & numbers)                          ? "--keys: it has none"
        : o->changes.zipf >= 0 && !(w->used & laws)                        ? "--zipf: it draws no keys"
        : o->changes.item_size && !(w->used & RA_PLACE_BIT(RA_PLACE_TEXT)) ? "--item-size: it makes no {text}"
        : o->prepare && !w->ntables && !w->nitems                          ? "--prepare: it needs no table"
        : o->run.pause && !w->rounds                                       ? "--pause: it isn't in rounds"
        : w->rounds && o->run.open_loop ? "--rate, --ramp: rounds have no schedule"
                                        : NULL;
    if (wrong)
        ra_options_misuse("this workload doesn't go with %s", wrong);
    return !wrong;
}

static bool calls_dynamodb(const ra_workload *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->operations[i].target)
            return true;
    }
    return w->ntables || w->nitems;
}

/* ---- the run ---- */

typedef struct bench {
    ra_options o;
    ra_workload *workload;
    ra_target target, prepare_target;
    ra_credentials_provider *provider;
    FILE *json; /* opened before the run, which may take long */
} bench;

static bool take_credentials(bench *b)
{
    const char *why = "out of memory";
    if (!b->o.sign || !calls_dynamodb(b->workload))
        return true;
    b->provider = ra_credentials_environment_new();
    if (b->provider &&
        b->provider->get(b->provider, &b->o.run.credentials, &why, NULL, NULL) == RA_CREDENTIALS_READY)
        return true;
    ra_options_misuse("%s; accepted: both, or --no-sign", why);
    return false;
}

static int parse_targets(bench *b)
{
    char why[RA_TARGET_WHY_MAX];
    const char *wrong = NULL;
    if (!ra_target_parse(&b->target, b->o.url, why))
        wrong = b->o.url;
    else if (b->o.prepare_endpoint && !ra_target_parse(&b->prepare_target, b->o.prepare_endpoint, why))
        wrong = b->o.prepare_endpoint;
    if (wrong) {
        ra_options_misuse("the URL '%s': %s", wrong, why);
        return MISUSE;
    }
    if (!b->o.workload)
        b->o.workload = *b->target.path ? "get" : "chat";
    return OK;
}

static int open_targets(bench *b)
{
    char why[RA_TARGET_WHY_MAX];
    enum { TARGETS = 2 };
    ra_target *const all[TARGETS] = {&b->target, &b->prepare_target};
    for (size_t i = 0; i < TARGETS; i++) {
        if (all[i]->authority && !ra_target_open(all[i], b->o.ca, b->o.insecure, why))
            return failed(all[i]->origin, why);
        if (all[i]->authority && *all[i]->path && b->o.run.credentials) {
            ra_options_misuse(
                "requests that are signed go to '/'; accepted: a URL without a path, or --no-sign");
            return MISUSE;
        }
    }
    return OK;
}

static int prepare(bench *b)
{
    char why[RA_PREPARE_WHY_MAX];
    ra_prepared done;
    const ra_prepare_options o = {.workload = b->workload,
                                  .endpoint = b->o.prepare_endpoint ? &b->prepare_target : &b->target,
                                  .region = b->o.run.region,
                                  .credentials = b->o.run.credentials,
                                  .ca = b->o.ca,
                                  .insecure = b->o.insecure,
                                  .seed = b->o.run.seed,
                                  .timeout_ms = b->o.run.timeout / 1000000};
    if (!ra_prepare(&o, &done, why))
        return failed("--prepare", why);
    fprintf(stderr, "readaside-bench: prepared: %llu tables made, %llu items written\n",
            (unsigned long long)done.tables, (unsigned long long)done.items);
    return OK;
}

static int report(bench *b, const ra_run_result *result)
{
    const ra_report r = {.options = &b->o.run, .result = result, .workload = b->o.workload, .url = b->o.url};
    bool to_stdout = b->o.json && strcmp(b->o.json, "-") == 0;
    if (!to_stdout)
        ra_report_table(&r, stdout);
    const char *overload = ra_report_overload(r.options, result);
    if (to_stdout && overload)
        fprintf(stderr, "readaside-bench: these figures are the generator's, not the server's: %s\n",
                overload);
    if (b->json && !ra_report_json(&r, b->json))
        return failed(b->o.json, strerror(errno));
    if (fflush(stdout) != 0 && errno != EPIPE)
        return failed("standard output", strerror(errno));
    return ra_stats_errors(&result->stats) > b->o.max_errors ? FAILED : OK;
}

static int run(bench *b)
{
    static ra_run_result result; /* its histograms are too large for a stack */
    b->o.run.workload = b->workload;
    b->o.run.target = &b->target;
    b->o.run.terminal = isatty(STDERR_FILENO) == 1;
    const char *wrong = ra_run_go(&b->o.run, &result);
    return wrong ? failed("the run", wrong) : report(b, &result);
}

static int go(bench *b)
{
    int status = parse_targets(b);
    if (status == OK)
        b->workload = load(&b->o, &status);
    if (status == OK && (!fits(&b->o, b->workload) || !take_credentials(b)))
        status = MISUSE;
    if (status == OK)
        status = open_targets(b);
    if (status == OK && b->o.json) {
        b->json = strcmp(b->o.json, "-") == 0 ? stdout : fopen(b->o.json, "we");
        if (!b->json)
            status = failed(b->o.json, strerror(errno));
    }
    if (status == OK && b->o.prepare)
        status = prepare(b);
    return status == OK && b->o.runs ? run(b) : status;
}

int main(int argc, char **argv)
{
    static bench b;
    signal(SIGPIPE, SIG_IGN);
    switch (ra_options_parse(&b.o, argc, argv)) {
    case RA_OPTIONS_MISUSE:
        return MISUSE;
    case RA_OPTIONS_HELP:
        ra_options_usage(stdout);
        return fflush(stdout) == 0 ? OK : FAILED;
    case RA_OPTIONS_GO:
        break;
    }
    if (b.o.show)
        return show_workload(b.o.show);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int status = go(&b);
    if (b.json && b.json != stdout && fclose(b.json) != 0 && status == OK)
        status = failed(b.o.json, strerror(errno));
    ra_target_close(&b.target);
    ra_target_close(&b.prepare_target);
    ra_workload_free(b.workload);
    ra_credentials_unref(b.o.run.credentials);
    ra_credentials_provider_free(b.provider);
    curl_global_cleanup();
    return status;
}
