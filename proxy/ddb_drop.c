/* `readaside ddb drop NAME`: a table and all its items, gone when it returns. */
#include "proxy/clock.h"
#include "proxy/ddb_read.h"
#include "proxy/progress.h"

#include <cjson/cJSON.h>
#include <unistd.h>

enum { BODY_MAX = 16 * 1024, ANSWER_MAX = 4096, STATE_MAX = 128, YES = 256, IF_EXISTS };

static void usage(FILE *out)
{
    fputs("usage: readaside ddb drop [OPTION]... NAME\n"
          "\n"
          "Deletes a table with all its items and indexes, and waits until it is gone. On a terminal it asks "
          "for\n"
          "the name to be typed again; without one it needs --yes.\n"
          "\n",
          out);
    ra_ddb_usage_options(out);
    fputs("      --yes           don't ask\n"
          "      --if-exists     that there is no such table is no failure\n"
          "      --timeout TIME  how long to wait in all, such as 30s or 5m; 120s if not given\n"
          "      --json          the result on stdout as {\"table\", \"dropped\"}, or {\"error\"}\n",
          out);
    ra_ddb_usage_end(out);
}

typedef struct drop {
    ra_ddb_task task;
    bool yes, if_exists;
    ra_buf body; /* {"TableName": …} */
    ra_ddb_patience patience;
    ra_progress progress;
} drop;

static bool take(void *arg, int option, const char *value)
{
    drop *d = arg;
    (void)value;
    d->yes |= option == YES;
    d->if_exists |= option == IF_EXISTS;
    return true;
}

static int report(const drop *d, bool dropped)
{
    if (!d->task.json) {
        printf(dropped ? "table %s is gone\n" : "there is no table %s\n", d->task.argument);
        return RA_CLI_OK;
    }
    ra_buf name;
    ra_buf_init(&name, BODY_MAX);
    ra_buf_add_json_string(&name, ra_bytes_z(d->task.argument));
    printf("{\"table\": %.*s, \"dropped\": %s}\n", (int)name.n, name.n ? name.p : "",
           dropped ? "true" : "false");
    ra_buf_free(&name);
    return RA_CLI_OK;
}

static int no_such_table(const drop *d)
{
    if (d->if_exists)
        return report(d, false);
    return ra_ddb_task_fail(&d->task,
                            "there is no table %s at %s (%s), nothing was changed (with --if-exists that "
                            "is no failure)",
                            d->task.argument, d->task.endpoint, d->task.region);
}

/* "about N items", as far as the description says. */
static void describe_items(const ra_http_reply *r, char out[STATE_MAX])
{
    cJSON *reply = r->body ? cJSON_ParseWithLength(r->body, r->len) : NULL;
    const cJSON *count =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(reply, "Table"), "ItemCount");
    if (cJSON_IsNumber(count))
        snprintf(out, STATE_MAX, "%.0f item%s when DynamoDB last counted", count->valuedouble,
                 count->valuedouble == 1 ? "" : "s");
    else
        snprintf(out, STATE_MAX, "an unknown number of items");
    cJSON_Delete(reply);
}

/* Asks the person at the terminal. -1: go on. */
static int ask(const drop *d, const ra_http_reply *described)
{
    char answer[ANSWER_MAX], items[STATE_MAX];
    describe_items(described, items);
    ra_ddb_task_say(&d->task, "table %s at %s (%s) has %s", d->task.argument, d->task.endpoint,
                    d->task.region, items);
    fputs("Type its name to delete it with all of them: ", stderr);
    fflush(stderr);
    bool read = fgets(answer, sizeof answer, stdin) != NULL;
    if (read)
        answer[strcspn(answer, "\r\n")] = '\0';
    else
        fputc('\n', stderr);
    if (read && strcmp(answer, d->task.argument) == 0)
        return -1;
    return ra_ddb_task_fail(&d->task, "that isn't the table's name: nothing was changed");
}

/* Looks the table up, and asks. -1: go on. */
static int look(const drop *d)
{
    ra_http_reply *r = ra_ddb_try(&d->task, "DescribeTable", ra_buf_bytes(&d->body));
    int status = -1;
    if (ra_ddb_is_error(r, "ResourceNotFoundException"))
        status = no_such_table(d);
    else if (!ra_ddb_succeeded(r))
        status = ra_ddb_task_fail_reply(&d->task, d->task.argument, r);
    else if (!d->yes)
        status = ask(d, r);
    ra_http_reply_unref(r);
    return status;
}

