/*
 * The HTTP client against real sockets: a scripted server on threads of its own, one per connection. What the
 * server does is said by the path. Nothing waits by sleeping: the server wakes the client's loop through an
 * eventfd whenever something has happened there, and the test runs the loop until its condition holds.
 */
#include "cache/http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONG = 30000, SOON = 100, BIG = 4 << 20, MAX_CONNECTIONS = 64 };

/* ---- a name that takes as long to look up as the test likes, and one that isn't there ---- */

static sem_t slow_lookup;
static sem_t lookup_gone; /* a slow lookup has touched all that a test tears down for the last time */
static atomic_int lookups_begun, lookups_ended;
static void notify(void);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (strcmp(name, "slow.test") == 0) {
        atomic_fetch_add(&lookups_begun, 1);
        notify();
        sem_wait(&slow_lookup);
        atomic_fetch_add(&lookups_ended, 1);
        notify();
        sem_post(&lookup_gone);
        return EAI_NONAME;
    }
    if (strcmp(name, "nowhere.test") == 0)
        return EAI_NONAME;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof real);
    return real(name, service, hints, out);
}

/* ---- the server ---- */

typedef struct server {
    int listener;
    uint16_t port;
    pthread_t acceptor;
    pthread_t threads[MAX_CONNECTIONS];
    int fds[MAX_CONNECTIONS];
    atomic_int connections; /* ever accepted */
    atomic_int requests;    /* ever read to their end */
    atomic_int cut_bodies;
    atomic_int answered; /* of them, those that the server has done with */
    atomic_int open, most_open;
    sem_t gate; /* /gate waits for it before each reply */
    pthread_mutex_t lock;
    char last_head[8192]; /* of the newest request; read when the server is quiet */
} server;

static server srv;
static int wake_fd;

static void notify(void)
{
    uint64_t one = 1;
    ssize_t n = write(wake_fd, &one, sizeof one);
    (void)n;
}

static void send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
        if (w <= 0)
            return;
        p += w;
        n -= (size_t)w;
    }
}

static void send_z(int fd, const char *z)
{
    send_all(fd, z, strlen(z));
}

/* Reads one request; *body is malloc'd. false: the client is gone. */
static bool read_request(int fd, char *head, size_t size, char **body, size_t *len)
{
    size_t n = 0;
    head[0] = '\0';
    while (!strstr(head, "\r\n\r\n")) {
        ssize_t r = n + 1 < size ? recv(fd, head + n, 1, 0) : -1;
        if (r <= 0)
            return false;
        n += (size_t)r;
        head[n] = '\0';
    }
    if (strstr(head, " /cut-body ")) { /* closed with most of the body unread */
        atomic_fetch_add(&srv.cut_bodies, 1);
        return false;
    }
    const char *length = strstr(head, "Content-Length: ");
    *len = length ? strtoul(length + 16, NULL, 10) : 0;
    *body = malloc(*len + 1);
    for (size_t got = 0; got < *len;) {
        ssize_t r = recv(fd, *body + got, *len - got, 0);
        if (r <= 0) {
            free(*body);
            return false;
        }
        got += (size_t)r;
    }
    return true;
}

static void wait_for_close(int fd)
{
    char c;
    while (recv(fd, &c, 1, 0) > 0) {
    }
}

static void reply_with(int fd, const char *headers, const char *body, size_t n)
{
    char head[256];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n", n, headers);
    send_z(fd, head);
    send_all(fd, body, n);
}

static void reply_many_headers(int fd, int n)
{
    send_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    for (int i = 0; i < n; i++) {
        char line[64];
        snprintf(line, sizeof line, "X-Header-%d: %d\r\n", i, i);
        send_z(fd, line);
    }
    send_z(fd, "\r\n");
}

/* What the server does with one request. false: it closes the connection. */
static bool answer(int fd, const char *path, const char *body, size_t len)
{
    if (strcmp(path, "/echo") == 0) {
        reply_with(fd, "", body, len);
    } else if (strcmp(path, "/gate") == 0) {
        sem_wait(&srv.gate);
        reply_with(fd, "", body, len);
    } else if (strcmp(path, "/chunked") == 0) {
        send_z(fd,
               "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n"
               "X-Late:  2 \r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 3\r\n\r\n");
    } else if (strcmp(path, "/many") == 0) {
        reply_many_headers(fd, 200);
    } else if (strcmp(path, "/too-many") == 0) {
        reply_many_headers(fd, 600);
    } else if (strcmp(path, "/folded") == 0) {
        reply_with(fd, "X-A: 1\r\n folded\r\n", "", 0);
    } else if (strcmp(path, "/half") == 0) {
        send_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        wait_for_close(fd);
        return false;
    } else if (strcmp(path, "/cut") == 0) {
        send_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        return false;
    } else if (strcmp(path, "/silent") == 0) {
        wait_for_close(fd);
        return false;
    } else {
        return false; /* "/close": the request was read and gets no answer */
    }
    return true;
}

