/*
 * BatchWriteItem, TransactWriteItems, and writes whose units can't be told: all that doesn't return old
 * images, so that a global index is marked as a whole unless its key is one of the table's own.
 */
#include "proxy/op_plan.h"

static enum ra_op_result end_marks(ra_op *op, ra_marks *m)
{
    if (!ra_marks_end(m, NULL))
        return RA_OP_NO_MEMORY;
    op->marks = m->v;
    op->nmarks = m->n;
    return RA_OP_OK;
}

enum ra_op_result ra_op_plan_whole_tables(ra_op *op)
{
    ra_marks m;
    ra_marks_init(&m, op->arena);
    for (size_t i = 0; i < op->ntables; i++) {
        if (ra_op_table_marked(&op->tables[i]))
            ra_marks_table(&m, &op->tables[i]);
    }
    return end_marks(op, &m);
}

/* One write among several: its item, its partition, and for each global index the partition or the whole. */
static void mark_one(ra_op *op, const ra_op_table *t, uint32_t map, bool exact, ra_marks *m)
{
    ra_scalar pk, sk;
    if (!ra_op_key(&op->json, map, t->table, exact, op->arena, &pk, &sk)) {
        ra_marks_table(m, t);
        return;
    }
    if (!ra_marks_item(m, t, &pk, &sk))
        return;
    for (size_t i = 0; i < t->table->nindexes; i++) {
        const ra_table_index *index = &t->table->indexes[i];
        if (!index->global)
            continue;
        const ra_scalar *key = index->understood ? ra_marks_key_attribute(t->table, index, &pk, &sk) : NULL;
        if (key)
            ra_marks_index_partition(m, t, index, key);
        else
            ra_marks_index(m, t, index);
    }
}

/* One element of a table's list: {"PutRequest": {"Item": …}} or {"DeleteRequest": {"Key": …}}. */
static void batch_element(ra_op *op, const ra_op_table *t, uint32_t element, ra_marks *m)
{
    static const char *const MEMBERS[] = {"PutRequest", "DeleteRequest"};
    static const char *const PUT[] = {"Item"}, *const DELETE[] = {"Key"};
    const ra_json *j = &op->json;
    uint32_t tok[2], map;
    bool put;
    if (!ra_op_members(j, element, MEMBERS, 2, tok) || (tok[0] == RA_JSON_NONE) == (tok[1] == RA_JSON_NONE)) {
        ra_marks_table(m, t);
        return;
    }
    put = tok[0] != RA_JSON_NONE;
    if (ra_op_members(j, put ? tok[0] : tok[1], put ? PUT : DELETE, 1, &map))
        mark_one(op, t, map, !put, m);
    else
        ra_marks_table(m, t);
}

enum ra_op_result ra_op_plan_batch_write(ra_op *op)
{
    const ra_json *j = &op->json;
    size_t seen = 0;
    ra_marks m;
    ra_marks_init(&m, op->arena);
    for (size_t i = 0; i < op->ntables; i++) {
        const ra_op_table *t = &op->tables[i];
        if (!ra_op_table_marked(t))
            continue;
        seen += ra_json_is(j, t->token, RA_JSON_ARRAY) ? ra_json_count(j, t->token) : 0;
        if (!ra_json_is(j, t->token, RA_JSON_ARRAY) || seen > RA_OP_MAX_KEYS) {
            ra_marks_table(&m, t);
            continue;
        }
        for (uint32_t e = t->token + 1; e < j->t[t->token].next; e = j->t[e].next)
            batch_element(op, t, e, &m);
    }
    return end_marks(op, &m);
}

/* One request of a transaction, {"Put": {"TableName": …, "Item": …}}. false: no memory. */
static bool transact_request(ra_op *op, uint32_t name, bool closely, ra_marks *m)
{
    const ra_json *j = &op->json;
    bool put = ra_json_string_is(j, name, "Put");
    bool known = put || ra_json_string_is(j, name, "Update") || ra_json_string_is(j, name, "Delete");
    uint32_t request = name + 1;
    ra_bytes given;
    size_t table;
    if (ra_json_string_is(j, name, "ConditionCheck"))
        return true;
    if (!ra_op_table_name(op, request, "TableName", &given))
        return false;
    if (!given.p || !ra_op_find_table(op, given, &table) || !ra_op_table_marked(&op->tables[table]))
        return true;
    if (known && closely)
        mark_one(op, &op->tables[table], ra_json_member(j, request, put ? "Item" : "Key"), !put, m);
    else
        ra_marks_table(m, &op->tables[table]);
    return true;
}

enum ra_op_result ra_op_plan_transact_write(ra_op *op)
{
    const ra_json *j = &op->json;
    uint32_t list = ra_json_member(j, 0, "TransactItems");
    ra_marks m;
    if (op->ntables == 0)
        return RA_OP_OK;
    if (ra_json_count(j, list) > RA_OP_MAX_KEYS)
        return ra_op_plan_whole_tables(op);
    ra_marks_init(&m, op->arena);
    for (uint32_t e = list + 1; e < j->t[list].next; e = j->t[e].next) {
        if (!ra_json_is(j, e, RA_JSON_OBJECT))
            continue;
        bool closely = ra_json_count(j, e) == 1;
        for (uint32_t i = e + 1; i < j->t[e].next; i = j->t[i + 1].next) {
            if (!transact_request(op, i, closely, &m))
                return RA_OP_NO_MEMORY;
        }
    }
    return end_marks(op, &m);
}
