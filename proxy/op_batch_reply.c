/* BatchGetItem's replies: the client's reply, put together from the cache's items and upstream's. */
#include "proxy/op_plan.h"

/* DynamoDB answers with at most 16 MB of items and leaves the rest to UnprocessedKeys. */
enum { REPLY_MAX = 16 << 20 };

/* Does a value in such a map belong to one of the operation's tables? */
static bool is_ours(const ra_op *op, const ra_json *j, uint32_t map, uint32_t value)
{
    for (size_t i = 0; i < op->ntables; i++) {
        if (ra_batch_get_of_table(op, j, map, i) == value)
            return true;
    }
    return false;
}

/* A reply being put together. */
typedef struct assembly {
    ra_op *op;
    const ra_batch_get *plan;
    const ra_json *up;            /* NULL: nothing went upstream */
    uint32_t items, rest;         /* upstream's Responses and UnprocessedKeys */
    bool spilled[RA_OP_MAX_KEYS]; /* parts left to UnprocessedKeys since the reply is full */
    size_t size;                  /* of the items so far */
    ra_buf *out;
} assembly;

/* What stands between an array's brackets. */
static ra_bytes inner(const ra_json *j, uint32_t array)
{
    ra_bytes raw = ra_json_raw(j, array);
    return (ra_bytes){raw.p + 1, raw.n - 2};
}

/* Decides which cached items still fit; at least one item is always in the reply. */
static void spill(assembly *a)
{
    a->size = a->up ? a->up->text.n : 0;
    for (size_t i = 0; i < a->op->nparts; i++) {
        const ra_part *p = &a->op->parts[i];
        size_t n = p->upstream || !p->look.payload ? 0 : ra_op_payload_item(p->look.payload).n;
        a->spilled[i] = n > 0 && a->size > 0 && a->size + n > REPLY_MAX;
        if (!a->spilled[i])
            a->size += n;
    }
}

static void add_table_name(assembly *a, size_t table, const char **comma)
{
    ra_buf_add_z(a->out, *comma);
    ra_buf_add_bytes(a->out, ra_json_raw(&a->op->json, a->plan->tables[table].name));
    ra_buf_add_char(a->out, ':');
    *comma = ",";
}

/* Members of one of upstream's maps that belong to no table that we know: as they are. */
static void add_foreign(assembly *a, uint32_t map, const char **comma)
{
    if (map == RA_JSON_NONE)
        return;
    for (uint32_t i = map + 1; i < a->up->t[map].next; i = a->up->t[i + 1].next) {
        if (is_ours(a->op, a->up, map, i + 1))
            continue;
        ra_buf_add_z(a->out, *comma);
        ra_buf_add_bytes(a->out, ra_json_raw(a->up, i));
        ra_buf_add_char(a->out, ':');
        ra_buf_add_bytes(a->out, ra_json_raw(a->up, i + 1));
        *comma = ",";
    }
}

/* One table's items: upstream's, then the cache's. */
static void add_items(assembly *a, size_t table)
{
    const ra_batch_table *t = &a->plan->tables[table];
    uint32_t list = a->up ? ra_batch_get_of_table(a->op, a->up, a->items, table) : RA_JSON_NONE;
    const char *comma = "";
    ra_buf_add_char(a->out, '[');
    if (list != RA_JSON_NONE && ra_json_count(a->up, list) > 0) {
        ra_buf_add_bytes(a->out, inner(a->up, list));
        comma = ",";
    }
    for (size_t i = t->first; i < t->first + t->n; i++) {
        const ra_part *p = &a->op->parts[i];
        ra_bytes item = {NULL, 0};
        if (!p->upstream && p->look.payload && !a->spilled[i])
            item = ra_op_payload_item(p->look.payload);
        if (item.n == 0)
            continue;
        ra_buf_add_z(a->out, comma);
        ra_buf_add_bytes(a->out, item);
        comma = ",";
    }
    ra_buf_add_char(a->out, ']');
}