static void *serve(void *arg)
{
    int fd = *(int *)arg;
    char head[8192], path[256], *body;
    size_t len;
    bool go_on = true;
    while (go_on && read_request(fd, head, sizeof head, &body, &len)) {
        path[0] = '\0';
        sscanf(head, "%*s %255s", path);
        pthread_mutex_lock(&srv.lock);
        memcpy(srv.last_head, head, sizeof head);
        pthread_mutex_unlock(&srv.lock);
        atomic_fetch_add(&srv.requests, 1);
        notify();
        go_on = answer(fd, path, body, len);
        free(body);
        atomic_fetch_add(&srv.answered, 1);
        notify();
    }
    atomic_fetch_sub(&srv.open, 1);
    /* closes the socket but keeps its number, which teardown closes; what is unread makes it a reset */
    int null = open("/dev/null", O_RDONLY);
    dup2(null, fd);
    close(null);
    notify();
    return NULL;
}

static void *accept_all(void *arg)
{
    (void)arg;
    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        int fd = accept(srv.listener, NULL, NULL);
        if (fd < 0)
            break;
        int open = atomic_fetch_add(&srv.open, 1) + 1;
        if (open > atomic_load(&srv.most_open))
            atomic_store(&srv.most_open, open);
        int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        srv.fds[i] = fd;
        pthread_create(&srv.threads[i], NULL, serve, &srv.fds[i]);
        atomic_fetch_add(&srv.connections, 1);
    }
    return NULL;
}

static int listen_on_loopback(int backlog, uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

/* ---- the client's side ---- */

static struct event_base *base;
static struct event *wake_event;
static ra_http *http;

/* What a test keeps of one call. */
typedef struct outcome {
    ra_http_call *call;
    ra_http_reply *reply; /* a reference */
    int calls;            /* of the callback */
    void (*then)(void);
} outcome;

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    (void)arg;
    uint64_t n;
    ssize_t r = read((int)fd, &n, sizeof n);
    (void)r;
}

static void setup_client(const ra_http_options *o)
{
    http = ra_http_new(base, o);
    assert_non_null(http);
}

static int setup(void **state)
{
    (void)state;
    memset(&srv, 0, sizeof srv);
    sem_init(&srv.gate, 0, 0);
    pthread_mutex_init(&srv.lock, NULL);
    wake_fd = eventfd(0, EFD_NONBLOCK);
    base = event_base_new();
    wake_event = event_new(base, wake_fd, EV_READ | EV_PERSIST, on_wake, NULL);
    event_add(wake_event, NULL);
    srv.listener = listen_on_loopback(64, &srv.port);
    pthread_create(&srv.acceptor, NULL, accept_all, NULL);
    http = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ra_http_free(http);
    shutdown(srv.listener, SHUT_RDWR);
    pthread_join(srv.acceptor, NULL);
    for (int i = 0; i < atomic_load(&srv.connections); i++) {
        sem_post(&srv.gate);
        shutdown(srv.fds[i], SHUT_RDWR);
    }
    for (int i = 0; i < atomic_load(&srv.connections); i++) {
        pthread_join(srv.threads[i], NULL);
        close(srv.fds[i]);
    }
    close(srv.listener);
    sem_destroy(&srv.gate);
    pthread_mutex_destroy(&srv.lock);
    event_free(wake_event);
    event_base_free(base);
    close(wake_fd);
    return 0;
}

static void on_done(ra_http_call *call, ra_http_reply *reply, void *arg)
{
    outcome *o = arg;
    assert_ptr_equal(call, o->call);
    o->calls++;
    o->reply = ra_http_reply_ref(reply);
    if (o->then)
        o->then();
}

typedef struct how {
    const char *method;
    const char *scheme;
    const char *host; /* with the port; NULL: the server */
    ra_bytes body;
    bool once;
    int64_t deadline;
    size_t max_reply;
    const char *const *headers;
    size_t nheaders;
} how;

