/* `readaside ddb list-tables`: all of an account's tables in the region. */
#include "proxy/ddb_read.h"
#include "proxy/text_table.h"

#include <cjson/cJSON.h>

enum { BODY_MAX = 16 * 1024, INDEXES_MAX = 16 * 1024, NUMBER_MAX = 32 };

static void usage(FILE *out)
{
    fputs("usage: readaside ddb list-tables [OPTION]...\n"
          "\n"
          "Lists the tables: name, status, items and bytes (which DynamoDB counts every six hours or so),\n"
          "indexes, and what a stream shows, if there is one. \"-\" is none.\n"
          "\n",
          out);
    ra_ddb_usage_options(out);
    fputs(
        "      --timeout TIME  give up after so long without a reply, such as 30s or 5m; 120s if not given\n"
        "      --json          only the names, on stdout as {\"TableNames\": [...]}; or {\"error\"}\n",
        out);
    ra_ddb_usage_end(out);
}

typedef struct listing {
    ra_ddb_task task;
    ra_text_table *table; /* NULL: --json */
    size_t listed;
} listing;

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool add_text(const listing *l, const char *text)
{
    return ra_text_table_cell(l->table, ra_bytes_z(text));
}

static bool add_number(const listing *l, const cJSON *object, const char *name)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, name);
    char text[NUMBER_MAX];
    snprintf(text, sizeof text, "%.0f", cJSON_IsNumber(number) ? number->valuedouble : 0.0);
    return add_text(l, cJSON_IsNumber(number) ? text : NULL);
}

static bool add_indexes(const listing *l, const cJSON *table)
{
    static const char *const kinds[] = {"GlobalSecondaryIndexes", "LocalSecondaryIndexes"};
    ra_buf names;
    ra_buf_init(&names, INDEXES_MAX);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const cJSON *index, *indexes = cJSON_GetObjectItemCaseSensitive(table, kinds[i]);
        cJSON_ArrayForEach(index, indexes)
        {
            const char *name = text_of(index, "IndexName");
            if (name)
                ra_buf_addf(&names, "%s%s", names.n ? "," : "", name);
        }
    }
    bool ok = ra_buf_ok(&names) && ra_text_table_cell(l->table, ra_buf_bytes(&names));
    ra_buf_free(&names);
    return ok;
}

static bool add_row(const listing *l, const char *name, const cJSON *table)
{
    const cJSON *stream = cJSON_GetObjectItemCaseSensitive(table, "StreamSpecification");
    bool on = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(stream, "StreamEnabled"));
    return add_text(l, name) && add_text(l, text_of(table, "TableStatus")) &&
           add_number(l, table, "ItemCount") && add_number(l, table, "TableSizeBytes") &&
           add_indexes(l, table) && add_text(l, on ? text_of(stream, "StreamViewType") : NULL);
}

/* A table that has gone since it was listed is left out. */
static int describe(const listing *l, const char *name)
{
    ra_buf body;
    ra_buf_init(&body, BODY_MAX);
    ra_http_reply *r = NULL;
    if (ra_ddb_table_body(name, &body))
        r = ra_ddb_try(&l->task, "DescribeTable", ra_buf_bytes(&body));
    ra_buf_free(&body);
    int status = -1;
    if (r && ra_ddb_succeeded(r)) {
        cJSON *reply = r->body ? cJSON_ParseWithLength(r->body, r->len) : NULL;
        const cJSON *table = cJSON_GetObjectItemCaseSensitive(reply, "Table");
        if (!table)
            status = ra_ddb_task_fail(&l->task, "%s: the reply to DescribeTable can't be read", name);
        else if (!add_row(l, name, table))
            status = ra_ddb_task_fail(&l->task, "out of memory");
        cJSON_Delete(reply);
    } else if (!ra_ddb_is_error(r, "ResourceNotFoundException")) {
        status = ra_ddb_task_fail_reply(&l->task, name, r);
    }
    ra_http_reply_unref(r);
    return status;
}

static int list_one(listing *l, const char *name)
{
    if (l->table)
        return describe(l, name);
    ra_buf text;
    ra_buf_init(&text, BODY_MAX);
    bool ok = ra_buf_add_json_string(&text, ra_bytes_z(name));
    if (ok)
        printf("%s%.*s", l->listed++ ? ", " : "{\"TableNames\": [", (int)text.n, text.p);
    ra_buf_free(&text);
    return ok ? -1 : ra_ddb_task_fail(&l->task, "out of memory");
}

/* One page's names, and in `from` the body for the next page; empty: this was the last. */
static int list_page(listing *l, const cJSON *reply, ra_buf *from)
{
    const cJSON *name, *names = cJSON_GetObjectItemCaseSensitive(reply, "TableNames");
    const char *last = text_of(reply, "LastEvaluatedTableName");
    ra_buf_clear(from);
    if (!cJSON_IsArray(names))
        return ra_ddb_task_fail(&l->task, "the reply to ListTables can't be read");
    int status = -1;
    cJSON_ArrayForEach(name, names)
    {
        if (status < 0 && cJSON_IsString(name))
            status = list_one(l, name->valuestring);
    }
    if (status < 0 && last) {
        ra_buf_add_z(from, "{\"ExclusiveStartTableName\":");
        ra_buf_add_json_string(from, ra_bytes_z(last));
        if (!ra_buf_add_char(from, '}'))
            status = ra_ddb_task_fail(&l->task, "out of memory");
    }
    if (status < 0 && l->table)
        ra_text_table_flush(l->table);
    return status < 0 ? ra_ddb_unwritten(&l->task) : status;
}

static int list(listing *l)
{
    int status = -1;
    ra_buf body;
    ra_buf_init(&body, BODY_MAX);
    ra_buf_add_z(&body, "{}");
    while (status < 0 && body.n) {
        ra_http_reply *r = ra_ddb_read(&l->task, "ListTables", ra_buf_bytes(&body), "ListTables");
        cJSON *reply = r && r->body ? cJSON_ParseWithLength(r->body, r->len) : NULL;
        status = r ? list_page(l, reply, &body) : RA_CLI_FAILED;
        if (l->listed)
            l->task.json = false; /* what has begun on stdout can't become {"error"} */
        cJSON_Delete(reply);
        ra_http_reply_unref(r);
    }
    ra_buf_free(&body);
    if (status < 0 && !l->table)
        fputs(l->listed ? "]}\n" : "{\"TableNames\": []}\n", stdout);
    return status < 0 ? RA_CLI_OK : status;
}

static bool make_table(listing *l)
{
    static const struct {
        const char *title;
        bool number;
    } columns[] = {{"name", false}, {"status", false},  {"items", true},
                   {"bytes", true}, {"indexes", false}, {"stream", false}};
    l->table = ra_text_table_new(stdout, ra_text_table_terminal(stdout));
    bool ok = l->table != NULL;
    for (size_t i = 0; ok && i < sizeof columns / sizeof *columns; i++)
        ok = ra_text_table_column(l->table, ra_bytes_z(columns[i].title), columns[i].number);
    if (!ok)
        ra_ddb_task_fail(&l->task, "out of memory");
    return ok;
}

int ra_cli_ddb_list_tables(int argc, char **argv)
{
    static const ra_ddb_command command = {.name = "ddb list-tables", .usage = usage};
    listing l = {0};
    int status;
    if (ra_ddb_task_begin(&l.task, &command, argc, argv, &status))
        status = l.task.json || make_table(&l) ? list(&l) : RA_CLI_FAILED;
    ra_text_table_free(l.table);
    ra_ddb_task_free(&l.task);
    return status;
}
