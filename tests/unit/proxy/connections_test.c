/* Connections beside evhttp's: who sees what arrives first, who is told of the end, who is closed for being
 * late. */
#include "proxy/connections.h"
#include "proxy/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"

enum { CLIENTS = 4 };

typedef struct fixture {
    struct event_base *base;
    struct evhttp *http;
    ra_connections *all;
    ra_connection_limits *limits;
    uint16_t port;
    int client[CLIENTS];
    enum ra_arrival first;        /* what is done with what arrives first */
    struct bufferevent *held;     /* the newest that was looked at */
    struct evhttp_request *waits; /* handed over and not answered */
    unsigned arrived, received, closed;
    bufferevent_data_cb read, wrote; /* evhttp's, of what is held */
    bufferevent_event_cb happened;
    void *theirs;
    bool answers;
} fixture;

static enum ra_arrival arrived(void *arg, struct bufferevent *connection)
{
    fixture *f = arg;
    struct evbuffer *in = bufferevent_get_input(connection);
    f->arrived++;
    f->held = connection;
    if (f->first == RA_ARRIVAL_TAKEN)
        evbuffer_drain(in, evbuffer_get_length(in));
    if (f->first == RA_ARRIVAL_HELD) { /* evhttp mustn't read it */
        bufferevent_getcb(connection, &f->read, &f->wrote, &f->happened, &f->theirs);
        bufferevent_setcb(connection, NULL, NULL, NULL, NULL);
    }
    return f->first;
}

static void closed(struct evhttp_connection *connection, void *arg)
{
    fixture *f = arg;
    assert_non_null(connection);
    assert_null(ra_connection_of(f->all, connection)); /* nobody can register any more */
    f->closed++;
}

static void written(struct evhttp_request *r, void *arg)
{
    fixture *f = arg;
    ra_connection_between(ra_connection_of(f->all, evhttp_request_get_connection(r)));
}

static void received(struct evhttp_request *r, void *arg)
{
    fixture *f = arg;
    ra_connection *c = ra_connection_of(f->all, evhttp_request_get_connection(r));
    assert_non_null(c);
    f->received++;
    ra_connection_on_close(c, closed, f);
    if (!f->answers) {
        f->waits = r;
        return;
    }
    evhttp_request_set_on_complete_cb(r, written, f);
    evhttp_send_reply(r, 200, NULL, NULL);
}

static void open_listener(fixture *f, ra_config_listen c)
{
    static char host[] = "127.0.0.1";
    struct evhttp_bound_socket *socket = NULL;
    c.host = host;
    c.max_body = 1024;
    c.idle_timeout = 60 * 1000;
    *f = (fixture){.base = event_base_new(), .answers = true, .client = {-1, -1, -1, -1}};
    f->limits = ra_connection_limits_new(&c, "listen");
    f->all = ra_connections_new(f->base, &c, f->limits, NULL);
    f->http = ra_listener_new(f->base, &c, ra_listen_first(&c, &f->port), received, f, &socket);
    assert_true(f->all && f->http);
    ra_connections_serve(f->all, f->http, received, f);
    ra_connections_look_first(f->all, arrived, f);
}

static void close_listener(fixture *f)
{
    for (int i = 0; i < CLIENTS; i++)
        if (f->client[i] >= 0)
            close(f->client[i]);
    evhttp_free(f->http);
    ra_connections_free(f->all);
    ra_connection_limits_free(f->limits);
    event_base_free(f->base);
}

