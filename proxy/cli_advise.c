/* `readaside advise`: what other TTLs would have done, from a running proxy; and its advice, taken. */
#include "proxy/cli_advise.h"

#include "config/units.h"
#include "proxy/cli.h"
#include "proxy/cli_cache_admin.h"

#include <stdlib.h>
#include <string.h>

enum { RELOAD_MS = 60 * 1000 };

typedef struct wanted {
    const char *file, *pattern;
    bool json, write;
} wanted;

static void usage(FILE *out)
{
    fputs(
        "usage: readaside advise -c FILE [--pattern NAME] [--json] [--write]\n"
        "\n"
        "Asks the running proxy, at admin.address, what other TTLs would have done with the traffic that "
        "it has\n"
        "seen: for each table and pattern the hit ratio, what would have been read upstream, the memory, "
        "and how\n"
        "old hits would be, which is how long a write that bypasses the proxy may stay unseen. Then which "
        "TTL it\n"
        "recommends, and why: the least one past which the curve is flat, that is no longer one gains more "
        "than\n"
        "one read in a hundred. None is recommended that doesn't fit into cache.max_bytes, that is longer "
        "than\n"
        "what has been observed, or, where writes were seen that bypass the proxy and the table's stream "
        "isn't\n"
        "followed, than the one in force.\n"
        "\n"
        "  -c, --config FILE    the configuration, the running proxy's\n"
        "      --pattern NAME   this pattern only; a table's own policy goes by the table's name\n"
        "      --json           what the proxy tells, as a JSON array:\n"
        "                       [{\"table\", \"pattern\" (null: the table's own), \"current_ms\", "
        "\"recommended_ms\",\n"
        "                       \"reason\", \"reads\", \"since\", \"points\": [{\"ttl_ms\", \"hit_ratio\", "
        "\"bytes\",\n"
        "                       \"units_per_s\", \"stale_age_ms\"}]}]\n"
        "      --write          writes the recommended TTLs into FILE and has the proxy reload it. Nothing "
        "else\n"
        "                       in the file changes, comments included; but patterns that have a table's "
        "TTL for\n"
        "                       want of one of their own get that one written down when the table's changes\n"
        "  -h, --help           this text\n"
        "\n"
        "Exit status: 0 done, 1 the proxy can't be asked or the file can't be written, 2 a wrong call or\n"
        "configuration.\n",
        out);
}

/* ---- showing ---- */

static bool print_json(const cJSON *all, const char *pattern)
{
    cJSON *some = cJSON_CreateArray();
    const cJSON *one;
    cJSON_ArrayForEach(one, all)
    {
        if (ra_cli_advice_is_of(one, pattern))
            cJSON_AddItemReferenceToArray(some, (cJSON *)one);
    }
    char *text = cJSON_Print(some);
    if (text)
        puts(text);
    free(text);
    cJSON_Delete(some);
    return text != NULL;
}

static bool print_all(const cJSON *all, const char *pattern)
{
    const cJSON *one;
    bool first = true, ok = true;
    cJSON_ArrayForEach(one, all)
    {
        if (!ra_cli_advice_is_of(one, pattern))
            continue;
        if (!first)
            putchar('\n');
        first = false;
        ok = ra_cli_advice_print(one, stdout) && ok;
    }
    if (!ok)
        fputs("readaside advise: the answer isn't a proxy's, or there is no memory\n", stderr);
    return ok;
}

/* ---- writing ---- */

/* What else the file holds may not be for a proxy that runs. */
static void tell_kept(const cJSON *answer, const char *where)
{
    const cJSON *path;
    cJSON_ArrayForEach(path, cJSON_GetObjectItemCaseSensitive(answer, "kept")) fprintf(
        stderr, "%s: %s waits for a restart\n", where, cJSON_IsString(path) ? path->valuestring : "?");
}

/* Tells what a reload, which the file is for, has come to. */
static int reload(ra_cache_admin *admin)
{
    ra_buf body;
    ra_buf_init(&body, 16);
    ra_buf_add_z(&body, "{}");
    int status = 0;
    cJSON *answer = ra_cache_admin_do(admin, "/admin/reload", &body, RELOAD_MS, &status);
    ra_buf_free(&body);
    const char *where = ra_cache_admin_where(admin);
    const char *error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "error"));
    bool reloaded = answer && status == 200;
    if (reloaded) {
        fprintf(stderr, "%s has reloaded it\n", where);
        tell_kept(answer, where);
    } else if (status == 404) {
        fprintf(stderr, "%s can't reload while it runs: restart it\n", where);
    } else {
        fprintf(stderr, "readaside advise: %s has not reloaded it: %s\n", where,
                error ? error : ra_cache_admin_why(admin));
    }
    cJSON_Delete(answer);
    return reloaded ? RA_CLI_OK : RA_CLI_FAILED;
}

static void tell_edits(const wanted *w, const ra_edit *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char ttl[RA_UNIT_TEXT_MAX];
        ra_duration_format(v[i].ttl, ttl);
        fprintf(stderr, "%s: tables.%s%s%s: ttl %s\n", w->file, v[i].table, v[i].pattern ? ", pattern " : "",
                v[i].pattern ? v[i].pattern : "", ttl);
    }
}

