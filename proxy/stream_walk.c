#include "proxy/clock.h"
#include "proxy/ddb_call.h"
#include "proxy/log.h"
#include "proxy/stream_walk_parts.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAGIC = 0x77616c6b, RESCAN = 60 * 1000, BATCH = 1000 };

/* ---- what the parts need ---- */

int64_t ra_walk_now(const ra_stream_walk *w)
{
    return w->api->monotonic ? w->api->monotonic(w->api->arg) : ra_clock_monotonic();
}

int64_t ra_walk_wall(const ra_stream_walk *w)
{
    return w->api->wall ? w->api->wall(w->api->arg) : ra_clock_wall();
}

bool ra_walk_stopped(const ra_stream_walk *w)
{
    return atomic_load(&w->stopped);
}

ra_http_reply *ra_walk_call(ra_stream_walk *w, const char *operation, const ra_buf *body)
{
    return ra_buf_ok(body) ? w->api->call(w->api->arg, operation, ra_buf_bytes(body), RA_WALK_TIMEOUT) : NULL;
}

void ra_walk_owe(ra_stream_walk *w, const char *why)
{
    if (!w->owed)
        w->owed = why;
}

void ra_walk_unable(ra_stream_walk *w, const char *why, bool for_good)
{
    if (w->once && !w->fatal[0] && (for_good || ++w->failures >= RA_WALK_TRIES))
        snprintf(w->fatal, sizeof w->fatal, "%s", why);
}

/* Counted anew each time, for readers are forgotten with their shards. */
static bool any_failing(const ra_stream_walk *w)
{
    bool any = w->failing;
    for (size_t i = 0; w->shards && i < ra_shards_count(w->shards) && !any; i++) {
        const ra_stream_reader *r = ra_shards_at(w->shards, i)->arg;
        any = r && r->failing;
    }
    return any;
}

void ra_walk_failed(ra_stream_walk *w, bool *failing, const char *what, const ra_http_reply *r)
{
    if (ra_walk_stopped(w))
        return;
    ra_buf text;
    ra_buf_init(&text, RA_WALK_WHY_MAX);
    ra_buf_addf(&text, "%s: ", what);
    if (ra_ddb_succeeded(r))
        ra_buf_add_z(&text, "a reply that isn't DynamoDB's");
    else
        ra_ddb_describe_reply("DynamoDB", r, &text);
    ra_buf_add_char(&text, '\0');
    const char *why = ra_buf_ok(&text) ? text.p : what;
    if (!any_failing(w))
        ra_log(RA_LOG_WARNING, "stream of %s: %s; it is tried again", w->o.table, why);
    *failing = true;
    ra_walk_unable(w, why, !ra_ddb_may_pass(r) && r && r->result == RA_HTTP_OK);
    ra_buf_free(&text);
}

void ra_walk_well(ra_stream_walk *w, bool *failing)
{
    w->failures = 0;
    bool was = *failing;
    *failing = false;
    if (was && !any_failing(w))
        ra_log(RA_LOG_INFO, "stream of %s: it can be read again", w->o.table);
}

/* ---- making ---- */

ra_stream_walk *ra_stream_walk_new(const ra_stream_options *o, const ra_stream_api *api,
                                   const ra_stream_keeper *keeper, const ra_stream_handler *handler)
{
    ra_stream_walk *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    *w = (ra_stream_walk){
        .magic = MAGIC, .o = *o, .api = api, .keeper = keeper, .handler = handler, .first = true};
    if (!w->o.rescan)
        w->o.rescan = RESCAN;
    if (!w->o.batch || w->o.batch > BATCH)
        w->o.batch = BATCH;
    if (w->o.lease < 3)
        w->o.lease = 3;
    return w;
}

void ra_stream_walk_free(ra_stream_walk *w)
{
    if (!w)
        return;
    ra_shards_free(w->shards);
    w->magic = 0;
    free(w);
}

void ra_stream_walk_stop(ra_stream_walk *w)
{
    atomic_store(&w->stopped, true);
    if (w->api->stop)
        w->api->stop(w->api->arg);
}

/* ---- a round ---- */

/* Shards that are skipped are noted as finished so that nobody reads them later. */
static void note_skipped(ra_stream_walk *w, ra_shard *s)
{
    ra_stream_reader *r = s->arg;
    int64_t now = ra_walk_now(w);
    if (!r || !r->unnoted || now < r->next_hold)
        return;
    ra_shard told = *s;
    r->next_hold = now + RA_WALK_AGAIN;
    enum ra_keeper_step step = w->keeper->hold(w->keeper->arg, w->arn, &told);
    if (step == RA_KEEPER_HELD) {
        r->unnoted = !w->keeper->note(w->keeper->arg, w->arn, s);
        w->keeper->release(w->keeper->arg, w->arn, s);
    } else if (step == RA_KEEPER_OTHERS)
        r->unnoted = false; /* who holds it has another opinion of it, and reads it */
}

