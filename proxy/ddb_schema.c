/* `readaside ddb schema-load`: a table from a file, ready for use when it returns. */
#include "proxy/clock.h"
#include "proxy/ddb_read.h"
#include "proxy/json.h"
#include "proxy/progress.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 2048, NAME_JSON_MAX = 8 * NAME_MAX_BYTES, STATE_MAX = 512, IF_MISSING = 256 };

static void usage(FILE *out)
{
    fputs("usage: readaside ddb schema-load [OPTION]... [FILE]\n"
          "\n"
          "Creates a table and waits until it and all its indexes are ACTIVE. FILE is what\n"
          "`aws dynamodb create-table --cli-input-json` takes; \"-\" is standard input. Without FILE it is\n"
          "ddb.schema of the configuration.\n"
          "\n",
          out);
    ra_ddb_usage_options(out);
    fputs("      --if-missing    a table of that name that exists already is no failure; nothing is changed "
          "then\n"
          "      --timeout TIME  how long to wait in all, such as 30s or 5m; 120s if not given\n"
          "      --json          the result on stdout as {\"table\", \"created\", \"status\"}, or "
          "{\"error\"}\n",
          out);
    ra_ddb_usage_end(out);
}

typedef struct schema_load {
    ra_ddb_task task;
    char name[NAME_MAX_BYTES];
    ra_ddb_patience patience;
    bool created; /* by this run */
    bool if_missing;
    ra_progress progress;
} schema_load;

static bool take(void *arg, int option, const char *value)
{
    schema_load *s = arg;
    (void)value;
    s->if_missing |= option == IF_MISSING;
    return true;
}

/* The table's name, out of a file that is otherwise DynamoDB's to judge. */
static bool read_name(schema_load *s)
{
    ra_json j;
    size_t at = 0;
    ra_bytes name;
    ra_arena arena;
    enum ra_json_result parsed = ra_json_parse(&j, ra_buf_bytes(&s->task.text), NULL, &at);
    if (parsed != RA_JSON_OK) {
        ra_ddb_task_fail_at(&s->task, at, ra_json_result_text(parsed));
        return false;
    }
    ra_arena_init(&arena, NAME_MAX_BYTES + 256);
    uint32_t member = ra_json_member(&j, 0, "TableName");
    bool ok = member != RA_JSON_NONE && ra_json_string(&j, member, &arena, &name) && name.n > 0 &&
              name.n < sizeof s->name && !memchr(name.p, '\0', name.n);
    if (ok) {
        memcpy(s->name, name.p, name.n);
        s->name[name.n] = '\0';
    } else {
        ra_ddb_task_fail_at(&s->task, 0,
                            "this isn't an object with a \"TableName\", such as `aws dynamodb "
                            "create-table --cli-input-json` takes");
    }
    ra_arena_free(&arena);
    ra_json_free(&j);
    return ok;
}

/*
 * CreateTable, again while DynamoDB is busy. After a reply that got lost the table may be there: that it
 * exists is then no failure. -1: go on, else the exit status.
 */
static int create(schema_load *s)
{
    bool maybe_created = false;
    for (;;) {
        ra_http_reply *r = ra_ddb_call(s->task.ddb, "CreateTable", ra_buf_bytes(&s->task.text),
                                       ra_ddb_patience_call(&s->patience));
        int status = -1;
        bool again = false;
        s->created = ra_ddb_succeeded(r);
        if (!s->created && ra_ddb_is_error(r, "ResourceInUseException")) {
            s->created = maybe_created;
            if (!s->created && !s->if_missing)
                status =
                    ra_ddb_task_fail(&s->task,
                                     "table %s exists already at %s, nothing was changed (with --if-missing "
                                     "that is no failure)",
                                     s->name, s->task.endpoint);
        } else if (!s->created) {
            maybe_created = maybe_created || (r && r->result != RA_HTTP_OK && r->result != RA_HTTP_NOT_SENT);
            again = ra_ddb_may_pass(r) && ra_ddb_patience_left(&s->patience) > 0;
            if (!again)
                status = ra_ddb_task_fail_reply(&s->task, s->name, r);
        }
        ra_http_reply_unref(r);
        if (!again)
            return status;
        ra_ddb_patience_nap(&s->patience);
    }
}

static bool is_active(const cJSON *status)
{
    const char *z = cJSON_GetStringValue(status);
    return z && strcmp(z, "ACTIVE") == 0;
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *z = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return z ? z : "?";
}

