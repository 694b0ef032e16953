/*
 * A reader: lookup (one pipeline, two commands: other clients' commands may come between), MISS for each key
 * without a generation, the read of upstream, FILL.
 *
 * Invocation and first command are one step: what a read must see only grows, so a read that is invoked later
 * and sees the same is judged harder. A reply that travels is no step either, but where the near cache takes
 * it in: nothing else depends on when it arrives.
 */
#include "tests/model/oracle.h"
#include "tests/model/store.h"

static void rest(ra_reader *r)
{
    *r = (ra_reader){0};
}

static ra_server *server_of(const ra_step *st, ra_state *t, unsigned i)
{
    return &t->server[ra_server_of(t, st->run->scope->reader[i].proxy)];
}

static bool can_write(const ra_step *st, const ra_state *t, unsigned i)
{
    return ra_writable(st->run, t, ra_server_of(t, st->run->scope->reader[i].proxy));
}

/* ---- tokens ---- */

/* Must the token of this key be had by now? Before the read of upstream: all of them. */
static bool due(const ra_step *st, const ra_reader *r, unsigned key)
{
    const ra_run *run = st->run;
    if (run->scope->mode == RA_NAIVE || (key == RA_TABLE && !ra_guarded(run)))
        return false;
    if (r->value)
        return true;
    if (ra_wrong(run, RA_MUTANT_TOKEN_AFTER_READ))
        return false;
    return key != RA_TABLE || !ra_wrong(run, RA_MUTANT_GUARD_TOKEN_AFTER_READ);
}

/* The key whose MISS is next, in the pipeline's order; RA_NO_KEY: none. */
static unsigned next_token(const ra_step *st, const ra_reader *r)
{
    bool unit = due(st, r, ra_unit_of(r->shape)) && !r->unit;
    bool guard = due(st, r, RA_TABLE) && !r->guard;
    if (guard && (st->run->scope->guard_first || !unit))
        return RA_TABLE;
    return unit ? ra_unit_of(r->shape) : RA_NO_KEY;
}

static void go_on(const ra_step *st, ra_reader *r)
{
    if (next_token(st, r) != RA_NO_KEY)
        r->phase = RA_R_NO_TOKEN;
    else
        r->phase = r->value ? RA_R_FLIGHT : RA_R_MISSED;
}

/* ---- lookup ---- */

static bool is_hit(const ra_step *st, const ra_reader *r)
{
    if (!r->value || !r->unit)
        return false;
    if (!ra_guarded(st->run) || st->run->scope->store == RA_IN_PROCESS)
        return true; /* in process the lookup itself has dropped what the guard had made void */
    return r->guard && (r->guard == r->entry_guard || ra_wrong(st->run, RA_MUTANT_GUARD_NOT_COMPARED));
}

static void hit(const ra_step *st, ra_state *t, unsigned i)
{
    ra_reader *r = &t->reader[i];
    unsigned value = r->value;
    unsigned floor = r->floor;
    enum ra_near_kind near = st->run->scope->near;
    bool here = r->shape == RA_QUERY_A && st->run->scope->reader[i].proxy == 0;
    if (near == RA_NEAR_VALIDATED && here)
        t->near = (ra_near){.value = value, .unit = r->unit, .guard = r->guard};
    if (near == RA_NEAR_PUSHED && here)
        r->phase = RA_R_REPLIED;
    else
        rest(r);
    ra_take_read(st, t, RA_V_HIT, i, value, floor);
}

static void miss(const ra_step *st, ra_state *t, unsigned i)
{
    ra_reader *r = &t->reader[i];
    r->value = 0;
    r->entry_guard = 0;
    if (ra_wrong(st->run, RA_MUTANT_TOKEN_AFTER_READ))
        r->unit = r->guard = 0;
    if (ra_wrong(st->run, RA_MUTANT_GUARD_TOKEN_AFTER_READ))
        r->guard = 0;
    go_on(st, r);
    ra_take(st, t, RA_V_LOOK_MISS, i, RA_NO_KEY);
}

static void bypass(const ra_step *st, ra_state *t, unsigned i, unsigned key)
{
    const ra_reader was = t->reader[i];
    rest(&t->reader[i]);
    /* It reads upstream and fills nothing: always new enough, unless it shares a read that was sent before.
     */
    ra_take(st, t, RA_V_BYPASS, i, key);
    for (unsigned j = 0; j < st->run->scope->readers && ra_wrong(st->run, RA_MUTANT_BYPASS_JOINS_SENT); j++)
        if (j != i && t->reader[j].phase == RA_R_FLIGHT && t->reader[j].shape == was.shape)
            ra_take_read(st, t, RA_V_JOIN, i, t->reader[j].value, was.floor);
}

static void read_key(const ra_server *v, ra_reader *r, unsigned key)
{
    if (key == RA_TABLE) {
        r->guard = v->key[key].generation;
        return;
    }
    const ra_slot *e = &v->entry[r->shape];
    r->unit = v->key[key].generation;
    r->value = r->unit ? e->value : 0;
    r->entry_guard = r->value ? e->guard : 0;
}

/* The in-process store makes generations as it looks, and knows from their order that a guard was broken.
 * false: marked. */
static bool look_in_process(const ra_step *st, ra_state *t, unsigned i, unsigned key)
{
    ra_reader *r = &t->reader[i];
    ra_cell *c = &t->server[0].key[key];
    if (c->marks)
        return false;
    bool broken = key != RA_TABLE && c->generation && c->generation < r->guard;
    if (broken && !ra_wrong(st->run, RA_MUTANT_GUARD_ORDER_IGNORED))
        ra_store_drop(st->run, t, 0, key);
    ra_store_miss(st->run, t, 0, key);
    read_key(&t->server[0], r, key);
    return true;
}

