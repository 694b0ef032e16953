#include "cache/curl_loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOP_MAGIC   0x6c6f6f70u
#define SOCKET_MAGIC 0x736f636bu

struct ra_curl_loop {
    uint32_t magic;
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    void (*progress)(void *arg);
    void *arg;
    struct watched_socket **connections; /* by descriptor: what was watched of those that are open */
    size_t nconnections;
};

/*
 * What curl_multi_assign ties to a socket, from curl's first interest in it to CURL_POLL_REMOVE. That comes
 * after each reply; for a connection that stays open the event stays set, so that the next request on it
 * needs no call of the kernel for that. What arrives when nobody is interested takes the event away. Those
 * sockets are known by their descriptors until curl closes them, which it does through close_socket: a
 * descriptor that means something else by then must not be taken for what it was.
 */
typedef struct watched_socket {
    uint32_t magic;
    ra_curl_loop *loop;
    struct event *event;
    int events;  /* that it is set for */
    bool wanted; /* by curl, now */
} watched_socket;

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_init_result;

static void init_curl(void)
{
    curl_init_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static ra_curl_loop *checked_loop(void *p)
{
    ra_curl_loop *l = p;
    if (!l || l->magic != LOOP_MAGIC) {
        fputs("curl_loop: a callback got something that isn't a loop\n", stderr);
        abort();
    }
    return l;
}

static watched_socket *checked_socket(void *p)
{
    watched_socket *w = p;
    if (!w || w->magic != SOCKET_MAGIC) {
        fputs("curl_loop: a callback got something that isn't a socket\n", stderr);
        abort();
    }
    return w;
}

/* `progress` may free the loop, so it comes last. */
static void act(ra_curl_loop *l, curl_socket_t fd, int what)
{
    int running;
    curl_multi_socket_action(l->multi, fd, what, &running);
    l->progress(l->arg);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    watched_socket *w = checked_socket(arg);
    int bits = ((what & EV_READ) ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0);
    if (w->wanted) {
        act(w->loop, fd, bits);
        return;
    }
    /* The peer has closed an idle connection, or speaks unasked; curl finds out when it wants to reuse it. */
    event_del(w->event);
    w->events = 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    act(checked_loop(arg), CURL_SOCKET_TIMEOUT, 0);
}

static void forget_socket(watched_socket *w)
{
    if (!w)
        return;
    if (w->event)
        event_free(w->event);
    w->magic = 0;
    free(w);
}

static watched_socket *watched_new(ra_curl_loop *l, curl_socket_t fd)
{
    watched_socket *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    *w = (watched_socket){.magic = SOCKET_MAGIC, .loop = l};
    w->event = event_new(l->base, fd, 0, on_socket, w);
    if (w->event)
        return w;
    free(w);
    return NULL;
}

/* ---- connections, from open_socket to close_socket ---- */

static bool is_connection(const ra_curl_loop *l, curl_socket_t fd)
{
    return fd >= 0 && (size_t)fd < l->nconnections && l->connections[fd];
}

/*
 * Without memory it is watched all the same, but anew for each request. A socket that never became a
 * connection curl closes without a word: what was known of its descriptor, which curl may still have tied to
 * it, becomes the new one's.
 */
static void remember(ra_curl_loop *l, curl_socket_t fd)
{
    if (is_connection(l, fd)) {
        watched_socket *w = l->connections[fd];
        event_del(w->event);
        w->events = 0;
        w->wanted = false;
        return;
    }
    if ((size_t)fd >= l->nconnections) {
        size_t n = (size_t)fd + 64;
        watched_socket **v = realloc(l->connections, n * sizeof *v); /* of pointers. NOLINT */
        if (!v)
            return;
        memset(v + l->nconnections, 0, (n - l->nconnections) * sizeof *v); /* NOLINT */
        l->connections = v;
        l->nconnections = n;
    }
    l->connections[fd] = watched_new(l, fd);
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    ra_curl_loop *l = checked_loop(arg);
    int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    if (fd >= 0 && purpose == CURLSOCKTYPE_IPCXN)
        remember(l, fd);
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
    ra_curl_loop *l = checked_loop(arg);
    if (is_connection(l, fd)) {
        forget_socket(l->connections[fd]);
        l->connections[fd] = NULL;
    }
    return close(fd);
}

void ra_curl_loop_use(ra_curl_loop *l, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, l);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, l);
}

