/* One raw exchange with an evhttp in this process: bytes in, the whole reply out, the connection closed by
 * the peer. */
#ifndef RA_TESTS_EXCHANGE_H
#define RA_TESTS_EXCHANGE_H

#include "proxy/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <string.h>

typedef struct exchange {
    struct event_base *base;
    bool over;
    char reply[8192]; /* zero-terminated */
} exchange;

static inline void exchange_event(struct bufferevent *b, short what, void *arg)
{
    exchange *x = arg;
    if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
        return;
    struct evbuffer *in = bufferevent_get_input(b);
    ev_ssize_t n = evbuffer_copyout(in, x->reply, sizeof x->reply - 1);
    x->reply[n < 0 ? 0 : n] = '\0';
    x->over = true;
}

/* The base is the caller's, so that `received` can use it; the reply is in x->reply afterwards. */
static inline void exchange_run(exchange *x, struct event_base *base, const char *bytes,
                                void (*received)(struct evhttp_request *, void *), void *arg)
{
    static char host[] = "127.0.0.1";
    const ra_config_listen any_port = {.host = host, .max_body = 1024, .idle_timeout = 5000};
    *x = (exchange){.base = base};
    uint16_t port = 0;
    int fd = ra_listen_first(&any_port, &port);
    struct evhttp_bound_socket *socket = NULL;
    struct evhttp *http = ra_listener_new(base, &any_port, fd, received, arg, &socket);
    assert_non_null(http);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct bufferevent *b = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(b, NULL, NULL, exchange_event, x);
    bufferevent_enable(b, EV_READ | EV_WRITE);
    assert_int_equal(bufferevent_socket_connect(b, (struct sockaddr *)&a, sizeof a), 0);
    bufferevent_write(b, bytes, strlen(bytes));
    while (!x->over)
        event_base_loop(base, EVLOOP_ONCE);
    bufferevent_free(b);
    evhttp_free(http);
}

#endif
