/*
 * Asking Redis for hits alone (ra_store_ask), and the questions about guards that those share who ask at the
 * same time: two or three stores on one Redis. What Redis was asked is known from its own count of commands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* More than these tests need. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "cache/redis_epoch.h"
#include "cache/redis_store_parts.h"
#include "redis_store_fixture.h"

/* The readers at random ask first, and look up what isn't a hit. */
static enum ra_store_step ask_first(ra_store *s, int64_t now, ra_lookup *v, size_t n, ra_store_call *call);
#define ra_store_lookup ask_first
#include "redis_store_random.h"
#undef ra_store_lookup

enum { NEAR_BYTES = 4 << 20, CALM = 60000 /* a heartbeat, which is a script, comes in no test */ };

static ra_near *nears[STORES];
static const uint64_t guards[] = {100, 101};

static ra_redis_store_options calm(unsigned i)
{
    ra_redis_store_options o = defaults(i);
    o.heartbeat = CALM;
    return o;
}

static void open_calm(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        open_store(i, calm(i));
    for (unsigned i = 0; i < n; i++)
        UNTIL(serving(i));
}

static void open_near(unsigned i)
{
    ra_redis_store_options o = calm(i);
    nears[i] = ra_near_new(NEAR_BYTES, HOUR);
    o.shared = ra_redis_shared_new(nears[i]);
    assert_true(nears[i] && o.shared);
    open_store(i, o);
    ra_redis_shared_unref(o.shared);
    UNTIL(serving(i));
}

/* From here on it counts as told of all changes, though nobody listens. */
static void hear(unsigned i)
{
    char epoch[RA_REDIS_EPOCH_CHARS + 1];
    ra_redis_epoch(ra_redis_store_identity(stores[i]), "", epoch);
    ra_near_heard(nears[i], epoch, test_now() + HOUR);
}

static int end_asks(void **state)
{
    over(state);
    for (unsigned i = 0; i < STORES; i++) {
        ra_near_unref(nears[i]);
        nears[i] = NULL;
    }
    return 0;
}

/* ---- questions ---- */

typedef struct asked {
    waiting w;
    ra_lookup v;
    bool pending;
} asked;

static void ask_for(asked *a, unsigned i, uint64_t unit, unsigned nguards, const uint64_t *of)
{
    *a = (asked){.w = waiting_new(), .v = wanted(unit, 1, nguards, of)};
    a->w.call.arg = &a->w;
    a->w.call.ok = true; /* what was there before says nothing */
    a->pending = ra_store_ask(stores[i], test_now(), &a->v, &a->w.call) == RA_STORE_PENDING;
    assert_int_equal(a->w.done, 0);
    assert_true(a->pending == (a->w.call.pending != NULL));
    assert_null(a->v.payload);
}

static bool was_hit(asked *a, const char *text)
{
    if (a->pending)
        UNTIL(a->w.done);
    assert_true(a->pending || !a->w.call.ok);
    if (!a->w.call.ok) {
        assert_null(a->v.payload);
        return false;
    }
    assert_int_equal(a->v.outcome, RA_LOOKUP_HIT);
    assert_int_equal(a->v.payload->len, strlen(text));
    assert_memory_equal(a->v.payload->body, text, strlen(text));
    assert_int_equal(a->v.payload->crc32, 77);
    assert_true(a->v.expires_in > 0 && a->v.expires_in <= HOUR);
    ra_payload_unref(a->v.payload);
    return true;
}

static bool hits_by(unsigned i, uint64_t unit, const char *text)
{
    asked a;
    ask_for(&a, i, unit, 2, guards);
    return was_hit(&a, text);
}

static void fill_for(unsigned i, uint64_t unit, unsigned nguards, const uint64_t *of, const char *text)
{
    ra_lookup v = look_guarded(i, unit, 1, nguards, of);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    fill(i, &v, text);
}

static void fill_by(unsigned i, uint64_t unit, const char *text)
{
    fill_for(i, unit, 2, guards, text);
}

static void write_by(unsigned i, uint64_t unit)
{
    static uint64_t id;
    assert_true(begin(i, ++id, unit, HOUR));
    end(i, id, unit, 0);
}

static void count_from_here(void)
{
    ask("CONFIG RESETSTAT");
}

