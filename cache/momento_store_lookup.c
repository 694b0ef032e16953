/*
 * Lookups in Momento.
 *
 * A lookup takes one round: the unit's register and the entry, or the register alone where the near cache has
 * the entry. Guards' registers are asked for at most once in max_age, by all lookups of the process together:
 * they change when a whole table or index does, and other proxies may then serve what it was for so long. A
 * second round makes the registers that aren't there, and gets the entry where the near cache's has turned
 * out to be void. All that comes before the upstream read, so the token is as old as it must be.
 */
#include "cache/momento_store_parts.h"

#include <stdlib.h>

enum kind { GUARD, REGISTER, ENTRY, MAKE_GUARD, MAKE_REGISTER };

/* What a register has turned out to be. */
typedef struct found_register {
    ra_generation generation; /* len 0: none, or marked */
    bool marked;
    unsigned mark; /* of the time before it was asked for */
} found_register;

/* A guard, once for all the parts that have it. */
typedef struct guard {
    const ra_key *unit;
    found_register reg;
    bool known; /* not to be asked for */
} guard;

/* What is known of one part's unit. */
typedef struct found {
    found_register reg;
    char *value; /* the entry's, a copy; NULL: there is none */
    size_t n;
    size_t guard[RA_GUARDS_MAX]; /* indices into guards */
    bool skipped;                /* a write of this process is under way: Momento isn't asked */
    bool near_hit;               /* fresh: Momento isn't asked either */
    bool held;                   /* the near cache has an entry, whose registers are asked for */
    ra_near_entry near;          /* if held; with a reference to the payload */
    ra_near_mark mark;           /* of the time before anything was asked */
} found;

typedef struct looking {
    ra_lookup *v;
    size_t n;
    bool second;   /* the second round */
    int64_t asked; /* monotonic: before the first one. No answer is newer than that */
    guard *guards;
    size_t nguards;
    found *found;
} looking;

static void bypass(ra_momento_store *s, ra_lookup *v, const char *reason)
{
    ra_lookup_bypass(v, reason);
    s->n.bypasses++;
}

static void drop(ra_momento_work *w)
{
    looking *l = w->own;
    for (size_t i = 0; i < l->n && l->found; i++) {
        free(l->found[i].value);
        ra_payload_unref(l->found[i].near.payload);
    }
    free(l->found);
    free(l->guards);
}

/* ---- answers ---- */

/* One that isn't a register's text counts as none: another one takes its place. */
static void take_register(ra_momento_store *s, const ra_key *unit, found_register *reg, int64_t asked,
                          const ra_momento_result *r)
{
    if (r->outcome != RA_MOMENTO_FOUND)
        return;
    reg->marked = ra_momento_register_read(r->value, &reg->generation) == RA_MOMENTO_WRITING;
    if (reg->generation.len)
        ra_momento_shared_know(s->shared, unit, &reg->generation, asked, reg->mark);
}

static void take_entry(ra_momento_work *w, found *f, const ra_momento_result *r)
{
    if (r->outcome != RA_MOMENTO_FOUND)
        return;
    f->value = malloc(r->value.n ? r->value.n : 1);
    f->n = r->value.n;
    if (f->value && r->value.n)
        memcpy(f->value, r->value.p, r->value.n);
    if (!f->value)
        w->failed = "no-memory";
}

static void take(ra_momento_work *w, const ra_momento_step *step, const ra_momento_result *r)
{
    looking *l = w->own;
    found *f = &l->found[step->index];
    switch ((enum kind)step->kind) {
    case GUARD:
        take_register(w->store, l->guards[step->index].unit, &l->guards[step->index].reg, l->asked, r);
        break;
    case REGISTER:
        take_register(w->store, &l->v[step->index].unit, &f->reg, l->asked, r);
        break;
    case ENTRY:
        take_entry(w, f, r);
        break;
    case MAKE_GUARD:
    case MAKE_REGISTER:
        break; /* in take_made */
    }
}

static void take_made(ra_momento_work *w, const ra_momento_step *step, const ra_generation *g)
{
    looking *l = w->own;
    if (step->kind == MAKE_GUARD)
        l->guards[step->index].reg.generation = *g;
    else
        l->found[step->index].reg.generation = *g;
}

/* ---- what it comes to ---- */

