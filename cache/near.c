#include "cache/near_pushes.h"
#include "cache/near_shard.h"

#include <stdlib.h>
#include <sys/random.h>

enum { SHARD_BYTES = 16 << 20, SHARDS_MOST = 64 };

struct ra_near {
    ra_near_pushes pushes;
    atomic_uint refs;
    size_t max_bytes;
    int64_t max_age;
    uint64_t seed;
    unsigned nshards, shift; /* hash >> shift is the shard's number */
    ra_near_shard *shards;
};

/* ---- the whole ---- */

static unsigned shard_count(size_t max_bytes)
{
    unsigned n = 1;
    while (n < SHARDS_MOST && max_bytes / SHARD_BYTES / 2 >= n)
        n *= 2;
    return n;
}

static bool add_shards(ra_near *n)
{
    unsigned want = shard_count(n->max_bytes);
    size_t own = ra_memory_cost(sizeof *n), budget = n->max_bytes > own ? (n->max_bytes - own) / want : 0;
    for (n->shift = 64; want >> (64 - n->shift) > 1;)
        n->shift--;
    n->shards = aligned_alloc(alignof(ra_near_shard), want * sizeof *n->shards);
    bool ok = n->shards != NULL;
    while (ok && n->nshards < want)
        ok = ra_near_shard_init(&n->shards[n->nshards++], budget, n->seed);
    return ok;
}

ra_near *ra_near_new(size_t max_bytes, int64_t max_age)
{
    ra_near *n = aligned_alloc(alignof(ra_near), sizeof *n);
    if (!n)
        return NULL;
    memset(n, 0, sizeof *n);
    ra_near_pushes_init(&n->pushes);
    atomic_init(&n->refs, 1);
    n->max_bytes = max_bytes;
    n->max_age = max_age;
    if (getrandom(&n->seed, sizeof n->seed, 0) != (ssize_t)sizeof n->seed)
        n->seed = (uint64_t)(uintptr_t)n; /* easier to guess, and still right */
    if (add_shards(n))
        return n;
    ra_near_unref(n);
    return NULL;
}

ra_near *ra_near_ref(ra_near *n)
{
    atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);
    return n;
}

void ra_near_unref(ra_near *n)
{
    if (!n || atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; i < n->nshards; i++)
        ra_near_shard_fini(&n->shards[i]);
    free(n->shards);
    ra_near_pushes_fini(&n->pushes);
    free(n);
}

/* ---- pushes ---- */

ra_near_mark ra_near_mark_now(ra_near *n, const ra_key *unit, const ra_key *guards, unsigned nguards)
{
    return ra_near_pushes_mark(&n->pushes, unit, guards, nguards);
}

void ra_near_touch(ra_near *n, const ra_key *unit)
{
    ra_near_pushes_touch(&n->pushes, unit);
}

void ra_near_touch_all(ra_near *n)
{
    ra_near_pushes_touch_all(&n->pushes);
}

void ra_near_heard(ra_near *n, const char *epoch, int64_t until)
{
    ra_near_pushes_heard(&n->pushes, epoch, until);
}

/* ---- entries ---- */

/* The entry's shard, locked, and the entry, or 0 in *ref. */
static ra_near_shard *find(ra_near *n, const ra_key *unit, const ra_key *request, uint32_t *ref)
{
    uint64_t hash = ra_near_shard_hash(n->seed, unit, request);
    ra_near_shard *s = &n->shards[n->nshards > 1 ? hash >> n->shift : 0];
    pthread_mutex_lock(&s->lock);
    *ref = ra_near_shard_find(s, hash, unit, request);
    return s;
}

static bool is_fresh(ra_near *n, int64_t now, const ra_near_record *r, const ra_near_claim *claim)
{
    return now - r->validated < n->max_age && ra_near_pushes_none_since(&n->pushes, now, &r->mark, claim);
}

bool ra_near_get(ra_near *n, int64_t now, int64_t store_now, const ra_key *unit, const ra_key *request,
                 const ra_key *guards, unsigned nguards, ra_near_entry *out)
{
    uint32_t ref;
    ra_near_shard *s = find(n, unit, request, &ref);
    ra_near_record *r = ref ? ra_near_shard_at(s, ref) : NULL;
    if (r && r->keeps <= store_now) {
        ra_near_shard_remove(s, ref);
        r = NULL;
    }
    if (!r || !ra_near_record_guarded_by(r, guards, nguards)) {
        s->n.none++;
        pthread_mutex_unlock(&s->lock);
        return false;
    }
    r->served = true;
    *out = (ra_near_entry){.payload = ra_payload_ref(r->payload), .expires = r->expires, .keeps = r->keeps};
    ra_near_record_token(r, &out->token);
    ra_near_claim claim = {.unit = unit, .guards = guards, .nguards = nguards, .token = &out->token};
    out->fresh = is_fresh(n, now, r, &claim);
    s->n.fresh += out->fresh;
    s->n.checked += !out->fresh;
    pthread_mutex_unlock(&s->lock);
    return true;
}

