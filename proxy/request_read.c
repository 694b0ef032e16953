/* A request's states: reads. */
#include "cache/expiry.h"
#include "cache/random.h"
#include "proxy/clock.h"
#include "proxy/express.h"
#include "proxy/freshness.h"
#include "proxy/log.h"
#include "proxy/request_states.h"

enum { FLIGHT_NAME_MAX = 4 * 1024 * 1024 }; /* a hundred keys and names have room in it many times over */

/* Asks the store for v[]; the request goes on in state `then`. */
static enum ra_step ask(ra_request *r, ra_lookup *v, size_t n, enum ra_request_state then)
{
    r->call = (ra_store_call){.done = ra_request_store_done, .arg = r};
    r->state = then;
    if (ra_store_lookup(r->loop->store, r->missed_at, v, n, &r->call) != RA_STORE_PENDING)
        return RA_GO;
    r->asked_us = ra_clock_monotonic_us();
    return RA_SUSPENDED;
}

/* The parts go upstream without tokens: nothing is filled. */
static enum ra_step bypass(ra_request *r, const char *reason)
{
    r->detail = reason;
    r->lookups = NULL;
    for (size_t i = 0; i < r->op.nparts; i++)
        ra_lookup_bypass(&r->op.parts[i].look, reason);
    return ra_request_go(r, RA_LOOKED_UP);
}

enum ra_step ra_request_look_up(ra_request *r)
{
    ra_op *op = &r->op;
    r->fresh_as_of =
        ra_request_fresh_as_of(r); /* before the store is asked: it is true of what is found then */
    r->missed_at_us = ra_clock_monotonic_us();
    r->missed_at = r->missed_at_us / 1000;
    r->missed_wall = ra_clock_wall();
    for (size_t i = 0; i < op->nparts; i++) {
        ra_part *p = &op->parts[i];
        p->look.exact = op->tables[p->table].config->consistency == RA_LINEARIZABLE;
        p->look.tag = ra_meter_tag(p->policy->subject, op->kind) | (p->consistent ? RA_TAG_CONSISTENT : 0);
        p->look.ttl = p->policy->ttl;
        p->look.negative_ttl = p->policy->negative_ttl;
    }
    r->observed = ra_request_is_observed(r);
    if (ra_request_lags(r))
        return bypass(r, "stream-lag");
    if (op->nparts == 1) {
        op->parts[0].look.awaits = op->kind != RA_OP_BATCH_GET_ITEM && !r->await_timer && !r->observed;
        return ask(r, &op->parts[0].look, 1, RA_LOOKED_UP);
    }
    r->lookups = ra_arena_array(&r->arena, op->nparts, sizeof *r->lookups);
    if (!r->lookups)
        return bypass(r, "no-memory");
    for (size_t i = 0; i < op->nparts; i++)
        r->lookups[i] = op->parts[i].look;
    return ask(r, r->lookups, op->nparts, RA_LOOKED_UP);
}

static ra_verdict served(const ra_request *r, const ra_lookup *look, bool stale)
{
    int64_t now = ra_clock_wall();
    int64_t filled = look->payload ? look->payload->filled_ms : now;
    return (ra_verdict){.cache = stale ? RA_X_STALE : RA_X_HIT,
                        .age = (now - filled) / 1000,
                        .ttl = look->expires_in / 1000,
                        .fresh_as_of = r->fresh_as_of,
                        .detail = stale        ? "stale"
                                  : look->near ? "near"
                                               : r->detail};
}

static void answer_cached(ra_request *r, ra_lookup *look, bool stale)
{
    ra_verdict v = served(r, look, stale);
    ra_payload *payload = look->payload;
    ra_request_count_reads(r, stale);
    look->payload = NULL;
    ra_request_answer_payload(r, payload, &v);
}

static void drop_payload(ra_lookup *look)
{
    ra_payload_unref(look->payload);
    look->payload = NULL;
}

static bool flight_name(const ra_request *r, ra_key *name);

/* Another process is filling it, and nobody in this one, whom it could join. */
static bool should_await(const ra_request *r, const ra_lookup *look)
{
    ra_key name;
    return look->awaits && look->filling_for >= 0 && flight_name(r, &name) &&
           !ra_flight_exists(r->loop->server->flights, &name);
}