#define ASKED(hgets, hmgets)                                                                                 \
    do {                                                                                                     \
        assert_int_equal(calls_of("hget"), hgets);                                                           \
        assert_int_equal(calls_of("hmget"), hmgets);                                                         \
        assert_int_equal(calls_of("eval") + calls_of("evalsha"), 0);                                         \
    } while (0)

/* What has been queued is written now. */
static void turn(void)
{
    for (unsigned i = 0; i < 3; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

/* ---- what is a hit ---- */

static void test_a_hit(void **state)
{
    (void)state;
    open_calm(2);
    fill_by(0, 1, "text");
    ra_store_stats before = stats_of(1);
    count_from_here();
    asked a;
    ask_for(&a, 1, 1, 2, guards);
    assert_true(a.pending);
    assert_true(was_hit(&a, "text"));
    assert_false(a.v.near);
    assert_null(a.v.reason);
    assert_int_equal(a.v.filling_for, -1);
    ASKED(2, 1);
    assert_int_equal(stats_of(1).hits, before.hits + 1);
    ask_for(&a, 1, 1, 0, NULL); /* the entry rests on two guards */
    assert_false(was_hit(&a, "text"));
    ask_for(&a, 1, 1, 1, guards);
    assert_false(was_hit(&a, "text"));
    ask_for(&a, 1, 1, 2, (const uint64_t[]){101, 100});
    assert_false(was_hit(&a, "text"));
}

static void test_without_a_hit_nothing_has_happened(void **state)
{
    (void)state;
    open_calm(1);
    ra_store_stats before = stats_of(0);
    count_from_here();
    assert_false(hits_by(0, 1, ""));
    ASKED(2, 1);
    assert_string_equal(ask("EXISTS %s %s %s", name_of(1), name_of(100), name_of(101)), "0");
    ra_store_stats after = stats_of(0);
    assert_memory_equal(&before, &after, sizeof before);
    ra_lookup v = look_guarded(0, 1, 1, 2, guards); /* a generation, but no entry */
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_false(hits_by(0, 1, ""));
    fill(0, &v, "text");
    assert_true(hits_by(0, 1, "text"));
}

static void test_past_its_ttl(void **state)
{
    (void)state;
    open_calm(1);
    ra_lookup v = look_guarded(0, 1, 1, 2, guards);
    ra_store_stats before = stats_of(0);
    assert_int_equal(fill_bytes(0, &v, RA_BYTES("old"), 1, HOUR), RA_FILL_QUEUED);
    UNTIL(stats_of(0).fills == before.fills + 1);
    UNTIL(peek_guarded(0, 1, 2, guards) == RA_LOOKUP_STALE);
    assert_false(hits_by(0, 1, "old"));
}

static void test_what_is_damaged_is_counted_once(void **state)
{
    (void)state;
    static const char *const ends[] = {"", "~"}; /* instead of the last byte */
    open_calm(1);
    for (unsigned n = 0; n < 2; n++) {
        fill_by(0, 1, "text");
        ask("EVAL %s 1 %s %s %s",
            "local v = redis.call('HGET', KEYS[1], ARGV[1]) "
            "return redis.call('HSET', KEYS[1], ARGV[1], string.sub(v, 1, -2) .. ARGV[2])",
            name_of(1), field_of(1), ends[n]);
        assert_false(hits_by(0, 1, "text"));
        assert_int_equal(counts_of(0).damaged, n); /* it is the lookup's to say */
        assert_int_equal(peek_guarded(0, 1, 2, guards), RA_LOOKUP_MISS);
        assert_int_equal(counts_of(0).damaged, n + 1);
        ask("DEL %s", name_of(1));
    }
    fill_by(0, 1, "text");
    ask("HSET %s %s %s", name_of(1), field_of(1), "no entry's value");
    assert_false(hits_by(0, 1, "text"));
}

static void test_what_isnt_a_hash(void **state)
{
    (void)state;
    open_calm(1);
    fill_by(0, 1, "text");
    ask("SET %s x", name_of(2));
    asked a;
    ask_for(&a, 0, 2, 2, guards);
    assert_false(was_hit(&a, ""));
    ask("DEL %s", name_of(101));
    ask("SET %s x", name_of(101)); /* a guard, whose answer is an error */
    assert_false(hits_by(0, 1, "text"));
}

/* ---- questions about guards are shared ---- */

static void test_guards_are_asked_for_once(void **state)
{
    (void)state;
    enum { N = 50 };
    asked a[N];
    open_calm(2);
    for (uint64_t n = 0; n < N; n++)
        fill_by(0, n, "text");
    count_from_here();
    for (unsigned round = 1; round <= 2; round++) {
        for (unsigned n = 0; n < N; n++)
            ask_for(&a[n], 1, n, 2, guards);
        for (unsigned n = 0; n < N; n++)
            assert_true(was_hit(&a[n], "text"));
        ASKED(2 * round, N * round);
    }
}

/* A question that is on its way is nobody's any more: what has changed since it doesn't know. */
static void test_a_question_that_was_written_is_asked_anew(void **state)
{
    (void)state;
    open_calm(2);
    for (unsigned k = 0; k < 2; k++) {
        asked before, after;
        uint64_t unit = 1 + k;
        fill_by(0, unit, "text");
        ask_for(&before, 1, unit, 2, guards);
        turn();
        ask("DEL %s", name_of(guards[k])); /* as a write that is acknowledged here */
        ask("HSET %s w00 9999999999999", name_of(guards[k]));
        ask_for(&after, 1, unit, 2, guards);
        assert_false(was_hit(&after, "text"));
        was_hit(&before, "text"); /* it began before, so that either is right */
        ask("DEL %s", name_of(guards[k]));
    }
}

/* The answers have been taken in when the next one asks. */
static void test_an_answer_is_not_kept(void **state)
{
    (void)state;
    open_calm(2);
    fill_by(0, 1, "text");
    assert_true(hits_by(1, 1, "text"));
    write_by(0, guards[1]);
    assert_false(hits_by(1, 1, "text"));
}

/* Another guard, whose generation is kept in the same place. */
static uint64_t beside(uint64_t guard)
{
    ra_key k = key_of(guard);
    for (uint64_t n = guard + 1;; n++) {
        ra_key other = key_of(n);
        if (other.b[0] % RA_REDIS_GUARD_SLOTS == k.b[0] % RA_REDIS_GUARD_SLOTS)
            return n;
    }
}

static void test_guards_of_other_tables_at_the_same_time(void **state)
{
    (void)state;
    enum { N = 12 };
    const uint64_t tables[] = {100, beside(100), beside(beside(100))};
    asked a[N];
    open_calm(2);
    for (uint64_t n = 0; n < N; n++)
        fill_for(0, n, 1, &tables[n % 3], "text");
    for (unsigned marked = 0; marked < 3; marked++) {
        for (unsigned n = 0; n < N; n++)
            ask_for(&a[n], 1, n, 1, &tables[n % 3]);
        for (unsigned n = 0; n < N; n++)
            assert_int_equal(was_hit(&a[n], "text"), n % 3 >= marked);
        write_by(0, tables[marked]);
    }
    count_from_here();
    for (unsigned n = 0; n < N; n++)
        ask_for(&a[n], 1, n, 1, &tables[n % 3]);
    for (unsigned n = 0; n < N; n++)
        assert_false(was_hit(&a[n], "text"));
    ASKED(N, N); /* each pushes the one before out of its place */
}

/* Both guards of one entry, each of which has its own place. */
static void test_guards_that_share_a_place(void **state)
{
    (void)state;
    const uint64_t pair[] = {100, beside(100)};
    asked a[2];
    open_calm(2);
    fill_for(0, 1, 2, pair, "text");
    for (unsigned n = 0; n < 2; n++)
        ask_for(&a[n], 1, 1, 2, pair);
    for (unsigned n = 0; n < 2; n++)
        assert_true(was_hit(&a[n], "text"));
}

/* The second guard of one is the first of another. */
static void test_the_same_guard_in_other_places(void **state)
{
    (void)state;
    static const uint64_t turned[] = {101, 100};
    asked a[4];
    open_calm(2);
    fill_for(0, 1, 2, guards, "text");
    fill_for(0, 2, 2, turned, "text");
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned n = 0; n < 4; n++)
            ask_for(&a[n], 1, 1 + n % 2, 2, n % 2 ? turned : guards);
        for (unsigned n = 0; n < 4; n++)
            assert_int_equal(was_hit(&a[n], "text"), round == 0);
        write_by(0, 100);
    }
}

