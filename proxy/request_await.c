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
#include <math.h>

/* The time when the other one began is known to a ms or two only, and its fill has a way to go. */
enum { FIRST_US = 20000, SLACK_US = 2000, LEAST_US = 1000, MOST_US = 100000 };

void ra_await_learn(ra_await_experience *e, int64_t took_us)
{
    double took = took_us > 0 ? (double)took_us : 1, distance = took - e->usual_us;
    if (e->usual_us <= 0) {
        *e = (ra_await_experience){.usual_us = took, .spread_us = took / 2};
        return;
    }
    e->spread_us += ((distance < 0 ? -distance : distance) - e->spread_us) / 4;
    e->usual_us += distance / 8;
}

/* How long such a fill takes at most, most of the time. */
static double done_by(const ra_await_experience *e)
{
    if (e->usual_us <= 0)
        return 2 * FIRST_US;
    double late = fmax(fmax(4 * e->spread_us, e->usual_us / 4), SLACK_US);
    return e->usual_us + fmin(late, e->usual_us);
}

int64_t ra_await_time(const ra_await_experience *e, int64_t filling_for, int64_t timeout)
{
    double left = done_by(e) - 1000 * (double)filling_for;
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
    if (!r->collapsed && reply && reply->result == RA_HTTP_OK && reply->status == 200 && r->op.nparts == 1 &&
        r->op.kind != RA_OP_BATCH_GET_ITEM && r->op.parts[0].look.outcome == RA_LOOKUP_MISS)
        ra_await_learn(&r->loop->fills, ra_clock_monotonic_us() - r->missed_at_us);
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
    int64_t us =
        ra_await_time(&r->loop->fills, r->op.parts[0].look.filling_for, r->config->upstream.request_timeout);
    struct timeval t = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
    if (us > 0)
        r->await_timer = evtimer_new(r->loop->base, waited, r);
    if (!r->await_timer || evtimer_add(r->await_timer, &t) != 0)
        return ra_request_go(r, RA_JOINING);
    return RA_SUSPENDED;
}
