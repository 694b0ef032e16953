/*
 * What operations consume: asked of DynamoDB where the client hasn't, and then taken out of the reply, which
 * is again byte for byte what the client would have got, with the checksum of that.
 *
 * A transaction with a ClientRequestToken is left as it is: sent again with that token, through the proxy or
 * past it, it must be the same request.
 */
#include "proxy/capacity.h"
#include "proxy/op_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ONE_DEPTH = 2,          /* a list's elements, and their members */
    REQUEST_MAX = 16 << 20, /* DynamoDB's (Developer Guide, "Quotas") */
    REQUEST_SPARE = 256     /* all that is added to a request is less */
};

/* ---- asking ---- */

bool ra_op_ask_capacity(ra_op *op)
{
    if (!op->ask_capacity || op->capacity_asked || op->json.text.n > REQUEST_MAX - REQUEST_SPARE)
        return true;
    op->capacity_added = true;
    op->capacity_edit = op->nedits;
    return ra_op_is_batch_get(op) || ra_op_set_member(op, "ReturnConsumedCapacity", RA_BYTES("\"TOTAL\""));
}

/* Only a body whose every member is known is changed. */
static bool all_known(const ra_op *op)
{
    static const char *const BATCH[] = {"RequestItems", "ReturnConsumedCapacity",
                                        "ReturnItemCollectionMetrics"};
    static const char *const TRANSACTION[] = {"TransactItems", "ReturnConsumedCapacity",
                                              "ReturnItemCollectionMetrics"};
    uint32_t tok[3];
    switch (op->kind) {
    case RA_OP_PUT_ITEM:
    case RA_OP_UPDATE_ITEM:
    case RA_OP_DELETE_ITEM:
        return ra_op_write_members_known(op);
    case RA_OP_BATCH_WRITE_ITEM:
        return ra_op_members(&op->json, 0, BATCH, 3, tok);
    case RA_OP_TRANSACT_WRITE_ITEMS:
        return ra_op_members(&op->json, 0, TRANSACTION, 3, tok);
    default:
        return false;
    }
}

bool ra_op_ask_write_capacity(ra_op *op)
{
    ra_bytes text;
    bool marked = false;
    for (size_t i = 0; i < op->ntables; i++)
        marked |= ra_op_table_marked(&op->tables[i]);
    if (!marked || op->json.n == 0 ||
        !ra_op_capacity(op, ra_json_member(&op->json, 0, "ReturnConsumedCapacity"), &text) || !all_known(op))
        return true;
    return ra_op_ask_capacity(op);
}

bool ra_op_batch_is_consistent(const ra_op *op, size_t table, bool *asked)
{
    *asked = false;
    if (!ra_op_is_batch_get(op))
        return false;
    const ra_batch_table *t = &((const ra_batch_get *)op->plan)->tables[table];
    *asked = t->consistent;
    return t->consistent || (t->splice && !op->as_asked);
}

/* ---- what the reply says ---- */

/* One table's, in a list. */
static void add_table(ra_op *op, const ra_json *j, uint32_t object, uint64_t half_units)
{
    ra_bytes name;
    uint32_t token = ra_json_member(j, object, "TableName");
    if (token == RA_JSON_NONE || !ra_json_string(j, token, op->arena, &name))
        return;
    for (size_t i = 0; i < op->ntables; i++) {
        if (!ra_bytes_eq(ra_table_short_name(op->tables[i].given), ra_table_short_name(name)))
            continue;
        op->tables[i].half_units += half_units;
        return;
    }
}

static void measure(ra_op *op, ra_bytes text)
{
    const ra_json_limits limits = {.token_depth = ONE_DEPTH};
    ra_json j;
    size_t at;
    uint64_t one;
    if (ra_json_parse(&j, text, &limits, &at) != RA_JSON_OK)
        return;
    bool list = ra_json_is(&j, 0, RA_JSON_ARRAY);
    for (uint32_t i = 1; list && i < j.t[0].next; i = j.t[i].next) {
        if (!ra_capacity_read(&j, i, &one))
            continue;
        op->half_units += one;
        add_table(op, &j, i, one);
    }
    if (!list && ra_capacity_read(&j, 0, &one))
        op->half_units += one;
    ra_json_free(&j);
}

bool ra_op_measure(ra_op *op, const ra_json *j, ra_edit *cut)
{
    uint32_t name = ra_op_member_name(j, 0, "ConsumedCapacity");
    if (name == RA_JSON_NONE || !(op->capacity_added || op->capacity_asked))
        return false;
    measure(op, ra_json_raw(j, name + 1));
    ra_edit_remove_member(j, 0, name, cut);
    return op->capacity_added;
}

static ra_http_header *checksum_of(ra_http_reply *reply)
{
    for (size_t i = 0; i < reply->nheaders; i++)
        if (strcmp(reply->headers[i].name, "x-amz-crc32") == 0)
            return &reply->headers[i];
    return NULL;
}

bool ra_op_cut_reply(ra_http_reply *reply, const ra_edit *cut)
{
    enum { DIGITS = 11 };
    ra_http_header *checksum = checksum_of(reply);
    char *value = checksum ? malloc(DIGITS) : NULL;
    if (checksum && !value)
        return false;
    size_t end = cut->at + cut->cut;
    memmove(reply->body + cut->at, reply->body + end, reply->len - end);
    reply->len -= cut->cut;
    if (!checksum)
        return true;
    snprintf(value, DIGITS, "%" PRIu32, ra_crc32(ra_op_reply_body(reply)));
    free(checksum->value);
    checksum->value = value;
    return true;
}

void ra_op_take_capacity(ra_op *op, ra_http_reply *reply)
{
    ra_json j;
    ra_edit cut;
    if (!(op->capacity_added || op->capacity_asked) || !ra_op_reply_intact(reply) ||
        !ra_op_reply_parse(ra_op_reply_body(reply), 1, &j))
        return;
    bool cuts = ra_op_measure(op, &j, &cut);
    ra_json_free(&j);
    if (cuts)
        ra_op_cut_reply(reply, &cut);
}
