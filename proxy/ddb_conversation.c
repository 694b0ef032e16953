/*
 * `readaside ddb get-conversation` and `ddb list-conversations`: the queries of two routes that the
 * configuration names, straight from DynamoDB, with what they consumed.
 */
#include "proxy/ddb_read.h"
#include "proxy/ddb_rows.h"
#include "proxy/route.h"

#include <inttypes.h>
#include <stdlib.h>

enum { BODY_MAX = 64 * 1024, ARENA_MAX = 1 << 20, HELD_MAX = 256 << 20, LIMIT = 256 };

static void usage_options(FILE *out)
{
    fputs("\n", out);
    ra_ddb_usage_options(out);
    fputs("      --limit N       only the newest N; else all\n"
          "      --timeout TIME  give up after so long without a page, such as 30s or 5m; 120s if not given\n"
          "      --json          on stdout {\"items\": [...], \"consumed_capacity\": {\"TableName\", "
          "\"CapacityUnits\"}},\n"
          "                      the items as the route shows them, one a line; or {\"error\"}\n",
          out);
    ra_ddb_usage_end(out);
}

static const char shape[] =
    "Its fields are the columns, in the order that it shows; it needs a configuration. A line is an item, "
    "\"-\"\n"
    "an attribute that it doesn't have. The last line, which begins with '#', says how many read capacity\n"
    "units were consumed.\n";

static void usage_get(FILE *out)
{
    fprintf(
        out,
        "usage: readaside ddb get-conversation [OPTION]... UUID\n"
        "\n"
        "Shows all messages of a conversation: the query of the route that ddb.get_conversation names.\n%s",
        shape);
    usage_options(out);
}

static void usage_list(FILE *out)
{
    fprintf(
        out,
        "usage: readaside ddb list-conversations [OPTION]... USER_UUID\n"
        "\n"
        "Shows all conversations of a user: the query of the route that ddb.list_conversations names.\n%s",
        shape);
    usage_options(out);
}

/* The pages of a query, newest first, that is to be shown the other way round. The newest page is the first.
 */
typedef struct held_page {
    ra_ddb_page page;
    struct held_page *newer;
} held_page;

typedef struct conversation {
    ra_ddb_task task;
    uint32_t limit; /* 0: all */
    ra_route route; /* the configuration's, but its query */
    ra_route_query query;
    ra_bytes values[RA_TEMPLATE_SLOTS_MAX];
    ra_table *table;
    ra_arena arena; /* emptied for each page */
    ra_ddb_rows rows;
    held_page *oldest;
    size_t held; /* bytes */
    uint64_t count;
    double capacity;
} conversation;

static bool take(void *arg, int option, const char *value)
{
    conversation *c = arg;
    return option == LIMIT && ra_ddb_rows_limit(c->task.command->name, value, &c->limit);
}

/*
 * The route's query with the argument as its partition key's one input. All of it can be streamed in the
 * order in which it is shown; the newest few have to be asked for newest first.
 */
static void adapt(conversation *c, const ra_route *route)
{
    int slot = -1;
    c->route = *route;
    c->query = *route->query;
    c->route.query = &c->query;
    c->query.order = c->limit ? (unsigned)RA_ORDER_NEWEST : route->reply.order;
    ra_template_slots(&c->query.partition_key, &slot);
    c->values[slot] = ra_bytes_z(c->task.argument);
}

static bool learn_table(conversation *c)
{
    ra_buf body;
    ra_buf_init(&body, BODY_MAX);
    ra_http_reply *r = NULL;
    if (ra_ddb_table_body(c->query.table, &body))
        r = ra_ddb_read(&c->task, "DescribeTable", ra_buf_bytes(&body), c->query.table);
    ra_buf_free(&body);
    if (!r)
        return false;
    c->table =
        ra_table_from_describe((ra_bytes){r->body, r->len}, RA_BYTES(""), ra_bytes_z(c->task.endpoint));
    ra_http_reply_unref(r);
    if (!c->table)
        ra_ddb_task_fail(&c->task, "%s: the reply to DescribeTable can't be read", c->query.table);
    return c->table != NULL;
}

static bool begin_columns(conversation *c)
{
    const ra_route_reply *reply = &c->route.reply;
    bool ok = true;
    for (size_t i = 0; ok && i < reply->nfields; i++)
        ok = ra_ddb_view_column(&c->rows.view, ra_bytes_z(reply->fields[i].name),
                                ra_bytes_z(reply->fields[i].attribute));
    if (!ok)
        ra_ddb_task_fail(&c->task, "the route %s has more fields than there can be columns", c->route.name);
    return ok;
}

/* The page's request: the route's own, and what it consumes is to be told. */
static bool make_body(conversation *c, ra_buf *body)
{
    ra_route_refusal refusal;
    ra_route_call call = {.route = &c->route,
                          .values = c->values,
                          .limit = c->limit ? (unsigned)(c->limit - c->count) : INT32_MAX};
    ra_buf_clear(body);
    ra_arena_free(&c->arena);
    if (!ra_route_body(&call, c->table, &c->arena, body, &refusal)) {
        ra_ddb_task_fail(&c->task, "the route %s: %s", c->route.name, refusal.message);
        return false;
    }
    body->n--; /* the closing brace */
    if (ra_buf_add_z(body, ",\"ReturnConsumedCapacity\":\"TOTAL\"}"))
        return true;
    ra_ddb_task_fail(&c->task, "out of memory");
    return false;
}

