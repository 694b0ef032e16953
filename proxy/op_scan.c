/* Scan: never cached, but read consistently like every other read of a table or local index. */
#include "proxy/op_plan.h"

enum { S_TABLE, S_INDEX, S_CONSISTENT, S_CAPACITY };

static const char *const MEMBERS[] = {"TableName",
                                      "IndexName",
                                      "ConsistentRead",
                                      "ReturnConsumedCapacity",
                                      "AttributesToGet",
                                      "Limit",
                                      "Select",
                                      "ScanFilter",
                                      "ConditionalOperator",
                                      "ExclusiveStartKey",
                                      "TotalSegments",
                                      "Segment",
                                      "ProjectionExpression",
                                      "FilterExpression",
                                      "ExpressionAttributeNames",
                                      "ExpressionAttributeValues"};

enum { MEMBERS_COUNT = sizeof MEMBERS / sizeof *MEMBERS };

/* A global index can't be read consistently; one that isn't known may be such an index. */
static bool scan_may_be_consistent(const ra_op *op, uint32_t index)
{
    ra_bytes name;
    if (index == RA_JSON_NONE)
        return true;
    if (!ra_json_string(&op->json, index, op->arena, &name))
        return false;
    const ra_table_index *i = ra_table_find_index(op->tables[0].table, name);
    return i && !i->global;
}

enum ra_op_result ra_op_plan_scan(ra_op *op)
{
    uint32_t tok[MEMBERS_COUNT];
    enum ra_consistent_read consistent;
    ra_bytes capacity;
    if (!op->ntables || ra_op_table_bypass(&op->tables[0]) ||
        !ra_op_members(&op->json, 0, MEMBERS, MEMBERS_COUNT, tok) ||
        !ra_json_is(&op->json, tok[S_TABLE], RA_JSON_STRING) ||
        !ra_op_consistent_read(&op->json, tok[S_CONSISTENT], &consistent) ||
        !ra_op_capacity(op, tok[S_CAPACITY], &capacity))
        return ra_op_bypass(op, "scan");
    op->consistent = consistent == RA_CONSISTENT_TRUE;
    bool splices = !op->consistent && op->tables[0].config->policy.consistent_fill &&
                   scan_may_be_consistent(op, tok[S_INDEX]);
    op->sent_consistent = splices || op->consistent;
    if ((splices && !ra_op_set_member(op, "ConsistentRead", RA_BYTES("true"))) || !ra_op_ask_capacity(op))
        return RA_OP_NO_MEMORY;
    return ra_op_bypass(op, "scan");
}
