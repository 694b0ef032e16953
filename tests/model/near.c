/*
 * The near cache of proxy 0, for one request shape. Strict: each hit is validated by the generations, two
 * commands in one pipeline. Fast: a hit is served as it is, until a push says that its unit or its guard was
 * touched; then it is validated before it is used again.
 */
#include "tests/model/oracle.h"

static void rest(ra_reader *r)
{
    *r = (ra_reader){0};
}

static bool looks_at_guard(const ra_step *st)
{
    return st->run->scope->guarded && !ra_wrong(st->run, RA_MUTANT_NEAR_GUARD_UNVALIDATED);
}

/* One of the two commands; `last`: the entry is good. */
static void validate(const ra_step *st, ra_state *t, unsigned i, unsigned key, bool last)
{
    ra_reader *r = &t->reader[i];
    unsigned now = t->server[0].key[key].generation;
    unsigned was = key == RA_TABLE ? r->guard : r->unit;
    if (now != was) {
        rest(r); /* the read goes on as one without a near entry */
        t->near = (ra_near){0};
        ra_take(st, t, RA_V_NEAR_BROKEN, i, key);
        return;
    }
    if (!last) {
        r->phase = RA_R_VALIDATING;
        ra_take(st, t, RA_V_NEAR_LOOK, i, key);
        return;
    }
    unsigned value = r->value;
    unsigned floor = r->floor;
    if (st->run->scope->near == RA_NEAR_PUSHED)
        r->phase = RA_R_REPLIED; /* put in again, no longer suspect, unless another push has come */
    else
        rest(r);
    ra_take_read(st, t, RA_V_NEAR_VALIDATED, i, value, floor);
}

static void first(const ra_step *st, unsigned i)
{
    const ra_scope *scope = st->run->scope;
    ra_state t = *st->from;
    unsigned floor = ra_oracle_floor(st->run, &t);
    bool plain =
        scope->near == RA_NEAR_PUSHED ? !t.near.suspect : ra_wrong(st->run, RA_MUTANT_NEAR_UNVALIDATED);
    if (plain) {
        ra_take_read(st, &t, RA_V_NEAR_HIT, i, t.near.value, floor);
        return;
    }
    t.reader[i] = (ra_reader){.shape = RA_QUERY_A,
                              .floor = floor,
                              .value = t.near.value,
                              .unit = t.near.unit,
                              .guard = t.near.guard};
    bool two = looks_at_guard(st);
    validate(st, &t, i, two && scope->guard_first ? RA_TABLE : RA_PARTITION, !two);
}

static void replied(const ra_step *st, unsigned i)
{
    ra_state t = *st->from;
    const ra_reader r = t.reader[i];
    rest(&t.reader[i]);
    if (r.tainted && !ra_wrong(st->run, RA_MUTANT_NEAR_INSERT_AFTER_PUSH)) {
        ra_take(st, &t, RA_V_NEAR_NOT_INSERTED, i, RA_NO_KEY);
        return;
    }
    t.near = (ra_near){.value = r.value, .unit = r.unit, .guard = r.guard};
    ra_take(st, &t, RA_V_NEAR_INSERT, i, RA_NO_KEY);
}

void ra_near_steps(const ra_step *st, unsigned reader)
{
    const ra_state *from = st->from;
    unsigned phase = from->reader[reader].phase;
    if (st->run->scope->reader[reader].proxy != 0)
        return;
    if (phase == RA_R_IDLE && from->near.value)
        first(st, reader);
    if (phase == RA_R_REPLIED)
        replied(st, reader);
    if (phase == RA_R_VALIDATING) {
        ra_state t = *from;
        validate(st, &t, reader, st->run->scope->guard_first ? RA_PARTITION : RA_TABLE, true);
    }
}
