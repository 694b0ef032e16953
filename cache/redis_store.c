/*
 * The store in Redis: its connection, its greeting of a server, its heartbeat. What it does for a request is
 * in redis_store_lookup.c and redis_store_write.c.
 *
 * A connection isn't used for hits at once. First every marker that this process still answers for is set
 * again, since the server may have been restarted, or be a replica that hasn't got them. Then the server says
 * when its epoch was first seen: for a while after that nothing is served, so that all other processes have
 * done the same.
 */
#include "cache/redis_store.h"

#include "cache/redis_store_parts.h"

#include <event2/event.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HEARTBEATS_MISSED = 3 };

static int64_t monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

ra_redis_store *ra_redis_store_of(void *p)
{
    ra_redis_store *s = p;
    if (!s || s->magic != RA_REDIS_STORE_MAGIC) {
        fputs("redis store: corrupted\n", stderr);
        abort();
    }
    return s;
}

static void say(const ra_redis_store *s, bool warning, const char *text)
{
    if (s->o.say)
        s->o.say(text, warning, s->o.say_arg);
}

bool ra_redis_store_may(ra_redis_store *s, int64_t now, const char **why)
{
    if (s->state != RA_STORE_READY) {
        *why = "store-unavailable";
        return false;
    }
    if (now < s->quiet_until) {
        *why = "store-quarantine";
        return false;
    }
    if (now - s->heard > HEARTBEATS_MISSED * s->o.heartbeat) {
        *why = "store-silent";
        return false;
    }
    return true;
}

/* ---- names ---- */

static size_t add_hex(char *out, const unsigned char *b, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[b[i] >> 4];
        out[2 * i + 1] = digits[b[i] & 15];
    }
    return 2 * n;
}

ra_bytes ra_redis_store_key(const ra_redis_store *s, const ra_key *unit, char out[RA_REDIS_KEY_MAX])
{
    memcpy(out, s->prefix, s->prefix_n);
    return (ra_bytes){out, s->prefix_n + add_hex(out + s->prefix_n, unit->b, sizeof unit->b)};
}

ra_bytes ra_redis_store_request_field(const ra_key *request, char out[RA_REDIS_FIELD_MAX])
{
    out[0] = 'r';
    return (ra_bytes){out, 1 + add_hex(out + 1, request->b, sizeof request->b)};
}

ra_bytes ra_redis_store_write_field(const ra_write_id *id, char out[RA_REDIS_FIELD_MAX])
{
    out[0] = 'w';
    return (ra_bytes){out, 1 + add_hex(out + 1, id->b, sizeof id->b)};
}

/* ---- scripts ---- */

enum { SCRIPT_ARGS_MAX = 8 };

ra_redis_command *ra_redis_store_run(ra_redis_store *s, enum ra_redis_script script, ra_bytes key,
                                     const ra_bytes *argv, unsigned argc, int64_t timeout, ra_redis_done done,
                                     void *arg)
{
    bool known = s->loaded[script];
    ra_bytes all[4 + SCRIPT_ARGS_MAX] = {known ? RA_BYTES("EVALSHA") : RA_BYTES("EVAL"),
                                         ra_bytes_z(known ? s->sha1[script] : ra_redis_script_text(script)),
                                         RA_BYTES("1"), key};
    for (unsigned i = 0; i < argc && i < SCRIPT_ARGS_MAX; i++)
        all[4 + i] = argv[i];
    return ra_redis_send(s->conn, all, 4 + argc, timeout, done, arg);
}

bool ra_redis_store_no_script(ra_redis_store *s, const redisReply *reply)
{
    bool unknown =
        reply->type == REDIS_REPLY_ERROR && reply->len >= 8 && memcmp(reply->str, "NOSCRIPT", 8) == 0;
    if (unknown) /* its scripts were flushed: all of them */
        memset(s->loaded, 0, sizeof s->loaded);
    return unknown;
}

/* ---- the greeting ---- */

static void named_key(const ra_redis_store *s, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%.*s%s", (int)s->prefix_n, s->prefix, name);
}

/* {first, now}, in ms of the server's clock. */
static void epoch_known(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_store *s = ra_redis_store_of(arg);
    (void)conn;
    if (s->state != RA_STORE_GREETING)
        return;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_INTEGER || reply->element[1]->type != REDIS_REPLY_INTEGER) {
        say(s, true, "the server's epoch can't be had: nothing is cached on it");
        return;
    }
    int64_t now = monotonic(), age = reply->element[1]->integer - reply->element[0]->integer;
    s->clock = reply->element[1]->integer - now;
    s->heard = now;
    s->quiet_until = age < s->o.quarantine ? now + s->o.quarantine - age : now;
    s->state = RA_STORE_READY;
    say(s, false,
        age < s->o.quarantine ? "connected to a server that is new: nothing is served from it at first"
                              : "connected");
}

void ra_redis_store_greeted(ra_redis_store *s)
{
    char key[RA_REDIS_KEY_MAX];
    named_key(s, "epochs", key, sizeof key);
    ra_bytes argv[] = {{s->epoch, RA_EPOCH_CHARS}};
    ra_redis_store_run(s, RA_SCRIPT_EPOCH, ra_bytes_z(key), argv, 1, s->o.command_timeout, epoch_known, s);
}