static void begin(outcome *o, const char *path, how w)
{
    char url[256];
    char host[64];
    snprintf(host, sizeof host, "127.0.0.1:%u", srv.port);
    snprintf(url, sizeof url, "%s://%s%s", w.scheme ? w.scheme : "http", w.host ? w.host : host, path);
    ra_http_request r = {.method = w.method ? w.method : "POST",
                         .url = url,
                         .headers = w.headers,
                         .nheaders = w.nheaders,
                         .body = w.body,
                         .once = w.once,
                         .deadline = w.deadline ? w.deadline : LONG,
                         .max_reply = w.max_reply ? w.max_reply : BIG};
    o->call = ra_http_send(http, &r, on_done, o);
    assert_non_null(o->call);
    assert_int_equal(o->calls, 0); /* never inside send */
}

#define RUN_UNTIL(condition)                                                                                 \
    do {                                                                                                     \
        while (!(condition))                                                                                 \
            event_base_loop(base, EVLOOP_ONCE);                                                              \
    } while (0)

static void drop(outcome *o)
{
    ra_http_reply_unref(o->reply);
    *o = (outcome){0};
}

/* One whole call; returns its result. */
static enum ra_http_result once_through(outcome *o, const char *path, how w)
{
    begin(o, path, w);
    RUN_UNTIL(o->calls);
    assert_int_equal(o->calls, 1);
    return o->reply->result;
}

static const ra_http_options eight = {.max_connections = 8, .verify_tls = true};
static const ra_http_options one = {.max_connections = 1, .verify_tls = true};

/* ---- tests ---- */

static void test_keep_alive(void **state)
{
    (void)state;
    setup_client(&eight);
    for (int i = 0; i < 20; i++) {
        outcome o = {0};
        assert_int_equal(once_through(&o, "/echo", (how){.body = RA_BYTES("hello"), .once = i % 2}),
                         RA_HTTP_OK);
        assert_int_equal(o.reply->status, 200);
        assert_int_equal(o.reply->len, 5);
        assert_memory_equal(o.reply->body, "hello", 5);
        drop(&o);
    }
    assert_int_equal(atomic_load(&srv.connections), 1);
    assert_int_equal(atomic_load(&srv.requests), 20);
    assert_int_equal(ra_http_in_flight(http), 0);
}

static void test_methods_and_headers(void **state)
{
    (void)state;
    setup_client(&eight);
    static const char *const given[] = {"X-Amz-Target: T", "Accept-Encoding: identity",
                                        "X-Empty:", "Content-Type: application/x-amz-json-1.0"};
    static const char *const methods[] = {"POST", "GET", "PUT", "DELETE", "HEAD", "POST"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        outcome o = {0};
        char first[64];
        bool bodied = methods[i][0] == 'P';
        snprintf(first, sizeof first, "%s /echo HTTP/1.1\r\n", methods[i]);
        how w = {.method = methods[i], .headers = given, .nheaders = 4, .body = RA_BYTES("b")};
        if (!bodied)
            w.body.n = 0;
        assert_int_equal(once_through(&o, "/echo", w), RA_HTTP_OK);
        assert_memory_equal(srv.last_head, first, strlen(first));
        assert_non_null(strstr(srv.last_head, "\r\nX-Amz-Target: T\r\n"));
        assert_non_null(strstr(srv.last_head, "\r\nX-Empty:\r\n"));
        assert_int_equal(strstr(srv.last_head, "Content-Length: 1\r\n") != NULL, bodied);
        assert_null(strstr(srv.last_head, "Expect"));
        assert_null(strstr(srv.last_head, "\r\nAccept:"));
        assert_null(strstr(srv.last_head, "User-Agent"));
        assert_int_equal(o.reply->len, bodied ? 1 : 0);
        drop(&o);
    }
}

static void test_no_header_of_curls_own(void **state)
{
    (void)state;
    setup_client(&eight);
    outcome o = {0};
    assert_int_equal(once_through(&o, "/echo", (how){.body = RA_BYTES("x")}), RA_HTTP_OK);
    char expected[256];
    snprintf(expected, sizeof expected,
             "POST /echo HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Length: 1\r\n\r\n", srv.port);
    assert_string_equal(srv.last_head, expected);
    drop(&o);
}

