/*
 * PutItem, UpdateItem, DeleteItem.
 *
 * The item and its partition are marked before the write is sent. A global index's partitions follow from the
 * item's old and new image: what the request says of the new one is marked before; the old one is known only
 * from the reply's Attributes (ReturnValues ALL_OLD, put into the request where the client asked for nothing)
 * and marked then. What can't be had that way marks the whole index before sending.
 *
 * Of a table without a global index whose stream is followed an update's new image is asked for in the same
 * way, for by that the update is known again when the stream tells of it (proxy/op_images.h).
 */
#include "proxy/item_digest.h"
#include "proxy/op_plan.h"

/* How one global index's partitions are learnt from the reply. */
typedef struct write_plan {
    bool *from_reply;  /* as table->indexes: mark the partition that the reply's Attributes name */
    bool any;          /* one of them at least */
    bool capture_only; /* Attributes come because the proxy asked for them: the client doesn't see them */
} write_plan;

typedef struct write {
    ra_op *op;
    const ra_op_table *t;
    const ra_table *table;
    ra_scalar pk, sk;
    uint32_t item; /* PutItem: the new image */
    uint32_t expression, updates;
    ra_expr expr;
    bool expr_ok;
    ra_marks marks;
    write_plan *plan;
} write;

enum { W_TABLE, W_ITEM, W_KEY, W_VALUES, W_UPDATE, W_UPDATES, W_EXPR_NAMES, W_EXPR_VALUES, W_MEMBERS };

static const char *const MEMBERS[] = {
    [W_TABLE] = "TableName",
    [W_ITEM] = "Item",
    [W_KEY] = "Key",
    [W_VALUES] = "ReturnValues",
    [W_UPDATE] = "UpdateExpression",
    [W_UPDATES] = "AttributeUpdates",
    [W_EXPR_NAMES] = "ExpressionAttributeNames",
    [W_EXPR_VALUES] = "ExpressionAttributeValues",
    "Expected",
    "ConditionalOperator",
    "ConditionExpression",
    "ReturnConsumedCapacity",
    "ReturnItemCollectionMetrics",
    "ReturnValuesOnConditionCheckFailure",
};

/* Only in a body whose every member is known may ReturnValues be set. */
bool ra_op_write_members_known(const ra_op *op)
{
    const ra_json *j = &op->json;
    for (uint32_t i = 1; i < j->t[0].next; i = j->t[i + 1].next) {
        size_t k = 0, n = sizeof MEMBERS / sizeof *MEMBERS;
        while (k < n && !ra_json_string_is(j, i, MEMBERS[k]))
            k++;
        if (k == n)
            return false;
    }
    return true;
}

/* A member's value; RA_JSON_NONE where it is absent or null, which DynamoDB takes for absent. */
static uint32_t member(const ra_json *j, size_t which)
{
    uint32_t token = ra_json_member(j, 0, MEMBERS[which]);
    return token != RA_JSON_NONE && ra_json_is(j, token, RA_JSON_NULL) ? RA_JSON_NONE : token;
}

/* What the write does to one top-level attribute. */
static enum ra_effect effect_on(write *w, const char *attribute, uint32_t *value)
{
    const ra_json *j = &w->op->json;
    ra_bytes text, name = ra_bytes_z(attribute);
    if (w->expression != RA_JSON_NONE && w->updates != RA_JSON_NONE)
        return RA_EFFECT_UNCERTAIN;
    if (w->updates != RA_JSON_NONE)
        return ra_attribute_updates_effect(j, w->updates, name, value);
    if (w->expression == RA_JSON_NONE)
        return RA_EFFECT_NONE;
    if (!w->expr_ok || !ra_json_string(j, w->expression, w->op->arena, &text))
        return RA_EFFECT_UNCERTAIN;
    return ra_update_effect(&w->expr, text, name, value);
}

