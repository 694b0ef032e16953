#include "cache/near_shard.h"

#include <stdlib.h>

/* splitmix64's finalizer (Steele, Lea, Flood 2014): every bit of x moves every bit of the result. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t ra_near_shard_hash(uint64_t seed, const ra_key *unit, const ra_key *request)
{
    uint64_t u, r;
    memcpy(&u, unit->b, sizeof u);
    memcpy(&r, request->b, sizeof r);
    return mix(mix(u ^ seed) ^ r);
}

ra_near_record *ra_near_shard_at(const ra_near_shard *s, uint32_t ref)
{
    return ra_slab_at(&s->records, ref);
}

static uint32_t *node_link(void *shard, uint32_t ref)
{
    return &ra_near_shard_at(shard, ref)->chain;
}

static uint64_t node_hash(void *shard, uint32_t ref)
{
    const ra_near_shard *s = shard;
    const ra_near_record *r = ra_near_shard_at(s, ref);
    return ra_near_shard_hash(s->seed, &r->unit, &r->request);
}

static const ra_index_nodes nodes = {node_link, node_hash};

bool ra_near_shard_init(ra_near_shard *s, size_t budget, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->budget = budget;
    s->seed = seed;
    ra_slab_init(&s->records, sizeof(ra_near_record));
    return ra_index_init(&s->index, &nodes, s);
}

void ra_near_shard_fini(ra_near_shard *s)
{
    for (uint32_t ref = 0; (ref = ra_slab_next(&s->records, ref));) {
        ra_payload_unref(ra_near_shard_at(s, ref)->payload);
        free(ra_near_shard_at(s, ref)->tail);
    }
    ra_index_free(&s->index);
    ra_slab_free(&s->records);
    pthread_mutex_destroy(&s->lock);
}

size_t ra_near_shard_bytes(const ra_near_shard *s)
{
    return sizeof *s + s->index.bytes + s->records.bytes + s->held_bytes;
}

uint32_t ra_near_shard_find(ra_near_shard *s, uint64_t hash, const ra_key *unit, const ra_key *request)
{
    uint32_t ref = *ra_index_chain(&s->index, hash);
    for (; ref; ref = *node_link(s, ref)) {
        const ra_near_record *r = ra_near_shard_at(s, ref);
        if (ra_key_eq(&r->unit, unit) && ra_key_eq(&r->request, request))
            break;
    }
    return ref;
}

/* ---- the queue ---- */

static void queue_push(ra_near_shard *s, uint32_t ref)
{
    ra_near_record *r = ra_near_shard_at(s, ref);
    r->newer = 0;
    r->older = s->newest;
    if (s->newest)
        ra_near_shard_at(s, s->newest)->newer = ref;
    else
        s->oldest = ref;
    s->newest = ref;
}

static void queue_remove(ra_near_shard *s, uint32_t ref)
{
    const ra_near_record *r = ra_near_shard_at(s, ref);
    if (r->newer)
        ra_near_shard_at(s, r->newer)->older = r->older;
    else
        s->newest = r->older;
    if (r->older)
        ra_near_shard_at(s, r->older)->newer = r->newer;
    else
        s->oldest = r->newer;
}

/* ---- guards and generations ---- */

static size_t tail_size(const ra_token *t, unsigned nguards)
{
    size_t n = 1U + t->unit.len;
    for (unsigned i = 0; i < nguards; i++)
        n += sizeof(ra_key) + 1U + t->guard[i].len;
    return n;
}

static char *pack_generation(char *to, const ra_generation *g)
{
    *to++ = (char)g->len;
    memcpy(to, g->b, g->len);
    return to + g->len;
}

/* NULL: no memory. */
static char *pack_tail(size_t size, const ra_key *guards, unsigned nguards, const ra_token *t)
{
    char *tail = malloc(size);
    if (!tail)
        return NULL;
    if (nguards)
        memcpy(tail, guards, nguards * sizeof *guards);
    char *to = pack_generation(tail + nguards * sizeof *guards, &t->unit);
    for (unsigned i = 0; i < nguards; i++)
        to = pack_generation(to, &t->guard[i]);
    return tail;
}

