#include "tests/model/state.h"

#include "tests/model/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- packing ---- */

typedef struct codec {
    uint64_t *words;
    unsigned at; /* bit */
    bool packing;
} codec;

static void bits(codec *c, unsigned *v, unsigned n)
{
    if (c->at % 64 + n > 64)
        c->at += 64 - c->at % 64;
    uint64_t *word = &c->words[c->at / 64];
    unsigned shift = c->at % 64;
    c->at += n;
    if (!c->packing) {
        *v = (unsigned)(*word >> shift) & ((1U << n) - 1);
        return;
    }
    if (*v >> n) {
        fprintf(stderr, "model: %u doesn't fit into %u bits: the scope is too large for the state\n", *v, n);
        abort();
    }
    *word = shift ? *word | (uint64_t)*v << shift : *v;
}

enum { GENERATION_BITS = 4, VERSION_BITS = 3 };

static unsigned keys_in_use(const ra_run *run)
{
    unsigned keys = run->scope->guarded ? RA_ON_TABLE : 0;
    for (unsigned shape = 0; shape < RA_SHAPES; shape++)
        if (run->scope->shapes >> shape & 1)
            keys |= 1U << ra_unit_of(shape);
    for (unsigned w = 0; w < run->scope->writers; w++)
        keys |= ra_writer_keys(run, w);
    return keys;
}

static void walk_server(codec *c, const ra_run *run, ra_server *v)
{
    unsigned keys = keys_in_use(run);
    for (unsigned k = 0; k < RA_KEYS; k++) {
        if (!(keys >> k & 1))
            continue;
        bits(c, &v->key[k].marks, run->scope->writers);
        bits(c, &v->key[k].generation, GENERATION_BITS);
        if (ra_wrong(run, RA_MUTANT_COUNTER))
            bits(c, &v->key[k].counted, GENERATION_BITS);
    }
    for (unsigned shape = 0; shape < RA_SHAPES; shape++) {
        if (!(run->scope->shapes >> shape & 1))
            continue;
        bits(c, &v->entry[shape].value, VERSION_BITS);
        if (run->scope->guarded)
            bits(c, &v->entry[shape].guard, GENERATION_BITS);
    }
}

static void walk_writer(codec *c, const ra_run *run, ra_writer *w, unsigned keys)
{
    bits(c, &w->phase, 3);
    bits(c, &w->request, 2);
    bits(c, &w->version, VERSION_BITS);
    bits(c, &w->late, 1);
    if (run->scope->retries)
        bits(c, &w->stray, 2);
    if (run->scope->near == RA_NEAR_PUSHED)
        bits(c, &w->pushed, 1);
    for (unsigned k = 0; k < RA_KEYS; k++)
        if (keys >> k & 1)
            bits(c, &w->mark[k], 3);
}

static void walk_reader(codec *c, const ra_run *run, ra_reader *r)
{
    bits(c, &r->phase, 3);
    bits(c, &r->shape, 2);
    bits(c, &r->floor, VERSION_BITS);
    bits(c, &r->value, VERSION_BITS);
    bits(c, &r->unit, GENERATION_BITS);
    if (run->scope->guarded) {
        bits(c, &r->guard, GENERATION_BITS);
        bits(c, &r->entry_guard, GENERATION_BITS);
    }
    if (run->scope->near == RA_NEAR_PUSHED)
        bits(c, &r->tainted, 1);
}

/* Every member that a scope uses, in one order for both directions. */
static void walk(codec *c, const ra_run *run, ra_state *s)
{
    const ra_scope *scope = run->scope;
    bits(c, &s->commits, VERSION_BITS);
    bits(c, &s->known, VERSION_BITS);
    if (scope->index)
        bits(c, &s->index, VERSION_BITS);
    for (unsigned v = 0; v < (scope->failover ? RA_SERVERS : 1U); v++)
        walk_server(c, run, &s->server[v]);
    for (unsigned i = 0; i < scope->writers; i++)
        walk_writer(c, run, &s->writer[i], ra_writer_keys(run, i));
    for (unsigned i = 0; i < scope->readers; i++)
        walk_reader(c, run, &s->reader[i]);
    if (scope->near) {
        bits(c, &s->near.value, VERSION_BITS);
        bits(c, &s->near.unit, GENERATION_BITS);
        bits(c, &s->near.guard, GENERATION_BITS);
        bits(c, &s->near.suspect, 1);
        bits(c, &s->pushes, RA_KEYS);
    }
    for (unsigned p = 0; p < RA_PROXIES && scope->failover; p++)
        bits(c, &s->link[p], 2);
    if (scope->failover)
        bits(c, &s->failed_over, 1);
}

