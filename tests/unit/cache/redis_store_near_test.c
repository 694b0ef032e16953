/*
 * The store in Redis with a near cache in front of it, and with what hears of changes: two or three
 * processes, each with a near cache of its own, on one loop, and a real Redis. What Redis was asked is known
 * from its own count of commands. Where a test must not depend on when pushes come, nothing listens for them
 * and the test says by hand that they are heard.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/redis_epoch.h"
#include "cache/redis_store_parts.h"
#include "cache/redis_tracker.h"

#include "redis_store_fixture.h"
#include "redis_store_random.h"

enum {
    NEAR_BYTES = 4 << 20,
    CALM = 60000 /* a heartbeat, which is a script, comes in no test */
};

static ra_near *nears[STORES];
static ra_redis_tracker *trackers[STORES];
static char heard_of[STORES][512]; /* what the trackers say */

/* ---- processes ---- */

static ra_redis_store_options calm(unsigned i)
{
    ra_redis_store_options o = defaults(i);
    o.heartbeat = CALM;
    return o;
}

static void open_with(unsigned i, ra_redis_store_options o)
{
    nears[i] = ra_near_new(NEAR_BYTES, HOUR);
    o.shared = ra_redis_shared_new(nears[i]);
    assert_true(nears[i] && o.shared);
    open_store(i, o);
    ra_redis_shared_unref(o.shared);
    UNTIL(serving(i));
}

static void open_processes(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        open_with(i, calm(i));
}

/* From here on it counts as told of all changes, though nobody listens. */
static void hear(unsigned i)
{
    char epoch[RA_REDIS_EPOCH_CHARS + 1];
    ra_redis_epoch(ra_redis_store_identity(stores[i]), "", epoch);
    ra_near_heard(nears[i], epoch, test_now() + HOUR);
}

static void open_tracker(unsigned i)
{
    static seen unused;
    ra_redis_tracker_options o = {.redis = options_of(&unused),
                                  .key_prefix = "test:",
                                  .near = nears[i],
                                  .ping = 5,
                                  .max_silence = LONG,
                                  .say = on_say,
                                  .say_arg = heard_of[i]};
    o.redis.socket = server.socket;
    trackers[i] = ra_redis_tracker_new(base, &o);
    assert_non_null(trackers[i]);
    UNTIL(ra_redis_tracker_state(trackers[i]) == RA_TRACKING_ON);
}

static void close_tracker(unsigned i)
{
    ra_redis_tracker_free(trackers[i]);
    trackers[i] = NULL;
}

static ra_near_stats near_stats(unsigned i)
{
    ra_near_stats n;
    ra_near_get_stats(nears[i], &n);
    return n;
}

/* How often the unit has been touched, and perhaps others that share its slot. */
static unsigned touches_of(unsigned i, const ra_key *unit)
{
    return ra_near_mark_now(nears[i], unit, NULL, 0).unit;
}

/* The process has been told of all that was changed before: pushes come in order. */
static void told_everything(unsigned i)
{
    static const uint64_t last = 987654321;
    ra_key unit = key_of(last);
    unsigned before = touches_of(i, &unit);
    ask("SET %s x", name_of(last));
    UNTIL(touches_of(i, &unit) != before);
}

static int begin_near(void **state)
{
    memset(heard_of, 0, sizeof heard_of);
    return fresh(state);
}

static int end_near(void **state)
{
    for (unsigned i = 0; i < STORES; i++)
        close_tracker(i);
    over(state);
    for (unsigned i = 0; i < STORES; i++) {
        ra_near_unref(nears[i]);
        nears[i] = NULL;
    }
    return 0;
}

/* For another round of a test. */
static void anew(void)
{
    end_near(NULL);
    begin_near(NULL);
}

/* ---- what Redis is asked ---- */

#define ASKED(hgets, hmgets, scripts)                                                                        \
    do {                                                                                                     \
        assert_int_equal(calls_of("hget"), hgets);                                                           \
        assert_int_equal(calls_of("hmget"), hmgets);                                                         \
        assert_int_equal(calls_of("eval") + calls_of("evalsha"), scripts);                                   \
    } while (0)

static void count_from_here(void)
{
    ask("CONFIG RESETSTAT");
}

static const uint64_t guards[] = {100, 101};

/* A hit with that text, held here or not; gives it back. */
static ra_lookup hits(unsigned i, uint64_t unit, const char *text, bool near)
{
    ra_lookup v = look_guarded(i, unit, 1, 2, guards);
    assert_int_equal(v.outcome, RA_LOOKUP_HIT);
    assert_int_equal(v.payload->len, strlen(text));
    assert_memory_equal(v.payload->body, text, strlen(text));
    assert_int_equal(v.near, near);
    assert_true(v.expires_in > 0 && v.expires_in <= HOUR);
    assert_true(v.token.unit.len && v.token.guard[0].len && v.token.guard[1].len);
    ra_payload_unref(v.payload);
    return v;
}

static void hits_near(unsigned i, uint64_t unit, const char *text)
{
    hits(i, unit, text, true);
}

static void hits_far(unsigned i, uint64_t unit, const char *text)
{
    hits(i, unit, text, false);
}

/* Without a question, as Redis counts them and as the caller sees it. */
static void hits_unasked(unsigned i, uint64_t unit, const char *text)
{
    ra_lookup v = wanted(unit, 1, 2, guards);
    waiting w = waiting_new();
    w.call.arg = &w;
    count_from_here();
    assert_int_equal(ra_store_lookup(stores[i], test_now(), &v, 1, &w.call), RA_STORE_DONE);
    assert_int_equal(v.outcome, RA_LOOKUP_HIT);
    assert_true(v.near);
    assert_null(v.reason);
    assert_true(v.expires_in > 0 && v.expires_in <= HOUR);
    assert_true(v.token.unit.len && v.token.guard[0].len && v.token.guard[1].len);
    assert_int_equal(v.payload->len, strlen(text));
    assert_memory_equal(v.payload->body, text, strlen(text));
    ra_payload_unref(v.payload);
    ASKED(0, 0, 0);
    assert_int_equal(w.done, 0);
}

