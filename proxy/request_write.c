/* A request's states: writes, but for their marks (proxy/request_mark.c), and what passes through. */
#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/request_states.h"

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
    r->sent_at = ra_clock_monotonic();
    return ra_request_send(r, !is_read(&r->op), RA_FORWARDED);
}

/*
 * A write that went out together with its marks is here twice: the reply has come, the store has answered, in
 * either order. Each of the two has set what it was awaited by to NULL (r->upstream, r->call.pending) before
 * it resumes the request, so only the last finds both so and goes on. Without a way to send it, it is here a
 * first time with the reply already. Everything else is here once, with nothing pending.
 *
 * Where the marks have failed by now the write is passed on, at once: it may be on its way.
 */
enum ra_step ra_request_forwarded(ra_request *r)
{
    if (r->marked && !r->call.pending && !r->call.ok && !r->passed_on && !r->untold)
        r->untold = !ra_request_pass_on(r);
    return r->call.pending || r->upstream ? RA_SUSPENDED : ra_request_go(r, RA_AFTERMARKING);
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
           ra_request_mark_known_tables(r, &r->after, &r->nafter);
}

/*
 * A global index's partitions of the old image are known only now; they are marked before the client is
 * answered, for as long as the index may take to follow. A write of unknown fate may yet change any of them.
 */
enum ra_step ra_request_aftermark(ra_request *r)
{
    judge(r);
    if (r->succeeded) {
        ra_op_take_capacity(&r->op, r->reply);
        ra_request_count_units(r);
    }
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
    r->after_untold = !known;
    if (!known)
        ra_log(RA_LOG_ERROR, "out of memory: global indexes may be served stale up to their TTL");
    if (r->nafter == 0)
        return ra_request_go(r, RA_REMARKING);
    if (ra_write_id_new(&r->after_id))
        return ra_request_begin(r, &r->after_id, r->after, r->nafter, RA_AFTERMARKED);
    ra_request_drop(r, r->after, r->nafter);
    r->after_untold = true;
    r->nafter = 0;
    return ra_request_go(r, RA_REMARKING);
}

/* Whatever the tables say of writes while the store is down: this one has been carried out. */
enum ra_step ra_request_aftermarked(ra_request *r)
{
    r->after_untold |= !r->call.ok;
    /* Without room to remember it at least nothing that is cached now is served. */
    if (!r->call.ok && !ra_request_remember(r, &r->after_id, r->after, r->nafter))
        ra_request_drop(r, r->after, r->nafter);
    return ra_request_go(r, RA_REMARKING);
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
    if (r->marked && !r->fate_unknown)
        ra_request_end_marks(r, &r->write_id, r->marks, r->nmarks, r->succeeded);
    if (r->nafter && !r->fate_unknown)
        ra_request_end_marks(r, &r->after_id, r->after, r->nafter, true);
    ra_request_note_own(r);
    ra_request_count_write(r);
    if (r->untold && r->succeeded)
        ra_request_answer_error(r, 503, RA_TYPE_UNAVAILABLE,
                                "readaside: the cache can't be told of this write, which was carried out");
    else
        answer(r);
    return ra_request_go(r, RA_FINISHED);
}
