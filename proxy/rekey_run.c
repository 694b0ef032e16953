#include "proxy/rekey_run.h"

#include "proxy/ddb_call.h"

enum {
    ERROR_MAX = 64 * 1024,
    BODY_MAX = 8 << 20,
    ARENA_MAX = 256 << 20, /* of one page of at most 1 MB: each row's transaction holds it twice */
    CHANGED_FIRST = 20,    /* ms: pauses, and their longest */
    CHANGED_MOST = 1000,
    REFUSED_FIRST = 100,
    REFUSED_MOST = 2000,
    LATER_FIRST = 100,
    LATER_MOST = 5000,
    CHANGED_TRY = 1000 /* the least that a try lasts if what is to be moved changes all the time */
};

/* One look at all rows, and what has become of them. */
typedef struct look {
    ra_rekey_run *run;
    const ra_stream_rule *rule;
    const ra_rekey_target *target;
    ra_rekey_outcome *out;
    enum ra_rekey_fate fate; /* the worst so far, and out->error its text */
} look;

static void worsen(look *l, enum ra_rekey_fate fate, ra_bytes error)
{
    if (fate <= l->fate)
        return;
    l->fate = fate;
    ra_buf_clear(&l->out->error);
    ra_buf_add_bytes(&l->out->error, error);
}

static enum ra_rekey_fate judge(look *l, const char *whom, const ra_http_reply *reply)
{
    ra_buf error;
    ra_buf_init(&error, ERROR_MAX);
    enum ra_rekey_fate fate = ra_rekey_fate_of(whom, reply, &error);
    worsen(l, fate, ra_buf_ok(&error) ? ra_buf_bytes(&error) : RA_BYTES("an overlong error message"));
    ra_buf_free(&error);
    return fate;
}

static void move_rows(look *l, const ra_rekey_moves *moves)
{
    const ra_rekey_calls *c = l->run->calls;
    for (size_t i = 0; i < moves->n && l->fate != RA_REKEY_LATER; i++) {
        ra_http_reply *reply = c->transact(c->arg, moves->v[i]);
        l->out->moved += judge(l, c->transact_at, reply) == RA_REKEY_WENT;
        ra_http_reply_unref(reply);
    }
}

/* true: it has been read, and its rows moved as far as could be; *next is set. */
static bool read_page(look *l, const ra_http_reply *reply, ra_arena *a, ra_buf *next)
{
    ra_rekey_moves moves;
    const char *why;
    ra_bytes body = {reply->body ? reply->body : "", reply->len};
    ra_buf_clear(next);
    switch (ra_rekey_moves_make(l->rule, l->target, l->run->table, body, a, &moves, &why)) {
    case RA_REKEY_OK:
        move_rows(l, &moves);
        if (!moves.next.p || ra_buf_add_bytes(next, moves.next))
            return true;
        break;
    case RA_REKEY_POISON:
        worsen(l, RA_REKEY_REFUSED, ra_bytes_z(why));
        return false;
    case RA_REKEY_NOT_A_REPLY:
        worsen(l, RA_REKEY_LATER, RA_BYTES("the reply to the query isn't DynamoDB's"));
        return false;
    case RA_REKEY_NO_MEMORY:
        break;
    }
    worsen(l, RA_REKEY_LATER, RA_BYTES("out of memory"));
    return false;
}

static bool ask_page(look *l, ra_buf *next)
{
    const ra_rekey_calls *c = l->run->calls;
    ra_arena a;
    ra_buf body;
    ra_buf_init(&body, BODY_MAX);
    ra_rekey_query(l->rule, l->target, l->run->table, ra_buf_bytes(next), &body);
    ra_http_reply *reply = ra_buf_ok(&body) ? c->query(c->arg, ra_buf_bytes(&body)) : NULL;
    ra_buf_free(&body);
    ra_arena_init(&a, ARENA_MAX);
    bool ok = judge(l, c->query_at, reply) == RA_REKEY_WENT && reply && read_page(l, reply, &a, next);
    ra_arena_free(&a);
    ra_http_reply_unref(reply);
    return ok;
}

static enum ra_rekey_fate look_once(ra_rekey_run *run, const ra_stream_rule *rule,
                                    const ra_rekey_target *target, ra_rekey_outcome *out)
{
    look l = {.run = run, .rule = rule, .target = target, .out = out, .fate = RA_REKEY_WENT};
    ra_buf next;
    ra_buf_init(&next, BODY_MAX);
    ra_buf_clear(&out->error);
    while (ask_page(&l, &next) && next.n > 0 && l.fate != RA_REKEY_LATER) {
    }
    ra_buf_free(&next);
    return l.fate;
}

void ra_rekey_run_troubled(ra_rekey_run *run, const char *what)
{
    if (!run->troubled)
        run->trouble(run->arg, what);
    run->troubled = true;
}

void ra_rekey_run_untroubled(ra_rekey_run *run)
{
    if (run->troubled)
        run->trouble(run->arg, NULL);
    run->troubled = false;
}

static void say_trouble(ra_rekey_run *run, ra_buf *error)
{
    ra_buf_add_char(error, '\0');
    ra_rekey_run_troubled(run, ra_buf_ok(error) && error->n > 1 ? error->p : "out of memory");
}

/* How long until the next look. */
static int64_t pause_after(enum ra_rekey_fate fate, int64_t *pause)
{
    switch (fate) {
    case RA_REKEY_CHANGED:
        return ra_ddb_backoff(pause, CHANGED_FIRST, CHANGED_MOST);
    case RA_REKEY_REFUSED:
        return ra_ddb_backoff(pause, REFUSED_FIRST, REFUSED_MOST);
    case RA_REKEY_LATER:
    case RA_REKEY_WENT:
        break;
    }
    return ra_ddb_backoff(pause, LATER_FIRST, LATER_MOST);
}

/* Does the look that has just been made end a try? `since`: when this one began. */
static bool is_try(const ra_rekey_run *run, enum ra_rekey_fate fate, int64_t *since)
{
    int64_t now = run->calls->monotonic(run->calls->arg);
    int64_t lasts = run->settle > CHANGED_TRY ? run->settle : CHANGED_TRY;
    if (fate == RA_REKEY_LATER) {
        *since = now; /* nothing was learnt of the record meanwhile */
        return false;
    }
    if (fate == RA_REKEY_CHANGED && now - *since < lasts)
        return false;
    *since = now;
    return true;
}

enum ra_rekey_end ra_rekey_run_target(ra_rekey_run *run, const ra_stream_rule *rule,
                                      const ra_rekey_target *target, ra_rekey_outcome *out)
{
    const ra_rekey_calls *c = run->calls;
    int64_t pause = 0, since = c->monotonic(c->arg);
    enum ra_rekey_fate last = RA_REKEY_WENT;
    *out = (ra_rekey_outcome){.moved = 0};
    ra_buf_init(&out->error, ERROR_MAX);
    for (;;) {
        enum ra_rekey_fate fate = look_once(run, rule, target, out);
        if (fate != RA_REKEY_LATER)
            ra_rekey_run_untroubled(run);
        if (fate == RA_REKEY_WENT)
            return RA_REKEY_DONE;
        if (is_try(run, fate, &since) && ++out->tries >= run->tries)
            return RA_REKEY_GIVEN_UP;
        if (fate == RA_REKEY_LATER)
            say_trouble(run, &out->error);
        if (fate != last)
            pause = 0;
        last = fate;
        if (c->stopping(c->arg))
            return RA_REKEY_STOPPED;
        c->wait(c->arg, pause_after(fate, &pause));
    }
}
