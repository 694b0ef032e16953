/* What Redis must be told of writes, until it has acknowledged it: over lost replies and connections. */
#include "cache/redis_store_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    OVER_MOST = 60,  /* heartbeats that a marker is remembered past its deadline, for an end that is late */
    REPLAY_MOST = 64 /* under way at once, in a greeting: the queue has room for more than that */
};

static ra_redis_marker **bucket_of(ra_redis_store *s, const ra_key *unit)
{
    return &s->markers[(unit->b[0] | unit->b[1] << 8) % RA_MARKER_BUCKETS];
}

ra_redis_marker *ra_redis_marker_find(ra_redis_store *s, const ra_write_id *id, const ra_key *unit)
{
    ra_redis_marker *m = *bucket_of(s, unit);
    while (m && (m->gone || memcmp(m->id.b, id->b, sizeof id->b) != 0 || !ra_key_eq(&m->unit, unit)))
        m = m->next;
    return m;
}

static void count(ra_redis_marker *m, bool on)
{
    if (m->counted == on)
        return;
    m->counted = on;
    if (on)
        ra_redis_shared_add(m->store->shared, &m->unit);
    else
        ra_redis_shared_sub(m->store->shared, &m->unit);
}

static ra_redis_marker *add_marker(ra_redis_store *s, const ra_write_id *id, const ra_key *unit,
                                   int64_t until)
{
    ra_redis_marker **bucket = bucket_of(s, unit), *m = NULL;
    if (s->nmarkers < s->o.max_markers)
        m = calloc(1, sizeof *m);
    if (!m) {
        s->counts.markers_refused++;
        return NULL;
    }
    *m = (ra_redis_marker){.magic = RA_REDIS_MARKER_MAGIC,
                           .next = *bucket,
                           .store = s,
                           .id = *id,
                           .unit = *unit,
                           .until = until};
    *bucket = m;
    s->nmarkers++;
    count(m, true);
    return m;
}

ra_redis_marker *ra_redis_marker_remember(ra_redis_store *s, const ra_write_id *id, const ra_key *unit,
                                          int64_t until)
{
    ra_redis_marker *m = ra_redis_marker_find(s, id, unit);
    if (!m)
        return add_marker(s, id, unit, until);
    if (m->ended)
        return NULL;
    m->until = m->until > until ? m->until : until;
    m->over = 0;
    count(m, true);
    return m;
}

bool ra_redis_marker_is_set(const ra_redis_marker *m)
{
    return m->set_in != 0 && m->set_in == m->store->greeting;
}

static void free_at(ra_redis_marker **at)
{
    ra_redis_marker *m = *at;
    *at = m->next;
    m->store->nmarkers--;
    m->magic = 0;
    free(m);
}

/* It is freed once no command is about it. */
static void be_gone(ra_redis_marker *m)
{
    ra_redis_marker **at = bucket_of(m->store, &m->unit);
    m->gone = true;
    count(m, false);
    while (*at != m)
        at = &(*at)->next;
    if (m->pending == 0)
        free_at(at);
}

/* The slots of what Redis hasn't been told stay counted: nobody can make up for it any more. */
void ra_redis_markers_free(ra_redis_store *s)
{
    for (size_t i = 0; i < RA_MARKER_BUCKETS; i++)
        while (s->markers[i]) {
            ra_redis_marker *m = s->markers[i];
            if (!m->ended && ra_redis_marker_is_set(m))
                count(m, false);
            free_at(&s->markers[i]);
        }
}

void ra_redis_marker_forget(ra_redis_marker *m)
{
    be_gone(m);
}

/* ---- commands ---- */

ra_redis_run *ra_redis_marker_run(ra_redis_store *s, enum ra_redis_script script, const ra_write_id *id,
                                  const ra_key *unit, int64_t ms, int64_t timeout, ra_redis_done done,
                                  void *arg)
{
    char key[RA_REDIS_KEY_MAX], name[RA_REDIS_FIELD_MAX], text[24];
    snprintf(text, sizeof text, "%" PRId64, ms);
    ra_bytes argv[] = {ra_redis_store_write_name(id, name), ra_bytes_z(text)};
    return ra_redis_store_run(s, script, ra_redis_store_key(s, unit, key), argv, 2, timeout, done, arg);
}

/*
 * What is sent again on the same connection may take as long as that lasts. A server that is slower than
 * command_timeout has carried it out each time, and its late word has to count: else all that it was ever
 * told would be sent again at each heartbeat, which keeps it slow, until no more can be remembered.
 */
static int64_t time_for(const ra_redis_store *s, bool again)
{
    return again && s->o.redis.dead_after > s->o.command_timeout ? s->o.redis.dead_after
                                                                 : s->o.command_timeout;
}

/* A command about it has ended. */
static ra_redis_marker *marker_of(void *p)
{
    ra_redis_marker *m = p;
    if (!m || m->magic != RA_REDIS_MARKER_MAGIC) {
        fputs("redis store: a marker is corrupted\n", stderr);
        abort();
    }
    m->pending--;
    return m;
}

