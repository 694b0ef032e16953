/*
 * For tests of a connection to Redis: one loop, a connection whose callbacks are recorded, and a server made
 * by hand, on the same thread, that says what the test tells it to. The test turns the loop until its
 * condition holds; a tick of a millisecond sees to it that the loop turns, and a minute without the condition
 * is a failure.
 */
#ifndef RA_TESTS_REDIS_LOOP_H
#define RA_TESTS_REDIS_LOOP_H

#include "cache/redis_conn.h"

#include <errno.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct event_base *base;
static struct event *ticking;

static void tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

__attribute__((unused)) static void loop_begin(void)
{
    const struct timeval ms = {.tv_usec = 1000};
    base = event_base_new();
    ticking = event_new(base, -1, EV_PERSIST, tick, NULL);
    event_add(ticking, &ms);
}

__attribute__((unused)) static void loop_end(void)
{
    event_base_loop(base, EVLOOP_NONBLOCK); /* what a lookup that was given up still holds */
    event_free(ticking);
    event_base_free(base);
}

static int64_t test_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#define UNTIL(condition)                                                                                     \
    do {                                                                                                     \
        for (int64_t until_end = test_now() + 60000; !(condition);) {                                        \
            if (test_now() > until_end)                                                                      \
                fail_msg("a minute has gone by without: %s", #condition);                                    \
            event_base_loop(base, EVLOOP_ONCE);                                                              \
        }                                                                                                    \
    } while (0)

/* ---- the connection ---- */

typedef struct seen {
    ra_redis *redis;
    unsigned ups, downs, downs_while_up;
    char why[256];
    ra_redis_identity identity;
    unsigned replies, none; /* ends of commands: with a reply, without */
    int type;               /* of the newest reply */
    char text[256];
    size_t len;
    long long integer;
    unsigned messages;
    char message[64];
    unsigned pending_at_down; /* commands that hadn't ended when `down` ran: must be 0 */
    unsigned sent;
} seen;

static void on_up(ra_redis *r, const ra_redis_identity *identity, void *arg)
{
    seen *s = arg;
    (void)r;
    s->ups++;
    s->identity = *identity;
}

static void on_down(ra_redis *r, bool was_up, const char *why, void *arg)
{
    seen *s = arg;
    (void)r;
    s->downs++;
    s->downs_while_up += was_up;
    s->pending_at_down += s->sent - s->replies - s->none;
    snprintf(s->why, sizeof s->why, "%s", why);
}

__attribute__((unused)) static void on_message(ra_redis *r, const struct redisReply *reply, void *arg)
{
    seen *s = arg;
    (void)r;
    s->messages++;
    const struct redisReply *last = reply->element[reply->elements - 1];
    snprintf(s->message, sizeof s->message, "%s", last->str ? last->str : "");
}

static void on_reply(ra_redis *r, const struct redisReply *reply, void *arg)
{
    seen *s = arg;
    (void)r;
    if (!reply) {
        s->none++;
        return;
    }
    s->replies++;
    s->type = reply->type;
    s->len = reply->len;
    s->integer = reply->integer;
    snprintf(s->text, sizeof s->text, "%s", reply->str ? reply->str : "");
}

enum { LONG = 60000 };

__attribute__((unused)) static ra_redis_options options_of(seen *s)
{
    *s = (seen){0};
    return (ra_redis_options){.base = base,
                              .connect_timeout = LONG,
                              .dead_after = LONG,
                              .back_off_first = 1,
                              .back_off_most = 4,
                              .max_queue_bytes = 256 << 20,
                              .max_queue = 100000,
                              .up = on_up,
                              .down = on_down,
                              .arg = s};
}

static ra_redis_command *send_args(seen *s, const ra_bytes *argv, unsigned argc, int64_t timeout)
{
    ra_redis_command *c = ra_redis_send(s->redis, argv, argc, timeout, on_reply, s);
    s->sent += c != NULL;
    return c;
}

/* Words, separated by blanks. */
__attribute__((unused)) static ra_redis_command *send_words(seen *s, const char *words, int64_t timeout)
{
    ra_bytes argv[16];
    unsigned argc = 0;
    for (const char *p = words; argc < 16; p += argv[argc++].n) {
        p += strspn(p, " ");
        if (!*p)
            break;
        argv[argc] = (ra_bytes){p, strcspn(p, " ")};
    }
    return send_args(s, argv, argc, timeout);
}

/* ---- a server by hand ---- */

typedef struct peer {
    int listener, fd;
    uint16_t port;
    char got[1 << 18];
    size_t n, read_calls;
    bool eof;
} peer;

__attribute__((unused)) static void peer_listen(peer *p)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    memset(p, 0, sizeof *p);
    p->fd = -1;
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(p->listener, 16), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &n), 0);
    p->port = ntohs(a.sin_port);
}

static bool peer_accepts(peer *p)
{
    p->fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return p->fd >= 0;
}

/* Takes what is there; the text so far. */
static const char *peer_got(peer *p)
{
    ssize_t n = recv(p->fd, p->got + p->n, sizeof p->got - 1 - p->n, 0);
    p->eof = n == 0 || (n < 0 && errno != EAGAIN);
    if (n > 0) {
        p->n += (size_t)n;
        p->read_calls++;
    }
    p->got[p->n] = '\0';
    return p->got;
}

__attribute__((unused)) static void peer_forget(peer *p)
{
    p->n = p->read_calls = 0;
    p->got[0] = '\0';
}

#define PEER_EXPECT(p, text) UNTIL(strstr(peer_got(p), text))

/* All of it, however much that is; turns the loop meanwhile. false: nobody takes it. */
__attribute__((unused)) static bool peer_say_bytes(peer *p, const char *bytes, size_t n)
{
    while (n) {
        ssize_t put = send(p->fd, bytes, n, MSG_NOSIGNAL);
        if (put < 0 && errno != EAGAIN)
            return false;
        if (put > 0) {
            bytes += put;
            n -= (size_t)put;
        }
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    return true;
}

__attribute__((unused)) static bool peer_say(peer *p, const char *text)
{
    return peer_say_bytes(p, text, strlen(text));
}

__attribute__((unused)) static void peer_close(peer *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

/* The next connection, up to its greeting, for one with neither password nor name. */
__attribute__((unused)) static void peer_greet(peer *p, seen *s)
{
    unsigned ups = s->ups;
    peer_forget(p);
    UNTIL(peer_accepts(p));
    PEER_EXPECT(p, "INFO\r\n");
    peer_say(p, "$18\r\nredis_version:1.2\n\r\n");
    UNTIL(s->ups == ups + 1);
    peer_forget(p);
}

#endif
