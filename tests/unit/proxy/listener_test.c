/* Sockets that aren't shared silently, and framing that two parties could read differently. */
#include "tests/unit/proxy/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char loopback[] = "127.0.0.1";
static const ra_config_listen any_port = {.host = loopback, .max_body = 1024, .idle_timeout = 5000};

static void a_port_in_use_is_refused(void **state)
{
    (void)state;
    uint16_t port = 0;
    int first = ra_listen_first(&any_port, &port);
    assert_true(first >= 0);
    assert_int_not_equal(port, 0);
    int more = ra_listen_more(&any_port, port); /* another loop of the same process */
    assert_true(more >= 0);
    ra_config_listen same = any_port;
    same.port = port;
    uint16_t got = 0;
    errno = 0;
    assert_int_equal(ra_listen_first(&same, &got),
                     -1); /* another process: SO_REUSEPORT alone would share it */
    assert_int_equal(errno, EADDRINUSE);
    close(first);
    close(more);
    int again = ra_listen_first(&same, &got);
    assert_true(again >= 0);
    assert_int_equal(got, port);
    close(again);
}

static void hosts(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool good;
    } cases[] = {
        {"127.0.0.1", true}, {"localhost", true}, {"LocalHost", true}, {"no such host", false}, {"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char host[32];
        snprintf(host, sizeof host, "%s", cases[i].host);
        ra_config_listen c = any_port;
        c.host = host;
        uint16_t port = 0;
        int fd = ra_listen_first(&c, &port);
        assert_int_equal(fd >= 0, cases[i].good);
        if (fd >= 0)
            close(fd);
    }
}

typedef struct seen {
    char problem[128];
    char service[32];
    bool called;
} seen;

static void received(struct evhttp_request *r, void *arg)
{
    seen *x = arg;
    const char *problem = ra_framing_problem(NULL, r);
    snprintf(x->problem, sizeof x->problem, "%s", problem ? problem : "");
    ra_signed_service(r, x->service, sizeof x->service);
    x->called = true;
    evhttp_add_header(evhttp_request_get_output_headers(r), "Connection", "close");
    evhttp_send_reply(r, 200, NULL, NULL);
}

/* Sends raw bytes to a listener and lets it answer. */
static void say(seen *x, const char *bytes)
{
    *x = (seen){0};
    struct event_base *base = event_base_new();
    exchange e;
    exchange_run(&e, base, bytes, received, x);
    event_base_free(base);
}

static void framing(void **state)
{
    (void)state;
    static const struct {
        const char *headers;
        const char *problem;
    } cases[] = {
        {"Content-Length: 2\r\n\r\nab", ""},
        {"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", ""},
        {"Content-Encoding: identity\r\nContent-Length: 0\r\n\r\n", ""},
        {"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", "more than one Content-Length"},
        {"Content-Length : 2\r\n\r\n", "a header's name is malformed"},
        {"X-A B: 2\r\n\r\n", "a header's name is malformed"},
        {"X\xc3\xa4: 2\r\n\r\n", "a header's name is malformed"},
        {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "both Content-Length and Transfer-Encoding"},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "more than one Transfer-Encoding"},
        {"Transfer-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", "Transfer-Encoding is not chunked"},
        {"Host: y\r\nContent-Length: 0\r\n\r\n", "more than one Host"},
        {"Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
         "compressed bodies are not supported: Content-Encoding must be absent"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[512];
        snprintf(bytes, sizeof bytes, "POST / HTTP/1.1\r\nHost: x\r\n%s", cases[i].headers);
        seen x;
        say(&x, bytes);
        if (*cases[i].problem && !x.called)
            continue; /* evhttp refused it by itself, and closed */
        assert_true(x.called);
        assert_string_equal(x.problem, cases[i].problem);
    }
}

