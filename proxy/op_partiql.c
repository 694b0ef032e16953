/* PartiQL: ExecuteStatement, BatchExecuteStatement, ExecuteTransaction. A write marks its table as a whole.
 */
#include "proxy/op_plan.h"

/* One statement. false: no memory. */
static bool statement(ra_op *op, uint32_t object)
{
    uint32_t token = ra_json_is(&op->json, object, RA_JSON_OBJECT)
                         ? ra_json_member(&op->json, object, "Statement")
                         : RA_JSON_NONE;
    ra_bytes text, table = {NULL, 0};
    enum ra_partiql_kind kind = RA_PARTIQL_UNKNOWN;
    if (token != RA_JSON_NONE && ra_json_is(&op->json, token, RA_JSON_STRING)) {
        if (!ra_json_string(&op->json, token, op->arena, &text))
            return false;
        kind = ra_partiql_classify(text, op->arena, &table);
    }
    if (kind == RA_PARTIQL_READ)
        return true;
    op->class = RA_CLASS_WRITE;
    if (kind == RA_PARTIQL_WRITE && table.n > 0)
        return ra_op_add_table(op, table);
    op->any_table = true;
    return true;
}

bool ra_op_find_statements(ra_op *op)
{
    const ra_json *j = &op->json;
    if (op->kind == RA_OP_EXECUTE_STATEMENT)
        return statement(op, 0);
    uint32_t list =
        ra_json_member(j, 0, op->kind == RA_OP_EXECUTE_TRANSACTION ? "TransactStatements" : "Statements");
    if (list == RA_JSON_NONE || !ra_json_is(j, list, RA_JSON_ARRAY))
        return true;
    for (uint32_t i = list + 1; i < j->t[list].next && !op->any_table; i = j->t[i].next) {
        if (!statement(op, i))
            return false;
    }
    return true;
}
