/*
 * A write's marks: what it touches is marked in the store before others may take the write for done.
 *
 * Awaited: all marks are acknowledged, then the write is sent. So it is where consistency is linearizable,
 * and where a write that the store can't be told of is refused. Otherwise the two go out together, and the
 * client is answered when both have come (see ra_request_forwarded).
 *
 * What can't be marked is refused, or passed on: sent all the same, once this process remembers that the
 * store must be told. That promises the other proxies nothing until it has been.
 */
#include "proxy/clock.h"
#include "proxy/clock_check.h"
#include "proxy/log.h"
#include "proxy/request_states.h"
#include "proxy/server_store.h"

#include <stdlib.h>

/* ---- units ---- */

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

/* The deadline is for a write whose fate stays unknown: until DynamoDB would refuse it, and then until the
 * indexes have followed. */
static int64_t hold_of(const ra_request *r, const ra_mark *marks, size_t n)
{
    return r->config->unknown_write_hold + longest_settle(marks, n);
}

enum ra_step ra_request_begin(ra_request *r, const ra_write_id *id, const ra_mark *marks, size_t n,
                              enum ra_request_state then)
{
    r->call = (ra_store_call){.done = ra_request_store_done, .arg = r};
    r->state = then;
    ra_key *units = units_of(r, marks, n);
    if (!units)
        return RA_GO; /* call.ok is false */
    enum ra_store_step step =
        ra_store_begin(r->loop->store, ra_clock_monotonic(), id, units, n, hold_of(r, marks, n), &r->call);
    if (step != RA_STORE_PENDING)
        return RA_GO;
    r->asked_us = ra_clock_monotonic_us();
    return RA_SUSPENDED;
}

bool ra_request_remember(ra_request *r, const ra_write_id *id, const ra_mark *marks, size_t n)
{
    ra_key *units = units_of(r, marks, n);
    return units && ra_loop_store_go_on(r->loop, ra_clock_monotonic(), id, units, n, hold_of(r, marks, n));
}

void ra_request_drop(ra_request *r, const ra_mark *marks, size_t n)
{
    ra_key *units = units_of(r, marks, n);
    if (units)
        ra_store_invalidate(r->loop->store, ra_clock_monotonic(), units, n);
}

/* Ends markers, run by run of equal settle times (marks are sorted by them). */
void ra_request_end_marks(ra_request *r, const ra_write_id *id, const ra_mark *marks, size_t n, bool settle)
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

