/* From JSON to a workload. The order: what all operations share, the operations, what a table must hold. */
#include "bench/loadgen/workload.h"

#include "bench/loadgen/members.h"
#include "config/comments.h"
#include "config/document.h"
#include "config/problems.h"
#include "config/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEADERS_MAX = 32, TABLES_MAX = 16, ITEMS_MAX = 16, WEIGHT_MAX = 1000000, PER_KEY_MAX = 100000 };

#define ZIPF_MAX 10.0

/* Where they stand decides which placeholders make sense. */
#define EVERYWHERE                                                                                           \
    (RA_PLACE_BIT(RA_PLACE_TABLE) | RA_PLACE_BIT(RA_PLACE_NOW) | RA_PLACE_BIT(RA_PLACE_UUID) |               \
     RA_PLACE_BIT(RA_PLACE_RANDOM) | RA_PLACE_BIT(RA_PLACE_TEXT))
#define IN_REQUESTS (EVERYWHERE | (RA_PLACE_NUMBERS & ~RA_PLACE_BIT(RA_PLACE_N)))
#define IN_ITEMS    (EVERYWHERE | RA_PLACE_BIT(RA_PLACE_KEY) | RA_PLACE_BIT(RA_PLACE_N))
#define IN_TABLES   RA_PLACE_BIT(RA_PLACE_TABLE)

/* DynamoDB's reads; an operation that isn't one of them counts as a write, unless "kind" says otherwise. */
static const char *const reads[] = {"GetItem",          "BatchGetItem",  "Query",     "Scan",
                                    "TransactGetItems", "DescribeTable", "ListTables"};

static bool is_read(const char *operation)
{
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        if (strcmp(reads[i], operation) == 0)
            return true;
    }
    return false;
}

static bool is_token(const char *z)
{
    if (!*z)
        return false;
    for (; *z; z++) {
        if (!isalnum((unsigned char)*z) && !strchr("!#$%&'*+-.^_`|~", *z))
            return false;
    }
    return true;
}

/* Literal text that goes into a request line or a header as it is. */
static bool literal_fits(const ra_template *t, bool path)
{
    for (size_t i = 0; i < t->n; i++) {
        for (size_t k = 0; t->parts[i].slot < 0 && k < t->parts[i].len; k++) {
            unsigned char c = (unsigned char)t->parts[i].text[k];
            if (c < ' ' || c == 127 || (path && (c == ' ' || c > 126 || c == '#')))
                return false;
        }
    }
    return true;
}

/* Headers that are made for each request: those that frame it, and those that sign it. */
static bool is_own(const char *name, bool wire)
{
    static const char *const framing[] = {"Content-Length", "Host", "Transfer-Encoding", "Connection",
                                          "Expect"};
    for (size_t i = 0; i < sizeof framing / sizeof *framing; i++) {
        if (strcasecmp(name, framing[i]) == 0)
            return true;
    }
    return wire && (strcasecmp(name, "Content-Type") == 0 || strcasecmp(name, "Authorization") == 0 ||
                    strcasecmp(name, "X-Amz-Target") == 0 || strcasecmp(name, "X-Amz-Date") == 0 ||
                    strcasecmp(name, "X-Amz-Security-Token") == 0);
}

static void read_headers(ra_decoder *d, const ra_place *in, const ra_template_names *names, ra_operation *o)
{
    ra_place at;
    size_t n = 0;
    if (!ra_decode_member(d, in, "headers", &at))
        return;
    if (!cJSON_IsObject(at.node) || cJSON_GetArraySize(at.node) > HEADERS_MAX) {
        ra_decode_error(d, &at, "accepted: an object of at most %d headers", (int)HEADERS_MAX);
        return;
    }
    ra_extra_header *v = ra_decode_array(d, HEADERS_MAX, sizeof *v);
    for (const cJSON *c = at.node->child; v && c; c = c->next) {
        ra_place member = {.up = &at, .name = c->string, .node = c};
        v[n].name = ra_decode_strdup(d, c->string);
        if (!is_token(c->string) || is_own(c->string, o->target != NULL))
            ra_decode_error(d, &member, "accepted: a header's name, but none that every such request has");
        else if (ra_decode_template(d, &member, names, &v[n].value) && !literal_fits(&v[n].value, false))
            ra_decode_error(d, &member, "accepted: a text without control characters");
        n++;
    }
    o->headers = v;
    o->nheaders = n;
}

