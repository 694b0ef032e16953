/*
 * Lookups in Redis.
 *
 * A lookup takes one round: the generation of each unit and guard, and the entry, unless the near cache has
 * it: then the generations say whether that is still good. Where there is no generation a second round makes
 * it, or finds that a marker lives; where the near cache's entry has turned out to be void it asks for
 * Redis's; and where a generation is young and there is no entry it asks who made it, since that one may be
 * filling it, or just have. All that comes before the upstream read, so the token is as old as it must be.
 * That the commands of a round are no single step, and the rounds even less so, does no harm: each is asked
 * after the read has begun, and a hit needs every generation to be the entry's.
 */
#include "cache/redis_store_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* A generation younger than this, in ms, may be one whose maker is still reading upstream. */
enum { FRESH = 1000 };
static const char fresh_text[] = "1000";

/* What "?" says of a request: the first half of its digest in hex. */
enum { FILLER_CHARS = RA_KEY_BYTES };

/* Whose reply a step is for. */
enum question {
    ASK_NOTHING,
    ASK_GENERATION,
    ASK_ENTRY, /* with the generation; in the second round, if the caller would wait, also who fills it */
    ASK_TOKEN  /* MISS */
};

/* A guard, once for all the parts that have it. */
typedef struct guard {
    const ra_key *unit;
    ra_generation generation; /* len 0: none, or not one of this epoch */
    bool full;                /* there was no room for one */
} guard;

/* What is known of one part's unit. */
typedef struct found {
    ra_generation generation;
    char *value; /* the entry's field, a copy; NULL: there is none */
    size_t n;
    size_t guard[RA_GUARDS_MAX]; /* indices into guards */
    bool full;                   /* there was no room for a generation */
    bool skipped;                /* a write of this process is under way: Redis isn't asked */
    bool held;                   /* the near cache has an entry, whose generations are asked for */
    enum question asked;         /* in this round */
    int64_t filling_for;         /* as in ra_lookup */
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

static void bypass(ra_redis_store *s, ra_lookup *v, const char *reason)
{
    ra_lookup_bypass(v, reason);
    s->n.bypasses++;
}

static void drop(ra_redis_call *c)
{
    looking *l = c->own;
    for (size_t i = 0; i < l->n; i++) {
        free(l->found[i].value);
        ra_payload_unref(l->found[i].near.payload);
    }
}

/* How long ago was it made? In ms; -1: that can't be read. */
static int64_t age_of(const ra_redis_store *s, const ra_generation *g, int64_t now)
{
    int64_t made = ra_redis_generation_made(g);
    return made < 0 || made > now + s->clock ? -1 : now + s->clock - made;
}

static bool is_fresh(int64_t age)
{
    return age >= 0 && age < FRESH;
}

static ra_bytes filler_name(const ra_key *request, char out[RA_REDIS_FIELD_MAX])
{
    ra_bytes field = ra_redis_store_request_field(request, out);
    return (ra_bytes){field.p + 1, FILLER_CHARS};
}

/* "?" of the unit: was its generation made for this request? */
static void take_filler(const ra_redis_store *s, found *f, const ra_lookup *v, const redisReply *reply)
{
    char field[RA_REDIS_FIELD_MAX];
    int64_t age = age_of(s, &f->generation, ra_redis_monotonic());
    if (reply->type == REDIS_REPLY_STRING && is_fresh(age) &&
        ra_bytes_eq((ra_bytes){reply->str, reply->len}, filler_name(&v->request, field)))
        f->filling_for = age;
}

/* The generation, the entry, and if `filler` the unit's "?". */
static void take_unit(ra_redis_call *c, found *f, const redisReply *reply, const ra_lookup *filler)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != (filler ? 3 : 2)) {
        c->failed = true;
        return;
    }
    ra_redis_store_take_generation(c->store, reply->element[0], &f->generation);
    if (filler)
        take_filler(c->store, f, filler, reply->element[2]);
    const redisReply *entry = reply->element[1];
    if (!f->generation.len || entry->type != REDIS_REPLY_STRING)
        return;
    f->value = malloc(entry->len ? entry->len : 1);
    f->n = entry->len;
    if (f->value)
        memcpy(f->value, entry->str, entry->len);
    else
        c->failed = true;
}

/* A generation, with the ms since another one's miss for the same request made it or without; or none: a
 * marker lives, or there is no room for one. */
static void take_token(ra_redis_call *c, ra_generation *out, bool *full, int64_t *filling_for,
                       const redisReply *reply)
{
    *full = reply->type == REDIS_REPLY_ERROR;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[1]->type == REDIS_REPLY_INTEGER) {
        *filling_for = reply->element[1]->integer;
        reply = reply->element[0];
    }
    if (!ra_redis_store_take_generation(c->store, reply, out) && reply->type != REDIS_REPLY_NIL && !*full)
        c->failed = true;
}

