/*
 * The store in Momento: its interface and what its parts share. What it does for a request is in
 * momento_store_lookup.c, _fill.c and _write.c; what it remembers of writes in _marker.c.
 */
#include "cache/momento_store.h"

#include "cache/momento_store_parts.h"
#include "cache/random.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    MARKERS = 1 << 18,
    AHEAD_MOST = 5000, /* ms that another's clock may be ahead of ours */
    DAY = 1000 * RA_MOMENTO_TTL_MOST
};

ra_momento_store *ra_momento_store_of(void *p)
{
    ra_momento_store *s = p;
    if (!s || s->magic != RA_MOMENTO_STORE_MAGIC) {
        fputs("momento store: corrupted\n", stderr);
        abort();
    }
    return s;
}

/* ---- clocks ---- */

static int64_t ms_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t ra_momento_store_monotonic(const ra_momento_store *s)
{
    return s->o.clock ? s->o.clock->monotonic() : ms_of(CLOCK_MONOTONIC);
}

int64_t ra_momento_store_wall(const ra_momento_store *s)
{
    return s->o.clock ? s->o.clock->wall() : ms_of(CLOCK_REALTIME);
}

bool ra_momento_store_is_of_today(ra_momento_store *s, const ra_payload *p)
{
    int64_t wall = ra_momento_store_wall(s);
    if (p->filled_ms > wall + AHEAD_MOST) {
        s->counts.ahead++;
        ra_momento_shared_ahead(s->shared, p->filled_ms - wall);
        return false;
    }
    return p->filled_ms > wall - DAY;
}

int64_t ra_momento_store_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- may it be asked? ---- */

bool ra_momento_store_may(ra_momento_store *s, int64_t now, const char **why)
{
    if (ra_momento_shared_is_refused(s->shared, now))
        *why = "store-refused";
    else if (ra_momento_limit_is_paused(ra_momento_shared_limit(s->shared), now))
        *why = "store-throttled";
    else
        return true;
    return false;
}

bool ra_momento_store_take(ra_momento_store *s, int64_t now, size_t n, enum ra_momento_purpose why)
{
    bool ok =
        n < UINT32_MAX && ra_momento_limit_take(ra_momento_shared_limit(s->shared), now, (unsigned)n, why);
    s->counts.operations += ok ? n : 0;
    s->counts.rate_limited += !ok;
    return ok;
}

void ra_momento_store_note(ra_momento_store *s, const ra_momento_result *r)
{
    int64_t now = ra_momento_store_monotonic(s);
    ra_momento_shared_heard(s->shared, now, r);
    if (ra_momento_is_good(r->outcome))
        return;
    if (ra_momento_is_misconfigured(r->outcome)) {
        s->counts.refused++;
        return;
    }
    if (r->outcome == RA_MOMENTO_THROTTLED) {
        s->counts.throttled++;
    } else {
        s->counts.failed++;
        if (r->retry_after < 0) {
            ra_momento_shared_failed(s->shared, now, r);
            return;
        }
    }
    ra_momento_shared_paused(s->shared, now, r);
    ra_momento_limit_pause(ra_momento_shared_limit(s->shared), now, r->retry_after);
}

void ra_momento_store_judge(ra_momento_store *s, enum ra_momento_outcome worst, int64_t begun_us)
{
    bool closed = s->breaker.state == RA_BREAKER_CLOSED;
    if (ra_momento_is_misconfigured(worst)) { /* it answers: that is no sickness */
        ra_breaker_cancelled(&s->breaker);
        return;
    }
    ra_breaker_done(&s->breaker, ra_momento_store_monotonic(s), ra_momento_is_good(worst),
                    ra_momento_store_us() - begun_us, (uint32_t)ra_random());
    if (closed != (s->breaker.state == RA_BREAKER_CLOSED))
        ra_momento_shared_sick(s->shared, closed,
                               ra_momento_is_good(worst) ? "" : ra_momento_outcome_text(worst));
}

