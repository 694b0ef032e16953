/*
 * Commands are asked in rounds; each round's answers are waited for in `settle`. What goes wrong in between
 * is kept in `why`, and ends it all.
 */
#include "cache/redis_store_inspect.h"

#include "cache/key_hex.h"
#include "cache/redis_store_parts.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    INSPECT_MAGIC = 0x72696e73,
    SLOT_MAGIC = 0x72697374,
    FIELD_MAGIC = 0x72696664,
    FIELD_CHARS = 1 + RA_KEY_HEX, /* "r" and a digest */
    QUEUE_MOST = 2 * RA_UNIT_VIEW_ENTRIES,
    QUEUE_BYTES = 8 << 20,
    A_MINUTE = 60 * 1000
};

/* The times, ':' after each, and what stands before the payload. */
#define HEAD_MOST "160"
_Static_assert(2 * 19 + RA_REDIS_ENTRY_HEAD_MAX <= 160, "an entry's head must be within what is asked for");

/* {length, beginning} of a field, or nil. */
static const char head_text[] = "#!lua flags=no-writes\n"
                                "local v = redis.call('HGET', KEYS[1], ARGV[1])\n"
                                "if not v then return false end\n"
                                "return {#v, string.sub(v, 1, " HEAD_MOST ")}\n";

struct ra_redis_inspect {
    unsigned magic;
    struct event_base *base;
    ra_redis *conn;
    ra_redis_identity identity;
    char epoch[RA_REDIS_EPOCH_CHARS + 1];
    char pact[RA_REDIS_PACT_MAX];
    int64_t timeout;
    int64_t begun_us, up_us;
    int64_t now;      /* Redis's clock, ms */
    unsigned pending; /* commands whose answers haven't come */
    bool failed;
    char why[RA_REDIS_INSPECT_WHY_MAX];
    char prefix[RA_REDIS_PREFIX_MAX];
    size_t prefix_n;
};

/* A field of a unit that is being read. */
typedef struct field {
    unsigned magic;
    struct slot *slot;
    ra_key request;
} field;

/* A unit that is being read. */
typedef struct slot {
    unsigned magic;
    ra_redis_inspect *r;
    ra_unit_view *view;
    ra_generation generation, guard[RA_GUARDS_MAX];
    unsigned nread; /* of the guards */
    field *fields;
} slot;

static void corrupted(void)
{
    fputs("redis inspect: corrupted\n", stderr);
    abort();
}

static ra_redis_inspect *checked(void *p)
{
    ra_redis_inspect *r = p;
    if (!r || r->magic != INSPECT_MAGIC)
        corrupted();
    return r;
}

static slot *checked_slot(void *p)
{
    slot *s = p;
    if (!s || s->magic != SLOT_MAGIC)
        corrupted();
    return s;
}

static field *checked_field(void *p)
{
    field *f = p;
    if (!f || f->magic != FIELD_MAGIC)
        corrupted();
    return f;
}

__attribute__((format(printf, 2, 3))) static void fail(ra_redis_inspect *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!r->failed)
        vsnprintf(r->why, sizeof r->why, format, args);
    r->failed = true;
    va_end(args);
}

/* ---- asking ---- */

static void on_up(ra_redis *conn, const ra_redis_identity *who, void *arg)
{
    ra_redis_inspect *r = checked(arg);
    (void)conn;
    r->identity = *who;
    ra_redis_epoch(who, r->pact, r->epoch);
    r->up_us = ra_redis_monotonic_us();
    r->pending--;
}

/* Says more than that the answers under way never came, which has been noticed before. */
static void on_down(ra_redis *conn, bool was_up, const char *why, void *arg)
{
    ra_redis_inspect *r = checked(arg);
    (void)conn;
    r->failed = false;
    fail(r, "%s%s", was_up ? "the connection was lost: " : "", why);
}

/* Runs the loop until all answers are there. */
static bool settle(ra_redis_inspect *r)
{
    while (r->pending && !r->failed) {
        if (event_base_loop(r->base, EVLOOP_ONCE) != 0)
            fail(r, "the event loop has stopped");
    }
    return !r->failed;
}