/* Steps with an index below nguards are guards', the others parts'. */
static void take(ra_redis_call *c, const ra_redis_step *step, const redisReply *reply)
{
    looking *l = c->own;
    if (step->index < l->nguards) {
        guard *g = &l->guards[step->index];
        int64_t nobody_waits;
        if (l->second)
            take_token(c, &g->generation, &g->full, &nobody_waits, reply);
        else
            ra_redis_store_take_generation(c->store, reply, &g->generation);
        return;
    }
    found *f = &l->found[step->index - l->nguards];
    const ra_lookup *v = &l->v[step->index - l->nguards];
    switch (f->asked) {
    case ASK_NOTHING:
        break;
    case ASK_GENERATION:
        ra_redis_store_take_generation(c->store, reply, &f->generation);
        break;
    case ASK_ENTRY:
        take_unit(c, f, reply, l->second && v->awaits ? v : NULL);
        break;
    case ASK_TOKEN:
        take_token(c, &f->generation, &f->full, &f->filling_for, reply);
        break;
    }
}

/* ---- what it comes to ---- */

/* Are these the guards' generations, and none of them marked? */
static bool guards_are(const looking *l, const found *f, unsigned n, const ra_generation *guards)
{
    for (unsigned i = 0; i < n; i++) {
        const ra_generation *g = &l->guards[f->guard[i]].generation;
        if (!g->len || !ra_redis_generation_eq(g, &guards[i]))
            return false;
    }
    return true;
}

/* Is what the near cache holds what Redis has, or would have? */
static bool is_good(const looking *l, const found *f, unsigned nguards)
{
    return f->held && f->generation.len && ra_redis_generation_eq(&f->generation, &f->near.token.unit) &&
           guards_are(l, f, nguards, f->near.token.guard);
}

/* A hit, a stale one, or neither. A hit is held nearer from here on. */
static void look_entry(ra_redis_store *s, looking *l, const found *f, int64_t now, ra_lookup *v)
{
    ra_redis_entry e;
    v->outcome = RA_LOOKUP_MISS;
    if (!f->value)
        return;
    if (!ra_redis_entry_read((ra_bytes){f->value, f->n}, &e)) {
        s->counts.damaged++;
        return;
    }
    int64_t redis_now = now + s->clock;
    if (e.nguards != v->nguards || !guards_are(l, f, v->nguards, e.guard) || e.keeps <= redis_now ||
        !ra_redis_store_open(s, &e, v))
        return;
    v->expires_in = e.expires - redis_now;
    v->outcome = v->expires_in > 0 ? RA_LOOKUP_HIT : RA_LOOKUP_STALE;
    if (v->outcome != RA_LOOKUP_HIT || !s->near)
        return;
    ra_near_entry held = {.payload = v->payload, .token = v->token, .expires = e.expires, .keeps = e.keeps};
    ra_near_put(s->near, l->asked, &v->unit, &v->request, v->guard, v->nguards, &held, &f->mark);
}

static void take_near(ra_redis_store *s, const looking *l, found *f, int64_t now, ra_lookup *v)
{
    v->payload = f->near.payload;
    f->near.payload = NULL;
    v->outcome = RA_LOOKUP_HIT;
    v->near = true;
    v->expires_in = f->near.expires - (now + s->clock);
    ra_near_validated(s->near, l->asked, &v->unit, &v->request, &v->token, &f->mark);
}

static void conclude(ra_redis_store *s, looking *l, size_t i, int64_t now)
{
    ra_lookup *v = &l->v[i];
    found *f = &l->found[i];
    bool idle = f->generation.len != 0, full = f->full;
    for (unsigned k = 0; idle && k < v->nguards; k++) {
        v->token.guard[k] = l->guards[f->guard[k]].generation;
        idle = v->token.guard[k].len != 0;
        full = l->guards[f->guard[k]].full;
    }
    if (!idle) {
        bypass(s, v, full ? "store-full" : "write-in-progress");
        return;
    }
    v->token.unit = f->generation;
    if (is_good(l, f, v->nguards) && f->near.expires > now + s->clock)
        take_near(s, l, f, now, v);
    else
        look_entry(s, l, f, now, v);
    if (v->outcome == RA_LOOKUP_MISS)
        v->filling_for = f->filling_for;
    s->n.hits += v->outcome == RA_LOOKUP_HIT;
    s->n.stale += v->outcome == RA_LOOKUP_STALE;
    s->n.misses += v->outcome == RA_LOOKUP_MISS;
}

