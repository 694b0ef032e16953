/*
 * One thing after the other: a page of keys is asked for, then which of them hold data, then what the others
 * hold; each answer is waited for in `settle`. What goes wrong in between is kept in `why`, and ends it all.
 */
#include "cache/redis_markers_scan.h"

#include "cache/key_hex.h"
#include "cache/key_set.h"
#include "cache/redis_reader.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SCAN_MAGIC = 0x6d6b7363,
    SLOT_MAGIC = 0x6d6b736c,
    BATCH = 512, /* units that are looked at together */
    CURSOR_MAX = 24,
    PREFIX_MAX = 512, /* of the keys; with each character escaped, twice that */
    DIGITS_MAX = 15,  /* of a deadline in ms: up to the year 33658 */
    QUEUE_BYTES = 4 << 20,
    A_MINUTE = 60 * 1000
};

#define PAGE "512" /* of keys, and of a unit's fields: a hint to the server */

/* clang-format off */

/*
 * {now, cursor, deadline, ...}: a page of the unit's markers, or nil where it holds data. Each only if the
 * unit has no "!", in one step with that: so payloads are never read, and nothing but markers is removed.
 */
#define LIST_PAGE(flags, remove) \
    "#!lua" flags "\n" \
    "local k = KEYS[1]\n" \
    "if redis.call('HEXISTS', k, '!') == 1 then return false end\n" \
    "local t = redis.call('TIME')\n" \
    "local page = redis.call('HSCAN', k, ARGV[1], 'COUNT', " PAGE ")\n" \
    "local all, out = page[2], {t[1] * 1000 + math.floor(t[2] / 1000), page[1]}\n" \
    "for i = 1, #all, 2 do\n" \
    "  if string.sub(all[i], 1, 1) == 'w' then\n" \
    remove \
    "    out[#out + 1] = all[i + 1]\n" \
    "  end\n" \
    "end\n" \
    "return out\n"

static const char list_text[] = LIST_PAGE(" flags=no-writes", "");
/* HSCAN may name a field twice: it is removed, and counted, once. */
static const char clear_text[] = LIST_PAGE(" flags=allow-oom",
    "    if redis.call('HDEL', k, all[i]) == 0 then all[i + 1] = '' end\n");

/* clang-format on */

/* A unit that is being looked at. */
typedef struct slot {
    unsigned magic;
    ra_marker_scan *scan;
    bool clear;
    bool over; /* its last page has come, or it holds data, or isn't a unit */
    char cursor[CURSOR_MAX];
    ra_marked_unit found;
} slot;

struct ra_marker_scan {
    unsigned magic;
    struct event_base *base;
    ra_redis *redis;
    int64_t timeout;
    unsigned pending; /* commands whose answers haven't come */
    bool failed;
    char why[RA_MARKER_SCAN_WHY_MAX];
    char prefix[PREFIX_MAX]; /* of the units' keys */
    size_t prefix_n;
    char cursor[CURSOR_MAX];
    ra_key *keys; /* a page's */
    size_t nkeys;
    ra_key_set seen;
    slot slots[BATCH];
};

static ra_marker_scan *checked(void *p)
{
    ra_marker_scan *s = p;
    if (!s || s->magic != SCAN_MAGIC) {
        fputs("markers scan: corrupted\n", stderr);
        abort();
    }
    return s;
}

static slot *checked_slot(void *p)
{
    slot *u = p;
    if (!u || u->magic != SLOT_MAGIC) {
        fputs("markers scan: a unit is corrupted\n", stderr);
        abort();
    }
    return u;
}

__attribute__((format(printf, 2, 3))) static void fail(ra_marker_scan *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!s->failed)
        vsnprintf(s->why, sizeof s->why, format, args);
    s->failed = true;
    va_end(args);
}

/* ---- asking ---- */

static void on_up(ra_redis *r, const ra_redis_identity *who, void *arg)
{
    (void)r;
    (void)who;
    checked(arg)->pending--;
}