static void add_responses(assembly *a)
{
    const char *comma = "";
    ra_buf_add_z(a->out, "\"Responses\":{");
    for (size_t i = 0; i < a->op->ntables; i++) {
        add_table_name(a, i, &comma);
        add_items(a, i);
    }
    if (a->up)
        add_foreign(a, a->items, &comma);
    ra_buf_add_char(a->out, '}');
}

/* One table's unprocessed keys, upstream's and spilled ones, with the client's own options. */
static void add_unprocessed_table(assembly *a, size_t table, const char **comma)
{
    const ra_batch_table *t = &a->plan->tables[table];
    uint32_t rest = a->up ? ra_batch_get_of_table(a->op, a->up, a->rest, table) : RA_JSON_NONE;
    uint32_t keys = rest == RA_JSON_NONE ? RA_JSON_NONE : ra_json_member(a->up, rest, "Keys");
    const char *between = "";
    bool any = keys != RA_JSON_NONE && ra_json_count(a->up, keys) > 0;
    for (size_t i = t->first; i < t->first + t->n; i++)
        any |= a->spilled[i];
    if (!any)
        return;
    add_table_name(a, table, comma);
    ra_buf_add_char(a->out, '{');
    ra_batch_get_options(a->op, t, false, a->out);
    ra_buf_add_z(a->out, "\"Keys\":[");
    if (keys != RA_JSON_NONE && ra_json_count(a->up, keys) > 0) {
        ra_buf_add_bytes(a->out, inner(a->up, keys));
        between = ",";
    }
    for (size_t i = t->first; i < t->first + t->n; i++) {
        if (!a->spilled[i])
            continue;
        ra_buf_add_z(a->out, between);
        ra_buf_add_bytes(a->out, ra_json_raw(&a->op->json, a->op->parts[i].key_token));
        between = ",";
    }
    ra_buf_add_z(a->out, "]}");
}

static void add_unprocessed(assembly *a)
{
    const char *comma = "";
    ra_buf_add_z(a->out, ",\"UnprocessedKeys\":{");
    for (size_t i = 0; i < a->op->ntables; i++)
        add_unprocessed_table(a, i, &comma);
    if (a->up)
        add_foreign(a, a->rest, &comma);
    ra_buf_add_char(a->out, '}');
}

/* Was every key of this table answered by the cache? */
static bool all_cached(const assembly *a, size_t table)
{
    const ra_batch_table *t = &a->plan->tables[table];
    if (t->n < t->nkeys)
        return false;
    for (size_t i = t->first; i < t->first + t->n; i++) {
        if (a->op->parts[i].upstream)
            return false;
    }
    return true;
}

/* Upstream's list of what was consumed, and 0 for the tables that the cache answered alone. */
static void add_capacity(assembly *a)
{
    uint32_t list = a->up ? ra_json_member(a->up, 0, "ConsumedCapacity") : RA_JSON_NONE;
    const char *comma = "";
    if (!a->op->capacity_asked)
        return;
    ra_buf_add_z(a->out, ",\"ConsumedCapacity\":[");
    if (list != RA_JSON_NONE && ra_json_is(a->up, list, RA_JSON_ARRAY) && ra_json_count(a->up, list) > 0) {
        ra_buf_add_bytes(a->out, inner(a->up, list));
        comma = ",";
    }
    for (size_t i = 0; i < a->op->ntables; i++) {
        if (!all_cached(a, i))
            continue;
        ra_buf_addf(a->out, "%s{\"TableName\":", comma);
        ra_buf_add_bytes(a->out, ra_json_raw(&a->op->json, a->plan->tables[i].name));
        ra_buf_add_z(a->out, ",\"CapacityUnits\":0.0");
        ra_buf_add_z(a->out, a->plan->indexes_asked ? ",\"Table\":{\"CapacityUnits\":0.0}}" : "}");
        comma = ",";
    }
    ra_buf_add_char(a->out, ']');
}

