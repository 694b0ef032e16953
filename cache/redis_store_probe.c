/*
 * What the store needs of a server, tried before it is used: each command by itself, since a script that may
 * not call one doesn't say which, and each script. They go in one round, on a key that nobody else knows.
 *
 * Nothing stays of it, whatever happens: the key is given a TTL as soon as there is one, and keeps it where
 * BEGIN adds a marker; the one command before that sets an expired marker, which the sweep removes. At
 * maxmemory that command sets nothing, and BEGIN's marker is such a one soon.
 */
#include "cache/random.h"
#include "cache/redis_refusal.h"
#include "cache/redis_store_parts.h"

#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MOST = 7 };

#define LIVES "10000"

/* Words that stand for something else. */
static const char the_key[] = "key", the_epoch[] = "epoch";

typedef struct step {
    const char *name; /* NULL: the first word */
    enum { COMMAND, SCRIPT, DIGEST } kind;
    enum ra_redis_script script;
    bool may_be_full; /* at maxmemory it fails, and so do fills; that is all */
    const char *words[WORDS_MOST];
} step;

static const step steps[] = {
    {.words = {"UNLINK", the_key}},
    {.may_be_full = true, .words = {"HSET", the_key, "wprobe", "0"}},
    {.words = {"PEXPIRE", the_key, LIVES}},
    {.words = {"TIME"}},
    {.words = {"HGET", the_key, "!"}},
    {.words = {"HMGET", the_key, "r", "!"}},
    {.words = {"HEXISTS", the_key, "!"}},
    {.words = {"HLEN", the_key}},
    {.words = {"HGETALL", the_key}},
    {.words = {"HRANDFIELD", the_key, "1"}},
    {.words = {"HDEL", the_key, "none"}},
    {"BEGIN", SCRIPT, RA_SCRIPT_BEGIN, .words = {the_key, "write", "1000"}},
    {"END", SCRIPT, RA_SCRIPT_END, .words = {the_key, "write", "0"}},
    {"CLEAN", SCRIPT, RA_SCRIPT_CLEAN, .words = {the_key}},
    {"MISS", SCRIPT, RA_SCRIPT_MISS, true, {the_key, "nonce", LIVES, the_epoch}},
    /* its generation isn't known yet: here is one */
    {.may_be_full = true, .words = {"HSET", the_key, "!", "generation"}},
    {"FILL", SCRIPT, RA_SCRIPT_FILL, true, {the_key, "generation", "r", "1000", "0", "8", "value"}},
    {"INVALIDATE", SCRIPT, RA_SCRIPT_INVALIDATE, .words = {the_key}},
    {"EVALSHA", DIGEST, RA_SCRIPT_INVALIDATE, .words = {the_key}},
    {.words = {"UNLINK", the_key}},
};

_Static_assert(sizeof steps / sizeof *steps == RA_REDIS_PROBE_STEPS, "one place for each step's reply");

static const char *name_of(const step *t)
{
    return t->name ? t->name : t->words[0];
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Errors that say nothing against the server. */
static bool harmless(const step *t, const char *error)
{
    return (t->may_be_full && begins(error, "OOM")) || (t->kind == DIGEST && begins(error, "NOSCRIPT"));
}

static void judge(ra_redis_store *s, const step *t, const redisReply *reply)
{
    ra_redis_probe *p = &s->probe;
    if (!reply) {
        p->unanswered = true;
    } else if (reply->type != REDIS_REPLY_ERROR) {
        if (t->kind == SCRIPT)
            s->loaded[t->script] = true;
    } else if (!*p->error && !harmless(t, reply->str)) {
        snprintf(p->error, sizeof p->error, "%s: %s", name_of(t), reply->str);
        p->lasts = ra_redis_error_lasts(reply->str);
    }
}

static void replied(ra_redis *conn, const redisReply *reply, void *step_of_it);

static bool send_step(ra_redis_store *s, unsigned index)
{
    const step *t = &steps[index];
    ra_bytes argv[3 + WORDS_MOST];
    unsigned argc = 0;
    if (t->kind != COMMAND) {
        argv[argc++] = t->kind == SCRIPT ? RA_BYTES("EVAL") : RA_BYTES("EVALSHA");
        argv[argc++] = ra_bytes_z(t->kind == SCRIPT ? ra_redis_script_text(t->script) : s->sha1[t->script]);
        argv[argc++] = RA_BYTES("1");
    }
    for (unsigned i = 0; i < WORDS_MOST && t->words[i]; i++) {
        const char *word = t->words[i];
        argv[argc++] =
            word == the_key ? ra_bytes_z(s->probe.key) : ra_bytes_z(word == the_epoch ? s->epoch : word);
    }
    s->probe.steps[index] = (struct ra_redis_probe_step){.magic = RA_REDIS_PROBE_MAGIC, .store = s};
    return ra_redis_send(s->conn, argv, argc, s->o.command_timeout, replied, &s->probe.steps[index]) != NULL;
}

/* As many as there is room for; the others as replies come. false: nothing is under way, nor will be. */
static bool send_more(ra_redis_store *s)
{
    ra_redis_probe *p = &s->probe;
    for (; p->next < RA_REDIS_PROBE_STEPS && send_step(s, p->next); p->next++)
        p->pending++;
    return p->pending > 0;
}

static void replied(ra_redis *conn, const redisReply *reply, void *arg)
{
    struct ra_redis_probe_step *at = arg;
    (void)conn;
    if (at->magic != RA_REDIS_PROBE_MAGIC) {
        fputs("redis store: a probe is corrupted\n", stderr);
        abort();
    }
    ra_redis_store *s = ra_redis_store_of(at->store);
    judge(s, &steps[at - s->probe.steps], reply);
    s->probe.pending--;
    if (send_more(s))
        return;
    s->probe.unanswered |= s->probe.next < RA_REDIS_PROBE_STEPS;
    ra_redis_store_probed(s);
}

/* <prefix>ra1:probe-<hex>; where there is no randomness it is a key that others may have as well, and of two
 * probes at a time one may fail, to be tried again. */
static void make_key(ra_redis_store *s)
{
    unsigned long long n = ra_random();
    snprintf(s->probe.key, sizeof s->probe.key, "%sprobe-%016llx", s->prefix, n);
}

bool ra_redis_probe_send(ra_redis_store *s)
{
    s->probe = (ra_redis_probe){0};
    make_key(s);
    return send_more(s);
}
