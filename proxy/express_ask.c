#include "proxy/express_ask.h"

#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/metrics.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>

enum { ASKED_MAGIC = 0x61736b64 };

struct ra_express_asked {
    uint32_t magic;
    struct ra_express_asked *prev, *next;
    ra_express_asks *asks;
    struct bufferevent *connection;
    ra_store_call call;
    ra_lookup look;
    size_t n; /* bytes of the request */
    int64_t began_us;
    bool stopped; /* nothing is read any more */
    /* evhttp's, on its connection */
    bufferevent_data_cb read, written;
    bufferevent_event_cb happened;
    void *arg;
};

static ra_express_asked *asked_of(void *p)
{
    ra_express_asked *q = p;
    if (q->magic != ASKED_MAGIC)
        ra_corrupt("a request that waits for the store");
    return q;
}

void ra_express_asks_init(ra_express_asks *a, ra_loop *l, ra_express_answered answered)
{
    *a = (ra_express_asks){.loop = l, .answered = answered};
}

/* ---- while it waits ---- */

static void readable(struct bufferevent *connection, void *arg)
{
    ra_express_asked *q = asked_of(arg);
    if (q->stopped || evbuffer_get_length(bufferevent_get_input(connection)) < q->n + RA_EXPRESS_WAITING_MAX)
        return;
    q->stopped = true;
    bufferevent_disable(connection, EV_READ);
}

/* The client has gone, or has said all. The bufferevent has stopped reading; when it is told to read again it
 * finds out the same once more, and evhttp hears of it. */
static void happened(struct bufferevent *connection, short what, void *arg)
{
    ra_express_asked *q = asked_of(arg);
    (void)connection;
    (void)what;
    q->stopped = true;
}

static void take_over(ra_express_asked *q)
{
    bufferevent_getcb(q->connection, &q->read, &q->written, &q->happened, &q->arg);
    bufferevent_setcb(q->connection, readable, NULL, happened, q);
}

static void give_back(const ra_express_asked *q)
{
    bufferevent_setcb(q->connection, q->read, q->written, q->happened, q->arg);
    if (q->stopped)
        bufferevent_enable(q->connection, EV_READ);
}

static void asked_free(ra_express_asked *q)
{
    if (q->prev)
        q->prev->next = q->next;
    else
        q->asks->pending = q->next;
    if (q->next)
        q->next->prev = q->prev;
    q->asks->loop->sending--;
    q->magic = 0;
    free(q);
}

void ra_express_asks_fini(ra_express_asks *a)
{
    ra_express_asked *next;
    for (ra_express_asked *q = a->pending; q; q = next) {
        next = q->next;
        ra_store_cancel(a->loop->store, &q->call);
        give_back(q);
        asked_free(q);
    }
}

static void done(ra_store_call *call)
{
    ra_express_asked *q = asked_of(call->arg);
    ra_loop *l = q->asks->loop;
    ra_express_answered answered = q->asks->answered;
    struct bufferevent *connection = q->connection;
    ra_lookup look = q->look;
    size_t n = q->n;
    int64_t began_us = q->began_us;
    ra_meter_store(l->meter, ra_clock_monotonic_us() - began_us);
    bool hit = call->ok;
    give_back(q);
    asked_free(q);
    answered(l->express, connection, n, hit ? &look : NULL, began_us);
    if (hit)
        ra_loop_ended(l); /* else evhttp is about to begin with it: it hasn't ended */
}

bool ra_express_ask(ra_express_asks *a, struct bufferevent *connection, size_t n, const ra_lookup *look,
                    int64_t began_us)
{
    ra_express_asked *q = malloc(sizeof *q);
    if (!q)
        return false;
    *q = (ra_express_asked){.magic = ASKED_MAGIC,
                            .next = a->pending,
                            .asks = a,
                            .connection = connection,
                            .look = *look,
                            .n = n,
                            .began_us = began_us,
                            .call = {.done = done}};
    q->call.arg = q;
    if (q->next)
        q->next->prev = q;
    a->pending = q;
    a->loop->sending++;
    if (ra_store_ask(a->loop->store, began_us / 1000, &q->look, &q->call) == RA_STORE_PENDING) {
        take_over(q);
        return true;
    }
    asked_free(q);
    return false;
}
