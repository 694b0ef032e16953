#include "proxy/alias.h"

#include "cache/random.h"

#include <stdlib.h>

typedef struct alias {
    uint64_t hash, principal;
    char *bytes; /* target and body, one after the other; NULL: the slot is free */
    uint32_t target_n, body_n;
    int64_t learnt;
    uint64_t tables_version;
    ra_config *config;
    ra_key unit, request, guard[RA_GUARDS_MAX];
    unsigned nguards;
    uint32_t tag;
    int64_t ttl, negative_ttl;
    bool exact;
} alias;

struct ra_aliases {
    size_t bytes, max_bytes;
    size_t hand;   /* the set that gives way next when there are too many bytes */
    uint64_t seed; /* so that nobody outside can aim at one set */
    alias slot[RA_ALIAS_SETS][2];
};

ra_aliases *ra_aliases_new(size_t max_bytes)
{
    ra_aliases *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->max_bytes = max_bytes;
    a->seed = ra_random();
    return a;
}

static void forget(ra_aliases *a, alias *s)
{
    if (!s->bytes)
        return;
    a->bytes -= (size_t)s->target_n + s->body_n;
    free(s->bytes);
    ra_config_unref(s->config);
    *s = (alias){0};
}

void ra_aliases_clear(ra_aliases *a)
{
    for (size_t i = 0; i < RA_ALIAS_SETS; i++) {
        forget(a, &a->slot[i][0]);
        forget(a, &a->slot[i][1]);
    }
}

void ra_aliases_free(ra_aliases *a)
{
    if (a)
        ra_aliases_clear(a);
    free(a);
}

size_t ra_aliases_bytes(const ra_aliases *a)
{
    return a->bytes;
}

/* Where to look; what is found there is compared. */
static uint64_t mix(uint64_t h, ra_bytes b)
{
    uint64_t word = 0;
    for (; b.n >= sizeof word; b = (ra_bytes){b.p + sizeof word, b.n - sizeof word}) {
        memcpy(&word, b.p, sizeof word);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    word = 0;
    memcpy(&word, b.p, b.n);
    h = (h ^ word ^ (uint64_t)b.n << 56) * 0xbf58476d1ce4e5b9u;
    return h ^ h >> 32;
}

static uint64_t hash_of(const ra_aliases *a, const ra_alias_asked *asked)
{
    return mix(mix(a->seed ^ asked->principal, asked->target), asked->body);
}

static bool is(const alias *s, uint64_t hash, const ra_alias_asked *asked)
{
    ra_bytes target = asked->target, body = asked->body;
    return s->bytes && s->hash == hash && s->principal == asked->principal && s->target_n == target.n &&
           s->body_n == body.n && memcmp(s->bytes, target.p, target.n) == 0 &&
           memcmp(s->bytes + target.n, body.p, body.n) == 0;
}

static bool is_good(const alias *s, const ra_alias_basis *b)
{
    return s->config == b->config && s->tables_version == b->tables_version &&
           b->now - s->learnt < RA_ALIAS_LIFE_MS;
}

bool ra_aliases_find(const ra_aliases *a, const ra_alias_asked *asked, const ra_alias_basis *b,
                     ra_lookup *look)
{
    uint64_t hash = hash_of(a, asked);
    const alias *set = a->slot[hash % RA_ALIAS_SETS];
    for (unsigned i = 0; i < 2; i++) {
        const alias *s = &set[i];
        if (!is(s, hash, asked))
            continue;
        if (!is_good(s, b))
            return false;
        *look = (ra_lookup){.unit = s->unit,
                            .request = s->request,
                            .nguards = s->nguards,
                            .exact = s->exact,
                            .tag = s->tag,
                            .ttl = s->ttl,
                            .negative_ttl = s->negative_ttl};
        memcpy(look->guard, s->guard, sizeof look->guard);
        return true;
    }
    return false;
}

void ra_aliases_forget(ra_aliases *a, const ra_alias_asked *asked)
{
    uint64_t hash = hash_of(a, asked);
    alias *set = a->slot[hash % RA_ALIAS_SETS];
    for (unsigned i = 0; i < 2; i++)
        if (is(&set[i], hash, asked))
            forget(a, &set[i]);
}

/* The one that has these bytes, else a free one, else the one that was learnt longer ago. */
static alias *place(ra_aliases *a, uint64_t hash, const ra_alias_asked *asked)
{
    alias *set = a->slot[hash % RA_ALIAS_SETS];
    for (unsigned i = 0; i < 2; i++)
        if (is(&set[i], hash, asked))
            return &set[i];
    if (!set[0].bytes || !set[1].bytes)
        return &set[set[0].bytes != NULL];
    return &set[set[1].learnt < set[0].learnt];
}

/* Sets give way one after the other. false: it is larger than all that may be held. */
static bool make_room(ra_aliases *a, size_t n)
{
    if (n > a->max_bytes)
        return false;
    for (; a->bytes + n > a->max_bytes; a->hand = (a->hand + 1) % RA_ALIAS_SETS) {
        forget(a, &a->slot[a->hand][0]);
        forget(a, &a->slot[a->hand][1]);
    }
    return true;
}

void ra_aliases_learn(ra_aliases *a, const ra_alias_asked *asked, const ra_alias_basis *b,
                      const ra_lookup *look)
{
    ra_bytes target = asked->target, body = asked->body;
    uint64_t hash = hash_of(a, asked);
    size_t n = target.n + body.n;
    alias *s = place(a, hash, asked);
    if (is(s, hash, asked) && is_good(s, b))
        return; /* those who don't come the express way say it again and again */
    forget(a, s);
    char *bytes = n <= UINT32_MAX && make_room(a, n) ? malloc(n ? n : 1) : NULL;
    if (!bytes)
        return;
    memcpy(bytes, target.p, target.n);
    memcpy(bytes + target.n, body.p, body.n);
    *s = (alias){.hash = hash,
                 .principal = asked->principal,
                 .bytes = bytes,
                 .target_n = (uint32_t)target.n,
                 .body_n = (uint32_t)body.n,
                 .learnt = b->now,
                 .tables_version = b->tables_version,
                 .config = ra_config_ref(b->config),
                 .unit = look->unit,
                 .request = look->request,
                 .nguards = look->nguards,
                 .tag = look->tag,
                 .ttl = look->ttl,
                 .negative_ttl = look->negative_ttl,
                 .exact = look->exact};
    memcpy(s->guard, look->guard, sizeof s->guard);
    a->bytes += n;
}
