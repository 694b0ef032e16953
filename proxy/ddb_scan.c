/* `readaside ddb scan NAME`: a table's items, page after page. */
#include "proxy/ddb_read.h"
#include "proxy/ddb_rows.h"
#include "proxy/table.h"

#include <inttypes.h>

enum { BODY_MAX = 16 * 1024, LIMIT = 256 };

static void usage(FILE *out)
{
    fputs("usage: readaside ddb scan [OPTION]... NAME\n"
          "\n"
          "Shows a table's items, the key's columns first, then those of the attributes of the first page.\n"
          "Strings and numbers stand as they are, all other values as JSON; \"-\" is an attribute that an "
          "item\n"
          "doesn't have. A line is an item: control characters are spelt out (\\n). On a terminal cells are "
          "cut\n"
          "to fit; in a pipe they are whole, and columns are at least two spaces apart.\n"
          "\n",
          out);
    ra_ddb_usage_options(out);
    fputs("      --limit N       the first N items that come\n"
          "      --timeout TIME  give up after so long without a page, such as 30s or 5m; 120s if not given\n"
          "      --json          on stdout {\"Items\": [...], \"Count\", \"ScannedCount\"}, the items as "
          "DynamoDB\n"
          "                      sent them, one a line; or {\"error\"}\n",
          out);
    ra_ddb_usage_end(out);
}

typedef struct scan {
    ra_ddb_task task;
    uint32_t limit; /* 0: all */
    ra_ddb_rows rows;
    uint64_t count, scanned;
} scan;

static bool take(void *arg, int option, const char *value)
{
    scan *s = arg;
    return option == LIMIT && ra_ddb_rows_limit("ddb scan", value, &s->limit);
}

/* The columns of the table's key come first. */
static bool begin_columns(scan *s)
{
    ra_buf body;
    ra_buf_init(&body, BODY_MAX);
    ra_http_reply *r = NULL;
    if (ra_ddb_table_body(s->task.argument, &body))
        r = ra_ddb_read(&s->task, "DescribeTable", ra_buf_bytes(&body), s->task.argument);
    else
        ra_ddb_task_fail(&s->task, "no table has so long a name");
    ra_buf_free(&body);
    if (!r)
        return false;
    ra_table *t =
        ra_table_from_describe((ra_bytes){r->body, r->len}, RA_BYTES(""), ra_bytes_z(s->task.endpoint));
    ra_http_reply_unref(r);
    bool ok =
        t && ra_ddb_view_column(&s->rows.view, ra_bytes_z(t->partition_key), ra_bytes_z(t->partition_key)) &&
        (!t->sort_key || ra_ddb_view_column(&s->rows.view, ra_bytes_z(t->sort_key), ra_bytes_z(t->sort_key)));
    ra_table_unref(t);
    if (!ok)
        ra_ddb_task_fail(&s->task, "%s: the reply to DescribeTable can't be read", s->task.argument);
    return ok;
}

static bool make_body(const scan *s, ra_buf *body)
{
    ra_buf_clear(body);
    ra_buf_add_z(body, "{\"TableName\":");
    ra_buf_add_json_string(body, ra_bytes_z(s->task.argument));
    if (s->limit)
        ra_buf_addf(body, ",\"Limit\":%" PRIu64, s->limit - s->count);
    return ra_buf_add_char(body, '}');
}

/* -1: go on. */
static int show_page(scan *s, ra_buf *body, ra_buf *from)
{
    ra_ddb_page page;
    if (!make_body(s, body))
        return ra_ddb_task_fail(&s->task, "no table has so long a name");
    if (!ra_ddb_page_read(&s->task, "Scan", ra_buf_bytes(body), s->task.argument, from, &page))
        return RA_CLI_FAILED;
    s->count += page.count;
    s->scanned += page.scanned;
    int status = ra_ddb_rows_page(&s->rows, &page, false);
    ra_ddb_page_free(&page);
    return status;
}

static int run(scan *s)
{
    bool json = s->task.json;
    s->rows.open = "{\"Items\": [\n";
    s->rows.discover = true;
    if (!ra_ddb_rows_begin(&s->rows, &s->task) || (!json && !begin_columns(s)))
        return RA_CLI_FAILED;
    ra_buf body, from;
    ra_buf_init(&body, BODY_MAX);
    ra_buf_init(&from, RA_DDB_KEY_MAX);
    int status;
    do {
        status = show_page(s, &body, &from);
    } while (status < 0 && from.n && (!s->limit || s->count < s->limit));
    if (status < 0)
        status = ra_ddb_rows_end(&s->rows);
    if (status < 0 && json)
        printf(", \"Count\": %" PRIu64 ", \"ScannedCount\": %" PRIu64 "}\n", s->count, s->scanned);
    ra_buf_free(&body);
    ra_buf_free(&from);
    return status < 0 ? RA_CLI_OK : status;
}

int ra_cli_ddb_scan(int argc, char **argv)
{
    static const struct option more[] = {{"limit", required_argument, NULL, LIMIT}, {NULL, 0, NULL, 0}};
    scan s = {0};
    const ra_ddb_command command = {.name = "ddb scan",
                                    .usage = usage,
                                    .argument = "a table's name",
                                    .more = more,
                                    .take = take,
                                    .arg = &s};
    int status;
    if (ra_ddb_task_begin(&s.task, &command, argc, argv, &status))
        status = run(&s);
    ra_ddb_rows_free(&s.rows);
    ra_ddb_task_free(&s.task);
    return status;
}