/* What its bytes mean, for the express way; only of what came over the wire API. */
static void learn(const ra_request *r, const ra_lookup *look)
{
    const ra_alias_asked asked = {.principal = r->access_key ? r->access_key->serial : 0,
                                  .target = ra_bytes_z(r->target),
                                  .body = r->body};
    /* There nobody would say how fresh it is. */
    bool tells = r->op.tables[r->op.parts[0].table].config->fresh_as_of;
    if (!r->route && !r->asker && !tells)
        ra_express_learn(r->loop->express, r->config, r->tables_version, &asked, look);
}

/* GetItem and Query: the one entry decides. */
static enum ra_step looked_up_one(ra_request *r)
{
    ra_part *part = &r->op.parts[0];
    ra_lookup *look = &part->look;
    ra_freshness_judge(look, ra_clock_wall());
    part->upstream = look->outcome != RA_LOOKUP_HIT;
    switch (look->outcome) {
    case RA_LOOKUP_HIT:
        learn(r, look);
        ra_request_draw(r);
        answer_cached(r, look, false);
        return ra_request_answered(r);
    case RA_LOOKUP_STALE:
        /* Strictly less: with 0 never, not even in the ms in which it expires. */
        if (-look->expires_in < part->policy->stale_while_revalidate) {
            r->refreshing = true;
            answer_cached(r, look, true);
        }
        drop_payload(look);
        return ra_request_go(r, RA_JOINING);
    case RA_LOOKUP_MISS:
        return ra_request_go(r, should_await(r, look) ? RA_AWAITING : RA_JOINING);
    case RA_LOOKUP_BYPASS:
        break;
    }
    r->detail = look->reason;
    return ra_request_go(r, RA_FETCHING);
}

/* A batch of hits is as old as its oldest part and lives as long as the one that expires first. */
static ra_verdict served_together(const ra_request *r)
{
    ra_verdict all = served(r, &r->op.parts[0].look, false);
    for (size_t i = 1; i < r->op.nparts; i++) {
        ra_verdict one = served(r, &r->op.parts[i].look, false);
        all.age = one.age > all.age ? one.age : all.age;
        all.ttl = one.ttl < all.ttl ? one.ttl : all.ttl;
        all.detail = one.detail ? all.detail : NULL; /* near: if all of them were */
    }
    return all;
}

/* BatchGetItem: every part that isn't a hit goes upstream in one request. */
static enum ra_step looked_up_many(ra_request *r)
{
    ra_op *op = &r->op;
    size_t missing = op->nuncached;
    int64_t now = ra_clock_wall();
    for (size_t i = 0; i < op->nparts; i++) {
        ra_lookup *look = &op->parts[i].look;
        if (r->lookups)
            *look = r->lookups[i];
        ra_freshness_judge(look, now);
        if (look->outcome != RA_LOOKUP_HIT)
            drop_payload(look);
        op->parts[i].upstream = look->outcome != RA_LOOKUP_HIT;
        missing += op->parts[i].upstream;
        if (look->outcome == RA_LOOKUP_BYPASS && !r->detail)
            r->detail = look->reason; /* the first part's stands for all */
    }
    if (missing)
        return ra_request_go(r, RA_JOINING);
    ra_buf body;
    ra_buf_init(&body, r->config->upstream.max_reply);
    ra_verdict v = served_together(r);
    ra_request_count_reads(r, false);
    ra_request_draw(r);
    if (ra_op_read_reply(op, NULL, false, &body))
        ra_request_answer_made(r, NULL, &body, &v);
    else
        ra_request_answer_error(r, 503, RA_TYPE_UNAVAILABLE, "readaside: out of memory");
    ra_buf_free(&body);
    return ra_request_answered(r);
}

enum ra_step ra_request_looked_up(ra_request *r)
{
    if (r->observed)
        return ra_request_observe(r);
    return r->op.kind == RA_OP_BATCH_GET_ITEM ? looked_up_many(r) : looked_up_one(r);
}

/* ---- flights ---- */