/* Was it a hit without a question? */
static bool asks_nothing(unsigned i, uint64_t unit)
{
    ra_lookup v = wanted(unit, 1, 2, guards);
    waiting w = waiting_new();
    w.call.arg = &w;
    bool done = ra_store_lookup(stores[i], test_now(), &v, 1, &w.call) == RA_STORE_DONE;
    if (!done)
        UNTIL(w.done);
    assert_int_equal(v.outcome, RA_LOOKUP_HIT);
    assert_true(v.near);
    ra_payload_unref(v.payload);
    return done;
}

/* With a question that fetches no payload. */
static void hits_validated(unsigned i, uint64_t unit, const char *text)
{
    count_from_here();
    hits_near(i, unit, text);
    ASKED(3, 0, 0);
}

static ra_lookup misses(unsigned i, uint64_t unit)
{
    ra_lookup v = look_guarded(i, unit, 1, 2, guards);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_false(v.near);
    return v;
}

static void bypasses(unsigned i, uint64_t unit)
{
    ra_lookup v = look_guarded(i, unit, 1, 2, guards);
    assert_int_equal(v.outcome, RA_LOOKUP_BYPASS);
    assert_string_equal(v.reason, "write-in-progress");
    assert_false(v.near);
}

static void misses_and_fills(unsigned i, uint64_t unit, const char *text)
{
    ra_lookup v = misses(i, unit);
    fill(i, &v, text);
}

static void write_through(unsigned i, uint64_t unit)
{
    static uint64_t id;
    assert_true(begin(i, ++id, unit, HOUR));
    end(i, id, unit, 0);
}

/* Processes 0 and 1: both hold it. */
static void both_hold(uint64_t unit, const char *text)
{
    misses_and_fills(0, unit, text);
    hits_near(0, unit, text);
    hits_far(1, unit, text);
    hits_near(1, unit, text);
}

/* ---- linearizable ---- */

static void test_exact_asks_for_generations_alone(void **state)
{
    (void)state;
    exact = true;
    open_processes(2);
    hear(0); /* which makes no difference */
    hear(1);
    misses_and_fills(0, 1, "text");
    for (unsigned i = 0; i < 3; i++)
        hits_validated(0, 1, "text");
    count_from_here();
    hits_far(1, 1, "text");
    ASKED(2, 1, 0);
    for (unsigned i = 0; i < 3; i++)
        hits_validated(1, 1, "text");
    assert_int_equal(stats_of(0).hits, 3);
    assert_int_equal(stats_of(1).hits, 4);
}

static void test_exact_never_gives_what_another_has_overwritten(void **state)
{
    (void)state;
    static const uint64_t written[] = {1, 100, 101};
    exact = true;
    open_processes(2);
    for (unsigned round = 0; round < 9; round++) {
        both_hold(1, "old");
        hear(1);
        assert_true(begin(0, round, written[round % 3], HOUR));
        bypasses(1, 1);
        bypasses(0, 1);
        end_now(0, round, written[round % 3], 0);
        bypasses(0, 1);
        UNTIL(stats_of(0).markers == 0);
        misses(round % 2, 1);
        misses(!(round % 2), 1);
        ask("DEL %s", name_of(1));
    }
}

/* The second round takes Redis's newer one. */
static void test_void_entry_and_a_newer_one(void **state)
{
    (void)state;
    static const uint64_t written[] = {1, 100, 101};
    open_processes(2);
    for (unsigned round = 0; round < 6; round++) {
        exact = round < 3;
        both_hold(1, "old");
        write_through(0, written[round % 3]);
        misses_and_fills(0, 1, "new");
        count_from_here();
        hits_far(1, 1, "new");
        ASKED(3, 1, 0);
        hits_validated(1, 1, "new");
        ask("DEL %s", name_of(1));
    }
}

/* Or gets a token that is good. */
static void test_void_entry_and_none_newer(void **state)
{
    (void)state;
    exact = true;
    open_processes(2);
    both_hold(1, "old");
    write_through(0, 1);
    look_and_fill(0, 1, 7, "another shape, under the unit's new generation");
    count_from_here();
    ra_lookup v = misses(1, 1);
    ASKED(3, 1, 0);
    fill(1, &v, "new");
    hits_validated(1, 1, "new");
    hits_far(0, 1, "new");
}

static void test_void_entry_and_a_damaged_one(void **state)
{
    (void)state;
    exact = true;
    open_processes(2);
    both_hold(1, "old");
    ask("HSET %s %s damaged", name_of(1), field_of(1));
    hits_validated(1, 1, "old"); /* what it was when it was good is good still */
    write_through(0, 1);
    misses_and_fills(0, 1, "new");
    ask("HSET %s %s damaged", name_of(1), field_of(1));
    ra_lookup v = misses(1, 1);
    assert_int_equal(counts_of(1).damaged, 1);
    fill(1, &v, "newer");
    hits_validated(1, 1, "newer");
    hits_validated(0, 1, "new"); /* the same unit, in the same generation */
}

static void test_what_was_evicted_is_a_miss(void **state)
{
    (void)state;
    static const uint64_t gone[] = {1, 100, 101};
    open_processes(2);
    for (unsigned round = 0; round < 6; round++) {
        exact = round < 3;
        both_hold(1, "old");
        ask("DEL %s", name_of(gone[round % 3]));
        ra_lookup v = misses(1, 1);
        fill(1, &v, "new");
        hits_validated(1, 1, "new");
        ask("DEL %s", name_of(1));
    }
}

