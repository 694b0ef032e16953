/* Markers in Redis: begin, end, invalidate, and what must be done again on a new connection. */
#include "cache/redis_store_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the markers that this process has set ---- */

static ra_redis_marker **bucket_of(ra_redis_store *s, const ra_write_id *id)
{
    return &s->markers[(id->b[0] | id->b[1] << 8) % RA_MARKER_BUCKETS];
}

static ra_redis_marker **find_marker(ra_redis_store *s, const ra_write_id *id, const ra_key *unit)
{
    ra_redis_marker **at = bucket_of(s, id);
    while (*at && (memcmp((*at)->id.b, id->b, sizeof id->b) != 0 || !ra_key_eq(&(*at)->unit, unit)))
        at = &(*at)->next;
    return at;
}

static bool add_marker(ra_redis_store *s, const ra_write_id *id, const ra_key *unit, int64_t until)
{
    ra_redis_marker *m = calloc(1, sizeof *m), **bucket = bucket_of(s, id);
    if (!m)
        return false;
    *m = (ra_redis_marker){.magic = RA_REDIS_MARKER_MAGIC,
                           .next = *bucket,
                           .store = s,
                           .id = *id,
                           .unit = *unit,
                           .until = until};
    *bucket = m;
    s->nmarkers++;
    return true;
}

static void free_marker(ra_redis_store *s, ra_redis_marker **at)
{
    ra_redis_marker *m = *at;
    *at = m->next;
    s->nmarkers--;
    m->magic = 0;
    free(m);
}

/* What is gone goes as soon as no command is about it. */
void ra_redis_markers_sweep(ra_redis_store *s, int64_t now)
{
    for (size_t i = 0; i < RA_MARKER_BUCKETS; i++)
        for (ra_redis_marker **at = &s->markers[i]; *at;) {
            (*at)->gone |= (*at)->until <= now;
            if ((*at)->gone && (*at)->pending == 0)
                free_marker(s, at);
            else
                at = &(*at)->next;
        }
}

/* The connection is gone, and with it every command. */
void ra_redis_markers_free(ra_redis_store *s)
{
    for (size_t i = 0; i < RA_MARKER_BUCKETS; i++)
        while (s->markers[i])
            free_marker(s, &s->markers[i]);
}

static ra_redis_marker *marker_of(void *p)
{
    ra_redis_marker *m = p;
    if (m->magic != RA_REDIS_MARKER_MAGIC) {
        fputs("redis store: a marker is corrupted\n", stderr);
        abort();
    }
    m->pending--;
    return m;
}

/* ---- commands ---- */

static ra_redis_command *run_timed(ra_redis_store *s, enum ra_redis_script script, const ra_write_id *id,
                                   const ra_key *unit, int64_t ms, ra_redis_done done, void *arg)
{
    char key[RA_REDIS_KEY_MAX], field[RA_REDIS_FIELD_MAX], text[24];
    snprintf(text, sizeof text, "%" PRId64, ms);
    ra_bytes argv[] = {ra_redis_store_write_field(id, field), ra_bytes_z(text)};
    return ra_redis_store_run(s, script, ra_redis_store_key(s, unit, key), argv, 2, s->o.command_timeout,
                              done, arg);
}

static void ended(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_marker *m = marker_of(arg);
    ra_redis_store *s = m->store;
    (void)conn;
    s->ending--;
    if (reply)
        s->loaded[RA_SCRIPT_END] = !ra_redis_store_no_script(s, reply);
    if (!reply || reply->type != REDIS_REPLY_INTEGER)
        return;
    m->gone = true;
    ra_redis_marker **at = find_marker(s, &m->id, &m->unit);
    if (*at == m && m->pending == 0)
        free_marker(s, at);
}

/* Without an acknowledgement the marker is ended again on the next connection; if that never comes, it lives
 * until its deadline. */
static void send_end(ra_redis_store *s, ra_redis_marker *m)
{
    if (!run_timed(s, RA_SCRIPT_END, &m->id, &m->unit, m->settle, ended, m))
        return;
    m->pending++;
    s->ending++;
}

