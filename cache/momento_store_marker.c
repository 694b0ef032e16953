/*
 * What Momento must be told of writes, until it has acknowledged it.
 *
 * A marker is LIVE from before its write is sent. When that ends, or its deadline passes with its fate
 * unknown, an idle register with a fresh nonce is put: then every entry is void that was filled before. It is
 * put again until that is acknowledged, with another nonce each time: one that was given up may yet land, and
 * must not bring back what was filled under it. While there is a marker, and two seconds more, lookups of the
 * unit bypass in this process.
 *
 * Of two writes to one unit under way here, the first to end leaves the register to the other, whose own
 * comes later than both: else it would open the unit under the other's write.
 *
 * Markers wait in a wheel of ticks: what is due later than one turn stays for another.
 */
#include "cache/momento_store_parts.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    AGREE = 2000, /* ms after which Momento's replicas agree */
    AGAIN_FIRST = 100,
    AGAIN_MOST = 5000,
    FAILURES_MOST = 3, /* of one, after which a process that ends doesn't wait for it */
    WAIT = 1000,       /* while it isn't to be asked */
    TELLING_MOST = 256 /* at once: after an outage there may be many */
};

static ra_momento_marker *marker_of(void *p)
{
    ra_momento_marker *m = p;
    if (!m || m->magic != RA_MOMENTO_MARKER_MAGIC) {
        fputs("momento store: a marker is corrupted\n", stderr);
        abort();
    }
    return m;
}

static ra_momento_marker **bucket_of(ra_momento_store *s, const ra_key *unit)
{
    return &s->markers[(unit->b[10] | (size_t)unit->b[11] << 8) % RA_MOMENTO_BUCKETS];
}

/* ---- the wheel ---- */

static size_t slot_of(int64_t due)
{
    return (size_t)((due / RA_MOMENTO_TICK) % RA_MOMENTO_WHEEL);
}

static void take_off(ra_momento_marker *m)
{
    ra_momento_store *s = m->store;
    if (m->prev)
        m->prev->next = m->next;
    else if (s->wheel[slot_of(m->due)] == m)
        s->wheel[slot_of(m->due)] = m->next;
    if (m->next)
        m->next->prev = m->prev;
    m->prev = m->next = NULL;
}

/* It isn't on the wheel. Rounded up to a tick, by which it is surely due; what is overdue comes with the
 * next. */
static void put_on(ra_momento_marker *m, int64_t due)
{
    ra_momento_store *s = m->store;
    if (due <= s->wheel_at)
        due = s->wheel_at + 1;
    m->due = (due + RA_MOMENTO_TICK - 1) / RA_MOMENTO_TICK * RA_MOMENTO_TICK;
    ra_momento_marker **slot = &s->wheel[slot_of(m->due)];
    m->prev = NULL;
    m->next = *slot;
    if (*slot)
        (*slot)->prev = m;
    *slot = m;
}

static void postpone(ra_momento_marker *m, int64_t due)
{
    take_off(m);
    put_on(m, due);
}

static void start_heart(ra_momento_store *s, int64_t now)
{
    const struct timeval tick = {.tv_usec = RA_MOMENTO_TICK * 1000L};
    s->wheel_at = now;
    event_add(s->heart, &tick); /* without memory: nothing is told until another one is remembered */
}

/* ---- one marker ---- */

static void marker_free(ra_momento_marker *m)
{
    ra_momento_store *s = m->store;
    ra_momento_marker **at = bucket_of(s, &m->unit);
    take_off(m);
    while (*at != m)
        at = &(*at)->chain;
    *at = m->chain;
    if (m->telling) {
        ra_momento_cancel(m->telling);
        s->telling--;
    }
    ra_momento_shared_sub(s->shared, &m->unit);
    if (--s->nmarkers == 0)
        event_del(s->heart);
    m->magic = 0;
    free(m);
}