static void answer(ra_redis_call *c, bool ok, const char *reason)
{
    looking *l = c->own;
    ra_redis_store *s = c->store;
    ra_store_call *call = c->call;
    int64_t now = ra_redis_monotonic();
    /* Is it still to be believed? A heartbeat may have come back in the meantime, or one more have failed to.
     */
    bool believed = ok && ra_redis_store_may(s, now, &reason);
    for (size_t i = 0; i < l->n; i++) {
        if (believed)
            conclude(s, l, i, now);
        else
            bypass(s, &l->v[i], reason);
    }
    if (ok)
        ra_redis_call_succeeded(c);
    ra_redis_call_free(c);
    call->done(call);
}

/* ---- the second round ---- */

static bool send_get(ra_redis_call *c, size_t index, const ra_key *unit, const ra_bytes *fields)
{
    ra_redis_step *step = ra_redis_call_step(c, index);
    step->command = ra_redis_store_get(c->store, unit, fields, ra_redis_call_done, step);
    return step->command != NULL;
}

static bool send_get_generation(ra_redis_call *c, size_t index, const ra_key *unit)
{
    const ra_bytes fields[] = {RA_BYTES("!"), {NULL, 0}};
    return send_get(c, index, unit, fields);
}

static bool send_get_entry(ra_redis_call *c, size_t index, const ra_lookup *v, bool filler)
{
    char field[RA_REDIS_FIELD_MAX];
    const ra_bytes fields[RA_REDIS_FIELDS_MAX + 1] = {RA_BYTES("!"),
                                                      ra_redis_store_request_field(&v->request, field),
                                                      filler ? RA_BYTES("?") : (ra_bytes){NULL, 0}};
    return send_get(c, index, &v->unit, fields);
}

/* `request`: the one that misses; NULL for a guard, which nobody fills. */
static bool send_miss(ra_redis_call *c, size_t index, const ra_key *unit, const char *ttl,
                      const ra_key *request)
{
    ra_redis_store *s = c->store;
    unsigned char random[RA_REDIS_NONCE_CHARS / 2];
    char key[RA_REDIS_KEY_MAX], nonce[RA_REDIS_NONCE_CHARS + 1], field[RA_REDIS_FIELD_MAX], first[24];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return false;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(nonce + 2 * i, 3, "%02x", random[i]);
    snprintf(first, sizeof first, "%" PRId64, s->first);
    ra_bytes argv[] = {ra_bytes_z(nonce),          ra_bytes_z(ttl),
                       {s->epoch, RA_EPOCH_CHARS}, request ? filler_name(request, field) : RA_BYTES(""),
                       ra_bytes_z(fresh_text),     ra_bytes_z(first)};
    ra_redis_step *step = ra_redis_call_step(c, index);
    step->run = ra_redis_store_run(s, RA_SCRIPT_MISS, ra_redis_store_key(s, unit, key), argv, 6,
                                   s->o.command_timeout, ra_redis_call_done, step);
    return step->run != NULL;
}

/* Has the near cache's entry turned out to be void, and might Redis have another one? */
static bool want_again(const looking *l, const found *f, unsigned nguards)
{
    bool idle = f->held && f->generation.len;
    for (unsigned k = 0; idle && k < nguards; k++)
        idle = l->guards[f->guard[k]].generation.len != 0;
    return idle && !is_good(l, f, nguards);
}

/* Where a generation is young the entry is asked for once more with who fills it: it may have come since. One
 * that this process has filled has: the question leaves after the fill, in order. */
static enum question next_question(const ra_redis_store *s, const looking *l, const found *f,
                                   const ra_lookup *v)
{
    if (f->skipped)
        return ASK_NOTHING;
    if (!f->generation.len)
        return ASK_TOKEN;
    if (want_again(l, f, v->nguards))
        return ASK_ENTRY;
    bool missing = !f->held && !f->value;
    bool young = is_fresh(age_of(s, &f->generation, ra_redis_monotonic()));
    return v->awaits && missing && young ? ASK_ENTRY : ASK_NOTHING;
}

static bool send_question(ra_redis_call *c, enum question what, size_t index, const ra_lookup *v)
{
    static const char token_ttl[] = "60000";
    switch (what) {
    case ASK_NOTHING:
        break;
    case ASK_GENERATION:
        return send_get_generation(c, index, &v->unit);
    case ASK_ENTRY:
        return send_get_entry(c, index, v, ((const looking *)c->own)->second && v->awaits);
    case ASK_TOKEN:
        return send_miss(c, index, &v->unit, token_ttl, &v->request);
    }
    return true;
}