static void test_header_with_line_break_is_refused(void **state)
{
    (void)state;
    setup_client(&eight);
    static const char *const bad[] = {"X-A: 1\r\nX-B: 2"};
    outcome o = {0};
    assert_int_equal(once_through(&o, "/echo", (how){.headers = bad, .nheaders = 1}), RA_HTTP_NOT_SENT);
    assert_int_equal(atomic_load(&srv.connections), 0);
    drop(&o);
}

static void test_chunked_with_interim_reply_and_trailer(void **state)
{
    (void)state;
    setup_client(&eight);
    outcome o = {0};
    assert_int_equal(once_through(&o, "/chunked", (how){0}), RA_HTTP_OK);
    assert_int_equal(o.reply->status, 400);
    assert_int_equal(o.reply->len, 5);
    assert_memory_equal(o.reply->body, "abcde", 5);
    assert_string_equal(ra_http_reply_header(o.reply, "x-late"), "2");
    assert_null(ra_http_reply_header(o.reply, "x-early"));
    assert_null(ra_http_reply_header(o.reply, "x-trailer"));
    drop(&o);
}

static void test_many_headers(void **state)
{
    (void)state;
    setup_client(&eight);
    outcome o = {0};
    assert_int_equal(once_through(&o, "/many", (how){0}), RA_HTTP_OK);
    assert_int_equal(o.reply->nheaders, 201);
    assert_string_equal(ra_http_reply_header(o.reply, "x-header-199"), "199");
    drop(&o);
    assert_int_equal(once_through(&o, "/too-many", (how){0}), RA_HTTP_TOO_LARGE);
    assert_int_equal(o.reply->nheaders, 0);
    drop(&o);
    assert_int_equal(once_through(&o, "/folded", (how){0}), RA_HTTP_CUT);
    drop(&o);
}

static void test_big_bodies(void **state)
{
    (void)state;
    setup_client(&eight);
    char *big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * 2654435761u >> 13);
    for (int once = 0; once < 2; once++) {
        outcome o = {0};
        assert_int_equal(once_through(&o, "/echo", (how){.body = {big, BIG}, .once = once}), RA_HTTP_OK);
        assert_int_equal(o.reply->len, BIG);
        assert_memory_equal(o.reply->body, big, BIG);
        assert_null(strstr(srv.last_head, "Expect"));
        drop(&o);
    }
    free(big);
}

static void test_reply_over_the_cap(void **state)
{
    (void)state;
    setup_client(&eight);
    outcome o = {0};
    assert_int_equal(once_through(&o, "/echo", (how){.body = RA_BYTES("12345"), .max_reply = 5}), RA_HTTP_OK);
    drop(&o);
    assert_int_equal(once_through(&o, "/echo", (how){.body = RA_BYTES("123456"), .max_reply = 5}),
                     RA_HTTP_TOO_LARGE);
    assert_null(o.reply->body);
    assert_int_equal(o.reply->len, 0);
    drop(&o);
}

/* The server reads a request on a connection that was used before, and closes instead of answering. */
static void close_on_arrival(bool send_once, ra_bytes body, int *arrivals, enum ra_http_result *result)
{
    setup_client(&eight);
    outcome o = {0};
    assert_int_equal(once_through(&o, "/echo", (how){0}), RA_HTTP_OK);
    drop(&o);
    int before = atomic_load(&srv.requests);
    *result = once_through(&o, "/close", (how){.body = body, .once = send_once});
    assert_true(o.reply->error[0]);
    drop(&o);
    *arrivals = atomic_load(&srv.requests) - before;
    ra_http_free(http);
    http = NULL;
}

static void test_once_arrives_once(void **state)
{
    (void)state;
    int arrivals;
    enum ra_http_result result;
    close_on_arrival(true, RA_BYTES("write"), &arrivals, &result);
    assert_int_equal(arrivals, 1);
    assert_int_equal(result, RA_HTTP_CUT);
    close_on_arrival(true, (ra_bytes){NULL, 0}, &arrivals, &result); /* nothing to rewind, all the same */
    assert_int_equal(arrivals, 1);
    assert_int_equal(result, RA_HTTP_CUT);
    /* the control: without `once` curl sends it again, so the guard above has been tested */
    close_on_arrival(false, RA_BYTES("read"), &arrivals, &result);
    assert_true(arrivals > 1);
    assert_int_equal(result, RA_HTTP_CUT);
}