ra_momento_marker *ra_momento_marker_find(ra_momento_store *s, const ra_write_id *id, const ra_key *unit)
{
    ra_momento_marker *m = *bucket_of(s, unit);
    while (m && !(ra_key_eq(&m->unit, unit) && memcmp(&m->id, id, sizeof *id) == 0))
        m = m->chain;
    return m;
}

static ra_momento_marker *marker_new(ra_momento_store *s, int64_t now, const ra_write_id *id,
                                     const ra_key *unit)
{
    ra_momento_marker *m = s->nmarkers < s->o.max_markers ? calloc(1, sizeof *m) : NULL;
    if (!m) {
        s->counts.markers_refused++;
        return NULL;
    }
    if (s->nmarkers++ == 0)
        start_heart(s, now);
    ra_momento_marker **bucket = bucket_of(s, unit);
    *m = (ra_momento_marker){
        .magic = RA_MOMENTO_MARKER_MAGIC, .store = s, .chain = *bucket, .id = *id, .unit = *unit};
    *bucket = m;
    put_on(m, now);
    ra_momento_shared_add(s->shared, unit);
    return m;
}

ra_momento_marker *ra_momento_marker_remember(ra_momento_store *s, int64_t now, const ra_write_id *id,
                                              const ra_key *unit, int64_t until)
{
    ra_momento_marker *m = ra_momento_marker_find(s, id, unit);
    if (!m)
        m = marker_new(s, now, id, unit);
    if (!m)
        return NULL;
    if (m->telling) {
        ra_momento_cancel(m->telling);
        m->telling = NULL;
        s->telling--;
    }
    m->state = RA_MOMENTO_LIVE;
    m->failures = 0;
    m->earliest = now;
    postpone(m, until);
    return m;
}

/* ---- telling ---- */

/* Another one of the same unit whose register has yet to be put, and will be after this moment; meanwhile
 * nobody takes the unit for idle. */
static ra_momento_marker *heir_of(const ra_momento_marker *m)
{
    ra_momento_marker *o = *bucket_of(m->store, &m->unit);
    while (o &&
           !(o != m && ra_key_eq(&o->unit, &m->unit) && o->state != RA_MOMENTO_TOLD && !o->telling && o->set))
        o = o->chain;
    return o;
}

/*
 * Its register can't be put now. Is there another one of the unit that waits for that already? Then one is
 * enough: it will be put later than both ended. So in an outage a unit is remembered once, however often it
 * is written. Frees it then.
 */
static bool leave_to_another(ra_momento_marker *m, int64_t now)
{
    ra_momento_marker *o = *bucket_of(m->store, &m->unit);
    while (o && !(o != m && o->state == RA_MOMENTO_ENDED && !o->telling && o->earliest <= now &&
                  ra_key_eq(&o->unit, &m->unit)))
        o = o->chain;
    if (!o)
        return false;
    if (o->give_up < m->give_up)
        o->give_up = m->give_up;
    marker_free(m);
    return true;
}

static int64_t back_off(unsigned failures)
{
    int64_t wait = AGAIN_FIRST;
    for (unsigned i = 1; i < failures && wait < AGAIN_MOST; i++)
        wait *= 2;
    return wait < AGAIN_MOST ? wait : AGAIN_MOST;
}

static void told(const ra_momento_result *r, void *arg)
{
    ra_momento_marker *m = marker_of(arg);
    ra_momento_store *s = m->store;
    int64_t now = ra_momento_store_monotonic(s);
    m->telling = NULL;
    s->telling--;
    ra_momento_store_note(s, r);
    ra_momento_store_judge(s, r->outcome, m->told_us);
    if (r->outcome == RA_MOMENTO_DONE) {
        m->state = RA_MOMENTO_TOLD;
        postpone(m, now + AGREE);
        return;
    }
    m->failures++;
    if (!leave_to_another(m, now))
        postpone(m, now + back_off(m->failures));
}