/* Top-level members of upstream's reply that aren't put together here: as they are. */
static void add_other_members(assembly *a)
{
    const ra_json *j = a->up;
    for (uint32_t i = 1; i < j->t[0].next; i = j->t[i + 1].next) {
        if (ra_json_string_is(j, i, "Responses") || ra_json_string_is(j, i, "UnprocessedKeys") ||
            (a->op->capacity_asked && ra_json_string_is(j, i, "ConsumedCapacity")))
            continue;
        ra_buf_add_char(a->out, ',');
        ra_buf_add_bytes(a->out, ra_json_raw(j, i));
        ra_buf_add_char(a->out, ':');
        ra_buf_add_bytes(a->out, ra_json_raw(j, i + 1));
    }
}

static bool any_cached(const ra_op *op)
{
    for (size_t i = 0; i < op->nparts; i++) {
        if (!op->parts[i].upstream)
            return true;
    }
    return false;
}

/* Are all values of a map by table name of this type? Absent counts as empty. */
static bool map_of(const ra_json *j, uint32_t map, enum ra_json_type type)
{
    if (map == RA_JSON_NONE)
        return true;
    if (!ra_json_is(j, map, RA_JSON_OBJECT))
        return false;
    for (uint32_t i = map + 1; i < j->t[map].next; i = j->t[i + 1].next) {
        if (!ra_json_is(j, i + 1, type))
            return false;
        uint32_t keys = type == RA_JSON_OBJECT ? ra_json_member(j, i + 1, "Keys") : RA_JSON_NONE;
        if (type == RA_JSON_OBJECT && (keys == RA_JSON_NONE || !ra_json_is(j, keys, RA_JSON_ARRAY)))
            return false;
    }
    return true;
}

/* Puts the reply together; `up` is upstream's, or NULL. */
static bool assemble(ra_op *op, const ra_json *up, ra_buf *out)
{
    assembly a = {.op = op, .plan = op->plan, .up = up, .out = out};
    if (up) {
        a.items = ra_json_member(up, 0, "Responses");
        a.rest = ra_json_member(up, 0, "UnprocessedKeys");
        if (a.items == RA_JSON_NONE || !map_of(up, a.items, RA_JSON_ARRAY) ||
            !map_of(up, a.rest, RA_JSON_OBJECT))
            return false;
        if (!any_cached(op) && (a.rest == RA_JSON_NONE || ra_json_count(up, a.rest) == 0))
            return ra_buf_add_bytes(out, up->text);
    }
    spill(&a);
    ra_buf_add_char(out, '{');
    add_responses(&a);
    add_unprocessed(&a);
    add_capacity(&a);
    if (up)
        add_other_members(&a);
    return ra_buf_add_char(out, '}');
}

/* The same for a reader whose reply another request has paid for. */
static bool assemble_unpaid(ra_op *op, const ra_json *paid, ra_buf *out)
{
    ra_buf b;
    ra_json j;
    ra_buf_init(&b, paid->text.n * 2 + 64);
    bool ok = ra_op_zero_capacity(paid, op->arena, &b) &&
              ra_op_reply_parse(ra_buf_bytes(&b), RA_BATCH_REPLY_DEPTH, &j);
    if (ok) {
        ok = assemble(op, &j, out);
        ra_json_free(&j);
    }
    ra_buf_free(&b);
    return ok;
}

bool ra_batch_get_rewrites(const ra_op *op, bool coalesced)
{
    const ra_batch_get *plan = op->plan;
    return plan->spliced || any_cached(op) || (coalesced && op->capacity_asked);
}

bool ra_batch_get_reply(ra_op *op, const ra_http_reply *reply, bool coalesced, ra_buf *out)
{
    ra_json j;
    if (!reply)
        return assemble(op, NULL, out);
    if (reply->status != 200 || !ra_op_reply_parse(ra_op_reply_body(reply), RA_BATCH_REPLY_DEPTH, &j))
        return false;
    bool ok = coalesced && op->capacity_asked ? assemble_unpaid(op, &j, out) : assemble(op, &j, out);
    ra_json_free(&j);
    return ok;
}
