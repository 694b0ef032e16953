/* A planned read that is to be as consistent as it can be, whatever its table's misses are. */
#include "proxy/op_plan.h"

/* Those that the plan has made so need nothing; and for whom ConsistentRead is set twice, it stands there
 * once. */
static bool one(ra_op *op)
{
    const ra_part *part = &op->parts[0];
    bool is_global = part->look.nguards > 1;
    if (is_global || op->sent_consistent)
        return true;
    op->sent_consistent = ra_op_set_member(op, "ConsistentRead", RA_BYTES("true"));
    return op->sent_consistent;
}

bool ra_op_read_consistently(ra_op *op)
{
    if (op->nparts == 0)
        return false;
    if (!ra_op_is_batch_get(op))
        return one(op);
    ra_batch_get *plan = op->plan;
    for (size_t i = 0; i < op->ntables; i++)
        plan->tables[i].splice = true;
    plan->spliced = true;
    return true;
}
