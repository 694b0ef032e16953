#include "proxy/warm_source.h"

#include "proxy/ddb_page.h"
#include "proxy/ddb_read.h"
#include "proxy/markers_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SAID_MOST = 5,          /* wrong lines */
    SKIPPED_MAX = 64 << 20, /* of a line that is too long: longer ones aren't looked to the end of */
    PAGE_ITEMS = 1000,      /* so that a page of small items isn't a burst of capacity */
    TIMEOUT = 120 * 1000,
    BODY_MAX = 1 << 20,
    TEXT_MAX = 64 * 1024 /* a partition key's value, decoded */
};

struct ra_warm_source {
    const ra_ddb_task *task;
    /* a file */
    FILE *in; /* NULL: a table */
    const char *path;
    int64_t size; /* 0: not known */
    uint64_t lines;
    unsigned wrong;
    bool endless; /* the line has no end in sight */
    bool broken;  /* there is no going on */
    ra_buf line;
    /* a table */
    const char *name;
    ra_table *table;
    const ra_table_config *config;
    const ra_policy *policy; /* of the pattern; NULL: all */
    ra_buf body, from;       /* of the Scan; where the next page begins */
    bool begun;
    ra_ddb_page page;
    uint32_t item; /* the next one; 0: the page is through */
    uint64_t items;
    ra_buf last; /* the partition key before, as DynamoDB spelt it */
};

static ra_warm_source *source_new(const ra_ddb_task *task)
{
    ra_warm_source *s = calloc(1, sizeof *s);
    if (!s) {
        ra_ddb_task_say(task, "out of memory");
        return NULL;
    }
    s->task = task;
    ra_buf_init(&s->line, RA_WARM_LINE_MAX);
    ra_buf_init(&s->body, BODY_MAX);
    ra_buf_init(&s->from, RA_DDB_KEY_MAX);
    ra_buf_init(&s->last, RA_DDB_KEY_MAX);
    return s;
}

void ra_warm_source_free(ra_warm_source *s)
{
    if (!s)
        return;
    if (s->in)
        fclose(s->in);
    ra_ddb_page_free(&s->page);
    ra_table_unref(s->table);
    ra_buf_free(&s->line);
    ra_buf_free(&s->body);
    ra_buf_free(&s->from);
    ra_buf_free(&s->last);
    free(s);
}

void ra_warm_source_at(const ra_warm_source *s, char out[RA_WARM_AT_MAX])
{
    long at = s->in && s->size > 0 ? ftell(s->in) : -1;
    if (at >= 0)
        snprintf(out, RA_WARM_AT_MAX, ", %.0f%% of the file", 100.0 * (double)at / (double)s->size);
    else if (!s->in)
        snprintf(out, RA_WARM_AT_MAX, ", %" PRIu64 " items scanned", s->items);
    else
        *out = '\0';
}

/* ---- a file ---- */

ra_warm_source *ra_warm_source_file(const ra_ddb_task *task, const char *path)
{
    ra_warm_source *s = source_new(task);
    struct stat st;
    if (!s)
        return NULL;
    s->path = path;
    s->in = fopen(path, "rb");
    bool is_folder = s->in && fstat(fileno(s->in), &st) == 0 && S_ISDIR(st.st_mode);
    if (s->in && !is_folder) {
        s->size = S_ISREG(st.st_mode) ? st.st_size : 0;
        return s;
    }
    ra_ddb_task_say(task, "%s can't be read: %s", path, is_folder ? "it is a folder" : strerror(errno));
    ra_warm_source_free(s);
    return NULL;
}

/* Nothing more is read; it counts as one wrong line. */
static enum ra_warm_step break_off(ra_warm_source *s, const char *why)
{
    s->broken = true;
    ra_ddb_task_say(s->task, "%s: %s", s->path, why);
    return RA_WARM_WRONG;
}

/* false: the end. A line that is too long, or for which there is no memory, leaves the buffer failed. */
static bool read_line(ra_warm_source *s)
{
    int c = getc(s->in);
    if (c == EOF)
        return false;
    ra_buf_clear(&s->line);
    size_t n = 0;
    for (s->lines++; c != EOF && c != '\n' && n < SKIPPED_MAX; c = getc(s->in), n++)
        ra_buf_add_char(&s->line, (char)c);
    s->endless = n == SKIPPED_MAX;
    return true;
}