static int write_edits(const wanted *w, ra_cache_admin *admin, const ra_edit *v, size_t n)
{
    char error[RA_EDIT_ERROR];
    ra_problems problems;
    bool ok = ra_edit_file(w->file, v, n, &problems, error);
    if (!ok) {
        fprintf(stderr, "readaside advise: %s stays as it is: %s\n", w->file, error);
        ra_problems_print(&problems, w->file, stderr);
    }
    ra_problems_free(&problems);
    if (!ok)
        return RA_CLI_FAILED;
    tell_edits(w, v, n);
    return reload(admin);
}

static bool is_among(const ra_edit *v, size_t n, const char *table, const char *pattern)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].pattern && strcmp(v[i].table, table) == 0 && strcmp(v[i].pattern, pattern) == 0)
            return true;
    return false;
}

/* Patterns that have a table's TTL for want of one of their own keep it when the table gets another: that one
 * isn't for them. */
static size_t add_heirs(const ra_config *c, ra_edit *v, size_t n)
{
    size_t all = n;
    for (size_t i = 0; i < n; i++) {
        const ra_table_config *t = ra_config_table(c, v[i].table, strlen(v[i].table));
        if (v[i].pattern || !t || strcmp(t->name, v[i].table) != 0)
            continue;
        for (size_t k = 0; k < t->npatterns; k++) {
            const ra_policy *p = &t->patterns[k].policy;
            if (p->ttl == t->policy.ttl && !is_among(v, n, t->name, p->name))
                v[all++] = (ra_edit){t->name, p->name, p->ttl, .unless_stated = true};
        }
    }
    return all;
}

static size_t count_patterns(const ra_config *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->ntables; i++)
        n += c->tables[i].npatterns;
    return n;
}

static int write_all(const wanted *w, const ra_config *c, ra_cache_admin *admin, const cJSON *all)
{
    size_t n = 0;
    ra_edit *v = calloc((size_t)cJSON_GetArraySize(all) + count_patterns(c) + 1, sizeof *v);
    const cJSON *one;
    if (!v) {
        fputs("readaside advise: out of memory\n", stderr);
        return RA_CLI_FAILED;
    }
    cJSON_ArrayForEach(one, all)
    {
        if (ra_cli_advice_is_of(one, w->pattern) && ra_cli_advice_edit(one, &v[n]))
            n++;
    }
    int status = RA_CLI_OK;
    if (n)
        status = write_edits(w, admin, v, add_heirs(c, v, n));
    else
        fprintf(stderr, "%s: no other TTL is recommended\n", w->file);
    free(v);
    return status;
}

/* ---- all of it ---- */

static bool has_pattern(const ra_config *c, const char *pattern)
{
    for (size_t i = 0; i < c->ntables; i++) {
        if (strcmp(c->tables[i].name, pattern) == 0)
            return true;
        for (size_t k = 0; k < c->tables[i].npatterns; k++)
            if (strcmp(c->tables[i].patterns[k].policy.name, pattern) == 0)
                return true;
    }
    return false;
}

static int advise(const wanted *w, const ra_config *c, ra_cache_admin *admin)
{
    cJSON *all = ra_cache_admin_call(admin, "/admin/advice", NULL, NULL);
    if (!cJSON_IsArray(all)) {
        fprintf(stderr, "readaside advise: %s: %s\n", ra_cache_admin_where(admin),
                all ? "it answers otherwise than a proxy does" : ra_cache_admin_why(admin));
        cJSON_Delete(all);
        return RA_CLI_FAILED;
    }
    if (cJSON_GetArraySize(all) == 0 && !w->json)
        fprintf(stderr, "%s has seen no read yet that a TTL decides\n", ra_cache_admin_where(admin));
    bool ok = w->json ? print_json(all, w->pattern) : print_all(all, w->pattern);
    int status = !ok ? RA_CLI_FAILED : w->write ? write_all(w, c, admin, all) : RA_CLI_OK;
    cJSON_Delete(all);
    return status;
}

static int with_file(const wanted *w)
{
    ra_problems problems;
    char why[RA_CACHE_ADMIN_WHY_MAX];
    ra_config *c = ra_config_load(w->file, &problems);
    if (!c)
        ra_problems_print(&problems, w->file, stderr);
    ra_problems_free(&problems);
    if (!c)
        return RA_CLI_USAGE;
    int status = RA_CLI_USAGE;
    ra_cache_admin *admin = NULL;
    if (w->pattern && !has_pattern(c, w->pattern))
        ra_cli_misuse("advise", "%s has no pattern or table '%s'", w->file, w->pattern);
    else if (!(admin = ra_cache_admin_new(c, why)))
        fprintf(stderr, "readaside advise: %s\n", why);
    else
        status = advise(w, c, admin);
    ra_cache_admin_free(admin);
    ra_config_unref(c);
    return status;
}

int ra_cli_advise(int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"pattern", required_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},         {"write", no_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    wanted w = {0};
    bool first = true;
    for (int c; (c = ra_cli_option(argc, argv, "advise", ":c:h", known, &first)) != -1;) {
        if (c == 'h') {
            usage(stdout);
            return RA_CLI_OK;
        }
        if (c == '?')
            return RA_CLI_USAGE;
        if (c == 'c')
            w.file = optarg;
        if (c == 'p')
            w.pattern = optarg;
        w.json |= c == 'j';
        w.write |= c == 'w';
    }
    if (optind < argc)
        return ra_cli_misuse("advise", "unknown argument '%s'%s", argv[optind],
                             w.file ? "" : "; the file is given with -c FILE");
    if (!w.file)
        return ra_cli_misuse("advise", "-c FILE is missing");
    return with_file(&w);
}
