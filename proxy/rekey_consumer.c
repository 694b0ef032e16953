#include "proxy/rekey_consumer.h"

#include "proxy/clock.h"
#include "proxy/log.h"

#include <stdlib.h>

enum {
    CONSUMER_MAGIC = 0x726b6579,
    ARENA_MAX = 512 << 20, /* of one batch: DynamoDB gives 1 MB at most, doubled by each rule */
    LETTER_MAX = 8 << 20,
    OWED_MAX = 64 << 20, /* bytes of targets that owe a look: past it, looks are waited for */
    PAUSE = 1000
};

struct ra_rekey_consumer {
    uint32_t magic;
    ra_rekey_consumer_options o;
    ra_stream_handler handler;
    ra_rekey_looks *looks;
    ra_rekey_keeper *keeper;
    ra_rekey_run run;
    char *arn; /* of the stream that was found last; NULL: none yet */
};

/* A record that a rule wants. */
typedef struct wanted {
    const ra_stream_rule *rule;
    const ra_stream_record *record;
    ra_rekey_target target;
} wanted;

typedef struct batch {
    ra_rekey_consumer *c;
    ra_arena *a;
    const ra_stream_records *records;
    wanted *v;
    size_t n;
    ra_rekey_totals done;
} batch;

static ra_rekey_consumer *checked(void *p)
{
    ra_rekey_consumer *c = p;
    if (!c || c->magic != CONSUMER_MAGIC)
        ra_corrupt("consumer of a stream");
    return c;
}

static bool stopping(const ra_rekey_consumer *c)
{
    return c->o.calls->stopping(c->o.calls->arg);
}

static int64_t now(const ra_rekey_consumer *c)
{
    return c->o.calls->monotonic(c->o.calls->arg);
}

static void trouble(void *arg, const char *what_or_null)
{
    const ra_rekey_consumer *c = checked(arg);
    ra_rekey_report_trouble(c->o.report, c->o.table->name, what_or_null);
}

/* ---- dead letters ---- */

static void add_image(ra_buf *out, const ra_json *j, const char *name, uint32_t token)
{
    if (token == RA_JSON_NONE)
        return;
    ra_buf_addf(out, ",\"%s\":", name);
    ra_buf_add_bytes(out, ra_json_raw(j, token));
}

/* As a stream tells of it, as far as it matters. */
static void record_text(const ra_stream_record *r, const ra_json *j, ra_buf *out)
{
    static const char *const events[] = {"INSERT", "MODIFY", "REMOVE"};
    if (!r->understood) {
        ra_buf_add_bytes(out, ra_json_raw(j, r->token));
        return;
    }
    ra_buf_addf(out, "{\"eventName\":\"%s\",\"dynamodb\":{\"SequenceNumber\":\"%s\"", events[r->event],
                r->sequence);
    add_image(out, j, "Keys", r->keys);
    add_image(out, j, "NewImage", r->after);
    add_image(out, j, "OldImage", r->before);
    ra_buf_add_z(out, "}}");
}

/* Until it is written, or everything is to stop. */
static bool write_letter(ra_rekey_consumer *c, const ra_dead_letter *letter)
{
    const char *why;
    while (!ra_dead_letters_add(c->o.dead, letter, ra_clock_wall(), &why)) {
        char said[256];
        snprintf(said, sizeof said, "the dead letters can't be written: %s", why);
        ra_rekey_run_troubled(&c->run, said);
        if (stopping(c))
            return false;
        c->o.calls->wait(c->o.calls->arg, PAUSE);
    }
    ra_rekey_run_untroubled(&c->run);
    ra_rekey_report_dead(c->o.report, letter->table, letter->rule, letter->tries, letter->error);
    return true;
}

static bool bury(ra_rekey_consumer *c, const ra_stream_rule *rule, unsigned tries, ra_bytes error,
                 ra_buf *record)
{
    ra_dead_letter letter = {.rule = rule->name,
                             .table = rule->table,
                             .tries = tries,
                             .error = error,
                             .record = ra_buf_ok(record) ? ra_buf_bytes(record) : RA_BYTES("null")};
    bool ok = write_letter(c, &letter);
    ra_buf_free(record);
    return ok;
}

static bool bury_record(batch *b, const ra_stream_rule *rule, const ra_stream_record *r, unsigned tries,
                        ra_bytes error)
{
    ra_buf text;
    ra_buf_init(&text, LETTER_MAX);
    record_text(r, &b->records->json, &text);
    bool ok = bury(b->c, rule, tries, error, &text);
    b->done.dead_letters += ok;
    return ok;
}

/* Of a record whose batch is gone: only its number and its keys are known. */
static bool bury_target(ra_rekey_consumer *c, const ra_stream_rule *rule, const ra_rekey_target *target,
                        unsigned tries, ra_bytes error)
{
    ra_buf text;
    ra_buf_init(&text, LETTER_MAX);
    ra_buf_add_z(&text, "{\"dynamodb\":");
    ra_buf_add_bytes(&text, target->origin);
    ra_buf_add_char(&text, '}');
    return bury(c, rule, tries, error, &text);
}

