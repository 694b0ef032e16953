/*
 * A writer makes one write: BEGIN on each of its units, the request, upstream's commit or refusal, the
 * result, the answer to the client, END on each unit. Each is a step of its own, so anything may come
 * between. A BEGIN's acknowledgement is a step too; one that is lost never comes. A proxy that is killed or
 * gives up waiting stops in RA_W_SENT, while its request may still be executed.
 */
#include "tests/model/writer.h"

#include "tests/model/oracle.h"
#include "tests/model/store.h"

unsigned ra_writer_keys(const ra_run *run, unsigned w)
{
    return run->scope->writer[w].marks | run->scope->writer[w].after;
}

bool ra_writer_marked_key(const ra_state *s, unsigned w, unsigned key)
{
    return ((s->server[0].key[key].marks | s->server[1].key[key].marks) >> w & 1) != 0;
}

bool ra_writer_marked(const ra_state *s, unsigned w)
{
    for (unsigned k = 0; k < RA_KEYS; k++)
        if (ra_writer_marked_key(s, w, k))
            return true;
    return false;
}

void ra_near_taint(const ra_run *run, ra_state *s)
{
    s->near.suspect = s->near.value != 0;
    for (unsigned i = 0; i < run->scope->readers; i++)
        s->reader[i].tainted = s->reader[i].phase == RA_R_LOOKING || s->reader[i].phase == RA_R_VALIDATING ||
                               s->reader[i].phase == RA_R_REPLIED;
}

/* ---- what may be done when ---- */

static unsigned server_of(const ra_step *st, unsigned w)
{
    return ra_server_of(st->from, st->run->scope->writer[w].proxy);
}

static bool quarantined(const ra_step *st, unsigned w)
{
    return st->from->link[st->run->scope->writer[w].proxy] == RA_LINK_QUARANTINE &&
           !ra_wrong(st->run, RA_MUTANT_QUARANTINE_READS_ONLY);
}

/* Have all keys of a set got as far as `phase`? */
static bool all(const ra_writer *w, unsigned keys, unsigned phase)
{
    for (unsigned k = 0; k < RA_KEYS; k++)
        if (keys >> k & 1 && w->mark[k] < phase)
            return false;
    return true;
}

static bool any(const ra_writer *w, unsigned keys, unsigned phase)
{
    for (unsigned k = 0; k < RA_KEYS; k++)
        if (keys >> k & 1 && w->mark[k] >= phase)
            return true;
    return false;
}

static bool may_send(const ra_step *st, unsigned w)
{
    const ra_run *run = st->run;
    const ra_writer *v = &st->from->writer[w];
    if (run->scope->mode != RA_STRICT)
        return true;
    if (v->late && !ra_wrong(run, RA_MUTANT_NO_ATTEMPT_WINDOW))
        return false;
    if (ra_wrong(run, RA_MUTANT_BEGIN_ONE_UNIT))
        return any(v, run->scope->writer[w].marks, RA_M_ACKED);
    return all(v, run->scope->writer[w].marks, RA_M_ACKED);
}

/* The ENDs go first where hold had run out when the reply came: the marker may have gone before the commit.
 */
static bool end_first(const ra_step *st, const ra_writer *v)
{
    return st->run->scope->mode == RA_FAST && v->late && !ra_wrong(st->run, RA_MUTANT_LATE_ANSWER_BEFORE_END);
}

static bool may_answer(const ra_step *st, unsigned w)
{
    const ra_run *run = st->run;
    const ra_writer *v = &st->from->writer[w];
    const ra_actor *a = &run->scope->writer[w];
    unsigned after = v->request == RA_Q_COMMITTED ? a->after : 0;
    if (!ra_marking(run->scope))
        return all(v, a->marks, RA_M_ENDED);
    /* Others may still be shown hits by the old master, which this write's BEGIN hasn't reached. */
    bool fast = run->scope->mode == RA_FAST;
    if (fast && quarantined(st, w) && !ra_wrong(run, RA_MUTANT_QUARANTINE_ANSWERS))
        return false;
    if (ra_wrong(run, RA_MUTANT_ANSWER_BEFORE_AFTERMARK))
        after = 0;
    if (end_first(st, v))
        return all(v, a->marks | after, RA_M_SETTLING);
    if (fast && ra_wrong(run, RA_MUTANT_ANSWER_BEFORE_ACK))
        return all(v, after, RA_M_ACKED);
    return all(v, a->marks | after, RA_M_ACKED);
}

