/* Opening and closing an operation, and handing each kind to its file. */
#include "proxy/op_plan.h"

static enum ra_op_class class_of(enum ra_op_kind kind)
{
    switch (kind) {
    case RA_OP_GET_ITEM:
    case RA_OP_BATCH_GET_ITEM:
    case RA_OP_QUERY:
    case RA_OP_SCAN:
    case RA_OP_TRANSACT_GET_ITEMS:
        return RA_CLASS_READ;
    case RA_OP_PUT_ITEM:
    case RA_OP_UPDATE_ITEM:
    case RA_OP_DELETE_ITEM:
    case RA_OP_BATCH_WRITE_ITEM:
    case RA_OP_TRANSACT_WRITE_ITEMS:
    case RA_OP_TABLE_CHANGE:
        return RA_CLASS_WRITE;
    default: /* statements are classified one by one, unknown operations by their body */
        return RA_CLASS_PASS;
    }
}

/* Splits "DynamoDB_20120810.GetItem". op->name is for people: cut where it is too long. */
static ra_bytes read_target(ra_op *op, ra_bytes target)
{
    static const char STREAMS[] = "DynamoDBStreams_";
    op->streams = target.n >= sizeof STREAMS - 1 && memcmp(target.p, STREAMS, sizeof STREAMS - 1) == 0;
    const char *dot = target.n ? memchr(target.p, '.', target.n) : NULL;
    ra_bytes name = dot ? (ra_bytes){dot + 1, target.n - (size_t)(dot + 1 - target.p)} : target;
    size_t n = name.n < sizeof op->name ? name.n : sizeof op->name - 1;
    if (n)
        memcpy(op->name, name.p, n);
    return name;
}

/* The body isn't strict JSON, so that nobody can say what DynamoDB would make of it. */
static enum ra_op_result malformed(ra_op *op, enum ra_json_result r, const char **problem)
{
    op->json = (ra_json){0};
    if (op->kind == RA_OP_OTHER)
        return RA_OP_OK;
    if (op->kind == RA_OP_TABLE_CHANGE) {
        op->any_table = true;
        return RA_OP_OK;
    }
    *problem = ra_json_result_text(r);
    return RA_OP_MALFORMED;
}

enum ra_op_result ra_op_open(ra_op *op, ra_bytes target, ra_bytes body, ra_arena *arena, const char **problem)
{
    *op = (ra_op){.arena = arena, .body = body};
    *problem = NULL;
    bool known;
    ra_bytes name = read_target(op, target);
    if (op->streams)
        return RA_OP_OK;
    op->kind = ra_op_name_kind(name, &known);
    if (op->kind == RA_OP_OTHER && known)
        return RA_OP_OK;
    op->class = class_of(op->kind);
    op->changes_table = op->kind == RA_OP_TABLE_CHANGE;
    size_t at;
    enum ra_json_result r = ra_json_parse(&op->json, body, NULL, &at);
    if (r == RA_JSON_NO_MEMORY) {
        op->json = (ra_json){0};
        return RA_OP_NO_MEMORY;
    }
    if (r != RA_JSON_OK)
        return malformed(op, r, problem);
    return ra_op_find_tables(op) ? RA_OP_OK : RA_OP_NO_MEMORY;
}

void ra_op_close(ra_op *op)
{
    if (op->json.n)
        ra_json_free(&op->json);
    op->json = (ra_json){0};
}

bool ra_op_needs_tables(const ra_op *op)
{
    return op->class != RA_CLASS_PASS && op->ntables > 0;
}

static enum ra_op_result plan(ra_op *op)
{
    switch (op->kind) {
    case RA_OP_GET_ITEM:
        return ra_op_plan_get_item(op);
    case RA_OP_BATCH_GET_ITEM:
        return ra_op_plan_batch_get(op);
    case RA_OP_QUERY:
        return ra_op_plan_query(op);
    case RA_OP_SCAN:
        return ra_op_plan_scan(op);
    case RA_OP_TRANSACT_GET_ITEMS:
        return ra_op_bypass(op, "transaction");
    case RA_OP_PUT_ITEM:
    case RA_OP_UPDATE_ITEM:
    case RA_OP_DELETE_ITEM:
        return ra_op_plan_write(op);
    case RA_OP_BATCH_WRITE_ITEM:
        return ra_op_plan_batch_write(op);
    case RA_OP_TRANSACT_WRITE_ITEMS:
        return ra_op_plan_transact_write(op);
    default:
        return ra_op_plan_whole_tables(op);
    }
}

enum ra_op_result ra_op_plan(ra_op *op)
{
    if (op->class == RA_CLASS_PASS)
        return RA_OP_OK;
    enum ra_op_result result = plan(op);
    bool write = result == RA_OP_OK && op->class == RA_CLASS_WRITE;
    return write && !ra_op_ask_write_capacity(op) ? RA_OP_NO_MEMORY : result;
}

bool ra_op_body_is_original(const ra_op *op)
{
    if (ra_op_is_batch_get(op))
        return ra_batch_get_body_is_original(op);
    return op->as_asked ? !op->capacity_added : op->nedits == 0;
}

bool ra_op_body(const ra_op *op, ra_buf *out)
{
    if (ra_op_body_is_original(op))
        return ra_buf_add_bytes(out, op->body);
    if (ra_op_is_batch_get(op))
        return ra_batch_get_body(op, out);
    if (op->as_asked)
        return ra_edit_apply(op->body, &op->edits[op->capacity_edit], 1, out);
    return ra_edit_apply(op->body, op->edits, op->nedits, out);
}
