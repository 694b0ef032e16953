/* Fills in Redis: sent, and not waited for. */
#include "cache/redis_store_parts.h"

#include <inttypes.h>
#include <stdio.h>

static void filled(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_store *s = ra_redis_store_of(arg);
    bool answered = reply && reply->type == REDIS_REPLY_INTEGER;
    (void)conn;
    if (answered && reply->integer == 1)
        s->n.fills++;
    else if (answered && reply->integer == 0)
        s->n.fills_overtaken++;
    else
        s->n.fills_full++;
}

static ra_redis_run *send_fill(ra_redis_store *s, const ra_fill *f, ra_bytes value)
{
    char key[RA_REDIS_KEY_MAX], field[RA_REDIS_FIELD_MAX], ttl[24], keep[24], most[16];
    snprintf(ttl, sizeof ttl, "%" PRId64, f->ttl);
    snprintf(keep, sizeof keep, "%" PRId64, f->keep);
    snprintf(most, sizeof most, "%u", s->o.max_unit_entries);
    ra_bytes argv[] = {{(const char *)f->token.unit.b, f->token.unit.len},
                       ra_redis_store_request_field(&f->request, field),
                       ra_bytes_z(ttl),
                       ra_bytes_z(keep),
                       ra_bytes_z(most),
                       value};
    return ra_redis_store_run(s, RA_SCRIPT_FILL, ra_redis_store_key(s, &f->unit, key), argv, 6,
                              s->o.command_timeout, filled, s);
}

/*
 * Held nearer, too, but not fresh: it is served once its generations have turned out to be those of the
 * token, and then it is good, whether Redis has got it yet or not.
 */
static void hold_near(ra_redis_store *s, int64_t now, const ra_fill *f)
{
    int64_t expires = now + s->clock_least + f->ttl;
    ra_near_entry e = {
        .payload = f->payload, .token = f->token, .expires = expires, .keeps = expires + f->keep};
    if (s->near)
        ra_near_put(s->near, now, &f->unit, &f->request, f->guard, f->nguards, &e, &(ra_near_mark){0});
}

enum ra_fill_result ra_redis_store_fill(ra_store *store, int64_t now, const ra_fill *f)
{
    ra_redis_store *s = ra_redis_store_of(store);
    const char *why;
    if (f->payload->len > s->o.max_entry_bytes) {
        s->n.fills_too_large++;
        return RA_FILL_TOO_LARGE;
    }
    if (!f->token.unit.len || ra_redis_shared_has(s->shared, &f->unit)) {
        s->n.fills_overtaken++;
        return RA_FILL_OVERTAKEN;
    }
    hold_near(s, now, f);
    ra_redis_run *run = NULL;
    if (ra_redis_store_may(s, now, &why) && s->breaker.state == RA_BREAKER_CLOSED) {
        ra_buf value;
        ra_buf_init(&value, (size_t)f->payload->len + RA_SEAL_OVERHEAD + RA_REDIS_ENTRY_HEAD_MAX);
        if (ra_redis_entry_write(s, f, &value))
            run = send_fill(s, f, ra_buf_bytes(&value));
        ra_buf_free(&value);
    }
    s->n.fills_full += !run;
    return run ? RA_FILL_QUEUED : RA_FILL_FULL;
}
