#include "bench/loadgen/conn.h"

#include "proxy/log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MAGIC = 0x636f6e6e, ENV_MAGIC = 0x636f6576, BUFFER = 64 * 1024, TICK_US = 5000 };

/*
 * CLOSED and IDLE: nothing is under way. CONNECTING: a socket or a TLS session is being made, with or without
 * a request that waits for it (`unsent`). ASKED: a request is on its way, or its reply. Only the last two are
 * in env->busy.
 */
enum state { CLOSED, IDLE, CONNECTING, OPENING /* as CONNECTING, without a request */, ASKED };

uint64_t ra_conn_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

const char *ra_conn_result_name(enum ra_conn_result r)
{
    static const char *const names[RA_CONN_RESULTS] = {
        "ok", "connection refused", "timeout", "connection cut", "not HTTP", "out of memory"};
    return names[r];
}

static ra_conn *checked(void *p)
{
    ra_conn *c = p;
    if (c->magic != MAGIC)
        ra_corrupt("load generator's connection");
    return c;
}

bool ra_conn_busy(const ra_conn *c)
{
    return c->state > IDLE;
}

/* ---- ends ---- */

static void drop_unsent(ra_conn *c)
{
    free(c->unsent);
    c->unsent = NULL;
    c->unsent_n = c->unsent_at = 0;
}

static void drop_socket(ra_conn *c)
{
    if (c->readable)
        event_free(c->readable);
    if (c->writable)
        event_free(c->writable);
    c->readable = c->writable = NULL;
    if (c->tls) {
        SSL *s = bufferevent_openssl_get_ssl(c->tls);
        if (s) {
            SSL_set_shutdown(s, SSL_RECEIVED_SHUTDOWN); /* say goodbye, don't wait for the answer */
            SSL_shutdown(s);
        }
        bufferevent_free(c->tls); /* closes the socket too */
        c->tls = NULL;
    } else if (c->fd >= 0) {
        close(c->fd);
    }
    c->fd = -1;
    drop_unsent(c);
}

static void leave_busy(ra_conn *c, int state)
{
    if (ra_conn_busy(c))
        TAILQ_REMOVE(&c->env->busy, c, link);
    c->state = state;
}

static void finish(ra_conn *c, enum ra_conn_result result)
{
    event_del(c->later);
    bool keep = result == RA_CONN_OK && (c->state == OPENING || c->response.keep_alive);
    leave_busy(c, keep ? IDLE : CLOSED);
    if (!keep)
        drop_socket(c);
    c->env->done(c, result);
}

static void say(ra_conn *c, const char *why)
{
    snprintf(c->env->why, sizeof c->env->why, "%s", why);
}

/* The socket has ended, whatever was under way on it. */
static void ended(ra_conn *c, const char *why)
{
    bool was_idle = !ra_conn_busy(c);
    if (was_idle) {
        leave_busy(c, CLOSED); /* servers close what has been idle for long; the next request connects */
        drop_socket(c);
        return;
    }
    say(c, why);
    if (c->state == ASKED && ra_response_eof(&c->response) == RA_RESPONSE_DONE)
        finish(c, RA_CONN_OK);
    else
        finish(c, c->state == ASKED ? RA_CONN_CUT : RA_CONN_REFUSED);
}

/* From within a call of the owner: the end comes from the loop. */
static void put_off(ra_conn *c, enum ra_conn_result result, const char *why)
{
    say(c, why);
    c->result = result;
    event_active(c->later, EV_TIMEOUT, 0);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
    ra_conn *c = checked(arg);
    (void)fd;
    (void)what;
    if (ra_conn_busy(c))
        finish(c, c->result);
}

/* ---- reading ---- */

