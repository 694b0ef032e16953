/*
 * For tests of the store in Redis: two or three stores, as two or three processes have them, on one loop, and
 * a real Redis that the program starts, stops and halts. Each test begins with an empty Redis and no store,
 * and may leave its stores open.
 */
#ifndef RA_TESTS_REDIS_STORE_FIXTURE_H
#define RA_TESTS_REDIS_STORE_FIXTURE_H

#include "cache/redis_store.h"
#include "redis_server.h"

#include "redis_loop.h"
#include "refusing_malloc.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>

enum { STORES = 3, HOUR = 3600000, QUIET = 500 };

static redis_server server;
static redisContext *direct; /* for what another client does */
static ra_store *stores[STORES];
static ra_seal_keys *seal;
static char said[STORES][512];
static bool exact; /* what is promised to the lookups of a test */

/* ---- the server ---- */

static void server_connect(void)
{
    for (int64_t end = test_now() + 60000;;) {
        direct = redisConnectUnix(server.socket);
        redisReply *r = direct && !direct->err ? redisCommand(direct, "PING") : NULL;
        bool good = r && r->type == REDIS_REPLY_STATUS;
        if (r)
            freeReplyObject(r);
        if (good)
            return;
        if (direct)
            redisFree(direct);
        assert_true(test_now() < end);
        usleep(1000); /* it is starting */
    }
}

static void server_up(void)
{
    redis_server_start(&server, (const char *const[]){"--port", "0", NULL});
    server_connect();
}

static void server_down(void)
{
    redisFree(direct);
    direct = NULL;
    redis_server_stop(&server);
}

/* The text of a reply, or its number; "nil". Good until the next. */
static const char *ask(const char *format, ...)
{
    static char text[4096];
    va_list ap;
    va_start(ap, format);
    redisReply *r = redisvCommand(direct, format, ap);
    va_end(ap);
    if (!r) {
        fail_msg("no reply to %s: %s", format, direct->errstr);
        return "";
    }
    if (r->type == REDIS_REPLY_NIL)
        snprintf(text, sizeof text, "nil");
    else if (r->type == REDIS_REPLY_INTEGER)
        snprintf(text, sizeof text, "%lld", r->integer);
    else
        snprintf(text, sizeof text, "%s", r->str ? r->str : "");
    freeReplyObject(r);
    return text;
}

static void halt(void)
{
    kill(server.pid, SIGSTOP);
}

static void resume(void)
{
    kill(server.pid, SIGCONT);
}

/* ---- stores ---- */

static void on_say(const char *text, bool warning, void *arg)
{
    char *to = arg;
    (void)warning;
    snprintf(to, sizeof said[0], "%s", text);
}

static ra_redis_store_options defaults(unsigned i)
{
    static seen unused;
    ra_redis_store_options o = {.redis = options_of(&unused),
                                .key_prefix = "test:",
                                .seal = seal,
                                .command_timeout = 20000,
                                .heartbeat = 700,
                                .max_entry_bytes = 1 << 16,
                                .say = on_say,
                                .say_arg = said[i]};
    o.redis.socket = server.socket;
    return o;
}

static enum ra_redis_health health_of(unsigned i)
{
    return ra_redis_store_health(stores[i], test_now());
}

static bool serving(unsigned i)
{
    return health_of(i) == RA_REDIS_SERVING;
}

static void open_store(unsigned i, ra_redis_store_options o)
{
    stores[i] = ra_redis_store_new(base, &o);
    assert_non_null(stores[i]);
}

static void close_store(unsigned i)
{
    ra_store_free(stores[i]);
    stores[i] = NULL;
}

__attribute__((unused)) static void open_serving(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        open_store(i, defaults(i));
    for (unsigned i = 0; i < n; i++)
        UNTIL(serving(i));
}

static ra_redis_store_counts counts_of(unsigned i)
{
    ra_redis_store_counts c;
    ra_redis_store_get_counts(stores[i], &c);
    return c;
}

static ra_store_stats stats_of(unsigned i)
{
    ra_store_stats n;
    ra_store_get_stats(stores[i], &n);
    return n;
}

/* ---- calls ---- */

static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static ra_key key_of(uint64_t n)
{
    ra_key k;
    for (size_t i = 0; i < RA_KEY_BYTES; i += sizeof n) {
        uint64_t x = next_random(&n);
        memcpy(k.b + i, &x, sizeof x);
    }
    return k;
}