bool ra_near_look(ra_near *n, int64_t now, int64_t store_now, const ra_lookup *v, ra_near_mark *mark,
                  ra_near_entry *out)
{
    *mark = ra_near_mark_now(n, &v->unit, v->guard, v->nguards);
    if (!ra_near_get(n, now, store_now, &v->unit, &v->request, v->guard, v->nguards, out)) {
        out->payload = NULL;
        return false;
    }
    if (out->expires > store_now)
        return true;
    ra_payload_unref(out->payload);
    out->payload = NULL;
    return false;
}

bool ra_near_hit(ra_near *n, int64_t now, int64_t store_now, ra_lookup *v)
{
    ra_near_entry e;
    if (v->exact || !ra_near_get(n, now, store_now, &v->unit, &v->request, v->guard, v->nguards, &e))
        return false;
    if (!e.fresh || e.expires <= store_now) {
        ra_payload_unref(e.payload);
        return false;
    }
    v->payload = e.payload;
    v->token = e.token;
    v->outcome = RA_LOOKUP_HIT;
    v->near = true;
    v->expires_in = e.expires - store_now;
    v->reason = NULL;
    return true;
}

void ra_near_put(ra_near *n, int64_t now, const ra_key *unit, const ra_key *request, const ra_key *guards,
                 unsigned nguards, const ra_near_entry *e, const ra_near_mark *mark)
{
    uint32_t ref;
    ra_near_shard *s = find(n, unit, request, &ref);
    if (ref) /* overtaken, whether there is room for the new one or not */
        ra_near_shard_remove(s, ref);
    ref = ra_near_shard_add(s, unit, request, guards, nguards, e);
    if (ref) {
        ra_near_record *r = ra_near_shard_at(s, ref);
        r->validated = now;
        r->mark = *mark;
        s->n.puts++;
    }
    pthread_mutex_unlock(&s->lock);
}

static bool same(const ra_generation *a, const ra_generation *b)
{
    return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

static bool is_held_under(const ra_near_record *r, const ra_token *token)
{
    ra_token held;
    ra_near_record_token(r, &held);
    bool yes = same(&held.unit, &token->unit);
    for (unsigned i = 0; i < r->nguards && yes; i++)
        yes = same(&held.guard[i], &token->guard[i]);
    return yes;
}

void ra_near_validated(ra_near *n, int64_t now, const ra_key *unit, const ra_key *request,
                       const ra_token *token, const ra_near_mark *mark)
{
    uint32_t ref;
    ra_near_shard *s = find(n, unit, request, &ref);
    ra_near_record *r = ref ? ra_near_shard_at(s, ref) : NULL;
    if (r && is_held_under(r, token)) {
        r->validated = now;
        r->mark = *mark;
    }
    pthread_mutex_unlock(&s->lock);
}

void ra_near_drop(ra_near *n, const ra_key *unit, const ra_key *request)
{
    uint32_t ref;
    ra_near_shard *s = find(n, unit, request, &ref);
    if (ref)
        ra_near_shard_remove(s, ref);
    pthread_mutex_unlock(&s->lock);
}

/* ---- counters ---- */

static void add_stats(ra_near_stats *to, ra_near_shard *s)
{
    pthread_mutex_lock(&s->lock);
    to->entries += s->n.entries;
    to->bytes += ra_near_shard_bytes(s);
    to->fresh += s->n.fresh;
    to->checked += s->n.checked;
    to->none += s->n.none;
    to->puts += s->n.puts;
    to->evictions += s->n.evictions;
    to->too_large += s->n.too_large;
    pthread_mutex_unlock(&s->lock);
}

void ra_near_get_stats(ra_near *n, ra_near_stats *out)
{
    *out = (ra_near_stats){.bytes = ra_memory_cost(sizeof *n),
                           .max_bytes = n->max_bytes,
                           .touches = atomic_load(&n->pushes.touches),
                           .touches_of_all = atomic_load(&n->pushes.touches_of_all)};
    for (unsigned i = 0; i < n->nshards; i++)
        add_stats(out, &n->shards[i]);
}