static void read_wire(ra_decoder *d, const ra_place *at, const char *operation,
                      const ra_template_names *names, ra_operation *o)
{
    static const char *const not_here[] = {"method", "path", "body", "text"};
    ra_place member;
    for (size_t i = 0; i < sizeof not_here / sizeof *not_here; i++) {
        if (ra_decode_member(d, at, not_here[i], &member))
            ra_decode_error(d, &member, "an operation of DynamoDB has none; accepted: \"request\"");
    }
    if (!is_token(operation)) {
        ra_decode_member(d, at, "operation", &member);
        ra_decode_error(d, &member, "accepted: the name of an operation, such as Query");
    }
    o->target = ra_pool_printf(d->pool, "DynamoDB_20120810.%s", operation);
    d->no_memory |= !o->target;
    o->method = "POST";
    o->write = !is_read(operation);
    if (ra_decode_member(d, at, "request", &member))
        ra_decode_document(d, &member, names, &o->body);
    else
        ra_decode_error(d, &member,
                        "it must be given; accepted: what the operation takes, with placeholders");
}

static void read_plain(ra_decoder *d, const ra_place *at, const ra_template_names *names, ra_operation *o)
{
    ra_place member;
    if (ra_decode_member(d, at, "request", &member))
        ra_decode_error(d, &member,
                        "it belongs to an \"operation\" of DynamoDB; accepted: method, path, body");
    o->method = ra_members_text(d, at, "method", "GET");
    if (o->method && !is_token(o->method))
        ra_decode_error(d, at, "the method isn't one; accepted: GET, POST, ...");
    o->write = o->method && strcmp(o->method, "GET") != 0 && strcmp(o->method, "HEAD") != 0;
    if (ra_decode_member(d, at, "path", &member) && ra_decode_template(d, &member, names, &o->path) &&
        !literal_fits(&o->path, true))
        ra_decode_error(d, &member, "accepted: a path and query as they are sent, percent-encoded");
    bool json = ra_decode_member(d, at, "body", &member);
    if (json)
        ra_decode_document(d, &member, names, &o->body);
    if (ra_decode_member(d, at, "text", &member) && ra_decode_template(d, &member, names, &o->text) && json)
        ra_decode_error(d, &member, "accepted: \"body\" (JSON) or \"text\" (bytes as they are), not both");
}

static const char *const distributions[] = {"zipf", "uniform", "latest", "seq", NULL};

static void read_keys(ra_decoder *d, const ra_place *at, const ra_workload *w, ra_operation *o)
{
    o->distribution = (enum ra_placeholder_kind)(RA_PLACE_ZIPF +
                                                 ra_members_choice(d, at, "distribution", distributions, 0));
    o->from = ra_members_part(d, at, "from", w->keys, 0);
    o->keys = ra_members_part(d, at, "keys", w->keys, w->keys - (o->from < w->keys ? o->from : 0));
    o->zipf = ra_members_number(d, at, "zipf", ZIPF_MAX, w->zipf);
    if (o->keys == 0)
        o->keys = 1; /* a small share of few keys */
    if (o->from + o->keys > w->keys)
        ra_decode_error(d, at,
                        "from and keys go beyond the workload's keys; accepted: at most as many together");
    ra_zipf_init(&o->law, o->keys, o->zipf);
}