/* ---- when Redis doesn't answer ---- */

static void test_no_answer_in_time(void **state)
{
    (void)state;
    asked a[3];
    ra_redis_store_options o = calm(0);
    o.command_timeout = 20;
    open_calm(0);
    open_store(0, o);
    UNTIL(serves_again(0));
    for (uint64_t tries = 0; peek_guarded(0, 1, 2, guards) != RA_LOOKUP_HIT; tries++) {
        ra_lookup v = look_guarded(0, 1, 1, 2, guards);
        if (v.outcome == RA_LOOKUP_MISS)
            fill_bytes(0, &v, RA_BYTES("text"), HOUR, 0);
        ra_payload_unref(v.payload);
        assert_true(tries < 1000);
    }
    halt();
    ask_for(&a[0], 0, 1, 2, guards);
    if (a[0].pending)
        UNTIL(a[0].w.done);
    ask_for(&a[1], 0, 1, 2, guards); /* the breaker may be open */
    ask_for(&a[2], 0, 1, 2, guards);
    for (unsigned n = 0; n < 3; n++)
        assert_false(was_hit(&a[n], "text"));
    resume();
    UNTIL(serves_again(0));
    UNTIL(hits_by(0, 1, "text"));
}

/* So much that the socket takes no more of it while the server stands still. */
static void choke(unsigned i)
{
    static char large[1 << 15];
    ra_lookup v = look_guarded(i, 9, 1, 2, guards);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    halt();
    for (unsigned n = 0; n < 200; n++) {
        fill_bytes(i, &v, (ra_bytes){large, sizeof large}, HOUR, 0);
        turn();
    }
}

