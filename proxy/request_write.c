/* A request's states: writes, and what passes through. */
#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/request_states.h"

#include <stdlib.h>

static enum ra_step go(ra_request *r, enum ra_request_state state)
{
    r->state = state;
    return RA_GO;
}

static void resumed(ra_store_call *call)
{
    ra_request *r = ra_request_of(call->arg);
    ra_request_resume(r, r->state);
}

/* ---- marking ---- */

static ra_key *units_of(ra_request *r, const ra_mark *marks, size_t n)
{
    ra_key *units = ra_arena_array(&r->arena, n, sizeof *units);
    for (size_t i = 0; i < n && units; i++)
        units[i] = marks[i].unit;
    return units;
}

/* Marks units for `hold`; the request goes on in state `then`, where r->call.ok tells. */
static enum ra_step begin(ra_request *r, const ra_write_id *id, const ra_mark *marks, size_t n, int64_t hold,
                          enum ra_request_state then)
{
    r->call = (ra_store_call){.done = resumed, .arg = r};
    r->state = then;
    ra_key *units = units_of(r, marks, n);
    if (!units)
        return RA_GO; /* call.ok is false */
    enum ra_store_step step =
        ra_store_begin(r->loop->store, ra_clock_monotonic(), id, units, n, hold, &r->call);
    return step == RA_STORE_PENDING ? RA_SUSPENDED : RA_GO;
}

static int by_settle(const void *a, const void *b)
{
    const ra_mark *x = a;
    const ra_mark *y = b;
    return (x->settle > y->settle) - (x->settle < y->settle);
}

/* Every table that this process knows, with its global indexes. false: no memory. */
static bool mark_every_table(ra_request *r)
{
    size_t n = 0;
    ra_table **all = ra_tables_all(r->loop->server->tables, &n);
    size_t most = 0;
    for (size_t i = 0; i < n && all; i++)
        most += 1 + all[i]->nindexes;
    r->marks = ra_arena_array(&r->arena, most, sizeof *r->marks);
    bool ok = (n == 0 || all) && r->marks;
    for (size_t i = 0; i < n && ok; i++) {
        const ra_table *t = all[i];
        const ra_table_config *config = ra_config_table(r->config, t->name, strlen(t->name));
        r->marks[r->nmarks++] = (ra_mark){.unit = t->key};
        for (size_t k = 0; k < t->nindexes; k++)
            if (t->indexes[k].global)
                r->marks[r->nmarks++] =
                    (ra_mark){.unit = t->indexes[k].guard, .settle = config ? config->settle : 0};
    }
    for (size_t i = 0; i < n && all; i++)
        ra_table_unref(all[i]);
    free(all);
    if (ok)
        qsort(r->marks, r->nmarks, sizeof *r->marks, by_settle);
    return ok;
}

enum ra_step ra_request_mark(ra_request *r)
{
    bool ok = ra_write_id_new(&r->write_id);
    if (r->op.any_table) {
        ok = mark_every_table(r) && ok;
    } else {
        r->marks = r->op.marks;
        r->nmarks = r->op.nmarks;
    }
    if (ok && r->nmarks == 0)
        return go(r, RA_FORWARDING);
    if (ok)
        return begin(r, &r->write_id, r->marks, r->nmarks, r->config->unknown_write_hold, RA_MARKED);
    ra_request_answer_error(r, 503, RA_TYPE_UNAVAILABLE, "readaside: out of memory");
    return go(r, RA_FINISHED);
}

/* Ends the write's markers, run by run of equal settle times (marks are sorted by them). */
static void end_marks(ra_request *r, bool settle)
{
    ra_key *units = units_of(r, r->marks, r->nmarks);
    if (!units) {
        ra_log(RA_LOG_WARNING, "out of memory: the markers of a write stay until their deadline");
        return;
    }
    int64_t now = ra_clock_monotonic();
    for (size_t i = 0, run = 0; i < r->nmarks; i = run) {
        while (run < r->nmarks && r->marks[run].settle == r->marks[i].settle)
            run++;
        ra_store_end(r->loop->store, now, &r->write_id, units + i, run - i, settle ? r->marks[i].settle : 0);
    }
}

enum ra_step ra_request_marked(ra_request *r)
{
    r->marked = true;
    if (r->call.ok)
        return go(r, RA_FORWARDING);
    end_marks(r, false);
    ra_request_answer_error(r, 503, RA_TYPE_UNAVAILABLE,
                            "readaside: the cache can't mark what this write touches, so it was not sent");
    return go(r, RA_FINISHED);
}

/* ---- forwarding ---- */

/* May libcurl send it again when a kept connection dies under it? Only what can't change anything. */
static bool is_read(const ra_op *op)
{
    static const char *const prefix[] = {"Describe", "List", "Get",        "BatchGet",
                                         "Query",    "Scan", "TransactGet"};
    if (op->class != RA_CLASS_PASS)
        return false;
    if (op->kind == RA_OP_EXECUTE_STATEMENT || op->kind == RA_OP_BATCH_EXECUTE_STATEMENT ||
        op->kind == RA_OP_EXECUTE_TRANSACTION)
        return true; /* of this class only when every statement reads */
    for (size_t i = 0; i < sizeof prefix / sizeof prefix[0]; i++)
        if (strncmp(op->name, prefix[i], strlen(prefix[i])) == 0)
            return true;
    return false;
}

enum ra_step ra_request_forward(ra_request *r)
{
    return ra_request_send(r, !is_read(&r->op), RA_AFTERMARKING);
}

/* ---- after the reply ---- */

