#include "proxy/ddb_task.h"

#include "config/units.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MAX = 4096, MESSAGE_JSON_MAX = 8 * MESSAGE_MAX, DEFAULT_TIMEOUT = 120 * 1000 };

/* What the options say, before anything is looked up. */
typedef struct given {
    const char *config, *endpoint, *region, *timeout;
} given;

static int end_with(const ra_ddb_task *t, const char *message)
{
    fprintf(stderr, "readaside %s: ", t->command->name);
    for (const char *c = message; *c; c++) /* it may quote a file or a peer */
        fputc((unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c, stderr);
    fputc('\n', stderr);
    if (!t->json)
        return RA_CLI_FAILED;
    ra_buf out;
    ra_buf_init(&out, MESSAGE_JSON_MAX);
    ra_buf_add_json_string(&out, ra_bytes_z(message));
    printf("{\"error\": %.*s}\n", (int)out.n, out.n ? out.p : "");
    ra_buf_free(&out);
    return RA_CLI_FAILED;
}

int ra_ddb_task_fail(const ra_ddb_task *t, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return end_with(t, message);
}

int ra_ddb_task_fail_reply(const ra_ddb_task *t, const char *what, const ra_http_reply *r)
{
    ra_buf message;
    ra_buf_init(&message, MESSAGE_MAX);
    ra_ddb_describe_error(t->ddb, r, &message);
    ra_buf_add_char(&message, '\0');
    int status =
        ra_ddb_task_fail(t, "%s: %s", what, ra_buf_ok(&message) ? message.p : "an overlong error message");
    ra_buf_free(&message);
    return status;
}

int ra_ddb_task_fail_at(const ra_ddb_task *t, size_t at, const char *what)
{
    size_t line = 1;
    for (size_t i = 0; i < at && i < t->text.n; i++)
        line += t->text.p[i] == '\n';
    return ra_ddb_task_fail(t, "%s:%zu: %s", t->file, line, what);
}

static bool read_options(ra_ddb_task *t, given *g, int argc, char **argv, int *status)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"endpoint", required_argument, NULL, 'e'},
                                          {"region", required_argument, NULL, 'r'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"if-missing", no_argument, NULL, 'm'}, /* the last: not for all */
                                          {NULL, 0, NULL, 0}};
    struct option mine[sizeof known / sizeof *known];
    memcpy(mine, known, sizeof known);
    if (!t->command->takes_if_missing)
        memset(&mine[sizeof known / sizeof *known - 2], 0, sizeof *mine);
    bool first = true;
    *status = RA_CLI_USAGE;
    for (int c; (c = ra_cli_option(argc, argv, t->command->name, ":c:h", mine, &first)) != -1;) {
        if (c == 'h') {
            t->command->usage(stdout);
            *status = RA_CLI_OK;
            return false;
        }
        if (c == '?')
            return false;
        const char **text = c == 'c'   ? &g->config
                            : c == 'e' ? &g->endpoint
                            : c == 'r' ? &g->region
                                       : &g->timeout;
        if (c == 'j')
            t->json = true;
        else if (c == 'm')
            t->if_missing = true;
        else
            *text = optarg;
    }
    if (argc - optind > 1) {
        ra_cli_misuse(t->command->name, "one file at a time: '%s' is one too many", argv[optind + 1]);
        return false;
    }
    t->file = optind < argc ? argv[optind] : NULL;
    return true;
}

static bool read_config(ra_ddb_task *t, const char *path)
{
    if (!path)
        return true;
    ra_problems problems = {0};
    t->config = ra_config_load(path, &problems);
    ra_problems_print(&problems, path, stderr);
    ra_problems_free(&problems);
    return t->config != NULL;
}