/* Marks what the new image says of an index's partition. false: it says nothing certain. */
static bool mark_new(write *w, const ra_table_index *i, enum ra_image_attribute state, const ra_scalar *value)
{
    if (state == RA_ATTRIBUTE_SCALAR)
        ra_marks_index_partition(&w->marks, w->t, i, value);
    return state != RA_ATTRIBUTE_UNCERTAIN;
}

/*
 * What is known of the new image before sending. *untouched: the index's key stays as it was. false: nothing
 * certain.
 */
static bool new_image(write *w, const ra_table_index *i, bool *untouched)
{
    const ra_json *j = &w->op->json;
    ra_scalar value;
    uint32_t token;
    *untouched = false;
    if (w->op->kind == RA_OP_DELETE_ITEM)
        return true;
    if (w->op->kind == RA_OP_PUT_ITEM)
        return mark_new(w, i, ra_op_image(j, w->item, i->partition_key, w->op->arena, &value), &value);
    switch (effect_on(w, i->partition_key, &token)) {
    case RA_EFFECT_NONE:
        *untouched = !i->sort_key || effect_on(w, i->sort_key, &token) == RA_EFFECT_NONE;
        return true;
    case RA_EFFECT_SET:
        return mark_new(w, i, ra_op_image_value(j, token, w->op->arena, &value), &value);
    case RA_EFFECT_REMOVED:
        return true;
    default:
        return false;
    }
}

/* What the reply's Attributes will hold. */
enum returned { RETURNS_NOTHING, RETURNS_OLD, RETURNS_NEW, RETURNS_OTHER };

static enum returned returned_image(const ra_op *op)
{
    const ra_json *j = &op->json;
    uint32_t token = member(j, W_VALUES);
    if (token == RA_JSON_NONE || ra_json_string_is(j, token, "NONE"))
        return RETURNS_NOTHING;
    if (ra_json_string_is(j, token, "ALL_OLD"))
        return RETURNS_OLD;
    return op->kind == RA_OP_UPDATE_ITEM && ra_json_string_is(j, token, "ALL_NEW") ? RETURNS_NEW
                                                                                   : RETURNS_OTHER;
}

/* One global index: marks what is known, plans to mark the old image's partition after the reply. */
static void plan_index(write *w, size_t at, enum returned returned)
{
    const ra_table_index *i = &w->table->indexes[at];
    if (!i->global)
        return;
    if (!i->understood) {
        ra_marks_index(&w->marks, w->t, i);
        return;
    }
    const ra_scalar *key = ra_marks_key_attribute(w->table, i, &w->pk, &w->sk);
    if (key) { /* the same in every image */
        ra_marks_index_partition(&w->marks, w->t, i, key);
        return;
    }
    bool untouched, certain = new_image(w, i, &untouched);
    if (certain && (returned == RETURNS_OLD || (returned == RETURNS_NEW && untouched))) {
        w->plan->from_reply[at] = true;
        w->plan->any = true;
        return;
    }
    ra_marks_index(&w->marks, w->t, i);
}

/* All indexes, with the old image asked for where that helps. */
static bool plan_indexes(write *w)
{
    ra_op *op = w->op;
    enum returned returned = returned_image(op);
    bool ask = returned == RETURNS_NOTHING && ra_op_write_members_known(op);
    w->plan = ra_arena_alloc(op->arena, sizeof *w->plan);
    if (!w->plan)
        return false;
    w->plan->from_reply = ra_arena_array(op->arena, w->table->nindexes, sizeof *w->plan->from_reply);
    if (!w->plan->from_reply)
        return false;
    op->plan = w->plan;
    for (size_t i = 0; i < w->table->nindexes; i++)
        plan_index(w, i, ask ? RETURNS_OLD : returned);
    if (!ask || !w->plan->any)
        return true;
    w->plan->capture_only = true;
    return ra_op_set_member(op, "ReturnValues", RA_BYTES("\"ALL_OLD\""));
}