bool ra_redis_store_ending(ra_store *store)
{
    return ra_redis_store_of(store)->ending > 0;
}

/* ---- begin ---- */

static void take(ra_redis_call *c, const ra_redis_step *step, const redisReply *reply)
{
    (void)step;
    c->failed |= reply->type != REDIS_REPLY_INTEGER;
}

static void finish(ra_redis_call *c, bool ok)
{
    ra_store_call *call = c->call;
    call->ok = ok;
    if (ok)
        ra_redis_call_succeeded(c);
    ra_redis_call_free(c);
    call->done(call);
}

static bool send_begins(ra_redis_call *c, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                        int64_t hold)
{
    ra_redis_store *s = c->store;
    for (size_t i = 0; i < n; i++) {
        if (!add_marker(s, id, &units[i], now + hold))
            return false;
        ra_redis_step *step = ra_redis_call_step(c, i, RA_SCRIPT_BEGIN);
        step->command = run_timed(s, RA_SCRIPT_BEGIN, id, &units[i], hold, ra_redis_call_done, step);
        if (!step->command)
            return false;
    }
    return true;
}

enum ra_store_step ra_redis_store_begin(ra_store *store, int64_t now, const ra_write_id *id,
                                        const ra_key *units, size_t n, int64_t hold, ra_store_call *call)
{
    ra_redis_store *s = ra_redis_store_of(store);
    const char *why;
    call->ok = false;
    s->n.begins += n;
    /* In quarantine too: markers are what it is for. */
    if (s->state != RA_STORE_READY && !ra_redis_store_may(s, now, &why))
        return RA_STORE_DONE;
    ra_redis_call *c = ra_redis_call_new(s, call, n);
    if (!c)
        return RA_STORE_DONE;
    c->take = take;
    c->finish = finish;
    if (send_begins(c, now, id, units, n, hold))
        return RA_STORE_PENDING;
    ra_redis_call_free(c);
    return RA_STORE_DONE;
}

/* ---- end, invalidate ---- */

void ra_redis_store_end(ra_store *store, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                        int64_t settle)
{
    ra_redis_store *s = ra_redis_store_of(store);
    for (size_t i = 0; i < n; i++) {
        ra_redis_marker *m = *find_marker(s, id, &units[i]);
        s->n.ends++;
        if (!m)
            continue; /* past its deadline, and with that gone */
        m->ended = true;
        m->settle = settle;
        m->until = m->until > now + settle ? m->until : now + settle;
        send_end(s, m);
    }
}

void ra_redis_store_invalidate(ra_store *store, int64_t now, const ra_key *units, size_t n)
{
    ra_redis_store *s = ra_redis_store_of(store);
    (void)now;
    for (size_t i = 0; i < n; i++) {
        char key[RA_REDIS_KEY_MAX];
        s->n.invalidations++;
        ra_redis_store_run(s, RA_SCRIPT_INVALIDATE, ra_redis_store_key(s, &units[i], key), NULL, 0,
                           s->o.command_timeout, NULL, NULL);
    }
}

/* ---- a new connection ---- */

static void replayed(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_marker *m = marker_of(arg);
    ra_redis_store *s = m->store;
    (void)conn;
    bool good = reply && reply->type == REDIS_REPLY_INTEGER;
    if (m->greeting == s->greeting && good && s->replaying > 0 && --s->replaying == 0)
        ra_redis_store_greeted(s);
}

/* Until each is acknowledged no hit is served: the server may be another one, which has never heard of them.
 */
void ra_redis_markers_replay(ra_redis_store *s, int64_t now)
{
    ra_redis_markers_sweep(s, now);
    for (size_t i = 0; i < RA_MARKER_BUCKETS; i++)
        for (ra_redis_marker *m = s->markers[i]; m; m = m->next) {
            if (m->gone)
                continue;
            if (m->ended) {
                send_end(s, m);
                continue;
            }
            s->replaying++; /* if it can't be sent it is never answered: the store stays silent */
            m->greeting = s->greeting;
            m->pending +=
                run_timed(s, RA_SCRIPT_BEGIN, &m->id, &m->unit, m->until - now, replayed, m) != NULL;
        }
}