static void read_operation(ra_decoder *d, const ra_place *at, const ra_workload *w, ra_operation *o)
{
    static const char *const members[] = {"name",         "weight", "kind", "operation", "request",
                                          "method",       "path",   "body", "text",      "headers",
                                          "distribution", "from",   "keys", "zipf",      NULL};
    static const char *const kinds[] = {"read", "write", NULL};
    ra_template_names names = {.find = ra_placeholder_find, .arg = &o->places};
    o->places.accepted = IN_REQUESTS;
    if (!ra_members_check(d, at, members))
        return;
    const char *operation = ra_members_text(d, at, "operation", NULL);
    if (operation)
        read_wire(d, at, operation, &names, o);
    else
        read_plain(d, at, &names, o);
    read_headers(d, at, &names, o);
    o->name = ra_members_text(d, at, "name", operation ? operation : o->method);
    o->weight = (unsigned)ra_members_whole(d, at, "weight", 1, WEIGHT_MAX, 1);
    o->write = ra_members_choice(d, at, "kind", kinds, o->write) == 1;
    read_keys(d, at, w, o);
}

static void read_operations(ra_decoder *d, const ra_place *root, ra_workload *w)
{
    ra_place list, at;
    size_t n = ra_members_array(d, root, "operations", RA_OPERATIONS_MAX, &list);
    if (n == 0 && (!list.node || cJSON_IsArray(list.node)) && cJSON_GetArraySize(list.node) == 0)
        ra_decode_error(d, &list, "it must be given; accepted: an array of at least one operation");
    if (n == 0)
        return;
    w->operations = ra_decode_array(d, n, sizeof *w->operations);
    for (const cJSON *c = list.node->child; w->operations && c; c = c->next) {
        at = (ra_place){.up = &list, .index = (int)w->n, .node = c};
        ra_operation *o = &w->operations[w->n++];
        read_operation(d, &at, w, o);
        w->weights += o->weight;
        w->used |= ra_placeholder_used(&o->places);
    }
    if (ra_decode_member(d, root, "before", &at)) {
        w->before = ra_decode_array(d, 1, sizeof *w->before);
        if (w->before)
            read_operation(d, &at, w, w->before);
        if (!w->rounds)
            ra_decode_error(d, &at,
                            "only rounds have something before them; accepted: \"rounds\": true beside it");
    }
}

static void read_tables(ra_decoder *d, const ra_place *prepare, ra_workload *w)
{
    ra_place list;
    size_t n = ra_members_array(d, prepare, "tables", TABLES_MAX, &list);
    if (n == 0)
        return;
    w->tables = ra_decode_array(d, n, sizeof *w->tables);
    w->table_places = ra_decode_array(d, n, sizeof *w->table_places);
    for (const cJSON *c = list.node->child; w->tables && w->table_places && c; c = c->next) {
        ra_place at = {.up = &list, .index = (int)w->ntables, .node = c};
        ra_placeholders *places = &w->table_places[w->ntables];
        ra_template_names names = {.find = ra_placeholder_find, .arg = places};
        places->accepted = IN_TABLES;
        ra_decode_document(d, &at, &names, &w->tables[w->ntables++]);
        w->used |= ra_placeholder_used(places);
    }
}

static void read_item(ra_decoder *d, const ra_place *at, ra_workload *w, ra_prepared_items *out)
{
    static const char *const members[] = {"item", "keys", "per_key", NULL};
    ra_template_names names = {.find = ra_placeholder_find, .arg = &out->places};
    ra_place item;
    out->places.accepted = IN_ITEMS;
    if (!ra_members_check(d, at, members))
        return;
    out->keys = ra_members_part(d, at, "keys", w->keys, w->keys);
    out->per_key = (unsigned)ra_members_whole(d, at, "per_key", 1, PER_KEY_MAX, 1);
    if (ra_decode_member(d, at, "item", &item))
        ra_decode_document(d, &item, &names, &out->item);
    else
        ra_decode_error(d, &item, "it must be given; accepted: the attributes of an item, with placeholders");
    w->used |= ra_placeholder_used(&out->places);
}