/* Sends the register, if Momento may be asked. */
static void send_idle(ra_momento_marker *m, int64_t now)
{
    ra_momento_store *s = m->store;
    char name[RA_MOMENTO_NAME_MAX];
    const char *why;
    ra_generation idle;
    if (!ra_momento_store_may(s, now, &why) || !ra_breaker_allow(&s->breaker, now))
        return;
    m->told_us = ra_momento_store_us();
    if (ra_momento_store_take(s, now, 1, RA_MOMENTO_TO_WRITE) && ra_momento_register_new(true, &idle))
        m->telling = ra_momento_put(s->client, ra_momento_register_name(s->prefix, &m->unit, name),
                                    (ra_bytes){(const char *)idle.b, idle.len}, s->o.register_ttl / 1000,
                                    s->o.request_timeout, told, m);
    if (!m->telling)
        ra_breaker_cancelled(&s->breaker);
    else
        s->telling++;
}

/* May free it. */
static void tell(ra_momento_marker *m, int64_t now)
{
    ra_momento_marker *heir = heir_of(m);
    if (heir) {
        if (heir->earliest < m->earliest)
            heir->earliest = m->earliest;
        marker_free(m);
        return;
    }
    bool full = m->store->telling >= TELLING_MOST;
    if (!full)
        send_idle(m, now);
    if (!m->telling && leave_to_another(m, now))
        return;
    postpone(m, now + (full ? RA_MOMENTO_TICK : WAIT)); /* what is being told is postponed again till it is */
}

void ra_momento_marker_end(ra_momento_marker *m, int64_t now, int64_t settle)
{
    static const int64_t day = INT64_C(1000) * RA_MOMENTO_TTL_MOST;
    if (m->state != RA_MOMENTO_LIVE)
        return;
    m->state = RA_MOMENTO_ENDED;
    m->give_up = now + settle + day;
    if (m->earliest < now + settle)
        m->earliest = now + settle;
    if (m->earliest > now)
        postpone(m, m->earliest);
    else
        tell(m, now);
}

/* May free it. */
static void act(ra_momento_marker *m, int64_t now)
{
    switch (m->state) {
    case RA_MOMENTO_LIVE:
        ra_momento_marker_end(m, now, 0);
        break;
    case RA_MOMENTO_ENDED:
        if (m->telling)
            postpone(m, now + WAIT);
        else if (now >= m->give_up)
            marker_free(m);
        else if (now < m->earliest)
            postpone(m, m->earliest);
        else
            tell(m, now);
        break;
    case RA_MOMENTO_TOLD:
        marker_free(m);
        break;
    }
}

bool ra_momento_markers_waiting(ra_momento_store *s, int64_t now)
{
    for (size_t i = 0; i < RA_MOMENTO_BUCKETS && s->nmarkers; i++)
        for (const ra_momento_marker *m = s->markers[i]; m; m = m->chain)
            if (m->state == RA_MOMENTO_ENDED && m->earliest <= now && m->failures < FAILURES_MOST)
                return true;
    return false;
}

void ra_momento_markers_tick(ra_momento_store *s, int64_t now)
{
    int64_t from = s->wheel_at / RA_MOMENTO_TICK + 1, to = now / RA_MOMENTO_TICK;
    if (to - from >= RA_MOMENTO_WHEEL)
        from = to - RA_MOMENTO_WHEEL + 1;
    s->wheel_at = now;
    for (int64_t at = from; at <= to && s->nmarkers; at++) {
        ra_momento_marker *m = s->wheel[at % RA_MOMENTO_WHEEL], *next;
        for (; m; m = next) {
            next = m->next;
            if (m->due <= now)
                act(m, now);
        }
    }
}

void ra_momento_markers_beat(evutil_socket_t fd, short what, void *store)
{
    ra_momento_store *s = ra_momento_store_of(store);
    (void)fd;
    (void)what;
    ra_momento_markers_tick(s, ra_momento_store_monotonic(s));
}

void ra_momento_markers_free(ra_momento_store *s)
{
    for (size_t i = 0; i < RA_MOMENTO_BUCKETS; i++)
        for (ra_momento_marker *m = s->markers[i], *next; m; m = next) {
            next = m->chain;
            marker_free(m);
        }
}
