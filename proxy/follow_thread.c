/* What a follower's thread does with what its walk finds. */
#include "proxy/clock.h"
#include "proxy/follow_image.h"
#include "proxy/follow_parts.h"
#include "proxy/item_digest.h"
#include "proxy/journal.h"
#include "proxy/log.h"
#include "proxy/stream_record.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BATCH_MAX = 256 << 20, /* tokens, images and marks of a reply of a few MB */
    TRIES_MOST = 10        /* then all of the table is dropped, which makes up for any record */
};

/* ---- the table as a whole ---- */

/*
 * What has been noted of writes until now would have been ended by records that haven't been looked at, so
 * that a stranger's write of the same image could be taken for such a one.
 */
static void distrust_notes(ra_follow *f)
{
    f->since_here = f->since = ra_clock_monotonic();
}

static bool void_one(ra_follow *f, ra_table *table, ra_arena *a)
{
    ra_op_table t = {.given = ra_bytes_z(f->name), .config = f->config, .table = table};
    ra_marks m;
    ra_marks_init(&m, a);
    ra_marks_table(&m, &t);
    if (!ra_marks_end(&m, NULL) || !ra_follow_mark(f, m.v, m.n))
        return false;
    atomic_fetch_add(&f->invalidated, m.n);
    return true;
}

/* All tables of that name that this process knows, or knew lately. false: there is none, or not all can be.
 */
static bool void_known(ra_follow *f, ra_arena *a)
{
    size_t n = 0, done = 0, wanted = 0;
    ra_table **all = ra_tables_all(f->loop->server->tables, &n);
    for (size_t i = 0; i < n && all; i++) {
        if (strcmp(all[i]->name, f->name) == 0) {
            wanted++;
            done += void_one(f, all[i], a);
        }
        ra_table_unref(all[i]);
    }
    free(all);
    return wanted && done == wanted;
}

/* Drops whatever is cached of the table. false: not now. */
static bool void_table(ra_follow *f)
{
    ra_arena a;
    ra_arena_init(&a, BATCH_MAX);
    distrust_notes(f);
    ra_follow_renew(f);
    ra_table *table = ra_follow_learn(f);
    bool ok = table ? void_one(f, table, &a) : void_known(f, &a);
    ra_table_unref(table);
    ra_arena_free(&a);
    return ok;
}

static bool lost(void *arg, const char *why)
{
    ra_follow *f = ra_follow_of(arg);
    if (atomic_load(&f->stopping))
        return false;
    if (ra_seldom_say(&f->lost_said, ra_clock_monotonic())) {
        ra_log(RA_LOG_INFO, "table %s: all that is cached of it is dropped: %s", f->name, why);
        ra_journal_note(f->loop->server->journal, RA_JOURNAL_STREAM,
                        "table %s: all that is cached of it is dropped: %s", f->name, why);
    }
    if (!void_table(f))
        return false;
    atomic_fetch_add(&f->lost, 1);
    return true;
}

/* ---- a batch ---- */

typedef struct batch_work {
    ra_follow *f;
    ra_arena *arena;
    ra_stream_records records;
    ra_op_table table;
    ra_marks *marks;        /* each record's */
    ra_own_change *changes; /* of those whose key can be read */
    size_t *change_of;      /* each record's, counted from 1; 0: none */
    size_t nchanges;
} batch_work;

/* false: the image isn't in the stream's view, or isn't understood. */
static bool image_name(const batch_work *w, uint32_t image, bool none, ra_key *out)
{
    if (none)
        ra_item_digest_removed(out);
    return none || (image != RA_JSON_NONE && ra_item_digest(&w->records.json, image, w->arena, out));
}

/* The item of a record, and what has become of it. false: its key can't be read, or it isn't understood, or
 * there is no memory. */
static bool change_of(const batch_work *w, const ra_stream_record *r, ra_own_change *c)
{
    const ra_json *j = &w->records.json;
    const ra_table *t = w->table.table;
    ra_scalar pk, sk;
    if (!r->understood || !ra_op_key(j, r->keys, t, true, w->arena, &pk, &sk) ||
        !ra_table_item_unit(t, &pk, t->sort_key ? &sk : NULL, &c->item))
        return false;
    ra_key before, after;
    bool was = image_name(w, r->before, r->event == RA_STREAM_INSERT, &before);
    c->has_image = image_name(w, r->after, r->event == RA_STREAM_REMOVE, &after) &&
                   ra_follow_image(t, was ? &before : NULL, &after, &c->image);
    return true;
}