enum ra_momento_health ra_momento_store_health(ra_store *store, int64_t now)
{
    ra_momento_store *s = ra_momento_store_of(store);
    if (ra_momento_shared_is_refused(s->shared, now))
        return RA_MOMENTO_MISCONFIGURED;
    if (ra_momento_limit_is_paused(ra_momento_shared_limit(s->shared), now))
        return RA_MOMENTO_PAUSED;
    return s->breaker.state == RA_BREAKER_CLOSED ? RA_MOMENTO_SERVING : RA_MOMENTO_BREAKER;
}

bool ra_momento_store_ending(ra_store *store)
{
    ra_momento_store *s = ra_momento_store_of(store);
    int64_t now = ra_momento_store_monotonic(s);
    const char *why;
    return s->telling > 0 || (ra_momento_store_may(s, now, &why) && s->breaker.state == RA_BREAKER_CLOSED &&
                              ra_momento_markers_waiting(s, now));
}

/* ---- the interface ---- */

static void cancel(ra_store *store, ra_store_call *call)
{
    (void)ra_momento_store_of(store);
    ra_momento_work_free(call->pending);
}

static void stats(ra_store *store, ra_store_stats *out)
{
    const ra_momento_store *s = ra_momento_store_of(store);
    *out = s->n;
    out->markers = s->nmarkers;
}

void ra_momento_store_get_counts(ra_store *store, ra_momento_store_counts *out)
{
    const ra_momento_store *s = ra_momento_store_of(store);
    *out = s->counts;
    out->untold = 0;
    for (size_t i = 0; i < RA_MOMENTO_BUCKETS; i++)
        for (const ra_momento_marker *m = s->markers[i]; m; m = m->chain)
            out->untold += m->state != RA_MOMENTO_TOLD;
}

static void free_store(ra_store *store)
{
    ra_momento_store *s = ra_momento_store_of(store);
    while (s->works)
        ra_momento_work_free(s->works);
    ra_momento_fillings_free(s);
    ra_momento_makings_free(s);
    ra_momento_markers_free(s);
    ra_momento_client_free(s->client);
    if (s->heart)
        event_free(s->heart);
    if (s->mailbox)
        ra_mailbox_free(s->mailbox);
    ra_momento_shared_unref(s->shared);
    s->magic = 0;
    free(s);
}

static const ra_store_ops ops = {.name = "momento",
                                 .peek = ra_momento_store_peek,
                                 .lookup = ra_momento_store_lookup,
                                 .fill = ra_momento_store_fill,
                                 .begin = ra_momento_store_begin,
                                 .end = ra_momento_store_end,
                                 .invalidate = ra_momento_store_invalidate,
                                 .cancel = cancel,
                                 .stats = stats,
                                 .free = free_store};

static bool start(ra_momento_store *s)
{
    int n = snprintf(s->prefix, sizeof s->prefix, "%s", s->o.key_prefix);
    if (n < 0 || (size_t)n >= sizeof s->prefix || !ra_write_id_new(&s->own))
        return false;
    s->client = ra_momento_client_new(s->base, &s->o.client);
    s->mailbox = ra_mailbox_new(s->base);
    s->heart = event_new(s->base, -1, EV_PERSIST, ra_momento_markers_beat, s);
    return s->client && s->mailbox && s->heart;
}

ra_store *ra_momento_store_new(struct event_base *base, const ra_momento_store_options *o)
{
    static const int64_t ttl_most = INT64_C(1000) * RA_MOMENTO_TTL_MOST;
    ra_momento_store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->store.ops = &ops;
    s->magic = RA_MOMENTO_STORE_MAGIC;
    s->base = base;
    s->o = *o;
    if (!s->o.max_markers)
        s->o.max_markers = MARKERS;
    if (s->o.register_ttl > ttl_most)
        s->o.register_ttl = ttl_most;
    s->shared = ra_momento_shared_ref(o->shared);
    s->near = ra_momento_shared_near(s->shared);
    ra_breaker_init(&s->breaker, NULL);
    if (start(s))
        return &s->store;
    free_store(&s->store);
    return NULL;
}
