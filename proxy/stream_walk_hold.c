/* Whose a shard is, and from where it is read. */
#include "proxy/log.h"
#include "proxy/stream_walk_parts.h"

#include <stdlib.h>

enum { MAGIC = 0x73726472 };

ra_stream_reader *ra_walk_reader(ra_shard *s)
{
    ra_stream_reader *r = s->arg;
    if (r && r->magic != MAGIC)
        ra_corrupt("reader of a shard");
    if (!r && (r = calloc(1, sizeof *r))) {
        r->magic = MAGIC;
        s->arg = r;
    }
    return r;
}

void ra_walk_drop_iterator(ra_stream_reader *r)
{
    free(r->iterator);
    r->iterator = NULL;
    ra_http_reply_unref(r->first);
    r->first = NULL;
    r->caught_up = false;
    r->empties = 0;
    r->whole_at = 0;
}

void ra_walk_forget_reader(ra_shard *s)
{
    ra_stream_reader *r = s->arg;
    if (!r)
        return;
    ra_walk_drop_iterator(ra_walk_reader(s));
    r->magic = 0;
    free(r);
    s->arg = NULL;
}

bool ra_walk_noted(const ra_shard *s)
{
    return s->handled[0] || s->finished || s->drained_ms;
}

/*
 * `s` is what the keeper knows now, `before` what was known here. Whoever is further on has handled all that
 * is in between. An iterator of ours is as good as our position: it may be used on if nobody has passed it.
 */
static void reconcile(ra_shard *s, ra_stream_reader *r, const ra_shard *before)
{
    int order = ra_sequence_compare(s->handled, before->handled);
    if (order > 0) {
        s->start = RA_SHARD_AFTER;
        ra_walk_drop_iterator(r);
    } else if (order < 0) {
        memcpy(s->handled, before->handled, sizeof s->handled);
        r->next_note = 0;
    }
    if (s->drained_ms < before->drained_ms)
        s->drained_ms = before->drained_ms;
}

void ra_walk_hold(ra_stream_walk *w, ra_shard *s)
{
    ra_stream_reader *r = ra_walk_reader(s);
    int64_t now = ra_walk_now(w);
    if (r && s->finished)
        ra_walk_release(w, s);
    if (!r || now < r->next_hold || !ra_shards_ready(w->shards, s))
        return;
    ra_shard before = *s;
    enum ra_keeper_step step = w->keeper->hold(w->keeper->arg, w->arn, s);
    r->held = step == RA_KEEPER_HELD;
    r->held_until = now + w->o.lease;
    r->next_hold = now + (r->held || w->o.lease / 3 < RA_WALK_AGAIN ? w->o.lease / 3 : RA_WALK_AGAIN);
    if (step == RA_KEEPER_UNKNOWN)
        ra_walk_unable(w, "whose the shards are can't be told", false);
    else
        reconcile(s, r, &before);
    if (step == RA_KEEPER_OTHERS)
        ra_walk_unable(w, "somebody else reads it", true);
    if (s->finished) /* somebody else has noted it */
        ra_walk_release(w, s);
}

bool ra_walk_note(ra_stream_walk *w, ra_shard *s)
{
    ra_stream_reader *r = ra_walk_reader(s);
    int64_t now = ra_walk_now(w);
    if (r->held && w->keeper->note(w->keeper->arg, w->arn, s)) {
        r->next_note = now + RA_WALK_AGAIN;
        return true;
    }
    r->held = false;
    r->next_hold = now + (w->o.lease / 3 < RA_WALK_AGAIN ? w->o.lease / 3 : RA_WALK_AGAIN);
    return false;
}

void ra_walk_release(ra_stream_walk *w, ra_shard *s)
{
    ra_stream_reader *r = s->arg;
    if (!r || !r->held)
        return;
    r->held = false;
    ra_walk_drop_iterator(r);
    w->keeper->release(w->keeper->arg, w->arn, s);
}