static const char *unpack_generation(const char *from, ra_generation *g)
{
    g->len = (uint8_t)*from++;
    memcpy(g->b, from, g->len);
    return from + g->len;
}

bool ra_near_record_guarded_by(const ra_near_record *r, const ra_key *guards, unsigned nguards)
{
    return r->nguards == nguards && (!nguards || memcmp(r->tail, guards, nguards * sizeof *guards) == 0);
}

void ra_near_record_token(const ra_near_record *r, ra_token *out)
{
    *out = (ra_token){0};
    const char *from = unpack_generation(r->tail + r->nguards * sizeof(ra_key), &out->unit);
    for (unsigned i = 0; i < r->nguards; i++)
        from = unpack_generation(from, &out->guard[i]);
}

/* ---- in and out ---- */

static size_t payload_cost(const ra_payload *p)
{
    return ra_memory_cost(sizeof *p + p->len);
}

void ra_near_shard_remove(ra_near_shard *s, uint32_t ref)
{
    ra_near_record *r = ra_near_shard_at(s, ref);
    queue_remove(s, ref);
    ra_index_remove(&s->index, ref);
    s->held_bytes -= payload_cost(r->payload) + ra_memory_cost(r->tail_len);
    ra_payload_unref(r->payload);
    free(r->tail);
    ra_slab_give(&s->records, ref);
    s->n.entries--;
}

/* The oldest but for the one to spare, or 0. */
static uint32_t next_to_go(const ra_near_shard *s, uint32_t spare)
{
    return s->oldest == spare ? ra_near_shard_at(s, spare)->newer : s->oldest;
}

/* `spare` is the one that it is made for. */
static bool make_room(ra_near_shard *s, uint32_t spare)
{
    unsigned again = 0;
    uint32_t ref;
    while (ra_near_shard_bytes(s) > s->budget && (ref = next_to_go(s, spare))) {
        ra_near_record *r = ra_near_shard_at(s, ref);
        if (r->served && again < RA_NEAR_ROUND_AGAIN) {
            again++;
            r->served = false;
            queue_remove(s, ref);
            queue_push(s, ref);
            continue;
        }
        ra_near_shard_remove(s, ref);
        s->n.evictions++;
    }
    return ra_near_shard_bytes(s) <= s->budget;
}

/* In the index and on the queue. 0: no memory. */
static uint32_t add(ra_near_shard *s, const ra_near_record *r)
{
    uint32_t ref = ra_slab_take(&s->records);
    if (!ref)
        return 0;
    *ra_near_shard_at(s, ref) = *r;
    ra_payload_ref(r->payload);
    s->held_bytes += payload_cost(r->payload) + ra_memory_cost(r->tail_len);
    ra_index_insert(&s->index, ref);
    queue_push(s, ref);
    s->n.entries++;
    return ref;
}

uint32_t ra_near_shard_add(ra_near_shard *s, const ra_key *unit, const ra_key *request, const ra_key *guards,
                           unsigned nguards, const ra_near_entry *e)
{
    size_t tail_len = tail_size(&e->token, nguards);
    size_t cost = sizeof(ra_near_record) + payload_cost(e->payload) + ra_memory_cost(tail_len);
    if (cost > s->budget / 8) {
        s->n.too_large++;
        return 0;
    }
    ra_near_record r = {.unit = *unit,
                        .request = *request,
                        .payload = e->payload,
                        .tail = pack_tail(tail_len, guards, nguards, &e->token),
                        .expires = e->expires,
                        .keeps = e->keeps,
                        .tail_len = (uint16_t)tail_len,
                        .nguards = (uint8_t)nguards};
    uint32_t ref = r.tail ? add(s, &r) : 0;
    if (!ref) {
        free(r.tail);
        return 0;
    }
    if (make_room(s, ref))
        return ref;
    ra_near_shard_remove(s, ref); /* what is left is overhead that nothing can be taken from */
    return 0;
}
