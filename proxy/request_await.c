/*
 * A request's state: awaiting. Another process of the store has made this token for the same read and is at
 * DynamoDB with it just now, so that this one waits, once and for a bounded time, and then looks up again:
 * what it finds is a hit like any other, or it goes on as if it hadn't waited, with the token of now.
 *
 * Each request waits by itself, before it joins a flight. A flight is named by its token, and that may be
 * another one afterwards; and what its waiters would be woken for is a lookup each.
 */
#include "proxy/request_await.h"
#include "proxy/clock.h"
#include "proxy/request_states.h"

#include <event2/event.h>

enum { FIRST_US = 20000, LEAST_US = 1000, MOST_US = 100000 };

double ra_await_learn(double usual_us, int64_t took_us)
{
    double took = took_us > 0 ? (double)took_us : 1;
    return usual_us > 0 ? usual_us + (took - usual_us) / 8 : took;
}

int64_t ra_await_time(double usual_us, int64_t filling_for, int64_t timeout)
{
    double left = 2 * (usual_us > 0 ? usual_us : FIRST_US) - 1000 * (double)filling_for;
    double most = timeout < 4 * MOST_US / 1000 ? 250 * (double)timeout : MOST_US;
    if (left <= 0)
        return 0;
    if (left < LEAST_US)
        left = LEAST_US;
    return (int64_t)(left < most ? left : most);
}

void ra_request_learn_await(ra_request *r)
{
    const ra_http_reply *reply = r->reply;
    bool is_one = r->op.kind == RA_OP_GET_ITEM || r->op.kind == RA_OP_QUERY;
    if (r->fetched_at_us && !r->collapsed && is_one && reply && reply->result == RA_HTTP_OK &&
        reply->status == 200)
        r->loop->upstream_read_us =
            ra_await_learn(r->loop->upstream_read_us, ra_clock_monotonic_us() - r->fetched_at_us);
}

static void waited(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ra_request *r = ra_request_of(arg);
    r->detail = "awaited";
    ra_request_resume(r, RA_LOOKING_UP);
}

enum ra_step ra_request_await(ra_request *r)
{
    int64_t us = ra_await_time(r->loop->upstream_read_us, r->op.parts[0].look.filling_for,
                               r->config->upstream.request_timeout);
    struct timeval t = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
    if (us > 0)
        r->await_timer = evtimer_new(r->loop->base, waited, r);
    if (!r->await_timer || evtimer_add(r->await_timer, &t) != 0)
        return ra_request_go(r, RA_JOINING);
    return RA_SUSPENDED;
}