/* ALL_NEW where the client asked for nothing. */
static bool plan_image(write *w)
{
    ra_op *op = w->op;
    if (!w->t->config->follow || op->kind != RA_OP_UPDATE_ITEM || returned_image(op) != RETURNS_NOTHING ||
        !ra_op_write_members_known(op))
        return true;
    w->plan = ra_arena_alloc(op->arena, sizeof *w->plan);
    if (!w->plan)
        return false;
    w->plan->capture_only = true;
    op->plan = w->plan;
    return ra_op_set_member(op, "ReturnValues", RA_BYTES("\"ALL_NEW\""));
}

/* Reads the key and what the effects need. false: the key isn't certain. */
static bool read_write(write *w)
{
    const ra_json *j = &w->op->json;
    w->item = member(j, W_ITEM);
    w->expression = member(j, W_UPDATE);
    w->updates = member(j, W_UPDATES);
    w->expr_ok = ra_expr_init(&w->expr, j, member(j, W_EXPR_NAMES), member(j, W_EXPR_VALUES), w->op->arena);
    bool put = w->op->kind == RA_OP_PUT_ITEM;
    return ra_op_key(j, put ? w->item : member(j, W_KEY), w->table, !put, w->op->arena, &w->pk, &w->sk);
}

enum ra_op_result ra_op_plan_write(ra_op *op)
{
    if (op->ntables == 0 || !ra_op_table_marked(&op->tables[0]))
        return RA_OP_OK;
    write w = {.op = op, .t = op->tables, .table = op->tables[0].table};
    ra_marks_init(&w.marks, op->arena);
    if (!read_write(&w))
        ra_marks_table(&w.marks, w.t);
    else if (ra_marks_item(&w.marks, w.t, &w.pk, &w.sk) &&
             !(ra_table_has_global_index(w.table) ? plan_indexes(&w) : plan_image(&w)))
        return RA_OP_NO_MEMORY;
    if (!ra_marks_end(&w.marks, NULL))
        return RA_OP_NO_MEMORY;
    op->marks = w.marks.v;
    op->nmarks = w.marks.n;
    return RA_OP_OK;
}

/* ---- after the reply ---- */

static bool is_single_write(const ra_op *op)
{
    return op->kind == RA_OP_PUT_ITEM || op->kind == RA_OP_UPDATE_ITEM || op->kind == RA_OP_DELETE_ITEM;
}

static bool succeeded(const ra_http_reply *reply)
{
    return reply->result == RA_HTTP_OK && reply->status >= 200 && reply->status < 300;
}

/* Marks each planned index's partition in the image that the reply holds; no image: there was no item. */
static void mark_from_image(const ra_op *op, const write_plan *plan, const ra_json *j, uint32_t image,
                            ra_marks *m)
{
    const ra_op_table *t = &op->tables[0];
    for (size_t i = 0; i < t->table->nindexes; i++) {
        const ra_table_index *index = &t->table->indexes[i];
        ra_scalar value;
        if (!plan->from_reply[i] || image == RA_JSON_NONE)
            continue;
        switch (ra_op_image(j, image, index->partition_key, op->arena, &value)) {
        case RA_ATTRIBUTE_SCALAR:
            ra_marks_index_partition(m, t, index, &value);
            break;
        case RA_ATTRIBUTE_UNCERTAIN:
            ra_marks_index(m, t, index);
            break;
        case RA_ATTRIBUTE_ABSENT:
            break;
        }
    }
}

static void mark_planned_indexes(const ra_op *op, const write_plan *plan, ra_marks *m)
{
    const ra_op_table *t = &op->tables[0];
    for (size_t i = 0; i < t->table->nindexes; i++) {
        if (plan->from_reply[i])
            ra_marks_index(m, t, &t->table->indexes[i]);
    }
}

