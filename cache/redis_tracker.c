#include "cache/redis_tracker.h"

#include "cache/redis_epoch.h"
#include "cache/redis_refusal.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    MAGIC = 0x7274726b,
    PREFIX_MAX = 160,            /* as the store's, its NUL included */
    UNIT_HEX = 2 * RA_KEY_BYTES, /* of a key, behind the prefix */
    A_DAY = 24 * 60 * 60 * 1000,
    NEVER = 2 * A_DAY /* a question's deadline: either it is answered or the connection is given up */
};

#define CHANNEL "__redis__:invalidate"

/* What a new connection asks, in this order, one after the other; PING again and again. */
enum question { ID, TRACKING, SUBSCRIBE, PING };

/*
 * Invariants. `next` is asked, or being asked; where something was refused for good it is PING, though
 * nothing was subscribed to. The near cache is told that pushes are heard only after it was told, since this
 * connection subscribed, that all units were touched.
 */
struct ra_redis_tracker {
    unsigned magic;
    ra_redis *conn;
    struct event *ticking;
    ra_near *near;
    char prefix[PREFIX_MAX];
    char pact[RA_REDIS_PACT_CHARS + 1];
    size_t prefix_n;
    int64_t max_silence;
    void (*say)(const char *text, bool warning, void *arg);
    void *say_arg;
    enum ra_redis_tracking state;
    enum question next;
    bool asked;      /* and the reply hasn't come */
    bool subscribed; /* pushes come on this connection */
    bool told;       /* that pushes are heard */
    bool told_down;  /* since then: that there is no connection */
    bool told_refused;
    int64_t sent; /* monotonic: when the newest question was */
    char id[24];  /* this connection's, as the server counts */
    char epoch[RA_REDIS_EPOCH_CHARS + 1];
};

static ra_redis_tracker *checked(void *p)
{
    ra_redis_tracker *t = p;
    if (t->magic != MAGIC) {
        fputs("redis_tracker: a callback got something that isn't a tracker\n", stderr);
        abort();
    }
    return t;
}

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- what has become of pushes, for the near cache and for a person ---- */

static void tell(ra_redis_tracker *t, bool *told, bool warning, const char *text)
{
    if (!*told && t->say)
        t->say(text, warning, t->say_arg);
    *told = true;
}

static void deaf(ra_redis_tracker *t, enum ra_redis_tracking state)
{
    t->told = false;
    if (t->state == state)
        return;
    t->state = state;
    ra_near_touch_all(t->near);
}

static void deaf_because(ra_redis_tracker *t, enum ra_redis_tracking state, const char *what, const char *why)
{
    char text[256];
    snprintf(text, sizeof text, "changes aren't heard of, so each near hit is validated: %s%.160s", what,
             why);
    deaf(t, state);
    tell(t, state == RA_TRACKING_REFUSED ? &t->told_refused : &t->told_down, true, text);
}

static void heard(ra_redis_tracker *t)
{
    t->state = RA_TRACKING_ON;
    ra_near_heard(t->near, t->epoch, t->sent + t->max_silence);
    t->told_down = t->told_refused = false;
    tell(t, &t->told, false, "changes are heard of, so near hits needn't be validated");
}

/* Something that is needed was refused: only PING goes on; or, where that passes by itself, the same
 * question.
 */
static void refused(ra_redis_tracker *t, const char *what, const redisReply *reply)
{
    bool error = reply->type == REDIS_REPLY_ERROR;
    if (!error || ra_redis_error_lasts(reply->str))
        t->next = PING;
    deaf_because(t, RA_TRACKING_REFUSED, what, error ? reply->str : "an unexpected reply");
}

