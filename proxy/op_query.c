/* Query: the partition that it reads, found with certainty or not at all, and its canonical form. */
#include "proxy/op_plan.h"

enum {
    Q_TABLE,
    Q_INDEX,
    Q_KEY_EXPRESSION,
    Q_KEY_CONDITIONS,
    Q_FILTER_EXPRESSION,
    Q_QUERY_FILTER,
    Q_OPERATOR,
    Q_PROJECTION,
    Q_ATTRIBUTES,
    Q_NAMES,
    Q_VALUES,
    Q_SELECT,
    Q_LIMIT,
    Q_START,
    Q_FORWARD,
    Q_CONSISTENT,
    Q_CAPACITY,
    Q_MEMBERS
};

static const char *const MEMBERS[Q_MEMBERS] = {
    [Q_TABLE] = "TableName",
    [Q_INDEX] = "IndexName",
    [Q_KEY_EXPRESSION] = "KeyConditionExpression",
    [Q_KEY_CONDITIONS] = "KeyConditions",
    [Q_FILTER_EXPRESSION] = "FilterExpression",
    [Q_QUERY_FILTER] = "QueryFilter",
    [Q_OPERATOR] = "ConditionalOperator",
    [Q_PROJECTION] = "ProjectionExpression",
    [Q_ATTRIBUTES] = "AttributesToGet",
    [Q_NAMES] = "ExpressionAttributeNames",
    [Q_VALUES] = "ExpressionAttributeValues",
    [Q_SELECT] = "Select",
    [Q_LIMIT] = "Limit",
    [Q_START] = "ExclusiveStartKey",
    [Q_FORWARD] = "ScanIndexForward",
    [Q_CONSISTENT] = "ConsistentRead",
    [Q_CAPACITY] = "ReturnConsumedCapacity",
};

/* A Query being planned. */
typedef struct query {
    ra_op *op;
    const ra_op_table *t;
    uint32_t tok[Q_MEMBERS];
    enum ra_consistent_read consistent;
    ra_bytes capacity;
    const ra_table_index *index; /* NULL: the table itself */
    ra_expr expr;
} query;

static bool absent_or(const ra_json *j, uint32_t token, enum ra_json_type type)
{
    return token == RA_JSON_NONE || ra_json_is(j, token, type);
}

/* Members of the types that they must have; all that isn't left to the canonical form. */
static bool understood(query *q)
{
    const ra_json *j = &q->op->json;
    const uint32_t *tok = q->tok;
    return ra_op_members(j, 0, MEMBERS, Q_MEMBERS, q->tok) && ra_json_is(j, tok[Q_TABLE], RA_JSON_STRING) &&
           absent_or(j, tok[Q_INDEX], RA_JSON_STRING) && absent_or(j, tok[Q_SELECT], RA_JSON_STRING) &&
           absent_or(j, tok[Q_LIMIT], RA_JSON_NUMBER) && absent_or(j, tok[Q_START], RA_JSON_OBJECT) &&
           absent_or(j, tok[Q_OPERATOR], RA_JSON_STRING) && absent_or(j, tok[Q_ATTRIBUTES], RA_JSON_ARRAY) &&
           (absent_or(j, tok[Q_FORWARD], RA_JSON_TRUE) || ra_json_is(j, tok[Q_FORWARD], RA_JSON_FALSE)) &&
           ra_op_consistent_read(j, tok[Q_CONSISTENT], &q->consistent) &&
           ra_op_capacity(q->op, tok[Q_CAPACITY], &q->capacity) &&
           (tok[Q_KEY_EXPRESSION] == RA_JSON_NONE) != (tok[Q_KEY_CONDITIONS] == RA_JSON_NONE);
}

/* false: an index that isn't known. */
static bool find_index(query *q)
{
    ra_bytes name;
    if (q->tok[Q_INDEX] == RA_JSON_NONE)
        return true;
    if (!ra_json_string(&q->op->json, q->tok[Q_INDEX], q->op->arena, &name))
        return false;
    q->index = ra_table_find_index(q->t->table, name);
    return q->index != NULL;
}

/* Select's default doesn't count. */
static bool select_is_default(const query *q)
{
    const ra_json *j = &q->op->json;
    if (q->tok[Q_SELECT] == RA_JSON_NONE)
        return true;
    if (q->tok[Q_PROJECTION] != RA_JSON_NONE || q->tok[Q_ATTRIBUTES] != RA_JSON_NONE)
        return false;
    return ra_json_string_is(j, q->tok[Q_SELECT], q->index ? "ALL_PROJECTED_ATTRIBUTES" : "ALL_ATTRIBUTES");
}