/* Says more than that the answers under way never came, which has been noticed before. */
static void on_down(ra_redis *r, bool was_up, const char *why, void *arg)
{
    ra_marker_scan *s = checked(arg);
    (void)r;
    s->failed = false;
    fail(s, "%s%s", was_up ? "the connection was lost: " : "", why);
}

/* Runs the loop until all answers are there. */
static bool settle(ra_marker_scan *s)
{
    while (s->pending && !s->failed) {
        if (event_base_loop(s->base, EVLOOP_ONCE) != 0)
            fail(s, "the event loop has stopped");
    }
    return !s->failed;
}

static void ask(ra_marker_scan *s, const ra_bytes *argv, unsigned argc, ra_redis_done done, void *arg)
{
    if (s->failed)
        return;
    if (ra_redis_send(s->redis, argv, argc, s->timeout, done, arg))
        s->pending++;
    else
        fail(s, "no memory for a command");
}

/* What an ACL refuses inside a script is said without its name. */
static void refused(ra_marker_scan *s, const char *error)
{
    bool acl = strncmp(error, "NOPERM", 6) == 0 || strstr(error, "The user executing the script");
    fail(s, "%.300s%s", error,
         acl ? " (the user must be allowed SCAN, HSCAN, HEXISTS, EVAL, TIME, and to clear HDEL)" : "");
}

/* An answer has come: not an error, unless it is that the key isn't a hash, and so not of ours. */
static bool answered(ra_marker_scan *s, const redisReply *reply)
{
    s->pending--;
    if (!reply)
        fail(s, "no answer for %lld ms", (long long)s->timeout);
    else if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "WRONGTYPE", 9) != 0)
        refused(s, reply->str);
    return !s->failed;
}

static ra_bytes key_of(const ra_marker_scan *s, const ra_key *unit, char out[PREFIX_MAX + RA_KEY_HEX + 1])
{
    memcpy(out, s->prefix, s->prefix_n);
    ra_key_hex(unit, out + s->prefix_n);
    return (ra_bytes){out, s->prefix_n + RA_KEY_HEX};
}

static bool take_cursor(ra_marker_scan *s, const redisReply *reply, char out[CURSOR_MAX])
{
    bool ok = reply->type == REDIS_REPLY_STRING && reply->len < CURSOR_MAX &&
              strspn(reply->str, "0123456789") == reply->len && reply->len > 0;
    if (ok)
        memcpy(out, reply->str, reply->len + 1);
    else
        fail(s, "a cursor isn't what Redis sends");
    return ok;
}

static bool at_end(const char *cursor)
{
    return strcmp(cursor, "0") == 0;
}

/* ---- one unit ---- */

static void take_deadline(ra_marked_unit *u, const redisReply *reply)
{
    bool text = reply->type == REDIS_REPLY_STRING && reply->len > 0;
    if (!text)
        return;
    bool number = reply->len <= DIGITS_MAX && strspn(reply->str, "0123456789") == reply->len;
    int64_t deadline = number ? strtoll(reply->str, NULL, 10) : INT64_MAX;
    if (deadline <= u->now) {
        u->expired++;
        return;
    }
    u->live++;
    if (!number)
        u->unreadable++;
    else if (deadline > u->latest)
        u->latest = deadline;
}

static void on_unit_page(ra_redis *r, const redisReply *reply, void *arg)
{
    slot *u = checked_slot(arg);
    (void)r;
    if (!answered(u->scan, reply))
        return;
    if (reply->type != REDIS_REPLY_ARRAY) { /* data by now, or no unit: whatever was listed has gone */
        u->over = true;
        if (!u->clear)
            u->found = (ra_marked_unit){.unit = u->found.unit};
        return;
    }
    if (reply->elements < 2 || reply->element[0]->type != REDIS_REPLY_INTEGER) {
        fail(u->scan, "an answer isn't what the script sends");
        return;
    }
    u->found.now = reply->element[0]->integer;
    for (size_t i = 2; i < reply->elements; i++)
        take_deadline(&u->found, reply->element[i]);
    u->over = take_cursor(u->scan, reply->element[1], u->cursor) && at_end(u->cursor);
}