static ra_write_id write_id(uint64_t n)
{
    ra_write_id id = {{1}};
    memcpy(id.b + 1, &n, sizeof n);
    return id;
}

/* The key in Redis. Good until the fourth one. */
static const char *name_of(uint64_t unit)
{
    static char names[4][80];
    static unsigned at;
    char *p = names[at++ % 4];
    ra_key k = key_of(unit);
    int n = snprintf(p, sizeof names[0], "test:ra1:");
    for (unsigned i = 0; i < RA_KEY_BYTES; i++)
        n += snprintf(p + n, sizeof names[0] - (size_t)n, "%02x", k.b[i]);
    return p;
}

/* The field of a request in it. Good until the next. */
static const char *field_of(uint64_t request)
{
    static char text[2 * RA_KEY_BYTES + 2];
    ra_key k = key_of(request);
    text[0] = 'r';
    for (size_t i = 0; i < RA_KEY_BYTES; i++)
        snprintf(text + 1 + 2 * i, 3, "%02x", k.b[i]);
    return text;
}

typedef struct waiting {
    ra_store_call call;
    unsigned done;
} waiting;

static void on_done(ra_store_call *call)
{
    waiting *w = call->arg;
    assert_null(call->pending);
    w->done++;
}

static waiting waiting_new(void)
{
    return (waiting){.call = {.done = on_done}};
}

static ra_lookup wanted(uint64_t unit, uint64_t request, unsigned nguards, const uint64_t *guards)
{
    ra_lookup v = {.unit = key_of(unit), .request = key_of(request), .nguards = nguards, .exact = exact};
    for (unsigned i = 0; i < nguards; i++)
        v.guard[i] = key_of(guards[i]);
    return v;
}

static void look_all(unsigned i, ra_lookup *v, size_t n)
{
    waiting w = waiting_new();
    w.call.arg = &w;
    if (ra_store_lookup(stores[i], test_now(), v, n, &w.call) == RA_STORE_PENDING)
        UNTIL(w.done);
    else
        assert_int_equal(w.done, 0);
}

static ra_lookup look_guarded(unsigned i, uint64_t unit, uint64_t request, unsigned nguards,
                              const uint64_t *guards)
{
    ra_lookup v = wanted(unit, request, nguards, guards);
    look_all(i, &v, 1);
    assert_true((v.payload != NULL) == (v.outcome == RA_LOOKUP_HIT || v.outcome == RA_LOOKUP_STALE));
    assert_true((v.token.unit.len != 0) == (v.outcome != RA_LOOKUP_BYPASS));
    return v;
}

static ra_lookup look(unsigned i, uint64_t unit, uint64_t request)
{
    return look_guarded(i, unit, request, 0, NULL);
}

/* The outcome alone. */
static enum ra_lookup_outcome peek(unsigned i, uint64_t unit, uint64_t request)
{
    ra_lookup v = look(i, unit, request);
    ra_payload_unref(v.payload);
    return v.outcome;
}

static enum ra_lookup_outcome peek_guarded(unsigned i, uint64_t unit, unsigned nguards,
                                           const uint64_t *guards)
{
    ra_lookup v = look_guarded(i, unit, 1, nguards, guards);
    ra_payload_unref(v.payload);
    return v.outcome;
}

static enum ra_fill_result fill_bytes(unsigned i, const ra_lookup *v, ra_bytes body, int64_t ttl,
                                      int64_t keep)
{
    ra_payload *p = ra_payload_new(body, 77, 0xabcdef01, 1234567890123);
    assert_non_null(p);
    ra_fill f = {.unit = v->unit,
                 .request = v->request,
                 .token = v->token,
                 .nguards = v->nguards,
                 .payload = p,
                 .ttl = ttl,
                 .keep = keep};
    memcpy(f.guard, v->guard, sizeof f.guard);
    enum ra_fill_result r = ra_store_fill(stores[i], test_now(), &f);
    ra_payload_unref(p);
    return r;
}

static void fill(unsigned i, const ra_lookup *v, const char *text)
{
    ra_store_stats before = stats_of(i);
    assert_int_equal(fill_bytes(i, v, ra_bytes_z(text), HOUR, 0), RA_FILL_QUEUED);
    UNTIL(stats_of(i).fills == before.fills + 1);
}