static bool look_at_records(batch_work *w)
{
    size_t n = w->records.n;
    w->marks = ra_arena_array(w->arena, n, sizeof *w->marks);
    w->changes = ra_arena_array(w->arena, n, sizeof *w->changes);
    w->change_of = ra_arena_array(w->arena, n, sizeof *w->change_of);
    if (!w->marks || !w->changes || !w->change_of)
        return false;
    for (size_t i = 0; i < n; i++) {
        const ra_stream_record *r = &w->records.v[i];
        ra_marks_init(&w->marks[i], w->arena);
        ra_stream_record_marks(r, &w->records.json, &w->table, w->arena, &w->marks[i]);
        if (w->marks[i].failed)
            return false;
        if (change_of(w, r, &w->changes[w->nchanges]))
            w->change_of[i] = ++w->nchanges;
        else /* it ends no note */
            distrust_notes(w->f);
    }
    return true;
}

/* The units of all records but those of writes that went through a proxy. false: no memory. */
static bool collect(const batch_work *w, ra_marks *all, uint64_t *own)
{
    ra_marks_init(all, w->arena);
    *own = 0;
    for (size_t i = 0; i < w->records.n; i++) {
        const ra_marks *m = &w->marks[i];
        if (w->change_of[i] && w->changes[w->change_of[i] - 1].own) {
            (*own)++;
            continue;
        }
        for (size_t k = 0; k < m->n; k++)
            ra_marks_add(all, &m->v[k]);
    }
    return ra_marks_end(all, NULL);
}

static bool handle_records(batch_work *w)
{
    ra_follow *f = w->f;
    ra_marks all;
    uint64_t own;
    if (!look_at_records(w))
        return false;
    if (!ra_follow_take_own(f, w->changes, w->nchanges) || !collect(w, &all, &own) ||
        !ra_follow_mark(f, all.v, all.n))
        return false;
    atomic_fetch_add(&f->records, w->records.n);
    atomic_fetch_add(&f->own, own);
    atomic_fetch_add(&f->invalidated, all.n);
    atomic_fetch_add(&f->batches, 1);
    if (own) /* perhaps another process's, whose marks what is held near here may not have heard of yet */
        f->shards.foreign_at = ra_clock_monotonic();
    return true;
}

static bool handle(ra_follow *f, ra_bytes body, ra_arena *a)
{
    batch_work w = {.f = f, .arena = a};
    if (!ra_stream_records_read(body, a, &w.records)) {
        if (ra_seldom_say(&f->unread, ra_clock_monotonic()))
            ra_log(RA_LOG_WARNING, "table %s: records of its stream aren't understood", f->name);
        return false;
    }
    ra_follow_renew(f);
    ra_table *table = ra_follow_learn(f);
    w.table = (ra_op_table){.given = ra_bytes_z(f->name), .config = f->config, .table = table};
    bool ok = table && handle_records(&w);
    ra_table_unref(table);
    ra_stream_records_free(&w.records);
    return ok;
}

static void say_unhandled(ra_follow *f)
{
    unsigned long n = ra_seldom_say(&f->unmarked, ra_clock_monotonic());
    if (n)
        ra_log(RA_LOG_WARNING,
               "table %s: what its stream tells of can't be invalidated now, and is tried again (%lu time%s)",
               f->name, n, n == 1 ? "" : "s");
}

/* What can't be read, or whose table can't be described, is made up for in the end; what the store can't be
 * told of isn't, for it can't be told of the whole table either. */
static bool batch(void *arg, const ra_shard *shard, ra_bytes body)
{
    ra_follow *f = ra_follow_of(arg);
    ra_arena a;
    if (atomic_load(&f->stopping))
        return false;
    ra_arena_init(&a, BATCH_MAX);
    bool ok = handle(f, body, &a);
    ra_arena_free(&a);
    if (!ok && shard->refused + 1 >= TRIES_MOST && !atomic_load(&f->stopping) && void_table(f)) {
        ra_log(RA_LOG_WARNING, "table %s: all that is cached of it is dropped instead of what changed",
               f->name);
        atomic_fetch_add(&f->lost, 1);
        ok = true;
    }
    if (!ok && !atomic_load(&f->stopping))
        say_unhandled(f);
    return ok;
}

/* ---- the stream, and how far it has been read ---- */