static void ask_unit_page(slot *u)
{
    char key[PREFIX_MAX + RA_KEY_HEX + 1];
    ra_bytes argv[] = {RA_BYTES("EVAL"), ra_bytes_z(u->clear ? clear_text : list_text), RA_BYTES("1"),
                       key_of(u->scan, &u->found.unit, key), ra_bytes_z(u->cursor)};
    ask(u->scan, argv, sizeof argv / sizeof *argv, on_unit_page, u);
}

static void on_has_data(ra_redis *r, const redisReply *reply, void *arg)
{
    slot *u = checked_slot(arg);
    (void)r;
    if (answered(u->scan, reply))
        u->over = reply->type != REDIS_REPLY_INTEGER || reply->integer != 0;
}

static void ask_has_data(slot *u)
{
    char key[PREFIX_MAX + RA_KEY_HEX + 1];
    ra_bytes argv[] = {RA_BYTES("HEXISTS"), key_of(u->scan, &u->found.unit, key), RA_BYTES("!")};
    ask(u->scan, argv, sizeof argv / sizeof *argv, on_has_data, u);
}

/* ---- some units ---- */

static bool look_at(ra_marker_scan *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ask_has_data(&s->slots[i]);
    while (settle(s)) {
        for (size_t i = 0; i < n; i++) {
            if (!s->slots[i].over)
                ask_unit_page(&s->slots[i]);
        }
        if (s->pending == 0)
            return !s->failed;
    }
    return false;
}

/* At most BATCH of them. `named`: those without markers are visited, too, and it doesn't count which were
 * seen. */
static bool visit_batch(ra_marker_scan *s, const ra_key *units, size_t n, const ra_marker_visitor *v,
                        bool named)
{
    size_t taken = 0;
    for (size_t i = 0; i < n; i++) {
        if (named || !v->wanted || v->wanted(&units[i], v->arg))
            s->slots[taken++] = (slot){.magic = SLOT_MAGIC,
                                       .scan = s,
                                       .clear = v->clear,
                                       .cursor = "0",
                                       .found = {.unit = units[i]}};
    }
    if (!look_at(s, taken))
        return false;
    for (size_t i = 0; i < taken; i++) {
        const ra_marked_unit *found = &s->slots[i].found;
        bool marked = found->live || found->expired;
        if (!named && (!marked || !ra_key_set_add(&s->seen, &found->unit)))
            continue;
        if (!v->unit(found, v->arg))
            return false;
    }
    return true;
}

static bool visit(ra_marker_scan *s, const ra_key *units, size_t n, const ra_marker_visitor *v, bool named)
{
    for (size_t at = 0; at < n; at += BATCH) {
        if (!visit_batch(s, units + at, n - at < BATCH ? n - at : BATCH, v, named))
            return false;
    }
    return true;
}

bool ra_marker_scan_units(ra_marker_scan *s, const ra_key *units, size_t n, const ra_marker_visitor *v)
{
    return settle(s) && visit(s, units, n, v, true);
}

/* ---- all units ---- */

/* What else begins like a unit's key isn't one. */
static bool take_key(ra_marker_scan *s, const redisReply *reply, ra_key *out)
{
    ra_bytes key = {reply->str, reply->len};
    if (reply->type != REDIS_REPLY_STRING || key.n != s->prefix_n + RA_KEY_HEX ||
        memcmp(key.p, s->prefix, s->prefix_n) != 0)
        return false;
    return ra_key_unhex((ra_bytes){key.p + s->prefix_n, RA_KEY_HEX}, out);
}

