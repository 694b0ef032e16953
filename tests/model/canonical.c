#include "tests/model/canonical.h"

#include "tests/model/pack.h"
#include "tests/model/writer.h"

#include <string.h>

/* ---- what nothing will read again ---- */

static void tidy_writer(const ra_run *run, ra_state *s, unsigned i)
{
    ra_writer *w = &s->writer[i];
    bool version_counts = run->scope->oracle == RA_ORACLE_ACKED || run->scope->index;
    bool failed = w->request != RA_Q_COMMITTED;
    if (w->phase >= RA_W_ANSWERED)
        w->late = 0;
    if (!version_counts)
        w->version = 0;
    if (w->phase != RA_W_ANSWERED && w->phase != RA_W_GIVEN_UP)
        return;
    bool due = w->stray == RA_STRAY_FLYING || w->request == RA_Q_FLYING || ra_writer_marked(s, i);
    for (unsigned k = 0; k < RA_KEYS; k++) /* a BEGIN that may land yet */
        due = due ||
              (w->phase == RA_W_GIVEN_UP && run->scope->writer[i].marks >> k & 1 && w->mark[k] == RA_M_OUT);
    for (unsigned k = 0; k < RA_KEYS; k++)
        due = due || (!w->stray && (w->mark[k] == RA_M_SET || w->mark[k] == RA_M_ACKED));
    unsigned after = w->request == RA_Q_COMMITTED ? run->scope->writer[i].after : 0;
    for (unsigned k = 0; k < RA_KEYS; k++)
        due = due || (after >> k & 1 && w->mark[k] == RA_M_OUT);
    bool promised = failed || !version_counts || w->version <= s->known;
    if (!due && promised)
        *w = (ra_writer){.phase = RA_W_DONE};
}

static void tidy_reader(const ra_run *run, ra_reader *r)
{
    bool judged_later = run->scope->joins || run->scope->index || run->mutant != RA_MUTANT_NONE;
    if (r->phase >= RA_R_NO_TOKEN && r->phase != RA_R_REPLIED && !judged_later)
        r->floor = 0; /* what it reads upstream can't be too old */
    if (r->phase == RA_R_REPLIED)
        r->floor = 0;
    if (r->phase != RA_R_LOOKING && r->phase != RA_R_VALIDATING && r->phase != RA_R_REPLIED)
        r->tainted = 0;
}

static bool awaits_push(const ra_run *run, const ra_state *s, unsigned key)
{
    if (s->near.value && !s->near.suspect)
        return true;
    for (unsigned i = 0; i < run->scope->readers; i++) {
        unsigned phase = s->reader[i].phase;
        bool may_insert = phase == RA_R_LOOKING || phase == RA_R_VALIDATING || phase == RA_R_REPLIED;
        if (may_insert && !s->reader[i].tainted)
            return true;
    }
    for (unsigned w = 0; w < run->scope->writers; w++)
        if (ra_writer_keys(run, w) >> key & 1 && s->writer[w].mark[key] != RA_M_OUT && !s->writer[w].pushed)
            return true;
    return false;
}

/* A push that would change nothing now is as good as in: later it could only make more be validated. */
static void tidy_pushes(const ra_run *run, ra_state *s)
{
    for (unsigned k = 0; k < RA_KEYS; k++)
        if (!awaits_push(run, s, k))
            s->pushes &= ~(1U << k);
}

/* ---- sorting ---- */

static void swap_writers(ra_state *s, unsigned a, unsigned b)
{
    ra_writer w = s->writer[a];
    s->writer[a] = s->writer[b];
    s->writer[b] = w;
    for (unsigned v = 0; v < RA_SERVERS; v++)
        for (unsigned k = 0; k < RA_KEYS; k++) {
            unsigned *marks = &s->server[v].key[k].marks;
            if ((*marks >> a & 1) != (*marks >> b & 1))
                *marks ^= 1U << a | 1U << b;
        }
}

static void sort_writers(const ra_run *run, ra_state *s)
{
    const ra_scope *scope = run->scope;
    for (unsigned end = scope->writers; end > 1; end--)
        for (unsigned i = 0; i + 1 < end; i++)
            if (memcmp(&scope->writer[i], &scope->writer[i + 1], sizeof scope->writer[i]) == 0 &&
                ra_writer_code(run, s, i) > ra_writer_code(run, s, i + 1))
                swap_writers(s, i, i + 1);
}

static void sort_readers(const ra_run *run, ra_state *s, ra_reader *named)
{
    const ra_scope *scope = run->scope;
    for (unsigned end = scope->readers; end > 1; end--)
        for (unsigned i = 0; i + 1 < end; i++) {
            if (scope->reader[i].proxy != scope->reader[i + 1].proxy ||
                ra_reader_code(run, &named[i]) <= ra_reader_code(run, &named[i + 1]))
                continue;
            ra_reader r = s->reader[i];
            s->reader[i] = s->reader[i + 1];
            s->reader[i + 1] = r;
            r = named[i];
            named[i] = named[i + 1];
            named[i + 1] = r;
        }
}

/* ---- names of generations ---- */

enum { NAMES = 1 << RA_GENERATION_BITS, UNNAMED = NAMES - 1, DEAD = NAMES - 2 };

typedef struct names {
    unsigned of[RA_KEYS][NAMES];
    unsigned n[RA_KEYS];
} names;