static void make_epoch(ra_redis_store *s, const ra_redis_identity *who)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[sizeof who->run_id + sizeof who->master_replid + 2];
    int n = snprintf(text, sizeof text, "%s/%s", who->run_id, who->master_replid);
    SHA256((const unsigned char *)text, (size_t)n, digest);
    add_hex(s->epoch, digest, RA_EPOCH_CHARS / 2);
}

static void up(ra_redis *conn, const ra_redis_identity *who, void *arg)
{
    ra_redis_store *s = ra_redis_store_of(arg);
    (void)conn;
    s->state = RA_STORE_GREETING;
    s->greeting++;
    s->replaying = 0;
    memset(s->loaded, 0, sizeof s->loaded);
    if (!*who->run_id) {
        say(s, true, "the server doesn't tell who it is (INFO): nothing is cached on it");
        return;
    }
    make_epoch(s, who);
    ra_redis_markers_replay(s, monotonic());
    if (s->replaying == 0)
        ra_redis_store_greeted(s);
}

static void down(ra_redis *conn, bool was_up, const char *why, void *arg)
{
    ra_redis_store *s = ra_redis_store_of(arg);
    (void)conn;
    if (was_up || s->state != RA_STORE_DOWN)
        say(s, true, why);
    s->state = RA_STORE_DOWN;
}

/* ---- the heartbeat ---- */

/* A write, so that a master that may no longer take any is found out; its time is the clock that counts. */
static void heard(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_store *s = ra_redis_store_of(arg);
    (void)conn;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[1]->type != REDIS_REPLY_INTEGER)
        return;
    s->heard = monotonic();
    s->clock = reply->element[1]->integer - s->heard;
}

static void beat(evutil_socket_t fd, short what, void *arg)
{
    ra_redis_store *s = ra_redis_store_of(arg);
    (void)fd;
    (void)what;
    int64_t now = monotonic();
    ra_redis_markers_sweep(s, now);
    if (s->state != RA_STORE_READY)
        return;
    char key[RA_REDIS_KEY_MAX];
    named_key(s, "epochs", key, sizeof key);
    ra_bytes argv[] = {{s->epoch, RA_EPOCH_CHARS}};
    ra_redis_store_run(s, RA_SCRIPT_EPOCH, ra_bytes_z(key), argv, 1, s->o.command_timeout, heard, s);
}

/* ---- the interface ---- */

static void cancel(ra_store *store, ra_store_call *call)
{
    (void)ra_redis_store_of(store);
    ra_redis_call_free(call->pending);
}

static void stats(ra_store *store, ra_store_stats *out)
{
    ra_redis_store *s = ra_redis_store_of(store);
    *out = s->n;
    out->markers = s->nmarkers;
}

static void free_store(ra_store *store)
{
    ra_redis_store *s = ra_redis_store_of(store);
    while (s->calls)
        ra_redis_call_free(s->calls);
    if (s->conn)
        ra_redis_free(s->conn);
    if (s->heart)
        event_free(s->heart);
    ra_redis_markers_free(s);
    s->magic = 0;
    free(s);
}

static const ra_store_ops ops = {.name = "redis",
                                 .lookup = ra_redis_store_lookup,
                                 .fill = ra_redis_store_fill,
                                 .begin = ra_redis_store_begin,
                                 .end = ra_redis_store_end,
                                 .invalidate = ra_redis_store_invalidate,
                                 .cancel = cancel,
                                 .stats = stats,
                                 .free = free_store};

bool ra_redis_store_serving(ra_store *store)
{
    ra_redis_store *s = ra_redis_store_of(store);
    const char *why;
    return ra_redis_store_may(s, monotonic(), &why) && s->breaker.state == RA_BREAKER_CLOSED;
}

static bool start_heart(ra_redis_store *s)
{
    struct timeval t = {.tv_sec = s->o.heartbeat / 1000, .tv_usec = s->o.heartbeat % 1000 * 1000};
    s->heart = event_new(s->base, -1, EV_PERSIST, beat, s);
    return s->heart && event_add(s->heart, &t) == 0;
}

ra_store *ra_redis_store_new(struct event_base *base, const ra_redis_store_options *o)
{
    ra_redis_store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->store.ops = &ops;
    s->magic = RA_REDIS_STORE_MAGIC;
    s->base = base;
    s->o = *o;
    if (!s->o.max_unit_entries)
        s->o.max_unit_entries = 1024;
    int n = snprintf(s->prefix, sizeof s->prefix, "%sra1:", o->key_prefix);
    s->prefix_n = (size_t)n;
    ra_breaker_init(&s->breaker, NULL);
    for (int i = 0; i < RA_SCRIPTS; i++)
        ra_redis_script_sha1((enum ra_redis_script)i, s->sha1[i]);
    s->o.redis.base = base;
    s->o.redis.up = up;
    s->o.redis.down = down;
    s->o.redis.message = NULL;
    s->o.redis.arg = s;
    bool fits = n > 0 && s->prefix_n < sizeof s->prefix;
    if (fits && start_heart(s))
        s->conn = ra_redis_new(&s->o.redis);
    if (s->conn)
        return &s->store;
    free_store(&s->store);
    return NULL;
}
