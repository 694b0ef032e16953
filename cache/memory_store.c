/*
 * The protocol of cache/store.h over one table in this process.
 *
 * Generations are values of one counter of the whole process that starts at random and never repeats. They
 * are nonces: a counter per unit would start again when a unit that was evicted comes back, and a token of
 * the old one would then fit the new one. That one counter gives them all has a second use: of two
 * generations one can tell which was drawn later, and so an entry needs no copy of its guards' generations.
 *
 *   Rule: a unit's data count only while its generation is later than that of each guard. A lookup that finds
 *   a guard with a later one drops the unit's data and draws a new generation.
 *
 * Why that says the same as "the guards' generations are those that the token has". Let W be a write that
 * marks a guard and has ended. begin took the guard's generation away; as long as W's marker lives none is
 * drawn; so the guard's generation G that a lookup finds was drawn after W's end. If the unit's generation U
 * is later than G, it was drawn after W's end too, and every token that says U was handed out after that, and
 * every upstream read with such a token was sent after that: it saw W. If U is earlier than G, it is dropped,
 * whether or not the entry had seen W. Nothing here asks that guard and unit be read at one moment: a guard
 * that is marked after a lookup has found it idle belongs to a write that had not ended when the lookup began
 * (the answer may lie on either side of it), and what that lookup fills carries a U that the guard's next
 * generation makes void. So guards and unit are read one after the other, each under its own shard's lock,
 * and no two locks are ever held.
 */
#include "cache/memory_store.h"

#include "cache/memory_table.h"

#include <stdio.h>
#include <stdlib.h>

enum { STORE_MAGIC = 0x6d656d73 };
#define TTL_MAX ((int64_t)1 << 52) /* keeps now + ttl + keep within 64 bits */

typedef struct memory_store {
    ra_store store;
    unsigned magic;
    ra_memory *memory;
} memory_store;

/* Good for as long as fewer than 2^63 are drawn between the two. */
static bool drawn_later(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) > 0;
}

static void write_generation(ra_generation *out, uint64_t g)
{
    out->len = sizeof g;
    memcpy(out->b, &g, sizeof g);
}

static bool generation_is(const ra_generation *a, uint64_t g)
{
    return g && a->len == sizeof g && memcmp(a->b, &g, sizeof g) == 0;
}

static ra_memory *memory_of(ra_store *s)
{
    memory_store *m = (memory_store *)s;
    if (m->magic != STORE_MAGIC) {
        fprintf(stderr, "memory store: corrupted\n");
        abort();
    }
    return m->memory;
}

static void bypass(ra_shard *s, ra_lookup *v, const char *reason)
{
    v->outcome = RA_LOOKUP_BYPASS;
    v->reason = reason;
    v->token = (ra_token){0};
    s->n.bypasses++;
}

/* Reads guard i of a lookup; false: bypass. A guard has a generation from its first lookup on. */
static bool look_guard(ra_memory *m, int64_t now, ra_lookup *v, unsigned i, uint64_t *generation)
{
    uint64_t hash;
    ra_shard *s = ra_table_lock(m, &v->guard[i], &hash);
    uint32_t unit = ra_shard_find_or_add(s, &v->guard[i], hash);
    bool ok = false;
    if (!unit) {
        bypass(s, v, "no-memory");
    } else if (ra_marker_live(s, unit, now)) {
        ra_shard_unit(s, unit)->first.pinned = 1;
        bypass(s, v, "write-in-progress");
    } else {
        ra_unit *u = ra_shard_unit(s, unit);
        u->first.pinned = 1;
        if (!u->generation)
            u->generation = ra_table_draw();
        *generation = u->generation;
        write_generation(&v->token.guard[i], u->generation);
        ra_shard_settle(s, unit);
        ok = true;
    }
    pthread_mutex_unlock(&s->lock);
    return ok;
}

/* The entry's part of a lookup, in a unit that is not marked: a hit, a stale one, or neither. */
static void look_entry(ra_shard *s, uint32_t unit, int64_t now, ra_lookup *v)
{
    v->outcome = RA_LOOKUP_MISS;
    uint32_t entry = ra_shard_find_entry(s, unit, &v->request);
    if (!entry)
        return;
    ra_entry *e = ra_shard_entry(s, entry);
    if (ra_entry_over(e, now)) {
        ra_shard_remove_entry(s, entry);
        s->n.expirations++;
        return;
    }
    if (e->freq < 3)
        e->freq = (e->freq + 1U) & 3U;
    v->expires_in = e->expires - now;
    v->outcome = v->expires_in > 0 ? RA_LOOKUP_HIT : RA_LOOKUP_STALE;
    v->payload = ra_payload_ref(e->payload);
}

