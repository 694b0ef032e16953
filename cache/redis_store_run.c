/*
 * Scripts by their digests. The server forgets them when it is restarted or told to (SCRIPT FLUSH), also
 * between a command and the one before: so each carries what it takes to be sent again with its text.
 */
#include "cache/redis_store_parts.h"

#include <stdio.h>
#include <stdlib.h>

/* Of key and arguments. All but fills are shorter. */
enum { KEEP_MOST = 1536, ARGS_MOST = 8 };

struct ra_redis_run {
    unsigned magic;
    struct ra_redis_run *prev, *next;
    ra_redis_store *store;
    enum ra_redis_script script;
    ra_redis_command *command;
    ra_redis_done done;
    void *arg;
    int64_t deadline; /* monotonic */
    unsigned argc;    /* of `argv`, key and all; 0: it isn't kept */
    ra_bytes argv[ARGS_MOST + 1];
    char bytes[];
};

static ra_redis_run *run_of(void *p)
{
    ra_redis_run *r = p;
    if (!r || r->magic != RA_REDIS_RUN_MAGIC) {
        fputs("redis store: a script under way is corrupted\n", stderr);
        abort();
    }
    return r;
}

static void run_free(ra_redis_run *r)
{
    ra_redis_store *s = r->store;
    if (r->prev)
        r->prev->next = r->next;
    else
        s->runs = r->next;
    if (r->next)
        r->next->prev = r->prev;
    r->magic = 0;
    free(r);
}

/* `argv`: the key and the arguments. */
static ra_redis_command *send_script(ra_redis_run *r, bool by_digest, const ra_bytes *argv, unsigned argc,
                                     int64_t timeout, ra_redis_done done)
{
    ra_redis_store *s = r->store;
    ra_bytes all[3 + ARGS_MOST + 1] = {
        by_digest ? RA_BYTES("EVALSHA") : RA_BYTES("EVAL"),
        ra_bytes_z(by_digest ? s->sha1[r->script] : ra_redis_script_text(r->script)), RA_BYTES("1")};
    for (unsigned i = 0; i < argc; i++)
        all[3 + i] = argv[i];
    return ra_redis_send(s->conn, all, 3 + argc, timeout, done, r);
}

static bool forgotten(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ERROR && reply->len >= 8 &&
           memcmp(reply->str, "NOSCRIPT", 8) == 0;
}

static void run_done(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_run *r = run_of(arg);
    ra_redis_store *s = r->store;
    r->command = NULL;
    int64_t left = r->deadline - ra_redis_monotonic();
    if (forgotten(reply)) {
        memset(s->loaded, 0, sizeof s->loaded); /* with this one all of them */
        s->counts.scripts_resent++;
        if (r->argc && left > 0)
            r->command = send_script(r, false, r->argv, r->argc, left, run_done);
        if (r->command)
            return;
    } else if (reply && reply->type != REDIS_REPLY_ERROR) {
        s->loaded[r->script] = true;
    }
    ra_redis_done done = r->done;
    void *theirs = r->arg;
    run_free(r);
    done(conn, reply, theirs);
}

static void keep(ra_redis_run *r, const ra_bytes *argv, unsigned argc)
{
    char *at = r->bytes;
    for (unsigned i = 0; i < argc; i++) {
        if (argv[i].n)
            memcpy(at, argv[i].p, argv[i].n);
        r->argv[i] = (ra_bytes){at, argv[i].n};
        at += argv[i].n;
    }
    r->argc = argc;
}

ra_redis_run *ra_redis_store_run(ra_redis_store *s, enum ra_redis_script script, ra_bytes key,
                                 const ra_bytes *argv, unsigned argc, int64_t timeout, ra_redis_done done,
                                 void *arg)
{
    ra_bytes all[ARGS_MOST + 1] = {key};
    size_t bytes = key.n;
    if (argc > ARGS_MOST)
        return NULL;
    for (unsigned i = 0; i < argc; i++) {
        all[1 + i] = argv[i];
        bytes += argv[i].n;
    }
    bool kept = bytes <= KEEP_MOST;
    ra_redis_run *r = malloc(sizeof *r + (kept ? bytes : 0));
    if (!r)
        return NULL;
    *r = (ra_redis_run){.magic = RA_REDIS_RUN_MAGIC,
                        .store = s,
                        .script = script,
                        .done = done,
                        .arg = arg,
                        .deadline = ra_redis_monotonic() + timeout};
    if (kept)
        keep(r, all, argc + 1);
    r->command = send_script(r, s->loaded[script], all, argc + 1, timeout, run_done);
    if (!r->command) {
        free(r);
        return NULL;
    }
    r->next = s->runs;
    if (s->runs)
        s->runs->prev = r;
    s->runs = r;
    return r;
}

void ra_redis_run_abandon(ra_redis_run *r)
{
    ra_redis_abandon(run_of(r)->command);
    run_free(r);
}

void ra_redis_runs_free(ra_redis_store *s)
{
    ra_redis_run *next;
    for (ra_redis_run *r = s->runs; r; r = next) {
        next = r->next;
        r->magic = 0;
        free(r);
    }
    s->runs = NULL;
}
