/* BatchGetItem: each key is the entry of a GetItem with its table's options; only what is missing goes
 * upstream. */
#include "proxy/op_plan.h"

#include <stdlib.h>

enum { B_KEYS, B_CONSISTENT, B_PROJECTION, B_NAMES, B_ATTRIBUTES, B_MEMBERS };

static const char *const MEMBERS[B_MEMBERS] = {"Keys", "ConsistentRead", "ProjectionExpression",
                                               "ExpressionAttributeNames", "AttributesToGet"};

/* A BatchGetItem being planned. */
typedef struct batch {
    ra_op *op;
    ra_batch_get *plan;
    ra_key *units; /* of all keys whose table is known, to find duplicates */
    size_t nunits;
    bool no_memory;
    ra_uncached *uncached; /* the keys that have no part */
    size_t nuncached;
} batch;

/* ---- one table ---- */

/* Does AttributesToGet name this attribute? */
static bool listed(const ra_json *j, uint32_t list, const char *attribute)
{
    for (uint32_t i = list + 1; i < j->t[list].next; i = j->t[i].next) {
        if (ra_json_string_is(j, i, attribute))
            return true;
    }
    return false;
}

/* Will the reply's items hold this key attribute, by which they are told apart? */
static bool projected(const ra_op *op, const uint32_t *tok, ra_expr *e, const char *attribute)
{
    const ra_json *j = &op->json;
    ra_bytes text;
    if (tok[B_ATTRIBUTES] != RA_JSON_NONE)
        return ra_json_is(j, tok[B_ATTRIBUTES], RA_JSON_ARRAY) && listed(j, tok[B_ATTRIBUTES], attribute);
    return tok[B_PROJECTION] == RA_JSON_NONE || (ra_json_string(j, tok[B_PROJECTION], op->arena, &text) &&
                                                 ra_projection_has(e, text, ra_bytes_z(attribute)));
}

/* The options' digest, the same as a GetItem's. NULL or the reason why no key of this table has a part. */
static const char *table_options(ra_op *op, const ra_table *t, const uint32_t *tok, ra_key *out)
{
    ra_options o;
    ra_expr e;
    const ra_option_expression projection = {"ProjectionExpression", tok[B_PROJECTION]};
    ra_options_init(&o, &op->json, op->arena);
    ra_options_expressions(&o, &e, tok[B_NAMES], RA_JSON_NONE, &projection, 1);
    ra_options_json(&o, "AttributesToGet", tok[B_ATTRIBUTES]);
    const char *why = ra_options_end(&o, out);
    if (why)
        return why;
    bool keys =
        projected(op, tok, &e, t->partition_key) && (!t->sort_key || projected(op, tok, &e, t->sort_key));
    return keys ? NULL : "projection-without-key";
}

static void add_uncached(batch *b, const ra_policy *policy, const char *why)
{
    b->uncached[b->nuncached++] = (ra_uncached){policy, why};
}

/* One key of a known table. false: the batch as a whole can't be understood. */
static bool batch_key(batch *b, size_t table, uint32_t key, enum ra_consistent_read consistent,
                      const char *no_part, const ra_key *options)
{
    ra_op *op = b->op;
    const ra_op_table *t = &op->tables[table];
    ra_batch_table *bt = &b->plan->tables[table];
    ra_part *part = &op->parts[op->nparts];
    ra_scalar pk, sk;
    if (!ra_op_key(&op->json, key, t->table, true, op->arena, &pk, &sk) ||
        !ra_table_item_unit(t->table, &pk, t->table->sort_key ? &sk : NULL, &b->units[b->nunits]))
        return false;
    b->nunits++;
    const char *why = no_part ? no_part : ra_op_item_part(op, table, &pk, &sk, consistent, options, part);
    const ra_policy *policy = no_part ? ra_op_policy(op, t, NULL, &pk) : part->policy;
    if (consistent != RA_CONSISTENT_TRUE && !bt->splice)
        bt->splice = policy && policy->consistent_fill;
    if (why) {
        add_uncached(b, policy, why);
        return true;
    }
    part->key_token = key;
    op->nparts++;
    bt->n++;
    return true;
}

