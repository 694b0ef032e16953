/*
 * A table of items, chained, and the order in which they were touched. The notes of an item are an array of
 * its own: most items have one or none.
 */
#include "cache/own_writes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALLOCATION = 16, /* what the allocator adds to each piece, about */
    BYTES_PER_BUCKET = 512,
    BUCKETS_LEAST = 16
};

typedef struct note {
    ra_key image;
    int64_t begun, replied;
} note;

typedef struct own_item {
    struct own_item *next;          /* in its bucket */
    struct own_item *older, *newer; /* touched before it, after it */
    ra_key key;
    int64_t touched;
    int64_t last; /* its newest record was committed by then; INT64_MIN: none has been asked about */
    note *notes;  /* all begun after `last` */
    unsigned n, room;
} own_item;

struct ra_own_writes {
    pthread_mutex_t lock;
    own_item **buckets;
    size_t nbuckets; /* a power of two */
    size_t bytes, max_bytes;
    own_item *oldest, *newest;
    int64_t floor; /* the latest `last` that was forgotten before its time */
};

ra_own_writes *ra_own_writes_new(size_t max_bytes)
{
    ra_own_writes *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->nbuckets = BUCKETS_LEAST;
    while (o->nbuckets < max_bytes / BYTES_PER_BUCKET)
        o->nbuckets *= 2;
    o->buckets = calloc(o->nbuckets, sizeof(own_item *));
    if (!o->buckets || pthread_mutex_init(&o->lock, NULL) != 0) {
        free(o->buckets);
        free(o);
        return NULL;
    }
    o->bytes = sizeof *o + o->nbuckets * sizeof(own_item *);
    o->max_bytes = max_bytes;
    o->floor = INT64_MIN;
    return o;
}

/* ---- items ---- */

static own_item **bucket_of(ra_own_writes *o, const ra_key *key)
{
    uint32_t n;
    memcpy(&n, key->b, sizeof n);
    return &o->buckets[n & (o->nbuckets - 1)];
}

static own_item *find(ra_own_writes *o, const ra_key *key)
{
    own_item *it = *bucket_of(o, key);
    while (it && !ra_key_eq(&it->key, key))
        it = it->next;
    return it;
}

static void unlink_item(ra_own_writes *o, own_item *it)
{
    *(it->older ? &it->older->newer : &o->oldest) = it->newer;
    *(it->newer ? &it->newer->older : &o->newest) = it->older;
}

static void link_newest(ra_own_writes *o, own_item *it, int64_t now)
{
    it->touched = now;
    it->newer = NULL;
    it->older = o->newest;
    *(o->newest ? &o->newest->newer : &o->oldest) = it;
    o->newest = it;
}

static size_t notes_bytes(unsigned room)
{
    return room ? room * sizeof(note) + ALLOCATION : 0;
}

static void raise_floor(ra_own_writes *o, int64_t last)
{
    if (last > o->floor)
        o->floor = last;
}

static void drop_oldest(ra_own_writes *o)
{
    own_item *it = o->oldest;
    own_item **at = bucket_of(o, &it->key);
    while (*at != it)
        at = &(*at)->next;
    *at = it->next;
    o->oldest = it->newer;
    *(it->newer ? &it->newer->older : &o->newest) = NULL;
    o->bytes -= sizeof *it + ALLOCATION + notes_bytes(it->room);
    free(it->notes);
    free(it);
}

/* Nothing that is left of them would count: neither a note, nor `last` against one that is still taken. */
static void drop_outlived(ra_own_writes *o, int64_t now)
{
    _Static_assert(RA_OWN_WRITES_LATE_MS < RA_OWN_WRITES_LIFE_MS, "`last` outlives what it is kept for");
    while (o->oldest && now - o->oldest->touched >= RA_OWN_WRITES_LIFE_MS)
        drop_oldest(o);
}

/* Room for so many bytes more, at the cost of any item but that one. */
static bool make_room(ra_own_writes *o, size_t more, const own_item *but)
{
    while (o->bytes + more > o->max_bytes && o->oldest && o->oldest != but) {
        raise_floor(o, o->oldest->last);
        drop_oldest(o);
    }
    return o->bytes + more <= o->max_bytes;
}

