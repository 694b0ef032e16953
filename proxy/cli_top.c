/* `readaside top`: what a running proxy does, in a terminal. */
#include "config/units.h"
#include "proxy/cli.h"
#include "proxy/cli_cache_admin.h"
#include "proxy/cli_top_screen.h"
#include "proxy/cli_top_view.h"
#include "proxy/clock.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

enum { INTERVAL = 1000, INTERVAL_LEAST = 100, INTERVAL_MOST = 60 * 60 * 1000 };

static const char NAME[] = "top";

static void usage(FILE *out)
{
    fputs(
        "usage: readaside top -c FILE [--once] [--json] [--interval S]\n"
        "\n"
        "Shows what the running proxy does, as its dashboard does: requests per second by outcome, hit\n"
        "ratios, latencies, what DynamoDB is asked with the cache and would be without it, capacity units,\n"
        "memory, how far followed streams are behind, the hottest keys and the newest events. The proxy is\n"
        "asked by FILE's admin.address and admin.token.\n"
        "\n"
        "On a terminal it draws in place, until q or ^C. Lines that are too long or too many are cut. Rates\n"
        "are of the last ten seconds, or of one interval where that is longer; curves go a minute back at\n"
        "one second. Where stdout isn't a terminal the view is printed once an interval.\n"
        "\n"
        "  -c, --config FILE   the proxy's configuration\n"
        "      --once          one view, as text, and the end; it takes one interval, for rates are "
        "differences\n"
        "      --json          a JSON line each interval: what GET /admin/live answers, without `advice`, "
        "and\n"
        "                      with \"per_second\"; with --once one line\n"
        "      --interval S    seconds, from 0.1 to 3600, or with a unit such as 500ms; 1 if not given\n"
        "  -h, --help          this text\n"
        "\n"
        "NO_COLOR turns colours off.\n"
        "Exit status: 0 done, 1 the proxy can't be asked, 2 a wrong call or configuration.\n",
        out);
}

typedef struct top {
    const char *file;
    bool once, json;
    int64_t interval; /* ms */
    ra_cache_admin *admin;
    ra_top_history *history;
    ra_screen screen;
    ra_top_place place;
    char trouble[RA_CACHE_ADMIN_WHY_MAX];
} top;

/* ---- options ---- */

static bool take_interval(top *t, const char *text)
{
    char *end;
    double seconds = strtod(text, &end);
    bool plain = *text >= '0' && *text <= '9' && !*end && seconds < INTERVAL_MOST;
    if (plain)
        t->interval = (int64_t)(seconds * 1000 + 0.5);
    if ((plain || ra_duration_parse(text, &t->interval)) && t->interval >= INTERVAL_LEAST &&
        t->interval <= INTERVAL_MOST)
        return true;
    ra_cli_misuse(NAME, "--interval '%s' isn't a time from 0.1 to 3600 seconds", text);
    return false;
}

/* false: *status is how it ends. */
static bool options(top *t, int argc, char **argv, int *status)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"once", no_argument, NULL, 'o'},
        {"json", no_argument, NULL, 'j'},         {"interval", required_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    bool first = true;
    *status = RA_CLI_USAGE;
    for (int c; (c = ra_cli_option(argc, argv, NAME, ":c:h", known, &first)) != -1;) {
        if (c == 'h') {
            usage(stdout);
            *status = RA_CLI_OK;
        }
        if (c == 'h' || c == '?' || (c == 'i' && !take_interval(t, optarg)))
            return false;
        if (c == 'c')
            t->file = optarg;
        t->once = t->once || c == 'o';
        t->json = t->json || c == 'j';
    }
    if (optind < argc)
        ra_cli_misuse(NAME, "unknown argument '%s'", argv[optind]);
    else if (!t->file)
        ra_cli_misuse(NAME, "-c FILE is missing");
    return optind == argc && t->file;
}

/* ---- asking ---- */

/* Keys and signals end a call; where they don't end all, it is made again. */
static cJSON *call(top *t)
{
    cJSON *live;
    do
        live = ra_cache_admin_call(t->admin, "/admin/live", NULL, NULL);
    while (!live && ra_cache_admin_interrupted(t->admin) && ra_screen_wait(&t->screen, 0) != RA_SCREEN_END);
    return live;
}

/* false: t->place.trouble says why. */
static bool ask(top *t)
{
    cJSON *live = call(t);
    const char *why = live ? "it answers otherwise than a proxy does" : ra_cache_admin_why(t->admin);
    bool ok = live && ra_top_history_add(t->history, live);
    snprintf(t->trouble, sizeof t->trouble, "%s", ok ? "" : why);
    t->place.trouble = ok ? NULL : t->trouble;
    return ok;
}