unsigned ra_pack(const ra_run *run, const ra_state *s, uint64_t words[RA_WORDS_MAX])
{
    ra_state copy = *s;
    codec c = {.words = words, .packing = true};
    walk(&c, run, &copy);
    return (c.at + 63) / 64;
}

void ra_unpack(const ra_run *run, const uint64_t *words, ra_state *s)
{
    uint64_t copy[RA_WORDS_MAX];
    codec c = {.words = copy};
    memcpy(copy, words, sizeof copy);
    memset(s, 0, sizeof *s);
    walk(&c, run, s);
}

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
        due = due || (w->phase == RA_W_GIVEN_UP && run->scope->writer[i].marks >> k & 1 && w->mark[k] == RA_M_OUT);
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

/* ---- sorting ---- */

static uint64_t writer_code(const ra_run *run, const ra_state *s, unsigned i)
{
    uint64_t words[RA_WORDS_MAX] = {0};
    codec c = {.words = words, .packing = true};
    ra_writer w = s->writer[i];
    walk_writer(&c, run, &w, RA_ON_PARTITION | RA_ON_ITEM | RA_ON_TABLE);
    for (unsigned v = 0; v < RA_SERVERS; v++)
        for (unsigned k = 0; k < RA_KEYS; k++) {
            unsigned set = s->server[v].key[k].marks >> i & 1;
            bits(&c, &set, 1);
        }
    return words[0];
}

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
                writer_code(run, s, i) > writer_code(run, s, i + 1))
                swap_writers(s, i, i + 1);
}

static uint64_t reader_code(const ra_run *run, const ra_reader *reader)
{
    uint64_t words[RA_WORDS_MAX] = {0};
    codec c = {.words = words, .packing = true};
    ra_reader r = *reader;
    walk_reader(&c, run, &r);
    return words[0];
}

static void sort_readers(const ra_run *run, ra_state *s, ra_reader *named)
{
    const ra_scope *scope = run->scope;
    for (unsigned end = scope->readers; end > 1; end--)
        for (unsigned i = 0; i + 1 < end; i++) {
            if (scope->reader[i].proxy != scope->reader[i + 1].proxy ||
                reader_code(run, &named[i]) <= reader_code(run, &named[i + 1]))
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

enum { NAMES = 1 << GENERATION_BITS, UNNAMED = NAMES - 1 };

typedef struct names {
    unsigned of[RA_KEYS][NAMES];
    unsigned n[RA_KEYS];
} names;

static void name(names *m, unsigned key, unsigned *g)
{
    if (*g && !m->of[key][*g])
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

/* By the order in which they are met; readers are sorted by what has a name before they give further ones. */
static void rename_equal(const ra_run *run, ra_state *s)
{
    names m = {0};
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
    ra_reader named[RA_READERS];
    memcpy(named, s->reader, sizeof named);
    sort_readers(run, s, named);
}

void ra_state_canonical(const ra_run *run, ra_state *s)
{
    for (unsigned i = 0; i < run->scope->writers; i++)
        tidy_writer(run, s, i);
    for (unsigned i = 0; i < run->scope->readers; i++)
        tidy_reader(run, &s->reader[i]);
    sort_writers(run, s);
    bool literal = ra_wrong(run, RA_MUTANT_COUNTER) || run->scope->mode == RA_NAIVE;
    if (literal) {
        ra_reader named[RA_READERS];
        memcpy(named, s->reader, sizeof named);
        sort_readers(run, s, named);
    } else if (run->scope->store == RA_IN_PROCESS) {
        rename_ordered(run, s);
    } else {
        rename_equal(run, s);
    }
}