/* The leader's deadline is not this reader's, who came later. */
static bool timed_out(const ra_http_reply *reply)
{
    return reply && reply->result == RA_HTTP_TIMEOUT;
}

/* An error's text may name what only the leader's request has, such as its placeholders. */
static bool is_personal(const ra_http_reply *reply)
{
    return reply && reply->result == RA_HTTP_OK && reply->status >= 400 && reply->status < 500 &&
           !ra_reply_is_throttled(reply);
}

static void woken(ra_seat *seat, ra_http_reply *reply_take)
{
    ra_request *r = ra_request_of(seat->arg);
    r->waits = false;
    bool again = timed_out(reply_take) && !r->again && r->op.kind != RA_OP_BATCH_GET_ITEM;
    if (!again && !is_personal(reply_take)) {
        r->collapsed = true;
        r->reply = reply_take;
        ra_request_resume(r, RA_FILLING);
        return;
    }
    ra_http_reply_unref(reply_take);
    r->again = true;
    ra_request_resume(r, again ? RA_LOOKING_UP : RA_FETCHING);
}

static void cancel_upstream(ra_request *r)
{
    if (r->upstream)
        ra_upstream_cancel(r->upstream);
    r->upstream = NULL;
}

/* This leader's client had left, and now its last waiter has. */
static void idle(ra_seat *seat)
{
    ra_request *r = ra_request_of(seat->arg);
    if (r->http || r->asker || r->refreshing || !r->leads || !ra_flight_orphan(seat))
        return;
    r->leads = false;
    cancel_upstream(r);
    ra_request_resume(r, RA_FINISHED);
}

static bool add_generation(ra_buf *parts, const ra_generation *g)
{
    return ra_key_part(parts, (ra_bytes){(const char *)g->b, g->len});
}

/* A flight's name covers what is asked and the tokens; of a batch also how its tables are written, since the
 * reply repeats that. */
static bool flight_name(const ra_request *r, ra_key *name)
{
    const ra_op *op = &r->op;
    ra_buf b;
    ra_buf_init(&b, FLIGHT_NAME_MAX);
    ra_key_part_z(&b, op->name);
    for (size_t i = 0; i < op->nparts; i++) {
        const ra_part *p = &op->parts[i];
        if (!p->upstream)
            continue;
        ra_key_part_key(&b, &p->look.unit);
        ra_key_part_key(&b, &p->look.request);
        add_generation(&b, &p->look.token.unit);
        for (unsigned g = 0; g < p->look.nguards; g++)
            add_generation(&b, &p->look.token.guard[g]);
        if (op->kind == RA_OP_BATCH_GET_ITEM)
            ra_key_part(&b, op->tables[p->table].given);
    }
    bool ok = ra_key_digest(&b, name);
    ra_buf_free(&b);
    return ok;
}

/* Only a read whose every missing part has a token may share. */
static bool may_share(const ra_request *r)
{
    const ra_op *op = &r->op;
    if (op->kind == RA_OP_BATCH_GET_ITEM && (op->nuncached || op->capacity_asked))
        return false;
    for (size_t i = 0; i < op->nparts; i++)
        if (op->parts[i].upstream && op->parts[i].look.outcome == RA_LOOKUP_BYPASS)
            return false;
    return true;
}

enum ra_step ra_request_join(ra_request *r)
{
    ra_key name;
    if (!may_share(r) || !flight_name(r, &name))
        return ra_request_go(r, RA_FETCHING);
    r->seat = (ra_seat){.mailbox = r->loop->mailbox, .woken = woken, .idle = idle, .arg = r};
    switch (ra_flight_join(r->loop->server->flights, &name, &r->seat)) {
    case RA_FLIGHT_LEAD:
        r->leads = true;
        break;
    case RA_FLIGHT_ALONE:
        break;
    case RA_FLIGHT_WAIT:
        if (r->refreshing) { /* somebody refreshes already */
            ra_flight_leave(&r->seat);
            return ra_request_go(r, RA_FINISHED);
        }
        r->waits = true;
        return RA_SUSPENDED;
    }
    return ra_request_go(r, RA_FETCHING);
}

