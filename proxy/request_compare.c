/*
 * A request's states: comparing, once its client has been answered. What the cache has said, or would have
 * said, is held against what DynamoDB says. Reads race with writes, so that a difference is a mismatch only
 * if it stands:
 *
 *   compared → looked up again: an entry that is gone, is marked, or was filled anew, is explained (raced)
 *            → after a moment read again, consistently: upstream may have been the older one (equal)
 *            → looked up again, as above; what is there still, and differs still, is a mismatch
 *
 * A write through the proxies can't come between. It is marked before it is sent, or (read_after_write) with
 * it; the moment is longer than the store may take to be told. So a write that the second read has seen is
 * known at the last look, and the entry gone.
 *
 * What was observed has its first reply from the client's own read. A hit that was drawn is read for it, and
 * that read, as every second one, is one of a bounded number.
 */
#include "cache/random.h"
#include "proxy/clock.h"
#include "proxy/compare.h"
#include "proxy/log.h"
#include "proxy/mismatches.h"
#include "proxy/request_states.h"

#include <event2/event.h>

enum {
    WHOLE = 1000000 /* parts per million */,
    MOMENTO_TAKES = 1000 /* ms, at most, to be told of a write */
};

/* One entry in question. */
typedef struct doubt {
    size_t part;
    ra_payload *cached;   /* one reference */
    ra_payload *upstream; /* the same; NULL: it hasn't been read yet */
    bool settled;
} doubt;

struct ra_request_doubts {
    doubt *v;
    size_t n;
    ra_lookup *looks;    /* of those that aren't settled, in their order */
    bool second;         /* what is read now is read a second time */
    bool reads;          /* one of the bounded number */
    struct event *timer; /* the moment; made once */
};

/* ---- what is in question ---- */

static bool is_index(const ra_part *part)
{
    return part->look.nguards > 1;
}

static void count(ra_request *r, size_t part, enum ra_compared result)
{
    ra_meter_compared(r->loop->meter, r->op.parts[part].policy->subject, result);
}

static void count_equal(ra_request *r, size_t part)
{
    count(r, part, is_index(&r->op.parts[part]) ? RA_COMPARED_INDEX_EQUAL : RA_COMPARED_EQUAL);
}

/* NULL: no memory. */
static ra_request_doubts *doubts_of(ra_request *r)
{
    if (r->doubts)
        return r->doubts;
    ra_request_doubts *d = ra_arena_alloc(&r->arena, sizeof *d);
    if (!d)
        return NULL;
    *d = (ra_request_doubts){.v = ra_arena_array(&r->arena, r->op.nparts, sizeof *d->v),
                             .looks = ra_arena_array(&r->arena, r->op.nparts, sizeof *d->looks)};
    if (d->v && d->looks)
        r->doubts = d;
    return r->doubts;
}

static bool add_doubt(ra_request *r, size_t part, ra_payload *upstream)
{
    ra_request_doubts *d = doubts_of(r);
    if (!d)
        return false;
    d->v[d->n++] = (doubt){.part = part,
                           .cached = ra_payload_ref(r->op.parts[part].look.payload),
                           .upstream = upstream ? ra_payload_ref(upstream) : NULL};
    return true;
}

static void end_read(ra_request *r)
{
    if (r->doubts->reads)
        ra_mismatches_end_read(r->loop->server->mismatches);
    r->doubts->reads = false;
}

void ra_request_free_doubts(ra_request *r)
{
    ra_request_doubts *d = r->doubts;
    if (!d)
        return;
    end_read(r);
    for (size_t i = 0; i < d->n; i++) {
        ra_payload_unref(d->v[i].cached);
        ra_payload_unref(d->v[i].upstream);
    }
    if (d->timer)
        event_free(d->timer);
    r->doubts = NULL;
}

static bool any_left(const ra_request_doubts *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (!d->v[i].settled)
            return true;
    return false;
}

static void settle(ra_request *r, doubt *d, enum ra_compared result)
{
    d->settled = true;
    count(r, d->part, result);
}

static enum ra_step settle_all(ra_request *r, enum ra_compared result)
{
    for (size_t i = 0; i < r->doubts->n; i++)
        if (!r->doubts->v[i].settled)
            settle(r, &r->doubts->v[i], result);
    return ra_request_go(r, RA_FINISHED);
}

static ra_bytes body_of(const ra_payload *p)
{
    return (ra_bytes){p->body, p->len};
}