/* Whether all is ACTIVE; `state` says what isn't: "CREATING, index i CREATING". */
static bool table_ready(const ra_http_reply *r, char state[STATE_MAX])
{
    cJSON *reply = r->body ? cJSON_ParseWithLength(r->body, r->len) : NULL;
    const cJSON *table = cJSON_GetObjectItemCaseSensitive(reply, "Table");
    bool ready = is_active(cJSON_GetObjectItemCaseSensitive(table, "TableStatus"));
    int n = snprintf(state, STATE_MAX, "%s", text_of(table, "TableStatus"));
    const cJSON *index, *indexes = cJSON_GetObjectItemCaseSensitive(table, "GlobalSecondaryIndexes");
    cJSON_ArrayForEach(index, indexes)
    {
        if (is_active(cJSON_GetObjectItemCaseSensitive(index, "IndexStatus")))
            continue;
        ready = false;
        if (n >= 0 && n < STATE_MAX)
            n += snprintf(state + n, (size_t)(STATE_MAX - n), ", index %s %s", text_of(index, "IndexName"),
                          text_of(index, "IndexStatus"));
    }
    cJSON_Delete(reply);
    return ready;
}

/* Just after CreateTable a table may not be found yet. */
static bool worth_another_look(const ra_http_reply *r)
{
    return ra_ddb_succeeded(r) || ra_ddb_may_pass(r) || ra_ddb_is_error(r, "ResourceNotFoundException");
}

static int wait_until_active(schema_load *s)
{
    ra_buf body;
    ra_buf_init(&body, NAME_JSON_MAX);
    ra_ddb_table_body(s->name, &body);
    char state[STATE_MAX] = "not found yet";
    int status = -1;
    bool ready = false;
    while (status < 0 && !ready) {
        ra_http_reply *r = ra_ddb_call(s->task.ddb, "DescribeTable", ra_buf_bytes(&body),
                                       ra_ddb_patience_call(&s->patience));
        if (ra_ddb_succeeded(r))
            ready = table_ready(r, state);
        int64_t now = ra_clock_monotonic();
        if (!ready && !worth_another_look(r))
            status = ra_ddb_task_fail_reply(&s->task, s->name, r);
        else if (!ready && ra_ddb_patience_left(&s->patience) <= 0)
            status = ra_ddb_task_fail(&s->task, "table %s: %s after %lld s, given up waiting (--timeout)",
                                      s->name, state, (long long)(s->task.timeout / 1000));
        else if (!ready && ra_progress_due(&s->progress, now))
            ra_progress_say(&s->progress, now, "table %s: %s, %lld s", s->name, state,
                            (long long)((now - s->patience.begun) / 1000));
        ra_http_reply_unref(r);
        if (!ready && status < 0)
            ra_ddb_patience_nap(&s->patience);
    }
    ra_progress_end(&s->progress);
    ra_buf_free(&body);
    return status;
}

static void report(const schema_load *s)
{
    if (!s->task.json) {
        printf(s->created ? "table %s is ACTIVE\n" : "table %s exists already and is ACTIVE\n", s->name);
        return;
    }
    ra_buf out;
    ra_buf_init(&out, NAME_JSON_MAX);
    ra_buf_add_json_string(&out, ra_bytes_z(s->name));
    printf("{\"table\": %.*s, \"created\": %s, \"status\": \"ACTIVE\"}\n", (int)out.n, out.n ? out.p : "",
           s->created ? "true" : "false");
    ra_buf_free(&out);
}

int ra_cli_ddb_schema_load(int argc, char **argv)
{
    static const struct option more[] = {{"if-missing", no_argument, NULL, IF_MISSING}, {NULL, 0, NULL, 0}};
    schema_load s = {0};
    const ra_ddb_command command = {.name = "ddb schema-load",
                                    .usage = usage,
                                    .file = "schema",
                                    .changes = true,
                                    .more = more,
                                    .take = take,
                                    .arg = &s};
    int status;
    if (ra_ddb_task_begin(&s.task, &command, argc, argv, &status)) {
        ra_ddb_patience_begin(&s.patience, &s.task);
        ra_progress_begin(&s.progress, stderr, isatty(STDERR_FILENO), s.patience.begun);
        status = read_name(&s) ? create(&s) : RA_CLI_FAILED;
        if (status < 0)
            status = wait_until_active(&s);
        if (status < 0) {
            report(&s);
            status = RA_CLI_OK;
        }
    }
    ra_ddb_task_free(&s.task);
    return status;
}