static void read_prepare(ra_decoder *d, const ra_place *root, ra_workload *w)
{
    static const char *const members[] = {"tables", "items", NULL};
    ra_place prepare, list;
    if (!ra_decode_member(d, root, "prepare", &prepare) || !ra_members_check(d, &prepare, members))
        return;
    read_tables(d, &prepare, w);
    size_t n = ra_members_array(d, &prepare, "items", ITEMS_MAX, &list);
    w->items = n ? ra_decode_array(d, n, sizeof *w->items) : NULL;
    for (const cJSON *c = w->items ? list.node->child : NULL; c; c = c->next) {
        ra_place at = {.up = &list, .index = (int)w->nitems, .node = c};
        read_item(d, &at, w, &w->items[w->nitems++]);
    }
    if (w->nitems && !*w->table)
        ra_decode_error(d, &prepare, "items need a table; accepted: \"table\" at the top level");
}

static void read_root(ra_decoder *d, const cJSON *node, const ra_workload_changes *c, ra_workload *w)
{
    static const char *const members[] = {"table",  "keys",    "zipf",       "item_size", "rounds",
                                          "before", "prepare", "operations", NULL};
    ra_place root = {.node = node};
    if (!ra_members_check(d, &root, members))
        return;
    w->table = ra_members_text(d, &root, "table", "");
    if (c->table)
        w->table = ra_decode_strdup(d, c->table);
    w->keys = ra_members_whole(d, &root, "keys", 1, RA_WORKLOAD_KEYS_MAX, 1);
    w->keys = c->keys ? c->keys : w->keys;
    w->zipf = ra_members_number(d, &root, "zipf", ZIPF_MAX, 0.99);
    w->zipf = c->zipf >= 0 ? c->zipf : w->zipf;
    w->item_size = (unsigned)ra_members_whole(d, &root, "item_size", 1, RA_PLACE_RANDOM_MAX, 100);
    w->item_size = c->item_size ? c->item_size : w->item_size;
    w->rounds = ra_members_bool(d, &root, "rounds", false);
    read_operations(d, &root, w);
    if (w->before)
        w->used |= ra_placeholder_used(&w->before->places);
    if (!d->no_memory)
        read_prepare(d, &root, w);
    if ((w->used & RA_PLACE_BIT(RA_PLACE_TABLE)) && w->table && !*w->table)
        ra_decode_error(d, &root, "{table} is used and there is none; accepted: \"table\" at the top level");
}

static void read_text(ra_decoder *d, char *text, size_t len, const ra_workload_changes *c, ra_workload *w)
{
    char error[RA_SCAN_ERROR_MAX];
    int line = ra_comments_blank(text, len);
    cJSON *root = NULL;
    if (line)
        ra_problems_add_file(d->problems, line, "the comment that begins here isn't closed");
    else if (!ra_locator_read(d->locator, text, len, &line, error))
        ra_problems_add_file(d->problems, line, "%s", error);
    else if (!(root = cJSON_ParseWithLength(text, len)) || !ra_locator_bind(d->locator, root))
        d->no_memory = true;
    else
        read_root(d, root, c, w);
    ra_locator_free(d->locator);
    cJSON_Delete(root);
}

ra_workload *ra_workload_read(const char *text, size_t len, const char *folder,
                              const ra_workload_changes *changes, ra_problems *problems)
{
    *problems = (ra_problems){0};
    ra_workload *w = calloc(1, sizeof *w);
    char *copy = malloc(len + 1);
    ra_locator locator = {0};
    ra_decoder d = {.problems = problems, .locator = &locator, .folder = folder};
    if (w && copy) {
        d.pool = &w->pool;
        memcpy(copy, text, len);
        copy[len] = '\0';
        read_text(&d, copy, len, changes, w);
    }
    free(copy);
    if (!w || !copy || d.no_memory)
        ra_problems_add_file(problems, 0, "out of memory");
    ra_problems_sort(problems);
    if (problems->errors == 0)
        return w;
    ra_workload_free(w);
    return NULL;
}

void ra_workload_free(ra_workload *w)
{
    if (!w)
        return;
    ra_pool_free(&w->pool);
    free(w);
}