/* ---- where it begins ---- */

void ra_request_compare_part(ra_request *r, size_t part, ra_payload *upstream)
{
    switch (ra_compare_bodies(body_of(r->op.parts[part].look.payload), body_of(upstream))) {
    case RA_SAME:
        count_equal(r, part);
        return;
    case RA_DIFFERENT:
        if (add_doubt(r, part, upstream))
            return;
        break;
    case RA_UNCLEAR:
        break;
    }
    count(r, part, RA_COMPARED_FAILED);
}

static bool draws(uint32_t ppm)
{
    return ppm && ra_random() % WHOLE < ppm;
}

bool ra_compare_draws(ra_loop *l)
{
    return l->compare_drawn = draws(l->config->compare_most);
}

/* Those that the express way has passed on were drawn at the highest share of any table. */
static bool is_drawn(ra_request *r)
{
    const ra_config *c = r->config;
    uint32_t share = r->op.tables[r->op.parts[0].table].config->compare;
    if (!c->compare_most)
        return false;
    bool drawn = r->loop->compare_drawn;
    r->loop->compare_drawn = false;
    return drawn ? share == c->compare_most || ra_random() % c->compare_most < share : draws(share);
}

void ra_request_draw(ra_request *r)
{
    ra_op *op = &r->op;
    if (!is_drawn(r) || r->loop->draining)
        return;
    bool may = ra_mismatches_may_read(r->loop->server->mismatches, ra_clock_monotonic());
    for (size_t i = 0; i < op->nparts; i++)
        if (!may || !add_doubt(r, i, NULL))
            count(r, i, RA_COMPARED_SKIPPED);
    if (r->doubts)
        r->doubts->reads = true;
    else if (may)
        ra_mismatches_end_read(r->loop->server->mismatches);
}

enum ra_step ra_request_answered(ra_request *r)
{
    if (!r->doubts)
        return ra_request_go(r, RA_FINISHED);
    return ra_request_go(r, r->doubts->v[0].upstream ? RA_CHECKING : RA_COMPARING);
}

/* ---- reading ---- */

enum ra_step ra_request_compare(ra_request *r)
{
    ra_request_doubts *d = r->doubts;
    if (r->loop->draining)
        return settle_all(r, RA_COMPARED_FAILED);
    if (!d->reads)
        d->reads = ra_mismatches_may_read(r->loop->server->mismatches, ra_clock_monotonic());
    if (!d->reads || !ra_op_read_consistently(&r->op))
        return settle_all(r, RA_COMPARED_FAILED);
    for (size_t i = 0; i < r->op.nparts; i++)
        r->op.parts[i].upstream = false;
    for (size_t i = 0; i < d->n; i++)
        if (!d->v[i].settled)
            r->op.parts[d->v[i].part].upstream = true;
    r->as_asked = false;
    ra_http_reply_unref(r->reply);
    r->reply = NULL;
    ra_meter_compare_read(r->loop->meter, r->op.parts[d->v[0].part].policy->subject);
    return ra_request_send(r, false, RA_COMPARED);
}

/* What it says of one entry. */
static void judge(ra_request *r, doubt *d, ra_payload *upstream)
{
    ra_payload_unref(d->upstream);
    d->upstream = ra_payload_ref(upstream);
    enum ra_sameness is = ra_compare_bodies(body_of(d->cached), body_of(upstream));
    d->settled = is != RA_DIFFERENT;
    if (is == RA_SAME)
        count_equal(r, d->part);
    else if (is == RA_UNCLEAR)
        count(r, d->part, RA_COMPARED_FAILED);
}

enum ra_step ra_request_compared(ra_request *r)
{
    ra_request_doubts *d = r->doubts;
    ra_cacheable *c = NULL;
    size_t n = 0;
    end_read(r);
    if (!r->reply || r->reply->result != RA_HTTP_OK || r->reply->status != 200 ||
        !ra_op_read_cacheable(&r->op, r->reply, ra_clock_wall(), &c, &n))
        return settle_all(r, RA_COMPARED_FAILED);
    ra_request_count_units(r);
    for (size_t i = 0; i < d->n; i++) {
        ra_payload *upstream = NULL;
        for (size_t k = 0; k < n; k++)
            if (c[k].part == d->v[i].part)
                upstream = c[k].payload;
        if (d->v[i].settled)
            continue;
        if (upstream)
            judge(r, &d->v[i], upstream);
        else
            settle(r, &d->v[i], RA_COMPARED_FAILED);
    }
    for (size_t k = 0; k < n; k++)
        ra_payload_unref(c[k].payload);
    return ra_request_go(r, any_left(d) ? RA_CHECKING : RA_FINISHED);
}

