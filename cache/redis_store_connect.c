/*
 * The store's connection: greeting a server, and its heartbeat.
 *
 * A connection isn't used for hits at once. First all that the store needs is tried. Then every marker that
 * this process still answers for is set again, since the server may have been restarted, or be a replica that
 * hasn't got them. Then the server says when its epoch was first seen: for a while after that nothing is
 * served, so that all other processes have done the same. That note is kept in Redis. If a heartbeat finds
 * that it was written anew the server has lost its data while it was connected (FLUSHALL), or others with
 * another pact have used it, and it is greeted again; what was cached on it before that is void.
 *
 * The same script keeps the pact, which all who call have to share. That each heartbeat renews it is enough:
 * it outlives ten heartbeats, and who has missed three of them serves no hits and knows of it. So who finds
 * the pact of others run out knows that none of them serves anything that rests on it; their markers, which
 * bear their own deadlines, stay.
 */
#include "cache/random.h"
#include "cache/redis_epoch.h"
#include "cache/redis_refusal.h"
#include "cache/redis_store_parts.h"

#include <inttypes.h>
#include <stdio.h>

enum { PACT_HEARTBEATS = 10, PACT_LEAST_MS = 10000 };

/* Later than any clock, and early enough for every sum and difference of times. */
static const int64_t TIME_MOST = 1000000000000000;

static void complain(ra_redis_store *s, const char *text)
{
    if (!s->complained)
        ra_redis_store_say(s, true, text);
    s->complained = true;
}

/* The server can't be used. Said once, until one is used or there is another reason. */
static void refuse(ra_redis_store *s, bool lasts, const char *text)
{
    char why[RA_REDIS_REFUSAL_MAX];
    snprintf(why, sizeof why, "%s", text);
    if (strcmp(why, s->refusal) != 0) {
        memcpy(s->refusal, why, sizeof s->refusal);
        ra_redis_store_say(s, true, why);
    }
    s->refusal_lasts = lasts;
    s->complained = true;
    s->state = RA_STORE_DOWN;
    s->leaving = true;
}

/* What must work was refused: by a replica, or a master that may take no writes, or by an ACL. */
static void refused(ra_redis_store *s, const char *error, bool lasts)
{
    char text[RA_REDIS_REFUSAL_MAX];
    snprintf(text, sizeof text, "the server refuses what the store needs: %.240s", error);
    refuse(s, lasts, text);
}

/* ---- the epoch, and the heartbeat, which asks for it too ---- */

static bool ask_epoch(ra_redis_store *s, ra_redis_done done)
{
    char key[RA_REDIS_PREFIX_MAX + 8];
    int n = snprintf(key, sizeof key, "%sepochs", s->prefix);
    int64_t lasts = PACT_HEARTBEATS * s->o.heartbeat;
    char ms[24];
    snprintf(ms, sizeof ms, "%" PRId64, lasts < PACT_LEAST_MS ? (int64_t)PACT_LEAST_MS : lasts);
    ra_bytes argv[] = {{s->epoch, RA_EPOCH_CHARS}, ra_bytes_z(s->pact), ra_bytes_z(ms)};
    s->asked = ra_redis_monotonic();
    return ra_redis_store_run(s, RA_SCRIPT_EPOCH, (ra_bytes){key, (size_t)n}, argv, 3, s->o.command_timeout,
                              done, s) != NULL;
}

typedef struct epoch_reply {
    int64_t first, now; /* the server's clock, ms */
    bool agreed;        /* on the pact */
} epoch_reply;

static bool read_epoch(const redisReply *reply, epoch_reply *out)
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
        return false;
    for (size_t i = 0; i < 3; i++) {
        const redisReply *e = reply->element[i];
        if (e->type != REDIS_REPLY_INTEGER || e->integer < 0 || e->integer > TIME_MOST)
            return false;
    }
    *out = (epoch_reply){reply->element[0]->integer, reply->element[1]->integer,
                         reply->element[2]->integer == 1};
    return true;
}

