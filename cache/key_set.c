#include "cache/key_set.h"

#include <stdint.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 64 };

static const ra_key empty;

void ra_key_set_init(ra_key_set *s, size_t most)
{
    *s = (ra_key_set){.most = most};
}

void ra_key_set_free(ra_key_set *s)
{
    free(s->slots);
    ra_key_set_init(s, s->most);
}

/* Where the key is, or the empty slot where it belongs: there always is one. */
static ra_key *slot_of(ra_key *slots, size_t nslots, const ra_key *k)
{
    uint64_t at;
    memcpy(&at, k->b, sizeof at);
    for (;; at++) {
        ra_key *slot = &slots[at & (nslots - 1)];
        if (ra_key_eq(slot, k) || ra_key_eq(slot, &empty))
            return slot;
    }
}

/* false: there is no room for another key, and won't be. */
static bool make_room(ra_key_set *s)
{
    if (s->n >= s->most)
        return false;
    if (2 * (s->n + 1) <= s->nslots)
        return true;
    size_t nslots = s->nslots ? 2 * s->nslots : FIRST_SLOTS;
    ra_key *slots = calloc(nslots, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; s->slots && i < s->nslots; i++) {
        if (!ra_key_eq(&s->slots[i], &empty))
            *slot_of(slots, nslots, &s->slots[i]) = s->slots[i];
    }
    free(s->slots);
    s->slots = slots;
    s->nslots = nslots;
    return true;
}

bool ra_key_set_add(ra_key_set *s, const ra_key *k)
{
    if (ra_key_eq(k, &empty))
        return true;
    if (s->slots && ra_key_eq(slot_of(s->slots, s->nslots, k), k))
        return false;
    if (make_room(s) && s->slots) {
        *slot_of(s->slots, s->nslots, k) = *k;
        s->n++;
    }
    return true;
}
