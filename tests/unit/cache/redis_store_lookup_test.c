/*
 * Whether another process is filling what a lookup misses: two or three stores on one Redis. What else a
 * lookup does is redis_store_test.c's.
 *
 * A generation counts as young for a second, and a machine may be so slow that it isn't any more by the next
 * command: what needs one to be young is therefore tried on another unit then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* More than these tests need. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "redis_store_fixture.h"

enum { TRIES = 100 };

static ra_lookup look_awaiting(unsigned i, uint64_t unit, uint64_t request, unsigned nguards,
                               const uint64_t *guards)
{
    ra_lookup v = wanted(unit, request, nguards, guards);
    v.awaits = true;
    look_all(i, &v, 1);
    return v;
}

static bool same(const ra_generation *a, const ra_generation *b)
{
    return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

static void expect_nobody(const ra_lookup *v)
{
    assert_int_equal(v->outcome, RA_LOOKUP_MISS);
    assert_int_equal(v->filling_for, -1);
    assert_true(v->token.unit.len > 0);
}

/* Store 0 misses it, and then store 1, which is told so. The unit. */
static uint64_t two_miss(uint64_t request, unsigned nguards, const uint64_t *guards)
{
    for (uint64_t unit = 1; unit < TRIES; unit++) {
        ra_lookup filler = look_awaiting(0, unit, request, nguards, guards);
        expect_nobody(&filler);
        ra_lookup v = look_awaiting(1, unit, request, nguards, guards);
        assert_int_equal(v.outcome, RA_LOOKUP_MISS);
        assert_true(same(&v.token.unit, &filler.token.unit));
        for (unsigned k = 0; k < nguards; k++)
            assert_true(same(&v.token.guard[k], &filler.token.guard[k]));
        assert_true(v.filling_for >= -1 && v.filling_for < 1000);
        if (v.filling_for >= 0)
            return unit;
    }
    fail_msg("nobody is ever told that another one fills");
    return 0;
}

/* The unit's generation, made to look `ms` older than it is, to a second. */
static void age(uint64_t unit, long long ms)
{
    char g[64];
    snprintf(g, sizeof g, "%s", ask("HGET %s !", name_of(unit)));
    assert_int_equal(strlen(g), 8 + 13 + 24);
    long long now = strtoll(ask("EVAL %s 0", "return redis.call('TIME')[1]"), NULL, 10) * 1000;
    char aged[64];
    snprintf(aged, sizeof aged, "%.8s%013lld%s", g, now - ms, g + 8 + 13);
    ask("HSET %s ! %s", name_of(unit), aged);
}

/* ---- who is told ---- */

static void test_the_second_to_miss_is_told(void **state)
{
    (void)state;
    static const uint64_t guards[] = {1001, 1002};
    open_serving(2);
    two_miss(1, 0, NULL);
    two_miss(2, 2, guards);
    assert_string_equal(ask("HEXISTS %s ?", name_of(1001)), "0"); /* nobody fills a guard */
}

/* Redis has all their questions before it answers the first: so each of them finds no generation, and asks
 * for one. */