/* For whoever called `begun` or `ended`: does the greeting wait for that answer? */
static bool no_longer_awaited(ra_redis_marker *m)
{
    bool awaited = m->awaited;
    m->awaited = false;
    return awaited;
}

static void begun(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_marker *m = marker_of(arg);
    ra_redis_store *s = m->store;
    bool awaited = no_longer_awaited(m);
    (void)conn;
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        m->set_in = m->asked_in;
    if (awaited)
        ra_redis_store_replayed(s, reply);
}

static bool send_begin(ra_redis_marker *m, int64_t now)
{
    ra_redis_store *s = m->store;
    int64_t timeout = time_for(s, m->asked_in == s->greeting);
    m->asked_in = s->greeting;
    m->sent = true;
    if (!ra_redis_marker_run(s, RA_SCRIPT_BEGIN, &m->id, &m->unit, m->until - now, timeout, begun, m))
        return false;
    m->pending++;
    return true;
}

static bool send_end(ra_redis_marker *m);

static void ended(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_marker *m = marker_of(arg);
    ra_redis_store *s = m->store;
    bool awaited = no_longer_awaited(m), done = reply && reply->type == REDIS_REPLY_INTEGER;
    (void)conn;
    m->ending = false;
    s->ending -= m->hurried;
    if (done && m->again) {
        m->end_asked_in = 0;
        send_end(m);
    } else if (done) {
        be_gone(m);
    }
    if (awaited)
        ra_redis_store_replayed(s, reply);
}

/* Without an acknowledgement it is sent again. */
static bool send_end(ra_redis_marker *m)
{
    ra_redis_store *s = m->store;
    char key[RA_REDIS_KEY_MAX];
    int64_t timeout = time_for(s, m->end_asked_in == s->greeting);
    m->asked_in = s->greeting;
    m->again = m->ending;
    if (m->ending)
        return true;
    bool drop = m->settle <= 0 && memcmp(m->id.b, s->own.b, sizeof s->own.b) == 0;
    ra_redis_run *run =
        drop ? ra_redis_store_run(s, RA_SCRIPT_INVALIDATE, ra_redis_store_key(s, &m->unit, key), NULL, 0,
                                  timeout, ended, m)
             : ra_redis_marker_run(s, RA_SCRIPT_END, &m->id, &m->unit, m->settle, timeout, ended, m);
    m->ending = run != NULL;
    if (m->ending)
        m->end_asked_in = s->greeting;
    m->hurried = m->ending && timeout == s->o.command_timeout;
    m->pending += m->ending;
    s->ending += m->hurried;
    return m->ending;
}

void ra_redis_marker_end(ra_redis_marker *m, int64_t settle)
{
    ra_redis_store *s = m->store;
    if (!m->sent && memcmp(m->id.b, s->own.b, sizeof s->own.b) != 0) {
        /* Nowhere is a marker of its name: one record stands for all such writes to the unit. */
        ra_redis_marker *own = ra_redis_marker_find(s, &s->own, &m->unit);
        if (own) {
            be_gone(m);
            m = own;
        } else {
            m->id = s->own;
        }
    }
    m->ended = true;
    m->settle = m->settle > settle ? m->settle : settle;
    count(m, true);
    if (s->state != RA_STORE_DOWN)
        send_end(m);
}

/* ---- over time ---- */

/* Past its deadline, and without an end. Not while the store is down: was it set all the time? */
static void overdue(ra_redis_marker *m)
{
    if (!ra_redis_marker_is_set(m)) {
        m->ended = true; /* others may have filled what its write has overtaken */
        return;
    }
    count(m, false);
    if (++m->over > OVER_MOST)
        m->gone = true;
}

void ra_redis_markers_sweep(ra_redis_store *s, int64_t now)
{
    bool ready = s->state == RA_STORE_READY;
    for (size_t i = 0; i < RA_MARKER_BUCKETS; i++)
        for (ra_redis_marker **at = &s->markers[i]; *at;) {
            ra_redis_marker *m = *at;
            if (!m->gone && !m->ended && m->until <= now && s->state != RA_STORE_DOWN)
                overdue(m);
            if (ready && !m->gone && m->ended)
                ready = m->ending || send_end(m);
            else if (ready && !m->gone && m->pending == 0 && !ra_redis_marker_is_set(m))
                ready = send_begin(m, now);
            if (m->gone && m->pending == 0)
                free_at(at);
            else
                at = &m->next;
        }
}

/* ---- a greeting ---- */

static bool replay(ra_redis_marker *m, int64_t now)
{
    if (m->ended ? !send_end(m) : !send_begin(m, now))
        return false;
    m->awaited = true;
    m->store->replaying++;
    return true;
}

bool ra_redis_markers_replay(ra_redis_store *s, int64_t now)
{
    for (; s->cursor < RA_MARKER_BUCKETS; s->cursor++)
        for (ra_redis_marker *m = s->markers[s->cursor]; m; m = m->next) {
            if (m->gone || m->asked_in == s->greeting)
                continue;
            if (s->replaying >= REPLAY_MOST)
                return true;
            if (!replay(m, now))
                return false;
        }
    return true;
}
