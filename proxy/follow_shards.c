#include "proxy/follow_shards.h"

#include <stdlib.h>

enum { ROOM_FIRST = 16 };

void ra_known_shards_free(ra_known_shards *k)
{
    free(k->v);
    *k = (ra_known_shards){.n = 0};
}

static void count(ra_known_shards *k, enum ra_reader reader, size_t by)
{
    k->ours += reader == RA_READER_US ? by : 0; /* `by` may be -1, as size_t has it */
    k->others += reader == RA_READER_OTHERS ? by : 0;
}

static void forget_silent(ra_known_shards *k, int64_t now)
{
    size_t kept = 0;
    for (size_t i = 0; i < k->n; i++)
        if (now - k->v[i].heard_at < RA_READER_FORGET_MS)
            k->v[kept++] = k->v[i];
        else
            count(k, k->v[i].reader, (size_t)-1);
    k->n = kept;
}

static bool make_room(ra_known_shards *k, int64_t now)
{
    if (k->n < k->room)
        return true;
    forget_silent(k, now);
    if (k->n < k->room)
        return true;
    size_t room = k->room ? k->room * 2 : ROOM_FIRST;
    ra_known_shard *v = realloc(k->v, room * sizeof *v);
    if (!v)
        return false;
    k->v = v;
    k->room = room;
    return true;
}

/* Where it is, or belongs. */
static size_t place_of(const ra_known_shards *k, const ra_key *post)
{
    size_t from = 0, to = k->n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (memcmp(k->v[middle].post.b, post->b, RA_KEY_BYTES) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

void ra_known_shards_hear(ra_known_shards *k, const ra_key *post, enum ra_reader reader, bool news,
                          int64_t now)
{
    if (news || reader == RA_READER_OTHERS)
        k->foreign_at = now;
    if (!make_room(k, now))
        return;
    size_t at = place_of(k, post);
    if (at == k->n || !ra_key_eq(&k->v[at].post, post)) {
        if (reader == RA_READER_NONE)
            return;
        memmove(k->v + at + 1, k->v + at, (k->n - at) * sizeof *k->v);
        k->v[at] = (ra_known_shard){.post = *post};
        k->n++;
    }
    ra_known_shard *s = &k->v[at];
    count(k, s->reader, (size_t)-1);
    count(k, reader, 1);
    s->reader = reader;
    s->heard_at = now;
}