static int64_t longest_settle(const ra_mark *marks, size_t n)
{
    int64_t longest = 0;
    for (size_t i = 0; i < n; i++)
        if (marks[i].settle > longest)
            longest = marks[i].settle;
    return longest;
}

/* What the reply says of the write: done, not done, or nobody knows. */
static void judge(ra_request *r)
{
    const ra_http_reply *reply = r->reply;
    bool answered = reply && reply->result == RA_HTTP_OK;
    r->succeeded = answered && reply->status >= 200 && reply->status < 300;
    bool refused = answered && reply->status >= 400 && reply->status < 500 && reply->status != 408;
    bool unsent = reply && reply->result == RA_HTTP_NOT_SENT;
    r->fate_unknown = !r->succeeded && !refused && !unsent;
}

static void forget_changed(ra_request *r)
{
    for (size_t i = 0; i < r->op.ntables && r->op.changes_table; i++)
        ra_tables_forget(r->loop->server->tables, ra_table_short_name(r->op.tables[i].given));
}

/* Appends to what is marked after the reply. false: no memory. */
static bool add_after(ra_request *r, const ra_mark *marks, size_t n)
{
    ra_mark *all = ra_arena_array(&r->arena, r->nafter + n, sizeof *all);
    if (!all)
        return false;
    if (r->nafter)
        memcpy(all, r->after, r->nafter * sizeof *all);
    memcpy(all + r->nafter, marks, n * sizeof *all);
    r->after = all;
    r->nafter += n;
    return true;
}

/* What a write that was planned with `old` has not marked of the table as it is known now. false: no memory.
 */
static bool mark_difference(ra_request *r, const ra_op_table *t, const ra_table *now)
{
    bool another = !t->table || !ra_key_eq(&t->table->key, &now->key);
    ra_mark mark = {.unit = now->key, .settle = 0};
    bool ok = !another || add_after(r, &mark, 1);
    for (size_t i = 0; i < now->nindexes && ok; i++) {
        const ra_table_index *index = &now->indexes[i];
        if (!index->global || (!another && ra_table_find_index(t->table, ra_bytes_z(index->name))))
            continue;
        mark = (ra_mark){.unit = index->guard, .settle = t->config->settle};
        ok = add_after(r, &mark, 1);
    }
    return ok;
}

/*
 * While the write was on its way the table may have been dropped and made again, or got an index, and a
 * reader that knew may have cached what the write has changed. false: no memory.
 */
static bool mark_changed_tables(ra_request *r)
{
    bool ok = true;
    for (size_t i = 0; i < r->op.ntables && ok; i++) {
        const ra_op_table *t = &r->op.tables[i];
        ra_table *now = t->config ? ra_tables_known(r->loop->server->tables, t->given) : NULL;
        if (now && now != t->table)
            ok = mark_difference(r, t, now);
        ra_table_unref(now);
    }
    return ok;
}

/*
 * A global index's partitions of the old image are known only now; they are marked before the client is
 * answered, for as long as the index may take to follow. A write of unknown fate may yet change any of them.
 */
enum ra_step ra_request_aftermark(ra_request *r)
{
    judge(r);
    ra_request_doubt_tables(r);
    forget_changed(r);
    bool known = true;
    if (r->marked && r->succeeded)
        known = ra_op_write_after(&r->op, r->reply, &r->after, &r->nafter);
    if (!known)
        r->fate_unknown = true; /* what it touched can't be told: as if nobody had answered */
    if (r->marked && r->fate_unknown)
        known = ra_op_write_unknown(&r->op, &r->after, &r->nafter);
    if (r->op.class == RA_CLASS_WRITE && (r->succeeded || r->fate_unknown))
        known = mark_changed_tables(r) && known;
    if (!known)
        ra_log(RA_LOG_ERROR, "out of memory: global indexes may be served stale up to their TTL");
    if (r->nafter == 0)
        return go(r, RA_UNMARKING);
    int64_t hold = longest_settle(r->after, r->nafter);
    if (r->fate_unknown)
        hold += r->config->unknown_write_hold;
    ra_write_id id;
    if (!ra_write_id_new(&id)) {
        r->call.ok = false;
        return go(r, RA_UNMARKING);
    }
    return begin(r, &id, r->after, r->nafter, hold > 0 ? hold : 1, RA_UNMARKING);
}

static void answer(ra_request *r)
{
    ra_verdict v = {.cache = RA_X_BYPASS,
                    .forward = r->op.class == RA_CLASS_WRITE ? "method" : "bypass",
                    .detail = r->op.class == RA_CLASS_WRITE ? "write" : "uncacheable-operation"};
    if (!r->succeeded || !ra_op_write_rewrites(&r->op, r->reply)) {
        ra_request_answer_upstream(r, &v);
        return;
    }
    ra_buf body;
    ra_buf_init(&body, r->config->upstream.max_reply);
    if (ra_op_write_reply(&r->op, r->reply, &body))
        ra_request_answer_made(r, r->reply, &body, &v);
    else
        ra_request_answer_upstream(
            r, &v); /* with the old image that nobody asked for, rather than as a failure */
    ra_buf_free(&body);
}

enum ra_step ra_request_unmark(ra_request *r)
{
    if (r->nafter && !r->call.ok) {
        /* No room for markers: at least nothing that is cached now is served. */
        ra_key *units = units_of(r, r->after, r->nafter);
        if (units)
            ra_store_invalidate(r->loop->store, ra_clock_monotonic(), units, r->nafter);
    }
    if (r->marked && !r->fate_unknown)
        end_marks(r, r->succeeded);
    answer(r);
    return go(r, RA_FINISHED);
}