/* ---- which records are wanted ---- */

static bool want(batch *b, const ra_stream_rule *rule, const ra_stream_record *r)
{
    const ra_table *t = b->c->o.table;
    const ra_json *j = &b->records->json;
    wanted w = {.rule = rule, .record = r};
    const char *why;
    if (strcmp(rule->table, t->name) != 0 || !ra_rekey_wants(rule, r, j, t, b->a))
        return true;
    b->done.matched++;
    switch (ra_rekey_target_make(rule, r, j, t, b->a, &w.target, &why)) {
    case RA_REKEY_OK:
        b->v[b->n++] = w;
        return true;
    case RA_REKEY_POISON: /* what it lacks it will always lack: one try is enough */
        return bury_record(b, rule, r, 1, ra_bytes_z(why));
    case RA_REKEY_NOT_A_REPLY:
    case RA_REKEY_NO_MEMORY:
        break;
    }
    ra_rekey_run_troubled(&b->c->run, why);
    return false;
}

/* By group, the newest first; of one sort key what the stream told last, as the first to be run stays. */
static int order(const void *x, const void *y)
{
    const wanted *a = x, *b = y;
    int c = memcmp(a->target.group.b, b->target.group.b, RA_KEY_BYTES);
    if (c == 0)
        c = ra_rekey_order(&b->target.sort, &a->target.sort);
    return c ? c : (a->record < b->record) - (a->record > b->record);
}

static bool find_wanted(batch *b)
{
    const ra_rekey_consumer_options *o = &b->c->o;
    b->v = ra_arena_array(b->a, b->records->n * o->nrules, sizeof *b->v);
    if (!b->v)
        return false;
    for (size_t i = 0; i < b->records->n; i++) {
        for (size_t k = 0; k < o->nrules; k++) {
            if (!want(b, &o->rules[k], &b->records->v[i]))
                return false;
        }
    }
    qsort(b->v, b->n, sizeof *b->v, order);
    return true;
}

/* ---- looks ---- */

static bool owe(ra_rekey_consumer *c, const ra_stream_rule *rule, const ra_rekey_target *target)
{
    if (!ra_rekey_lags(rule, c->o.table))
        return true;
    if (ra_rekey_looks_owe(c->looks, rule, target, now(c) + c->o.settle))
        return true;
    ra_rekey_run_troubled(&c->run, "out of memory");
    return false;
}

/* The look that is due first. false: it was to stop. */
static bool make_look(ra_rekey_consumer *c, const ra_stream_rule *rule, const ra_rekey_target *target)
{
    ra_rekey_totals done = {0};
    ra_rekey_outcome out;
    enum ra_rekey_end end = ra_rekey_run_target(&c->run, rule, target, &out);
    bool ok = end != RA_REKEY_STOPPED;
    if (end == RA_REKEY_GIVEN_UP) {
        ok = bury_target(c, rule, target, out.tries, ra_buf_bytes(&out.error));
        done.dead_letters = ok;
    }
    done.moved = out.moved;
    ra_buf_free(&out.error);
    if (done.moved || done.dead_letters)
        ra_rekey_report_done(c->o.report, c->o.table->name, &done);
    if (ok)
        ra_rekey_looks_made(c->looks);
    return ok;
}

/* All that are due; with too many owed, the next ones are waited for. */
static bool make_looks(ra_rekey_consumer *c, bool all)
{
    const ra_stream_rule *rule;
    const ra_rekey_target *target;
    int64_t due;
    while (ra_rekey_looks_first(c->looks, &rule, &target, &due)) {
        int64_t ms = due - now(c);
        if (ms > 0 && !all && ra_rekey_looks_bytes(c->looks) <= OWED_MAX)
            break;
        if (stopping(c))
            return false;
        if (ms > 0)
            c->o.calls->wait(c->o.calls->arg, ms);
        else if (!make_look(c, rule, target))
            return false;
        else
            ra_rekey_keeper_pass(c->keeper);
    }
    return true;
}

/* ---- one group of a batch ---- */

/* What is run: the record's own target, or a newer one that its group still owes a look. */
static const ra_rekey_target *newest(const ra_rekey_consumer *c, const wanted *w)
{
    const ra_rekey_target *t = ra_rekey_looks_newest(c->looks, &w->target.group);
    return t && ra_rekey_order(&t->sort, &w->target.sort) > 0 ? t : &w->target;
}

/* false: not done, and to be tried again. *went: its rows are where the record puts them, or further. */
static bool run_one(batch *b, const wanted *w, bool *went)
{
    ra_rekey_consumer *c = b->c;
    ra_rekey_outcome out;
    const ra_rekey_target *target = newest(c, w);
    enum ra_rekey_end end = ra_rekey_run_target(&c->run, w->rule, target, &out);
    if (end == RA_REKEY_GIVEN_UP && target != &w->target) {
        /* that one is buried when it is looked at again; this one may still go */
        ra_buf_free(&out.error);
        b->done.moved += out.moved;
        target = &w->target;
        end = ra_rekey_run_target(&c->run, w->rule, target, &out);
    }
    bool ok = end != RA_REKEY_STOPPED;
    *went = end == RA_REKEY_DONE;
    if (end == RA_REKEY_DONE)
        ok = owe(c, w->rule, target);
    else if (end == RA_REKEY_GIVEN_UP)
        ok = bury_record(b, w->rule, w->record, out.tries, ra_buf_bytes(&out.error));
    b->done.moved += out.moved;
    ra_buf_free(&out.error);
    return ok;
}