static bool same(const ra_generation *a, const ra_generation *b)
{
    return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

/* Are the tags what the registers are, and are these idle? */
static bool is_good(const looking *l, const found *f, unsigned nguards, const ra_token *tags)
{
    if (!f->reg.generation.len || !same(&f->reg.generation, &tags->unit))
        return false;
    for (unsigned i = 0; i < nguards; i++) {
        const ra_generation *g = &l->guards[f->guard[i]].reg.generation;
        if (!g->len || !same(g, &tags->guard[i]))
            return false;
    }
    return true;
}

static bool open_payload(ra_momento_store *s, const ra_momento_entry *e, ra_lookup *v)
{
    enum ra_open_result r = ra_open(s->o.seal, &v->unit, &v->request, e->sealed, &v->payload);
    s->counts.foreign += r == RA_OPEN_FOREIGN;
    s->counts.damaged += r == RA_OPEN_DAMAGED;
    if (r == RA_OPENED && ra_momento_store_is_of_today(s, v->payload))
        return true;
    ra_payload_unref(v->payload);
    v->payload = NULL;
    return false;
}

/* A hit, a stale one, or neither. A hit is held nearer from here on. */
static void look_entry(ra_momento_store *s, looking *l, const found *f, ra_lookup *v)
{
    ra_momento_entry e;
    int64_t wall = ra_momento_store_wall(s);
    v->outcome = RA_LOOKUP_MISS;
    if (!f->value)
        return;
    if (!ra_momento_entry_read((ra_bytes){f->value, f->n}, &e)) {
        s->counts.damaged++;
        return;
    }
    if (e.nguards != v->nguards || !is_good(l, f, v->nguards, &e.tags) || e.keeps <= wall ||
        !open_payload(s, &e, v))
        return;
    v->expires_in = e.expires - wall;
    v->outcome = v->expires_in > 0 ? RA_LOOKUP_HIT : RA_LOOKUP_STALE;
    if (v->outcome != RA_LOOKUP_HIT || !s->near)
        return;
    ra_near_entry held = {.payload = v->payload, .token = v->token, .expires = e.expires, .keeps = e.keeps};
    ra_near_put(s->near, l->asked, &v->unit, &v->request, v->guard, v->nguards, &held, &f->mark);
}

static void take_near(ra_momento_store *s, const looking *l, found *f, ra_lookup *v)
{
    v->payload = f->near.payload;
    f->near.payload = NULL;
    v->outcome = RA_LOOKUP_HIT;
    v->near = true;
    v->expires_in = f->near.expires - ra_momento_store_wall(s);
    ra_near_validated(s->near, l->asked, &v->unit, &v->request, &v->token, &f->mark);
}

/* Is what the near cache had the registers' still? */
static bool is_held(ra_momento_store *s, const looking *l, found *f, ra_lookup *v)
{
    bool good = f->held && is_good(l, f, v->nguards, &f->near.token) &&
                f->near.expires > ra_momento_store_wall(s) &&
                ra_momento_store_is_of_today(s, f->near.payload);
    if (good)
        take_near(s, l, f, v);
    return good;
}

/* Another read of this process may have filled it since it was asked for, under these very registers: Momento
 * may not have it yet, and that read's flight has landed. */
static void look_again(ra_momento_store *s, const looking *l, found *f, ra_lookup *v)
{
    f->held = ra_near_get(s->near, l->asked, ra_momento_store_wall(s), &v->unit, &v->request, v->guard,
                          v->nguards, &f->near);
    is_held(s, l, f, v);
}

/* The token, if everything is idle. */
static bool take_token(const looking *l, const found *f, ra_lookup *v)
{
    bool idle = !f->skipped && f->reg.generation.len;
    for (unsigned k = 0; idle && k < v->nguards; k++) {
        v->token.guard[k] = l->guards[f->guard[k]].reg.generation;
        idle = v->token.guard[k].len != 0;
    }
    v->token.unit = f->reg.generation;
    return idle;
}

static void conclude(ra_momento_store *s, looking *l, size_t i)
{
    ra_lookup *v = &l->v[i];
    found *f = &l->found[i];
    if (f->near_hit) {
        s->n.hits++;
        return;
    }
    if (!take_token(l, f, v)) {
        bypass(s, v, "write-in-progress");
        return;
    }
    if (!is_held(s, l, f, v))
        look_entry(s, l, f, v);
    if (v->outcome == RA_LOOKUP_MISS && s->near && !f->held)
        look_again(s, l, f, v);
    s->n.hits += v->outcome == RA_LOOKUP_HIT;
    s->n.stale += v->outcome == RA_LOOKUP_STALE;
    s->n.misses += v->outcome == RA_LOOKUP_MISS;
}

static void answer(ra_momento_work *w, const char *why)
{
    looking *l = w->own;
    ra_momento_store *s = w->store;
    ra_store_call *call = w->call;
    for (size_t i = 0; i < l->n; i++) {
        if (why)
            bypass(s, &l->v[i], why);
        else
            conclude(s, l, i);
    }
    if (why && strcmp(why, "store-throttled") == 0)
        s->counts.bypassed_429 += l->n;
    ra_momento_work_free(w);
    call->done(call);
}

/* ---- the second round ---- */

/* Has somebody of this process made or seen it since it was asked for? Then that is as good. */
static bool is_missing(ra_momento_store *s, const looking *l, const ra_key *unit, found_register *reg)
{
    return !reg->generation.len && !reg->marked &&
           !ra_momento_shared_known(s->shared, unit, l->asked, &reg->generation);
}

/* Has the near cache's entry turned out to be void, and might Momento have another one? */
static bool want_entry(const looking *l, const found *f, const ra_lookup *v)
{
    return f->held && !f->value && f->reg.generation.len && !is_good(l, f, v->nguards, &f->near.token);
}

static const char *send_part(ra_momento_work *w, size_t i, int64_t now)
{
    looking *l = w->own;
    ra_momento_store *s = w->store;
    const ra_lookup *v = &l->v[i];
    found *f = &l->found[i];
    char name[RA_MOMENTO_NAME_MAX];
    const char *why = "no-memory";
    if (f->skipped || f->near_hit)
        return NULL;
    if (is_missing(s, l, &v->unit, &f->reg))
        return ra_momento_work_make(w, MAKE_REGISTER, i, &v->unit, s->o.register_ttl / 1000, &why) ? NULL
                                                                                                   : why;
    if (!want_entry(l, f, v))
        return NULL;
    if (!ra_momento_store_take(s, now, 1, RA_MOMENTO_TO_READ))
        return "store-rate-limited";
    return ra_momento_work_get(w, ENTRY, i, ra_momento_entry_name(s->prefix, &v->unit, &v->request, name))
               ? NULL
               : why;
}

static const char *send_guard(ra_momento_work *w, size_t i)
{
    looking *l = w->own;
    guard *g = &l->guards[i];
    const char *why = NULL;
    if (!is_missing(w->store, l, g->unit, &g->reg) ||
        ra_momento_work_make(w, MAKE_GUARD, i, g->unit, RA_MOMENTO_TTL_MOST, &why))
        return NULL;
    return why;
}

/* NULL: what there is to be asked is. */
static const char *send_second(ra_momento_work *w)
{
    looking *l = w->own;
    int64_t now = ra_momento_store_monotonic(w->store);
    const char *why = NULL;
    l->second = true;
    ra_momento_work_next_round(w);
    for (size_t i = 0; i < l->nguards && !why; i++)
        why = send_guard(w, i);
    for (size_t i = 0; i < l->n && !why; i++)
        why = send_part(w, i, now);
    return why;
}

static void finish(ra_momento_work *w, const char *why)
{
    looking *l = w->own;
    if (!why && !l->second)
        why = send_second(w);
    if (!why && w->waiting)
        return;
    if (!why)
        ra_momento_work_succeeded(w);
    answer(w, why);
}

/* ---- the first round ---- */

static size_t guard_index(ra_momento_store *s, looking *l, const ra_key *unit)
{
    for (size_t i = 0; i < l->nguards; i++)
        if (ra_key_eq(l->guards[i].unit, unit))
            return i;
    guard *g = &l->guards[l->nguards];
    *g = (guard){.unit = unit};
    g->reg.mark = ra_momento_shared_mark(s->shared, unit);
    g->known = ra_momento_shared_known(s->shared, unit, l->asked - ra_momento_shared_max_age(s->shared) + 1,
                                       &g->reg.generation);
    return l->nguards++;
}

static void prepare_part(ra_momento_store *s, looking *l, int64_t now, size_t i)
{
    ra_lookup *v = &l->v[i];
    found *f = &l->found[i];
    v->payload = NULL;
    v->near = false;
    v->expires_in = 0;
    v->reason = NULL;
    v->token = (ra_token){0};
    f->reg.mark = ra_momento_shared_mark(s->shared, &v->unit);
    f->skipped = ra_momento_store_written_here(s, v);
    f->near_hit = !f->skipped && ra_momento_store_near_hit(s, now, v);
    if (f->skipped || f->near_hit)
        return;
    for (unsigned k = 0; k < v->nguards; k++)
        f->guard[k] = guard_index(s, l, &v->guard[k]);
    if (s->near)
        f->held = ra_near_look(s->near, now, ra_momento_store_wall(s), v, &f->mark, &f->near);
}

static bool prepare(ra_momento_store *s, looking *l, int64_t now, ra_lookup *v, size_t n)
{
    *l = (looking){.v = v, .n = n, .asked = now};
    l->guards = calloc(n * RA_GUARDS_MAX, sizeof *l->guards);
    l->found = calloc(n, sizeof *l->found);
    for (size_t i = 0; i < n && l->guards && l->found; i++)
        prepare_part(s, l, now, i);
    return l->guards && l->found;
}

static size_t count_questions(const looking *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->nguards; i++)
        n += !l->guards[i].known;
    for (size_t i = 0; i < l->n; i++)
        if (!l->found[i].skipped && !l->found[i].near_hit)
            n += l->found[i].held ? 1 : 2;
    return n;
}

