/*
 * Fills in Momento: sent, and not waited for.
 *
 * Momento takes whole seconds: the TTL that it is given is rounded down, so that it never keeps an entry for
 * longer than it is good. What lives for less than a second is held near alone. One that lands late, or under
 * a register that has gone, has tags that fit nothing.
 */
#include "cache/momento_store_parts.h"

#include <stdio.h>
#include <stdlib.h>

/* What a loop may have under way; and what one costs beyond its value. */
enum { FILLING_BYTES = 32 << 20, FILLING_COST = 4096 };

static void filling_free(ra_momento_filling *f)
{
    if (f->prev)
        f->prev->next = f->next;
    else
        f->store->fillings = f->next;
    if (f->next)
        f->next->prev = f->prev;
    f->store->filling_bytes -= f->bytes;
    f->magic = 0;
    free(f);
}

static void filled(const ra_momento_result *r, void *arg)
{
    ra_momento_filling *f = arg;
    if (f->magic != RA_MOMENTO_FILL_MAGIC) {
        fputs("momento store: a fill is corrupted\n", stderr);
        abort();
    }
    ra_momento_store *s = f->store;
    ra_momento_store_note(s, r);
    s->n.fills += r->outcome == RA_MOMENTO_DONE;
    s->n.fills_full += r->outcome != RA_MOMENTO_DONE;
    s->counts.too_large += r->outcome == RA_MOMENTO_TOO_LARGE; /* an account may have a lower limit */
    filling_free(f);
}

void ra_momento_fillings_free(ra_momento_store *s)
{
    for (ra_momento_filling *f = s->fillings, *next; f; f = next) {
        next = f->next;
        ra_momento_cancel(f->http);
        filling_free(f);
    }
}

static bool send_fill(ra_momento_store *s, ra_bytes name, ra_bytes value, int64_t seconds)
{
    ra_momento_filling *f = calloc(1, sizeof *f);
    if (!f)
        return false;
    *f = (ra_momento_filling){
        .magic = RA_MOMENTO_FILL_MAGIC, .store = s, .next = s->fillings, .bytes = value.n + FILLING_COST};
    if (s->fillings)
        s->fillings->prev = f;
    s->fillings = f;
    s->filling_bytes += f->bytes;
    f->http = ra_momento_put(s->client, name, value, seconds, s->o.request_timeout, filled, f);
    if (f->http)
        return true;
    filling_free(f);
    return false;
}

static ra_momento_entry entry_of(const ra_momento_store *s, const ra_fill *f)
{
    int64_t expires = ra_momento_store_wall(s) + f->ttl;
    return (ra_momento_entry){
        .expires = expires, .keeps = expires + f->keep, .nguards = f->nguards, .tags = f->token};
}

/*
 * Held nearer, too, but not fresh: it is served once its registers have turned out to be those of the token,
 * and then it is good, whether Momento has got it yet or not.
 */
static void hold_near(ra_momento_store *s, int64_t now, const ra_fill *f)
{
    ra_momento_entry at = entry_of(s, f);
    ra_near_entry e = {.payload = f->payload, .token = f->token, .expires = at.expires, .keeps = at.keeps};
    if (s->near)
        ra_near_put(s->near, now, &f->unit, &f->request, f->guard, f->nguards, &e, &(ra_near_mark){0});
}

/* Is there room, and may it be asked? */
static bool may_send(ra_momento_store *s, int64_t now, size_t bytes)
{
    const char *why;
    return bytes <= FILLING_BYTES && s->filling_bytes <= FILLING_BYTES - bytes &&
           ra_momento_store_may(s, now, &why) && s->breaker.state == RA_BREAKER_CLOSED &&
           ra_momento_store_take(s, now, 1, RA_MOMENTO_TO_FILL);
}

static enum ra_fill_result store(ra_momento_store *s, int64_t now, const ra_fill *f, ra_bytes name,
                                 int64_t seconds)
{
    ra_momento_entry e = entry_of(s, f);
    ra_buf value;
    ra_buf_init(&value, (size_t)f->payload->len + RA_SEAL_OVERHEAD + RA_MOMENTO_ENTRY_HEAD_MOST);
    bool ok = may_send(s, now, value.cap + FILLING_COST) && ra_momento_entry_head(&e, &value) &&
              ra_seal(s->o.seal, &f->unit, &f->request, f->payload, &value) &&
              send_fill(s, name, ra_buf_bytes(&value), seconds);
    ra_buf_free(&value);
    s->n.fills_full += !ok;
    return ok ? RA_FILL_QUEUED : RA_FILL_FULL;
}

/* Over a limit of the configuration or of the service? */
static bool is_too_large(ra_momento_store *s, const ra_fill *f, ra_bytes name)
{
    size_t most = (size_t)f->payload->len + RA_SEAL_OVERHEAD + RA_MOMENTO_ENTRY_HEAD_MOST;
    bool large = !ra_momento_fits(name, most), is_long = f->ttl / 1000 > RA_MOMENTO_TTL_MOST;
    s->counts.too_large += large;
    s->counts.too_long += is_long;
    return f->payload->len > s->o.max_entry_bytes || large || is_long;
}

enum ra_fill_result ra_momento_store_fill(ra_store *from, int64_t now, const ra_fill *f)
{
    ra_momento_store *s = ra_momento_store_of(from);
    char text[RA_MOMENTO_NAME_MAX];
    ra_bytes name = ra_momento_entry_name(s->prefix, &f->unit, &f->request, text);
    int64_t seconds = (f->ttl + f->keep) / 1000;
    if (is_too_large(s, f, name)) {
        s->n.fills_too_large++;
        return RA_FILL_TOO_LARGE;
    }
    if (!f->token.unit.len || ra_momento_shared_is_written(s->shared, &f->unit)) {
        s->n.fills_overtaken++;
        return RA_FILL_OVERTAKEN;
    }
    hold_near(s, now, f);
    if (seconds > 0)
        return store(s, now, f, name, seconds < RA_MOMENTO_TTL_MOST ? seconds : RA_MOMENTO_TTL_MOST);
    s->counts.too_short++;
    s->n.fills += s->near != NULL;
    s->n.fills_full += !s->near;
    return s->near ? RA_FILL_STORED : RA_FILL_FULL;
}
