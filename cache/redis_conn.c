#include "cache/redis_conn.h"

#include "cache/redis_back_off.h"
#include "cache/redis_dial.h"
#include "cache/redis_format.h"
#include "cache/redis_greeting.h"
#include "cache/redis_queue.h"
#include "cache/redis_reader.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/util.h>
#include <hiredis/hiredis.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

/*
 * The states, in the order in which a connection goes through them. From every one of them but the first,
 * `lose` leads back to the first.
 */
enum state {
    WAITING,  /* until the next attempt is due */
    DIALLING, /* name, connection, TLS: redis_dial.c */
    GREETING, /* AUTH, SELECT, CLIENT SETNAME, INFO are on their way */
    UP
};

enum {
    MAGIC = 0x72636f6e,
    PIECE = 16 << 10, /* bytes are parsed in such pieces: hiredis moves the rest of a piece for each KiB */
    READ_MOST = 256 << 10, /* in one turn of the loop */
    WRITE_MOST = 1 << 20,  /* in one write */
    GREETING_MOST = 65536, /* bytes of a greeting's command; passwords may be long */
    TLS_RECORD = 16 << 10,
    A_DAY = 24 * 60 * 60 * 1000
};

/*
 * Invariants. bev, reader: from GREETING on. The queue is empty before GREETING. The one timer stands for the
 * next attempt in WAITING, for the end of this attempt in DIALLING and GREETING, and in UP for the earliest
 * deadline or sooner: it isn't moved away when a command ends, only found to be early.
 */
struct ra_redis {
    unsigned magic;
    enum state state;
    ra_redis_options o; /* its strings are ours */
    struct event *timer;
    int64_t timer_at;
    ra_redis_dial *dial;
    struct bufferevent *bev;
    ra_redis_reader *reader;
    ra_redis_queue queue;
    uint64_t queued; /* bytes, over all connections */
    int64_t arrived; /* what is being read counts as arrived then */
    bool behind;     /* the socket holds more than was read in the last turn */
    ra_redis_identity identity;
    unsigned failures; /* in a row: attempts, and connections that never answered a command */
    bool broken;       /* found out in a callback: `why` says what; whoever called it loses the connection */
    unsigned calling;  /* a callback of the owner's is running */
    char why[RA_REDIS_WHY_MAX];
};

static ra_redis *checked(void *p)
{
    ra_redis *r = p;
    if (r->magic != MAGIC) {
        fputs("redis_conn: a callback got something that isn't a connection\n", stderr);
        abort();
    }
    return r;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The timer is always pending (a persistent one is while it runs, too, unless its time is zero), so that
 * moving it needs no memory. */
static bool set_timer(ra_redis *r, int64_t at)
{
    int64_t left = at - now_ms();
    if (left < 0)
        left = 0;
    if (left > A_DAY)
        left = A_DAY;
    const struct timeval tv = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 + 1};
    r->timer_at = at;
    return event_add(r->timer, &tv) == 0;
}

static void say(ra_redis *r, const char *what, const char *text)
{
    snprintf(r->why, sizeof r->why, "%s%s", what, text);
}

/* ---- the end of a connection or of an attempt ---- */

static void close_all(ra_redis *r)
{
    if (r->bev)
        bufferevent_free(r->bev);
    ra_redis_reader_free(r->reader);
    r->bev = NULL;
    r->reader = NULL;
    r->broken = false;
    r->behind = false;
}

static int64_t back_off(ra_redis *r)
{
    uint32_t spread;
    if (RAND_bytes((unsigned char *)&spread, sizeof spread) != 1)
        spread = (uint32_t)now_ms();
    int64_t wait = ra_redis_back_off(r->o.back_off_first, r->o.back_off_most, r->failures, spread);
    if (r->failures < UINT_MAX)
        r->failures++;
    return wait;
}

/* `why` says what has happened. Whoever calls this has no business with the connection any more. */
static void lose(ra_redis *r)
{
    bool was_up = r->state == UP;
    char why[RA_REDIS_WHY_MAX];
    snprintf(why, sizeof why, "%s", r->why);
    r->state = WAITING;
    close_all(r);
    set_timer(r, now_ms() + back_off(r));
    r->calling++;
    ra_redis_queue_drop(&r->queue, r);
    if (r->o.down)
        r->o.down(r, was_up, why, r->o.arg);
    r->calling--;
}

static void lose_because(ra_redis *r, const char *why)
{
    say(r, why, "");
    lose(r);
}

/* ---- commands ---- */