/* ---- fetching, filling ---- */

enum ra_step ra_request_fetch(ra_request *r)
{
    return ra_request_send(r, false, RA_FILLING);
}

static enum ra_filled fill_one(ra_request *r, const ra_cacheable *c, int64_t now)
{
    static const enum ra_filled filled[] = {[RA_FILL_STORED] = RA_FILLED,
                                            [RA_FILL_OVERTAKEN] = RA_FILL_BY_WRITE,
                                            [RA_FILL_TOO_LARGE] = RA_FILL_LARGE,
                                            [RA_FILL_FULL] = RA_FILL_NO_ROOM,
                                            [RA_FILL_QUEUED] = RA_FILLED};
    const ra_part *part = &r->op.parts[c->part];
    const ra_lookup *look = &part->look;
    const ra_policy *policy = part->policy;
    int64_t ttl = c->negative ? policy->negative_ttl : policy->ttl;
    int64_t left =
        ra_expiry_left(ra_expiry_jittered(ttl, policy->ttl_jitter, (uint32_t)ra_random()), r->missed_at, now);
    int64_t keep = policy->stale_while_revalidate > policy->stale_if_error ? policy->stale_while_revalidate
                                                                           : policy->stale_if_error;
    if (left <= 0)
        return RA_FILL_OVERDUE;
    ra_fill fill = {.unit = look->unit,
                    .request = look->request,
                    .token = look->token,
                    .guard = {look->guard[0], look->guard[1]},
                    .nguards = look->nguards,
                    .payload = c->payload,
                    .ttl = left,
                    .keep = keep,
                    .group = policy->subject};
    return filled[ra_store_fill(r->loop->store, now, &fill)];
}

/* What upstream says of one part goes to the store, if it may. Whether it did. */
static bool take_one(ra_request *r, const ra_cacheable *c, int64_t now)
{
    ra_part *part = &r->op.parts[c->part];
    part->told = true;
    part->bytes = c->payload->len;
    part->none = c->negative;
    part->blocks = c->blocks;
    if (part->look.outcome == RA_LOOKUP_BYPASS)
        return false;
    if (part->look.outcome == RA_LOOKUP_HIT) { /* observed */
        ra_request_compare_part(r, c->part, c->payload);
        return false;
    }
    enum ra_filled result = fill_one(r, c, now);
    ra_request_count_fill(r, part, result);
    return result == RA_FILLED;
}