/* The question hasn't been written yet, and its time is over: who shares it now gets no answer either, and
 * none of before. */
static void test_a_question_whose_time_is_over(void **state)
{
    (void)state;
    asked a, b;
    ra_redis_store_options o = calm(0);
    o.command_timeout = 2000;
    open_store(0, o);
    UNTIL(serving(0));
    fill_by(0, 1, "text");
    assert_true(hits_by(0, 1, "text"));
    choke(0);
    ask_for(&a, 0, 1, 2, guards);
    assert_true(a.pending);
    assert_false(was_hit(&a, "text"));
    ra_breaker_init(&ra_redis_store_of(stores[0])->breaker, NULL);
    ask_for(&b, 0, 1, 2, guards);
    assert_true(b.pending);
    resume();
    assert_false(was_hit(&b, "text"));
    UNTIL(serves_again(0));
    UNTIL(hits_by(0, 1, "text"));
}

/* While it was asked the store has become one that isn't to be believed. */
static void test_an_answer_that_comes_too_late(void **state)
{
    (void)state;
    asked a;
    open_calm(1);
    fill_by(0, 1, "text");
    ra_redis_store *s = ra_redis_store_of(stores[0]);
    int64_t heard = s->heard;
    ask_for(&a, 0, 1, 2, guards);
    s->heard = heard - 4LL * CALM;
    assert_false(was_hit(&a, "text"));
    ask_for(&a, 0, 1, 2, guards);
    assert_false(a.pending);
    s->heard = heard;
    assert_true(hits_by(0, 1, "text"));
}

static void test_a_lost_connection(void **state)
{
    (void)state;
    enum { N = 5 };
    asked a[N];
    open_calm(1);
    fill_by(0, 1, "text");
    halt();
    for (unsigned n = 0; n < N; n++) {
        ask_for(&a[n], 0, 1, 2, guards);
        if (n == 2)
            turn(); /* some are written, the others aren't */
    }
    server_down();
    for (unsigned n = 0; n < N; n++)
        assert_false(was_hit(&a[n], "text"));
    assert_false(hits_by(0, 1, "text"));
    server_up();
    UNTIL(serves_again(0));
    count_from_here();
    for (unsigned n = 0; n < N; n++)
        ask_for(&a[n], 0, 1, 2, guards);
    for (unsigned n = 0; n < N; n++)
        assert_false(was_hit(&a[n], "text"));
    ASKED(2, N); /* no question of the connection before is taken for one of this */
}