static ra_redis_command *enqueue(ra_redis *r, const ra_redis_arg *argv, unsigned argc, size_t room,
                                 int64_t timeout, ra_redis_done done, void *arg)
{
    ra_redis_command *c = ra_redis_command_new(now_ms(), timeout, done, arg);
    if (!c)
        return NULL;
    /* The bufferevent writes at the loop's next turn: all that is appended until then leaves together. With
     * TLS each piece of memory becomes a record and a write of its own, so that the first one should be
     * large. */
    struct evbuffer *out = bufferevent_get_output(r->bev);
    if (r->o.tls && evbuffer_get_length(out) == 0)
        (void)evbuffer_expand(out, TLS_RECORD);
    size_t n = ra_redis_format(out, argv, argc, room);
    if (!n) {
        free(c);
        return NULL;
    }
    ra_redis_queue_push(&r->queue, c, n);
    r->queued += n;
    return c;
}

/* When something must be done at the latest: the oldest has waited too long, or a deadline has passed. */
static int64_t next_deadline(const ra_redis *r)
{
    int64_t next = ra_redis_queue_next(&r->queue);
    const ra_redis_command *oldest = r->queue.first;
    if (oldest && oldest->sent + r->o.dead_after < next)
        next = oldest->sent + r->o.dead_after;
    return next;
}

ra_redis_command *ra_redis_send(ra_redis *r, const ra_redis_arg *argv, unsigned argc, int64_t timeout,
                                ra_redis_done done, void *arg)
{
    if (r->state != UP)
        return NULL;
    size_t room = ra_redis_queue_room(&r->queue);
    ra_redis_command *c = room ? enqueue(r, argv, argc, room, timeout, done, arg) : NULL;
    if (!c)
        return NULL;
    int64_t dead = c->sent + r->o.dead_after;
    int64_t at = c->deadline < dead ? c->deadline : dead;
    if (at < r->timer_at)
        set_timer(r, at);
    return c;
}

uint64_t ra_redis_queued(const ra_redis *r)
{
    return r->queued;
}

/* Not over TLS: OpenSSL is given several records at once, and says only of all together that they are
 * written; the server may have carried out what stands in the first of them. */
bool ra_redis_is_unsent(const ra_redis *r, uint64_t queued)
{
    return r->state == UP && !r->o.tls &&
           queued >= r->queued - evbuffer_get_length(bufferevent_get_output(r->bev));
}

/* Has the socket still got what the last turn left in it? It may have left nothing, by a hair. */
static bool is_behind(ra_redis *r)
{
    char c;
    r->behind = r->behind && recv(bufferevent_getfd(r->bev), &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
    return r->behind;
}

static void look_at_deadlines(ra_redis *r)
{
    int64_t now = now_ms();
    bool behind = is_behind(r);
    r->timer_at = INT64_MAX;
    r->calling++;
    if (!behind) /* else the replies may well be there */
        ra_redis_queue_expire(&r->queue, r, now);
    r->calling--;
    const ra_redis_command *oldest = r->queue.first;
    if (oldest && now - oldest->sent >= r->o.dead_after) {
        snprintf(r->why, sizeof r->why, "no reply for %lld ms", (long long)(now - oldest->sent));
        lose(r);
        return;
    }
    int64_t next = behind ? now + 1 : next_deadline(r);
    if (next < r->timer_at || next == INT64_MAX)
        set_timer(r, next);
}

/* ---- greeting ---- */

static void go_up(ra_redis *r)
{
    r->state = UP;
    set_timer(r, INT64_MAX);
    if (r->o.up) {
        r->calling++;
        r->o.up(r, &r->identity, r->o.arg);
        r->calling--;
    }
}

static void step_done(ra_redis *r, enum ra_redis_step step, const struct redisReply *reply)
{
    if (!reply || r->broken)
        return;
    r->broken = !ra_redis_greeting_answer(step, reply, r->o.password, r->why);
    if (r->broken || step != RA_REDIS_INFO)
        return;
    if (reply->type == REDIS_REPLY_STRING)
        ra_redis_identity_read(&r->identity, (ra_bytes){reply->str, reply->len});
    go_up(r);
}

static void auth_done(ra_redis *r, const struct redisReply *reply, void *arg)
{
    (void)arg;
    step_done(r, RA_REDIS_AUTH, reply);
}

static void select_done(ra_redis *r, const struct redisReply *reply, void *arg)
{
    (void)arg;
    step_done(r, RA_REDIS_SELECT, reply);
}

static void setname_done(ra_redis *r, const struct redisReply *reply, void *arg)
{
    (void)arg;
    step_done(r, RA_REDIS_SETNAME, reply);
}

static void info_done(ra_redis *r, const struct redisReply *reply, void *arg)
{
    (void)arg;
    step_done(r, RA_REDIS_INFO, reply);
}

static void greet(ra_redis *r)
{
    static const ra_redis_done done[RA_REDIS_STEPS] = {
        [RA_REDIS_AUTH] = auth_done,
        [RA_REDIS_SELECT] = select_done,
        [RA_REDIS_SETNAME] = setname_done,
        [RA_REDIS_INFO] = info_done,
    };
    r->state = GREETING;
    r->why[0] = '\0';
    r->identity = (ra_redis_identity){0};
    for (enum ra_redis_step step = 0; step < RA_REDIS_STEPS; step++) {
        ra_bytes argv[3];
        char number[16];
        unsigned argc = ra_redis_greeting_command(step, &r->o, argv, number);
        if (argc && !enqueue(r, argv, argc, GREETING_MOST, INT64_MAX, done[step], NULL)) {
            lose_because(r, "no memory");
            return;
        }
    }
}

/* ---- replies ---- */

static bool text_is(const struct redisReply *e, const char *text)
{
    return e && e->type == REDIS_REPLY_STRING && ra_bytes_eq_z((ra_bytes){e->str, e->len}, text);
}

static bool is_message(const struct redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3)
        return false;
    const struct redisReply *kind = reply->element[0];
    return (reply->elements == 3 && text_is(kind, "message")) ||
           (reply->elements == 4 && text_is(kind, "pmessage"));
}