static void services(void **state)
{
    (void)state;
    static const struct {
        const char *authorization;
        const char *service;
    } cases[] = {
        {"AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
         "s3"},
        {"AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/dynamodb/aws4_request", "dynamodb"},
        {"AWS4-HMAC-SHA256 Credential=AK/20260101", ""},
        {"Bearer x", ""},
        {"Credential=a/b/c/<script>/x", ""},
        {"Credential=a/b/c/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[512];
        snprintf(bytes, sizeof bytes,
                 "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: %s\r\n\r\n",
                 cases[i].authorization);
        seen x;
        say(&x, bytes);
        assert_string_equal(x.service, cases[i].service);
    }
}

typedef struct head {
    ra_config_listen limits;
    const char *problem;
    bool called;
} head;

static void received_head(struct evhttp_request *r, void *arg)
{
    head *h = arg;
    h->problem = ra_listener_limits_problem(&h->limits, r);
    h->called = true;
    evhttp_add_header(evhttp_request_get_output_headers(r), "Connection", "close");
    evhttp_send_reply(r, 200, NULL, NULL);
}

/* What is wrong with a head of so many headers (three at least) and so many bytes. */
static const char *problem_of(ra_config_listen limits, unsigned headers, size_t bytes)
{
    char *text = calloc(1, bytes + 1);
    size_t n = (size_t)sprintf(text, "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n");
    for (unsigned i = 3; i < headers; i++)
        n += (size_t)sprintf(text + n, "A: b\r\n");
    assert_true(n + 7 <= bytes);
    n += (size_t)sprintf(text + n, "A: ");
    memset(text + n, 'a', bytes - n - 4);
    memcpy(text + bytes - 4, "\r\n\r\n", 4);
    head h = {.limits = limits};
    struct event_base *base = event_base_new();
    exchange e;
    exchange_run(&e, base, text, received_head, &h);
    event_base_free(base);
    free(text);
    assert_true(h.called);
    return h.problem;
}

static void heads(void **state)
{
    (void)state;
    const ra_config_listen c = {.max_headers = 10, .max_header_bytes = 400};
    assert_null(problem_of(c, 10, 400));
    assert_non_null(strstr(problem_of(c, 11, 400), "listen.max_headers"));
    assert_non_null(strstr(problem_of(c, 3, 404), "listen.max_header_bytes"));
    assert_null(problem_of((ra_config_listen){0}, 2000, 60000));
}

static bool is_good(const ra_config_listen *c, const char *host)
{
    /* Without a terminating zero, so that a sanitizer sees what is read behind it. */
    size_t n = strlen(host);
    char *copy = malloc(n ? n : 1);
    memcpy(copy, host, n);
    bool good = ra_listener_host_ok(c, (ra_bytes){copy, n});
    free(copy);
    return good;
}

static void names(void **state)
{
    (void)state;
    static const char *const good[] = {"127.0.0.1",       "127.0.0.1:8080",    "10.0.0.1:",   "[::1]",
                                       "[::1]:80",        "localhost",         "LOCALHOST:1", "localhost.",
                                       "a.b.localhost:1", "[fe80::1%25eth0]:1"};
    static const char *const bad[] = {"",
                                      ":80",
                                      "x",
                                      "evil.example.com",
                                      "evil.example.com:80",
                                      "localhost.evil.com",
                                      "notlocalhost",
                                      "127.0.0.1.evil.com",
                                      "127.0.0.1:80:80",
                                      "127.0.0.1:x",
                                      "[::1",
                                      "[::1]x",
                                      "[::1]:x",
                                      "localhost:80x",
                                      "::1"};
    static const char *const named[] = {"cache.internal", "CACHE.internal:8080", "cache.internal."};
    static const char *const unnamed[] = {"internal", "a.cache.internal", "cache.internal.evil.com",
                                          "cache_internal"};
    char *list[] = {(char[]){"other"}, (char[]){"cache.internal"}};
    const ra_config_listen near = {0}, with = {.hosts = {.v = list, .n = 2}}, far = {.exposed = true},
                           far_with = {.exposed = true, .hosts = {.v = list, .n = 2}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(is_good(&near, good[i]) && is_good(&with, good[i]));
        assert_true(is_good(&far, good[i]) && is_good(&far_with, good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(is_good(&near, bad[i]) || is_good(&with, bad[i]) || is_good(&far_with, bad[i]));
        assert_true(is_good(&far, bad[i]));
    }
    for (size_t i = 0; i < 3; i++)
        assert_true(!is_good(&near, named[i]) && is_good(&with, named[i]) && is_good(&far_with, named[i]));
    for (size_t i = 0; i < 4; i++)
        assert_false(is_good(&with, unnamed[i]));
    assert_true(ra_listener_host_ok(&with, (ra_bytes){NULL, 0})); /* no browser */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_in_use_is_refused),
        cmocka_unit_test(hosts),
        cmocka_unit_test(framing),
        cmocka_unit_test(services),
        cmocka_unit_test(heads),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