static void name(names *m, unsigned key, unsigned *g)
{
    if (*g && *g != DEAD && !m->of[key][*g])
        m->of[key][*g] = ++m->n[key];
    *g = m->of[key][*g];
}

static void name_reader(names *m, ra_reader *r)
{
    name(m, ra_unit_of(r->shape), &r->unit);
    name(m, RA_TABLE, &r->guard);
    name(m, RA_TABLE, &r->entry_guard);
}

static unsigned known_name(const names *m, unsigned key, unsigned g)
{
    return g && !m->of[key][g] ? (unsigned)UNNAMED : m->of[key][g];
}

static void bury(unsigned alive, unsigned *g)
{
    if (*g && !(alive >> *g & 1))
        *g = DEAD;
}

/*
 * Generations never come back. One that no server has any more can't be found equal by any script, so it
 * needs no name, where nothing but scripts compares: flights compare tokens with each other, and a lookup
 * that begins with the guard compares two that it holds.
 */
static void bury_dead(const ra_run *run, ra_state *s)
{
    unsigned alive[RA_KEYS] = {0};
    if (run->scope->joins || ra_wrong(run, RA_MUTANT_FILL_RECREATES))
        return;
    for (unsigned v = 0; v < RA_SERVERS; v++)
        for (unsigned k = 0; k < RA_KEYS; k++)
            alive[k] |= 1U << s->server[v].key[k].generation;
    bool guards = !run->scope->guard_first;
    for (unsigned v = 0; v < RA_SERVERS && guards; v++)
        for (unsigned e = 0; e < RA_SHAPES; e++)
            bury(alive[RA_TABLE], &s->server[v].entry[e].guard);
    bury(alive[RA_PARTITION], &s->near.unit);
    bury(guards ? alive[RA_TABLE] : ~0U, &s->near.guard);
    for (unsigned i = 0; i < run->scope->readers; i++) {
        ra_reader *r = &s->reader[i];
        bury(alive[ra_unit_of(r->shape)], &r->unit);
        bury(guards ? alive[RA_TABLE] : ~0U, &r->guard);
        bury(guards ? alive[RA_TABLE] : ~0U, &r->entry_guard);
    }
}

/* By the order in which they are met; readers are sorted by what has a name before they give further ones. */
static void rename_equal(const ra_run *run, ra_state *s)
{
    names m = {0};
    for (unsigned k = 0; k < RA_KEYS; k++)
        m.of[k][DEAD] = DEAD;
    for (unsigned v = 0; v < RA_SERVERS; v++) {
        for (unsigned k = 0; k < RA_KEYS; k++)
            name(&m, k, &s->server[v].key[k].generation);
        for (unsigned e = 0; e < RA_SHAPES; e++)
            name(&m, RA_TABLE, &s->server[v].entry[e].guard);
    }
    name(&m, RA_PARTITION, &s->near.unit);
    name(&m, RA_TABLE, &s->near.guard);
    ra_reader named[RA_READERS];
    for (unsigned i = 0; i < run->scope->readers; i++) {
        ra_reader *r = &named[i];
        *r = s->reader[i];
        r->unit = known_name(&m, ra_unit_of(r->shape), r->unit);
        r->guard = known_name(&m, RA_TABLE, r->guard);
        r->entry_guard = known_name(&m, RA_TABLE, r->entry_guard);
    }
    sort_readers(run, s, named);
    for (unsigned i = 0; i < run->scope->readers; i++)
        name_reader(&m, &s->reader[i]);
}

/* The in-process store compares which was drawn later, over all keys: numbered by rank. */
static void rename_ordered(const ra_run *run, ra_state *s)
{
    unsigned *all[RA_KEYS + 2 * RA_READERS];
    unsigned n = 0;
    unsigned used = 0;
    for (unsigned k = 0; k < RA_KEYS; k++)
        all[n++] = &s->server[0].key[k].generation;
    for (unsigned i = 0; i < run->scope->readers; i++) {
        all[n++] = &s->reader[i].unit;
        all[n++] = &s->reader[i].guard;
    }
    for (unsigned i = 0; i < n; i++)
        used |= 1U << *all[i];
    for (unsigned i = 0; i < n; i++)
        if (*all[i])
            *all[i] = (unsigned)__builtin_popcount(used & ((2U << *all[i]) - 2));
    if (run->plain)
        return;
    ra_reader named[RA_READERS];
    memcpy(named, s->reader, sizeof named);
    sort_readers(run, s, named);
}

void ra_state_canonical(const ra_run *run, ra_state *s)
{
    if (run->plain && run->scope->store == RA_IN_PROCESS)
        rename_ordered(run, s); /* or its generations would grow for ever */
    if (run->plain)
        return;
    for (unsigned i = 0; i < run->scope->writers; i++)
        tidy_writer(run, s, i);
    for (unsigned i = 0; i < run->scope->readers; i++)
        tidy_reader(run, &s->reader[i]);
    tidy_pushes(run, s);
    sort_writers(run, s);
    bool literal = ra_wrong(run, RA_MUTANT_COUNTER) || run->scope->mode == RA_NAIVE;
    if (literal) {
        ra_reader named[RA_READERS];
        memcpy(named, s->reader, sizeof named);
        sort_readers(run, s, named);
    } else if (run->scope->store == RA_IN_PROCESS) {
        rename_ordered(run, s);
    } else {
        bury_dead(run, s);
        rename_equal(run, s);
    }
}
