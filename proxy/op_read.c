/* What all cacheable reads have in common. */
#include "proxy/op_plan.h"

bool ra_op_consistent_read(const ra_json *j, uint32_t token, enum ra_consistent_read *out)
{
    *out = RA_CONSISTENT_ABSENT;
    if (token == RA_JSON_NONE)
        return true;
    *out = ra_json_is(j, token, RA_JSON_TRUE) ? RA_CONSISTENT_TRUE : RA_CONSISTENT_FALSE;
    return *out == RA_CONSISTENT_TRUE || ra_json_is(j, token, RA_JSON_FALSE);
}

bool ra_op_capacity(ra_op *op, uint32_t token, ra_bytes *text)
{
    *text = (ra_bytes){"", 0};
    if (token == RA_JSON_NONE || ra_json_string_is(&op->json, token, "NONE"))
        return true;
    if (!ra_json_string_is(&op->json, token, "TOTAL") && !ra_json_string_is(&op->json, token, "INDEXES"))
        return false;
    op->capacity_asked = true;
    return ra_json_string(&op->json, token, op->arena, text);
}

bool ra_op_serves_consistent(const ra_op_table *t, const ra_policy *p)
{
    return t->config->consistency == RA_LINEARIZABLE && p->serve_consistent_reads && p->consistent_fill;
}

const ra_policy *ra_op_policy(const ra_op *op, const ra_op_table *t, const char *index, const ra_scalar *pk)
{
    ra_bytes text;
    if (!ra_scalar_text(pk, op->arena, &text))
        return NULL;
    return ra_table_config_policy(t->config, index, index ? strlen(index) : 0, text.p, text.n);
}

const char *ra_op_table_bypass(const ra_op_table *t)
{
    if (!t->config)
        return "table-not-configured";
    return t->table ? NULL : "schema-unknown";
}

const char *ra_op_uncached(const ra_op_table *t, const ra_policy *p)
{
    return t->config->caching == RA_CACHING_OFF ? "caching-off" : p->ttl <= 0 ? "ttl-0" : NULL;
}

enum ra_op_result ra_op_bypass(ra_op *op, const char *why)
{
    op->bypass = why;
    op->nparts = 0;
    return RA_OP_OK;
}

bool ra_op_set_member(ra_op *op, const char *member, ra_bytes value)
{
    if (!op->edits)
        op->edits = ra_arena_array(op->arena, RA_OP_MAX_EDITS, sizeof *op->edits);
    if (!op->edits || op->nedits == RA_OP_MAX_EDITS ||
        !ra_edit_set_member(&op->json, 0, member, value, op->arena, &op->edits[op->nedits]))
        return false;
    op->nedits++;
    return true;
}

const char *ra_op_item_part(ra_op *op, size_t table, const ra_scalar *pk, const ra_scalar *sk,
                            enum ra_consistent_read consistent, const ra_key *options, ra_part *part)
{
    const ra_op_table *t = &op->tables[table];
    const char *why;
    *part = (ra_part){.table = table, .pk = *pk, .consistent = consistent == RA_CONSISTENT_TRUE};
    if (t->table->sort_key)
        part->sk = *sk;
    if (!(part->policy = ra_op_policy(op, t, NULL, pk)))
        return "no-memory";
    if (consistent == RA_CONSISTENT_TRUE && !ra_op_serves_consistent(t, part->policy))
        return "consistent-read";
    if ((why = ra_op_uncached(t, part->policy)))
        return why;
    if (!t->table->active)
        return "table-not-active";
    part->look.guard[0] = t->table->key;
    part->look.nguards = 1;
    if (!ra_table_item_unit(t->table, pk, t->table->sort_key ? sk : NULL, &part->look.unit) ||
        !ra_op_request_digest("item", &part->look.unit, options, &part->look.request))
        return "no-memory";
    return NULL;
}

enum ra_op_result ra_op_end_read(ra_op *op, ra_part *part, const char *why, bool may_splice)
{
    const ra_policy *policy = part->policy ? part->policy : &op->tables[0].config->policy;
    bool splices = may_splice && policy->consistent_fill;
    if (splices && !ra_op_set_member(op, "ConsistentRead", RA_BYTES("true")))
        return RA_OP_NO_MEMORY;
    op->sent_consistent = splices || op->consistent;
    part->consistent = op->consistent;
    if (!ra_op_ask_capacity(op))
        return RA_OP_NO_MEMORY;
    op->bypassed = policy;
    if (why)
        return ra_op_bypass(op, why);
    op->parts = part;
    op->nparts = 1;
    return RA_OP_OK;
}