/* Everything of before is there again, but the server is another one. */
static void test_another_server(void **state)
{
    (void)state;
    open_calm(1);
    fill_by(0, 1, "text");
    char g[3][64];
    const uint64_t units[] = {1, 100, 101};
    for (unsigned n = 0; n < 3; n++)
        snprintf(g[n], sizeof g[n], "%s", ask("HGET %s !", name_of(units[n])));
    redisReply *r = redisCommand(direct, "HGET %s %s", name_of(1), field_of(1));
    assert_int_equal(r->type, REDIS_REPLY_STRING);
    server_down();
    server_up();
    for (unsigned n = 0; n < 3; n++)
        ask("HSET %s ! %s", name_of(units[n]), g[n]);
    ask("HSET %s %s %b", name_of(1), field_of(1), r->str, r->len);
    freeReplyObject(r);
    UNTIL(serving(0) || health_of(0) == RA_REDIS_BREAKER);
    for (unsigned n = 0; n < 20; n++)
        assert_false(hits_by(0, 1, "text"));
}

static void test_queue_limits(void **state)
{
    (void)state;
    enum { N = 40 };
    asked a[N];
    unsigned pending = 0;
    ra_redis_store_options o = calm(1);
    o.redis.max_queue = 30;
    open_calm(1);
    open_store(1, o);
    UNTIL(serving(1));
    fill_by(0, 1, "text");
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned n = 0; n < N; n++) {
            ask_for(&a[n], 1, 1, 2, guards);
            pending += a[n].pending;
        }
        for (unsigned n = 0; n < N; n++)
            assert_int_equal(was_hit(&a[n], "text"), a[n].pending);
    }
    assert_int_equal(pending, 2 * (30 - 2));
}

/* ---- writes of this process ---- */

static void test_a_write_here_is_under_way(void **state)
{
    (void)state;
    asked a;
    ra_redis_shared *shared = ra_redis_shared_new(NULL);
    for (unsigned i = 0; i < 2; i++) { /* two loops of one process */
        ra_redis_store_options o = calm(i);
        o.shared = shared;
        open_store(i, o);
        UNTIL(serving(i));
    }
    ra_redis_shared_unref(shared);
    const uint64_t written[] = {1, guards[0], guards[1]};
    for (unsigned n = 0; n < 3; n++) {
        fill_by(0, 1, "text");
        assert_true(hits_by(1, 1, "text"));
        assert_true(begin(0, 70 + n, written[n], HOUR));
        for (unsigned i = 0; i < 2; i++) {
            ask_for(&a, i, 1, 2, guards);
            assert_false(a.pending);
            assert_false(was_hit(&a, "text"));
        }
        end(0, 70 + n, written[n], 0);
        assert_false(hits_by(1, 1, "text"));
    }
}

/* The question has been asked when the write begins. Either answer is right for that one; what is held near
 * of it must not be for the next. */
static void test_a_write_between_question_and_answer(void **state)
{
    (void)state;
    open_near(0);
    for (unsigned n = 0; n < 20; n++) {
        asked a;
        ra_key unit = key_of(1);
        ra_write_id id = write_id(500 + n);
        waiting w = waiting_new();
        w.call.arg = &w;
        fill_by(0, 1, "old");
        ra_near_drop(nears[0], &unit, &(ra_key){{0}});
        hear(0);
        ask_for(&a, 0, 1, 2, guards);
        if (n % 2)
            turn();
        if (ra_store_begin(stores[0], test_now(), &id, &unit, 1, HOUR, &w.call) == RA_STORE_PENDING)
            UNTIL(w.done);
        assert_true(w.call.ok);
        was_hit(&a, "old");
        end(0, 500 + n, 1, 0);
        ra_lookup v = wanted(1, 1, 2, guards);
        assert_false(ra_store_peek(stores[0], test_now(), &v));
        assert_false(hits_by(0, 1, "old"));
    }
}

/* ---- the near cache ---- */

