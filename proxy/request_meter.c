/*
 * What is counted of a request. Its reads (proxy/metrics.h) as soon as it is known what the cache had of
 * each; the request itself when its reply has been handed over, or when it ends without one. Latency runs
 * from when all of the request was there: how long a client takes to say what it wants isn't the proxy's to
 * answer for.
 */
#include "proxy/capacity.h"
#include "proxy/clock.h"
#include "proxy/request_states.h"

/* ---- whose it is ---- */

static unsigned subject_of_table(const ra_op_table *t)
{
    return t->config ? t->config->policy.subject : RA_SUBJECT_OTHERS;
}

/* Of several the first. */
static unsigned subject_of(const ra_request *r)
{
    const ra_op *op = &r->op;
    if (op->nparts)
        return op->parts[0].policy->subject;
    if (op->bypassed)
        return op->bypassed->subject;
    for (size_t i = 0; i < op->nmarks; i++)
        if (op->marks[i].item)
            return op->marks[i].subject;
    return op->ntables ? subject_of_table(&op->tables[0]) : RA_SUBJECT_OTHERS;
}

/* ---- reads ---- */

static void count_bypass(ra_request *r, unsigned subject, const char *why)
{
    const ra_read_event e = {
        .tag = ra_meter_tag(subject, r->op.kind), .outcome = RA_READ_BYPASS, .reason = why};
    ra_meter_read(r->loop->meter, &e, r->arrived_us / 1000);
}

static enum ra_read_outcome outcome_of(const ra_lookup *look, bool stale)
{
    return look->outcome == RA_LOOKUP_HIT      ? RA_READ_HIT
           : look->outcome == RA_LOOKUP_BYPASS ? RA_READ_BYPASS
           : stale                             ? RA_READ_STALE
                                               : RA_READ_MISS;
}

/* What DynamoDB hasn't read for this client, since it was cached or somebody else has paid. */
static uint64_t saved_by(const ra_part *part, const ra_read_event *e)
{
    const ra_lookup *look = &part->look;
    uint32_t blocks = 0;
    if ((e->outcome == RA_READ_HIT || e->outcome == RA_READ_STALE) && look->payload)
        blocks = ra_op_payload_blocks(look->payload);
    else if (e->coalesced)
        blocks = part->blocks;
    return ra_capacity_of_read(blocks, part->consistent);
}

static ra_read_event event_of(const ra_request *r, const ra_part *part, bool stale)
{
    const ra_lookup *look = &part->look;
    ra_read_event e = {.tag = look->tag,
                       .outcome = outcome_of(look, stale),
                       .reason = look->reason,
                       .unit = &look->unit,
                       .entry = &look->request,
                       .bytes = look->payload ? look->payload->len : part->bytes};
    e.near = e.outcome == RA_READ_HIT && look->near;
    e.negative = e.outcome == RA_READ_HIT && look->payload && ra_op_payload_is_negative(look->payload);
    e.coalesced = e.outcome == RA_READ_MISS && r->collapsed;
    e.none = e.outcome == RA_READ_MISS && part->none;
    e.half_units = saved_by(part, &e);
    e.observed = r->observed;
    return e;
}

void ra_request_count_reads(ra_request *r, bool stale)
{
    const ra_op *op = &r->op;
    if (r->reads_counted || op->class != RA_CLASS_READ)
        return;
    r->reads_counted = true;
    bool known = op->uncached != NULL;
    if (op->nparts == 0 && !known)
        count_bypass(r, subject_of(r), op->bypass);
    for (size_t i = 0; i < op->nparts; i++) {
        ra_read_event e = event_of(r, &op->parts[i], stale);
        ra_meter_read(r->loop->meter, &e, r->missed_at);
        if (r->observed)
            continue; /* DynamoDB has answered it */
        r->how.near = e.near && (i == 0 || r->how.near);
        r->how.negative = e.negative && op->nparts == 1;
        r->how.coalesced |= e.coalesced;
    }
    for (size_t i = 0; known && i < op->nuncached; i++) {
        const ra_policy *policy = op->uncached[i].policy;
        count_bypass(r, policy ? policy->subject : RA_SUBJECT_OTHERS, op->uncached[i].why);
    }
}