/* Units and guards without a generation get one, if no marker lives on them; void entries are replaced. */
static bool send_second(ra_redis_call *c)
{
    static const char guard_ttl[] = "604800000";
    looking *l = c->own;
    l->second = true;
    ra_redis_call_next_round(c);
    for (size_t i = 0; i < l->n; i++) {
        l->found[i].asked = next_question(c->store, l, &l->found[i], &l->v[i]);
        if (!send_question(c, l->found[i].asked, l->nguards + i, &l->v[i]))
            return false;
    }
    for (size_t i = 0; i < l->nguards; i++)
        if (!l->guards[i].generation.len && !send_miss(c, i, l->guards[i].unit, guard_ttl, NULL))
            return false;
    return true;
}

static void finish(ra_redis_call *c, bool ok)
{
    looking *l = c->own;
    if (!ok || (!l->second && !send_second(c))) {
        answer(c, false, "store-failed");
        return;
    }
    if (c->waiting == 0)
        answer(c, true, NULL);
}

/* ---- the first round ---- */

static size_t guard_index(looking *l, const ra_key *unit)
{
    for (size_t i = 0; i < l->nguards; i++)
        if (ra_key_eq(l->guards[i].unit, unit))
            return i;
    l->guards[l->nguards] = (guard){.unit = unit};
    return l->nguards++;
}

static bool send_gets(ra_redis_call *c, looking *l)
{
    for (size_t i = 0; i < l->nguards; i++)
        if (!send_get_generation(c, i, l->guards[i].unit))
            return false;
    for (size_t i = 0; i < l->n; i++)
        if (!send_question(c, l->found[i].asked, l->nguards + i, &l->v[i]))
            return false;
    return true;
}

/* Of a call for n lookups. */
static size_t own_bytes(size_t n)
{
    return sizeof(looking) + n * (sizeof(found) + RA_GUARDS_MAX * sizeof(guard));
}

static void prepare(ra_redis_call *c, int64_t now, ra_lookup *v, size_t n)
{
    const ra_redis_store *s = c->store;
    looking *l = c->own;
    *l = (looking){.v = v, .n = n, .asked = now};
    l->found = (found *)(l + 1);
    l->guards = (guard *)(l->found + n);
    for (size_t i = 0; i < n; i++) {
        found *f = &l->found[i];
        v[i].payload = NULL;
        v[i].near = false;
        v[i].expires_in = 0;
        v[i].reason = NULL;
        v[i].token = (ra_token){0};
        f->skipped = ra_redis_store_written_here(s, &v[i]);
        for (unsigned k = 0; !f->skipped && k < v[i].nguards; k++)
            f->guard[k] = guard_index(l, &v[i].guard[k]);
        if (!f->skipped && s->near)
            f->held = ra_near_look(s->near, now, now + s->clock, &v[i], &f->mark, &f->near);
        f->filling_for = -1;
        f->asked = f->skipped ? ASK_NOTHING : f->held ? ASK_GENERATION : ASK_ENTRY;
    }
}

static enum ra_store_step bypass_all(ra_redis_store *s, ra_lookup *v, size_t n, const char *why)
{
    for (size_t i = 0; i < n; i++) {
        v[i].payload = NULL;
        bypass(s, &v[i], why);
    }
    return RA_STORE_DONE;
}

enum ra_store_step ra_redis_store_lookup(ra_store *store, int64_t now, ra_lookup *v, size_t n,
                                         ra_store_call *call)
{
    ra_redis_store *s = ra_redis_store_of(store);
    const char *why = "no-memory";
    if (!ra_redis_store_may(s, now, &why))
        return bypass_all(s, v, n, why);
    if (s->near && ra_redis_store_near_hits(s, now, v, n))
        return RA_STORE_DONE;
    if (!ra_breaker_allow(&s->breaker, now))
        return bypass_all(s, v, n, "store-breaker-open");
    ra_redis_call *c = ra_redis_call_new(s, call, n * (RA_GUARDS_MAX + 1), own_bytes(n));
    if (!c) {
        ra_breaker_cancelled(&s->breaker);
        return bypass_all(s, v, n, "no-memory");
    }
    c->measured = true;
    c->may_be_full = true;
    c->take = take;
    c->finish = finish;
    c->drop = drop;
    prepare(c, now, v, n);
    bool sent = send_gets(c, c->own);
    if (sent && c->waiting)
        return RA_STORE_PENDING;
    ra_redis_call_free(c);
    return bypass_all(s, v, n, sent ? "write-in-progress" : "store-queue-full");
}