static void test_what_is_held_near_is_validated(void **state)
{
    (void)state;
    open_near(0);
    open_calm(0);
    open_store(1, calm(1));
    UNTIL(serving(1));
    exact = true;
    fill_by(1, 1, "text");
    asked a;
    for (unsigned n = 0; n < 3; n++) { /* the first one gets the payload */
        count_from_here();
        ask_for(&a, 0, 1, 2, guards);
        assert_true(was_hit(&a, "text"));
        assert_int_equal(a.v.near, n > 0);
        ASKED(n ? 3 : 2, n == 0);
    }
    const uint64_t written[] = {1, guards[0], guards[1]};
    for (unsigned n = 0; n < 3; n++) {
        write_by(1, written[n]);
        assert_false(hits_by(0, 1, "text"));
        ra_lookup v = look_guarded(0, 1, 1, 2, guards);
        assert_int_equal(v.outcome, RA_LOOKUP_MISS);
        assert_false(hits_by(0, 1, "text"));
        fill(0, &v, "text");
        assert_true(hits_by(0, 1, "text"));
        assert_true(hits_by(0, 1, "text"));
    }
}

/* What is fresh is served without a question, as the mark of before it says. */
static void test_an_answer_makes_it_fresh(void **state)
{
    (void)state;
    asked a;
    ra_lookup v = wanted(1, 1, 2, guards);
    open_near(0);
    open_near(1);
    fill_by(1, 1, "text");
    hear(0);
    for (unsigned n = 0; n < 3; n++) {
        assert_false(ra_store_peek(stores[0], test_now(), &v));
        ask_for(&a, 0, 1, 2, guards);
        assert_true(was_hit(&a, "text"));
        assert_true(ra_store_peek(stores[0], test_now(), &v));
        ra_payload_unref(v.payload);
        ra_near_touch(nears[0], n == 0 ? &a.v.unit : &a.v.guard[n - 1]);
    }
    ask_for(&a, 0, 1, 2, guards);
    ra_near_touch(nears[0], &a.v.guard[1]); /* older or newer than the answer? */
    assert_true(was_hit(&a, "text"));
    assert_false(ra_store_peek(stores[0], test_now(), &v));
}

/* ---- ends ---- */

static void test_cancelled(void **state)
{
    (void)state;
    enum { N = 40 };
    asked a[N];
    open_near(0);
    open_calm(0);
    open_store(1, calm(1));
    UNTIL(serving(1));
    exact = true;
    for (uint64_t n = 0; n < 4; n++)
        fill_by(n < 2 ? 0 : 1, n, "text"); /* two of them are held near */
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned n = 0; n < N; n++)
            ask_for(&a[n], 0, n % 4, 2, guards);
        if (round % 2)
            turn();
        for (unsigned n = 0; n < N; n++)
            if ((n % 3 == 0 || round == 3) && !a[n].w.done) { /* the first one carries the questions */
                ra_store_cancel(stores[0], &a[n].w.call);
                assert_null(a[n].w.call.pending);
                assert_null(a[n].v.payload);
                a[n].pending = false;
                a[n].w.call.ok = false;
            }
        for (unsigned n = 0; n < N; n++)
            if (a[n].pending)
                assert_true(was_hit(&a[n], "text"));
    }
    assert_true(hits_by(0, 1, "text"));
}

static void test_freed_while_asked(void **state)
{
    (void)state;
    asked a[8];
    for (unsigned written = 0; written < 2; written++) {
        open_near(0);
        open_store(1, calm(1));
        UNTIL(serving(1));
        ask("FLUSHALL");
        UNTIL(serving(1));
        fill_by(0, 1, "text");
        halt();
        for (unsigned n = 0; n < 8; n++)
            ask_for(&a[n], n % 2, 1, 2, guards);
        if (written)
            turn();
        close_store(0);
        close_store(1);
        ra_near_unref(nears[0]);
        nears[0] = NULL;
        resume();
        for (unsigned n = 0; n < 8; n++) {
            assert_int_equal(a[n].w.done, 0);
            assert_null(a[n].v.payload);
        }
    }
}