static bool one_of_three_fills(uint64_t unit)
{
    ra_lookup v[STORES];
    waiting w[STORES];
    halt();
    for (unsigned i = 0; i < STORES; i++) {
        v[i] = wanted(unit, 1, 0, NULL);
        v[i].awaits = true;
        w[i] = waiting_new();
        w[i].call.arg = &w[i];
        assert_int_equal(ra_store_lookup(stores[i], test_now(), &v[i], 1, &w[i].call), RA_STORE_PENDING);
    }
    for (unsigned i = 0; i < 10; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    resume();
    unsigned fills = 0, told = 0;
    for (unsigned i = 0; i < STORES; i++) {
        UNTIL(w[i].done);
        assert_int_equal(v[i].outcome, RA_LOOKUP_MISS);
        assert_true(same(&v[i].token.unit, &v[0].token.unit));
        fills += v[i].filling_for == -1;
        told += v[i].filling_for >= 0 && v[i].filling_for < 1000;
    }
    assert_int_equal(fills + told, STORES);
    assert_true(fills >= 1);
    return fills == 1;
}

static void test_one_of_those_that_miss_at_once_fills(void **state)
{
    (void)state;
    open_serving(STORES);
    uint64_t unit = 1;
    while (unit < TRIES && !one_of_three_fills(unit))
        unit++;
    assert_true(unit < TRIES);
}

static void test_only_the_very_request_is_told(void **state)
{
    (void)state;
    open_serving(2);
    uint64_t unit = two_miss(1, 0, NULL);
    ra_lookup v = look_awaiting(1, unit, 2, 0, NULL);
    expect_nobody(&v);
    v = look_awaiting(1, unit + 1, 1, 0, NULL); /* it fills another unit */
    expect_nobody(&v);
}

/* ---- who isn't, and at what cost ---- */

static void test_who_would_not_wait_asks_nothing(void **state)
{
    (void)state;
    open_serving(2);
    uint64_t unit = two_miss(1, 0, NULL);
    ask("CONFIG RESETSTAT");
    ra_lookup v = look(1, unit, 1);
    expect_nobody(&v);
    ra_lookup both[] = {wanted(unit, 1, 0, NULL), wanted(unit, 2, 0, NULL)};
    look_all(1, both, 2);
    expect_nobody(&both[0]);
    expect_nobody(&both[1]);
    assert_int_equal(calls_of("hget"), 0);
    assert_int_equal(calls_of("hmget"), 3);
}

/* Of each, one command. */
static void test_an_old_generation_asks_nothing(void **state)
{
    (void)state;
    open_serving(2);
    ra_lookup v = look_awaiting(0, 1, 1, 0, NULL);
    age(1, 5000);
    ask("CONFIG RESETSTAT");
    v = look_awaiting(1, 1, 1, 0, NULL);
    expect_nobody(&v);
    age(1, -5000); /* one made in the future: who knows when */
    v = look_awaiting(1, 1, 1, 0, NULL);
    expect_nobody(&v);
    assert_int_equal(calls_of("hmget"), 2);
}

static void test_a_hit_asks_nothing(void **state)
{
    (void)state;
    open_serving(2);
    ra_lookup v = look_awaiting(0, 1, 1, 0, NULL);
    fill(0, &v, "x");
    ask("CONFIG RESETSTAT");
    for (unsigned i = 0; i < 5; i++) {
        v = look_awaiting(1, 1, 1, 0, NULL);
        assert_int_equal(v.outcome, RA_LOOKUP_HIT);
        assert_int_equal(v.filling_for, -1);
        ra_payload_unref(v.payload);
    }
    assert_int_equal(calls_of("hmget"), 5);
    assert_int_equal(calls_of("hget"), 0);
}

/* ---- what becomes of it ---- */

static void test_what_was_awaited_is_a_hit(void **state)
{
    (void)state;
    open_serving(2);
    uint64_t unit = two_miss(1, 0, NULL);
    ra_lookup filler = look(0, unit, 1);
    fill(0, &filler, "read once");
    expect_hit(1, unit, 1, "read once");
}

static void test_a_write_ends_it(void **state)
{
    (void)state;
    open_serving(2);
    uint64_t unit = two_miss(1, 0, NULL);
    ra_lookup old = look(0, unit, 1);
    assert_true(begin(1, 9, unit, HOUR));
    ra_lookup v = look_awaiting(0, unit, 1, 0, NULL);
    assert_int_equal(v.outcome, RA_LOOKUP_BYPASS);
    assert_int_equal(v.filling_for, -1);
    end(1, 9, unit, 0);
    v = look_awaiting(1, unit, 1, 0, NULL); /* which begins anew: it isn't told to wait for the old one */
    expect_nobody(&v);
    assert_false(same(&v.token.unit, &old.token.unit));
    fill_is_overtaken(0, &old);
}

static void test_what_stands_there_may_be_anything(void **state)
{
    (void)state;
    open_serving(2);
    uint64_t unit = two_miss(1, 0, NULL);
    static const char *const odd[] = {"", "x", "0123456789abcdef0123456789abcdef0"};
    for (unsigned i = 0; i < sizeof odd / sizeof *odd; i++) {
        ask("HSET %s ? %s", name_of(unit), odd[i]);
        ra_lookup v = look_awaiting(1, unit, 1, 0, NULL);
        expect_nobody(&v);
    }
    ask("HDEL %s ?", name_of(unit));
    ra_lookup v = look_awaiting(1, unit, 1, 0, NULL);
    expect_nobody(&v);
}

/* The first question is answered before the fill, and the second one after it. */
static void test_who_comes_while_it_is_filled_has_it(void **state)
{
    (void)state;
    open_serving(1);
    for (uint64_t unit = 1; unit < TRIES; unit++) {
        ra_lookup filler = look_awaiting(0, unit, 1, 0, NULL), v = wanted(unit, 1, 0, NULL);
        waiting w = waiting_new();
        w.call.arg = &w;
        v.awaits = true;
        assert_int_equal(ra_store_lookup(stores[0], test_now(), &v, 1, &w.call), RA_STORE_PENDING);
        fill_bytes(0, &filler, RA_BYTES("x"), HOUR, 0);
        UNTIL(w.done);
        bool hit = v.outcome == RA_LOOKUP_HIT;
        ra_payload_unref(v.payload);
        if (hit)
            return;
    }
    fail_msg("never");
}

/* ---- with a near cache ---- */

/* What is held there is void, and the store has a young generation: the same question as asks for the entry
 * asks for who fills it. */
static bool told_when_held_is_void(uint64_t unit)
{
    ra_lookup v = look(0, unit, 1);
    fill(0, &v, "old");
    expect_hit(0, unit, 1, "old");
    assert_true(begin(1, unit, unit, HOUR));
    end(1, unit, unit, 0);
    ra_lookup filler = look_awaiting(1, unit, 1, 0, NULL);
    expect_nobody(&filler);
    ask("CONFIG RESETSTAT");
    v = look_awaiting(0, unit, 1, 0, NULL);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_true(same(&v.token.unit, &filler.token.unit));
    assert_int_equal(calls_of("hget"), 1);
    assert_int_equal(calls_of("hmget"), 1);
    bool told = v.filling_for >= 0;
    v = look(0, unit, 1); /* who wouldn't wait gets the same, without it */
    expect_nobody(&v);
    fill(1, &filler, "new");
    expect_hit(0, unit, 1, "new");
    return told;
}

static void test_near_a_void_entry_asks_who_fills(void **state)
{
    (void)state;
    ra_near *near = ra_near_new(1 << 20, 1000);
    ra_redis_store_options o = defaults(0);
    o.shared = ra_redis_shared_new(near);
    assert_non_null(o.shared);
    exact = true;
    open_store(0, o);
    open_store(1, defaults(1));
    UNTIL(serving(0) && serving(1));
    uint64_t unit = 1;
    while (unit < TRIES && !told_when_held_is_void(unit))
        unit++;
    assert_true(unit < TRIES);
    close_store(0);
    ra_redis_shared_unref(o.shared);
    ra_near_unref(near);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_second_to_miss_is_told),        TEST(test_one_of_those_that_miss_at_once_fills),
        TEST(test_only_the_very_request_is_told),     TEST(test_who_would_not_wait_asks_nothing),
        TEST(test_an_old_generation_asks_nothing),    TEST(test_a_hit_asks_nothing),
        TEST(test_what_was_awaited_is_a_hit),         TEST(test_a_write_ends_it),
        TEST(test_what_stands_there_may_be_anything), TEST(test_who_comes_while_it_is_filled_has_it),
        TEST(test_near_a_void_entry_asks_who_fills),
    };
    return cmocka_run_group_tests(tests, all_begin, all_end);
}