/* The entry alone, while its unit's generation lives: what Redis has forgotten needn't be. */
static void test_an_entry_that_redis_has_lost(void **state)
{
    (void)state;
    exact = true;
    open_processes(2);
    both_hold(1, "text");
    ask("HDEL %s %s", name_of(1), field_of(1));
    hits_validated(0, 1, "text");
    write_through(0, 1);
    misses(1, 1);
}

static void test_past_its_ttl(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        uint64_t unit = 1 + round;
        exact = round == 0;
        open_processes(2);
        hear(0);
        ra_lookup v = misses(0, unit);
        assert_int_equal(fill_bytes(0, &v, RA_BYTES("old"), 1, HOUR), RA_FILL_QUEUED);
        UNTIL(stats_of(0).fills == 1);
        UNTIL(peek_guarded(0, unit, 2, guards) == RA_LOOKUP_STALE);
        count_from_here();
        v = look_guarded(0, unit, 1, 2, guards);
        ASKED(2, 1, 0);
        assert_int_equal(v.outcome, RA_LOOKUP_STALE);
        assert_false(v.near);
        assert_true(v.expires_in <= 0);
        assert_memory_equal(v.payload->body, "old", 3);
        ra_payload_unref(v.payload);
        fill(1, &v, "new"); /* its token is good for the renewal, through whomever */
        hits_far(0, unit, "new");
        hits_near(0, unit, "new");
        anew();
    }
}

static void test_past_its_keep(void **state)
{
    (void)state;
    open_processes(1);
    hear(0);
    look_and_fill(0, 1, 2, "stays, and keeps the unit alive");
    ra_lookup v = misses(0, 1);
    assert_int_equal(fill_bytes(0, &v, RA_BYTES("old"), 1, 1), RA_FILL_QUEUED);
    UNTIL(stats_of(0).fills == 2);
    UNTIL(peek_guarded(0, 1, 2, guards) == RA_LOOKUP_MISS);
    v = misses(0, 1);
    fill(0, &v, "new");
    hits_validated(0, 1, "new");
}

/* ---- not linearizable: unasked ---- */

static void test_the_second_hit_asks_nothing(void **state)
{
    (void)state;
    open_processes(2);
    open_tracker(1);
    misses_and_fills(0, 1, "text");
    told_everything(1);
    count_from_here();
    hits_far(1, 1, "text");
    ASKED(2, 1, 0);
    for (unsigned i = 0; i < 20; i++)
        hits_unasked(1, 1, "text");
    assert_int_equal(stats_of(1).hits, 21);
    assert_int_equal(near_stats(1).fresh, 20);
}

/* From the entry as it was to its being asked about again. */
static void test_a_push_makes_it_ask(void **state)
{
    (void)state;
    open_processes(2);
    open_tracker(1);
    misses_and_fills(0, 1, "text");
    told_everything(1);
    hits_far(1, 1, "text");
    hits_unasked(1, 1, "text");
    look_and_fill(0, 1, 7, "another shape"); /* which doesn't void it */
    told_everything(1);
    hits_validated(1, 1, "text");
    hits_unasked(1, 1, "text");
    for (unsigned i = 0; i < 3; i++) {
        static const uint64_t written[] = {1, 100, 101};
        assert_true(begin(0, i, written[i], HOUR));
        told_everything(1);
        bypasses(1, 1);
        end(0, i, written[i], 0);
        told_everything(1);
        misses_and_fills(1, 1, "text");
        told_everything(1); /* its own fill is a push as well */
        hits_validated(1, 1, "text");
        hits_unasked(1, 1, "text");
    }
    invalidate(0, 1);
    UNTIL(stats_of(0).markers == 0);
    told_everything(1);
    misses_and_fills(1, 1, "newer");
    told_everything(1);
    hits_validated(1, 1, "newer");
    ask("DEL %s", name_of(101));
    told_everything(1);
    misses(1, 1);
}

static void test_flushall_makes_it_ask(void **state)
{
    (void)state;
    open_processes(2);
    open_tracker(1);
    misses_and_fills(0, 1, "text");
    told_everything(1);
    hits_far(1, 1, "text");
    hits_unasked(1, 1, "text");
    uint64_t before = near_stats(1).touches_of_all;
    ask("FLUSHALL");
    UNTIL(near_stats(1).touches_of_all > before);
    misses_and_fills(1, 1, "new");
    told_everything(1);
    hits_validated(1, 1, "new");
    UNTIL(asks_nothing(1, 1)); /* the answer to a PING says that pushes are heard again */
    hits_unasked(1, 1, "new");
}

/* Nothing is pushed, so all that it knows of its own writes is what it does itself. */
static void test_own_writes_need_no_push(void **state)
{
    (void)state;
    static const uint64_t written[] = {1, 100, 101};
    char text[16] = "0";
    open_processes(2);
    hear(0);
    misses_and_fills(0, 1, text);
    for (unsigned i = 1; i <= 30; i++) {
        hits_near(0, 1, text);
        hits_unasked(0, 1, text);
        ra_key unit = key_of(written[i % 3]);
        unsigned touches = touches_of(0, &unit);
        assert_true(begin(0, i, written[i % 3], HOUR));
        assert_int_equal(touches_of(0, &unit), touches + 1);
        count_from_here();
        bypasses(0, 1);
        end_now(0, i, written[i % 3], 0);
        bypasses(0, 1);
        assert_int_equal(calls_of("hget") + calls_of("hmget"), 0);
        UNTIL(stats_of(0).markers == 0);
        assert_int_equal(touches_of(0, &unit), touches + 2);
        snprintf(text, sizeof text, "%u", i);
        if (i % 2) {
            misses_and_fills(0, 1, text);
        } else {
            misses_and_fills(1, 1, text);
            hits_far(0, 1, text);
        }
    }
}

static void test_own_invalidations_need_no_push(void **state)
{
    (void)state;
    open_processes(1);
    hear(0);
    for (unsigned i = 0; i < 3; i++) {
        misses_and_fills(0, 1, "old");
        hits_near(0, 1, "old");
        hits_unasked(0, 1, "old");
        invalidate(0, 1);
        bypasses(0, 1);
        UNTIL(stats_of(0).markers == 0);
    }
    misses(0, 1);
}