static bool choose_file(ra_ddb_task *t)
{
    bool seed = strcmp(t->command->what, "seed") == 0;
    if (!t->file && t->config)
        t->file = seed ? t->config->ddb.seed : t->config->ddb.schema;
    if (t->file)
        return true;
    if (t->config)
        ra_cli_misuse(t->command->name, "no file: give one as an argument, or as ddb.%s in %s",
                      t->command->what, t->config->path);
    else
        ra_cli_misuse(t->command->name,
                      "no file: give one as an argument, or a configuration that has ddb.%s with -c FILE",
                      t->command->what);
    return false;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static bool choose_endpoint(ra_ddb_task *t, const given *g)
{
    const char *name = "AWS_ENDPOINT_URL_DYNAMODB", *from = name;
    const char *endpoint = environment(name);
    if (g->endpoint) {
        endpoint = g->endpoint;
        from = "--endpoint";
    } else if (!endpoint && t->config) {
        endpoint = t->config->upstream.endpoint;
        from = "upstream.endpoint";
    }
    if (!endpoint) {
        ra_cli_misuse(t->command->name,
                      "which DynamoDB? Give --endpoint URL, or set AWS_ENDPOINT_URL_DYNAMODB, or give a "
                      "configuration with -c FILE");
        return false;
    }
    const char *wrong = ra_endpoint_normalise(endpoint, t->endpoint);
    if (wrong)
        ra_cli_misuse(t->command->name, "%s '%s': %s", from, endpoint, wrong);
    return !wrong;
}

static bool choose_region(ra_ddb_task *t, const given *g)
{
    const char *region = g->region;
    if (!region && t->config)
        region = t->config->upstream.region;
    if (!region)
        region = environment("AWS_REGION");
    if (!region)
        region = environment("AWS_DEFAULT_REGION");
    if (!region && ra_endpoint_region(t->endpoint, t->region, sizeof t->region))
        return true;
    if (!region)
        region = "us-east-1";
    if (!ra_region_valid(region)) {
        ra_cli_misuse(t->command->name, "'%s' isn't a region such as \"eu-west-1\"", region);
        return false;
    }
    snprintf(t->region, sizeof t->region, "%s", region);
    return true;
}

static bool choose_timeout(ra_ddb_task *t, const char *text)
{
    t->timeout = DEFAULT_TIMEOUT;
    if (!text || (ra_duration_parse(text, &t->timeout) && t->timeout > 0))
        return true;
    ra_cli_misuse(t->command->name, "--timeout '%s' isn't a duration such as \"120s\" or \"5m\"", text);
    return false;
}

static bool read_all(FILE *in, ra_buf *out)
{
    char block[65536];
    size_t n;
    while ((n = fread(block, 1, sizeof block, in)) > 0) {
        if (!ra_buf_add(out, block, n)) {
            errno = EFBIG;
            return false;
        }
    }
    return !ferror(in);
}

/* "-" is standard input. */
static bool read_file(ra_ddb_task *t)
{
    FILE *in = strcmp(t->file, "-") == 0 ? stdin : fopen(t->file, "rb");
    bool ok = in && read_all(in, &t->text);
    int why = errno;
    if (in && in != stdin)
        fclose(in);
    if (!ok)
        ra_ddb_task_fail(t, "%s can't be read: %s", t->file, strerror(why));
    return ok;
}

bool ra_ddb_task_begin(ra_ddb_task *t, const ra_ddb_command *command, int argc, char **argv, int *status)
{
    given g = {0};
    *t = (ra_ddb_task){.command = command};
    ra_buf_init(&t->text, RA_DDB_FILE_MAX);
    if (!read_options(t, &g, argc, argv, status))
        return false;
    *status = RA_CLI_USAGE;
    if (!choose_timeout(t, g.timeout) || !read_config(t, g.config) || !choose_file(t) ||
        !choose_endpoint(t, &g) || !choose_region(t, &g))
        return false;
    *status = RA_CLI_FAILED;
    if (!read_file(t))
        return false;
    const char *why;
    ra_ddb_options o = {t->endpoint, t->region, t->config ? t->config->upstream.ca_file : NULL};
    t->ddb = ra_ddb_new(&o, &why);
    if (!t->ddb)
        ra_ddb_task_fail(t, "%s", why);
    return t->ddb != NULL;
}

void ra_ddb_task_free(ra_ddb_task *t)
{
    ra_ddb_free(t->ddb);
    ra_buf_free(&t->text);
    ra_config_unref(t->config);
}