static void on_keys(ra_redis *r, const redisReply *reply, void *arg)
{
    ra_marker_scan *s = checked(arg);
    (void)r;
    if (!answered(s, reply))
        return;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[1]->type != REDIS_REPLY_ARRAY) {
        fail(s, "an answer to SCAN isn't what Redis sends");
        return;
    }
    const redisReply *page = reply->element[1];
    ra_key *keys = realloc(s->keys, (page->elements + 1) * sizeof *keys); /* never of 0 bytes */
    if (!keys) {
        fail(s, "no memory for a page of keys");
        return;
    }
    s->keys = keys;
    s->nkeys = 0;
    for (size_t i = 0; i < page->elements; i++)
        s->nkeys += take_key(s, page->element[i], &s->keys[s->nkeys]);
    take_cursor(s, reply->element[0], s->cursor);
}

static bool read_page(ra_marker_scan *s, ra_bytes pattern)
{
    ra_bytes argv[] = {RA_BYTES("SCAN"), ra_bytes_z(s->cursor), RA_BYTES("MATCH"),
                       pattern,          RA_BYTES("COUNT"),     RA_BYTES(PAGE)};
    ask(s, argv, sizeof argv / sizeof *argv, on_keys, s);
    return settle(s);
}

/* The prefix as a glob that means nothing but itself, and anything behind it. */
static ra_bytes make_pattern(const ra_marker_scan *s, char out[2 * PREFIX_MAX + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < s->prefix_n; i++) {
        if (strchr("*?[]\\^-", s->prefix[i]))
            out[n++] = '\\';
        out[n++] = s->prefix[i];
    }
    out[n++] = '*';
    return (ra_bytes){out, n};
}

bool ra_marker_scan_all(ra_marker_scan *s, const ra_marker_visitor *v)
{
    char pattern_text[2 * PREFIX_MAX + 1];
    ra_bytes pattern = make_pattern(s, pattern_text);
    uint64_t keys = 0;
    snprintf(s->cursor, sizeof s->cursor, "0");
    ra_key_set_free(&s->seen);
    bool ok = settle(s);
    do {
        ok = ok && read_page(s, pattern) && visit(s, s->keys, s->nkeys, v, false);
        keys += s->nkeys;
        ok = ok && (!v->page || v->page(keys, v->arg));
    } while (ok && !at_end(s->cursor));
    return ok;
}

/* ---- begin and end ---- */

ra_marker_scan *ra_marker_scan_new(const ra_marker_scan_options *o)
{
    ra_marker_scan *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->magic = SCAN_MAGIC;
    s->timeout = o->timeout;
    ra_key_set_init(&s->seen, RA_MARKER_SCAN_UNITS_SEEN);
    int n = snprintf(s->prefix, sizeof s->prefix, "%sra1:", o->key_prefix);
    s->prefix_n = n < 0 ? sizeof s->prefix : (size_t)n;
    s->base = event_base_new();
    ra_redis_options redis = o->redis;
    redis.base = s->base;
    redis.dead_after = o->timeout + A_MINUTE;              /* a command's own deadline comes first */
    redis.back_off_first = redis.back_off_most = A_MINUTE; /* the first failure ends it */
    redis.max_queue = 2 * BATCH;
    redis.max_queue_bytes = QUEUE_BYTES;
    redis.up = on_up;
    redis.down = on_down;
    redis.message = NULL;
    redis.arg = s;
    s->redis = s->base && s->prefix_n < sizeof s->prefix ? ra_redis_new(&redis) : NULL;
    s->pending = 1; /* its `up` */
    if (s->redis)
        return s;
    ra_marker_scan_free(s);
    return NULL;
}

void ra_marker_scan_free(ra_marker_scan *s)
{
    if (!s)
        return;
    ra_redis_free(s->redis);
    if (s->base) {
        event_base_loop(s->base, EVLOOP_NONBLOCK); /* what a lookup that was given up still holds */
        event_base_free(s->base);
    }
    ra_key_set_free(&s->seen);
    free(s->keys);
    s->magic = 0;
    free(s);
}

const char *ra_marker_scan_why(const ra_marker_scan *s)
{
    return s->failed ? s->why : NULL;
}