/* ---- pushes ---- */

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* <prefix><hex of the unit's digest>, as the store writes it. */
static bool unit_of(const ra_redis_tracker *t, ra_bytes key, ra_key *unit)
{
    if (key.n != t->prefix_n + UNIT_HEX || memcmp(key.p, t->prefix, t->prefix_n) != 0)
        return false;
    const char *p = key.p + t->prefix_n;
    for (size_t i = 0; i < RA_KEY_BYTES; i++) {
        int high = digit(p[2 * i]), low = digit(p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        unit->b[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

/* false: it isn't a list of keys. */
static bool touch_keys(ra_redis_tracker *t, const redisReply *keys)
{
    if (keys->type != REDIS_REPLY_ARRAY || keys->elements == 0)
        return false;
    for (size_t i = 0; i < keys->elements; i++) {
        const redisReply *key = keys->element[i];
        ra_key unit;
        if (key->type != REDIS_REPLY_STRING)
            return false;
        if (unit_of(t, (ra_bytes){key->str, key->len}, &unit))
            ra_near_touch(t->near, &unit);
    }
    return true;
}

/* {"message", channel, keys}; nil for keys means all there are. Whatever else somebody may have published
 * there is taken for that as well. */
static void pushed(ra_redis *conn, const struct redisReply *message, void *arg)
{
    ra_redis_tracker *t = checked(arg);
    (void)conn;
    if (!touch_keys(t, message->element[message->elements - 1]))
        ra_near_touch_all(t->near);
}

/* ---- questions and answers ---- */

static bool is_text(const redisReply *r, const char *text)
{
    return r->type == REDIS_REPLY_STRING && ra_bytes_eq_z((ra_bytes){r->str, r->len}, text);
}

/* {kind, ...}, which is how a subscribed connection is answered. */
static bool is_list_of(const redisReply *r, const char *kind)
{
    return r->type == REDIS_REPLY_ARRAY && r->elements > 0 && is_text(r->element[0], kind);
}

static void got_id(ra_redis_tracker *t, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_INTEGER) {
        refused(t, "CLIENT ID: ", reply);
        return;
    }
    snprintf(t->id, sizeof t->id, "%lld", reply->integer);
    t->next = TRACKING;
}

static void got_tracking(ra_redis_tracker *t, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_STATUS)
        t->next = SUBSCRIBE;
    else
        refused(t, "CLIENT TRACKING: ", reply);
}

/* What was pushed before now went nowhere, so that all that was read before now must be validated. */
static void got_subscribed(ra_redis_tracker *t, const redisReply *reply)
{
    if (!is_list_of(reply, "subscribe")) {
        refused(t, "SUBSCRIBE: ", reply);
        return;
    }
    ra_near_touch_all(t->near);
    t->subscribed = true;
    t->next = PING;
}

static void got_pong(ra_redis_tracker *t, const redisReply *reply)
{
    if (!t->subscribed)
        return;
    if (is_list_of(reply, "pong"))
        heard(t);
    else
        refused(t, "PING: ", reply);
}

static void ask(ra_redis_tracker *t);

static void answered(ra_redis *conn, const struct redisReply *reply, void *arg)
{
    static void (*const got[])(ra_redis_tracker *, const redisReply *) = {
        [ID] = got_id, [TRACKING] = got_tracking, [SUBSCRIBE] = got_subscribed, [PING] = got_pong};
    ra_redis_tracker *t = checked(arg);
    enum question was = t->next;
    (void)conn;
    t->asked = false;
    if (!reply) /* the connection is lost */
        return;
    got[was](t, reply);
    if (was != t->next) /* else the next tick asks again */
        ask(t);
}

/* Where there is no memory for it the next tick asks again. */
static void ask(ra_redis_tracker *t)
{
    const ra_bytes id[] = {RA_BYTES("CLIENT"), RA_BYTES("ID")};
    const ra_bytes tracking[] = {RA_BYTES("CLIENT"),   RA_BYTES("TRACKING"),    RA_BYTES("ON"),
                                 RA_BYTES("REDIRECT"), ra_bytes_z(t->id),       RA_BYTES("BCAST"),
                                 RA_BYTES("PREFIX"),   {t->prefix, t->prefix_n}};
    const ra_bytes subscribe[] = {RA_BYTES("SUBSCRIBE"), RA_BYTES(CHANNEL)};
    const ra_bytes ping[] = {RA_BYTES("PING")};
    static const unsigned argc[] = {[ID] = 2, [TRACKING] = 8, [SUBSCRIBE] = 2, [PING] = 1};
    const ra_bytes *const argv[] = {[ID] = id, [TRACKING] = tracking, [SUBSCRIBE] = subscribe, [PING] = ping};
    t->sent = now_ms();
    t->asked = ra_redis_send(t->conn, argv[t->next], argc[t->next], NEVER, answered, t) != NULL;
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
    ra_redis_tracker *t = checked(arg);
    (void)fd;
    (void)what;
    if (ra_redis_is_up(t->conn) && !t->asked)
        ask(t);
}

/* ---- the connection ---- */

static void up(ra_redis *conn, const ra_redis_identity *who, void *arg)
{
    ra_redis_tracker *t = checked(arg);
    (void)conn;
    t->next = ID;
    if (*who->run_id) {
        ra_redis_epoch(who, t->pact, t->epoch);
    } else {
        t->next = PING;
        deaf_because(t, RA_TRACKING_REFUSED, "", "the server doesn't tell who it is (INFO)");
    }
    ask(t);
}

static void down(ra_redis *conn, bool was_up, const char *why, void *arg)
{
    ra_redis_tracker *t = checked(arg);
    (void)conn;
    (void)was_up;
    t->subscribed = false;
    deaf_because(t, RA_TRACKING_DOWN, "", why);
}

/* ---- begin and end ---- */

static int64_t within(int64_t ms)
{
    return ms < 1 ? 1 : ms > A_DAY ? A_DAY : ms;
}

static bool start(ra_redis_tracker *t, struct event_base *base, const ra_redis_tracker_options *o)
{
    int n = snprintf(t->prefix, sizeof t->prefix, "%sra1:", o->key_prefix);
    if (n < 0 || (size_t)n >= sizeof t->prefix)
        return false;
    t->prefix_n = (size_t)n;
    if ((size_t)snprintf(t->pact, sizeof t->pact, "%s", o->pact ? o->pact : "") >= sizeof t->pact)
        return false;
    int64_t ping = within(o->ping);
    const struct timeval every = {.tv_sec = ping / 1000, .tv_usec = ping % 1000 * 1000};
    t->ticking = event_new(base, -1, EV_PERSIST, tick, t);
    if (!t->ticking || event_add(t->ticking, &every) != 0)
        return false;
    ra_redis_options redis = o->redis;
    redis.base = base;
    redis.up = up;
    redis.down = down;
    redis.message = pushed;
    redis.arg = t;
    redis.dead_after = t->max_silence;
    t->conn = ra_redis_new(&redis);
    return t->conn != NULL;
}

ra_redis_tracker *ra_redis_tracker_new(struct event_base *base, const ra_redis_tracker_options *o)
{
    ra_redis_tracker *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->magic = MAGIC;
    t->near = ra_near_ref(o->near);
    t->max_silence = within(o->max_silence);
    t->say = o->say;
    t->say_arg = o->say_arg;
    if (start(t, base, o))
        return t;
    ra_redis_tracker_free(t);
    return NULL;
}

void ra_redis_tracker_free(ra_redis_tracker *t)
{
    if (!t)
        return;
    ra_redis_free(checked(t)->conn);
    if (t->ticking)
        event_free(t->ticking);
    ra_near_touch_all(t->near);
    ra_near_unref(t->near);
    t->magic = 0;
    free(t);
}

enum ra_redis_tracking ra_redis_tracker_state(const ra_redis_tracker *t)
{
    return t->state;
}