/* 4 MB don't fit into the sockets' buffers, so this is cut while it is being written. */
static void test_big_once_cut_in_mid_body(void **state)
{
    (void)state;
    char *big = calloc(1, BIG);
    for (int reused = 0; reused < 2; reused++) {
        setup_client(&eight);
        outcome o = {0};
        if (reused) {
            assert_int_equal(once_through(&o, "/echo", (how){0}), RA_HTTP_OK);
            drop(&o);
        }
        assert_int_equal(once_through(&o, "/cut-body", (how){.body = {big, BIG}, .once = true}), RA_HTTP_CUT);
        assert_int_equal(atomic_load(&srv.cut_bodies), reused + 1);
        drop(&o);
        ra_http_free(http);
        http = NULL;
    }
    free(big);
}

static void test_cut_in_mid_reply(void **state)
{
    (void)state;
    setup_client(&eight);
    outcome o = {0};
    assert_int_equal(once_through(&o, "/cut", (how){.once = true}), RA_HTTP_CUT);
    assert_null(o.reply->body);
    drop(&o);
}

static void test_not_sent(void **state)
{
    (void)state;
    setup_client(&eight);
    outcome o = {0};
    uint16_t port;
    close(listen_on_loopback(1, &port));
    char host[64];
    snprintf(host, sizeof host, "127.0.0.1:%u", port);
    assert_int_equal(once_through(&o, "/echo", (how){.host = host, .once = true}), RA_HTTP_NOT_SENT);
    assert_true(o.reply->error[0]);
    drop(&o);
    assert_int_equal(once_through(&o, "/echo", (how){.host = "nowhere.test"}), RA_HTTP_NOT_SENT);
    drop(&o);
    assert_int_equal(once_through(&o, "/echo", (how){.scheme = "ftp"}), RA_HTTP_NOT_SENT);
    drop(&o);
    assert_int_equal(once_through(&o, "/echo", (how){.host = "u:p@127.0.0.1:1"}), RA_HTTP_NOT_SENT);
    drop(&o);
}