static void dial(fixture *f, int i)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(f->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    f->client[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(f->client[i], (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(fcntl(f->client[i], F_SETFL, O_NONBLOCK), 0);
}

static void say(fixture *f, int i, const char *text)
{
    assert_int_equal(send(f->client[i], text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Runs the loop until the client has been sent something (true) or closed. */
static bool hears(fixture *f, int i)
{
    char got[4096];
    for (;;) {
        ssize_t n = recv(f->client[i], got, sizeof got, 0);
        if (n >= 0)
            return n > 0;
        if (errno != EAGAIN)
            return false;
        event_base_loop(f->base, EVLOOP_ONCE);
    }
}

static void run_until(fixture *f, const unsigned *counter, unsigned n)
{
    while (*counter < n)
        event_base_loop(f->base, EVLOOP_ONCE);
}

static void what_arrives_is_looked_at_first(void **state)
{
    (void)state;
    fixture f;
    open_listener(&f, (ra_config_listen){0});
    dial(&f, 0);
    f.first = RA_ARRIVAL_TAKEN;
    say(&f, 0, "anything");
    run_until(&f, &f.arrived, 1);
    say(&f, 0, "more");
    run_until(&f, &f.arrived, 2);
    f.first = RA_ARRIVAL_LEFT;
    say(&f, 0, "GET /a HT");
    run_until(&f, &f.arrived, 3);
    say(&f, 0, "TP/1.1\r\nHost: x\r\n\r\n"); /* and not again in the middle of a request */
    assert_true(hears(&f, 0));
    assert_int_equal(f.arrived, 3);
    say(&f, 0, REQUEST);
    assert_true(hears(&f, 0));
    assert_int_equal(f.arrived, 4);
    assert_int_equal(f.received, 2);
    close_listener(&f);
}

static void what_is_held(void **state)
{
    (void)state;
    fixture f;
    open_listener(&f, (ra_config_listen){.header_timeout = 1});
    dial(&f, 0);
    f.first = RA_ARRIVAL_HELD;
    say(&f, 0, "GET /a HTTP/1.1\r\n");
    run_until(&f, &f.arrived, 1);
    ra_connection *c = ra_connection_find(f.all, f.held);
    assert_non_null(c);
    dial(&f, 1);
    assert_false(hears(&f, 1)); /* it is late; who is held isn't */
    assert_ptr_equal(ra_connection_find(f.all, f.held), c);
    struct evbuffer *in = bufferevent_get_input(f.held);
    evbuffer_drain(in, evbuffer_get_length(in));
    ra_connection_taken(c);
    say(&f, 0, "GET /a HTTP/1.1\r\n");
    run_until(&f, &f.arrived, 2);
    bufferevent_setcb(f.held, f.read, f.wrote, f.happened, f.theirs);
    ra_connection_left(c); /* from now on it must hurry */
    assert_false(hears(&f, 0));
    close_listener(&f);
}

static void who_is_told_of_the_end(void **state)
{
    (void)state;
    fixture f;
    open_listener(&f, (ra_config_listen){0});
    dial(&f, 0);
    say(&f, 0, REQUEST);
    assert_true(hears(&f, 0));
    close(f.client[0]);
    f.client[0] = -1;
    run_until(&f, &f.closed, 1);
    f.answers = false;
    dial(&f, 1);
    say(&f, 1, REQUEST);
    run_until(&f, &f.received, 2);
    struct evhttp_connection *connection = evhttp_request_get_connection(f.waits);
    ra_connection_on_close(ra_connection_of(f.all, connection), NULL, NULL);
    evhttp_connection_free(connection);
    assert_false(hears(&f, 1));
    dial(&f, 2);
    say(&f, 2, REQUEST);
    run_until(&f, &f.received, 3);
    assert_int_equal(f.closed, 1);
    close_listener(&f); /* tells the third */
    assert_int_equal(f.closed, 2);
}

static void who_is_late(void **state)
{
    (void)state;
    fixture f;
    open_listener(&f, (ra_config_listen){.header_timeout = 1, .body_timeout = 1});
    static const char *const late[] = {NULL, "GET /a HTTP/1.1\r\nHost: x\r\n",
                                       "POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"};
    for (int i = 0; i < 3; i++) {
        dial(&f, i);
        if (late[i])
            say(&f, i, late[i]);
        assert_false(hears(&f, i));
    }
    assert_int_equal(f.received, 0);
    close_listener(&f);
}

/* Who has begun under another limit has begun when it has. */
static void who_is_late_now(void **state)
{
    (void)state;
    fixture f;
    open_listener(&f, (ra_config_listen){.header_timeout = 3600 * 1000, .body_timeout = 3600 * 1000});
    dial(&f, 0);
    dial(&f, 1);
    say(&f, 1, "GET /a HTTP/1.1\r\nHost: x\r\n");
    dial(&f, 2);
    say(&f, 2, REQUEST);
    assert_true(hears(&f, 2));
    const ra_config_listen shorter = {
        .header_timeout = 1, .body_timeout = 1, .idle_timeout = 60 * 1000, .max_body = 1 << 20};
    ra_connections_renew(f.all, &shorter);
    for (int i = 0; i < 2; i++)
        assert_false(hears(&f, i));
    say(&f, 2, REQUEST);
    assert_true(hears(&f, 2));
    close_listener(&f);
}

static void who_is_one_too_many(void **state)
{
    (void)state;
    fixture f;
    open_listener(&f, (ra_config_listen){.max_connections = 2});
    for (int i = 0; i < 3; i++)
        dial(&f, i);
    assert_false(hears(&f, 2));
    for (int i = 0; i < 2; i++) {
        say(&f, i, REQUEST);
        assert_true(hears(&f, i));
    }
    close(f.client[0]);
    f.client[0] = -1;
    run_until(&f, &f.closed, 1);
    dial(&f, 3);
    say(&f, 3, REQUEST);
    assert_true(hears(&f, 3));
    close_listener(&f);
}

static void nobody_is_nobody(void **state)
{
    (void)state;
    assert_null(ra_connection_of(NULL, NULL));
    assert_null(ra_connection_find(NULL, NULL));
    ra_connection_on_close(NULL, closed, NULL);
    ra_connection_between(NULL);
    ra_connection_taken(NULL);
    ra_connection_left(NULL);
    ra_connections_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_arrives_is_looked_at_first),
        cmocka_unit_test(what_is_held),
        cmocka_unit_test(who_is_told_of_the_end),
        cmocka_unit_test(who_is_late),
        cmocka_unit_test(who_is_late_now),
        cmocka_unit_test(who_is_one_too_many),
        cmocka_unit_test(nobody_is_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
