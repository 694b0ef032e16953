/* Server-sent events: who gets what, who is cut off. */
#include "proxy/event_stream.h"
#include "proxy/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 4, MOST = 3 };

typedef struct fixture {
    struct event_base *base;
    struct evhttp *http;
    ra_connections *all;
    ra_connection_limits *limits;
    ra_event_stream *stream;
    enum ra_event_stream_joined last;
    uint16_t port;
    int client[CLIENTS];
    char got[CLIENTS][4096];
    size_t n[CLIENTS];
} fixture;

static void received(struct evhttp_request *r, void *arg)
{
    fixture *f = arg;
    f->last = ra_event_stream_join(f->stream, r);
    if (f->last != RA_EVENT_STREAM_JOINED)
        evhttp_send_reply(r, 503, "Full", NULL);
}

static void open_stream(fixture *f)
{
    static char host[] = "127.0.0.1";
    ra_config_listen c = {.host = host, .max_body = 1024, .idle_timeout = 60000};
    struct evhttp_bound_socket *socket = NULL;
    *f = (fixture){.base = event_base_new(), .client = {-1, -1, -1, -1}};
    f->limits = ra_connection_limits_new(&c, "listen");
    f->all = ra_connections_new(f->base, &c, f->limits, NULL);
    f->http = ra_listener_new(f->base, &c, ra_listen_first(&c, &f->port), received, f, &socket);
    f->stream = ra_event_stream_new(f->all, MOST);
    assert_true(f->all && f->http && f->stream);
    ra_connections_serve(f->all, f->http, received, f);
}

static void close_stream(fixture *f)
{
    for (int i = 0; i < CLIENTS; i++)
        if (f->client[i] >= 0)
            close(f->client[i]);
    ra_event_stream_end(f->stream);
    assert_int_equal(ra_event_stream_viewers(f->stream), 0);
    evhttp_free(f->http);
    ra_event_stream_free(f->stream);
    ra_connections_free(f->all);
    ra_connection_limits_free(f->limits);
    event_base_free(f->base);
}

static void dial(fixture *f, int i)
{
    static const char request[] = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(f->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    f->client[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(f->client[i], (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(fcntl(f->client[i], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(send(f->client[i], request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
}

/* Runs the loop until what the client has got ends with `end` (true), or its connection has ended. */
static bool hears(fixture *f, int i, const char *end)
{
    char *got = f->got[i];
    size_t n = strlen(end);
    for (;;) {
        if (f->n[i] >= n && memcmp(got + f->n[i] - n, end, n) == 0)
            return true;
        ssize_t more = recv(f->client[i], got + f->n[i], sizeof f->got[i] - 1 - f->n[i], 0);
        if (more == 0 || (more < 0 && errno != EAGAIN))
            return false;
        if (more > 0)
            f->n[i] += (size_t)more;
        else
            event_base_loop(f->base, EVLOOP_ONCE);
    }
}

static void join(fixture *f, int i)
{
    dial(f, i);
    assert_true(hears(f, i, "\r\n\r\n"));
    assert_int_equal(f->last, RA_EVENT_STREAM_JOINED);
    assert_int_equal(strncmp(f->got[i], "HTTP/1.1 200 OK\r\n", 17), 0);
    assert_non_null(strstr(f->got[i], "\r\nContent-Type: text/event-stream\r\n"));
    f->n[i] = 0;
}

static void run_until_viewers(fixture *f, unsigned n)
{
    while (ra_event_stream_viewers(f->stream) != n)
        event_base_loop(f->base, EVLOOP_ONCE);
}

static void all_get_what_is_sent_after_they_came(void **state)
{
    (void)state;
    fixture f;
    open_stream(&f);
    ra_event_stream_send(f.stream, "live", ra_bytes_z("to nobody"));
    ra_event_stream_send_newest(f.stream, "live", ra_bytes_z("to nobody"));
    join(&f, 0);
    ra_event_stream_send(f.stream, "live", ra_bytes_z("{\"a\": 1}"));
    join(&f, 1);
    ra_event_stream_send_newest(f.stream, "live", ra_bytes_z("{\"b\": 2}"));
    ra_event_stream_send(f.stream, "event", ra_bytes_z("end"));
    assert_true(hears(&f, 0, "end\n\n"));
    assert_true(hears(&f, 1, "end\n\n"));
    f.got[0][f.n[0]] = f.got[1][f.n[1]] = '\0';
    assert_string_equal(f.got[0], "event: live\ndata: {\"a\": 1}\n\nevent: event\ndata: end\n\n");
    assert_string_equal(f.got[1], "event: live\ndata: {\"b\": 2}\n\nevent: event\ndata: end\n\n");
    close_stream(&f);
}

static void only_so_many(void **state)
{
    (void)state;
    fixture f;
    open_stream(&f);
    for (int i = 0; i < MOST; i++)
        join(&f, i);
    dial(&f, MOST);
    assert_true(hears(&f, MOST, "\r\n\r\n"));
    assert_int_equal(f.last, RA_EVENT_STREAM_FULL);
    assert_int_equal(strncmp(f.got[MOST], "HTTP/1.1 503 ", 13), 0);
    close(f.client[1]); /* the one in the middle of the list makes room */
    run_until_viewers(&f, MOST - 1);
    join(&f, 1);
    ra_event_stream_send(f.stream, "live", ra_bytes_z("x"));
    for (int i = 0; i < MOST; i++)
        assert_true(hears(&f, i, "data: x\n\n"));
    close_stream(&f);
}

static void who_says_anything_is_cut_off(void **state)
{
    (void)state;
    fixture f;
    open_stream(&f);
    join(&f, 0);
    join(&f, 1);
    assert_int_equal(send(f.client[0], "GET", 3, MSG_NOSIGNAL), 3);
    assert_false(hears(&f, 0, "more"));
    assert_int_equal(ra_event_stream_viewers(f.stream), 1);
    ra_event_stream_send(f.stream, "live", ra_bytes_z("x"));
    assert_true(hears(&f, 1, "data: x\n\n"));
    close_stream(&f);
}

/* What the kernel doesn't take any more waits here, and isn't let grow without bounds. */
static void who_takes_nothing_is_cut_off(void **state)
{
    (void)state;
    fixture f;
    open_stream(&f);
    join(&f, 0);
    enum { PIECE = 1 << 20 };
    char *piece = malloc(PIECE);
    assert_non_null(piece);
    memset(piece, 'x', PIECE);
    unsigned sent = 0;
    for (; ra_event_stream_viewers(f.stream) && sent < 1024; sent++) {
        ra_event_stream_send(f.stream, "live", (ra_bytes){piece, PIECE});
        event_base_loop(f.base, EVLOOP_NONBLOCK);
    }
    assert_int_equal(ra_event_stream_viewers(f.stream), 0);
    assert_true(sent > RA_EVENT_STREAM_WAITING / PIECE);
    free(piece);
    close_stream(&f);
}

static void an_end_is_the_end(void **state)
{
    (void)state;
    fixture f;
    open_stream(&f);
    join(&f, 0);
    ra_event_stream_end(f.stream);
    assert_false(hears(&f, 0, "more"));
    assert_int_equal(f.n[0], 0);
    dial(&f, 1);
    assert_true(hears(&f, 1, "\r\n\r\n"));
    assert_int_equal(f.last, RA_EVENT_STREAM_FULL);
    close_stream(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_get_what_is_sent_after_they_came),
        cmocka_unit_test(only_so_many),
        cmocka_unit_test(who_says_anything_is_cut_off),
        cmocka_unit_test(who_takes_nothing_is_cut_off),
        cmocka_unit_test(an_end_is_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