/* ---- what curl is interested in ---- */

static void stop_watching(ra_curl_loop *l, curl_socket_t fd, watched_socket *w)
{
    curl_multi_assign(l->multi, fd, NULL);
    if (!w)
        return;
    if (!is_connection(l, fd) || l->connections[fd] != w) {
        forget_socket(w);
        return;
    }
    w->wanted = false;
    if (w->events == (EV_PERSIST | EV_READ))
        return;
    event_del(w->event); /* else it would be writable for ever */
    w->events = 0;
}

static watched_socket *start_watching(ra_curl_loop *l, curl_socket_t fd)
{
    bool known = is_connection(l, fd);
    watched_socket *w = known ? l->connections[fd] : watched_new(l, fd);
    if (!w)
        return NULL;
    if (curl_multi_assign(l->multi, fd, w) == CURLM_OK)
        return w;
    if (!known)
        forget_socket(w);
    return NULL;
}

/*
 * CURLMOPT_SOCKETFUNCTION. Without memory to watch a socket its transfer stands still until its deadline ends
 * it; the other answer that curl knows, -1, would fail every transfer of the multi handle.
 */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *tied)
{
    (void)easy;
    ra_curl_loop *l = checked_loop(arg);
    watched_socket *w = tied ? checked_socket(tied) : NULL;
    if (what == CURL_POLL_REMOVE) {
        stop_watching(l, fd, w);
        return 0;
    }
    if (!w && !(w = start_watching(l, fd)))
        return 0;
    int events = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
    w->wanted = true;
    if (w->events == events)
        return 0;
    event_del(w->event);
    w->events = 0;
    if (event_assign(w->event, l->base, fd, (short)events, on_socket, w) == 0 &&
        event_add(w->event, NULL) == 0)
        w->events = events;
    return 0;
}

/* CURLMOPT_TIMERFUNCTION; -1 ms means no timer. */
static int set_timer(CURLM *multi, long ms, void *arg)
{
    (void)multi;
    ra_curl_loop *l = checked_loop(arg);
    if (ms < 0)
        return event_del(l->timer);
    struct timeval t = {ms / 1000, (ms % 1000) * 1000};
    return event_add(l->timer, &t);
}

ra_curl_loop *ra_curl_loop_new(struct event_base *base, long max_connections, void (*progress)(void *arg),
                               void *arg)
{
    pthread_once(&curl_once, init_curl);
    ra_curl_loop *l = curl_init_result == CURLE_OK ? calloc(1, sizeof *l) : NULL;
    if (!l)
        return NULL;
    *l = (ra_curl_loop){.magic = LOOP_MAGIC, .base = base, .progress = progress, .arg = arg};
    l->timer = evtimer_new(base, on_timer, l);
    l->multi = curl_multi_init();
    if (!l->timer || !l->multi) {
        ra_curl_loop_free(l);
        return NULL;
    }
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
    curl_multi_setopt(l->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, max_connections);
    curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, max_connections);
    return l;
}

void ra_curl_loop_free(ra_curl_loop *l)
{
    if (!l)
        return;
    /* before the timer goes: closing connections may still call both callbacks */
    if (l->multi)
        curl_multi_cleanup(l->multi);
    if (l->timer)
        event_free(l->timer);
    for (size_t fd = 0; fd < l->nconnections; fd++)
        forget_socket(l->connections[fd]);
    free(l->connections);
    l->magic = 0;
    free(l);
}

CURLM *ra_curl_loop_multi(ra_curl_loop *l)
{
    return l->multi;
}