/* NULL, or why the batch as a whole goes upstream as it is. */
static const char *batch_table(batch *b, size_t table)
{
    ra_op *op = b->op;
    const ra_json *j = &op->json;
    ra_batch_table *bt = &b->plan->tables[table];
    const ra_op_table *t = &op->tables[table];
    uint32_t tok[B_MEMBERS];
    enum ra_consistent_read consistent;
    ra_key options;
    if (!ra_op_members(j, t->token, MEMBERS, B_MEMBERS, tok) || tok[B_KEYS] == RA_JSON_NONE ||
        !ra_json_is(j, tok[B_KEYS], RA_JSON_ARRAY) || ra_json_count(j, tok[B_KEYS]) == 0 ||
        !ra_op_consistent_read(j, tok[B_CONSISTENT], &consistent))
        return "not-understood";
    *bt = (ra_batch_table){.name = t->token - 1, .keys = tok[B_KEYS], .first = op->nparts};
    bt->nkeys = ra_json_count(j, bt->keys);
    bt->consistent = consistent == RA_CONSISTENT_TRUE;
    const char *no_part = ra_op_table_bypass(t);
    for (size_t i = 0; no_part && i < bt->nkeys; i++)
        add_uncached(b, t->config ? &t->config->policy : NULL, no_part);
    if (no_part)
        return NULL;
    no_part = table_options(op, t->table, tok, &options);
    for (uint32_t k = bt->keys + 1; k < j->t[bt->keys].next; k = j->t[k].next) {
        if (!batch_key(b, table, k, consistent, no_part, &options))
            return "key";
    }
    b->plan->spliced |= bt->splice;
    return NULL;
}

/* ---- the whole ---- */

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, RA_KEY_BYTES);
}

/* DynamoDB refuses a batch that names an item twice, also under two forms of its key. */
static bool has_duplicates(batch *b)
{
    if (b->nunits == 0)
        return false;
    qsort(b->units, b->nunits, sizeof *b->units, compare_keys);
    for (size_t i = 1; i < b->nunits; i++) {
        if (ra_key_eq(&b->units[i - 1], &b->units[i]))
            return true;
    }
    return false;
}

/* The same table under its name and its ARN: its reply's lists couldn't be told apart. */
static bool table_named_twice(const ra_op *op)
{
    for (size_t i = 0; i < op->ntables; i++) {
        for (size_t k = i + 1; k < op->ntables; k++) {
            if (ra_bytes_eq(ra_table_short_name(op->tables[i].given),
                            ra_table_short_name(op->tables[k].given)))
                return true;
        }
    }
    return false;
}

/* All keys of the batch, known tables or not; more than DynamoDB takes are counted as one too many. */
static size_t count_keys(const ra_op *op)
{
    const ra_json *j = &op->json;
    size_t n = 0;
    for (size_t i = 0; i < op->ntables; i++) {
        uint32_t keys = ra_json_member(j, op->tables[i].token, "Keys");
        if (keys != RA_JSON_NONE && ra_json_is(j, keys, RA_JSON_ARRAY))
            n += ra_json_count(j, keys);
    }
    return n;
}

static bool allocate(batch *b)
{
    ra_op *op = b->op;
    b->plan = ra_arena_alloc(op->arena, sizeof *b->plan);
    op->parts = ra_arena_array(op->arena, RA_OP_MAX_KEYS, sizeof *op->parts);
    b->units = ra_arena_array(op->arena, RA_OP_MAX_KEYS, sizeof *b->units);
    b->uncached = ra_arena_array(op->arena, RA_OP_MAX_KEYS, sizeof *b->uncached);
    if (!b->plan || !op->parts || !b->units || !b->uncached)
        return false;
    b->plan->tables = ra_arena_array(op->arena, op->ntables, sizeof *b->plan->tables);
    return b->plan->tables != NULL;
}