static bool may_end(const ra_step *st, const ra_writer *v)
{
    if (v->stray && !ra_wrong(st->run, RA_MUTANT_END_AFTER_RETRY))
        return false; /* an earlier attempt may still be executed */
    return v->phase == RA_W_ANSWERED || v->phase == RA_W_GIVEN_UP ||
           (v->phase == RA_W_RESULT && (end_first(st, v) || !ra_marking(st->run->scope)));
}

/* ---- markers ---- */

static void begin(const ra_step *st, unsigned w, unsigned key)
{
    ra_state t = *st->from;
    ra_writer *v = &t.writer[w];
    if (v->phase == RA_W_IDLE)
        v->phase = RA_W_MARKING;
    v->mark[key] = RA_M_SET;
    ra_store_begin(st->run, &t, server_of(st, w), key, w);
    ra_take(st, &t, RA_V_BEGIN, w, key);
}

static void acknowledge(const ra_step *st, unsigned w, unsigned key)
{
    ra_state t = *st->from;
    t.writer[w].mark[key] = RA_M_ACKED;
    ra_take(st, &t, RA_V_ACK, w, key);
}

static void end(const ra_step *st, unsigned w, unsigned key)
{
    ra_state t = *st->from;
    ra_writer *v = &t.writer[w];
    bool settle =
        st->run->scope->index && v->request == RA_Q_COMMITTED && !ra_wrong(st->run, RA_MUTANT_NO_SETTLE);
    bool found = ra_store_end(st->run, &t, server_of(st, w), key, w, settle);
    if (!found)
        v->pushed = 0; /* it has dropped data: that push is the one that counts */
    v->mark[key] = ra_writer_marked_key(&t, w, key) && settle ? RA_M_SETTLING : RA_M_ENDED;
    ra_take(st, &t, found ? RA_V_END : RA_V_END_LATE, w, key);
}

/* Is a BEGIN of this key due? Those of `after` keys wait for the reply. */
static bool begins_now(const ra_step *st, unsigned w, unsigned key)
{
    const ra_writer *v = &st->from->writer[w];
    bool after = st->run->scope->writer[w].after >> key & 1;
    bool replied = v->phase == RA_W_RESULT || v->phase == RA_W_ANSWERED;
    if (after)
        return replied && v->request == RA_Q_COMMITTED;
    if (v->phase == RA_W_IDLE || v->phase == RA_W_MARKING)
        return st->run->scope->mode == RA_STRICT && !quarantined(st, w);
    /* Given up: a BEGIN that was on its way on another connection lands after all. */
    return v->phase == RA_W_SENT || v->phase == RA_W_RESULT || v->phase == RA_W_GIVEN_UP;
}

static void mark_steps(const ra_step *st, unsigned w)
{
    const ra_writer *v = &st->from->writer[w];
    bool writable = ra_writable(st->run, st->from, server_of(st, w));
    for (unsigned k = 0; k < RA_KEYS; k++) {
        if (!(ra_writer_keys(st->run, w) >> k & 1))
            continue;
        if (v->mark[k] == RA_M_OUT && writable && begins_now(st, w, k))
            begin(st, w, k);
        if (v->mark[k] == RA_M_SET && v->phase != RA_W_GIVEN_UP)
            acknowledge(st, w, k);
        if ((v->mark[k] == RA_M_SET || v->mark[k] == RA_M_ACKED) && writable && may_end(st, v))
            end(st, w, k);
    }
}

/* Naive and lease: nothing but a deletion once the result is in. */
static void delete_steps(const ra_step *st, unsigned w)
{
    if (st->from->writer[w].phase != RA_W_RESULT)
        return;
    for (unsigned k = 0; k < RA_KEYS; k++) {
        if (!(st->run->scope->writer[w].marks >> k & 1) || st->from->writer[w].mark[k] == RA_M_ENDED)
            continue;
        ra_state t = *st->from;
        t.writer[w].mark[k] = RA_M_ENDED;
        ra_store_drop(st->run, &t, server_of(st, w), k);
        ra_take(st, &t, RA_V_DELETE, w, k);
    }
}

/* ---- the request ---- */