/* What is still under way would find its argument gone. */
static void give_up(ra_redis_inspect *r)
{
    if (r->conn)
        ra_redis_free(r->conn);
    r->conn = NULL;
}

static void ask(ra_redis_inspect *r, const ra_bytes *argv, unsigned argc, ra_redis_done done, void *arg)
{
    if (r->failed)
        return;
    if (ra_redis_send(r->conn, argv, argc, r->timeout, done, arg))
        r->pending++;
    else
        fail(r, "no memory for a command");
}

/* An answer has come: not an error, unless it is that the key isn't a hash, and so not of ours. */
static bool answered(ra_redis_inspect *r, const redisReply *reply)
{
    r->pending--;
    if (!reply)
        fail(r, "no answer for %" PRId64 " ms", r->timeout);
    else if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "WRONGTYPE", 9) != 0)
        fail(r, "%.400s", reply->str);
    return !r->failed;
}

static ra_bytes key_of(const ra_redis_inspect *r, const ra_key *unit, char out[RA_REDIS_KEY_MAX])
{
    memcpy(out, r->prefix, r->prefix_n);
    ra_key_hex(unit, out + r->prefix_n);
    return (ra_bytes){out, r->prefix_n + RA_KEY_HEX};
}

/* ---- ping ---- */

static void on_pong(ra_redis *conn, const redisReply *reply, void *arg)
{
    (void)conn;
    answered(checked(arg), reply);
}

bool ra_redis_inspect_ping(ra_redis_inspect *r, int64_t *connect_us, int64_t *ping_us)
{
    ra_bytes argv[] = {RA_BYTES("PING")};
    if (!settle(r))
        return false;
    int64_t begun = ra_redis_monotonic_us();
    ask(r, argv, 1, on_pong, r);
    if (!settle(r))
        return false;
    *connect_us = r->up_us - r->begun_us;
    *ping_us = ra_redis_monotonic_us() - begun;
    return true;
}

const ra_redis_identity *ra_redis_inspect_identity(const ra_redis_inspect *r)
{
    return &r->identity;
}

/* ---- one round: the clock, generations, fields' names ---- */

static void on_time(ra_redis *conn, const redisReply *reply, void *arg)
{
    ra_redis_inspect *r = checked(arg);
    (void)conn;
    if (!answered(r, reply))
        return;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING || reply->element[1]->type != REDIS_REPLY_STRING) {
        fail(r, "an answer to TIME isn't what Redis sends");
        return;
    }
    r->now =
        strtoll(reply->element[0]->str, NULL, 10) * 1000 + strtoll(reply->element[1]->str, NULL, 10) / 1000;
}

static void take_generation(const redisReply *reply, ra_generation *out)
{
    *out = (ra_generation){0};
    if (reply->type != REDIS_REPLY_STRING || reply->len > RA_GENERATION_MAX)
        return;
    out->len = (uint8_t)reply->len;
    memcpy(out->b, reply->str, reply->len);
}

static void on_generation(ra_redis *conn, const redisReply *reply, void *arg)
{
    slot *s = checked_slot(arg);
    (void)conn;
    if (answered(s->r, reply))
        take_generation(reply, &s->generation);
}

/* Answers come in the order of the questions. */
static void on_guard(ra_redis *conn, const redisReply *reply, void *arg)
{
    slot *s = checked_slot(arg);
    (void)conn;
    if (answered(s->r, reply) && s->nread < RA_GUARDS_MAX)
        take_generation(reply, &s->guard[s->nread++]);
}

static void ask_generation(slot *s, const ra_key *unit, ra_redis_done done)
{
    char key[RA_REDIS_KEY_MAX];
    ra_bytes argv[] = {RA_BYTES("HGET"), key_of(s->r, unit, key), RA_BYTES("!")};
    ask(s->r, argv, 3, done, s);
}