static void take_reply(ra_redis *r, const struct redisReply *reply)
{
    r->calling++;
    if (r->state == UP)
        r->failures = 0;
    if (r->state == UP && r->o.message && is_message(reply)) {
        r->o.message(r, reply, r->o.arg);
    } else if (!ra_redis_queue_answer(&r->queue, r, r->arrived, reply)) {
        r->broken = true;
        bool error = reply->type == REDIS_REPLY_ERROR;
        say(r, "a reply that nobody asked for", error ? ", an error" : "");
    }
    r->calling--;
}

/* false: the connection is of no use any more, and `why` says why. */
static bool take_replies(ra_redis *r)
{
    for (;;) {
        struct redisReply *reply;
        enum ra_redis_read got = ra_redis_reader_next(r->reader, &reply);
        if (got == RA_REDIS_READ_BROKEN)
            say(r, ra_redis_reader_why(r->reader), "");
        if (got != RA_REDIS_READ_REPLY)
            return got == RA_REDIS_READ_MORE;
        take_reply(r, reply);
        ra_redis_reply_free(reply);
        if (r->broken)
            return false;
    }
}

/* false: the connection is lost. */
static bool take_piece(ra_redis *r, ra_bytes piece)
{
    if (!ra_redis_reader_feed(r->reader, piece)) {
        lose_because(r, ra_redis_reader_why(r->reader));
        return false;
    }
    if (take_replies(r))
        return true;
    lose(r);
    return false;
}

/*
 * The rest of what has arrived, after what the bufferevent has read: that is 4 KiB at most (libevent's
 * EVBUFFER_MAX_READ), and where many replies are on their way a turn of the loop for each 4 KiB would be most
 * of what a reply costs. Not over TLS, where only OpenSSL may read. What is wrong with the connection the
 * bufferevent finds out by itself.
 */
static void read_on(ra_redis *r)
{
    char piece[PIECE];
    ssize_t n = sizeof piece;
    r->behind = true;
    for (size_t most = READ_MOST; n == (ssize_t)sizeof piece && most >= sizeof piece; most -= sizeof piece) {
        n = recv(bufferevent_getfd(r->bev), piece, sizeof piece, MSG_DONTWAIT);
        if (n > 0 && !take_piece(r, (ra_bytes){piece, (size_t)n}))
            return;
    }
    r->behind = n == (ssize_t)sizeof piece;
}

static void readable(struct bufferevent *bev, void *arg)
{
    ra_redis *r = checked(arg);
    struct evbuffer *in = bufferevent_get_input(bev);
    struct evbuffer_iovec v;
    if (!r->behind)
        r->arrived = now_ms();
    while (evbuffer_peek(in, -1, NULL, &v, 1) > 0 && v.iov_len) {
        ra_bytes piece = {v.iov_base, v.iov_len < PIECE ? v.iov_len : PIECE};
        /* A callback may not lose the connection, so that `in` lives until take_piece does. */
        if (!take_piece(r, piece))
            return;
        evbuffer_drain(in, piece.n);
    }
    if (!r->o.tls)
        read_on(r);
}

/* ---- connecting ---- */

