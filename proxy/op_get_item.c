/* GetItem. */
#include "proxy/op_plan.h"

enum { G_TABLE, G_KEY, G_CONSISTENT, G_PROJECTION, G_NAMES, G_ATTRIBUTES, G_CAPACITY, G_MEMBERS };

static const char *const GET_MEMBERS[G_MEMBERS] = {"TableName",
                                                   "Key",
                                                   "ConsistentRead",
                                                   "ProjectionExpression",
                                                   "ExpressionAttributeNames",
                                                   "AttributesToGet",
                                                   "ReturnConsumedCapacity"};

/* The digest of all that the reply depends on but the key. NULL or the reason of the bypass. */
static const char *get_options(ra_op *op, const uint32_t *tok, ra_bytes capacity, ra_key *out)
{
    ra_options o;
    ra_expr e;
    const ra_option_expression projection = {"ProjectionExpression", tok[G_PROJECTION]};
    ra_options_init(&o, &op->json, op->arena);
    ra_options_expressions(&o, &e, tok[G_NAMES], RA_JSON_NONE, &projection, 1);
    ra_options_json(&o, "AttributesToGet", tok[G_ATTRIBUTES]);
    if (op->capacity_asked) { /* the reply repeats the table's name as it was given */
        ra_options_text(&o, "ReturnConsumedCapacity", capacity);
        ra_options_text(&o, "TableName", op->tables[0].given);
    }
    return ra_options_end(&o, out);
}

/* Fills the part. NULL or the reason of the bypass. */
static const char *get_part(ra_op *op, const uint32_t *tok, enum ra_consistent_read consistent,
                            ra_bytes capacity, ra_part *part)
{
    ra_scalar pk, sk;
    ra_key options;
    if (!ra_op_key(&op->json, tok[G_KEY], op->tables[0].table, true, op->arena, &pk, &sk))
        return "key";
    const char *why = get_options(op, tok, capacity, &options);
    return why ? why : ra_op_item_part(op, 0, &pk, &sk, consistent, &options, part);
}

enum ra_op_result ra_op_plan_get_item(ra_op *op)
{
    uint32_t tok[G_MEMBERS];
    enum ra_consistent_read consistent;
    ra_bytes capacity;
    const char *why = op->ntables ? ra_op_table_bypass(&op->tables[0]) : "not-understood";
    if (why)
        return ra_op_bypass(op, why);
    if (!ra_op_members(&op->json, 0, GET_MEMBERS, G_MEMBERS, tok) ||
        !ra_json_is(&op->json, tok[G_TABLE], RA_JSON_STRING) ||
        !ra_op_consistent_read(&op->json, tok[G_CONSISTENT], &consistent) ||
        !ra_op_capacity(op, tok[G_CAPACITY], &capacity))
        return ra_op_bypass(op, "not-understood");
    op->consistent = consistent == RA_CONSISTENT_TRUE;
    ra_part *part = ra_arena_alloc(op->arena, sizeof *part);
    if (!part)
        return RA_OP_NO_MEMORY;
    why = get_part(op, tok, consistent, capacity, part);
    return ra_op_end_read(op, part, why, consistent != RA_CONSISTENT_TRUE);
}
