#include "proxy/rekey_keeper.h"

#include <stdlib.h>

/* A position that waits. */
typedef struct waiting {
    ra_shard shard;
    uint64_t owed; /* all until this one must have been made */
    bool there;
} waiting;

/* A shard of which something was noted that hasn't been passed on. */
typedef struct held {
    struct held *more;
    char *stream;
    waiting next, latest;
} held;

struct ra_rekey_keeper {
    const ra_stream_keeper *inner;
    const ra_rekey_looks *looks;
    ra_stream_keeper outer;
    held *shards;
};

static held *find(const ra_rekey_keeper *k, const char *stream, const char *id)
{
    for (held *h = k->shards; h; h = h->more) {
        if (strcmp(h->next.shard.id, id) == 0 && strcmp(h->stream, stream) == 0)
            return h;
    }
    return NULL;
}

/* What the walk has noted is what it is told, however much of it still waits. */
static enum ra_keeper_step hold(void *arg, const char *stream, ra_shard *shard)
{
    ra_rekey_keeper *k = arg;
    enum ra_keeper_step step = k->inner->hold(k->inner->arg, stream, shard);
    const held *h = find(k, stream, shard->id);
    if (h) {
        const ra_shard *noted = h->latest.there ? &h->latest.shard : &h->next.shard;
        memcpy(shard->handled, noted->handled, sizeof shard->handled);
        shard->finished = noted->finished;
        shard->drained_ms = noted->drained_ms;
    }
    return step;
}

static bool pass(ra_rekey_keeper *k, const char *stream, waiting *w)
{
    if (!w->there || !ra_rekey_looks_paid(k->looks, w->owed) ||
        !k->inner->note(k->inner->arg, stream, &w->shard))
        return false;
    w->there = false;
    return true;
}

/* true: nothing of the shard waits any more. */
static bool pass_shard(ra_rekey_keeper *k, held *h)
{
    if (!pass(k, h->stream, &h->next))
        return false;
    if (!h->latest.there)
        return true;
    h->next = h->latest;
    h->latest.there = false;
    return pass(k, h->stream, &h->next);
}

void ra_rekey_keeper_pass(ra_rekey_keeper *k)
{
    for (held **at = &k->shards; *at;) {
        held *h = *at;
        if (pass_shard(k, h)) {
            *at = h->more;
            free(h->stream);
            free(h);
        } else {
            at = &h->more;
        }
    }
}

static bool note(void *arg, const char *stream, const ra_shard *shard)
{
    ra_rekey_keeper *k = arg;
    waiting w = {.shard = *shard, .owed = ra_rekey_looks_now(k->looks), .there = true};
    held *h = find(k, stream, shard->id);
    if (!h && ra_rekey_looks_paid(k->looks, w.owed))
        return k->inner->note(k->inner->arg, stream, shard);
    if (h) {
        h->latest = w;
    } else {
        h = calloc(1, sizeof *h);
        char *copy = strdup(stream);
        if (!h || !copy) {
            free(h);
            free(copy);
            return false;
        }
        *h = (held){.more = k->shards, .stream = copy, .next = w};
        k->shards = h;
    }
    return true;
}

static void release(void *arg, const char *stream, const ra_shard *shard)
{
    const ra_rekey_keeper *k = arg;
    k->inner->release(k->inner->arg, stream, shard);
}

ra_rekey_keeper *ra_rekey_keeper_new(const ra_stream_keeper *inner, const ra_rekey_looks *looks)
{
    ra_rekey_keeper *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->inner = inner;
    k->looks = looks;
    k->outer = (ra_stream_keeper){.hold = hold, .note = note, .release = release, .arg = k};
    return k;
}

void ra_rekey_keeper_free(ra_rekey_keeper *k)
{
    if (!k)
        return;
    for (held *h = k->shards, *more; h; h = more) {
        more = h->more;
        free(h->stream);
        free(h);
    }
    free(k);
}

const ra_stream_keeper *ra_rekey_keeper_outer(const ra_rekey_keeper *k)
{
    return &k->outer;
}
