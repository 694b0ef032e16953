/*
 * What the loop keeps watching between two requests on a connection, seen by the number of events that are
 * set. The server is a thread that does what the path says; nobody sleeps.
 */
#include "cache/curl_loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the server: one connection after the other ---- */

static int listener;
static uint16_t port;
static pthread_t thread;
static sem_t go_on;          /* what /later waits for after its reply */
static atomic_int accepted;  /* connections */
static atomic_bool stopping; /* the next connection is the last */

static bool read_head(int fd, char *head, size_t size)
{
    size_t n = 0;
    head[0] = '\0';
    while (!strstr(head, "\r\n\r\n")) {
        ssize_t r = n + 1 < size ? recv(fd, head + n, size - n - 1, 0) : -1;
        if (r <= 0)
            return false;
        n += (size_t)r;
        head[n] = '\0';
    }
    return true;
}

static void say(int fd, const char *z)
{
    ssize_t n = send(fd, z, strlen(z), MSG_NOSIGNAL);
    (void)n;
}

static void serve(int fd)
{
    char head[4096];
    while (read_head(fd, head, sizeof head)) {
        bool close_now = strstr(head, "GET /close ");
        say(fd, close_now ? "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
                          : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        if (close_now)
            return;
        if (strstr(head, "GET /later ")) {
            sem_wait(&go_on);
            return;
        }
    }
}

static void *run_server(void *arg)
{
    (void)arg;
    while (!atomic_load(&stopping)) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            break;
        atomic_fetch_add(&accepted, 1);
        serve(fd);
        close(fd);
    }
    return NULL;
}

/* ---- the client ---- */

static struct event_base *base;
static ra_curl_loop *loop;
static CURL *easy;
static bool done;
static CURLcode result;

static void progress(void *arg)
{
    (void)arg;
    int left;
    CURLMsg *m;
    while ((m = curl_multi_info_read(ra_curl_loop_multi(loop), &left))) {
        done = true;
        result = m->data.result;
    }
}

static size_t swallow(char *p, size_t size, size_t n, void *arg)
{
    (void)p;
    (void)arg;
    return size * n;
}

static int setup(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    atomic_store(&accepted, 0);
    atomic_store(&stopping, false);
    sem_init(&go_on, 0, 0);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(listener, 8), 0);
    getsockname(listener, (struct sockaddr *)&a, &n);
    port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&thread, NULL, run_server, NULL), 0);
    base = event_base_new();
    loop = ra_curl_loop_new(base, 4, progress, NULL);
    easy = curl_easy_init();
    assert_true(loop && easy);
    ra_curl_loop_use(loop, easy);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    curl_easy_cleanup(easy);
    ra_curl_loop_free(loop);
    assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
    event_base_free(base);
    atomic_store(&stopping, true);
    sem_post(&go_on);
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    sem_destroy(&go_on);
    return 0;
}

static void start(unsigned from, const char *path)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", from, path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    done = false;
    assert_int_equal(curl_multi_add_handle(ra_curl_loop_multi(loop), easy), CURLM_OK);
}

static void get_from(unsigned from, const char *path)
{
    start(from, path);
    while (!done)
        event_base_loop(base, EVLOOP_ONCE);
    curl_multi_remove_handle(ra_curl_loop_multi(loop), easy);
}

static void get(const char *path)
{
    get_from(port, path);
    assert_int_equal(result, CURLE_OK);
}

/* Sockets that are watched; curl's timer isn't counted. */
static int watched(void)
{
    return event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED);
}

static void test_a_connection_stays_watched(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        get("/");
        assert_int_equal(watched(), 1);
    }
    assert_int_equal(atomic_load(&accepted), 1);
}

/* The end of an idle connection is seen once, not again and again; the next request gets another one. */
static void test_closed_while_idle(void **state)
{
    (void)state;
    get("/later");
    assert_int_equal(watched(), 1);
    sem_post(&go_on);
    while (watched())
        event_base_loop(base, EVLOOP_ONCE);
    get("/");
    assert_int_equal(atomic_load(&accepted), 2);
    assert_int_equal(watched(), 1);
}

/* A descriptor that curl has closed means something else the next time. */
static void test_closed_by_curl(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        get("/close");
        assert_int_equal(watched(), 0);
    }
    get("/");
    assert_int_equal(watched(), 1);
    assert_int_equal(atomic_load(&accepted), 21);
}

/* What never becomes a connection is closed by curl alone; its descriptor comes again at once. */
static void test_refused(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* nobody listens there */
    assert_int_equal(bind(bound, (struct sockaddr *)&a, sizeof a), 0);
    getsockname(bound, (struct sockaddr *)&a, &n);
    for (int i = 0; i < 20; i++) {
        get_from(ntohs(a.sin_port), "/");
        assert_int_equal(result, CURLE_COULDNT_CONNECT);
        assert_int_equal(watched(), 0);
        get("/close");
    }
    close(bound);
}

static void test_given_up_while_connecting(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        start(port, "/close");
        event_base_loop(base, EVLOOP_ONCE); /* curl's timer: it begins to connect */
        curl_multi_remove_handle(ra_curl_loop_multi(loop), easy);
        get("/close");
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_connection_stays_watched),
        TEST(test_closed_while_idle),
        TEST(test_closed_by_curl),
        TEST(test_refused),
        TEST(test_given_up_while_connecting),
    };
    return cmocka_run_group_tests_name("curl_loop", tests, NULL, NULL);
}
