#include "tests/model/store.h"

unsigned ra_server_of(const ra_state *s, unsigned proxy)
{
    return s->link[proxy] == RA_LINK_OLD ? 0 : 1;
}

bool ra_writable(const ra_run *run, const ra_state *s, unsigned server)
{
    return !s->failed_over || server == 1 || ra_wrong(run, RA_MUTANT_OLD_MASTER_WRITES);
}

static void push(const ra_run *run, ra_state *s, unsigned key)
{
    if (run->scope->near == RA_NEAR_PUSHED)
        s->pushes |= 1U << key;
}

void ra_store_drop(const ra_run *run, ra_state *s, unsigned server, unsigned key)
{
    ra_server *v = &s->server[server];
    v->key[key].generation = 0;
    for (unsigned shape = 0; shape < RA_SHAPES && key != RA_TABLE; shape++)
        if (ra_unit_of(shape) == key)
            v->entry[shape] = (ra_slot){0};
    push(run, s, key);
}

/* ---- generations ---- */

static void in_use(unsigned *used, unsigned generation)
{
    *used |= 1U << generation;
}

/* All generations of a key that anybody still holds; of all keys, for the in-process store. */
static unsigned used_generations(const ra_run *run, const ra_state *s, unsigned key)
{
    unsigned used = 1;
    bool all = run->scope->store == RA_IN_PROCESS;
    for (unsigned v = 0; v < RA_SERVERS; v++) {
        for (unsigned k = 0; k < RA_KEYS; k++)
            if (all || k == key)
                in_use(&used, s->server[v].key[k].generation);
        for (unsigned e = 0; e < RA_SHAPES && key == RA_TABLE; e++)
            in_use(&used, s->server[v].entry[e].guard);
    }
    for (unsigned i = 0; i < run->scope->readers; i++) {
        const ra_reader *r = &s->reader[i];
        if (all || ra_unit_of(r->shape) == key)
            in_use(&used, r->unit);
        if (all || key == RA_TABLE) {
            in_use(&used, r->guard);
            in_use(&used, r->entry_guard);
        }
    }
    in_use(&used, key == RA_TABLE ? s->near.guard : s->near.unit);
    return used;
}

static unsigned draw(const ra_run *run, ra_state *s, unsigned server, unsigned key)
{
    ra_cell *c = &s->server[server].key[key];
    if (ra_wrong(run, RA_MUTANT_COUNTER))
        return ++c->counted;
    unsigned used = used_generations(run, s, key);
    unsigned g = 1;
    if (run->scope->store == RA_IN_PROCESS) /* later than all */
        while (used >> g)
            g++;
    else
        while (used >> g & 1)
            g++;
    return g;
}

/* ---- scripts ---- */

void ra_store_begin(const ra_run *run, ra_state *s, unsigned server, unsigned key, unsigned writer)
{
    ra_cell *c = &s->server[server].key[key];
    if (ra_wrong(run, RA_MUTANT_GUARD_COUNTER) && key == RA_TABLE) {
        if (c->generation)
            c->generation = draw(run, s, server, key);
        return;
    }
    if (ra_wrong(run, RA_MUTANT_BEGIN_KEEPS_ENTRIES))
        c->generation = 0;
    else if (!ra_wrong(run, RA_MUTANT_BEGIN_KEEPS_DATA))
        ra_store_drop(run, s, server, key);
    if (!ra_wrong(run, RA_MUTANT_NO_MARKER) && !ra_wrong(run, RA_MUTANT_NO_MARKER_TWICE))
        c->marks |= 1U << writer;
    push(run, s, key);
}

bool ra_store_end(const ra_run *run, ra_state *s, unsigned server, unsigned key, unsigned writer, bool settle)
{
    ra_cell *c = &s->server[server].key[key];
    unsigned own = ra_wrong(run, RA_MUTANT_MARKER_FLAG) ? ~0U : 1U << writer;
    if (ra_wrong(run, RA_MUTANT_NO_MARKER) || (ra_wrong(run, RA_MUTANT_GUARD_COUNTER) && key == RA_TABLE))
        return true;
    bool found = (c->marks & own) != 0;
    if (!found && !ra_wrong(run, RA_MUTANT_END_KEEPS_DATA))
        ra_store_drop(run, s, server, key);
    if (settle)
        c->marks |= found || !ra_wrong(run, RA_MUTANT_SETTLE_NEEDS_MARKER) ? 1U << writer : 0;
    else if (found && ra_wrong(run, RA_MUTANT_END_REMOVES_ALL))
        c->marks = 0;
    else
        c->marks &= ~own;
    push(run, s, key);
    return found;
}

unsigned ra_store_miss(const ra_run *run, ra_state *s, unsigned server, unsigned key)
{
    ra_cell *c = &s->server[server].key[key];
    if (c->generation)
        return c->generation;
    if (c->marks && !ra_wrong(run, RA_MUTANT_MISS_IGNORES_MARKERS))
        return 0;
    c->generation = draw(run, s, server, key);
    push(run, s, key);
    return c->generation;
}

bool ra_store_fill(const ra_run *run, ra_state *s, unsigned server, const ra_reader *r)
{
    unsigned key = ra_unit_of(r->shape);
    ra_cell *c = &s->server[server].key[key];
    if (run->scope->mode == RA_NAIVE)
        c->generation = 1; /* "there is something here" */
    if (ra_wrong(run, RA_MUTANT_FILL_RECREATES) && !c->generation && !c->marks)
        c->generation = r->unit;
    bool fits = c->generation && (c->generation == r->unit || run->scope->mode == RA_NAIVE ||
                                  ra_wrong(run, RA_MUTANT_FILL_UNCOMPARED));
    if (!fits)
        return false;
    /* The in-process store compares the unit's generation with the guard's instead of keeping a copy. */
    unsigned guard = run->scope->store == RA_IN_PROCESS ? 0 : r->guard;
    s->server[server].entry[r->shape] = (ra_slot){.value = r->value, .guard = guard};
    push(run, s, key);
    return true;
}

unsigned ra_upstream_version(const ra_run *run, const ra_state *s)
{
    return run->scope->index ? s->index : s->commits;
}