static bool is_blank(const ra_buf *line)
{
    for (size_t i = 0; i < line->n; i++)
        if (!strchr(" \t\r", line->p[i]) || !line->p[i])
            return false;
    return ra_buf_ok(line);
}

/* NULL, or what is wrong with the line. */
static const char *read_request(const ra_json *j, const char **operation, ra_buf *body)
{
    static const char *const known[] = {"GetItem", "Query"};
    uint32_t name = ra_json_member(j, 0, "operation"), request = ra_json_member(j, 0, "request");
    *operation = NULL;
    for (size_t i = 0; name != RA_JSON_NONE && i < sizeof known / sizeof *known; i++)
        if (ra_json_string_is(j, name, known[i]))
            *operation = known[i];
    if (!*operation)
        return "\"operation\" must be \"GetItem\" or \"Query\"";
    if (request == RA_JSON_NONE || !ra_json_is(j, request, RA_JSON_OBJECT))
        return "\"request\" must be an object";
    return ra_buf_add_bytes(body, ra_json_raw(j, request)) ? NULL : "the request is too large";
}

static const char *understand(const ra_buf *line, const char **operation, ra_buf *body)
{
    static const ra_json_limits limits = {.token_depth = 1};
    ra_json j;
    size_t at;
    if (!ra_buf_ok(line))
        return "the line is too long";
    enum ra_json_result r = ra_json_parse(&j, ra_buf_bytes(line), &limits, &at);
    if (r != RA_JSON_OK)
        return ra_json_result_text(r);
    const char *wrong = read_request(&j, operation, body);
    ra_json_free(&j);
    return wrong;
}

static enum ra_warm_step next_line(ra_warm_source *s, const char **operation, ra_buf *body)
{
    do {
        if (s->broken)
            return RA_WARM_END;
        bool found = read_line(s);
        if (ferror(s->in))
            return break_off(s, "it can't be read to its end");
        if (!found)
            return RA_WARM_END;
        if (s->endless)
            return break_off(s, "a line of it has no end, and what follows isn't looked at");
    } while (is_blank(&s->line));
    const char *wrong = understand(&s->line, operation, body);
    if (!wrong)
        return RA_WARM_REQUEST;
    if (s->wrong++ < SAID_MOST)
        ra_ddb_task_say(s->task, "%s:%" PRIu64 ": %s%s", s->path, s->lines, wrong,
                        s->wrong == SAID_MOST ? " (more of them aren't told)" : "");
    return RA_WARM_WRONG;
}

/* ---- a table ---- */

static const ra_policy *find_pattern(const ra_table_config *t, const char *name, const char **wrong)
{
    *wrong = "the configuration has no such pattern of this table";
    for (size_t i = 0; i < t->npatterns; i++) {
        if (strcmp(t->patterns[i].policy.name, name) != 0)
            continue;
        *wrong = t->patterns[i].index ? "the pattern is of an index; partitions of the table alone are found"
                                      : NULL;
        return &t->patterns[i].policy;
    }
    return NULL;
}

/* The Scan: of the partition key alone. */
static bool make_scan(ra_warm_source *s)
{
    ra_buf_add_z(&s->body, "{\"TableName\":");
    ra_buf_add_json_string(&s->body, ra_bytes_z(s->name));
    ra_buf_add_z(&s->body, ",\"ProjectionExpression\":\"#p\",\"ExpressionAttributeNames\":{\"#p\":");
    ra_buf_add_json_string(&s->body, ra_bytes_z(s->table->partition_key));
    return ra_buf_addf(&s->body, "},\"ReturnConsumedCapacity\":\"TOTAL\",\"Limit\":%d}", PAGE_ITEMS);
}

static bool open_client(ra_ddb_task *t)
{
    const ra_config_upstream *u = &t->config->upstream;
    const ra_ddb_options o = {u->endpoint, u->region, u->ca_file};
    const char *why;
    if (!t->ddb && !(t->ddb = ra_ddb_new(&o, &why)))
        ra_ddb_task_say(t, "%s", why);
    t->timeout = TIMEOUT;
    return t->ddb != NULL;
}

