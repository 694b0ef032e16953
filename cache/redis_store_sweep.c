/*
 * Expired markers that nobody reads would stay for ever, since the key of a marked unit has no TTL: those of
 * a process that was killed, say. At each heartbeat one step of a SCAN over all keys; those of units that
 * have no TTL are cleaned, which leaves live markers alone. Keys of others are never touched.
 */
#include "cache/redis_refusal.h"
#include "cache/redis_store_parts.h"

#include <stdio.h>
#include <stdlib.h>

#define KEYS_WANTED "200" /* of one step; a server may give more or fewer */

enum { KEYS_MOST = 4096 };

typedef struct ra_redis_swept {
    unsigned magic;
    ra_redis_store *store;
    size_t n;
    char key[RA_REDIS_KEY_MAX];
} swept;

static void refused(ra_redis_store *s, const char *command, const redisReply *reply)
{
    char text[RA_REDIS_REFUSAL_MAX];
    if (!ra_redis_error_lasts(reply->str)) /* the next heartbeat tries again */
        return;
    s->sweep.refused = true;
    if (s->sweep.said)
        return;
    s->sweep.said = true;
    snprintf(
        text, sizeof text,
        "%s is refused: marks of writes of proxies that were killed are removed only where somebody reads "
        "(%.100s)",
        command, reply->str);
    ra_redis_store_say(s, true, text);
}

static void ended(ra_redis_store *s)
{
    if (--s->sweep.pending)
        return;
    free(s->sweep.v);
    s->sweep.v = NULL;
}

static void ignore(ra_redis *conn, const redisReply *reply, void *arg)
{
    (void)conn;
    (void)reply;
    (void)arg;
}

static void has_ttl(ra_redis *conn, const redisReply *reply, void *arg)
{
    swept *k = arg;
    (void)conn;
    if (k->magic != RA_REDIS_SWEPT_MAGIC) {
        fputs("redis store: a key to be swept is corrupted\n", stderr);
        abort();
    }
    ra_redis_store *s = ra_redis_store_of(k->store);
    if (reply && reply->type == REDIS_REPLY_ERROR)
        refused(s, "PTTL", reply);
    else if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer == -1)
        ra_redis_store_run(s, RA_SCRIPT_CLEAN, (ra_bytes){k->key, k->n}, NULL, 0, s->o.command_timeout,
                           ignore, NULL);
    ended(s);
}

static bool all_hex(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr("0123456789abcdef", p[i]) || !p[i])
            return false;
    return true;
}

/* A unit, or what is left of a probe. */
static bool is_ours(const ra_redis_store *s, const redisReply *key)
{
    static const char probe[] = "probe-";
    size_t n = sizeof probe - 1;
    if (key->type != REDIS_REPLY_STRING || key->len <= s->prefix_n ||
        memcmp(key->str, s->prefix, s->prefix_n) != 0)
        return false;
    const char *p = key->str + s->prefix_n;
    size_t left = key->len - s->prefix_n;
    if (left == (size_t)2 * RA_KEY_BYTES)
        return all_hex(p, left);
    return left == n + 16 && memcmp(p, probe, n) == 0 && all_hex(p + n, 16);
}

static void ask(ra_redis_store *s, swept *k, const redisReply *key)
{
    *k = (swept){.magic = RA_REDIS_SWEPT_MAGIC, .store = s, .n = key->len};
    memcpy(k->key, key->str, key->len);
    ra_bytes argv[] = {RA_BYTES("PTTL"), {k->key, k->n}};
    s->sweep.pending += ra_redis_send(s->conn, argv, 2, s->o.command_timeout, has_ttl, k) != NULL;
}

static void ask_all(ra_redis_store *s, const redisReply *keys)
{
    size_t n = keys->elements < KEYS_MOST ? keys->elements : KEYS_MOST, used = 0;
    s->sweep.v = n ? calloc(n, sizeof *s->sweep.v) : NULL;
    for (size_t i = 0; i < n && s->sweep.v; i++)
        if (is_ours(s, keys->element[i]))
            ask(s, &s->sweep.v[used++], keys->element[i]);
}

static void scanned(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_store *s = ra_redis_store_of(arg);
    (void)conn;
    if (reply && reply->type == REDIS_REPLY_ERROR)
        refused(s, "SCAN", reply);
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[0]->type == REDIS_REPLY_STRING && reply->element[1]->type == REDIS_REPLY_ARRAY &&
        reply->element[0]->len < sizeof s->sweep.cursor) {
        memcpy(s->sweep.cursor, reply->element[0]->str, reply->element[0]->len + 1);
        ask_all(s, reply->element[1]);
    }
    ended(s);
}

/* As MATCH takes it: the prefix may hold what means something there. */
static ra_bytes pattern(const ra_redis_store *s, char out[2 * RA_REDIS_PREFIX_MAX + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < s->prefix_n; i++) {
        if (strchr("*?[]\\^", s->prefix[i]))
            out[n++] = '\\';
        out[n++] = s->prefix[i];
    }
    out[n++] = '*';
    return (ra_bytes){out, n};
}

void ra_redis_sweep_on(ra_redis_store *s)
{
    char match[2 * RA_REDIS_PREFIX_MAX + 1];
    if (!s->o.sweeps || s->sweep.refused || s->sweep.pending || s->breaker.state != RA_BREAKER_CLOSED)
        return;
    ra_bytes argv[] = {RA_BYTES("SCAN"),  ra_bytes_z(*s->sweep.cursor ? s->sweep.cursor : "0"),
                       RA_BYTES("MATCH"), pattern(s, match),
                       RA_BYTES("COUNT"), RA_BYTES(KEYS_WANTED)};
    s->sweep.pending += ra_redis_send(s->conn, argv, 6, s->o.command_timeout, scanned, s) != NULL;
}

void ra_redis_sweep_free(ra_redis_store *s)
{
    free(s->sweep.v);
    s->sweep.v = NULL;
}