/* What could be noted only once `lost` was told. */
static void note_settled(ra_stream_walk *w, ra_shard *s)
{
    ra_stream_reader *r = s->arg;
    note_skipped(w, s);
    if (r && r->reset && r->held && !s->finished)
        r->reset = !ra_walk_note(w, s);
}

/* Tells what is owed. false: it couldn't be told, and nothing may be read. */
static bool settle(ra_stream_walk *w)
{
    int64_t now = ra_walk_now(w), wall = ra_walk_wall(w);
    if (!w->owed)
        return true;
    if (now < w->next_owed || ra_walk_stopped(w))
        return false;
    if (!w->handler->lost(w->handler->arg, w->owed)) {
        w->next_owed = ra_walk_now(w) + RA_WALK_AGAIN;
        ra_walk_unable(w, w->owed, false);
        return false;
    }
    w->owed = NULL;
    w->lost_at = wall;
    return true;
}

static void each(ra_stream_walk *w, void (*f)(ra_stream_walk *w, ra_shard *s))
{
    size_t n = w->shards ? ra_shards_count(w->shards) : 0;
    for (size_t i = 0; i < n && !ra_walk_stopped(w); i++)
        f(w, ra_shards_at(w->shards, i));
}

/* With many shards, or slow replies, a round takes longer than a lease: so it is renewed when it is needed,
 * or the last ones' would always have run out. */
static void hold_and_read(ra_stream_walk *w, ra_shard *s)
{
    ra_walk_hold(w, s);
    ra_walk_read(w, s);
    if (s->finished) /* before a listing has it forgotten */
        ra_walk_release(w, s);
}

/* What has been handled until a time that is yet to come isn't known: a clock was wrong then, or is now. */
static void forget_the_future(ra_stream_walk *w)
{
    int64_t latest = ra_walk_wall(w) + RA_CLOCKS_APART;
    for (size_t i = 0; w->shards && i < ra_shards_count(w->shards); i++) {
        ra_shard *s = ra_shards_at(w->shards, i);
        if (s->drained_ms > latest)
            s->drained_ms = 0;
    }
}

static void one_round(ra_stream_walk *w)
{
    ra_walk_look(w);
    if (w->opened) {
        each(w, ra_walk_hold);
        each(w, ra_walk_pin);
    }
    if (settle(w) && w->opened) {
        each(w, note_settled);
        each(w, hold_and_read);
    }
    if (ra_walk_stopped(w))
        return;
    forget_the_future(w);
    bool known = w->opened && !w->ending && !w->owed;
    w->handler->watermark(w->handler->arg, known ? ra_shards_watermark(w->shards) : 0);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When something is due next. */
static int64_t next_due(const ra_stream_walk *w)
{
    int64_t due = ra_walk_look_due(w);
    if (w->owed)
        due = earlier(due, w->next_owed);
    for (size_t i = 0; w->opened && i < ra_shards_count(w->shards); i++) {
        const ra_shard *s = ra_shards_at(w->shards, i);
        const ra_stream_reader *r = s->arg;
        bool ready = ra_shards_ready(w->shards, s);
        if (r && (ready || (r->unnoted && !w->owed)))
            due = earlier(due, r->next_hold);
        if (r && r->held && ready && !w->owed)
            due = earlier(due, r->next_read);
    }
    return due;
}

/* ---- running ---- */

static bool all_read(const ra_stream_walk *w)
{
    for (size_t i = 0; i < ra_shards_count(w->shards); i++) {
        const ra_shard *s = ra_shards_at(w->shards, i);
        const ra_stream_reader *r = s->arg;
        if (r && r->wanted && !s->finished && !r->at_end)
            return false;
    }
    return true;
}

static bool done(const ra_stream_walk *w)
{
    return w->once && (w->fatal[0] || (w->opened && !w->owed && all_read(w)));
}

static void release_all(ra_stream_walk *w)
{
    size_t n = w->shards ? ra_shards_count(w->shards) : 0;
    for (size_t i = 0; i < n; i++)
        ra_walk_release(w, ra_shards_at(w->shards, i));
}

bool ra_stream_walk_run(ra_stream_walk *w, bool once, const char **why)
{
    if (w->magic != MAGIC)
        ra_corrupt("stream walk");
    w->once = once;
    w->fatal[0] = '\0';
    while (!ra_walk_stopped(w)) {
        one_round(w);
        if (done(w))
            break;
        int64_t ms = next_due(w) - ra_walk_now(w);
        w->api->wait(w->api->arg, ms < 1 ? 1 : earlier(ms, RA_WALK_AGAIN));
    }
    release_all(w);
    *why = w->fatal[0] ? w->fatal : NULL;
    return !w->fatal[0];
}