/* A server that speaks no TLS: the handshake fails or hangs, and no request can have been seen. */
static void test_tls_not_made(void **state)
{
    (void)state;
    setup_client(&eight);
    outcome o = {0};
    uint16_t port;
    char host[64];
    int mute = listen_on_loopback(8, &port);
    snprintf(host, sizeof host, "127.0.0.1:%u", port);
    assert_int_equal(once_through(&o, "/echo", (how){.scheme = "https", .host = host, .deadline = SOON}),
                     RA_HTTP_NOT_SENT);
    drop(&o);
    begin(&o, "/echo", (how){.scheme = "https", .host = host});
    int first = accept(mute, NULL, NULL), fd;
    /* the first connection was the one of the call above, closed by now */
    for (fd = -1; fd < 0;) {
        event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        fd = accept4(mute, NULL, NULL, 0);
    }
    send_z(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
    RUN_UNTIL(o.calls);
    assert_int_equal(o.reply->result, RA_HTTP_NOT_SENT);
    drop(&o);
    close(first);
    close(fd);
    close(mute);
}

/* A full backlog: connecting goes nowhere. */
static void test_deadline_while_connecting(void **state)
{
    (void)state;
    setup_client(&eight);
    uint16_t port;
    int listener = listen_on_loopback(0, &port);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fill[4];
    for (int i = 0; i < 4; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        int ignored = connect(fill[i], (struct sockaddr *)&a, sizeof a);
        (void)ignored;
    }
    char host[64];
    snprintf(host, sizeof host, "127.0.0.1:%u", port);
    outcome o = {0};
    assert_int_equal(once_through(&o, "/", (how){.host = host, .deadline = SOON, .once = true}),
                     RA_HTTP_NOT_SENT);
    drop(&o);
    for (int i = 0; i < 4; i++)
        close(fill[i]);
    close(listener);
}

/* A name server that hangs must not stop the loop, neither at the deadline nor at cancel nor at the end. */
static void test_slow_name(void **state)
{
    (void)state;
    setup_client(&eight);
    sem_init(&slow_lookup, 0, 0);
    sem_init(&lookup_gone, 0, 0);
    atomic_store(&lookups_begun, 0);
    atomic_store(&lookups_ended, 0);
    outcome o = {0}, cancelled = {0}, left = {0};
    assert_int_equal(once_through(&o, "/", (how){.host = "slow.test", .deadline = SOON}), RA_HTTP_NOT_SENT);
    assert_int_equal(atomic_load(&lookups_ended), 0);
    drop(&o);
    begin(&cancelled, "/", (how){.host = "slow.test"});
    RUN_UNTIL(atomic_load(&lookups_begun) == 2);
    ra_http_cancel(cancelled.call);
    begin(&left, "/", (how){.host = "slow.test"});
    RUN_UNTIL(atomic_load(&lookups_begun) == 3);
    ra_http_free(http);
    http = NULL;
    assert_int_equal(atomic_load(&lookups_ended), 0);
    for (int i = 0; i < 3; i++)
        sem_post(&slow_lookup);
    RUN_UNTIL(atomic_load(&lookups_ended) == 3);
    for (int i = 0; i < 3; i++)
        sem_wait(&lookup_gone);
    assert_int_equal(cancelled.calls + left.calls, 0);
}

static void test_deadline_while_queued(void **state)
{
    (void)state;
    setup_client(&one);
    outcome holder = {0}, queued = {0}, after = {0};
    begin(&holder, "/gate", (how){0});
    begin(&queued, "/echo", (how){.deadline = SOON, .once = true});
    begin(&after, "/echo", (how){.body = RA_BYTES("after")});
    assert_int_equal(ra_http_in_flight(http), 3);
    RUN_UNTIL(queued.calls);
    assert_int_equal(queued.reply->result, RA_HTTP_NOT_SENT);
    assert_int_equal(holder.calls + after.calls, 0);
    sem_post(&srv.gate);
    RUN_UNTIL(holder.calls && after.calls);
    assert_int_equal(holder.reply->result, RA_HTTP_OK);
    assert_int_equal(after.reply->result, RA_HTTP_OK);
    assert_int_equal(atomic_load(&srv.requests), 2);
    assert_int_equal(atomic_load(&srv.connections), 1);
    drop(&holder);
    drop(&queued);
    drop(&after);
}

static void test_deadline_in_mid_reply(void **state)
{
    (void)state;
    setup_client(&eight);
    static const char *const paths[] = {"/silent", "/half"};
    for (int i = 0; i < 2; i++) {
        outcome o = {0};
        assert_int_equal(once_through(&o, paths[i], (how){.deadline = SOON}), RA_HTTP_TIMEOUT);
        assert_null(o.reply->body);
        assert_int_equal(o.reply->status, 0);
        drop(&o);
    }
    RUN_UNTIL(atomic_load(&srv.open) == 0); /* and the connections were closed, not reused */
}

static void test_cancel_at_each_stage(void **state)
{
    (void)state;
    setup_client(&one);
    outcome holder = {0}, queued = {0}, fresh = {0}, last = {0};
    begin(&holder, "/silent", (how){0});
    begin(&queued, "/echo", (how){0});
    ra_http_cancel(queued.call); /* queued */
    RUN_UNTIL(atomic_load(&srv.requests) == 1);
    ra_http_cancel(holder.call); /* the request has been sent */
    begin(&fresh, "/echo", (how){0});
    ra_http_cancel(fresh.call); /* given to curl, which hasn't run */
    begin(&fresh, "/half", (how){0});
    RUN_UNTIL(atomic_load(&srv.requests) == 2);
    ra_http_cancel(fresh.call); /* in mid-reply, or before it */
    assert_int_equal(ra_http_in_flight(http), 0);
    assert_int_equal(once_through(&last, "/echo", (how){0}), RA_HTTP_OK);
    assert_int_equal(holder.calls + queued.calls + fresh.calls, 0);
    drop(&last);
}

static outcome victims[8];

static void cancel_the_others(void)
{
    for (int i = 0; i < 8; i++) {
        if (!victims[i].calls)
            ra_http_cancel(victims[i].call);
    }
}

/* All eight replies come at once; whichever is first cancels the rest, which curl may have finished too. */
static void test_cancel_inside_a_callback(void **state)
{
    (void)state;
    setup_client(&eight);
    for (int round = 0; round < 20; round++) {
        memset(victims, 0, sizeof victims);
        for (int i = 0; i < 8; i++) {
            victims[i].then = cancel_the_others;
            begin(&victims[i], "/gate", (how){0});
        }
        int all = atomic_load(&srv.requests) + 8;
        RUN_UNTIL(atomic_load(&srv.requests) == all);
        for (int i = 0; i < 8; i++)
            sem_post(&srv.gate);
        RUN_UNTIL(ra_http_in_flight(http) == 0 && atomic_load(&srv.answered) == all);
        int called = 0;
        for (int i = 0; i < 8; i++) {
            called += victims[i].calls;
            drop(&victims[i]);
        }
        assert_int_equal(called, 1);
        if (atomic_load(&srv.connections) > MAX_CONNECTIONS - 16)
            break;
    }
}

static void free_the_client(void)
{
    ra_http_free(http);
    http = NULL;
}

static void test_free_inside_a_callback(void **state)
{
    (void)state;
    setup_client(&eight);
    outcome o[4] = {{0}};
    for (int i = 0; i < 4; i++) {
        o[i].then = free_the_client;
        begin(&o[i], "/gate", (how){0});
    }
    RUN_UNTIL(atomic_load(&srv.requests) == 4);
    for (int i = 0; i < 4; i++)
        sem_post(&srv.gate);
    RUN_UNTIL(!http);
    int called = 0;
    for (int i = 0; i < 4; i++) {
        called += o[i].calls;
        drop(&o[i]);
    }
    assert_int_equal(called, 1);
    setup_client(&eight); /* the same by a deadline's callback */
    outcome late = {.then = free_the_client};
    begin(&late, "/silent", (how){.deadline = SOON});
    RUN_UNTIL(!http);
    assert_int_equal(late.reply->result, RA_HTTP_TIMEOUT);
    drop(&late);
}

static void test_free_with_calls_under_way(void **state)
{
    (void)state;
    setup_client(&one);
    outcome o[3] = {{0}};
    begin(&o[0], "/half", (how){0});
    begin(&o[1], "/echo", (how){0});
    static const char *const bad[] = {"no colon"};
    begin(&o[2], "/echo", (how){.headers = bad, .nheaders = 1});
    free_the_client();
    setup_client(&one);
    begin(&o[0], "/half", (how){0});
    begin(&o[1], "/echo", (how){0});
    RUN_UNTIL(atomic_load(&srv.requests) == 1);
    free_the_client();
    assert_int_equal(o[0].calls + o[1].calls + o[2].calls, 0);
}

static void test_five_hundred_over_eight_connections(void **state)
{
    (void)state;
    setup_client(&eight);
    static outcome o[500];
    memset(o, 0, sizeof o);
    char bodies[500][16];
    for (int i = 0; i < 500; i++) {
        int n = snprintf(bodies[i], sizeof bodies[i], "call %d", i);
        begin(&o[i], "/echo", (how){.body = {bodies[i], (size_t)n}, .once = i % 2});
    }
    assert_int_equal(ra_http_in_flight(http), 500);
    RUN_UNTIL(ra_http_in_flight(http) == 0);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(o[i].calls, 1);
        assert_int_equal(o[i].reply->result, RA_HTTP_OK);
        assert_int_equal(o[i].reply->len, strlen(bodies[i]));
        assert_memory_equal(o[i].reply->body, bodies[i], o[i].reply->len);
        drop(&o[i]);
    }
    assert_int_equal(atomic_load(&srv.requests), 500);
    assert_true(atomic_load(&srv.connections) <= 8);
    assert_true(atomic_load(&srv.most_open) <= 8);
}

