#include "proxy/stream_shards.h"

#include "proxy/stream_text.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CHILD_LISTINGS = 3, /* a finished shard that has no child in so many listings has none */
    LINEAGE_MAX = 1000  /* generations that are looked back for a watermark */
};

typedef struct entry {
    ra_shard s;        /* first: a shard is its entry */
    bool was_finished; /* when the listing under way was begun */
    bool gone;         /* it is finished only because it wasn't listed */
    bool has_child;    /* in the last listing */
    bool doubtful;     /* its parent isn't listed, and may yet come: listings aren't made in one instant */
    unsigned since;    /* whole listings since it was finished */
    size_t walk;       /* see break_circles */
} entry;

/* Invariants: v[0, n) is sorted by id; new_v[0, new_n) too, and is what the listing under way has found that
 * isn't in v. So a listing that is given up leaves no shard whose parent it hasn't come to. */
struct ra_shards {
    void (*forget)(ra_shard *shard);
    entry **v;
    size_t n;
    entry **new_v;
    size_t new_n, new_size;
    unsigned listing; /* the number of the one under way or the last one */
    bool from_now;    /* as begun */
    bool listed;      /* there has been a whole one */
};

ra_shards *ra_shards_new(void (*forget)(ra_shard *shard))
{
    ra_shards *s = calloc(1, sizeof *s);
    if (s)
        s->forget = forget;
    return s;
}

static void free_entry(const ra_shards *s, entry *e)
{
    if (s->forget)
        s->forget(&e->s);
    free(e);
}

static void drop_new(ra_shards *s)
{
    for (size_t i = 0; i < s->new_n; i++)
        free(s->new_v[i]);
    s->new_n = 0;
}

void ra_shards_free(ra_shards *s)
{
    if (!s)
        return;
    drop_new(s);
    free(s->new_v);
    for (size_t i = 0; i < s->n; i++)
        free_entry(s, s->v[i]);
    free(s->v);
    free(s);
}

/* ---- finding ---- */

