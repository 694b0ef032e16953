/* BatchGetItem's replies: each key's entry. */
#include "proxy/capacity.h"
#include "proxy/op_plan.h"

#include <stdlib.h>

uint32_t ra_batch_get_of_table(const ra_op *op, const ra_json *j, uint32_t map, size_t table)
{
    ra_bytes name, given = op->tables[table].given;
    uint32_t value = map == RA_JSON_NONE ? RA_JSON_NONE : ra_json_member_bytes(j, map, given);
    if (value != RA_JSON_NONE || map == RA_JSON_NONE || !ra_json_is(j, map, RA_JSON_OBJECT))
        return value;
    for (uint32_t i = map + 1; i < j->t[map].next; i = j->t[i + 1].next) {
        if (ra_json_string(j, i, op->arena, &name) &&
            ra_bytes_eq(ra_table_short_name(name), ra_table_short_name(given)))
            return i + 1;
    }
    return RA_JSON_NONE;
}

static int compare_scalars(const ra_scalar *a, const ra_scalar *b)
{
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    size_t n = a->bytes.n < b->bytes.n ? a->bytes.n : b->bytes.n;
    int c = n ? memcmp(a->bytes.p, b->bytes.p, n) : 0;
    return c ? c : (a->bytes.n > b->bytes.n) - (a->bytes.n < b->bytes.n);
}

/* A part of one table and what upstream says of its key. */
typedef struct answer {
    const ra_scalar *pk, *sk; /* sk: NULL for a table without one */
    size_t part;
    uint32_t item; /* its token, RA_JSON_NONE: missing */
    uint32_t blocks;
    bool unprocessed;
} answer;

static int compare_answers(const void *a, const void *b)
{
    const answer *x = a, *y = b;
    int c = compare_scalars(x->pk, y->pk);
    return c || !x->sk ? c : compare_scalars(x->sk, y->sk);
}

/* The parts of one table that were read upstream, sorted by key. */
static size_t collect(const ra_op *op, size_t table, answer *v)
{
    const ra_batch_get *plan = op->plan;
    const ra_batch_table *t = &plan->tables[table];
    size_t n = 0;
    for (size_t i = t->first; i < t->first + t->n; i++) {
        const ra_part *p = &op->parts[i];
        if (p->upstream)
            v[n++] = (answer){&p->pk, op->tables[table].table->sort_key ? &p->sk : NULL, i, RA_JSON_NONE, 0,
                              false};
    }
    if (n)
        qsort(v, n, sizeof *v, compare_answers);
    return n;
}

/* Notes each element of a list (items, or unprocessed keys) at its answer. false: one can't be read. */
static bool note(const ra_op *op, size_t table, const ra_json *j, uint32_t list, bool unprocessed, answer *v,
                 size_t n)
{
    const ra_table *t = op->tables[table].table;
    for (uint32_t i = list + 1; i < j->t[list].next; i = j->t[i].next) {
        ra_scalar pk, sk;
        if (!ra_op_key(j, i, t, false, op->arena, &pk, &sk))
            return false;
        answer wanted = {.pk = &pk, .sk = t->sort_key ? &sk : NULL};
        answer *found = n ? bsearch(&wanted, v, n, sizeof *v, compare_answers) : NULL;
        if (!found)
            continue; /* a key that has no part */
        if (unprocessed)
            found->unprocessed = true;
        else
            found->item = i;
    }
    return true;
}

/* What was read for an answer, by what it looks like: as much as the item is large. */
static uint32_t blocks_of(const ra_json *j, const answer *a)
{
    return a->unprocessed || a->item == RA_JSON_NONE
               ? 0
               : ra_capacity_item_blocks(ra_capacity_item_size(j, a->item));
}

/* Takes `over` blocks away again, but for one each: sizes are reckoned, what DynamoDB says is charged. How
 * many. */
static uint64_t take_back(answer *v, size_t n, uint64_t over)
{
    uint64_t left = over;
    for (size_t i = 0; i < n && left; i++) {
        uint32_t most = v[i].blocks ? v[i].blocks - 1 : 0;
        uint32_t taken = left < most ? (uint32_t)left : most;
        v[i].blocks -= taken;
        left -= taken;
    }
    return over - left;
}