bool ra_op_write_after(ra_op *op, const ra_http_reply *reply, ra_mark **marks, size_t *n)
{
    const write_plan *plan = op->plan;
    ra_marks m;
    ra_json j;
    *marks = NULL;
    *n = 0;
    if (!is_single_write(op) || !plan || !plan->any || !succeeded(reply))
        return true;
    ra_marks_init(&m, op->arena);
    if (ra_op_reply_intact(reply) && ra_op_reply_parse(ra_op_reply_body(reply), 4, &j)) {
        uint32_t image = ra_json_member(&j, 0, "Attributes");
        if (image == RA_JSON_NONE || ra_json_is(&j, image, RA_JSON_OBJECT))
            mark_from_image(op, plan, &j, image, &m);
        else
            mark_planned_indexes(op, plan, &m);
        ra_json_free(&j);
    } else {
        mark_planned_indexes(op, plan, &m);
    }
    if (!ra_marks_end(&m, op))
        return false;
    *marks = m.v;
    *n = m.n;
    return true;
}

bool ra_op_write_unknown(ra_op *op, ra_mark **marks, size_t *n)
{
    ra_marks m;
    *marks = NULL;
    *n = 0;
    ra_marks_init(&m, op->arena);
    for (size_t i = 0; op->class == RA_CLASS_WRITE && i < op->ntables; i++) {
        if (ra_op_table_marked(&op->tables[i]))
            ra_marks_indexes(&m, &op->tables[i]);
    }
    if (!ra_marks_end(&m, op))
        return false;
    *marks = m.v;
    *n = m.n;
    return true;
}

/* Read in an arena of its own, so that a large item takes nothing from what the request still needs. */
bool ra_op_write_old_image(const ra_op *op, const ra_http_reply *reply, ra_key *out)
{
    const write_plan *plan = op->plan;
    ra_arena scratch;
    ra_json j;
    if ((op->kind != RA_OP_PUT_ITEM && op->kind != RA_OP_DELETE_ITEM) || !succeeded(reply) ||
        !ra_op_reply_intact(reply) || (returned_image(op) != RETURNS_OLD && !(plan && plan->capture_only)) ||
        !ra_op_reply_parse(ra_op_reply_body(reply), 0, &j))
        return false;
    uint32_t image = ra_json_member(&j, 0, "Attributes");
    bool ok = true;
    ra_arena_init(&scratch, reply->len < SIZE_MAX / 32 ? reply->len * 16 + 65536 : reply->len);
    if (image == RA_JSON_NONE)
        ra_item_digest_removed(out);
    else
        ok = ra_item_digest(&j, image, &scratch, out);
    ra_arena_free(&scratch);
    ra_json_free(&j);
    return ok;
}

/* The reply's Attributes, which only the proxy asked for. false: there are none (nothing to free). */
static bool find_captured(const ra_op *op, const ra_http_reply *reply, ra_json *j, uint32_t *name)
{
    const write_plan *plan = op->plan;
    if (!is_single_write(op) || !plan || !plan->capture_only || !succeeded(reply) ||
        !ra_op_reply_parse(ra_op_reply_body(reply), 1, j))
        return false;
    *name = ra_op_member_name(j, 0, "Attributes");
    if (*name != RA_JSON_NONE)
        return true;
    ra_json_free(j);
    return false;
}

bool ra_op_write_rewrites(const ra_op *op, const ra_http_reply *reply)
{
    ra_json j;
    uint32_t name;
    if (!find_captured(op, reply, &j, &name))
        return false;
    ra_json_free(&j);
    return true;
}

bool ra_op_write_reply(ra_op *op, const ra_http_reply *reply, ra_buf *out)
{
    ra_json j;
    uint32_t name;
    ra_edit edit;
    if (!find_captured(op, reply, &j, &name))
        return ra_buf_add_bytes(out, ra_op_reply_body(reply));
    ra_edit_remove_member(&j, 0, name, &edit);
    bool ok = ra_edit_apply(j.text, &edit, 1, out);
    ra_json_free(&j);
    return ok;
}
