/* Dates as HTTP writes them, how far two clocks are apart, and the watch over replies. */
#include "proxy/clock_check.h"

#include "proxy/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_dates(void **state)
{
    (void)state;
    int64_t s = 0;
    assert_true(ra_clock_date("Sun, 06 Nov 1994 08:49:37 GMT", &s));
    assert_int_equal(s, 784111777);
    assert_true(ra_clock_date("Thu, 01 Jan 1970 00:00:00 GMT", &s));
    assert_int_equal(s, 0);
    static const char *const wrong[] = {
        "",
        "now",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Brumaire 1994 08:49:37 GMT",
        "1994-11-06T08:49:37Z",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(ra_clock_date(wrong[i], &s));
}

static void test_how_far_apart(void **state)
{
    (void)state;
    /* a reply's second may be any moment of it, and any between the request and the reply */
    assert_int_equal(ra_clock_ahead(100, 100000, 100000), 0);
    assert_int_equal(ra_clock_ahead(100, 100999, 100999), 0);
    assert_int_equal(ra_clock_ahead(100, 99000, 105000), 0);
    assert_int_equal(ra_clock_ahead(100, 101000, 300000), 1);
    assert_int_equal(ra_clock_ahead(100, 160999, 160999), 60000);
    assert_int_equal(ra_clock_ahead(100, 161000, 161000), 60001);
    assert_int_equal(ra_clock_ahead(100, 0, 99999), -1);
    assert_int_equal(ra_clock_ahead(100, 39999, 39999), -60001);
    /* a process that was stopped before it read the reply isn't behind for that */
    assert_int_equal(ra_clock_ahead(100, 100500, 900000), 0);
}

/* ---- the watch ---- */

typedef struct fixture {
    struct event_base *base;
    struct evhttp *http;
    int64_t ahead; /* of the endpoint's clock, in s */
    unsigned asked;
    ra_server server;
    ra_clock_watch *watch;
} fixture;

static const char *date_at(int64_t ahead, char out[64])
{
    time_t t = (time_t)(ra_clock_wall() / 1000 + ahead);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 64, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return out;
}

static void answer(struct evhttp_request *r, void *arg)
{
    fixture *f = arg;
    char date[64];
    assert_int_equal(evhttp_request_get_command(r), EVHTTP_REQ_GET);
    f->asked++;
    evhttp_add_header(evhttp_request_get_output_headers(r), "Date", date_at(f->ahead, date));
    evhttp_send_reply(r, 404, NULL, NULL);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    struct sockaddr_in a = {0};
    socklen_t len = sizeof a;
    char text[256];
    ra_problems problems;
    f->base = event_base_new();
    f->http = evhttp_new(f->base);
    evhttp_set_gencb(f->http, answer, f);
    struct evhttp_bound_socket *s = evhttp_bind_socket_with_handle(f->http, "127.0.0.1", 0);
    getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&a, &len);
    int n = snprintf(text, sizeof text,
                     "{\"upstream\": {\"endpoint\": \"http://127.0.0.1:%u\", \"region\": \"us-east-1\"}}",
                     ntohs(a.sin_port));
    f->server.config = ra_config_parse(text, (size_t)n, "test.jsonc", &problems);
    ra_problems_free(&problems);
    f->watch = f->server.config ? ra_clock_watch_new(&f->server, f->base) : NULL;
    *state = f;
    return f->watch ? 0 : -1;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    ra_clock_watch_free(f->watch);
    evhttp_free(f->http);
    event_base_free(f->base);
    ra_config_unref(f->server.config);
    free(f);
    return 0;
}

static ra_http_reply *reply_of(const char *date)
{
    ra_http_reply *r = ra_http_reply_new();
    assert_non_null(r);
    r->status = 200;
    if (date)
        assert_int_equal(ra_http_reply_add_header(r, RA_BYTES("Date"), ra_bytes_z(date)), RA_HTTP_OK);
    return r;
}

static void see(fixture *f, const char *date)
{
    ra_http_reply *r = reply_of(date);
    ra_clock_watch_reply(f->watch, r, ra_clock_wall());
    ra_http_reply_unref(r);
}

static void test_replies_without_a_date_say_nothing(void **state)
{
    fixture *f = *state;
    char date[64];
    see(f, NULL);
    see(f, "yesterday");
    ra_http_reply *cut = reply_of(date_at(3600, date));
    cut->result = RA_HTTP_CUT;
    ra_clock_watch_reply(f->watch, cut, ra_clock_wall());
    ra_http_reply_unref(cut);
    assert_true(ra_clock_agrees(&f->server));
    see(f, date_at(3600, date)); /* none of them was the one that is looked at */
    assert_false(ra_clock_agrees(&f->server));
}

static void test_not_every_reply_is_looked_at(void **state)
{
    fixture *f = *state;
    char date[64];
    see(f, date_at(0, date));
    see(f, date_at(3600, date));
    assert_true(ra_clock_agrees(&f->server));
}

/* It asks by itself until it agrees, however often that takes, and then no more. */
static void test_it_asks_until_it_agrees(void **state)
{
    fixture *f = *state;
    char date[64];
    f->ahead = -3600;
    see(f, date_at(-3600, date));
    assert_false(ra_clock_agrees(&f->server));
    while (f->asked < 1)
        event_base_loop(f->base, EVLOOP_ONCE);
    f->ahead = 0;
    while (!ra_clock_agrees(&f->server))
        event_base_loop(f->base, EVLOOP_ONCE);
    assert_int_equal(f->asked, 2);
}

static void test_freed_while_it_asks(void **state)
{
    fixture *f = *state;
    char date[64];
    see(f, date_at(3600, date));
    while (f->asked < 1) /* the reply hasn't been read */
        event_base_loop(f->base, EVLOOP_ONCE);
    assert_false(ra_clock_agrees(&f->server));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_how_far_apart),
        TEST(test_replies_without_a_date_say_nothing),
        TEST(test_not_every_reply_is_looked_at),
        TEST(test_it_asks_until_it_agrees),
        TEST(test_freed_while_it_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