/*
 * DeleteTable, again while DynamoDB is busy. It was there a moment ago: if now it isn't, it is gone as was
 * wanted, by this command (whose reply may have got lost) or another's. -1: go on.
 */
static int delete_it(drop *d)
{
    for (;;) {
        ra_http_reply *r = ra_ddb_call(d->task.ddb, "DeleteTable", ra_buf_bytes(&d->body),
                                       ra_ddb_patience_call(&d->patience));
        bool done = ra_ddb_succeeded(r) || ra_ddb_is_error(r, "ResourceNotFoundException");
        /* it is being made, changed or deleted just now */
        bool busy = ra_ddb_is_error(r, "ResourceInUseException") || ra_ddb_may_pass(r);
        int status = -1;
        if (!done && (!busy || ra_ddb_patience_left(&d->patience) <= 0))
            status = ra_ddb_task_fail_reply(&d->task, d->task.argument, r);
        ra_http_reply_unref(r);
        if (done || status >= 0)
            return status;
        ra_ddb_patience_nap(&d->patience);
    }
}

/* -1: it is gone. */
static int wait_until_gone(drop *d)
{
    for (;;) {
        ra_http_reply *r = ra_ddb_call(d->task.ddb, "DescribeTable", ra_buf_bytes(&d->body),
                                       ra_ddb_patience_call(&d->patience));
        bool gone = ra_ddb_is_error(r, "ResourceNotFoundException");
        int64_t now = ra_clock_monotonic();
        int status = -1;
        if (!gone && !ra_ddb_succeeded(r) && !ra_ddb_may_pass(r))
            status = ra_ddb_task_fail_reply(&d->task, d->task.argument, r);
        else if (!gone && ra_ddb_patience_left(&d->patience) <= 0)
            status =
                ra_ddb_task_fail(&d->task, "table %s isn't gone after %lld s, given up waiting (--timeout)",
                                 d->task.argument, (long long)(d->task.timeout / 1000));
        else if (!gone && ra_progress_due(&d->progress, now))
            ra_progress_say(&d->progress, now, "table %s: not gone yet, %lld s", d->task.argument,
                            (long long)((now - d->patience.begun) / 1000));
        ra_http_reply_unref(r);
        if (gone || status >= 0) {
            ra_progress_end(&d->progress);
            return status;
        }
        ra_ddb_patience_nap(&d->patience);
    }
}

static int run(drop *d)
{
    if (!ra_ddb_table_body(d->task.argument, &d->body))
        return ra_ddb_task_fail(&d->task, "no table has so long a name");
    int status = look(d);
    if (status >= 0)
        return status;
    ra_ddb_patience_begin(&d->patience, &d->task); /* a person may have taken long */
    ra_progress_begin(&d->progress, stderr, isatty(STDERR_FILENO), ra_clock_monotonic());
    status = delete_it(d);
    if (status < 0)
        status = wait_until_gone(d);
    return status < 0 ? report(d, true) : status;
}

static bool may_ask(void *arg)
{
    drop *d = arg;
    if (d->yes || isatty(STDIN_FILENO))
        return true;
    ra_cli_misuse(d->task.command->name, "there is no terminal to ask whether you mean it: give --yes");
    return false;
}

int ra_cli_ddb_drop(int argc, char **argv)
{
    static const struct option more[] = {
        {"yes", no_argument, NULL, YES}, {"if-exists", no_argument, NULL, IF_EXISTS}, {NULL, 0, NULL, 0}};
    drop d = {0};
    const ra_ddb_command command = {.name = "ddb drop",
                                    .usage = usage,
                                    .argument = "a table's name",
                                    .changes = true,
                                    .more = more,
                                    .take = take,
                                    .check = may_ask,
                                    .arg = &d};
    int status;
    ra_buf_init(&d.body, BODY_MAX);
    if (ra_ddb_task_begin(&d.task, &command, argc, argv, &status))
        status = run(&d);
    ra_buf_free(&d.body);
    ra_ddb_task_free(&d.task);
    return status;
}