/* ---- tables that have come to be known ---- */

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
    unsigned subject = config ? config->policy.subject : 0;
    if (another)
        marks[(*n)++] = (ra_mark){.unit = now->key, .subject = subject, .all = true};
    for (size_t i = 0; i < now->nindexes; i++) {
        const ra_table_index *index = &now->indexes[i];
        bool was_known = planned ? ra_table_find_index(planned, ra_bytes_z(index->name)) != NULL
                                 : is_marked(r, &index->guard);
        if (index->global && (another || !was_known))
            marks[(*n)++] = (ra_mark){
                .unit = index->guard, .settle = config ? config->settle : 0, .subject = subject, .all = true};
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

bool ra_request_mark_known_tables(ra_request *r, ra_mark **marks, size_t *n)
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

/* ---- how it is marked ---- */

static void add_mode(ra_request *r, enum ra_consistency consistency, enum ra_writes writes)
{
    if (consistency < r->consistency) /* from the strictest to the loosest */
        r->consistency = consistency;
    r->may_pass &= writes == RA_WRITES_PASS;
}

/* Of several tables the strictest consistency counts, and one that refuses. */
static void find_mode(ra_request *r)
{
    const ra_config *c = r->config;
    r->consistency = RA_EVENTUAL;
    r->may_pass = true;
    if (r->op.any_table)
        add_mode(r, c->consistency, c->writes_when_store_down);
    for (size_t i = 0; i < c->ntables && r->op.any_table; i++)
        add_mode(r, c->tables[i].consistency, c->tables[i].writes_when_store_down);
    for (size_t i = 0; i < r->op.ntables; i++) {
        const ra_table_config *t = r->op.tables[i].config;
        if (t)
            add_mode(r, t->consistency, t->writes_when_store_down);
    }
}

/* Before marks are asked for: their time runs from here. */
static void set_times(ra_request *r)
{
    /* The hold is 34 times as long as attempts may take: see RA_HOLD_LINEARIZABLE. */
    int64_t window = r->config->unknown_write_hold / 34;
    r->marked_at = ra_clock_monotonic();
    r->sign_by = r->marked_at + (window < 30000 ? window : 30000);
}

bool ra_request_pass_on(ra_request *r)
{
    set_times(r);
    r->passed_on = r->may_pass && ra_request_remember(r, &r->write_id, r->marks, r->nmarks);
    return r->passed_on;
}

/* ---- states: marking, marked ---- */

enum ra_step ra_request_mark(ra_request *r)
{
    bool ok = ra_write_id_new(&r->write_id);
    r->marks = r->op.marks;
    r->nmarks = r->op.nmarks;
    if (r->op.any_table)
        ok = ra_request_mark_known_tables(r, &r->marks, &r->nmarks) && ok;
    if (ok && r->nmarks == 0)
        return ra_request_go(r, RA_FORWARDING);
    if (!ok) {
        ra_request_answer_error(r, 503, RA_TYPE_UNAVAILABLE, "readaside: out of memory");
        return ra_request_go(r, RA_FINISHED);
    }
    find_mode(r);
    if (r->consistency == RA_LINEARIZABLE && !ra_clock_agrees(r->loop->server)) {
        ra_request_answer_error(r, 503, RA_TYPE_UNAVAILABLE,
                                "readaside: the clock differs from DynamoDB's, so the write was not sent");
        return ra_request_go(r, RA_FINISHED);
    }
    set_times(r);
    r->marked = true;
    enum ra_step step = ra_request_begin(r, &r->write_id, r->marks, r->nmarks, RA_MARKED);
    bool together = step == RA_SUSPENDED && r->may_pass && r->consistency != RA_LINEARIZABLE;
    return together ? ra_request_go(r, RA_FORWARDING) : step;
}

enum ra_step ra_request_marked(ra_request *r)
{
    if (r->call.ok || ra_request_pass_on(r))
        return ra_request_go(r, RA_FORWARDING);
    ra_request_end_marks(r, &r->write_id, r->marks, r->nmarks, false);
    ra_request_answer_error(r, 503, RA_TYPE_UNAVAILABLE,
                            "readaside: the cache can't mark what this write touches, so it was not sent");
    return ra_request_go(r, RA_FINISHED);
}

/* ---- states: remarking, remarked ---- */

/*
 * May the marks have run out before the write's end? The process was stopped for so long, say. Then others
 * may have read what was there before the commit, and have cached it after the marks were gone.
 *
 * Not where consistency is linearizable: that hold is so long that DynamoDB can't have carried the write out
 * after it, so that who cached anything since has read what the write left. And not in the process's own
 * memory, where the end has taken effect before the client is answered.
 */
static bool may_have_run_out(const ra_request *r)
{
    return r->marked && r->succeeded && r->consistency != RA_LINEARIZABLE &&
           !ra_loop_store_ends_at_once(r->loop) &&
           ra_clock_monotonic() - r->marked_at >= r->config->unknown_write_hold;
}

/* An end drops what was cached meanwhile, but nobody waits for it. So the marks are set once more, which
 * drops it as well, and that is awaited. */
enum ra_step ra_request_remark(ra_request *r)
{
    if (!may_have_run_out(r))
        return ra_request_go(r, RA_UNMARKING);
    set_times(r);
    return ra_request_begin(r, &r->write_id, r->marks, r->nmarks, RA_REMARKED);
}

enum ra_step ra_request_remarked(ra_request *r)
{
    if (r->call.ok)
        return ra_request_go(r, RA_REMARKING); /* in time? */
    r->untold = !ra_request_pass_on(r);
    return ra_request_go(r, RA_UNMARKING);
}