enum ra_op_result ra_op_plan_batch_get(ra_op *op)
{
    static const char *const TOP[] = {"RequestItems", "ReturnConsumedCapacity"};
    uint32_t tok[2];
    ra_bytes capacity;
    batch b = {.op = op};
    size_t nkeys = count_keys(op);
    if (op->ntables == 0 || !ra_op_members(&op->json, 0, TOP, 2, tok) || nkeys == 0 ||
        nkeys > RA_OP_MAX_KEYS || table_named_twice(op) || !ra_op_capacity(op, tok[1], &capacity))
        return ra_op_bypass(op, "not-understood");
    if (!allocate(&b))
        return RA_OP_NO_MEMORY;
    b.plan->indexes_asked = ra_bytes_eq_z(capacity, "INDEXES");
    for (size_t i = 0; i < op->ntables; i++) {
        const char *why = batch_table(&b, i);
        if (why)
            return ra_op_bypass(op, why);
    }
    if (has_duplicates(&b))
        return ra_op_bypass(op, "duplicate-keys");
    op->plan = b.plan;
    op->nuncached = b.nuncached;
    op->uncached = b.uncached;
    if (!ra_op_ask_capacity(op))
        return RA_OP_NO_MEMORY;
    return op->nparts ? RA_OP_OK : ra_op_bypass(op, b.uncached[0].why);
}

/* ---- the body for upstream ---- */

bool ra_batch_get_body_is_original(const ra_op *op)
{
    const ra_batch_get *plan = op->plan;
    for (size_t i = 0; i < op->nparts; i++) {
        if (!op->parts[i].upstream)
            return false;
    }
    return (!plan->spliced || op->as_asked) && !op->capacity_added;
}

void ra_batch_get_options(const ra_op *op, const ra_batch_table *t, bool without_consistent, ra_buf *out)
{
    const ra_json *j = &op->json;
    uint32_t object = t->name + 1;
    for (uint32_t i = object + 1; i < j->t[object].next; i = j->t[i + 1].next) {
        if (i + 1 == t->keys || (without_consistent && ra_json_string_is(j, i, "ConsistentRead")))
            continue;
        ra_buf_add_bytes(out, ra_json_raw(j, i));
        ra_buf_add_char(out, ':');
        ra_buf_add_bytes(out, ra_json_raw(j, i + 1));
        ra_buf_add_char(out, ',');
    }
}

/* The keys that go upstream: those that have no part, and those whose part says so. */
static void body_keys(const ra_op *op, const ra_batch_table *t, ra_buf *out)
{
    const ra_json *j = &op->json;
    const ra_part *part = op->parts + t->first, *end = part + t->n;
    const char *comma = "";
    for (uint32_t k = t->keys + 1; k < j->t[t->keys].next; k = j->t[k].next) {
        bool needed = true;
        if (part < end && part->key_token == k)
            needed = part++->upstream;
        if (!needed)
            continue;
        ra_buf_add_z(out, comma);
        ra_buf_add_bytes(out, ra_json_raw(j, k));
        comma = ",";
    }
}

static bool goes_upstream(const ra_op *op, const ra_batch_table *t)
{
    if (t->n < t->nkeys)
        return true;
    for (size_t i = 0; i < t->n; i++) {
        if (op->parts[t->first + i].upstream)
            return true;
    }
    return false;
}

bool ra_batch_get_body(const ra_op *op, ra_buf *out)
{
    const ra_batch_get *plan = op->plan;
    const char *comma = "";
    ra_buf_add_z(out, "{\"RequestItems\":{");
    for (size_t i = 0; i < op->ntables; i++) {
        const ra_batch_table *t = &plan->tables[i];
        if (!goes_upstream(op, t))
            continue;
        ra_buf_add_z(out, comma);
        bool splices = t->splice && !op->as_asked;
        ra_buf_add_bytes(out, ra_json_raw(&op->json, t->name));
        ra_buf_add_z(out, splices ? ":{\"ConsistentRead\":true," : ":{");
        ra_batch_get_options(op, t, splices, out);
        ra_buf_add_z(out, "\"Keys\":[");
        body_keys(op, t, out);
        ra_buf_add_z(out, "]}");
        comma = ",";
    }
    ra_buf_add_char(out, '}');
    uint32_t capacity = ra_json_member(&op->json, 0, "ReturnConsumedCapacity");
    if (op->capacity_added) {
        ra_buf_add_z(out, ",\"ReturnConsumedCapacity\":\"TOTAL\"");
    } else if (capacity != RA_JSON_NONE) {
        ra_buf_add_z(out, ",\"ReturnConsumedCapacity\":");
        ra_buf_add_bytes(out, ra_json_raw(&op->json, capacity));
    }
    return ra_buf_add_char(out, '}');
}
