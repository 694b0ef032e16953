#include "proxy/ddb_generate_pairs.h"

#include "proxy/ddb_generate_random.h"

#include <stdlib.h>

enum { TRIES = 16 };

/* The pairs that are taken: a hash set with open addressing, at most half full. */
typedef struct taken {
    uint64_t *slots; /* 0: free, which is no pair, since the second of two is larger than the first */
    size_t mask;
    size_t n;
    uint64_t all;       /* how many pairs there are */
    uint32_t low, high; /* where to look for one that is free; all before it are taken */
} taken;

static bool make_room(taken *t, uint32_t users, size_t n)
{
    size_t size = 16;
    t->all = (uint64_t)users * (users - 1) / 2;
    while (size / 2 < n)
        size *= 2;
    t->mask = size - 1;
    t->slots = calloc(size, sizeof *t->slots);
    t->high = 1;
    return t->slots != NULL;
}

/* false: it is taken already. */
static bool take(taken *t, uint32_t a, uint32_t b)
{
    uint64_t pair = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
    ra_stream spread = {pair};
    size_t i = (size_t)ra_stream_next(&spread) & t->mask;
    for (; t->slots[i] != 0; i = (i + 1) & t->mask) {
        if (t->slots[i] == pair)
            return false;
    }
    t->slots[i] = pair;
    t->n++;
    return true;
}

/* The first pair that is free; there is one. Never looks at a pair twice, so all calls together look at no
 * more than are taken. */
static ra_pair take_first(taken *t, uint32_t users)
{
    while (!take(t, t->low, t->high)) {
        if (++t->high == users) {
            t->low++;
            t->high = t->low + 1;
        }
    }
    return (ra_pair){{t->low, t->high}};
}

static ra_pair draw(ra_stream *s, uint32_t users)
{
    uint32_t a = ra_stream_popular(s, users), b = ra_stream_popular(s, users);
    if (a == b) /* anybody else */
        b = (uint32_t)((a + 1 + ra_stream_below(s, users - 1)) % users);
    return (ra_pair){{a, b}};
}

bool ra_generate_pairs(uint64_t key, uint32_t users, size_t n, ra_pair *out)
{
    taken t = {0};
    if (!make_room(&t, users, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        ra_stream s = ra_stream_at(key, RA_STREAM_PAIR, i);
        out[i] = draw(&s, users);
        if (t.n == t.all)
            continue; /* no pair is left: another conversation of two who have one */
        bool found = take(&t, out[i].member[0], out[i].member[1]);
        for (int tries = 1; !found && tries < TRIES; tries++) {
            out[i] = draw(&s, users);
            found = take(&t, out[i].member[0], out[i].member[1]);
        }
        if (!found)
            out[i] = take_first(&t, users);
    }
    free(t.slots);
    return true;
}