static own_item *add(ra_own_writes *o, const ra_key *key, int64_t now)
{
    own_item **bucket = bucket_of(o, key);
    own_item *it = make_room(o, sizeof *it + ALLOCATION, NULL) ? malloc(sizeof *it) : NULL;
    if (!it)
        return NULL;
    *it = (own_item){.next = *bucket, .key = *key, .last = INT64_MIN};
    *bucket = it;
    link_newest(o, it, now);
    o->bytes += sizeof *it + ALLOCATION;
    return it;
}

/* As the newest one, made if it isn't there. NULL: no room. */
static own_item *touch(ra_own_writes *o, const ra_key *key, int64_t now)
{
    drop_outlived(o, now);
    own_item *it = find(o, key);
    if (!it)
        return add(o, key, now);
    unlink_item(o, it);
    link_newest(o, it, now);
    return it;
}

void ra_own_writes_free(ra_own_writes *o)
{
    if (!o)
        return;
    while (o->oldest)
        drop_oldest(o);
    pthread_mutex_destroy(&o->lock);
    free(o->buckets);
    free(o);
}

/* ---- notes ---- */

/* Those that were begun later than that. */
static void keep_later(own_item *it, int64_t than)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < it->n; i++)
        if (it->notes[i].begun > than)
            it->notes[kept++] = it->notes[i];
    it->n = kept;
}

static bool room_for_one(ra_own_writes *o, own_item *it)
{
    if (it->n < it->room)
        return true;
    unsigned room = it->room ? 2 * it->room : 1;
    size_t more = notes_bytes(room) - notes_bytes(it->room);
    note *notes = make_room(o, more, it) ? realloc(it->notes, room * sizeof *notes) : NULL;
    if (!notes)
        return false;
    it->notes = notes;
    it->room = room;
    o->bytes += more;
    return true;
}

static void add_note(ra_own_writes *o, const ra_key *key, const note *n)
{
    own_item *it = touch(o, key, n->replied);
    if (!it || n->begun <= it->last || n->begun <= o->floor)
        return;
    keep_later(it, n->replied - RA_OWN_WRITES_LIFE_MS);
    if (it->n < RA_OWN_WRITES_PER_ITEM && room_for_one(o, it))
        it->notes[it->n++] = *n;
}

void ra_own_writes_note(ra_own_writes *o, const ra_key *item, const ra_key *image, int64_t took, int64_t now)
{
    if (took < 0 || took >= RA_OWN_WRITES_LATE_MS)
        return;
    note n = {.image = *image, .begun = now - took, .replied = now};
    pthread_mutex_lock(&o->lock);
    add_note(o, item, &n);
    pthread_mutex_unlock(&o->lock);
}

/* Of those that count the one that had its reply first. */
static const note *match(const own_item *it, const ra_key *image, int64_t since, int64_t now)
{
    const note *best = NULL;
    for (unsigned i = 0; i < it->n; i++) {
        const note *n = &it->notes[i];
        if (n->begun > since && n->begun > now - RA_OWN_WRITES_LIFE_MS && ra_key_eq(&n->image, image) &&
            (!best || n->replied < best->replied))
            best = n;
    }
    return best;
}

static bool take(ra_own_writes *o, const ra_key *key, const ra_key *image, int64_t since, int64_t now)
{
    own_item *it = touch(o, key, now);
    if (!it) {
        raise_floor(o, now);
        return false;
    }
    const note *own = image ? match(it, image, since, now) : NULL;
    int64_t last = own ? own->replied : now;
    if (last > it->last)
        it->last = last;
    keep_later(it, it->last);
    return own != NULL;
}

bool ra_own_writes_take(ra_own_writes *o, const ra_key *item, const ra_key *image_or_null, int64_t since,
                        int64_t now)
{
    pthread_mutex_lock(&o->lock);
    bool own = take(o, item, image_or_null, since, now);
    pthread_mutex_unlock(&o->lock);
    return own;
}

size_t ra_own_writes_bytes(ra_own_writes *o)
{
    pthread_mutex_lock(&o->lock);
    size_t bytes = o->bytes;
    pthread_mutex_unlock(&o->lock);
    return bytes;
}
