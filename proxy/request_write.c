/* A request's states: writes, and what passes through. */
#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/request_states.h"

#include <stdlib.h>

/* ---- marking ---- */

static ra_key *units_of(ra_request *r, const ra_mark *marks, size_t n)
{
    ra_key *units = ra_arena_array(&r->arena, n, sizeof *units);
    for (size_t i = 0; i < n && units; i++)
        units[i] = marks[i].unit;
    return units;
}

static int64_t longest_settle(const ra_mark *marks, size_t n)
{
    int64_t longest = 0;
    for (size_t i = 0; i < n; i++)
        if (marks[i].settle > longest)
            longest = marks[i].settle;
    return longest;
}

/*
 * Marks units; the request goes on in state `then`, where r->call.ok tells. The deadline is for a write whose
 * fate stays unknown: until DynamoDB would refuse it, and then until the indexes have followed.
 */
static enum ra_step begin(ra_request *r, const ra_write_id *id, const ra_mark *marks, size_t n,
                          enum ra_request_state then)
{
    r->call = (ra_store_call){.done = ra_request_store_done, .arg = r};
    r->state = then;
    ra_key *units = units_of(r, marks, n);
    if (!units)
        return RA_GO; /* call.ok is false */
    int64_t hold = r->config->unknown_write_hold + longest_settle(marks, n);
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

static bool is_marked(const ra_request *r, const ra_key *unit)
{
    for (size_t i = 0; i < r->nmarks; i++)
        if (ra_key_eq(&r->marks[i].unit, unit))
            return true;
    return false;
}

/* Appends what of a table as it is known now the write hasn't marked; it was planned with `planned`, or as
 * one of all. */
static void add_unmarked(const ra_request *r, const ra_table *planned, const ra_table *now, ra_mark *marks,
                         size_t *n)
{
    const ra_table_config *config = ra_config_table(r->config, now->name, strlen(now->name));
    bool another = planned ? !ra_key_eq(&planned->key, &now->key) : !is_marked(r, &now->key);
    if (another)
        marks[(*n)++] = (ra_mark){.unit = now->key};
    for (size_t i = 0; i < now->nindexes; i++) {
        const ra_table_index *index = &now->indexes[i];
        bool was_known = planned ? ra_table_find_index(planned, ra_bytes_z(index->name)) != NULL
                                 : is_marked(r, &index->guard);
        if (index->global && (another || !was_known))
            marks[(*n)++] = (ra_mark){.unit = index->guard, .settle = config ? config->settle : 0};
    }
}

/* Is it one of the write's tables? *planned is what it was planned with; NULL: not known then, or any table
 * may be meant. */
static bool concerns(const ra_request *r, const ra_table *now, const ra_table **planned)
{
    *planned = NULL;
    for (size_t i = 0; i < r->op.ntables && !r->op.any_table; i++) {
        if (!ra_bytes_eq_z(ra_table_short_name(r->op.tables[i].given), now->name))
            continue;
        *planned = r->op.tables[i].table;
        return true;
    }
    return r->op.any_table;
}

/*
 * Of the tables that this process knows now, adds to *marks what the write concerns and hasn't marked. false:
 * no memory, *marks is as it was.
 */
static bool mark_known_tables(ra_request *r, ra_mark **marks, size_t *n)
{
    size_t ntables = 0;
    size_t most = *n;
    size_t filled = *n;
    ra_table **all = ra_tables_all(r->loop->server->tables, &ntables);
    for (size_t i = 0; i < ntables && all; i++)
        most += 1 + all[i]->nindexes;
    ra_mark *v = ra_arena_array(&r->arena, most, sizeof *v);
    bool ok = (ntables == 0 || all) && v;
    if (ok && filled)
        memcpy(v, *marks, filled * sizeof *v);
    for (size_t i = 0; i < ntables && all; i++) {
        const ra_table *planned = NULL;
        if (ok && concerns(r, all[i], &planned) && planned != all[i])
            add_unmarked(r, planned, all[i], v, &filled);
        ra_table_unref(all[i]);
    }
    free(all);
    if (!ok)
        return false;
    qsort(v, filled, sizeof *v, by_settle);
    *marks = v;
    *n = filled;
    return true;
}

enum ra_step ra_request_mark(ra_request *r)
{
    bool ok = ra_write_id_new(&r->write_id);
    r->marks = r->op.marks;
    r->nmarks = r->op.nmarks;
    if (r->op.any_table)
        ok = mark_known_tables(r, &r->marks, &r->nmarks) && ok;
    if (ok && r->nmarks == 0)
        return ra_request_go(r, RA_FORWARDING);
    /* The hold is 34 times as long as attempts may take: see RA_HOLD_LINEARIZABLE. */
    int64_t window = r->config->unknown_write_hold / 34;
    r->sign_by = ra_clock_monotonic() + (window < 30000 ? window : 30000);
    if (ok)
        return begin(r, &r->write_id, r->marks, r->nmarks, RA_MARKED);
    ra_request_answer_error(r, 503, RA_TYPE_UNAVAILABLE, "readaside: out of memory");
    return ra_request_go(r, RA_FINISHED);
}

/* Ends markers, run by run of equal settle times (marks are sorted by them). */
static void end_marks(ra_request *r, const ra_write_id *id, const ra_mark *marks, size_t n, bool settle)
{
    ra_key *units = units_of(r, marks, n);
    if (!units) {
        ra_log(RA_LOG_WARNING, "out of memory: the markers of a write stay until their deadline");
        return;
    }
    int64_t now = ra_clock_monotonic();
    for (size_t i = 0, run = 0; i < n; i = run) {
        while (run < n && marks[run].settle == marks[i].settle)
            run++;
        ra_store_end(r->loop->store, now, id, units + i, run - i, settle ? marks[i].settle : 0);
    }
}

enum ra_step ra_request_marked(ra_request *r)
{
    r->marked = true;
    if (r->call.ok)
        return ra_request_go(r, RA_FORWARDING);
    end_marks(r, &r->write_id, r->marks, r->nmarks, false);
    ra_request_answer_error(r, 503, RA_TYPE_UNAVAILABLE,
                            "readaside: the cache can't mark what this write touches, so it was not sent");
    return ra_request_go(r, RA_FINISHED);
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

/*
 * While the write was on its way its table may have been made, or dropped and made again, or have got an
 * index, and a reader that knew may have cached what the write has changed. false: no memory.
 */
static bool mark_changed_tables(ra_request *r)
{
    return ra_tables_version(r->loop->server->tables) == r->tables_version ||
           mark_known_tables(r, &r->after, &r->nafter);
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
        return ra_request_go(r, RA_UNMARKING);
    if (ra_write_id_new(&r->after_id))
        return begin(r, &r->after_id, r->after, r->nafter, RA_UNMARKING);
    r->call.ok = false;
    return ra_request_go(r, RA_UNMARKING);
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
        end_marks(r, &r->write_id, r->marks, r->nmarks, r->succeeded);
    if (r->nafter && !r->fate_unknown)
        end_marks(r, &r->after_id, r->after, r->nafter, true);
    answer(r);
    return ra_request_go(r, RA_FINISHED);
}
