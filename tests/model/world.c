/* What happens by itself: markers run out, data are evicted, invalidated or expire, pushes arrive, an index
 * follows its table. */
#include "tests/model/oracle.h"
#include "tests/model/store.h"
#include "tests/model/writer.h"

/* ---- markers ---- */

static void remove_marker(ra_state *t, unsigned w, unsigned key)
{
    for (unsigned v = 0; v < RA_SERVERS; v++)
        t->server[v].key[key].marks &= ~(1U << w);
}

/* The settle time of an ended write: the model assumes that the index has followed by then. */
static void settle(const ra_step *st, unsigned w, unsigned key)
{
    ra_state t = *st->from;
    ra_writer *v = &t.writer[w];
    if (t.index < v->version)
        return;
    remove_marker(&t, w, key);
    v->mark[key] = RA_M_ENDED;
    ra_take(st, &t, RA_V_SETTLED, w, key);
}

/*
 * Hold has the settle time on top: that of a write which strict has let through, and of one whose reply came
 * in time, doesn't run out before the index has followed.
 */
static bool covers_settling(const ra_step *st, unsigned w)
{
    const ra_writer *v = &st->from->writer[w];
    bool in_time = v->phase >= RA_W_RESULT && !v->late;
    return st->run->scope->index && (st->run->scope->mode == RA_STRICT || in_time) &&
           !ra_wrong(st->run, RA_MUTANT_HOLD_WITHOUT_SETTLE);
}

/*
 * A marker lives for hold. Strict's hold is longer than anything that can still make upstream execute the
 * request (that is the fence: its signature is too old). Fast's is longer than the proxy waits and no more.
 */
static void hold_over(const ra_step *st, unsigned w, unsigned key)
{
    const ra_run *run = st->run;
    ra_state t = *st->from;
    ra_writer *v = &t.writer[w];
    bool strict = run->scope->mode == RA_STRICT;
    if (t.index < v->version && covers_settling(st, w))
        return;
    if (strict && !ra_wrong(run, RA_MUTANT_SHORT_HOLD)) {
        if (v->request == RA_Q_FLYING)
            v->request = RA_Q_REJECTED;
        if (v->stray == RA_STRAY_FLYING)
            v->stray = RA_STRAY_LANDED;
    }
    if (v->phase <= RA_W_SENT)
        v->late = 1; /* the proxy's own clock says so too: it began to count earlier */
    remove_marker(&t, w, key);
    ra_take(st, &t, RA_V_HOLD_OVER, w, key);
}

static void marker_steps(const ra_step *st, unsigned w)
{
    for (unsigned k = 0; k < RA_KEYS; k++) {
        if (!ra_writer_marked_key(st->from, w, k))
            continue;
        if (st->from->writer[w].mark[k] == RA_M_SETTLING)
            settle(st, w, k);
        else
            hold_over(st, w, k);
    }
}

static void lose_markers(const ra_step *st, unsigned key)
{
    ra_state t = *st->from;
    if (!t.server[0].key[key].marks)
        return;
    t.server[0].key[key].marks = 0;
    ra_take(st, &t, RA_V_MARKERS_LOST, RA_NOBODY, key);
}

/* ---- data ---- */

static void data_steps(const ra_step *st, unsigned server)
{
    const ra_server *v = &st->from->server[server];
    for (unsigned k = 0; k < RA_KEYS; k++) {
        if (ra_wrong(st->run, RA_MUTANT_INV_REMOVES_MARKERS) || ra_wrong(st->run, RA_MUTANT_MARKERS_EVICTED))
            lose_markers(st, k);
        if (!v->key[k].generation)
            continue;
        ra_state t = *st->from;
        ra_store_drop(st->run, &t, server, k);
        t.server[server].key[k].counted = 0;
        ra_take(st, &t, RA_V_EVICT, RA_NOBODY, k);
    }
    for (unsigned e = 0; e < RA_SHAPES; e++) {
        if (!v->entry[e].value)
            continue;
        ra_state t = *st->from;
        t.server[server].entry[e] = (ra_slot){0};
        ra_take(st, &t, RA_V_ENTRY_EXPIRES, RA_NOBODY, ra_unit_of(e));
    }
}

/* ---- pushes ---- */

/* What is on its way for a key arrives at once; an earlier push that comes alone only makes more be
 * validated. */
static void deliver(const ra_step *st, unsigned key)
{
    ra_state t = *st->from;
    t.pushes &= ~(1U << key);
    if (!ra_wrong(st->run, RA_MUTANT_NEAR_PUSH_IGNORED))
        ra_near_taint(st->run, &t);
    for (unsigned w = 0; w < st->run->scope->writers; w++) {
        ra_writer *v = &t.writer[w];
        if (!(ra_writer_keys(st->run, w) >> key & 1) || v->mark[key] == RA_M_OUT)
            continue;
        v->pushed = 1;
        if (v->phase == RA_W_ANSWERED && v->request == RA_Q_COMMITTED)
            ra_oracle_promise(&t, v);
    }
    ra_take(st, &t, RA_V_PUSH, RA_NOBODY, key);
}

static void near_steps(const ra_step *st)
{
    for (unsigned k = 0; k < RA_KEYS; k++)
        if (st->from->pushes >> k & 1)
            deliver(st, k);
    if (st->from->near.value) {
        ra_state t = *st->from;
        t.near = (ra_near){0};
        ra_take(st, &t, RA_V_NEAR_DROP, RA_NOBODY, RA_NO_KEY);
    }
}

void ra_store_steps(const ra_step *st)
{
    for (unsigned w = 0; w < st->run->scope->writers; w++)
        marker_steps(st, w);
    data_steps(st, 0);
    if (st->from->failed_over)
        data_steps(st, 1);
    if (st->run->scope->near)
        near_steps(st);
}

/* ---- global indexes ---- */

/* The promise of a write falls due once its settle time after the answer has passed. */
void ra_index_steps(const ra_step *st)
{
    if (st->from->index < st->from->commits) {
        ra_state t = *st->from;
        t.index++;
        ra_take(st, &t, RA_V_INDEX, RA_NOBODY, RA_NO_KEY);
    }
    for (unsigned w = 0; w < st->run->scope->writers; w++) {
        const ra_writer *v = &st->from->writer[w];
        bool answered = v->phase == RA_W_ANSWERED && v->request == RA_Q_COMMITTED;
        if (!answered || v->version <= st->from->known || v->version > st->from->index)
            continue;
        ra_state t = *st->from;
        ra_oracle_promise(&t, v);
        ra_take(st, &t, RA_V_PROMISED, w, RA_NO_KEY);
    }
}