/* What each MODIFY or REMOVE costs where the stream doesn't tell what the item was. */
static void say_view(ra_follow *f, const char *view)
{
    ra_table *table = ra_follow_learn(f);
    bool global = table && ra_table_has_global_index(table);
    ra_table_unref(table);
    if (!global || strcmp(view, "NEW_AND_OLD_IMAGES") == 0)
        return;
    const char *which = strcmp(view, "NEW_IMAGE") == 0   ? "MODIFY and REMOVE"
                        : strcmp(view, "OLD_IMAGE") == 0 ? "INSERT and MODIFY"
                                                         : "change of an item";
    ra_log(
        RA_LOG_WARNING,
        "table %s: its stream has the view %s, so that each %s that didn't go through a proxy drops all that "
        "is cached of its global indexes; NEW_AND_OLD_IMAGES says which of their partitions changed",
        f->name, view, which);
}

static void set_view(ra_follow *f, const char *view)
{
    pthread_mutex_lock(&f->lock);
    snprintf(f->view, sizeof f->view, "%s", view);
    pthread_mutex_unlock(&f->lock);
}

static void note(const ra_follow *f, const char *what)
{
    ra_journal_note(f->loop->server->journal, RA_JOURNAL_STREAM, "table %s: %s", f->name, what);
}

static void found(void *arg, const char *stream_arn, const char *view)
{
    ra_follow *f = ra_follow_of(arg);
    bool another = f->sought && strcmp(f->arn, stream_arn) != 0;
    if (f->sought && !another)
        return;
    bool none = !*view;
    set_view(f, view);
    if (another) /* perhaps it is another table of the same name */
        ra_tables_forget(f->loop->server->tables, ra_bytes_z(f->name));
    if (none) {
        ra_fresh_forget(&f->fresh);
        atomic_store(&f->fresh_as_of, 0);
        ra_log(RA_LOG_WARNING,
               "table %s: it has no stream, so that writes that bypass the proxy don't invalidate%s", f->name,
               atomic_load(&f->most_lag) ? ", and reads bypass the cache" : "");
        note(f, "it has no stream");
    } else {
        ra_log(RA_LOG_INFO, "table %s: following %s (%s)", f->name, stream_arn, view);
        note(f, "its stream is followed");
        say_view(f, view);
    }
    f->sought = true;
    snprintf(f->arn, sizeof f->arn, "%s", none ? "" : stream_arn);
}

static int64_t near_age(const ra_follow *f)
{
    return ra_config_near_age(f->loop->server->config, f->config);
}

/* How much later what is known of others' shards counts: see proxy/follow_fresh.h. */
static int64_t delay_of(const ra_follow *f, int64_t now)
{
    const ra_known_shards *k = &f->shards;
    int64_t age = near_age(f);
    return k->others || (k->foreign_at && now - k->foreign_at <= age) ? age : 0;
}

/* Once it was known how far it is behind. */
static void say_lag(ra_follow *f, int64_t now)
{
    int64_t wall = ra_clock_wall(), fresh = ra_follow_fresh_as_of(f);
    bool lags = !ra_follow_in_bounds(f, wall);
    if (fresh && lags && !f->lag_said && ra_seldom_say(&f->lagged, now)) {
        f->lag_said = true;
        ra_log(RA_LOG_WARNING,
               "table %s: following its stream is %lld ms behind, more than max_stream_lag: reads bypass the "
               "cache until it has caught up",
               f->name, (long long)(wall - fresh));
        note(f, "its stream is further behind than max_stream_lag: reads bypass the cache");
    } else if (!lags && f->lag_said) {
        f->lag_said = false;
        ra_log(RA_LOG_INFO, "table %s: following its stream has caught up; reads are cached again", f->name);
        note(f, "its stream has caught up; reads are cached again");
    }
}

static void watermark(void *arg, int64_t ms)
{
    ra_follow *f = ra_follow_of(arg);
    int64_t now = ra_clock_monotonic();
    int64_t mark = ms - f->loop->server->config->streams.delivery_allowance;
    int64_t wall = ra_clock_wall(), most = wall - near_age(f);
    ra_fresh_doubt(&f->fresh, wall);
    if (ms > 0 && mark > 0)
        ra_fresh_offer(&f->fresh, mark < most ? mark : most, now, delay_of(f, now));
    atomic_store(&f->fresh_as_of, f->fresh.counts);
    say_lag(f, now);
}

ra_stream_handler ra_follow_handler(ra_follow *f)
{
    return (ra_stream_handler){
        .batch = batch, .lost = lost, .found = found, .watermark = watermark, .arg = f};
}

void *ra_follow_run(void *follow)
{
    ra_follow *f = ra_follow_of(follow);
    const char *why = NULL;
    ra_stream_walk_run(f->walk, false, &why);
    return NULL;
}