ra_warm_source *ra_warm_source_table(ra_ddb_task *task, const char *table, const char *pattern, int *status)
{
    const char *wrong = NULL;
    ra_bytes name = ra_table_short_name(ra_bytes_z(table));
    const ra_table_config *config = ra_config_table(task->config, name.p, name.n);
    const ra_policy *policy = config && pattern ? find_pattern(config, pattern, &wrong) : NULL;
    *status = RA_CLI_USAGE;
    if (wrong) {
        ra_ddb_task_say(task, "--pattern '%s': %s", pattern, wrong);
        return NULL;
    }
    ra_table *t = ra_markers_table(task, table, status);
    ra_warm_source *s = t ? source_new(task) : NULL;
    if (!s) {
        ra_table_unref(t);
        return NULL;
    }
    s->name = table;
    s->table = t;
    s->config = config;
    s->policy = policy;
    *status = RA_CLI_FAILED;
    if (make_scan(s) && open_client(task))
        return s;
    ra_warm_source_free(s);
    return NULL;
}

bool ra_warm_source_page(ra_warm_source *s, double *units)
{
    *units = 0;
    ra_ddb_page_free(&s->page);
    if (!ra_ddb_page_read(s->task, "Scan", ra_buf_bytes(&s->body), s->name, &s->from, &s->page))
        return false;
    s->begun = true;
    s->items += s->page.scanned;
    s->item = s->page.count ? s->page.items + 1 : 0;
    *units = s->page.capacity;
    return true;
}

/* By the pattern's glob, and as the proxy does it: the first pattern that matches counts. */
static bool is_wanted(const ra_warm_source *s, uint32_t value)
{
    ra_arena arena;
    ra_scalar scalar;
    ra_bytes text;
    if (!s->policy)
        return true;
    ra_arena_init(&arena, TEXT_MAX);
    bool ok = ra_scalar_read(&s->page.json, value, &arena, &scalar) &&
              ra_scalar_text(&scalar, &arena, &text) &&
              ra_table_config_policy(s->config, NULL, 0, text.p, text.n) == s->policy;
    ra_arena_free(&arena);
    return ok;
}

/* A partition's items by Query, or where a partition is one item, that by GetItem. */
static bool make_read(const ra_warm_source *s, ra_bytes value, const char **operation, ra_buf *body)
{
    *operation = s->table->sort_key ? "Query" : "GetItem";
    ra_buf_add_z(body, "{\"TableName\":");
    ra_buf_add_json_string(body, ra_bytes_z(s->name));
    ra_buf_add_z(body, s->table->sort_key
                           ? ",\"KeyConditionExpression\":\"#p = :p\",\"ExpressionAttributeNames\""
                             ":{\"#p\":"
                           : ",\"Key\":{");
    ra_buf_add_json_string(body, ra_bytes_z(s->table->partition_key));
    ra_buf_add_z(body, s->table->sort_key ? "},\"ExpressionAttributeValues\":{\":p\":" : ":");
    ra_buf_add_bytes(body, value);
    return ra_buf_add_z(body, "}}");
}

static enum ra_warm_step next_partition(ra_warm_source *s, const char **operation, ra_buf *body)
{
    const ra_json *j = &s->page.json;
    while (s->item && s->item < j->t[s->page.items].next) {
        uint32_t value = ra_json_member_bytes(j, s->item, ra_bytes_z(s->table->partition_key));
        s->item = j->t[s->item].next;
        ra_bytes raw = value == RA_JSON_NONE ? (ra_bytes){NULL, 0} : ra_json_raw(j, value);
        if (raw.n == 0 || ra_bytes_eq(raw, ra_buf_bytes(&s->last)))
            continue;
        ra_buf_clear(&s->last);
        ra_buf_add_bytes(&s->last, raw);
        if (is_wanted(s, value))
            return make_read(s, raw, operation, body) ? RA_WARM_REQUEST : RA_WARM_WRONG;
    }
    s->item = 0;
    return !s->begun || s->from.n ? RA_WARM_PAGE : RA_WARM_END;
}

enum ra_warm_step ra_warm_source_next(ra_warm_source *s, const char **operation, ra_buf *body)
{
    ra_buf_clear(body);
    return s->in ? next_line(s, operation, body) : next_partition(s, operation, body);
}