static void send(const ra_step *st, unsigned w)
{
    ra_state t = *st->from;
    t.writer[w].phase = RA_W_SENT;
    t.writer[w].request = RA_Q_FLYING;
    ra_take(st, &t, RA_V_SEND, w, RA_NO_KEY);
}

static void give_up(const ra_step *st, unsigned w, enum ra_verb why)
{
    ra_state t = *st->from;
    t.writer[w].phase = RA_W_GIVEN_UP;
    ra_take(st, &t, why, w, RA_NO_KEY);
}

static void upstream_steps(const ra_step *st, unsigned w)
{
    const ra_writer *v = &st->from->writer[w];
    if (v->request == RA_Q_FLYING) {
        ra_state t = *st->from;
        t.writer[w].request = RA_Q_COMMITTED;
        t.writer[w].version = ++t.commits;
        ra_take(st, &t, RA_V_COMMIT, w, RA_NO_KEY);
        t = *st->from;
        t.writer[w].request = RA_Q_REJECTED;
        ra_take(st, &t, RA_V_REJECT, w, RA_NO_KEY);
    }
    if (v->stray == RA_STRAY_FLYING) {
        ra_state t = *st->from;
        t.writer[w].stray = RA_STRAY_LANDED;
        t.commits++;
        ra_take(st, &t, RA_V_STRAY_COMMIT, w, RA_NO_KEY);
    }
}

static void sent_steps(const ra_step *st, unsigned w)
{
    const ra_writer *v = &st->from->writer[w];
    if (v->request == RA_Q_COMMITTED || v->request == RA_Q_REJECTED) {
        ra_state t = *st->from;
        t.writer[w].phase = RA_W_RESULT;
        ra_take(st, &t, RA_V_RESULT, w, RA_NO_KEY);
    }
    if (ra_wrong(st->run, RA_MUTANT_END_ON_TIMEOUT))
        give_up(st, w, RA_V_TIMEOUT_ENDS);
    if (st->run->scope->retries && v->request == RA_Q_FLYING && !v->stray && !v->late) {
        ra_state t = *st->from;
        t.writer[w].stray = RA_STRAY_FLYING;
        ra_take(st, &t, RA_V_RESEND, w, RA_NO_KEY);
    }
}

static void answer(const ra_step *st, unsigned w)
{
    ra_state t = *st->from;
    ra_writer *v = &t.writer[w];
    v->phase = RA_W_ANSWERED;
    /* Pushes come on another connection, and may be late. So a proxy's own write counts as one when all that
     * it waits for is in, or its client could be shown the old reply. */
    bool own = st->run->scope->near == RA_NEAR_PUSHED && st->run->scope->writer[w].proxy == 0;
    if (own && !ra_wrong(st->run, RA_MUTANT_NEAR_OWN_WRITE_IGNORED))
        ra_near_taint(st->run, &t);
    bool waits = st->run->scope->index || (st->run->scope->near == RA_NEAR_PUSHED &&
                                           st->run->scope->writer[w].proxy != 0 && !v->pushed);
    if (v->request == RA_Q_COMMITTED && !waits)
        ra_oracle_promise(&t, v);
    ra_take(st, &t, RA_V_ANSWER, w, RA_NO_KEY);
}

static void writer(const ra_step *st, unsigned w)
{
    const ra_writer *v = &st->from->writer[w];
    bool marks_first = st->run->scope->mode == RA_STRICT && st->run->scope->writer[w].marks;
    switch ((enum ra_writer_phase)v->phase) {
    case RA_W_IDLE:
        if ((!marks_first || ra_wrong(st->run, RA_MUTANT_SEND_BEFORE_ACK)) && !quarantined(st, w))
            send(st, w);
        break;
    case RA_W_MARKING:
        if (may_send(st, w))
            send(st, w);
        give_up(st, w, RA_V_GIVE_UP);
        break;
    case RA_W_SENT:
        sent_steps(st, w);
        break;
    case RA_W_RESULT:
        if (may_answer(st, w))
            answer(st, w);
        break;
    case RA_W_ANSWERED:
    case RA_W_GIVEN_UP:
    case RA_W_DONE:
        break;
    }
    upstream_steps(st, w);
    if (ra_marking(st->run->scope))
        mark_steps(st, w);
    else
        delete_steps(st, w);
}

void ra_writer_steps(const ra_step *st)
{
    for (unsigned w = 0; w < st->run->scope->writers; w++)
        writer(st, w);
}