void ra_request_count_fill(ra_request *r, const ra_part *part, enum ra_filled result)
{
    ra_meter_fill(r->loop->meter, part->policy->subject, result);
}

/* ---- the request ---- */

static void count_answer(ra_request *r, enum ra_request_outcome outcome, const ra_verdict *v)
{
    if (r->counted || r->own)
        return;
    r->counted = true;
    unsigned subject = subject_of(r);
    outcome = r->left ? RA_REQUEST_LEFT : outcome;
    ra_meter_request(r->loop->meter, ra_meter_tag(subject, r->op.kind), &r->how, outcome,
                     ra_clock_monotonic_us() - r->arrived_us);
    if (r->loop->access_log)
        ra_request_log(r, subject, outcome, v);
}

void ra_request_count_answer(ra_request *r, enum ra_request_outcome outcome)
{
    count_answer(r, outcome, NULL);
}

void ra_request_count_verdict(ra_request *r, const ra_verdict *v)
{
    static const enum ra_request_outcome of_cache[] = {[RA_X_HIT] = RA_REQUEST_HIT,
                                                       [RA_X_MISS] = RA_REQUEST_MISS,
                                                       [RA_X_BYPASS] = RA_REQUEST_BYPASS,
                                                       [RA_X_STALE] = RA_REQUEST_STALE};
    static const enum ra_request_outcome of_class[] = {
        [RA_CLASS_PASS] = RA_REQUEST_PASS, [RA_CLASS_WRITE] = RA_REQUEST_WRITE};
    count_answer(r, r->op.class == RA_CLASS_READ ? of_cache[v->cache] : of_class[r->op.class], v);
}

/* ---- what is asked of others ---- */

static enum ra_upstream_result result_of(const ra_http_reply *reply)
{
    if (!reply || (reply->result != RA_HTTP_OK && reply->result != RA_HTTP_NOT_SENT))
        return RA_UPSTREAM_BROKEN;
    if (reply->result == RA_HTTP_NOT_SENT)
        return RA_UPSTREAM_NOT_SENT;
    return reply->status >= 500           ? RA_UPSTREAM_FAILED
           : ra_reply_is_throttled(reply) ? RA_UPSTREAM_THROTTLED
           : reply->status >= 400         ? RA_UPSTREAM_REFUSED
                                          : RA_UPSTREAM_OK;
}

void ra_request_count_upstream(ra_request *r)
{
    enum ra_upstream_class class = r->op.class == RA_CLASS_READ    ? RA_UPSTREAM_READ
                                   : r->op.class == RA_CLASS_WRITE ? RA_UPSTREAM_WRITE
                                                                   : RA_UPSTREAM_OTHER;
    int64_t now_us = ra_clock_monotonic_us();
    ra_request *client = r->asker ? r->asker : r; /* who waits for it */
    client->upstream_calls++;
    client->upstream_us += now_us - r->sent_us;
    ra_meter_upstream(r->loop->meter, class, result_of(r->reply), now_us - r->sent_us, now_us / 1000);
}

void ra_request_count_store(ra_request *r)
{
    ra_meter_store(r->loop->meter, ra_clock_monotonic_us() - r->asked_us);
}

/* ---- capacity ---- */

/* `own`: what the client's own read would have consumed of them. */
static void count_spent(ra_request *r, unsigned subject, uint64_t spent, uint64_t own)
{
    own = r->refreshing || r->state == RA_COMPARED ? 0 : own < spent ? own : spent;
    ra_meter_units(r->loop->meter, subject, &(ra_units){.spent = spent, .extra = spent - own});
}

static void count_spent_by_one(ra_request *r)
{
    const ra_op *op = &r->op;
    uint64_t blocks = ra_capacity_blocks(op->half_units, ra_op_went_consistent(op));
    count_spent(r, subject_of(r), op->half_units, ra_capacity_of_read(blocks, op->consistent));
}