/* Whether anything was stored. */
static bool fill_all(ra_request *r)
{
    ra_cacheable *c = NULL;
    size_t n = 0;
    bool stored = false;
    int64_t now = ra_clock_monotonic();
    if (!ra_op_read_cacheable(&r->op, r->reply, r->missed_wall, &c, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        stored |= take_one(r, &c[i], now);
        ra_payload_unref(c[i].payload);
    }
    return stored;
}

static bool is_failure(const ra_http_reply *reply)
{
    return !reply || reply->result != RA_HTTP_OK || reply->status >= 500 || ra_reply_is_throttled(reply);
}

static ra_verdict fetched_verdict(const ra_request *r, bool stored)
{
    bool missed = r->op.nparts && !r->op.bypass && !r->observed;
    bool bypassed = missed; /* all of it */
    bool partial = false;
    for (size_t i = 0; i < r->op.nparts; i++) {
        bypassed &= r->op.parts[i].look.outcome == RA_LOOKUP_BYPASS;
        partial |= !r->op.parts[i].upstream;
    }
    return (ra_verdict){.cache = missed && !bypassed ? RA_X_MISS : RA_X_BYPASS,
                        .forward = partial               ? "partial"
                                   : missed && !bypassed ? "miss"
                                                         : "bypass",
                        .detail = r->detail,
                        .stored = stored,
                        .collapsed = r->collapsed};
}

/* Those that upstream has said nothing of that could be stored. */
static void count_untold(ra_request *r)
{
    for (size_t i = 0; i < r->op.nparts && !r->collapsed; i++) {
        const ra_part *part = &r->op.parts[i];
        if (!part->upstream || part->told || part->look.outcome == RA_LOOKUP_BYPASS)
            continue;
        if (part->look.outcome == RA_LOOKUP_HIT) /* observed */
            ra_meter_compared(r->loop->meter, part->policy->subject, RA_COMPARED_FAILED);
        else
            ra_request_count_fill(r, part, RA_FILL_REPLY);
    }
}

static enum ra_step answer_fetched(ra_request *r, const ra_verdict *v)
{
    ra_request_count_reads(r, r->stale_observed);
    bool good = r->reply && r->reply->result == RA_HTTP_OK && r->reply->status == 200;
    if (!good || !ra_op_read_rewrites(&r->op, r->collapsed)) {
        ra_request_answer_upstream(r, v);
        return ra_request_answered(r);
    }
    ra_buf body;
    ra_buf_init(&body, 2 * r->config->upstream.max_reply);
    if (ra_op_read_reply(&r->op, r->reply, r->collapsed, &body))
        ra_request_answer_made(r, r->reply, &body, v);
    else
        ra_request_answer_error(r, 503, RA_TYPE_UNAVAILABLE, "readaside: DynamoDB's reply isn't understood");
    ra_buf_free(&body);
    return ra_request_answered(r);
}

/* Stale entries are served whole, to a GetItem or a Query: a batch would have to be put together from
 * several. */
static bool may_fall_back(const ra_request *r)
{
    return r->op.kind != RA_OP_BATCH_GET_ITEM && r->op.nparts == 1 && !r->observed &&
           r->op.parts[0].policy->stale_if_error > 0 && !ra_request_lags(r);
}

/*
 * The store is filled before the flight lands: who comes between the two would find neither and read upstream
 * again.
 */
enum ra_step ra_request_fill(ra_request *r)
{
    bool stored = false;
    ra_request_learn_await(r);
    if (!r->collapsed && r->reply && r->reply->result == RA_HTTP_OK && r->reply->status == 200)
        stored = fill_all(r);
    if (r->collapsed)
        ra_request_take_blocks(r);
    else
        ra_request_count_units(r);
    count_untold(r);
    if (r->leads) {
        ra_request_note_blocks(r);
        ra_flight_land(&r->seat, r->reply);
        r->leads = false;
    }
    ra_request_doubt_tables(r);
    if (is_failure(r->reply) && (r->http || r->asker) && may_fall_back(r))
        return ra_request_go(r, RA_FALLING_BACK);
    ra_verdict v = fetched_verdict(r, stored);
    return answer_fetched(r, &v);
}

/* ---- stale if error ---- */

/* Asked anew: a write may have come since the first look, and then what was stale is void. */
enum ra_step ra_request_fall_back(ra_request *r)
{
    r->fresh_as_of = ra_request_fresh_as_of(r);
    r->missed_at = ra_clock_monotonic();
    r->op.parts[0].look.awaits = false;
    return ask(r, &r->op.parts[0].look, 1, RA_FALLEN_BACK);
}

enum ra_step ra_request_fallen_back(ra_request *r)
{
    ra_lookup *look = &r->op.parts[0].look;
    ra_freshness_judge(look, ra_clock_wall());
    bool hit = look->outcome == RA_LOOKUP_HIT;
    bool stale =
        look->outcome == RA_LOOKUP_STALE && -look->expires_in < r->op.parts[0].policy->stale_if_error;
    if (hit || stale) {
        answer_cached(r, look, stale);
        return ra_request_go(r, RA_FINISHED);
    }
    drop_payload(look);
    ra_verdict v = fetched_verdict(r, false);
    return answer_fetched(r, &v);
}

/* ---- the client leaves ---- */

bool ra_request_leave_read(ra_request *r)
{
    if (r->wait.arg) {
        ra_tables_leave(r->loop->server->tables, &r->wait);
        return true;
    }
    if (r->call.pending) {
        ra_store_cancel(r->loop->store, &r->call);
        return true;
    }
    if (r->waits) {
        ra_flight_leave(&r->seat);
        return true;
    }
    if (r->leads && !ra_flight_orphan(&r->seat))
        return false; /* others wait for it */
    r->leads = false;
    cancel_upstream(r);
    return true;
}