/*
 * Another loop of the process looked whether the unit is being written just before a write began, and asks,
 * and takes its mark, after that has touched the unit. Its question overtakes the write's mark. This test
 * does with the near cache what that loop does then.
 */
static void test_an_answer_from_within_a_write(void **state)
{
    (void)state;
    static const uint64_t written[] = {1, 100, 101};
    for (unsigned i = 0; i < 3; i++) {
        open_processes(1);
        hear(0);
        misses_and_fills(0, 1, "old");
        ra_lookup v = hits(0, 1, "old", true);
        assert_true(begin(0, i, written[i], HOUR));
        ra_near_mark mark = ra_near_mark_now(nears[0], &v.unit, v.guard, 2);
        ra_near_validated(nears[0], test_now(), &v.unit, &v.request, &v.token, &mark);
        bypasses(0, 1);
        end(0, i, written[i], 0);
        misses(0, 1);
        anew();
    }
}

/* What hears of changes runs ahead of the answers, or behind them. */
static void touched_on_its_way(unsigned i, bool near, const ra_key *touched)
{
    ra_lookup v = wanted(1, 1, 2, guards);
    waiting w = waiting_new();
    w.call.arg = &w;
    assert_int_equal(ra_store_lookup(stores[i], test_now(), &v, 1, &w.call), RA_STORE_PENDING);
    if (touched)
        ra_near_touch(nears[i], touched);
    else
        ra_near_touch_all(nears[i]);
    if (!touched)
        hear(i);
    UNTIL(w.done);
    assert_int_equal(v.outcome, RA_LOOKUP_HIT);
    assert_int_equal(v.near, near);
    ra_payload_unref(v.payload);
}

static void test_pushes_between_question_and_answer(void **state)
{
    (void)state;
    ra_key one = key_of(1), first = key_of(100), second = key_of(101);
    const ra_key *touched[] = {&one, &first, &second, NULL};
    open_processes(2);
    hear(1);
    misses_and_fills(0, 1, "text");
    for (unsigned i = 0; i < 4; i++) {
        hits(1, 1, "text", i > 0);
        hits_unasked(1, 1, "text");
        ra_near_drop(nears[1], &one, &(ra_key){0}); /* isn't there */
        ra_key request = key_of(1);
        ra_near_drop(nears[1], &one, &request);
        touched_on_its_way(1, false, touched[i]); /* fetched */
        hits_validated(1, 1, "text");
        ra_near_touch(nears[1], &one);
        touched_on_its_way(1, true, touched[i]); /* validated */
        hits_validated(1, 1, "text");
        hits_unasked(1, 1, "text");
    }
}

static void test_without_pushes_each_hit_is_validated(void **state)
{
    (void)state;
    open_processes(2);
    misses_and_fills(0, 1, "text");
    hits_far(1, 1, "text");
    for (unsigned i = 0; i < 3; i++)
        hits_validated(1, 1, "text");
    open_tracker(1);
    hits_validated(1, 1, "text");
    hits_unasked(1, 1, "text");
    close_tracker(1);
    for (unsigned i = 0; i < 3; i++)
        hits_validated(1, 1, "text");
    open_tracker(1);
    hits_validated(1, 1, "text");
    hits_unasked(1, 1, "text");
    uint64_t before = near_stats(1).touches_of_all;
    ask("CLIENT KILL TYPE pubsub");
    UNTIL(near_stats(1).touches_of_all > before);
    hits_near(1, 1, "text");
    UNTIL(ra_redis_tracker_state(trackers[1]) == RA_TRACKING_ON);
    hits_validated(1, 1, "text");
    hits_unasked(1, 1, "text");
}

/* Redis has told nothing for too long. */
static void test_silence_of_pushes(void **state)
{
    (void)state;
    char epoch[RA_REDIS_EPOCH_CHARS + 1];
    open_processes(1);
    ra_redis_epoch(ra_redis_store_identity(stores[0]), "", epoch);
    misses_and_fills(0, 1, "text");
    hear(0);
    hits_near(0, 1, "text");
    hits_unasked(0, 1, "text");
    ra_near_heard(nears[0], epoch, test_now());
    hits_validated(0, 1, "text");
    hits_validated(0, 1, "text");
    hear(0);
    hits_unasked(0, 1, "text");
}

static void test_an_entry_grows_too_old(void **state)
{
    (void)state;
    ra_redis_store_options o = calm(0);
    nears[0] = ra_near_new(NEAR_BYTES, 1);
    o.shared = ra_redis_shared_new(nears[0]);
    open_store(0, o);
    ra_redis_shared_unref(o.shared);
    UNTIL(serving(0));
    hear(0);
    misses_and_fills(0, 1, "text");
    hits_near(0, 1, "text");
    int64_t then = test_now();
    UNTIL(test_now() > then + 1);
    hits_validated(0, 1, "text");
}

/* ---- the server goes, or isn't to be believed ---- */

static void restart(void)
{
    ask("SAVE"); /* it comes back with all that it had */
    server_down();
    for (unsigned i = 0; i < 2; i++)
        UNTIL(health_of(i) == RA_REDIS_DOWN);
    ra_lookup v = look_guarded(1, 1, 1, 2, guards);
    assert_int_equal(v.outcome, RA_LOOKUP_BYPASS);
    assert_string_equal(v.reason, "store-unavailable");
    server_up();
    unlink(redis_path("dump.rdb"));
    UNTIL(serves_again(0) && serves_again(1));
    assert_string_equal(ask("EXISTS %s", name_of(1)), "1");
}