static void heard_at(ra_redis_store *s, const epoch_reply *e)
{
    s->heard = ra_redis_monotonic();
    s->clock = e->now + 1 - s->asked; /* never too early: an entry may end sooner, never later */
    s->clock_least = e->now - s->heard;
}

static const char *error_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR ? reply->str : "an unexpected reply";
}

/* Instead of what was asked for. */
static void refused_with(ra_redis_store *s, const redisReply *reply)
{
    refused(s, error_of(reply), reply->type == REDIS_REPLY_ERROR && ra_redis_error_lasts(reply->str));
}

static void disagreed(ra_redis_store *s)
{
    refuse(s, true,
           "another proxy on this Redis has a configuration with other promises (consistency, settle, "
           "unknown_write_hold, quarantine, heartbeat, consistent_fill, which tables are cached, whether "
           "payloads are encrypted): stop it first, for ten heartbeats, or use another cache.key_prefix");
}

/* ---- is it a server to rely on? ---- */

static bool evicts_markers(const ra_redis_store *s)
{
    return strncmp(s->identity.maxmemory_policy, "allkeys-", 8) == 0;
}

/* By what it says of itself. */
static bool acceptable(ra_redis_store *s)
{
    char text[RA_REDIS_REFUSAL_MAX];
    bool nameless = !*s->identity.run_id;
    if (!nameless && !(s->o.linearizable && evicts_markers(s)))
        return true;
    snprintf(
        text, sizeof text,
        "the server's maxmemory-policy is %s, which may evict the marks of writes under way; linearizable "
        "rests on them: set it to volatile-lru or noeviction",
        s->identity.maxmemory_policy);
    refuse(s, s->o.linearizable,
           nameless ? "the server doesn't tell who it is (INFO): nothing is cached on it" : text);
    return false;
}

/* What is less than it could be: each said once. */
static void warn(ra_redis_store *s)
{
    bool told = *s->identity.maxmemory_policy;
    if (!s->warned_policy && (evicts_markers(s) || (s->o.linearizable && !told))) {
        s->warned_policy = true;
        ra_redis_store_say(
            s, true,
            told ? "the server's maxmemory-policy may evict the marks of writes under way"
                 : "the server doesn't tell its maxmemory-policy (INFO): it mustn't be allkeys-*, "
                   "which may evict the marks of writes under way");
    }
    if (!s->warned_replicas && s->o.linearizable && s->identity.connected_replicas > 0 &&
        !s->identity.waits_for_replicas) {
        s->warned_replicas = true;
        ra_redis_store_say(s, true,
                           "the server has replicas, but its min-replicas-to-write is 0: reads aren't "
                           "linearizable over a failover, since a master that is cut off goes on serving");
    }
}

/* ---- greeting ---- */

static void ready(ra_redis_store *s, const epoch_reply *e)
{
    int64_t age = e->now > e->first ? e->now - e->first : 0;
    bool young = age < s->o.quarantine;
    heard_at(s, e);
    s->first = e->first;
    s->quiet_until = young ? s->heard + s->o.quarantine - age : s->heard;
    s->state = RA_STORE_READY;
    s->complained = false;
    s->refusal[0] = '\0';
    s->counts.connections++;
    if (s->breaker.state != RA_BREAKER_CLOSED)
        ra_breaker_trip(&s->breaker, s->heard, (uint32_t)ra_random());
    ra_redis_store_say(s, false,
                       young ? "connected to a server that is new: nothing is served from it at first"
                             : "connected");
    warn(s);
}

static void epoch_known(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_store *s = ra_redis_store_of(arg);
    epoch_reply e;
    (void)conn;
    if (s->state != RA_STORE_GREETING)
        return;
    if (!reply)
        s->stuck = true;
    else if (!read_epoch(reply, &e))
        refused_with(s, reply);
    else if (!e.agreed)
        disagreed(s);
    else
        ready(s, &e);
}

static void go_on(ra_redis_store *s)
{
    if (!ra_redis_markers_replay(s, ra_redis_monotonic()))
        s->stuck = true;
    else if (s->replaying == 0)
        s->stuck = !ask_epoch(s, epoch_known);
}