static bool same_generation(const ra_generation *a, const ra_generation *b)
{
    return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

/* Would a lookup that finds it serve it? */
static bool is_served(const slot *s, const ra_redis_entry *e)
{
    bool all = e->nguards == s->view->nguards && s->generation.len >= RA_REDIS_EPOCH_CHARS &&
               memcmp(s->generation.b, s->r->epoch, RA_REDIS_EPOCH_CHARS) == 0;
    for (unsigned i = 0; all && i < e->nguards; i++)
        all = e->guard[i].len && same_generation(&e->guard[i], &s->guard[i]);
    return all && e->keeps > s->r->now;
}

/* ---- the next: each field's value ---- */

static void take_entry(field *f, long long bytes, ra_bytes head)
{
    slot *s = f->slot;
    ra_redis_entry e;
    size_t before = head.n;
    if (!ra_redis_entry_read(head, &e) || !is_served(s, &e)) {
        s->view->overtaken++;
        return;
    }
    ra_unit_entry out = {.request = f->request,
                         .bytes = (uint64_t)bytes - (before - e.sealed.n),
                         .expires_in = e.expires - s->r->now,
                         .keeps_in = e.keeps - s->r->now};
    if (!ra_unit_view_add(s->view, &out))
        fail(s->r, "no memory for the list of entries");
}

static void on_head(ra_redis *conn, const redisReply *reply, void *arg)
{
    field *f = checked_field(arg);
    (void)conn;
    if (!answered(f->slot->r, reply) || reply->type != REDIS_REPLY_ARRAY) /* nil: it has gone */
        return;
    if (reply->elements == 2 && reply->element[0]->type == REDIS_REPLY_INTEGER &&
        reply->element[1]->type == REDIS_REPLY_STRING &&
        reply->element[0]->integer >= (long long)reply->element[1]->len)
        take_entry(f, reply->element[0]->integer, (ra_bytes){reply->element[1]->str, reply->element[1]->len});
    else
        fail(f->slot->r, "an answer isn't what the script sends");
}

static void on_deadline(ra_redis *conn, const redisReply *reply, void *arg)
{
    slot *s = checked_slot(arg);
    (void)conn;
    if (!answered(s->r, reply) || reply->type != REDIS_REPLY_STRING)
        return;
    int64_t left = strtoll(reply->str, NULL, 10) - s->r->now;
    bool readable = reply->len && strspn(reply->str, "0123456789") == reply->len;
    s->view->markers += left > 0 || !readable;
    if (readable && left > s->view->marked_for)
        s->view->marked_for = left;
}

static void ask_field(slot *s, field *f, const redisReply *name)
{
    char key[RA_REDIS_KEY_MAX];
    ra_bytes unit = key_of(s->r, &s->view->unit, key), text = {name->str, name->len};
    ra_bytes head[] = {RA_BYTES("EVAL"), ra_bytes_z(head_text), RA_BYTES("1"), unit, text};
    ra_bytes deadline[] = {RA_BYTES("HGET"), unit, text};
    if (text.n && text.p[0] == 'w')
        ask(s->r, deadline, 3, on_deadline, s);
    if (text.n != FIELD_CHARS || text.p[0] != 'r' ||
        !ra_key_unhex((ra_bytes){text.p + 1, RA_KEY_HEX}, &f->request))
        return;
    f->magic = FIELD_MAGIC;
    f->slot = s;
    ask(s->r, head, 5, on_head, f);
}

/* The names are the answer's: the next round is asked from here. */
static void on_names(ra_redis *conn, const redisReply *reply, void *arg)
{
    slot *s = checked_slot(arg);
    (void)conn;
    if (!answered(s->r, reply) || reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
        return;
    if (reply->elements > RA_UNIT_VIEW_ENTRIES) {
        fail(s->r, "a unit has %zu fields, which are too many to list", reply->elements);
        return;
    }
    s->fields = calloc(reply->elements, sizeof *s->fields);
    if (!s->fields)
        fail(s->r, "no memory for the list of entries");
    for (size_t i = 0; s->fields && i < reply->elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_STRING)
            ask_field(s, &s->fields[i], reply->element[i]);
}

static void read_unit(ra_redis_inspect *r, ra_unit_view *v)
{
    char key[RA_REDIS_KEY_MAX];
    slot s = {.magic = SLOT_MAGIC, .r = r, .view = v};
    ra_bytes time[] = {RA_BYTES("TIME")};
    ra_bytes names[] = {RA_BYTES("HKEYS"), key_of(r, &v->unit, key)};
    ra_unit_view_clear(v);
    ask(r, time, 1, on_time, r);
    for (unsigned i = 0; i < v->nguards; i++)
        ask_generation(&s, &v->guard[i], on_guard);
    ask_generation(&s, &v->unit, on_generation);
    ask(r, names, 2, on_names, &s);
    if (!settle(r))
        give_up(r);
    v->state = s.generation.len ? RA_UNIT_DATA : v->markers ? RA_UNIT_MARKED : RA_UNIT_EMPTY;
    free(s.fields);
}

bool ra_redis_inspect_units(ra_redis_inspect *r, ra_unit_view *v, size_t n)
{
    bool ok = settle(r);
    for (size_t i = 0; ok && i < n; i++) {
        read_unit(r, &v[i]);
        ok = !r->failed;
    }
    return ok;
}

/* ---- dropping ---- */

typedef struct dropping {
    unsigned magic;
    ra_redis_inspect *r;
    bool *dropped; /* the next answer's */
} dropping;

static void on_dropped(ra_redis *conn, const redisReply *reply, void *arg)
{
    dropping *d = arg;
    (void)conn;
    if (!d || d->magic != SLOT_MAGIC)
        corrupted();
    if (answered(d->r, reply))
        *d->dropped++ = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
}

bool ra_redis_inspect_drop(ra_redis_inspect *r, const ra_key *units, size_t n, bool *dropped)
{
    dropping d = {SLOT_MAGIC, r, dropped};
    bool ok = settle(r);
    for (size_t i = 0; ok && i < n; i++) {
        char key[RA_REDIS_KEY_MAX];
        ra_bytes argv[] = {RA_BYTES("EVAL"), ra_bytes_z(ra_redis_script_text(RA_SCRIPT_INVALIDATE)),
                           RA_BYTES("1"), key_of(r, &units[i], key)};
        ask(r, argv, 4, on_dropped, &d);
        ok = settle(r);
    }
    if (!ok)
        give_up(r);
    return ok;
}

/* ---- begin and end ---- */

ra_redis_inspect *ra_redis_inspect_new(const ra_redis_inspect_options *o)
{
    ra_redis_inspect *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->magic = INSPECT_MAGIC;
    r->timeout = o->timeout;
    r->begun_us = ra_redis_monotonic_us();
    snprintf(r->pact, sizeof r->pact, "%s", o->pact ? o->pact : "");
    int n = snprintf(r->prefix, sizeof r->prefix, "%sra1:", o->key_prefix);
    r->prefix_n = n < 0 ? sizeof r->prefix : (size_t)n;
    r->base = event_base_new();
    ra_redis_options redis = o->redis;
    redis.base = r->base;
    redis.dead_after = o->timeout + A_MINUTE;              /* a command's own deadline comes first */
    redis.back_off_first = redis.back_off_most = A_MINUTE; /* the first failure ends it */
    redis.max_queue = QUEUE_MOST;
    redis.max_queue_bytes = QUEUE_BYTES;
    redis.up = on_up;
    redis.down = on_down;
    redis.message = NULL;
    redis.arg = r;
    r->conn = r->base && r->prefix_n < sizeof r->prefix ? ra_redis_new(&redis) : NULL;
    r->pending = 1; /* its `up` */
    if (r->conn)
        return r;
    ra_redis_inspect_free(r);
    return NULL;
}

void ra_redis_inspect_free(ra_redis_inspect *r)
{
    if (!r)
        return;
    if (r->conn)
        ra_redis_free(r->conn);
    if (r->base) {
        event_base_loop(r->base, EVLOOP_NONBLOCK); /* what a lookup that was given up still holds */
        event_base_free(r->base);
    }
    r->magic = 0;
    free(r);
}

const char *ra_redis_inspect_why(const ra_redis_inspect *r)
{
    return r->failed ? r->why : NULL;
}
