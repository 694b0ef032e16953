#include "proxy/ddb_task.h"

#include "config/units.h"
#include "proxy/ddb_given.h"
#include "proxy/ddb_identity.h"
#include "proxy/ddb_where.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MAX = 4096, MESSAGE_JSON_MAX = 8 * MESSAGE_MAX, DEFAULT_TIMEOUT = 120 * 1000 };

static void say(const ra_ddb_task *t, const char *message)
{
    fprintf(stderr, "readaside %s: ", t->command->name);
    for (const char *c = message; *c; c++) /* it may quote a file or a peer */
        fputc((unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c, stderr);
    fputc('\n', stderr);
}

void ra_ddb_task_say(const ra_ddb_task *t, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    say(t, message);
}

static int end_with(const ra_ddb_task *t, const char *message)
{
    say(t, message);
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

/* The configuration's file of that name ("schema"). */
static const char *configured(const ra_config_ddb *d, const char *name)
{
    return strcmp(name, "schema") == 0 ? d->schema : strcmp(name, "seed") == 0 ? d->seed : NULL;
}

static bool choose_file(ra_ddb_task *t, const ra_ddb_given *g)
{
    const char *name = t->command->file;
    t->file = g->file;
    if (!t->file && g->wants_file && t->config)
        t->file = configured(&t->config->ddb, name);
    if (t->file || !g->wants_file)
        return true;
    if (t->config)
        ra_cli_misuse(t->command->name, "no file: give one as an argument, or as ddb.%s in %s", name,
                      t->config->path);
    else
        ra_cli_misuse(t->command->name,
                      "no file: give one as an argument, or a configuration that has ddb.%s with -c FILE",
                      name);
    return false;
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
    ra_ddb_given g;
    *t = (ra_ddb_task){.command = command};
    ra_buf_init(&t->text, RA_DDB_FILE_MAX);
    if (!ra_ddb_given_read(&g, command, argc, argv, status))
        return false;
    t->json = g.json;
    t->aws = g.aws;
    t->argument = g.argument;
    *status = RA_CLI_USAGE;
    if (!choose_timeout(t, g.timeout) || !ra_ddb_where(t, &g) || !choose_file(t, &g))
        return false;
    *status = RA_CLI_FAILED;
    if (t->file && !read_file(t))
        return false;
    const char *why;
    ra_ddb_options o = {t->endpoint, t->region, t->config && !t->aws ? t->config->upstream.ca_file : NULL};
    t->ddb = ra_ddb_new(&o, &why);
    if (!t->ddb)
        ra_ddb_task_fail(t, "%s", why);
    return t->ddb && (!t->aws || !command->changes || ra_ddb_identity_say(t));
}

void ra_ddb_task_free(ra_ddb_task *t)
{
    ra_ddb_free(t->ddb);
    ra_buf_free(&t->text);
    ra_config_unref(t->config);
}
