#include "cache/near_pushes.h"

#include <string.h>

_Static_assert(RA_NEAR_EPOCH_MAX == sizeof(uint64_t), "an epoch fits one atomic number");

void ra_near_pushes_init(ra_near_pushes *p)
{
    for (size_t i = 0; i < RA_NEAR_SLOTS; i++)
        atomic_init(&p->slot[i], 0);
    atomic_init(&p->all, 1);
    atomic_init(&p->epoch, 0);
    atomic_init(&p->deadline, INT64_MIN);
    atomic_init(&p->touches, 0);
    atomic_init(&p->touches_of_all, 0);
    pthread_mutex_init(&p->regime, NULL);
}

void ra_near_pushes_fini(ra_near_pushes *p)
{
    pthread_mutex_destroy(&p->regime);
}

/* Units are digests: any of their bits are spread evenly. */
static atomic_uint *slot_of(ra_near_pushes *p, const ra_key *unit)
{
    return &p->slot[unit->b[2] | unit->b[3] << 8];
}

ra_near_mark ra_near_pushes_mark(ra_near_pushes *p, const ra_key *unit, const ra_key *guards,
                                 unsigned nguards)
{
    ra_near_mark m = {.all = atomic_load(&p->all), .unit = atomic_load(slot_of(p, unit))};
    for (unsigned i = 0; i < nguards; i++)
        m.guard[i] = atomic_load(slot_of(p, &guards[i]));
    return m;
}

void ra_near_pushes_touch(ra_near_pushes *p, const ra_key *unit)
{
    atomic_fetch_add(slot_of(p, unit), 1);
    atomic_fetch_add_explicit(&p->touches, 1, memory_order_relaxed);
}

/* ---- regimes ---- */

/* With the lock. The deadline goes first: whose mark has the new `all` finds no deadline of before. */
static void end_regime(ra_near_pushes *p)
{
    atomic_store(&p->deadline, INT64_MIN);
    unsigned next = atomic_load(&p->all) + 1;
    atomic_store(&p->all, next ? next : 1);
}

void ra_near_pushes_touch_all(ra_near_pushes *p)
{
    pthread_mutex_lock(&p->regime);
    end_regime(p);
    pthread_mutex_unlock(&p->regime);
    atomic_fetch_add_explicit(&p->touches_of_all, 1, memory_order_relaxed);
}

/* 0: not an epoch, so nothing is heard. */
static uint64_t pack(const char *epoch)
{
    uint64_t packed = 0;
    size_t n = strlen(epoch);
    if (n <= sizeof packed)
        memcpy(&packed, epoch, n);
    return packed;
}

void ra_near_pushes_heard(ra_near_pushes *p, const char *epoch, int64_t until)
{
    uint64_t packed = pack(epoch);
    pthread_mutex_lock(&p->regime);
    bool goes_on = atomic_load(&p->deadline) != INT64_MIN && atomic_load(&p->epoch) == packed;
    if (!goes_on) {
        end_regime(p);
        atomic_store(&p->epoch, packed);
    }
    if (packed)
        atomic_store(&p->deadline, until);
    pthread_mutex_unlock(&p->regime);
}

static bool begins_with(const ra_generation *g, const char *epoch, size_t n)
{
    return g->len >= n && memcmp(g->b, epoch, n) == 0;
}

static bool is_of(const ra_near_claim *claim, uint64_t packed)
{
    char epoch[sizeof packed];
    memcpy(epoch, &packed, sizeof packed);
    size_t n = strnlen(epoch, sizeof epoch);
    bool yes = begins_with(&claim->token->unit, epoch, n);
    for (unsigned i = 0; i < claim->nguards && yes; i++)
        yes = begins_with(&claim->token->guard[i], epoch, n);
    return yes;
}

bool ra_near_pushes_none_since(ra_near_pushes *p, int64_t now, const ra_near_mark *mark,
                               const ra_near_claim *claim)
{
    /* Deadline and epoch are two reads, but of one regime, the mark's, if `all` is still the mark's after
     * them: a later regime's have moved it before they were set, and an earlier one's deadline went before
     * the mark could be taken. */
    bool none = atomic_load(&p->deadline) > now && is_of(claim, atomic_load(&p->epoch)) &&
                atomic_load(slot_of(p, claim->unit)) == mark->unit;
    for (unsigned i = 0; i < claim->nguards && none; i++)
        none = atomic_load(slot_of(p, &claim->guards[i])) == mark->guard[i];
    return none && atomic_load(&p->all) == mark->all;
}