static void greet(ra_redis_store *s)
{
    s->state = RA_STORE_GREETING;
    s->greeting++;
    s->replaying = 0;
    s->cursor = 0;
    s->stuck = false;
    ra_redis_markers_sweep(s, ra_redis_monotonic());
    s->stuck = !ra_redis_probe_send(s);
}

void ra_redis_store_probed(ra_redis_store *s)
{
    if (s->state != RA_STORE_GREETING)
        return;
    if (*s->probe.error)
        refused(s, s->probe.error, s->probe.lasts);
    else if (s->probe.unanswered)
        s->stuck = true;
    else
        go_on(s);
}

void ra_redis_store_replayed(ra_redis_store *s, const redisReply *reply)
{
    s->replaying--;
    if (s->state != RA_STORE_GREETING)
        return;
    if (reply && reply->type != REDIS_REPLY_INTEGER)
        refused_with(s, reply);
    else if (!reply)
        s->stuck = true;
    else if (!s->stuck)
        go_on(s);
}

void ra_redis_store_up(ra_redis *conn, const ra_redis_identity *who, void *arg)
{
    ra_redis_store *s = ra_redis_store_of(arg);
    (void)conn;
    s->identity = *who;
    s->leaving = false;
    memset(s->loaded, 0, sizeof s->loaded);
    s->sweep.refused = false;
    if (!acceptable(s))
        return;
    ra_redis_epoch(who, s->pact, s->epoch);
    greet(s);
}

void ra_redis_store_down(ra_redis *conn, bool was_up, const char *why, void *arg)
{
    ra_redis_store *s = ra_redis_store_of(arg);
    (void)conn;
    if (!was_up && ra_redis_greeting_lasts(why))
        refuse(s, true, why);
    else
        complain(s, why);
    s->state = RA_STORE_DOWN;
    s->leaving = false;
    if (was_up)
        ra_breaker_trip(&s->breaker, ra_redis_monotonic(), (uint32_t)ra_random());
}

/* ---- the heartbeat ---- */

/* A write, so that a master that may no longer take any is found out; its time is the clock that counts. */
static void heard(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_store *s = ra_redis_store_of(arg);
    epoch_reply e;
    (void)conn;
    bool good = read_epoch(reply, &e);
    int64_t us = ra_redis_monotonic_us();
    s->beating = false;
    if (s->beat_measured)
        ra_redis_store_judge(s, us, good, us - s->beat_begun_us);
    if (s->state != RA_STORE_READY || !reply)
        return;
    if (!good) {
        refused_with(s, reply);
    } else if (!e.agreed) {
        disagreed(s);
    } else if (e.first != s->first) {
        ra_redis_store_say(s, true,
                           "the server has lost its data, or proxies with other promises have used it");
        greet(s);
    } else {
        heard_at(s, &e);
    }
}

/* It is a call like any other for the breaker: so that it closes again where nobody reads. */
static void send_heartbeat(ra_redis_store *s, int64_t now)
{
    s->beat_measured = ra_breaker_allow(&s->breaker, now);
    s->beat_begun_us = ra_redis_monotonic_us();
    s->beating = ask_epoch(s, heard);
    if (!s->beating && s->beat_measured)
        ra_breaker_cancelled(&s->breaker);
}

void ra_redis_store_beat(evutil_socket_t fd, short what, void *arg)
{
    ra_redis_store *s = ra_redis_store_of(arg);
    int64_t now = ra_redis_monotonic();
    (void)fd;
    (void)what;
    ra_redis_markers_sweep(s, now);
    if (s->leaving)
        ra_redis_send(s->conn, (ra_bytes[]){RA_BYTES("QUIT")}, 1, s->o.command_timeout, NULL, NULL);
    else if (s->state == RA_STORE_GREETING && s->stuck && s->replaying == 0 && s->probe.pending == 0)
        greet(s);
    if (s->state != RA_STORE_READY)
        return;
    if (!s->beating)
        send_heartbeat(s, now);
    ra_redis_sweep_on(s);
}