static void feed(ra_conn *c, const char *p, size_t n)
{
    size_t used;
    c->env->bytes_in += n;
    if (c->state != ASKED) {
        ended(c, "the server sent what nobody asked for");
        return;
    }
    switch (ra_response_feed(&c->response, p, n, &used)) {
    case RA_RESPONSE_MORE:
        return;
    case RA_RESPONSE_DONE:
        if (used < n)
            c->response.keep_alive = false; /* it sent more than one reply: no telling what the rest is */
        finish(c, RA_CONN_OK);
        return;
    case RA_RESPONSE_BAD:
        say(c, c->response.why);
        finish(c, RA_CONN_BAD);
        return;
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    ra_conn *c = checked(arg);
    (void)what;
    ssize_t n = read(fd, c->env->buffer, BUFFER);
    if (n > 0)
        feed(c, c->env->buffer, (size_t)n);
    else if (n == 0)
        ended(c, "the server closed the connection");
    else if (errno != EAGAIN && errno != EINTR)
        ended(c, strerror(errno));
}

/* ---- writing ---- */

static bool keep_unsent(ra_conn *c, const char *p, size_t n)
{
    c->unsent = malloc(n ? n : 1);
    if (!c->unsent)
        return false;
    memcpy(c->unsent, p, n);
    c->unsent_n = n;
    c->unsent_at = 0;
    return true;
}

/* How much of it the socket took; -1: it has failed. */
static ssize_t put(ra_conn *c, const char *p, size_t n)
{
    ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (sent > 0)
        c->env->bytes_out += (uint64_t)sent;
    return sent;
}

static void write_first(ra_conn *c, ra_bytes request)
{
    if (c->tls) {
        c->env->bytes_out += request.n;
        if (bufferevent_write(c->tls, request.p, request.n) != 0)
            put_off(c, RA_CONN_NO_MEMORY, "out of memory");
        return;
    }
    ssize_t sent = put(c, request.p, request.n);
    if (sent < 0)
        put_off(c, RA_CONN_CUT, strerror(errno));
    else if ((size_t)sent == request.n)
        return;
    else if (!keep_unsent(c, request.p + sent, request.n - (size_t)sent) || event_add(c->writable, NULL) != 0)
        put_off(c, RA_CONN_NO_MEMORY, "out of memory");
}

/* More of what the socket didn't take, or what had to wait for the connection. */
static void write_rest(ra_conn *c)
{
    ssize_t sent = put(c, c->unsent + c->unsent_at, c->unsent_n - c->unsent_at);
    if (sent < 0) {
        ended(c, strerror(errno));
        return;
    }
    c->unsent_at += (size_t)sent;
    if (c->unsent_at == c->unsent_n)
        drop_unsent(c);
    else if (event_add(c->writable, NULL) != 0)
        finish(c, RA_CONN_NO_MEMORY);
}

/* ---- connecting ---- */

/* The connection stands; a request that waited for it goes out. */
static void connected(ra_conn *c)
{
    c->env->connects++;
    if (c->state == OPENING) {
        finish(c, RA_CONN_OK);
        return;
    }
    c->state = ASKED;
    if (!c->tls) {
        write_rest(c);
        return;
    }
    c->env->bytes_out += c->unsent_n;
    bool written = bufferevent_write(c->tls, c->unsent, c->unsent_n) == 0;
    drop_unsent(c);
    if (!written)
        finish(c, RA_CONN_NO_MEMORY);
}

static void on_tls_read(struct bufferevent *bev, void *arg)
{
    ra_conn *c = checked(arg);
    size_t n;
    while (c->tls == bev && (n = bufferevent_read(bev, c->env->buffer, BUFFER)) > 0)
        feed(c, c->env->buffer, n);
}

static void on_tls_event(struct bufferevent *bev, short what, void *arg)
{
    ra_conn *c = checked(arg);
    if (what & BEV_EVENT_CONNECTED) {
        connected(c);
        return;
    }
    SSL *s = bufferevent_openssl_get_ssl(bev);
    long verified = s ? SSL_get_verify_result(s) : X509_V_OK;
    while (bufferevent_get_openssl_error(bev))
        continue; /* else libevent would find them at the next connection's error */
    ended(c, verified != X509_V_OK         ? X509_verify_cert_error_string(verified)
             : (what & BEV_EVENT_EOF) != 0 ? "the server closed the connection"
                                           : "TLS failed");
}

static bool begin_tls(ra_conn *c)
{
    SSL *s = ra_target_session(c->env->target);
    if (!s)
        return false;
    c->tls = bufferevent_openssl_socket_new(c->env->base, c->fd, s, BUFFEREVENT_SSL_CONNECTING,
                                            BEV_OPT_CLOSE_ON_FREE);
    if (!c->tls) {
        SSL_free(s);
        return false;
    }
    bufferevent_openssl_set_allow_dirty_shutdown(c->tls, 1);
    bufferevent_setcb(c->tls, on_tls_read, NULL, on_tls_event, c);
    return bufferevent_enable(c->tls, EV_READ | EV_WRITE) == 0;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    ra_conn *c = checked(arg);
    int error = 0;
    socklen_t n = sizeof error;
    (void)what;
    if (c->state == ASKED) {
        write_rest(c);
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error)
        ended(c, strerror(error ? error : errno));
    else if (c->env->target->tls_context ? !begin_tls(c) : event_add(c->readable, NULL) != 0)
        finish(c, RA_CONN_NO_MEMORY);
    else if (!c->tls)
        connected(c);
}

static void dial(ra_conn *c)
{
    const struct sockaddr *to = (const struct sockaddr *)&c->env->target->address;
    int on = 1;
    c->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        put_off(c, RA_CONN_REFUSED, strerror(errno));
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->readable = event_new(c->env->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
    c->writable = event_new(c->env->base, c->fd, EV_WRITE, on_writable, c);
    if (!c->readable || !c->writable || event_add(c->writable, NULL) != 0)
        put_off(c, RA_CONN_NO_MEMORY, "out of memory");
    else if (connect(c->fd, to, c->env->target->address_len) != 0 && errno != EINPROGRESS)
        put_off(c, RA_CONN_REFUSED, strerror(errno));
}

/* ---- the owner's calls ---- */

static void enter_busy(ra_conn *c, int state, uint64_t now)
{
    c->deadline = now + c->env->timeout;
    TAILQ_INSERT_TAIL(&c->env->busy, c, link);
    c->state = state;
}

void ra_conn_send(ra_conn *c, ra_bytes request, bool head, uint64_t now)
{
    bool open = c->state == IDLE;
    ra_response_begin(&c->response, head);
    enter_busy(c, open ? ASKED : CONNECTING, now);
    if (open)
        write_first(c, request);
    else if (keep_unsent(c, request.p, request.n))
        dial(c);
    else
        put_off(c, RA_CONN_NO_MEMORY, "out of memory");
}

void ra_conn_open(ra_conn *c)
{
    bool open = c->state == IDLE;
    enter_busy(c, OPENING, ra_conn_now());
    if (open)
        put_off(c, RA_CONN_OK, "");
    else
        dial(c);
}

bool ra_conn_init(ra_conn *c, ra_conn_env *e)
{
    *c = (ra_conn){.magic = MAGIC, .env = e, .fd = -1, .state = CLOSED};
    c->later = event_new(e->base, -1, 0, on_later, c);
    return c->later != NULL;
}

void ra_conn_close(ra_conn *c)
{
    leave_busy(c, CLOSED);
    drop_socket(c);
    if (c->later)
        event_free(c->later);
    c->later = NULL;
    c->magic = 0;
}

/* ---- deadlines ---- */

/* All have the same timeout, so the queue is in the order of the deadlines. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    ra_conn_env *e = arg;
    uint64_t now = ra_conn_now();
    ra_conn *c;
    (void)fd;
    (void)what;
    while ((c = TAILQ_FIRST(&e->busy)) && checked(c)->deadline <= now) {
        say(c, "the deadline has passed");
        finish(c, RA_CONN_TIMEOUT);
    }
}

bool ra_conn_env_start(ra_conn_env *e)
{
    const struct timeval tick = {.tv_usec = TICK_US};
    TAILQ_INIT(&e->busy);
    e->buffer = malloc(BUFFER);
    e->ticker = event_new(e->base, -1, EV_PERSIST, on_tick, e);
    return e->buffer && e->ticker && event_add(e->ticker, &tick) == 0;
}

void ra_conn_env_stop(ra_conn_env *e)
{
    if (e->ticker)
        event_free(e->ticker);
    e->ticker = NULL;
    free(e->buffer);
    e->buffer = NULL;
}