/* The digest of all that the reply depends on. NULL or the reason of the bypass. */
static const char *query_options(query *q, ra_key *out)
{
    const uint32_t *tok = q->tok;
    const ra_json *j = &q->op->json;
    const ra_option_expression expressions[] = {{"KeyConditionExpression", tok[Q_KEY_EXPRESSION]},
                                                {"FilterExpression", tok[Q_FILTER_EXPRESSION]},
                                                {"ProjectionExpression", tok[Q_PROJECTION]}};
    ra_options o;
    ra_options_init(&o, j, q->op->arena);
    if (q->index)
        ra_options_text(&o, "IndexName", ra_bytes_z(q->index->name));
    ra_options_expressions(&o, &q->expr, tok[Q_NAMES], tok[Q_VALUES], expressions,
                           sizeof expressions / sizeof *expressions);
    static const int AS_THEY_ARE[] = {Q_KEY_CONDITIONS, Q_QUERY_FILTER, Q_OPERATOR, Q_ATTRIBUTES, Q_LIMIT};
    for (size_t i = 0; i < sizeof AS_THEY_ARE / sizeof *AS_THEY_ARE; i++)
        ra_options_json(&o, MEMBERS[AS_THEY_ARE[i]], tok[AS_THEY_ARE[i]]);
    if (!select_is_default(q))
        ra_options_json(&o, MEMBERS[Q_SELECT], tok[Q_SELECT]);
    ra_options_key_map(&o, MEMBERS[Q_START], tok[Q_START]);
    if (ra_json_is(j, tok[Q_FORWARD], RA_JSON_FALSE))
        ra_options_text(&o, MEMBERS[Q_FORWARD], RA_BYTES("false"));
    if (q->op->capacity_asked) { /* the reply repeats the table's name as it was given */
        ra_options_text(&o, MEMBERS[Q_CAPACITY], q->capacity);
        ra_options_text(&o, MEMBERS[Q_TABLE], q->t->given);
    }
    return ra_options_end(&o, out);
}

/* Legacy: {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [one]}}. */
static bool legacy_partition(const query *q, const char *attribute, ra_scalar *out)
{
    const ra_json *j = &q->op->json;
    static const char *const CONDITION[] = {"ComparisonOperator", "AttributeValueList"};
    uint32_t tok[2], map = q->tok[Q_KEY_CONDITIONS];
    uint32_t condition = ra_json_member_bytes(j, map, ra_bytes_z(attribute));
    return condition != RA_JSON_NONE && ra_op_members(j, condition, CONDITION, 2, tok) &&
           ra_json_string_is(j, tok[0], "EQ") && ra_json_is(j, tok[1], RA_JSON_ARRAY) &&
           ra_json_count(j, tok[1]) == 1 && ra_scalar_read(j, tok[1] + 1, q->op->arena, out);
}

/* The value of the partition key. false: not to be told with certainty. */
static bool find_partition(query *q, ra_scalar *pk)
{
    const ra_table *t = q->t->table;
    bool global = q->index && q->index->global;
    const char *attribute = global ? q->index->partition_key : t->partition_key;
    ra_bytes text;
    if (q->tok[Q_KEY_CONDITIONS] != RA_JSON_NONE) {
        if (!legacy_partition(q, attribute, pk))
            return false;
    } else if (!ra_json_string(&q->op->json, q->tok[Q_KEY_EXPRESSION], q->op->arena, &text) ||
               !ra_key_condition_partition(&q->expr, text, ra_bytes_z(attribute), pk)) {
        return false;
    }
    return global || t->partition_key_type == 0 || t->partition_key_type == (char)pk->type;
}

/* Why this partition isn't cached. NULL: it may be. */
static const char *query_refused(const query *q, const ra_policy *policy)
{
    bool global = q->index && q->index->global;
    const char *why = ra_op_uncached(q->t, policy);
    if (q->consistent == RA_CONSISTENT_TRUE && (global || !ra_op_serves_consistent(q->t, policy)))
        return "consistent-read";
    if (why)
        return why;
    if (!q->t->table->active)
        return "table-not-active";
    return q->index && !q->index->active ? "index-not-active" : NULL;
}

/* Fills the part. NULL or the reason of the bypass. */
static const char *query_part(query *q, ra_part *part)
{
    ra_key options;
    const ra_table *t = q->t->table;
    const ra_table_index *index = q->index;
    bool global = index && index->global;
    if (q->index && !q->index->understood)
        return "index-not-understood";
    const char *why = query_options(q, &options);
    if (why)
        return why;
    if (!find_partition(q, &part->pk))
        return "partition";
    part->policy = ra_op_policy(q->op, q->t, q->index ? q->index->name : NULL, &part->pk);
    if (!part->policy)
        return "no-memory";
    if ((why = query_refused(q, part->policy)))
        return why;
    part->look.guard[0] = t->key;
    part->look.nguards = 1;
    if (global)
        part->look.guard[part->look.nguards++] = index->guard;
    bool ok = global ? ra_table_index_partition_unit(t, index, &part->pk, &part->look.unit)
                     : ra_table_partition_unit(t, &part->pk, &part->look.unit);
    if (!ok || !ra_op_request_digest("query", &part->look.unit, &options, &part->look.request))
        return "no-memory";
    return NULL;
}

enum ra_op_result ra_op_plan_query(ra_op *op)
{
    query q = {.op = op, .t = op->tables};
    const char *why = op->ntables ? ra_op_table_bypass(q.t) : "not-understood";
    if (why)
        return ra_op_bypass(op, why);
    if (!understood(&q))
        return ra_op_bypass(op, "not-understood");
    if (!find_index(&q)) /* it may be a global one: not spliced */
        return ra_op_bypass(op, "index-unknown");
    op->consistent = q.consistent == RA_CONSISTENT_TRUE;
    ra_part *part = ra_arena_alloc(op->arena, sizeof *part);
    if (!part)
        return RA_OP_NO_MEMORY;
    why = query_part(&q, part);
    bool global = q.index && q.index->global;
    return ra_op_end_read(op, part, why, !global && q.consistent != RA_CONSISTENT_TRUE);
}
