/* `readaside reload`, and what asks a running proxy to change. */
#include "proxy/cli_reload.h"

#include "proxy/cli.h"
#include "proxy/cli_cache_admin.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT_MS = 120 * 1000, BODY_MAX = 64 * 1024 };

static const char NAME[] = "reload";

cJSON *ra_cli_admin_do(const char *command, const char *config_path, const char *path, ra_buf *body_take,
                       int *status, int *exit)
{
    char why[RA_CACHE_ADMIN_WHY_MAX];
    ra_problems problems;
    ra_config *c = ra_config_load(config_path, &problems);
    ra_cache_admin *a = c ? ra_cache_admin_new(c, why) : NULL;
    cJSON *answer = a ? ra_cache_admin_do(a, path, body_take, LIMIT_MS, status) : NULL;
    *exit = c ? RA_CLI_FAILED : RA_CLI_USAGE;
    if (!c)
        ra_problems_print(&problems, config_path, stderr);
    else if (!a)
        fprintf(stderr, "readaside %s: %s\n", command, why);
    else if (!answer)
        fprintf(stderr, "readaside %s: %s: %s\n", command, ra_cache_admin_where(a), ra_cache_admin_why(a));
    ra_buf_free(body_take);
    ra_cache_admin_free(a);
    ra_problems_free(&problems);
    ra_config_unref(c);
    return answer;
}

static void usage(FILE *out)
{
    fputs("usage: readaside reload -c FILE [--json]\n"
          "\n"
          "Has the running proxy read its configuration anew, with the keys and certificates that it names.\n"
          "It is asked by FILE's admin.address and admin.token; SIGHUP does the same without them. A file\n"
          "with an error changes nothing. What can't change while the proxy runs is named: it stays as it\n"
          "was until a restart. `readaside help config` says of each option which it is.\n"
          "\n"
          "  -c, --config FILE   the proxy's configuration\n"
          "      --json          what the proxy answers, as JSON\n"
          "  -h, --help          this text\n"
          "\n"
          "Exit status: 0 all of it is in force, 1 the proxy can't be asked, 2 a wrong call, or the file is\n"
          "refused, 3 it is in force but for what waits for a restart.\n",
          out);
}

static const char *text(const cJSON *object, const char *name)
{
    const char *t = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return t ? t : "";
}

static void print_problems(const cJSON *answer)
{
    const cJSON *p;
    cJSON_ArrayForEach(p, cJSON_GetObjectItemCaseSensitive(answer, "problems"))
    {
        int line = (int)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(p, "line"));
        bool warning = strcmp(text(p, "severity"), "warning") == 0;
        fputs(text(p, "file"), stderr);
        if (line > 0)
            fprintf(stderr, ":%d", line);
        if (*text(p, "path"))
            fprintf(stderr, ": %s", text(p, "path"));
        fprintf(stderr, ": %s%s\n", warning ? "warning: " : "", text(p, "message"));
    }
}

/* How many there are. */
static int print_names(const cJSON *answer, const char *member, const char *what)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(answer, member), *name;
    cJSON_ArrayForEach(name, list)
    {
        if (cJSON_IsString(name))
            printf("%s %s\n", what, name->valuestring);
    }
    return cJSON_GetArraySize(list);
}

static int show(const cJSON *answer, int status, bool json)
{
    bool ok = status == 200;
    bool kept = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(answer, "kept")) > 0;
    char *printed = json ? cJSON_Print(answer) : NULL;
    if (printed)
        puts(printed);
    cJSON_free(printed);
    if (!json)
        print_problems(answer);
    if (!json && !ok)
        fprintf(stderr, "readaside reload: %s\n", text(answer, "error"));
    if (!json && ok) {
        int n = print_names(answer, "changed", "in force:");
        n += print_names(answer, "kept", "waits for a restart:");
        if (n == 0)
            puts("nothing is different; keys and certificates were read anew");
    }
    if (ok)
        return kept ? RA_CLI_PARTLY : RA_CLI_OK;
    return status == 422 ? RA_CLI_USAGE : RA_CLI_FAILED;
}

static const char *options(int argc, char **argv, bool *json, int *exit)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    const char *path = NULL;
    bool first = true;
    for (int c = 0; (c = ra_cli_option(argc, argv, NAME, ":c:h", known, &first)) != -1;) {
        if (c == 'c') {
            path = optarg;
        } else if (c == 'j') {
            *json = true;
        } else {
            if (c == 'h')
                usage(stdout);
            *exit = c == 'h' ? RA_CLI_OK : RA_CLI_USAGE;
            return NULL;
        }
    }
    if (path && optind == argc)
        return path;
    *exit = ra_cli_misuse(NAME, path ? "too many arguments" : "-c FILE is missing");
    return NULL;
}

int ra_cli_reload(int argc, char **argv)
{
    bool json = false;
    int exit = RA_CLI_OK, status = 0;
    ra_buf body;
    const char *path = options(argc, argv, &json, &exit);
    if (!path)
        return exit;
    ra_buf_init(&body, BODY_MAX);
    ra_buf_add_z(&body, "{}");
    cJSON *answer = ra_cli_admin_do(NAME, path, "/admin/reload", &body, &status, &exit);
    if (answer)
        exit = show(answer, status, json);
    cJSON_Delete(answer);
    return exit;
}