/* Where the id is, or would be. */
static size_t place_of(entry *const *v, size_t n, const char *id, bool *found)
{
    size_t low = 0;
    *found = false;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        int order = strcmp(v[middle]->s.id, id);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

static entry *find(const ra_shards *s, const char *id)
{
    bool found;
    size_t i = place_of(s->v, s->n, id, &found);
    return found ? s->v[i] : NULL;
}

static entry *parent_of(const ra_shards *s, const entry *e)
{
    return e->s.parent[0] ? find(s, e->s.parent) : NULL;
}

size_t ra_shards_count(const ra_shards *s)
{
    return s->n;
}

ra_shard *ra_shards_at(ra_shards *s, size_t i)
{
    return &s->v[i]->s;
}

ra_shard *ra_shards_find(ra_shards *s, const char *id)
{
    entry *e = find(s, id);
    return e ? &e->s : NULL;
}

/* ---- one listing ---- */

void ra_shards_list_begin(ra_shards *s, bool from_now)
{
    drop_new(s);
    s->listing++;
    s->from_now = from_now && !s->listed;
    for (size_t i = 0; i < s->n; i++)
        s->v[i]->was_finished = s->v[i]->s.finished;
}

static bool grow_new(ra_shards *s)
{
    if (s->new_n < s->new_size)
        return true;
    size_t size = s->new_size ? s->new_size * 2 : 16;
    entry **v = realloc(s->new_v, size * sizeof(entry *));
    if (!v)
        return false;
    s->new_v = v;
    s->new_size = size;
    return true;
}

static bool add_new(ra_shards *s, const ra_shard *listed)
{
    bool found;
    size_t at = place_of(s->new_v, s->new_n, listed->id, &found);
    if (found) {
        s->new_v[at]->s.closed |= listed->closed;
        return true;
    }
    if (s->n + s->new_n >= RA_SHARDS_MAX || !grow_new(s))
        return false;
    entry *e = calloc(1, sizeof *e);
    if (!e)
        return false;
    e->s = *listed;
    e->s.start = s->from_now && !listed->closed ? RA_SHARD_FROM_NOW : RA_SHARD_FROM_OLDEST;
    memmove(s->new_v + at + 1, s->new_v + at, (s->new_n - at) * sizeof(entry *));
    s->new_v[at] = e;
    s->new_n++;
    return true;
}

static bool note_listed(ra_shards *s, const ra_shard *listed)
{
    entry *e = find(s, listed->id);
    if (!e)
        return add_new(s, listed);
    e->s.seen = s->listing;
    e->s.closed |= listed->closed;
    if (e->gone) { /* it was there all the time: what it has had since must be read */
        e->gone = false;
        e->s.finished = e->was_finished = false;
    }
    return true;
}

static bool read_shard(const ra_json *j, uint32_t token, ra_shard *out)
{
    uint32_t parent = ra_json_member(j, token, "ParentShardId");
    uint32_t range = ra_json_member(j, token, "SequenceNumberRange");
    uint32_t end = ra_json_member(j, range, "EndingSequenceNumber");
    *out = (ra_shard){.closed = range && end && !ra_json_is(j, end, RA_JSON_NULL)};
    if (!ra_stream_text(j, ra_json_member(j, token, "ShardId"), out->id, sizeof out->id))
        return false;
    if (!parent || ra_json_is(j, parent, RA_JSON_NULL))
        return true;
    return ra_stream_text(j, parent, out->parent, sizeof out->parent) && strcmp(out->parent, out->id) != 0;
}

static bool read_page(ra_shards *s, const ra_json *j, char last[RA_SHARD_ID_MAX + 1])
{
    uint32_t stream = ra_json_member(j, 0, "StreamDescription");
    uint32_t shards = stream ? ra_json_member(j, stream, "Shards") : RA_JSON_NONE;
    uint32_t next = stream ? ra_json_member(j, stream, "LastEvaluatedShardId") : RA_JSON_NONE;
    last[0] = '\0';
    if (!shards || !ra_json_is(j, shards, RA_JSON_ARRAY))
        return false;
    for (uint32_t i = shards + 1; i < j->t[shards].next; i = j->t[i].next) {
        ra_shard listed;
        if (!read_shard(j, i, &listed))
            return false;
        listed.seen = s->listing;
        if (!note_listed(s, &listed))
            return false;
    }
    return !next || ra_json_is(j, next, RA_JSON_NULL) || ra_stream_text(j, next, last, RA_SHARD_ID_MAX + 1);
}

bool ra_shards_list_page(ra_shards *s, ra_bytes body, char last[RA_SHARD_ID_MAX + 1])
{
    ra_json j;
    size_t at;
    if (ra_json_parse(&j, body, NULL, &at) != RA_JSON_OK)
        return false;
    bool ok = read_page(s, &j, last);
    ra_json_free(&j);
    return ok;
}

/* Those that weren't listed: forgotten if they are finished, else finished. *lost: there was one of these. */
static void leave_unlisted(ra_shards *s, bool *lost)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        entry *e = s->v[i];
        bool listed = e->s.seen == s->listing;
        if (!listed && e->s.finished) {
            free_entry(s, e);
            continue;
        }
        if (!listed) {
            e->gone = e->s.finished = true;
            *lost = true;
        }
        e->since = e->was_finished ? e->since + 1 : 0;
        e->doubtful = false; /* it has been listed once more, without its parent */
        s->v[kept++] = e;
    }
    s->n = kept;
}

static int by_id(const void *a, const void *b)
{
    return strcmp((*(entry *const *)a)->s.id, (*(entry *const *)b)->s.id);
}

static void relate(ra_shards *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->v[i]->has_child = false;
    for (size_t i = 0; i < s->n; i++) {
        entry *parent = parent_of(s, s->v[i]);
        if (parent)
            parent->has_child = true;
    }
}