/* Nobody hears that what was heard of is another server. */
static void test_a_restarted_server(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        open_processes(2);
        exact = round == 0;
        both_hold(1, "old");
        hear(1);
        hits_near(1, 1, "old");
        restart();
        misses(1, 1);
        misses_and_fills(0, 1, "new");
        hits_far(1, 1, "new");
        hits_validated(1, 1, "new");
        hear(1);
        hits_validated(1, 1, "new"); /* heard from here on, asked before */
        anew();
    }
}

static void test_a_restarted_server_is_heard_of(void **state)
{
    (void)state;
    open_processes(2);
    open_tracker(1);
    misses_and_fills(0, 1, "old");
    told_everything(1);
    hits_far(1, 1, "old");
    hits_unasked(1, 1, "old");
    restart();
    misses(1, 1);
    UNTIL(ra_redis_tracker_state(trackers[1]) == RA_TRACKING_ON);
    misses_and_fills(0, 1, "new");
    told_everything(1);
    hits_far(1, 1, "new");
    hits_unasked(1, 1, "new");
    assert_non_null(strstr(heard_of[1], "changes are heard of"));
}

static void test_nothing_is_served_from_a_silent_server(void **state)
{
    (void)state;
    open_processes(1);
    hear(0);
    misses_and_fills(0, 1, "text");
    hits_near(0, 1, "text");
    hits_unasked(0, 1, "text");
    ra_lookup v = wanted(1, 1, 2, guards);
    waiting w = waiting_new();
    assert_int_equal(ra_store_lookup(stores[0], test_now() + (int64_t)3 * CALM + 1, &v, 1, &w.call),
                     RA_STORE_DONE);
    assert_int_equal(v.outcome, RA_LOOKUP_BYPASS);
    assert_string_equal(v.reason, "store-silent");
    assert_null(v.payload);
}

/* ---- fills ---- */

static void test_a_fill_is_held_and_validated_first(void **state)
{
    (void)state;
    open_processes(1);
    hear(0);
    misses_and_fills(0, 1, "text");
    hits_validated(0, 1, "text");
    hits_unasked(0, 1, "text");
}

static void test_a_fill_that_was_overtaken(void **state)
{
    (void)state;
    static const uint64_t written[] = {1, 100, 101};
    for (unsigned round = 0; round < 6; round++) {
        exact = round < 3;
        open_processes(2);
        hear(0);
        ra_lookup v = misses(0, 1);
        write_through(1, written[round % 3]);
        if (round % 3 == 0)
            fill_is_overtaken(0, &v);
        else
            fill(0, &v, "too old"); /* the guard was broken: it is stored, and never hits */
        misses(0, 1);
        misses(1, 1);
        v = misses(0, 1);
        fill(0, &v, "new");
        hits_validated(0, 1, "new");
        hits_far(1, 1, "new");
        anew();
    }
}

/* By a write of this process that is under way, too: it isn't even held. */
static void test_a_fill_during_an_own_write(void **state)
{
    (void)state;
    open_processes(1);
    hear(0);
    ra_lookup v = misses(0, 1);
    assert_true(begin(0, 1, 1, HOUR));
    assert_int_equal(fill_bytes(0, &v, RA_BYTES("old"), HOUR, 0), RA_FILL_OVERTAKEN);
    assert_int_equal(near_stats(0).puts, 0);
    end(0, 1, 1, 0);
    misses(0, 1);
}

static void test_fills_that_redis_has_no_room_for(void **state)
{
    (void)state;
    ra_redis_store_options o = calm(0);
    o.max_entry_bytes = 8;
    o.max_unit_entries = 1;
    open_with(0, o);
    hear(0);
    look_and_fill(0, 1, 7, "another");
    ra_lookup v = misses(0, 1);
    assert_int_equal(fill_bytes(0, &v, RA_BYTES("too large"), HOUR, 0), RA_FILL_TOO_LARGE);
    misses(0, 1);
    assert_int_equal(fill_bytes(0, &v, RA_BYTES("text"), HOUR, 0), RA_FILL_QUEUED);
    UNTIL(stats_of(0).fills_full == 1);
    hits_validated(0, 1, "text"); /* which Redis hasn't got */
    write_through(0, 1);
    misses(0, 1);
}

/* What couldn't be sent is good if nothing has happened meanwhile, and only then. */
static void test_a_fill_that_was_not_sent(void **state)
{
    (void)state;
    ra_redis_store_options o = calm(0);
    o.heartbeat = 300;
    o.command_timeout = 50;
    open_with(0, o);
    open_with(1, calm(1));
    ra_lookup v = misses(0, 1), overtaken = misses(0, 2);
    halt();
    UNTIL(health_of(0) == RA_REDIS_DOWN);
    assert_int_equal(fill_bytes(0, &v, RA_BYTES("text"), HOUR, 0), RA_FILL_FULL);
    assert_int_equal(fill_bytes(0, &overtaken, RA_BYTES("old"), HOUR, 0), RA_FILL_FULL);
    resume();
    write_through(1, 2);
    UNTIL(serves_again(0));
    hits_near(0, 1, "text");
    misses(1, 1);
    misses(0, 2);
}

/* ---- batches ---- */

static void text_is(const ra_lookup *v, const char *text, bool near)
{
    assert_int_equal(v->outcome, RA_LOOKUP_HIT);
    assert_int_equal(v->near, near);
    assert_int_equal(v->payload->len, strlen(text));
    assert_memory_equal(v->payload->body, text, strlen(text));
    ra_payload_unref(v->payload);
}

enum { FRESH = 1, HELD, REMOTE, ABSENT, MARKED, WRITTEN_HERE, VOID, PARTS = VOID };