/* Whatever allocation fails, each question ends once, and a hit is the right one. */
static void test_without_memory(void **state)
{
    (void)state;
    unsigned hit = 0, none = 0;
    open_near(0);
    fill_by(0, 1, "one");
    fill_by(0, 2, "two");
    exact = true;
    for (unsigned i = 0; i < 600; i++) {
        asked a[2];
        ra_key unit = key_of(1), request = key_of(1);
        if (i % 3 == 0)
            ra_near_drop(nears[0], &unit, &request);
        refuse_one_in = 15;
        for (unsigned n = 0; n < 2; n++)
            ask_for(&a[n], 0, 1 + n, 2, guards);
        while ((a[0].pending && !a[0].w.done) || (a[1].pending && !a[1].w.done))
            event_base_loop(base, EVLOOP_ONCE);
        refuse_one_in = 0;
        for (unsigned n = 0; n < 2; n++) {
            bool is = was_hit(&a[n], n ? "two" : "one");
            hit += is;
            none += !is;
        }
        if (!serving(0))
            UNTIL(serves_again(0));
    }
    assert_true(hit > 100);
#ifndef OWN_ALLOCATOR
    assert_true(none > 0); /* else nothing was refused */
#else
    assert_int_equal(none, 0);
#endif
}

/* ---- at random ---- */

static unsigned asked_and_hit, asked_in_vain;

static void answered(ra_store_call *call)
{
    waiting *w = call->arg;
    reader *r = (reader *)((char *)w - offsetof(reader, w));
    call->done = on_done;
    if (call->ok) {
        asked_and_hit++;
        on_done(call);
        return;
    }
    asked_in_vain++;
    if (ra_store_lookup(stores[r->store], test_now(), &r->v, 1, call) == RA_STORE_DONE)
        w->done = 1;
}

static enum ra_store_step ask_first(ra_store *s, int64_t now, ra_lookup *v, size_t n, ra_store_call *call)
{
    call->done = answered;
    if (ra_store_ask(s, now, v, call) == RA_STORE_PENDING)
        return RA_STORE_PENDING;
    call->done = on_done;
    return ra_store_lookup(s, now, v, n, call);
}

static void run_at_random(ra_near *one, ra_near *other)
{
    static world m;
    ra_redis_shared *shared[] = {ra_redis_shared_new(one), ra_redis_shared_new(other)};
    exact = true;
    asked_and_hit = asked_in_vain = 0;
    open_world(shared[0], shared[1]);
    ra_redis_shared_unref(shared[0]);
    ra_redis_shared_unref(shared[1]);
    run_world(&m);
    print_message("by a question alone %u, in vain %u\n", asked_and_hit, asked_in_vain);
    assert_true(asked_and_hit > 100 && asked_in_vain > 100);
}

static void test_random(void **state)
{
    (void)state;
    run_at_random(NULL, NULL);
}

static void test_random_near(void **state)
{
    (void)state;
    nears[0] = ra_near_new(NEAR_BYTES, HOUR);
    nears[2] = ra_near_new(NEAR_BYTES, HOUR);
    run_at_random(nears[0], nears[2]);
}

#define ASKING(name) cmocka_unit_test_setup_teardown(name, fresh, end_asks)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKING(test_a_hit),
        ASKING(test_without_a_hit_nothing_has_happened),
        ASKING(test_past_its_ttl),
        ASKING(test_what_is_damaged_is_counted_once),
        ASKING(test_what_isnt_a_hash),
        ASKING(test_guards_are_asked_for_once),
        ASKING(test_a_question_that_was_written_is_asked_anew),
        ASKING(test_an_answer_is_not_kept),
        ASKING(test_guards_of_other_tables_at_the_same_time),
        ASKING(test_guards_that_share_a_place),
        ASKING(test_the_same_guard_in_other_places),
        ASKING(test_no_answer_in_time),
        ASKING(test_a_question_whose_time_is_over),
        ASKING(test_an_answer_that_comes_too_late),
        ASKING(test_a_lost_connection),
        ASKING(test_another_server),
        ASKING(test_queue_limits),
        ASKING(test_a_write_here_is_under_way),
        ASKING(test_a_write_between_question_and_answer),
        ASKING(test_what_is_held_near_is_validated),
        ASKING(test_an_answer_makes_it_fresh),
        ASKING(test_cancelled),
        ASKING(test_freed_while_asked),
        ASKING(test_without_memory),
        ASKING(test_random),
        ASKING(test_random_near),
    };
    return cmocka_run_group_tests(tests, all_begin, all_end);
}