/* ---- showing ---- */

static bool is_utf8(void)
{
    return setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static bool wants_colour(const ra_screen *s)
{
    const char *no = getenv("NO_COLOR");
    return s->terminal && !(no && *no);
}

static bool draws(const top *t)
{
    return t->screen.terminal && !t->once && !t->json;
}

/* false: stdout takes nothing more, or there is no memory. */
static bool show(top *t)
{
    ra_buf out;
    ra_buf_init(&out, t->json ? (size_t)64 << 20 : RA_TOP_VIEW_MAX);
    ra_top_page shape = {.utf8 = is_utf8(), .colour = wants_colour(&t->screen)};
    ra_screen_size(&t->screen, &shape.width, &shape.height);
    if (!draws(t))
        shape.height = 0;
    bool ok = t->json ? ra_top_json(t->history, &out) : ra_top_view(t->history, &t->place, &shape, &out);
    if (!ok)
        fprintf(stderr, "readaside %s: out of memory\n", NAME);
    else if (draws(t))
        ok = ra_screen_draw(&t->screen, ra_buf_bytes(&out));
    else
        ok = fwrite(out.p, 1, out.n, stdout) == out.n && (t->json || t->once || puts("") >= 0) &&
             fflush(stdout) == 0;
    ra_buf_free(&out);
    return ok;
}

/* Without a screen that it could stand on. */
static void say_trouble(const top *t)
{
    if (t->place.trouble && !draws(t) && !t->screen.ended)
        fprintf(stderr, "readaside %s: %s: %s\n", NAME, t->place.where, t->place.trouble);
}

/* Waits for the next interval, drawing what is known where the screen wants it. false: it is the end. */
static bool wait(top *t, int64_t until)
{
    enum ra_screen_event e;
    while ((e = ra_screen_wait(&t->screen, until - ra_clock_monotonic())) == RA_SCREEN_DRAW) {
        if (draws(t) && !show(t))
            return false;
    }
    return e == RA_SCREEN_TIME;
}

/* A proxy that has answered once may be away for a time: it is asked on. */
static int watch(top *t)
{
    bool good = ask(t);
    if (!good)
        say_trouble(t);
    if (!good)
        return t->screen.ended ? RA_CLI_OK : RA_CLI_FAILED;
    if (draws(t) && !show(t))
        return RA_CLI_FAILED;
    for (int64_t next = ra_clock_monotonic() + t->interval; wait(t, next); next += t->interval) {
        good = ask(t);
        say_trouble(t);
        if (!good && t->once)
            return RA_CLI_FAILED;
        if ((good || draws(t)) && !show(t))
            return RA_CLI_FAILED;
        if (t->once)
            return RA_CLI_OK;
        if (next < ra_clock_monotonic() - t->interval) /* it was stopped, or the proxy took its time */
            next = ra_clock_monotonic();
    }
    return RA_CLI_OK;
}

static int with_screen(top *t)
{
    int status = RA_CLI_FAILED;
    t->history = ra_top_history_new();
    if (t->history && ra_screen_open(&t->screen)) {
        t->place.where = ra_cache_admin_where(t->admin);
        ra_cache_admin_heed(t->admin, ra_screen_fd(&t->screen));
        status = watch(t);
        ra_cache_admin_heed(t->admin, -1);
    } else {
        fprintf(stderr, "readaside %s: out of memory, or of files\n", NAME);
    }
    ra_screen_leave(&t->screen);
    ra_top_history_free(t->history);
    return status;
}

int ra_cli_top(int argc, char **argv)
{
    top t = {.interval = INTERVAL, .screen = {.signals = -1, .both = -1}};
    int status;
    char why[RA_CACHE_ADMIN_WHY_MAX];
    ra_problems problems;
    if (!options(&t, argc, argv, &status))
        return status;
    ra_config *c = ra_config_load(t.file, &problems);
    if (!c)
        ra_problems_print(&problems, t.file, stderr);
    ra_problems_free(&problems);
    if (!c)
        return RA_CLI_USAGE;
    t.admin = ra_cache_admin_new(c, why);
    if (t.admin)
        status = with_screen(&t);
    else
        fprintf(stderr, "readaside %s: %s\n", NAME, why);
    ra_cache_admin_free(t.admin);
    ra_config_unref(c);
    return t.admin ? status : RA_CLI_USAGE;
}
