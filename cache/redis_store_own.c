/*
 * Writes that went through any of the processes, in Redis: noted by who made them, asked about by who reads
 * the stream (cache/own_writes.h).
 *
 * Times are Redis's. That of a write's begin is worked out by its process, and must never be too late:
 * Redis's clock as of the newest heartbeat, at the least, less CLOCK_SLACK. That of its reply is when the
 * note comes. A note's own delay therefore does no harm, nor that it is sent twice.
 */
#include "cache/own_writes.h"
#include "cache/redis_store_parts.h"

#include "cache/key_hex.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CLOCK_SLACK = 4,   /* ms: of both clocks' fractions, and by which they may part in three heartbeats */
    ITEMS_AT_ONCE = 64 /* the queue has room for more than that */
};

/* ---- noting ---- */

static void ignore(ra_redis *conn, const redisReply *reply, void *arg)
{
    (void)conn;
    (void)reply;
    (void)arg;
}

/*
 * Not of a write that was begun before this server could be relied on: what was asked of another one, or has
 * been lost with it, nobody knows here.
 */
void ra_redis_store_note_own(ra_store *store, int64_t now, const ra_key *item, const ra_key *image,
                             int64_t took)
{
    ra_redis_store *s = ra_redis_store_of(store);
    const char *why;
    char key[RA_REDIS_KEY_MAX], name[RA_KEY_HEX + 1], begun[24];
    if (took < 0 || took >= RA_OWN_WRITES_LATE_MS || !ra_redis_store_may(s, now, &why) ||
        s->breaker.state != RA_BREAKER_CLOSED || now - took <= s->quiet_until)
        return;
    ra_key_hex(image, name);
    snprintf(begun, sizeof begun, "%" PRId64, now - took + s->clock_least - CLOCK_SLACK);
    ra_bytes argv[] = {{name, RA_KEY_HEX}, ra_bytes_z(begun), {s->epoch, RA_EPOCH_CHARS}};
    ra_redis_store_run(s, RA_SCRIPT_OWN, ra_redis_store_other_key(s, RA_REDIS_OWN_ITEM, item, key), argv, 3,
                       s->o.command_timeout, ignore, NULL);
}

/* ---- asking ---- */

typedef struct taking {
    ra_own_change *v; /* the caller's, until it is told or cancels */
    size_t n;
    size_t at;      /* of `order`: those before it have been sent */
    int64_t since;  /* Redis's time */
    size_t order[]; /* of v: by item, those of one item as they were */
} taking;

static int by_item(const void *a, const void *b, void *changes)
{
    const ra_own_change *v = changes;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    int d = memcmp(v[i].item.b, v[j].item.b, RA_KEY_BYTES);
    return d ? d : (i > j) - (i < j);
}

/* Where the next item begins. */
static size_t end_of_item(const taking *t, size_t from)
{
    size_t to = from + 1;
    while (to < t->n && ra_key_eq(&t->v[t->order[to]].item, &t->v[t->order[from]].item))
        to++;
    return to;
}

/* Of an item with more changes than it can have notes nothing is known for certain: they are one change. */
static size_t told_apart(size_t n)
{
    return n > RA_OWN_WRITES_PER_ITEM ? 1 : n;
}

static void take(ra_redis_call *c, const ra_redis_step *step, const redisReply *reply)
{
    const taking *t = c->own;
    size_t n = end_of_item(t, step->index) - step->index;
    if (reply->type != REDIS_REPLY_STRING || reply->len != told_apart(n)) {
        c->failed = true;
        return;
    }
    for (size_t i = 0; i < reply->len; i++) {
        ra_own_change *v = &t->v[t->order[step->index + i]];
        v->own = v->has_image && reply->str[i] == '1' && n == reply->len;
    }
}

/*
 * All changes of an item are one command. Two could change places: one whose script the server has forgotten
 * is sent again, behind the other.
 */
static bool send_item(ra_redis_call *c, size_t from, size_t to)
{
    ra_redis_store *s = c->store;
    const taking *t = c->own;
    char key[RA_REDIS_KEY_MAX], images[RA_OWN_WRITES_PER_ITEM * (RA_KEY_HEX + 1)], since[24];
    size_t n = 0;
    for (size_t i = 0; i < told_apart(to - from); i++) {
        const ra_own_change *v = &t->v[t->order[from + i]];
        char hex[RA_KEY_HEX + 1];
        if (v->has_image && told_apart(to - from) == to - from) {
            ra_key_hex(&v->image, hex);
            memcpy(images + n, hex, RA_KEY_HEX);
            n += RA_KEY_HEX;
        }
        images[n++] = ',';
    }
    ra_redis_step *step = ra_redis_call_step(c, from);
    const ra_key *item = &t->v[t->order[from]].item;
    snprintf(since, sizeof since, "%" PRId64, t->since);
    ra_bytes argv[] = {{s->epoch, RA_EPOCH_CHARS}, {images, n}, ra_bytes_z(since)};
    step->run =
        ra_redis_store_run(s, RA_SCRIPT_TAKE, ra_redis_store_other_key(s, RA_REDIS_OWN_ITEM, item, key), argv,
                           3, s->o.command_timeout, ra_redis_call_done, step);
    return step->run != NULL;
}

static bool send_some(ra_redis_call *c)
{
    taking *t = c->own;
    for (unsigned sent = 0; t->at < t->n && sent < ITEMS_AT_ONCE; sent++) {
        size_t to = end_of_item(t, t->at);
        if (!send_item(c, t->at, to))
            return false;
        t->at = to;
    }
    return true;
}

static void finish(ra_redis_call *c, bool ok)
{
    const taking *t = c->own;
    ra_store_call *call = c->call;
    if (ok && t->at < t->n) {
        ra_redis_call_next_round(c);
        if (send_some(c))
            return;
        ok = false;
    }
    for (size_t i = 0; i < t->n && !ok; i++)
        t->v[i].own = false;
    call->ok = ok;
    ra_redis_call_free(c);
    call->done(call);
}

/* In quarantine nothing is asked: whatever was begun before its end isn't noted, and none is handled. */
enum ra_store_step ra_redis_store_take_own(ra_store *store, int64_t now, int64_t since, ra_own_change *v,
                                           size_t n, ra_store_call *call)
{
    ra_redis_store *s = ra_redis_store_of(store);
    if (s->state != RA_STORE_READY || now < s->quiet_until)
        return RA_STORE_DONE;
    ra_redis_call *c = ra_redis_call_new(s, call, ITEMS_AT_ONCE, sizeof(taking) + n * sizeof(size_t));
    if (!c)
        return RA_STORE_DONE;
    taking *t = c->own;
    t->v = v;
    t->n = n;
    t->since = ra_redis_store_since(s, since);
    for (size_t i = 0; i < n; i++)
        t->order[i] = i;
    qsort_r(t->order, n, sizeof *t->order, by_item, v);
    c->take = take;
    c->finish = finish;
    if (send_some(c))
        return RA_STORE_PENDING;
    ra_redis_call_free(c);
    return RA_STORE_DONE;
}
