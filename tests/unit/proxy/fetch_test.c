/* Against a server that answers one connection with the bytes that it is given. */
#include "proxy/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 16384 };

typedef struct server {
    int fd;
    unsigned port;
    pthread_t thread;
    const char *reply; /* NULL: none, the connection stays open until the client leaves */
    size_t filler;     /* bytes of 'x' behind it */
    char request[REQUEST_MAX];
    char url[64];
} server;

/* Until `mark` stands in what has come. */
static void read_until(server *s, int fd, size_t *n, const char *mark)
{
    while (!strstr(s->request, mark)) {
        ssize_t got = read(fd, s->request + *n, sizeof s->request - 1 - *n);
        if (got <= 0)
            return;
        *n += (size_t)got;
    }
}

static void serve_one(server *s, int fd)
{
    char x[4096], rest[256];
    size_t n = 0;
    memset(x, 'x', sizeof x);
    read_until(s, fd, &n, "\r\n\r\n");
    if (strstr(s->request, "Content-Length: 4"))
        read_until(s, fd, &n, "\r\n\r\nbody");
    if (s->reply && send(fd, s->reply, strlen(s->reply), MSG_NOSIGNAL) < 0)
        return;
    for (size_t left = s->filler; left;) {
        ssize_t sent = send(fd, x, left < sizeof x ? left : sizeof x, MSG_NOSIGNAL);
        if (sent < 0)
            return;
        left -= (size_t)sent;
    }
    shutdown(fd, s->reply ? SHUT_WR : SHUT_RD);
    while (read(fd, rest, sizeof rest) > 0)
        continue;
    for (char c; !s->reply && recv(fd, &c, 1, MSG_PEEK) > 0;)
        continue;
}

static void *serve(void *arg)
{
    server *s = arg;
    int fd = accept(s->fd, NULL, NULL);
    if (fd < 0)
        return NULL;
    serve_one(s, fd);
    close(fd);
    return NULL;
}

static server *server_of(const char *reply, size_t filler)
{
    server *s = calloc(1, sizeof *s);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(s->fd, 1), 0);
    getsockname(s->fd, (struct sockaddr *)&a, &n);
    s->port = ntohs(a.sin_port);
    s->reply = reply;
    s->filler = filler;
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u/x", s->port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    return s;
}

static void server_free(server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    close(s->fd);
    pthread_join(s->thread, NULL);
    free(s);
}

static ra_fetch_request request_of(const char *url)
{
    return (ra_fetch_request){
        .url = url, .connect_timeout = 10000, .timeout = 30000, .max_reply = 1000, .no_proxy = true};
}

/* What a reply is taken for; the request's text stays in `sent`. */
static int outcome(const char *reply, size_t filler, char why[RA_FETCH_WHY_MAX], char *text, size_t size)
{
    server *s = server_of(reply, filler);
    ra_fetch_request r = request_of(s->url);
    ra_buf body;
    ra_buf_init(&body, 2000);
    ra_buf_add_z(&body, "before:");
    *why = '\0';
    int status = ra_fetch(&r, &body, why);
    snprintf(text, size, "%.*s", (int)body.n, body.p);
    ra_buf_free(&body);
    server_free(s);
    return status;
}