static bool run_groups(batch *b)
{
    for (size_t i = 0; i < b->n;) {
        const ra_key *group = &b->v[i].target.group;
        bool went = false;
        for (; i < b->n && ra_key_eq(group, &b->v[i].target.group); i++) {
            if (!went && (stopping(b->c) || !run_one(b, &b->v[i], &went)))
                return false;
        }
    }
    return true;
}

/* ---- what the walk calls ---- */

static bool on_batch(void *arg, const ra_shard *shard, ra_bytes body)
{
    ra_rekey_consumer *c = checked(arg);
    ra_stream_records records;
    ra_arena a;
    (void)shard;
    ra_arena_init(&a, ARENA_MAX);
    if (!ra_stream_records_read(body, &a, &records)) {
        ra_rekey_run_troubled(&c->run, "a reply to GetRecords isn't understood, or there is no memory");
        ra_arena_free(&a);
        return false;
    }
    batch b = {.c = c, .a = &a, .records = &records};
    bool ok = find_wanted(&b) && run_groups(&b);
    b.done.records = ok ? records.n : 0;
    b.done.matched = ok ? b.done.matched : 0;
    if (ok)
        ra_rekey_run_untroubled(&c->run);
    if (ok || b.done.moved || b.done.dead_letters)
        ra_rekey_report_done(c->o.report, c->o.table->name, &b.done);
    ra_stream_records_free(&records);
    ra_arena_free(&a);
    if (ok)
        make_looks(c, false);
    return ok;
}

static bool on_lost(void *arg, const char *why)
{
    const ra_rekey_consumer *c = checked(arg);
    ra_rekey_report_lost(c->o.report, c->o.table->name, why);
    return true;
}

/* A table of other keys that has taken the name of the one before would make poison of each record. */
static void note_stream(ra_rekey_consumer *c, const char *arn)
{
    const ra_table *table = c->arn && strcmp(c->arn, arn) != 0 ? c->o.renew(c->o.arg) : NULL;
    if (table)
        c->o.table = c->run.table = table;
    free(c->arn);
    c->arn = strdup(arn);
}

static void on_found(void *arg, const char *arn, const char *view)
{
    ra_rekey_consumer *c = checked(arg);
    if (*view)
        note_stream(c, arn);
    ra_rekey_report_stream(c->o.report, c->o.table->name, arn, view);
    if (strcmp(view, "KEYS_ONLY") == 0 || strcmp(view, "OLD_IMAGE") == 0)
        c->o.unusable(c->o.arg,
                      "the stream's records have no new image, which its rules take: its view type must be "
                      "NEW_IMAGE or NEW_AND_OLD_IMAGES");
}

static void on_watermark(void *arg, int64_t ms)
{
    ra_rekey_consumer *c = checked(arg);
    (void)ms;
    make_looks(c, false);
    ra_rekey_keeper_pass(c->keeper);
}

bool ra_rekey_consumer_finish(ra_rekey_consumer *c)
{
    bool ok = make_looks(c, true);
    ra_rekey_keeper_pass(c->keeper);
    return ok;
}

/* ---- begin and end ---- */

ra_rekey_consumer *ra_rekey_consumer_new(const ra_rekey_consumer_options *o)
{
    ra_rekey_consumer *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->magic = CONSUMER_MAGIC;
    c->o = *o;
    c->run = (ra_rekey_run){.calls = o->calls,
                            .table = o->table,
                            .tries = o->tries,
                            .settle = o->settle,
                            .trouble = trouble,
                            .arg = c};
    c->handler = (ra_stream_handler){
        .batch = on_batch, .lost = on_lost, .found = on_found, .watermark = on_watermark, .arg = c};
    c->looks = ra_rekey_looks_new();
    c->keeper = c->looks ? ra_rekey_keeper_new(o->keeper, c->looks) : NULL;
    if (c->keeper)
        return c;
    ra_rekey_consumer_free(c);
    return NULL;
}

void ra_rekey_consumer_free(ra_rekey_consumer *c)
{
    if (!c)
        return;
    ra_rekey_keeper_free(c->keeper);
    ra_rekey_looks_free(c->looks);
    free(c->arn);
    c->magic = 0;
    free(c);
}

const ra_stream_handler *ra_rekey_consumer_handler(const ra_rekey_consumer *c)
{
    return &c->handler;
}

const ra_stream_keeper *ra_rekey_consumer_keeper(const ra_rekey_consumer *c)
{
    return ra_rekey_keeper_outer(c->keeper);
}