/* No stream has shards that come before themselves. If one were listed they would wait for each other for
 * ever, and be missing in the watermark: one of them is taken for a first one. Each walk up to the first
 * shard that was walked over before leaves its own number. */
static void break_circles(ra_shards *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->v[i]->walk = 0;
    for (size_t i = 0; i < s->n; i++) {
        entry *e = s->v[i], *parent;
        for (; e && !e->walk; e = parent) {
            e->walk = i + 1;
            parent = parent_of(s, e);
            if (parent && parent->walk == i + 1)
                e->s.parent[0] = '\0';
        }
    }
}

bool ra_shards_list_end(ra_shards *s, bool *lost)
{
    *lost = false;
    entry **v = realloc(s->v, (s->n + s->new_n + 1) * sizeof(entry *));
    if (!v)
        return false;
    s->v = v;
    leave_unlisted(s, lost);
    size_t first = s->n;
    if (s->new_n)
        memcpy(s->v + s->n, s->new_v, s->new_n * sizeof(entry *));
    s->n += s->new_n;
    s->new_n = 0;
    entry **fresh = s->v + first;
    size_t nfresh = s->n - first;
    for (size_t i = 0; i < nfresh; i++)
        fresh[i]->doubtful = s->listed && fresh[i]->s.parent[0];
    qsort(s->v, s->n, sizeof(entry *), by_id);
    for (size_t i = 0; i < s->n; i++)
        s->v[i]->doubtful = s->v[i]->doubtful && !parent_of(s, s->v[i]);
    break_circles(s);
    relate(s);
    s->listed = true;
    return true;
}

bool ra_stream_described(ra_bytes body, char status[16], char view[24])
{
    ra_json j;
    size_t at;
    if (ra_json_parse(&j, body, NULL, &at) != RA_JSON_OK)
        return false;
    uint32_t stream = ra_json_member(&j, 0, "StreamDescription");
    bool ok = stream && ra_stream_text(&j, ra_json_member(&j, stream, "StreamStatus"), status, 16) &&
              ra_stream_text(&j, ra_json_member(&j, stream, "StreamViewType"), view, 24);
    ra_json_free(&j);
    return ok;
}

/* ---- order, and how far it is ---- */

bool ra_shards_ready(const ra_shards *s, const ra_shard *shard)
{
    const entry *e = (const entry *)shard;
    const entry *parent = parent_of(s, e);
    return !e->s.finished && !e->doubtful && (!parent || parent->s.finished);
}

/* May a finished shard have children that aren't known? */
static bool unsettled(const entry *e)
{
    return e->s.finished && (e->since == 0 || (!e->has_child && !e->gone && e->since < CHILD_LISTINGS));
}

bool ra_shards_stale(const ra_shards *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i]->doubtful || unsettled(s->v[i]))
            return true;
    }
    return false;
}

/* Where it has handled nothing yet, what was written before its parent was last seen open isn't in it. */
static int64_t drained(const ra_shards *s, const entry *e)
{
    for (unsigned i = 0; e && i < LINEAGE_MAX; i++, e = parent_of(s, e)) {
        if (e->s.drained_ms)
            return e->s.drained_ms;
    }
    return 0;
}

int64_t ra_shards_drained(const ra_shards *s, const ra_shard *shard)
{
    return drained(s, (const entry *)shard);
}

int ra_sequence_compare(const char *a, const char *b)
{
    a += strspn(a, "0");
    b += strspn(b, "0");
    size_t na = strlen(a), nb = strlen(b);
    return na == nb ? strcmp(a, b) : na < nb ? -1 : 1;
}

int64_t ra_shards_watermark(const ra_shards *s)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < s->n; i++) {
        const entry *e = s->v[i], *parent = parent_of(s, e);
        if (e->s.finished ? !unsettled(e) : parent && !parent->s.finished)
            continue;
        int64_t ms = drained(s, e);
        if (ms < least)
            least = ms;
    }
    return least == INT64_MAX ? 0 : least;
}