static void look(const ra_step *st, ra_state *t, unsigned i, unsigned key, bool last)
{
    ra_reader *r = &t->reader[i];
    if (st->run->scope->store == RA_IN_PROCESS) {
        if (!look_in_process(st, t, i, key)) {
            bypass(st, t, i, key);
            return;
        }
    } else {
        read_key(server_of(st, t, i), r, key);
    }
    if (!last) {
        r->phase = RA_R_LOOKING;
        ra_take(st, t, RA_V_LOOK, i, key);
    } else if (is_hit(st, r)) {
        hit(st, t, i);
    } else {
        miss(st, t, i);
    }
}

static void first_look(const ra_step *st, unsigned i)
{
    const ra_scope *scope = st->run->scope;
    for (unsigned shape = 0; shape < RA_SHAPES; shape++) {
        if (!(scope->shapes >> shape & 1))
            continue;
        ra_state t = *st->from;
        t.reader[i] = (ra_reader){.shape = shape, .floor = ra_oracle_floor(st->run, &t)};
        bool guard_first = ra_guarded(st->run) && scope->guard_first;
        look(st, &t, i, guard_first ? RA_TABLE : ra_unit_of(shape), !ra_guarded(st->run));
    }
}

static void second_look(const ra_step *st, unsigned i)
{
    ra_state t = *st->from;
    look(st, &t, i, st->run->scope->guard_first ? ra_unit_of(t.reader[i].shape) : RA_TABLE, true);
}

/* ---- miss ---- */

static void take_token(const ra_step *st, unsigned i)
{
    ra_state t = *st->from;
    ra_reader *r = &t.reader[i];
    unsigned key = next_token(st, r);
    unsigned server = ra_server_of(&t, st->run->scope->reader[i].proxy);
    unsigned g = can_write(st, &t, i) ? ra_store_miss(st->run, &t, server, key) : 0;
    if (!g) {
        bypass(st, &t, i, key);
        return;
    }
    *(key == RA_TABLE ? &r->guard : &r->unit) = g;
    go_on(st, r);
    ra_take(st, &t, RA_V_TOKEN, i, key);
}

static void read_upstream(const ra_step *st, unsigned i, unsigned version)
{
    ra_state t = *st->from;
    ra_reader *r = &t.reader[i];
    r->value = version + 1;
    unsigned floor = r->floor;
    go_on(st, r);
    r->floor = 0;
    if (st->run->scope->near == RA_NEAR_VALIDATED && r->shape == RA_QUERY_A && r->phase == RA_R_FLIGHT)
        t.near = (ra_near){.value = r->value, .unit = r->unit, .guard = r->guard};
    ra_take_read(st, &t, RA_V_UPSTREAM, i, version + 1, floor);
}

/* Flights are joined by equal tokens. One that upstream has not executed yet would only give something newer.
 */
static void join(const ra_step *st, unsigned i)
{
    const ra_run *run = st->run;
    const ra_reader *r = &st->from->reader[i];
    for (unsigned j = 0; j < run->scope->readers && run->scope->joins; j++) {
        const ra_reader *f = &st->from->reader[j];
        if (j == i || f->phase != RA_R_FLIGHT || f->shape != r->shape)
            continue;
        bool unit = f->unit == r->unit || ra_wrong(run, RA_MUTANT_JOIN_ANY);
        bool guard = f->guard == r->guard || ra_wrong(run, RA_MUTANT_JOIN_ANY) ||
                     ra_wrong(run, RA_MUTANT_JOIN_UNIT_ONLY);
        if (!unit || !guard)
            continue;
        ra_state t = *st->from;
        rest(&t.reader[i]);
        ra_take_read(st, &t, RA_V_JOIN, i, f->value, r->floor);
    }
}

static void missed(const ra_step *st, unsigned i)
{
    unsigned now = ra_upstream_version(st->run, st->from);
    unsigned oldest = ra_wrong(st->run, RA_MUTANT_EVENTUAL_FILL) ? 0 : now;
    for (unsigned v = oldest; v <= now; v++)
        read_upstream(st, i, v);
    join(st, i);
}

static void land(const ra_step *st, unsigned i)
{
    ra_state t = *st->from;
    const ra_reader was = t.reader[i];
    rest(&t.reader[i]);
    ra_take(st, &t, RA_V_FILL_LOST, i, RA_NO_KEY);
    if (!can_write(st, &t, i))
        return;
    unsigned server = ra_server_of(&t, st->run->scope->reader[i].proxy);
    bool stored = ra_store_fill(st->run, &t, server, &was);
    ra_take(st, &t, stored ? RA_V_FILL : RA_V_FILL_REFUSED, i, ra_unit_of(was.shape));
}

void ra_reader_steps(const ra_step *st)
{
    for (unsigned i = 0; i < st->run->scope->readers; i++) {
        switch ((enum ra_reader_phase)st->from->reader[i].phase) {
        case RA_R_IDLE:
            if (st->from->link[st->run->scope->reader[i].proxy] != RA_LINK_QUARANTINE)
                first_look(st, i);
            break;
        case RA_R_LOOKING:
            second_look(st, i);
            break;
        case RA_R_NO_TOKEN:
            take_token(st, i);
            break;
        case RA_R_MISSED:
            missed(st, i);
            break;
        case RA_R_FLIGHT:
            land(st, i);
            break;
        case RA_R_VALIDATING:
        case RA_R_REPLIED:
            break;
        }
        if (st->run->scope->near)
            ra_near_steps(st, i);
    }
}
