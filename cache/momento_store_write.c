/* Writes in Momento: begin, end, invalidate. */
#include "cache/momento_store_parts.h"

#include <stdlib.h>

typedef struct beginning {
    ra_write_id id;
    const ra_key *units; /* the caller's, until it is told or cancels */
} beginning;

static void take(ra_momento_work *w, const ra_momento_step *step, const ra_momento_result *r)
{
    const beginning *b = w->own;
    ra_momento_marker *m = ra_momento_marker_find(w->store, &b->id, &b->units[step->index]);
    if (m && r->outcome == RA_MOMENTO_DONE)
        m->set = true;
}

static void finish(ra_momento_work *w, const char *why)
{
    ra_store_call *call = w->call;
    call->ok = !why;
    if (!why)
        ra_momento_work_succeeded(w);
    ra_momento_work_free(w);
    call->done(call);
}

/* A register that says that a write is under way lives as long as that may be so, and no longer: whoever ends
 * it may be gone. */
static int64_t seconds_of(int64_t hold)
{
    int64_t s = (hold + 999) / 1000;
    return s < 1 ? 1 : s < RA_MOMENTO_TTL_MOST ? s : RA_MOMENTO_TTL_MOST;
}

static bool send_begins(ra_momento_work *w, int64_t now, const ra_key *units, size_t n, int64_t hold)
{
    const beginning *b = w->own;
    for (size_t i = 0; i < n; i++) {
        ra_generation text;
        if (!ra_momento_marker_remember(w->store, now, &b->id, &units[i], now + hold) ||
            !ra_momento_register_new(false, &text) ||
            !ra_momento_work_put(w, 0, i, &units[i], &text, seconds_of(hold)))
            return false;
    }
    return true;
}

/* A write doesn't wait for a store that is away: the breaker's probes are the readers'. */
static bool may_begin(ra_momento_store *s, int64_t now, size_t n)
{
    const char *why;
    return ra_momento_store_may(s, now, &why) && s->breaker.state == RA_BREAKER_CLOSED &&
           ra_momento_store_take(s, now, n, RA_MOMENTO_TO_WRITE);
}

enum ra_store_step ra_momento_store_begin(ra_store *store, int64_t now, const ra_write_id *id,
                                          const ra_key *units, size_t n, int64_t hold, ra_store_call *call)
{
    ra_momento_store *s = ra_momento_store_of(store);
    call->ok = false;
    s->n.begins += n;
    if (!may_begin(s, now, n))
        return RA_STORE_DONE;
    beginning *b = malloc(sizeof *b);
    ra_momento_work *w = b ? ra_momento_work_new(s, call, n) : NULL;
    if (!w) {
        free(b);
        return RA_STORE_DONE;
    }
    *b = (beginning){.id = *id, .units = units};
    w->own = b;
    w->take = take;
    w->finish = finish;
    w->measured = ra_breaker_allow(&s->breaker, now);
    if (send_begins(w, now, units, n, hold))
        return RA_STORE_PENDING;
    ra_momento_work_free(w);
    return RA_STORE_DONE;
}

bool ra_momento_store_go_on(ra_store *store, int64_t now, const ra_write_id *id, const ra_key *units,
                            size_t n, int64_t hold)
{
    ra_momento_store *s = ra_momento_store_of(store);
    for (size_t i = 0; i < n; i++)
        if (!ra_momento_marker_remember(s, now, id, &units[i], now + hold))
            return false;
    return true;
}

/* A unit of which nothing is remembered: its begin had failed, and no write was sent. */
void ra_momento_store_end(ra_store *store, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                          int64_t settle)
{
    ra_momento_store *s = ra_momento_store_of(store);
    s->n.ends += n;
    for (size_t i = 0; i < n; i++) {
        ra_momento_marker *m = ra_momento_marker_find(s, id, &units[i]);
        if (m)
            ra_momento_marker_end(m, now, settle);
    }
}

/* As a write that has ended already. One that can't be remembered is dropped here at least. */
void ra_momento_store_invalidate(ra_store *store, int64_t now, const ra_key *units, size_t n)
{
    ra_momento_store *s = ra_momento_store_of(store);
    s->n.invalidations += n;
    for (size_t i = 0; i < n; i++) {
        ra_momento_marker *m = ra_momento_marker_remember(s, now, &s->own, &units[i], now);
        if (m)
            ra_momento_marker_end(m, now, 0);
        else if (s->near)
            ra_near_touch(s->near, &units[i]);
    }
}