/* ---- looking up again ---- */

enum ra_step ra_request_check(ra_request *r)
{
    ra_request_doubts *d = r->doubts;
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) {
        if (d->v[i].settled)
            continue;
        const ra_lookup *was = &r->op.parts[d->v[i].part].look;
        d->looks[n++] = (ra_lookup){.unit = was->unit,
                                    .request = was->request,
                                    .guard = {was->guard[0], was->guard[1]},
                                    .nguards = was->nguards,
                                    .exact = true, /* what this process holds may be behind the store */
                                    .tag = was->tag,
                                    .ttl = was->ttl,
                                    .negative_ttl = was->negative_ttl};
    }
    r->call = (ra_store_call){.done = ra_request_store_done, .arg = r};
    r->state = RA_CHECKED;
    r->asked_us = ra_clock_monotonic_us();
    bool pending =
        ra_store_lookup(r->loop->store, ra_clock_monotonic(), d->looks, n, &r->call) == RA_STORE_PENDING;
    return pending ? RA_SUSPENDED : RA_GO;
}

/* The very entry, and not another of the same name? */
static bool is_there(const ra_lookup *look, const ra_payload *cached)
{
    const ra_payload *p = look->payload;
    return look->outcome == RA_LOOKUP_HIT && p &&
           (p == cached ||
            (p->filled_ms == cached->filled_ms && p->crc32 == cached->crc32 && p->len == cached->len));
}

/* It isn't served again. */
static void convict(ra_request *r, doubt *d)
{
    const ra_part *part = &r->op.parts[d->part];
    ra_server *s = r->loop->server;
    int64_t now = ra_clock_monotonic();
    ra_mismatch m = {.operation = ra_op_kind_name(r->op.kind),
                     .index = is_index(part),
                     .observed = r->observed,
                     .unit = part->look.unit,
                     .request = part->look.request,
                     .filled = d->cached->filled_ms,
                     .cached = body_of(d->cached),
                     .upstream = body_of(d->upstream)};
    m.table = ra_metrics_subject(s->metrics, part->policy->subject, &m.pattern);
    settle(r, d, m.index ? RA_COMPARED_INDEX_LAG : RA_COMPARED_MISMATCH);
    ra_store_invalidate(r->loop->store, now, &part->look.unit, 1);
    ra_meter_invalidation(r->loop->meter, part->policy->subject, RA_CAUSE_MISMATCH, &part->look.unit, now);
    ra_mismatches_note(s->mismatches, &m, r->config->admin.show_keys);
}

static void waited(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ra_request_resume(ra_request_of(arg), RA_COMPARING);
}

/* ms within which the store has been told of a write that is under way, or is known not to have been. */
static int64_t moment(const ra_config *c)
{
    switch (c->cache.store) {
    case RA_STORE_KIND_REDIS:
        return 2 * c->cache.redis.command_timeout;
    case RA_STORE_KIND_MOMENTO:
        return MOMENTO_TAKES;
    default:
        return 0;
    }
}

static enum ra_step read_again(ra_request *r)
{
    ra_request_doubts *d = r->doubts;
    int64_t ms = moment(r->config);
    struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    d->second = true;
    if (ms == 0)
        return ra_request_go(r, RA_COMPARING);
    d->timer = evtimer_new(r->loop->base, waited, r);
    if (!d->timer || evtimer_add(d->timer, &t) != 0)
        return settle_all(r, RA_COMPARED_FAILED);
    return RA_SUSPENDED;
}

enum ra_step ra_request_checked(ra_request *r)
{
    ra_request_doubts *d = r->doubts;
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) {
        doubt *one = &d->v[i];
        if (one->settled)
            continue;
        ra_lookup *look = &d->looks[n++];
        bool there = is_there(look, one->cached);
        ra_payload_unref(look->payload);
        look->payload = NULL;
        if (!there)
            settle(r, one, RA_COMPARED_RACED);
        else if (d->second)
            convict(r, one);
    }
    return any_left(d) ? read_again(r) : ra_request_go(r, RA_FINISHED);
}