static void happened(struct bufferevent *bev, short what, void *arg)
{
    int error = EVUTIL_SOCKET_ERROR();
    ra_redis *r = checked(arg);
    if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
        return;
    char how[RA_REDIS_WHY_MAX], said[RA_REDIS_WHY_MAX];
    ra_redis_dial_why(bev, what, error, how, sizeof how);
    /* what a server says before it hangs up is often the reason */
    snprintf(said, sizeof said, "%s", r->state == GREETING ? r->why : "");
    snprintf(r->why, sizeof r->why, "%.80s%s%.160s", how, said[0] ? "; " : "", said);
    lose(r);
}

static void wrote(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
    ra_redis *r = checked(arg);
    (void)out;
    if (info->n_deleted)
        ra_redis_queue_written(&r->queue, now_ms(), info->n_deleted);
}

static void dialled(struct bufferevent *bev, const char *why, void *arg)
{
    ra_redis *r = checked(arg);
    if (!bev) {
        lose_because(r, why);
        return;
    }
    r->bev = bev;
    r->reader = ra_redis_reader_new();
    bufferevent_setcb(bev, readable, NULL, happened, r);
    bufferevent_set_max_single_read(bev, READ_MOST);
    bufferevent_set_max_single_write(bev, WRITE_MOST);
    if (r->reader && evbuffer_add_cb(bufferevent_get_output(bev), wrote, r) &&
        bufferevent_enable(bev, EV_READ | EV_WRITE) == 0)
        greet(r);
    else
        lose_because(r, "no memory");
}

static void attempt(ra_redis *r)
{
    r->state = DIALLING;
    set_timer(r, now_ms() + r->o.connect_timeout);
    ra_redis_dial_begin(r->dial);
}

/* ---- time ---- */

static void too_long(ra_redis *r)
{
    const char *at = r->state == DIALLING ? ra_redis_dial_stop(r->dial) : "greeting the server";
    snprintf(r->why, sizeof r->why, "%s took longer than %lld ms", at, (long long)r->o.connect_timeout);
    lose(r);
}

static void timer_rang(evutil_socket_t fd, short what, void *arg)
{
    ra_redis *r = checked(arg);
    (void)fd;
    (void)what;
    if (r->state == WAITING)
        attempt(r);
    else if (r->state == UP)
        look_at_deadlines(r);
    else
        too_long(r);
}

/* ---- begin and end ---- */

static bool copied(const char **string)
{
    if (!*string)
        return true;
    *string = strdup(*string);
    return *string != NULL;
}

static bool copy_strings(ra_redis_options *o)
{
    bool ok = copied(&o->host);
    ok = copied(&o->socket) && ok;
    ok = copied(&o->user) && ok;
    ok = copied(&o->password) && ok;
    ok = copied(&o->name) && ok;
    ok = copied(&o->resolv_conf) && ok;
    return copied(&o->hosts) && ok;
}

static void free_string(const char *s)
{
    free((char *)s);
}

/* So that times can be added. */
static int64_t within(int64_t ms)
{
    return ms < 1 ? 1 : ms > A_DAY ? A_DAY : ms;
}

ra_redis *ra_redis_new(const ra_redis_options *o)
{
    if (!o->host && (!o->socket || o->tls))
        return NULL;
    ra_redis *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->magic = MAGIC;
    r->o = *o;
    ra_redis_queue_init(&r->queue, o->max_queue, o->max_queue_bytes);
    bool ok = copy_strings(&r->o);
    r->o.dead_after = within(o->dead_after);
    r->o.connect_timeout = within(o->connect_timeout);
    r->o.back_off_first = within(o->back_off_first);
    r->o.back_off_most = within(o->back_off_most);
    if (r->o.tls)
        SSL_CTX_up_ref(r->o.tls);
    r->timer = event_new(o->base, -1, EV_PERSIST, timer_rang, r);
    r->dial = ra_redis_dial_new(&r->o, dialled, r);
    if (ok && r->timer && r->dial && set_timer(r, now_ms()))
        return r;
    ra_redis_free(r);
    return NULL;
}

void ra_redis_free(ra_redis *r)
{
    if (!r)
        return;
    if (checked(r)->calling) {
        fputs("redis_conn: freed from one of its own callbacks\n", stderr);
        abort();
    }
    if (r->timer)
        event_free(r->timer);
    close_all(r);
    ra_redis_dial_free(r->dial);
    ra_redis_queue_drop(&r->queue, NULL);
    SSL_CTX_free(r->o.tls);
    if (r->o.password)
        OPENSSL_cleanse((char *)r->o.password, strlen(r->o.password));
    const char *const strings[] = {r->o.host, r->o.socket, r->o.user,       r->o.password,
                                   r->o.name, r->o.hosts,  r->o.resolv_conf};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        free_string(strings[i]);
    r->magic = 0;
    free(r);
}

bool ra_redis_is_up(const ra_redis *r)
{
    return r->state == UP;
}
