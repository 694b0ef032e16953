#include "tests/model/pack.h"

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

static inline void bits(codec *c, unsigned *v, unsigned n)
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

enum { GENERATION_BITS = RA_GENERATION_BITS, VERSION_BITS = 3 };

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

/* ---- for sorting ---- */

uint64_t ra_writer_code(const ra_run *run, const ra_state *s, unsigned i)
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

uint64_t ra_reader_code(const ra_run *run, const ra_reader *reader)
{
    uint64_t words[RA_WORDS_MAX] = {0};
    codec c = {.words = words, .packing = true};
    ra_reader r = *reader;
    walk_reader(&c, run, &r);
    return words[0];
}