static bool send_first(ra_momento_work *w)
{
    looking *l = w->own;
    ra_momento_store *s = w->store;
    char name[RA_MOMENTO_NAME_MAX];
    bool ok = true;
    for (size_t i = 0; i < l->nguards && ok; i++)
        if (!l->guards[i].known)
            ok = ra_momento_work_get(w, GUARD, i,
                                     ra_momento_register_name(s->prefix, l->guards[i].unit, name));
    for (size_t i = 0; i < l->n && ok; i++) {
        const found *f = &l->found[i];
        const ra_lookup *v = &l->v[i];
        if (f->skipped || f->near_hit)
            continue;
        ok = ra_momento_work_get(w, REGISTER, i, ra_momento_register_name(s->prefix, &v->unit, name));
        if (ok && !f->held)
            ok = ra_momento_work_get(w, ENTRY, i,
                                     ra_momento_entry_name(s->prefix, &v->unit, &v->request, name));
    }
    return ok;
}

static enum ra_store_step bypass_all(ra_momento_store *s, ra_lookup *v, size_t n, const char *why)
{
    for (size_t i = 0; i < n; i++) {
        v[i].payload = NULL;
        bypass(s, &v[i], why);
    }
    if (strcmp(why, "store-throttled") == 0)
        s->counts.bypassed_429 += n;
    return RA_STORE_DONE;
}