static void ask_for_parts(ra_lookup v[PARTS])
{
    for (unsigned u = FRESH; u <= PARTS; u++)
        v[u - 1] = wanted(u, 1, 2, guards);
    look_all(0, v, PARTS);
    assert_int_equal(v[ABSENT - 1].outcome, RA_LOOKUP_MISS);
    assert_true(v[ABSENT - 1].token.unit.len > 0);
    assert_int_equal(v[MARKED - 1].outcome, RA_LOOKUP_BYPASS);
    assert_int_equal(v[WRITTEN_HERE - 1].outcome, RA_LOOKUP_BYPASS);
    for (unsigned u = ABSENT; u <= WRITTEN_HERE; u++)
        assert_false(v[u - 1].near);
}

static void test_a_batch_of_all_sorts(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "fresh", "held", "remote", "", "marked", "written here", "old"};
    ra_lookup v[PARTS];
    open_processes(2);
    hear(0);
    for (uint64_t u = FRESH; u <= PARTS; u++)
        if (u != ABSENT)
            misses_and_fills(u != REMOTE ? 0 : 1, u, texts[u]);
    hits_near(0, FRESH, "fresh");
    hits_near(0, MARKED, "marked");
    hits_near(0, WRITTEN_HERE, "written here");
    write_through(1, VOID);
    misses_and_fills(1, VOID, "new");
    assert_true(begin(1, 1, MARKED, HOUR));
    assert_true(begin(0, 2, WRITTEN_HERE, HOUR));
    misses(0, ABSENT); /* it has a generation from here on */
    count_from_here();
    ask_for_parts(v);
    /* FRESH, HELD, VOID and the guards; REMOTE, ABSENT, MARKED is near as well; then VOID's; MARKED's MISS */
    assert_int_equal(calls_of("hmget"), 3);
    assert_int_equal(calls_of("eval") + calls_of("evalsha"), 1);
    text_is(&v[FRESH - 1], "fresh", true);
    text_is(&v[HELD - 1], "held", true);
    text_is(&v[REMOTE - 1], "remote", false);
    text_is(&v[VOID - 1], "new", false);
    count_from_here();
    ask_for_parts(v); /* where one part must be asked about the others are, too: it costs no further round */
    assert_int_equal(calls_of("hmget"), 1);
    text_is(&v[FRESH - 1], "fresh", true);
    text_is(&v[HELD - 1], "held", true);
    text_is(&v[REMOTE - 1], "remote", true);
    text_is(&v[VOID - 1], "new", true);
}

static void test_a_batch_of_fresh_parts(void **state)
{
    (void)state;
    enum { N = 5 };
    ra_lookup v[N];
    waiting w = waiting_new();
    w.call.arg = &w;
    open_processes(1);
    hear(0);
    for (unsigned u = 0; u < N; u++) {
        misses_and_fills(0, u, "text");
        hits_near(0, u, "text");
        v[u] = wanted(u, 1, 2, guards);
    }
    uint64_t before = stats_of(0).hits;
    count_from_here();
    assert_int_equal(ra_store_lookup(stores[0], test_now(), v, N, &w.call), RA_STORE_DONE);
    for (unsigned u = 0; u < N; u++)
        text_is(&v[u], "text", true);
    ASKED(0, 0, 0);
    assert_int_equal(stats_of(0).hits, before + N);
    v[N - 1].exact = true; /* one part's promise is enough: all are asked about */
    look_all(0, v, N);
    for (unsigned u = 0; u < N; u++)
        text_is(&v[u], "text", true);
    ASKED(N + 2, 0, 0);
    ra_near_touch(nears[0], &v[0].guard[1]); /* which is each part's */
    v[N - 1].exact = false;
    count_from_here();
    look_all(0, v, N);
    for (unsigned u = 0; u < N; u++)
        text_is(&v[u], "text", true);
    ASKED(N + 2, 0, 0);
    assert_int_equal(stats_of(0).hits, before + (uint64_t)3 * N);
}

/* ---- loops of one process ---- */

static void test_two_loops_of_one_process(void **state)
{
    (void)state;
    ra_redis_store_options o = calm(0);
    nears[0] = ra_near_new(NEAR_BYTES, HOUR);
    o.shared = ra_redis_shared_new(nears[0]);
    open_store(0, o);
    open_store(1, o);
    ra_redis_shared_unref(o.shared);
    UNTIL(serving(0) && serving(1));
    hear(0);
    misses_and_fills(0, 1, "old");
    hits_validated(1, 1, "old");
    hits_unasked(0, 1, "old");
    hits_unasked(1, 1, "old");
    assert_true(begin(1, 1, 1, HOUR));
    count_from_here();
    bypasses(0, 1);
    end_now(1, 1, 1, 0);
    bypasses(0, 1);
    ASKED(0, 0, 0);
    UNTIL(stats_of(1).markers == 0);
    misses_and_fills(0, 1, "new");
    hits_validated(1, 1, "new");
    hits_unasked(0, 1, "new");
    close_store(0); /* the near cache stays with the other */
    hits_unasked(1, 1, "new");
}

/* ---- cancelled, freed ---- */

static void test_cancel_at_each_step(void **state)
{
    (void)state;
    open_processes(2);
    for (unsigned turns = 0; turns < 12; turns++) {
        ask("DEL %s", name_of(1));
        both_hold(1, "old");
        if (turns % 2) { /* a second round */
            write_through(0, 1);
            misses_and_fills(0, 1, "new");
        }
        ra_lookup v = wanted(1, 1, 2, guards);
        waiting w = waiting_new();
        w.call.arg = &w;
        assert_int_equal(ra_store_lookup(stores[1], test_now(), &v, 1, &w.call), RA_STORE_PENDING);
        for (unsigned i = 0; i < turns / 2; i++)
            event_base_loop(base, EVLOOP_ONCE);
        if (w.done)
            ra_payload_unref(v.payload);
        ra_store_cancel(stores[1], &w.call);
        memset(&v, 0xee, sizeof v);
        hits(1, 1, turns % 2 ? "new" : "old", turns % 2 == 0 || w.done);
    }
    ra_lookup v = wanted(1, 1, 2, guards);
    waiting w = waiting_new();
    assert_int_equal(ra_store_lookup(stores[1], test_now(), &v, 1, &w.call), RA_STORE_PENDING);
    close_store(1);
}