/* Reads the unit, whose guards were idle with these generations. */
static void look_unit(ra_memory *m, int64_t now, ra_lookup *v, const uint64_t *guards)
{
    uint64_t hash;
    ra_shard *s = ra_table_lock(m, &v->unit, &hash);
    uint32_t unit = ra_shard_find(s, &v->unit, hash);
    bool is_new = !unit;
    if (is_new)
        unit = ra_shard_add(s, &v->unit);
    if (!unit) {
        bypass(s, v, "no-memory");
    } else if (ra_marker_live(s, unit, now)) {
        bypass(s, v, "write-in-progress");
    } else {
        ra_unit *u = ra_shard_unit(s, unit);
        for (unsigned i = 0; i < v->nguards; i++)
            if (u->generation && drawn_later(guards[i], u->generation))
                ra_shard_drop_data(s, unit);
        if (!u->generation)
            u->generation = ra_table_draw();
        look_entry(s, unit, now, v);
        write_generation(&v->token.unit, u->generation);
        s->n.hits += v->outcome == RA_LOOKUP_HIT;
        s->n.stale += v->outcome == RA_LOOKUP_STALE;
        s->n.misses += v->outcome == RA_LOOKUP_MISS;
        ra_shard_settle(s, unit);
        if (is_new)
            ra_evict_room(s, now, 0);
    }
    pthread_mutex_unlock(&s->lock);
}

/* A guard that is there, without a mark (one that is over is the lookup's to remove), with a generation. */
static bool peek_guard(ra_memory *m, const ra_key *key, uint64_t *generation)
{
    uint64_t hash;
    ra_shard *s = ra_table_lock(m, key, &hash);
    uint32_t unit = ra_shard_find(s, key, hash);
    const ra_unit *u = unit ? ra_shard_unit(s, unit) : NULL;
    *generation = u && !u->first.marked ? u->generation : 0;
    pthread_mutex_unlock(&s->lock);
    return *generation != 0;
}

/* Is the unit unmarked, and its data what counts, under guards with these generations? */
static bool counts(const ra_unit *u, const uint64_t *guards, unsigned n)
{
    bool all = u->generation != 0 && !u->first.marked;
    for (unsigned i = 0; all && i < n; i++)
        all = !drawn_later(guards[i], u->generation);
    return all;
}

static bool peek_unit(ra_memory *m, int64_t now, ra_lookup *v, const uint64_t *guards)
{
    uint64_t hash;
    ra_shard *s = ra_table_lock(m, &v->unit, &hash);
    uint32_t unit = ra_shard_find(s, &v->unit, hash), entry = 0;
    if (unit && counts(ra_shard_unit(s, unit), guards, v->nguards))
        entry = ra_shard_find_entry(s, unit, &v->request);
    ra_entry *e = entry ? ra_shard_entry(s, entry) : NULL;
    bool hit = e && e->expires > now;
    if (hit) {
        if (e->freq < 3)
            e->freq = (e->freq + 1U) & 3U;
        v->expires_in = e->expires - now;
        v->outcome = RA_LOOKUP_HIT;
        v->payload = ra_payload_ref(e->payload);
        s->n.hits++;
    }
    pthread_mutex_unlock(&s->lock);
    return hit;
}

static bool memory_peek(ra_store *store, int64_t now, ra_lookup *v)
{
    ra_memory *m = memory_of(store);
    uint64_t guards[RA_GUARDS_MAX] = {0};
    if (now < m->quiet_until)
        return false;
    for (unsigned i = 0; i < v->nguards; i++)
        if (!peek_guard(m, &v->guard[i], &guards[i]))
            return false;
    return peek_unit(m, now, v, guards);
}

static enum ra_store_step memory_lookup(ra_store *store, int64_t now, ra_lookup *v, size_t n,
                                        ra_store_call *call)
{
    ra_memory *m = memory_of(store);
    (void)call;
    for (ra_lookup *end = v + n; v < end; v++) {
        uint64_t guards[RA_GUARDS_MAX] = {0};
        v->payload = NULL;
        v->expires_in = 0;
        v->reason = NULL;
        v->token = (ra_token){0};
        if (now < m->quiet_until) {
            v->outcome = RA_LOOKUP_BYPASS;
            v->reason = "unclean-start";
            atomic_fetch_add(&m->quiet_bypasses, 1);
            continue;
        }
        bool idle = true;
        for (unsigned i = 0; idle && i < v->nguards; i++)
            idle = look_guard(m, now, v, i, &guards[i]);
        if (idle)
            look_unit(m, now, v, guards);
    }
    return RA_STORE_DONE;
}

/* Puts the payload in; the unit is unmarked and the token fits. */
static enum ra_fill_result put(ra_shard *s, uint32_t unit, int64_t now, const ra_fill *f)
{
    size_t budget = s->limits->budget;
    if (!budget || f->ttl <= 0)
        return RA_FILL_FULL;
    if (f->payload->len > s->limits->max_entry_bytes || f->payload->len > budget / 2)
        return RA_FILL_TOO_LARGE;
    uint32_t entry = ra_shard_find_entry(s, unit, &f->request);
    bool is_new = !entry;
    if (is_new) {
        if (ra_unit_entries(ra_shard_unit(s, unit)) >= s->limits->max_unit_entries) {
            ra_shard_remove_entry(s, ra_shard_oldest_entry(s, unit));
            s->n.evictions++;
        }
        entry = ra_shard_add_entry(s, unit, &f->request);
    }
    if (!entry)
        return RA_FILL_FULL;
    ra_entry *e = ra_shard_entry(s, entry);
    ra_shard_set_payload(s, entry, f->payload, f->group);
    e->expires = now + (f->ttl < TTL_MAX ? f->ttl : TTL_MAX);
    e->keep = f->keep < 0 ? 0 : f->keep > UINT32_MAX ? UINT32_MAX : (uint32_t)f->keep;
    if (is_new)
        ra_evict_admit(s, entry);
    else
        ra_shard_renew(s, entry);
    if (ra_evict_room(s, now, entry))
        return RA_FILL_STORED;
    ra_shard_remove_entry(s, entry); /* markers have taken all the room there is */
    s->n.evictions++;
    return RA_FILL_FULL;
}