/* One table of a batch: each key's under its pattern. What can't be told of them counts for the table. */
static void count_spent_by_table(ra_request *r, size_t table)
{
    const ra_op_table *t = &r->op.tables[table];
    uint64_t left = t->half_units;
    bool consistent = false, sent = ra_op_batch_is_consistent(&r->op, table, &consistent);
    for (size_t i = 0; i < r->op.nparts; i++) {
        const ra_part *part = &r->op.parts[i];
        if (part->table != table || !part->upstream || !part->told)
            continue;
        uint64_t spent = ra_capacity_of_read(part->blocks, sent);
        spent = spent < left ? spent : left;
        left -= spent;
        count_spent(r, part->policy->subject, spent, ra_capacity_of_read(part->blocks, consistent));
    }
    if (left)
        count_spent(r, subject_of_table(t), left,
                    ra_capacity_of_read(ra_capacity_blocks(left, sent), consistent));
}

static void count_written(ra_request *r)
{
    const ra_op *op = &r->op;
    if (op->ntables == 1) {
        ra_meter_units(r->loop->meter, subject_of(r), &(ra_units){.written = op->half_units});
        return;
    }
    for (size_t i = 0; i < op->ntables; i++)
        ra_meter_units(r->loop->meter, subject_of_table(&op->tables[i]),
                       &(ra_units){.written = op->tables[i].half_units});
}

void ra_request_count_units(ra_request *r)
{
    ra_op *op = &r->op;
    if (!op->half_units)
        return;
    if (op->class == RA_CLASS_WRITE)
        count_written(r);
    else if (op->kind != RA_OP_BATCH_GET_ITEM)
        count_spent_by_one(r);
    for (size_t i = 0; op->kind == RA_OP_BATCH_GET_ITEM && i < op->ntables; i++)
        count_spent_by_table(r, i);
    (r->asker ? r->asker : r)->half_units += op->half_units;
    op->half_units = 0; /* counted; another read may come, for comparing */
    for (size_t i = 0; i < op->ntables; i++)
        op->tables[i].half_units = 0;
}

void ra_request_note_blocks(ra_request *r)
{
    for (size_t i = 0; r->reply && i < r->op.nparts; i++)
        r->reply->note += r->op.parts[i].blocks;
}

void ra_request_take_blocks(ra_request *r)
{
    uint32_t left = r->reply ? r->reply->note : 0, n = 0;
    for (size_t i = 0; i < r->op.nparts; i++)
        n += r->op.parts[i].upstream;
    for (size_t i = 0; i < r->op.nparts; i++) {
        ra_part *part = &r->op.parts[i];
        if (!part->upstream)
            continue;
        part->blocks = left / n--;
        left -= part->blocks;
    }
}

/* ---- writes ---- */

static size_t count_marks(ra_request *r, const ra_mark *marks, size_t n, int64_t now)
{
    enum ra_cause cause = r->op.changes_table ? RA_CAUSE_TABLE_CHANGE : RA_CAUSE_WRITE;
    size_t items = 0;
    for (size_t i = 0; i < n; i++) {
        ra_meter_invalidation(r->loop->meter, marks[i].subject, cause, marks[i].all ? NULL : &marks[i].unit,
                              now);
        if (!marks[i].item)
            continue;
        items++;
        ra_meter_write(r->loop->meter, marks[i].subject, r->op.kind, 1);
    }
    return items;
}

void ra_request_count_write(ra_request *r)
{
    int64_t now = ra_clock_monotonic();
    size_t items = 0;
    if (r->op.class != RA_CLASS_WRITE)
        return;
    if (r->marked) {
        items = count_marks(r, r->marks, r->nmarks, now);
        count_marks(r, r->after, r->nafter, now);
    }
    if (!items)
        ra_meter_write(r->loop->meter, subject_of(r), r->op.kind, 1);
}