/* ---- without memory ---- */

static void fill_without_memory(const ra_lookup *v, unsigned one_in)
{
    ra_payload *p = ra_payload_new(RA_BYTES("text"), 0, 0, 0);
    ra_fill f = {.unit = v->unit,
                 .request = v->request,
                 .token = v->token,
                 .guard = {v->guard[0], v->guard[1]},
                 .nguards = v->nguards,
                 .payload = p,
                 .ttl = HOUR};
    refuse_one_in = one_in;
    ra_store_fill(stores[0], test_now(), &f);
    refuse_one_in = 0;
    ra_payload_unref(p);
}

/* One or two of them, of which some must be asked about: refusals while it asks, and while it is answered. */
static void look_without_memory(unsigned i, ra_lookup v[2], size_t n)
{
    waiting w = waiting_new();
    w.call.arg = &w;
    refuse_one_in = i % 4 ? 2 + i % 9 : 0;
    bool asked = ra_store_lookup(stores[0], test_now(), v, n, &w.call) == RA_STORE_PENDING;
    refuse_one_in = i % 13 ? 0 : 3 + i % 5;
    for (unsigned k = 0; k < 4; k++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    refuse_one_in = 0;
    UNTIL(!asked || w.done);
}

static void test_without_memory(void **state)
{
    (void)state;
#ifdef OWN_ALLOCATOR
    skip();
#endif
    unsigned hits_seen = 0, near_seen = 0;
    ra_redis_store_options o = defaults(0);
    o.say = NULL;
    o.heartbeat = 100;
    open_with(0, o);
    open_with(1, calm(1));
    open_tracker(0);
    for (unsigned i = 0; i < 1500; i++) {
        uint64_t unit = i % 7;
        size_t n = 1 + i % 2;
        if (i % 40 == 39)
            write_through(1, i % 80 == 39 ? unit : 100);
        UNTIL(health_of(0) == RA_REDIS_SERVING || health_of(0) == RA_REDIS_BREAKER);
        ra_lookup v[2] = {wanted(unit, 1, 2, guards), wanted((unit + 1) % 7, 1, 2, guards)};
        v[0].exact = i % 3 == 0;
        look_without_memory(i, v, n);
        for (unsigned k = 0; k < n; k++) {
            hits_seen += v[k].outcome == RA_LOOKUP_HIT;
            near_seen += v[k].outcome == RA_LOOKUP_HIT && v[k].near;
            if (v[k].outcome == RA_LOOKUP_MISS)
                fill_without_memory(&v[k], 1 + i % 6);
            ra_payload_unref(v[k].payload);
        }
    }
    print_message("hits %u, of them near %u\n", hits_seen, near_seen);
    assert_true(hits_seen > 100 && near_seen > 50);
    UNTIL(serves_again(0) && ra_redis_tracker_state(trackers[0]) == RA_TRACKING_ON);
    write_through(1, 100);
    told_everything(0);
    for (uint64_t u = 0; u < 7; u++)
        misses(0, u);
}

/* ---- hits that are had at once ---- */

/*
 * A peek gives what the lookup right after it gives without asking, or nothing. It never asks, and counts
 * nothing but a hit.
 */
static bool had_at_once(unsigned i, uint64_t unit, uint64_t request, unsigned n, const uint64_t *guard,
                        ra_lookup *w)
{
    ra_lookup v = *w = wanted(unit, request, n, guard);
    waiting at = waiting_new();
    at.call.arg = &at;
    ra_store_stats before = stats_of(i);
    int64_t now = test_now();
    bool had = ra_store_peek(stores[i], now, &v);
    before.hits += had;
    ra_store_stats after = stats_of(i);
    assert_memory_equal(&after, &before, sizeof after);
    assert_true(had || !v.payload);
    bool done = ra_store_lookup(stores[i], now, w, 1, &at.call) == RA_STORE_DONE;
    assert_int_equal(had, done && w->outcome == RA_LOOKUP_HIT);
    if (had) {
        assert_int_equal(v.outcome, RA_LOOKUP_HIT);
        assert_ptr_equal(v.payload, w->payload);
        assert_true(v.near && !v.reason && v.filling_for == -1);
        assert_true(v.expires_in == w->expires_in && w->expires_in > 0);
        ra_payload_unref(v.payload);
    }
    if (!done)
        ra_store_cancel(stores[i], &at.call);
    return had;
}

static bool peeks(unsigned i, uint64_t unit)
{
    ra_lookup w;
    bool had = had_at_once(i, unit, 1, 2, guards, &w);
    if (had)
        ra_payload_unref(w.payload);
    return had;
}

/* Alone: nothing has been asked, and Redis has nothing that it hadn't. */
static void peek_leaves_no_trace(unsigned i, uint64_t unit)
{
    ra_lookup v = wanted(unit, 1, 2, guards);
    count_from_here();
    assert_false(ra_store_peek(stores[i], test_now(), &v));
    event_base_loop(base, EVLOOP_NONBLOCK);
    ASKED(0, 0, 0);
    assert_string_equal(ask("EXISTS %s", name_of(unit)), "0");
}

static void test_peek_never_asks(void **state)
{
    (void)state;
    open_processes(2);
    open_tracker(1);
    peek_leaves_no_trace(1, 1);
    misses_and_fills(0, 1, "text");
    told_everything(1);
    assert_false(peeks(1, 1)); /* Redis has it, and this process hasn't */
    hits_far(1, 1, "text");
    assert_true(peeks(1, 1));
    count_from_here();
    assert_true(peeks(1, 1));
    ASKED(0, 0, 0);
    ra_lookup w = wanted(1, 2, 2, guards);
    assert_false(ra_store_peek(stores[1], test_now(), &w)); /* another request */
    w = wanted(1, 1, 1, guards);
    assert_false(ra_store_peek(stores[1], test_now(), &w)); /* other guards */
    exact = true;
    assert_false(peeks(1, 1)); /* linearizable: never unasked */
    exact = false;
    assert_true(peeks(1, 1));
}

static void test_peek_after_another_has_written(void **state)
{
    (void)state;
    static const uint64_t written[] = {1, 100, 101};
    open_processes(2);
    open_tracker(1);
    for (uint64_t i = 0; i < 3; i++) {
        misses_and_fills(0, 1, "text");
        told_everything(1);
        hits_far(1, 1, "text");
        assert_true(peeks(1, 1));
        assert_true(begin(0, i, written[i], HOUR));
        told_everything(1);
        assert_false(peeks(1, 1));
        end(0, i, written[i], 0);
        told_everything(1);
        assert_false(peeks(1, 1));
    }
}

/* Nothing is pushed: what keeps it from serving is what it does itself. */
static void test_peek_during_an_own_write(void **state)
{
    (void)state;
    static const uint64_t written[] = {1, 100, 101};
    open_processes(1);
    hear(0);
    for (uint64_t i = 0; i < 3; i++) {
        misses_and_fills(0, 1, "text");
        assert_false(peeks(0, 1)); /* held, and not validated yet */
        hits_near(0, 1, "text");
        assert_true(peeks(0, 1));
        assert_true(begin(0, i, written[i], HOUR));
        assert_false(peeks(0, 1));
        end_now(0, i, written[i], 0);
        assert_false(peeks(0, 1));
        UNTIL(stats_of(0).markers == 0);
        assert_false(peeks(0, 1));
    }
}

/* Not from what has expired, from a server that is silent or gone, or without a near cache. */
static void test_peek_at_what_isnt_to_be_believed(void **state)
{
    (void)state;
    open_processes(1);
    hear(0);
    ra_lookup v = misses(0, 1);
    assert_int_equal(fill_bytes(0, &v, RA_BYTES("text"), 300, HOUR), RA_FILL_QUEUED);
    UNTIL(stats_of(0).fills == 1);
    ra_lookup validated = look_guarded(0, 1, 1, 2, guards); /* or stale already, on a busy machine */
    ra_payload_unref(validated.payload);
    UNTIL(peek_guarded(0, 1, 2, guards) == RA_LOOKUP_STALE);
    assert_false(peeks(0, 1));

    misses_and_fills(0, 2, "text");
    hits_near(0, 2, "text");
    assert_true(peeks(0, 2));
    server_down();
    UNTIL(health_of(0) == RA_REDIS_DOWN);
    assert_false(peeks(0, 2));
    server_up();

    open_store(1, calm(1));
    UNTIL(serving(1));
    misses_and_fills(1, 3, "text");
    hits_far(1, 3, "text");
    assert_false(peeks(1, 3));
}

/* ---- at random: linearizable ---- */

static void test_random_exact(void **state)
{
    (void)state;
    static world m;
    nears[0] = ra_near_new(NEAR_BYTES, HOUR);
    nears[2] = ra_near_new(NEAR_BYTES, HOUR);
    ra_redis_shared *one = ra_redis_shared_new(nears[0]), *other = ra_redis_shared_new(nears[2]);
    assert_true(nears[0] && nears[2] && one && other);
    exact = true;
    open_world(one, other);
    open_tracker(0);
    open_tracker(2);
    ra_redis_shared_unref(one);
    ra_redis_shared_unref(other);
    run_world(&m);
    uint64_t checked = near_stats(0).checked + near_stats(0).fresh;
    print_message("held near %" PRIu64 "\n", checked);
    assert_true(checked > 100);
}

#include "redis_store_near_random.h"

#define NEAR(name) cmocka_unit_test_setup_teardown(name, begin_near, end_near)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        NEAR(test_exact_asks_for_generations_alone),
        NEAR(test_exact_never_gives_what_another_has_overwritten),
        NEAR(test_void_entry_and_a_newer_one),
        NEAR(test_void_entry_and_none_newer),
        NEAR(test_void_entry_and_a_damaged_one),
        NEAR(test_what_was_evicted_is_a_miss),
        NEAR(test_an_entry_that_redis_has_lost),
        NEAR(test_past_its_ttl),
        NEAR(test_past_its_keep),
        NEAR(test_the_second_hit_asks_nothing),
        NEAR(test_a_push_makes_it_ask),
        NEAR(test_flushall_makes_it_ask),
        NEAR(test_own_writes_need_no_push),
        NEAR(test_own_invalidations_need_no_push),
        NEAR(test_an_answer_from_within_a_write),
        NEAR(test_pushes_between_question_and_answer),
        NEAR(test_without_pushes_each_hit_is_validated),
        NEAR(test_silence_of_pushes),
        NEAR(test_an_entry_grows_too_old),
        NEAR(test_a_restarted_server),
        NEAR(test_a_restarted_server_is_heard_of),
        NEAR(test_nothing_is_served_from_a_silent_server),
        NEAR(test_a_fill_is_held_and_validated_first),
        NEAR(test_a_fill_that_was_overtaken),
        NEAR(test_a_fill_during_an_own_write),
        NEAR(test_fills_that_redis_has_no_room_for),
        NEAR(test_a_fill_that_was_not_sent),
        NEAR(test_a_batch_of_all_sorts),
        NEAR(test_a_batch_of_fresh_parts),
        NEAR(test_two_loops_of_one_process),
        NEAR(test_cancel_at_each_step),
        NEAR(test_without_memory),
        NEAR(test_peek_never_asks),
        NEAR(test_peek_after_another_has_written),
        NEAR(test_peek_during_an_own_write),
        NEAR(test_peek_at_what_isnt_to_be_believed),
        NEAR(test_random_exact),
        NEAR(test_random_unasked),
    };
    if (argc > 1) /* the test to run */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, all_begin, all_end);
}