static void test_no_proxy_from_the_environment(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setup_client(&eight);
    outcome o = {0};
    assert_int_equal(once_through(&o, "/echo", (how){0}), RA_HTTP_OK);
    unsetenv("http_proxy");
    drop(&o);
}

int main(void)
{
    alarm(120); /* a hang is a failure */
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_keep_alive),
        TEST(test_methods_and_headers),
        TEST(test_no_header_of_curls_own),
        TEST(test_header_with_line_break_is_refused),
        TEST(test_chunked_with_interim_reply_and_trailer),
        TEST(test_many_headers),
        TEST(test_big_bodies),
        TEST(test_reply_over_the_cap),
        TEST(test_once_arrives_once),
        TEST(test_big_once_cut_in_mid_body),
        TEST(test_cut_in_mid_reply),
        TEST(test_not_sent),
        TEST(test_tls_not_made),
        TEST(test_deadline_while_connecting),
        TEST(test_slow_name),
        TEST(test_deadline_while_queued),
        TEST(test_deadline_in_mid_reply),
        TEST(test_cancel_at_each_stage),
        TEST(test_cancel_inside_a_callback),
        TEST(test_free_inside_a_callback),
        TEST(test_free_with_calls_under_way),
        TEST(test_five_hundred_over_eight_connections),
        TEST(test_no_proxy_from_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
