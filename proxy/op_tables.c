/* Which tables a body names. */
#include "proxy/op_plan.h"

/*
 * DynamoDB Local takes a number or a boolean where a string belongs and uses its text, and "123" is a legal
 * name for a table: a write must not escape its marks that way.
 */
bool ra_op_table_name(const ra_op *op, uint32_t object, const char *member, ra_bytes *out)
{
    *out = (ra_bytes){NULL, 0};
    uint32_t token = ra_json_member(&op->json, object, member);
    if (token == RA_JSON_NONE)
        return true;
    switch (op->json.t[token].type) {
    case RA_JSON_STRING:
        return ra_json_string(&op->json, token, op->arena, out);
    case RA_JSON_NUMBER:
    case RA_JSON_TRUE:
    case RA_JSON_FALSE:
        *out = ra_json_raw(&op->json, token);
        return true;
    default:
        return true;
    }
}

bool ra_op_find_table(const ra_op *op, ra_bytes name, size_t *index)
{
    for (size_t i = 0; i < op->ntables; i++) {
        if (ra_bytes_eq(op->tables[i].given, name)) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool make_room(ra_op *op, size_t n)
{
    op->tables = ra_arena_array(op->arena, n, sizeof *op->tables);
    return op->tables != NULL;
}

/* One table, named by a member of `object`. */
static bool single(ra_op *op, uint32_t object, const char *member)
{
    if (!make_room(op, 1) || !ra_op_table_name(op, object, member, &op->tables[0].given))
        return false;
    op->ntables = op->tables[0].given.p ? 1 : 0;
    return true;
}

/* RequestItems: a map by table name. */
static bool request_items(ra_op *op)
{
    const ra_json *j = &op->json;
    uint32_t map = ra_json_member(j, 0, "RequestItems");
    if (!ra_json_is(j, map, RA_JSON_OBJECT) || map == RA_JSON_NONE)
        return true;
    uint32_t n = ra_json_count(j, map);
    if (n > RA_OP_MAX_TABLES) {
        op->any_table = op->class == RA_CLASS_WRITE;
        return true;
    }
    if (!make_room(op, n))
        return false;
    for (uint32_t i = map + 1; i < j->t[map].next; i = j->t[i + 1].next) {
        ra_op_table *t = &op->tables[op->ntables];
        if (!ra_json_string(j, i, op->arena, &t->given))
            return false;
        t->token = i + 1;
        op->ntables++;
    }
    return true;
}

bool ra_op_add_table(ra_op *op, ra_bytes name)
{
    size_t index;
    if (op->any_table || ra_op_find_table(op, name, &index))
        return true;
    if (!op->tables && !make_room(op, RA_OP_MAX_TABLES))
        return false;
    if (op->ntables < RA_OP_MAX_TABLES) {
        op->tables[op->ntables++].given = name;
    } else {
        op->any_table = true;
        op->ntables = 0;
    }
    return true;
}

/* The tables of one element of TransactItems, {"Put": {"TableName": …}}; a ConditionCheck changes nothing. */
static bool transact_element(ra_op *op, uint32_t element)
{
    const ra_json *j = &op->json;
    if (!ra_json_is(j, element, RA_JSON_OBJECT))
        return true;
    for (uint32_t i = element + 1; i < j->t[element].next; i = j->t[i + 1].next) {
        ra_bytes name;
        if (ra_json_string_is(j, i, "ConditionCheck"))
            continue;
        if (!ra_op_table_name(op, i + 1, "TableName", &name) || (name.p && !ra_op_add_table(op, name)))
            return false;
    }
    return true;
}

static bool transact_items(ra_op *op)
{
    const ra_json *j = &op->json;
    uint32_t list = ra_json_member(j, 0, "TransactItems");
    if (list == RA_JSON_NONE || !ra_json_is(j, list, RA_JSON_ARRAY))
        return true;
    for (uint32_t i = list + 1; i < j->t[list].next && !op->any_table; i = j->t[i].next) {
        if (!transact_element(op, i))
            return false;
    }
    return true;
}

/* A table change says which table under one of several names. */
static bool changed_table(ra_op *op)
{
    static const char *const MEMBERS[] = {"TableName", "TargetTableName", "GlobalTableName"};
    for (size_t i = 0; i < sizeof MEMBERS / sizeof *MEMBERS; i++) {
        if (!single(op, 0, MEMBERS[i]))
            return false;
        if (op->ntables)
            return true;
    }
    uint32_t parameters = ra_json_member(&op->json, 0, "TableCreationParameters");
    return parameters == RA_JSON_NONE || single(op, parameters, "TableName");
}

/* An operation that nobody knows is a write to the table that it names. */
static bool unknown_operation(ra_op *op)
{
    if (!single(op, 0, "TableName"))
        return false;
    if (op->ntables)
        op->class = RA_CLASS_WRITE;
    return true;
}

bool ra_op_find_tables(ra_op *op)
{
    if (!ra_json_is(&op->json, 0, RA_JSON_OBJECT))
        return true;
    switch (op->kind) {
    case RA_OP_BATCH_GET_ITEM:
    case RA_OP_BATCH_WRITE_ITEM:
        return request_items(op);
    case RA_OP_TRANSACT_WRITE_ITEMS:
        return transact_items(op);
    case RA_OP_TRANSACT_GET_ITEMS:
        return true;
    case RA_OP_EXECUTE_STATEMENT:
    case RA_OP_BATCH_EXECUTE_STATEMENT:
    case RA_OP_EXECUTE_TRANSACTION:
        return ra_op_find_statements(op);
    case RA_OP_TABLE_CHANGE:
        return changed_table(op);
    case RA_OP_OTHER:
        return unknown_operation(op);
    default:
        return single(op, 0, "TableName");
    }
}