static void fill_is_overtaken(unsigned i, const ra_lookup *v)
{
    ra_store_stats before = stats_of(i);
    enum ra_fill_result r = fill_bytes(i, v, RA_BYTES("too old"), HOUR, 0);
    assert_true(r == RA_FILL_QUEUED || r == RA_FILL_OVERTAKEN);
    UNTIL(stats_of(i).fills_overtaken == before.fills_overtaken + 1);
    assert_int_equal(stats_of(i).fills, before.fills);
}

/* A miss, and what was read. */
static void look_and_fill(unsigned i, uint64_t unit, uint64_t request, const char *text)
{
    ra_lookup v = look(i, unit, request);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    fill(i, &v, text);
}

__attribute__((unused)) static void expect_hit(unsigned i, uint64_t unit, uint64_t request, const char *text)
{
    ra_lookup v = look(i, unit, request);
    assert_int_equal(v.outcome, RA_LOOKUP_HIT);
    assert_int_equal(v.payload->len, strlen(text));
    assert_memory_equal(v.payload->body, text, strlen(text));
    ra_payload_unref(v.payload);
}

/* The breaker closes after some good calls: so it gets some. */
static bool serves_again(unsigned i)
{
    peek(i, 999, 1);
    return serving(i);
}

__attribute__((unused)) static void expect_bypass(unsigned i, uint64_t unit, const char *reason)
{
    ra_lookup v = look(i, unit, 1);
    assert_int_equal(v.outcome, RA_LOOKUP_BYPASS);
    assert_string_equal(v.reason, reason);
    assert_int_equal(v.token.guard[0].len + v.token.guard[1].len, 0);
}

static bool begin_all(unsigned i, uint64_t id, const ra_key *units, size_t n, int64_t hold)
{
    waiting w = waiting_new();
    ra_write_id name = write_id(id);
    w.call.arg = &w;
    if (ra_store_begin(stores[i], test_now(), &name, units, n, hold, &w.call) == RA_STORE_PENDING)
        UNTIL(w.done);
    return w.call.ok;
}

static bool begin(unsigned i, uint64_t id, uint64_t unit, int64_t hold)
{
    ra_key k = key_of(unit);
    return begin_all(i, id, &k, 1, hold);
}

static bool go_on(unsigned i, uint64_t id, uint64_t unit, int64_t hold)
{
    ra_key k = key_of(unit);
    ra_write_id name = write_id(id);
    return ra_redis_store_go_on(stores[i], test_now(), &name, &k, 1, hold);
}

/* Sends it. */
static void end_now(unsigned i, uint64_t id, uint64_t unit, int64_t settle)
{
    ra_key k = key_of(unit);
    ra_write_id name = write_id(id);
    ra_store_end(stores[i], test_now(), &name, &k, 1, settle);
}

/* And waits until everything that this store had to tell has been acknowledged. */
static void end(unsigned i, uint64_t id, uint64_t unit, int64_t settle)
{
    end_now(i, id, unit, settle);
    UNTIL(stats_of(i).markers == 0);
    assert_false(ra_redis_store_ending(stores[i]));
}

static void invalidate(unsigned i, uint64_t unit)
{
    ra_key k = key_of(unit);
    ra_store_invalidate(stores[i], test_now(), &k, 1);
}

/* How often the server has carried it out since CONFIG RESETSTAT. */
static unsigned calls_of(const char *command)
{
    char line[64];
    snprintf(line, sizeof line, "cmdstat_%s:calls=", command);
    const char *at = strstr(ask("INFO commandstats"), line);
    return at ? (unsigned)strtoul(at + strlen(line), NULL, 10) : 0;
}

/* ---- before and after each test ---- */

static int fresh(void **state)
{
    (void)state;
    loop_begin();
    seal = ra_seal_keys_new(NULL, 0);
    memset(said, 0, sizeof said);
    exact = false;
    ask("FLUSHALL");
    ask("SCRIPT FLUSH");
    return seal ? 0 : -1;
}

static int over(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STORES; i++)
        close_store(i);
    loop_end();
    ra_seal_keys_free(seal);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, over)

static int all_begin(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    redis_folder_make();
    snprintf(server.socket, sizeof server.socket, "%s", redis_path("s"));
    server_up();
    return 0;
}

static int all_end(void **state)
{
    (void)state;
    server_down();
    redis_folder_remove();
    return 0;
}

#endif