/* Takes the page over. false: no memory, and it isn't taken. */
static bool hold(conversation *c, const ra_ddb_page *page)
{
    held_page *h = page->reply->len <= HELD_MAX - c->held ? malloc(sizeof *h) : NULL;
    if (!h)
        return false;
    *h = (held_page){.page = *page, .newer = c->oldest};
    c->oldest = h;
    c->held += page->reply->len;
    return true;
}

/* -1: go on. */
static int show_held(conversation *c)
{
    int status = -1;
    for (held_page *h = c->oldest; status < 0 && h; h = h->newer)
        status = ra_ddb_rows_page(&c->rows, &h->page, true);
    return status;
}

static void release_held(conversation *c)
{
    while (c->oldest) {
        held_page *h = c->oldest;
        c->oldest = h->newer;
        ra_ddb_page_free(&h->page);
        free(h);
    }
}

/* -1: go on. */
static int take_page(conversation *c, ra_ddb_page *page)
{
    c->count += page->count;
    c->capacity += page->capacity;
    if (c->limit && c->route.reply.order != RA_ORDER_NEWEST) {
        if (hold(c, page))
            return -1;
        ra_ddb_page_free(page);
        return ra_ddb_task_fail(&c->task,
                                "so many items can't be held to be turned round: give a smaller --limit");
    }
    int status = ra_ddb_rows_page(&c->rows, page, false);
    ra_ddb_page_free(page);
    return status;
}

static int read_all(conversation *c)
{
    ra_buf body, from;
    ra_buf_init(&body, BODY_MAX);
    ra_buf_init(&from, RA_DDB_KEY_MAX);
    int status = -1;
    do {
        ra_ddb_page page;
        bool ok = make_body(c, &body) &&
                  ra_ddb_page_read(&c->task, "Query", ra_buf_bytes(&body), c->query.table, &from, &page);
        status = ok ? take_page(c, &page) : RA_CLI_FAILED;
    } while (status < 0 && from.n && (!c->limit || c->count < c->limit));
    ra_buf_free(&body);
    ra_buf_free(&from);
    return status < 0 ? show_held(c) : status;
}

static void report(const conversation *c, bool json)
{
    if (!json) {
        printf("# %" PRIu64 " item%s, %.15g read capacity unit%s of %s\n", c->count, c->count == 1 ? "" : "s",
               c->capacity, c->capacity == 1.0 ? "" : "s", c->query.table);
        return;
    }
    ra_buf name;
    ra_buf_init(&name, BODY_MAX);
    ra_buf_add_json_string(&name, ra_bytes_z(c->query.table));
    printf(", \"consumed_capacity\": {\"TableName\": %.*s, \"CapacityUnits\": %.15g}}\n", (int)name.n,
           name.n ? name.p : "", c->capacity);
    ra_buf_free(&name);
}

static int run(conversation *c, const ra_route *route)
{
    bool json = c->task.json;
    adapt(c, route);
    c->rows.open = "{\"items\": [\n";
    c->rows.route = &c->route;
    c->rows.discover = c->route.reply.nfields == 0;
    if (!learn_table(c) || !ra_ddb_rows_begin(&c->rows, &c->task) || (!json && !begin_columns(c)))
        return RA_CLI_FAILED;
    int status = read_all(c);
    if (status < 0)
        status = ra_ddb_rows_end(&c->rows);
    if (status >= 0)
        return status;
    report(c, json);
    return RA_CLI_OK;
}

/* The route that the configuration names for this; NULL: it has been said that there is none. */
static const ra_route *find_route(const conversation *c, bool list)
{
    const ra_config_ddb *ddb = &c->task.config->ddb;
    const ra_route *route = list ? ddb->list_conversations : ddb->get_conversation;
    if (!route)
        ra_cli_misuse(c->task.command->name, "the configuration %s has no %s, the name of a route",
                      c->task.config->path, c->task.command->config);
    return route;
}

static int converse(int argc, char **argv, bool list)
{
    static const struct option more[] = {{"limit", required_argument, NULL, LIMIT}, {NULL, 0, NULL, 0}};
    conversation c = {0};
    const ra_ddb_command command = {.name = list ? "ddb list-conversations" : "ddb get-conversation",
                                    .usage = list ? usage_list : usage_get,
                                    .argument = list ? "the user's UUID" : "the conversation's UUID",
                                    .config = list ? "ddb.list_conversations" : "ddb.get_conversation",
                                    .more = more,
                                    .take = take,
                                    .arg = &c};
    int status;
    ra_arena_init(&c.arena, ARENA_MAX);
    if (ra_ddb_task_begin(&c.task, &command, argc, argv, &status)) {
        const ra_route *route = find_route(&c, list);
        status = route ? run(&c, route) : RA_CLI_USAGE;
    }
    release_held(&c);
    ra_ddb_rows_free(&c.rows);
    ra_table_unref(c.table);
    ra_arena_free(&c.arena);
    ra_ddb_task_free(&c.task);
    return status;
}

int ra_cli_ddb_get_conversation(int argc, char **argv)
{
    return converse(argc, argv, false);
}

int ra_cli_ddb_list_conversations(int argc, char **argv)
{
    return converse(argc, argv, true);
}