static void test_a_reply(void **state)
{
    char why[RA_FETCH_WHY_MAX], text[100];
    (void)state;
    assert_int_equal(outcome("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 0, why, text, 100), 200);
    assert_string_equal(text, "before:hello");
    assert_int_equal(outcome("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno", 0, why, text, 100), 404);
    assert_string_equal(text, "before:no");
    assert_int_equal(outcome("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 0, why, text, 100), 503);
    assert_string_equal(text, "before:");
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *reply, *why;
        size_t filler;
    } bad[] = {
        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/hush\r\nContent-Length: 4\r\n\r\nhush",
         "redirects", 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "larger than allowed", 1001},
        {"HTTP/1.1 200 OK\r\n\r\n", "larger than allowed", 1 << 20},
        {"HTTP/1.1 200 OK\r\nX: ", "within its headers", 500},
        {"HTTP/1.1 200 OK\r\nX: ", "", 200000},
        {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhush", "", 0},
        {"hush hush\r\n\r\n", "", 0},
        {"", "", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char why[RA_FETCH_WHY_MAX], text[100];
        assert_int_equal(outcome(bad[i].reply, bad[i].filler, why, text, sizeof text), 0);
        assert_string_equal(text, "before:"); /* nothing of it is kept, */
        assert_true(*why != '\0');
        assert_non_null(strstr(why, bad[i].why));
        assert_null(strstr(why, "hush")); /* or told */
    }
}

static void test_many_small_headers_are_too_much(void **state)
{
    char why[RA_FETCH_WHY_MAX], text[100];
    static char reply[100000];
    (void)state;
    size_t n = (size_t)snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\n");
    while (n < 70000)
        n += (size_t)snprintf(reply + n, sizeof reply - n, "X-A: 0123456789\r\n");
    snprintf(reply + n, sizeof reply - n, "Content-Length: 0\r\n\r\n");
    assert_int_equal(outcome(reply, 0, why, text, sizeof text), 0);
    assert_non_null(strstr(why, "headers are too large"));
}

static void test_as_much_as_is_allowed(void **state)
{
    char why[RA_FETCH_WHY_MAX], text[100];
    (void)state;
    assert_int_equal(outcome("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 1000, why, text, 100), 200);
}

static void assert_sent(const server *s, const char *text)
{
    if (!strstr(s->request, text))
        fail_msg("no \"%s\" in\n%s", text, s->request);
}

static void test_what_is_sent(void **state)
{
    static const char *const headers[] = {"X-One: 1", "Content-Type: text/plain"};
    char why[RA_FETCH_WHY_MAX];
    (void)state;
    server *s = server_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0);
    ra_fetch_request r = request_of(s->url);
    r.method = "POST";
    r.headers = headers;
    r.nheaders = 2;
    r.body = RA_BYTES("body");
    ra_buf body;
    ra_buf_init(&body, 1000);
    assert_int_equal(ra_fetch(&r, &body, why), 200);
    assert_sent(s, "POST /x HTTP/1.1\r\n");
    assert_sent(s, "X-One: 1\r\n");
    assert_sent(s, "Content-Type: text/plain\r\n");
    assert_sent(s, "Content-Length: 4\r\n");
    assert_sent(s, "\r\n\r\nbody");
    server_free(s);
    s = server_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0);
    r = request_of(s->url);
    r.method = "PUT";
    assert_int_equal(ra_fetch(&r, &body, why), 200);
    assert_sent(s, "PUT /x HTTP/1.1\r\n");
    assert_sent(s, "Content-Length: 0\r\n");
    assert_null(strstr(s->request, "Content-Type"));
    assert_null(strstr(s->request, "Expect"));
    server_free(s);
    ra_buf_free(&body);
}

/* None of these may reach a server. */
static void test_what_is_not_sent(void **state)
{
    static const char *const headers[] = {
        "X: a\r\nY: b", "X: a\nb", "X:", "X: ", "no colon", ": b", "X: a\x7f"};
    static const char *const urls[] = {"file:///etc/passwd",
                                       "ftp://127.0.0.1/",
                                       "gopher://127.0.0.1/",
                                       "http://user:hush@127.0.0.1/",
                                       "",
                                       "http://"};
    char why[RA_FETCH_WHY_MAX];
    (void)state;
    ra_buf body;
    ra_buf_init(&body, 1000);
    ra_fetch_request r = request_of("http://127.0.0.1:1/");
    r.nheaders = 1;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        r.headers = &headers[i];
        assert_int_equal(ra_fetch(&r, &body, why), 0);
        assert_non_null(strstr(why, "header"));
    }
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        r = request_of(urls[i]);
        *why = '\0';
        assert_int_equal(ra_fetch(&r, &body, why), 0);
        assert_true(*why != '\0');
        assert_null(strstr(why, "hush"));
        assert_int_equal(body.n, 0);
    }
    ra_buf_free(&body);
}

static void test_nobody_there(void **state)
{
    char why[RA_FETCH_WHY_MAX];
    (void)state;
    ra_buf body;
    ra_buf_init(&body, 1000);
    ra_fetch_request r = request_of("http://127.0.0.1:1/");
    assert_int_equal(ra_fetch(&r, &body, why), 0);
    assert_non_null(strstr(why, "127.0.0.1"));
    r.ca_file = "/nonexistent/ca.pem";
    r.url = "https://127.0.0.1:1/";
    assert_int_equal(ra_fetch(&r, &body, why), 0);
    ra_buf_free(&body);
}

/* The server takes the request and says nothing. */
static void test_silence_ends(void **state)
{
    char why[RA_FETCH_WHY_MAX];
    (void)state;
    server *s = server_of(NULL, 0);
    ra_fetch_request r = request_of(s->url);
    r.timeout = 50;
    ra_buf body;
    ra_buf_init(&body, 1000);
    assert_int_equal(ra_fetch(&r, &body, why), 0);
    assert_true(*why != '\0');
    ra_buf_free(&body);
    server_free(s);
}

static bool at_once(void *arg)
{
    ++*(unsigned *)arg;
    return true;
}

/* Without a time limit: only the question ends it. */
static void test_stopped(void **state)
{
    char why[RA_FETCH_WHY_MAX];
    unsigned asked = 0;
    (void)state;
    server *s = server_of(NULL, 0);
    ra_fetch_request r = request_of(s->url);
    r.timeout = 0;
    r.stop = at_once;
    r.stop_arg = &asked;
    ra_buf body;
    ra_buf_init(&body, 1000);
    assert_int_equal(ra_fetch(&r, &body, why), 0);
    assert_non_null(strstr(why, "wanted"));
    assert_true(asked > 0);
    ra_buf_free(&body);
    server_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reply),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_many_small_headers_are_too_much),
        cmocka_unit_test(test_as_much_as_is_allowed),
        cmocka_unit_test(test_what_is_sent),
        cmocka_unit_test(test_what_is_not_sent),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_silence_ends),
        cmocka_unit_test(test_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