/* Shares `more` blocks out among the answers with an item, or those without. */
static void share_out(answer *v, size_t n, bool missing, uint64_t more)
{
    uint64_t of = 0;
    for (size_t i = 0; i < n; i++)
        of += !v[i].unprocessed && (v[i].item == RA_JSON_NONE) == missing;
    for (size_t i = 0; i < n && of; i++) {
        if (v[i].unprocessed || (v[i].item == RA_JSON_NONE) != missing)
            continue;
        uint64_t share = more / of--;
        v[i].blocks += (uint32_t)share;
        more -= share;
    }
}

/*
 * How many blocks were read for each. DynamoDB says how many for all together; what goes beyond the items'
 * sizes was for those that are missing, one each, and then for what a projection has left out. Where not all
 * of the table's keys are among them that can't be told.
 */
static void measure_answers(ra_op *op, size_t table, const ra_json *j, answer *v, size_t n)
{
    const ra_batch_table *t = &((const ra_batch_get *)op->plan)->tables[table];
    bool asked, estimates = ra_op_estimates(op), sent = ra_op_batch_is_consistent(op, table, &asked);
    uint64_t all = ra_capacity_blocks(op->tables[table].half_units, sent), sum = 0, missing = 0;
    if (!all && !estimates) /* it doesn't say */
        return;
    for (size_t i = 0; i < n; i++) {
        v[i].blocks = blocks_of(j, &v[i]);
        sum += v[i].blocks;
        missing += !v[i].unprocessed && v[i].item == RA_JSON_NONE;
    }
    if (estimates) {
        op->tables[table].half_units = ra_capacity_of_read(sum + missing, sent);
        op->half_units += op->tables[table].half_units;
    }
    if (!estimates && t->n == t->nkeys && sum > all)
        sum -= take_back(v, n, sum - all);
    uint64_t more = all > sum ? all - sum : 0, of_missing = more < missing ? more : missing;
    if (estimates || t->n < t->nkeys)
        more = of_missing = missing;
    share_out(v, n, true, of_missing);
    share_out(v, n, false, more - of_missing);
}

/* Adds one table's entries. Nothing of a table that upstream's reply doesn't answer clearly. false: no
 * memory.
 */
static bool cacheable_of_table(ra_op *op, size_t table, const ra_json *j, int64_t filled_ms,
                               ra_cacheable *out, size_t *n)
{
    answer v[RA_OP_MAX_KEYS];
    size_t count = op->tables[table].table ? collect(op, table, v) : 0;
    uint32_t items = ra_batch_get_of_table(op, j, ra_json_member(j, 0, "Responses"), table);
    uint32_t rest = ra_batch_get_of_table(op, j, ra_json_member(j, 0, "UnprocessedKeys"), table);
    if (count == 0 || items == RA_JSON_NONE || !ra_json_is(j, items, RA_JSON_ARRAY) ||
        !note(op, table, j, items, false, v, count))
        return true;
    if (rest != RA_JSON_NONE) {
        uint32_t keys = ra_json_member(j, rest, "Keys");
        if (keys == RA_JSON_NONE || !ra_json_is(j, keys, RA_JSON_ARRAY) ||
            !note(op, table, j, keys, true, v, count))
            return true;
    }
    measure_answers(op, table, j, v, count);
    for (size_t i = 0; i < count; i++) {
        bool missing = v[i].item == RA_JSON_NONE;
        if (v[i].unprocessed)
            continue;
        ra_bytes item = missing ? (ra_bytes){NULL, 0} : ra_json_raw(j, v[i].item);
        ra_payload *p = ra_op_item_payload(missing ? NULL : &item, v[i].blocks, filled_ms);
        if (!p)
            return false;
        out[(*n)++] = (ra_cacheable){v[i].part, missing, p, v[i].blocks};
    }
    return true;
}

bool ra_batch_get_cacheable(ra_op *op, ra_http_reply *reply, int64_t filled_ms, ra_cacheable **out, size_t *n)
{
    ra_json j;
    ra_edit cut;
    bool ok = true;
    if (!ra_op_reply_parse(ra_op_reply_body(reply), RA_BATCH_REPLY_DEPTH, &j))
        return true;
    bool cuts = ra_op_measure(op, &j, &cut);
    ra_cacheable *v = ra_arena_array(op->arena, op->nparts + 1, sizeof *v);
    for (size_t i = 0; v && ok && i < op->ntables; i++)
        ok = cacheable_of_table(op, i, &j, filled_ms, v, n);
    ra_json_free(&j);
    if (cuts)
        ra_op_cut_reply(reply, &cut);
    if (v && ok) {
        *out = v;
        return true;
    }
    while (v && *n > 0)
        ra_payload_unref(v[--*n].payload);
    *n = 0;
    return false;
}