/* Everything is near, or is being written here; then nothing is asked. */
static enum ra_store_step conclude_at_once(ra_momento_work *w)
{
    looking *l = w->own;
    for (size_t i = 0; i < l->n; i++)
        conclude(w->store, l, i);
    ra_momento_work_free(w);
    return RA_STORE_DONE;
}

static void give_up_near(const looking *l)
{
    for (size_t i = 0; i < l->n && l->found; i++) {
        if (l->found[i].near_hit)
            ra_payload_unref(l->v[i].payload);
        l->v[i].payload = NULL;
    }
}

/* What was prepared is asked. NULL: it is under way. */
static const char *ask(ra_momento_work *w, int64_t now, size_t questions)
{
    ra_momento_store *s = w->store;
    const char *why;
    if (!ra_momento_store_may(s, now, &why))
        return why;
    if (!ra_breaker_allow(&s->breaker, now))
        return "store-breaker-open";
    w->measured = true;
    if (!ra_momento_store_take(s, now, questions, RA_MOMENTO_TO_READ))
        return "store-rate-limited";
    return send_first(w) ? NULL : "no-memory";
}

enum ra_store_step ra_momento_store_lookup(ra_store *store, int64_t now, ra_lookup *v, size_t n,
                                           ra_store_call *call)
{
    ra_momento_store *s = ra_momento_store_of(store);
    looking *l = calloc(1, sizeof *l);
    ra_momento_work *w = l ? ra_momento_work_new(s, call, n * (RA_GUARDS_MAX + 2)) : NULL;
    if (!w) {
        free(l);
        return bypass_all(s, v, n, "no-memory");
    }
    w->own = l;
    w->take = take;
    w->take_made = take_made;
    w->finish = finish;
    w->drop = drop;
    if (!prepare(s, l, now, v, n)) {
        ra_momento_work_free(w);
        return bypass_all(s, v, n, "no-memory");
    }
    size_t questions = count_questions(l);
    if (questions == 0)
        return conclude_at_once(w);
    const char *why = ask(w, now, questions);
    if (!why)
        return RA_STORE_PENDING;
    give_up_near(l);
    ra_momento_work_free(w);
    return bypass_all(s, v, n, why);
}