static enum ra_fill_result memory_fill(ra_store *store, int64_t now, const ra_fill *f)
{
    uint64_t hash;
    ra_shard *s = ra_table_lock(memory_of(store), &f->unit, &hash);
    enum ra_fill_result result = RA_FILL_OVERTAKEN;
    uint32_t unit = ra_shard_find(s, &f->unit, hash);
    if (unit && generation_is(&f->token.unit, ra_shard_unit(s, unit)->generation)) {
        result = put(s, unit, now, f);
        ra_shard_settle(s, unit);
    }
    s->n.fills += result == RA_FILL_STORED;
    s->n.fills_overtaken += result == RA_FILL_OVERTAKEN;
    s->n.fills_too_large += result == RA_FILL_TOO_LARGE;
    s->n.fills_full += result == RA_FILL_FULL;
    pthread_mutex_unlock(&s->lock);
    return result;
}

static bool begin_unit(ra_memory *m, int64_t now, const ra_write_id *id, const ra_key *key, int64_t hold)
{
    uint64_t hash;
    ra_shard *s = ra_table_lock(m, key, &hash);
    uint32_t unit = ra_shard_find_or_add(s, key, hash);
    bool ok = false;
    if (unit) {
        ra_shard_drop_data(s, unit);
        ra_marker_live(s, unit, now); /* those of writes long gone make room */
        ok = ra_marker_set(s, unit, id, now + hold);
        ra_shard_settle(s, unit);
        ra_evict_room(s, now, 0);
    }
    s->n.begins++;
    pthread_mutex_unlock(&s->lock);
    return ok;
}

static enum ra_store_step memory_begin(ra_store *store, int64_t now, const ra_write_id *id,
                                       const ra_key *units, size_t n, int64_t hold, ra_store_call *call)
{
    ra_memory *m = memory_of(store);
    call->ok = true;
    for (size_t i = 0; call->ok && i < n; i++)
        call->ok = begin_unit(m, now, id, &units[i], hold);
    return RA_STORE_DONE;
}

static void memory_end(ra_store *store, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                       int64_t settle)
{
    ra_memory *m = memory_of(store);
    for (size_t i = 0; i < n; i++) {
        uint64_t hash;
        ra_shard *s = ra_table_lock(m, &units[i], &hash);
        uint32_t unit = ra_shard_find(s, &units[i], hash);
        if (unit) {
            bool found =
                settle > 0 ? ra_marker_settle(s, unit, id, now + settle) : ra_marker_clear(s, unit, id);
            /* Its marker ran out before the write was known to have ended: a read may have begun after that
             * and before the commit, and filled. */
            if (!found)
                ra_shard_drop_data(s, unit);
            ra_shard_settle(s, unit);
        }
        s->n.ends++;
        pthread_mutex_unlock(&s->lock);
    }
}

static void memory_invalidate(ra_store *store, int64_t now, const ra_key *units, size_t n)
{
    ra_memory *m = memory_of(store);
    (void)now;
    for (size_t i = 0; i < n; i++) {
        uint64_t hash;
        ra_shard *s = ra_table_lock(m, &units[i], &hash);
        uint32_t unit = ra_shard_find(s, &units[i], hash);
        if (unit) {
            ra_shard_drop_data(s, unit);
            ra_shard_settle(s, unit);
        }
        s->n.invalidations++;
        pthread_mutex_unlock(&s->lock);
    }
}

/* Nothing is ever pending here. */
static void memory_cancel(ra_store *store, ra_store_call *call)
{
    (void)memory_of(store);
    call->pending = NULL;
}

static void memory_stats(ra_store *store, ra_store_stats *out)
{
    ra_table_stats(memory_of(store), out);
}

static void memory_free(ra_store *store)
{
    memory_store *s = (memory_store *)store;
    ra_memory_unref(memory_of(store));
    s->magic = 0;
    free(s);
}

static const ra_store_ops memory_ops = {
    .name = "memory",
    .peek = memory_peek,
    .lookup = memory_lookup,
    .fill = memory_fill,
    .begin = memory_begin,
    .end = memory_end,
    .invalidate = memory_invalidate,
    .cancel = memory_cancel,
    .stats = memory_stats,
    .free = memory_free,
};

ra_store *ra_memory_store_new(ra_memory *m)
{
    memory_store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->store.ops = &memory_ops;
    s->magic = STORE_MAGIC;
    s->memory = ra_memory_ref(m);
    return &s->store;
}
