/*
 * The protocol of cache/store.h as the store in Redis keeps it: two or three stores, as two or three
 * processes have them, on one loop, and a real Redis that this program starts, stops and halts.
 *
 * Time is Redis's own here. What only time brings is waited for; no test says how long anything takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "redis_store_fixture.h"
#include "redis_store_random.h"

/* ---- entries ---- */

static void test_miss_fill_hit(void **state)
{
    (void)state;
    open_serving(2);
    ra_lookup v = look(0, 1, 2);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_true(v.token.unit.len >= 8 && v.token.unit.len <= RA_GENERATION_MAX);
    fill(0, &v, "hello");
    for (unsigned i = 0; i < 2; i++) { /* the other process sees it as well */
        v = look(i, 1, 2);
        assert_int_equal(v.outcome, RA_LOOKUP_HIT);
        assert_true(v.expires_in > 0 && v.expires_in <= HOUR);
        assert_int_equal(v.payload->len, 5);
        assert_memory_equal(v.payload->body, "hello", 5);
        assert_int_equal(v.payload->crc32, 77);
        assert_int_equal(v.payload->meta, 0xabcdef01);
        assert_int_equal(v.payload->filled_ms, 1234567890123);
        ra_payload_unref(v.payload);
        assert_int_equal(stats_of(i).hits, 1);
    }
    assert_int_equal(peek(1, 1, 3), RA_LOOKUP_MISS);
    assert_int_equal(peek(1, 2, 2), RA_LOOKUP_MISS);
    assert_int_equal(stats_of(1).misses, 2);
}

static void test_tokens_are_equal_until_a_write(void **state)
{
    (void)state;
    open_serving(2);
    ra_lookup a = look(0, 1, 1), b = look(1, 1, 2);
    assert_int_equal(a.token.unit.len, b.token.unit.len);
    assert_memory_equal(a.token.unit.b, b.token.unit.b, a.token.unit.len);
    assert_true(begin(1, 9, 1, HOUR));
    end(1, 9, 1, 0);
    b = look(0, 1, 1);
    assert_true(memcmp(&a.token.unit, &b.token.unit, sizeof a.token.unit) != 0);
}

static void test_stale_within_keep(void **state)
{
    (void)state;
    open_serving(2);
    ra_lookup v = look(0, 1, 1);
    assert_int_equal(fill_bytes(0, &v, RA_BYTES("old"), 1, HOUR), RA_FILL_QUEUED);
    UNTIL(stats_of(0).fills == 1);
    UNTIL(peek(1, 1, 1) == RA_LOOKUP_STALE);
    v = look(1, 1, 1);
    assert_int_equal(v.outcome, RA_LOOKUP_STALE);
    assert_true(v.expires_in <= 0);
    assert_memory_equal(v.payload->body, "old", 3);
    ra_payload_unref(v.payload);
    fill(1, &v, "new"); /* its token is good for the renewal */
    expect_hit(0, 1, 1, "new");
}

static void test_past_keep_it_is_a_miss(void **state)
{
    (void)state;
    open_serving(1);
    look_and_fill(0, 1, 2, "stays"); /* and keeps the unit alive */
    ra_lookup v = look(0, 1, 1);
    assert_int_equal(fill_bytes(0, &v, RA_BYTES("x"), 1, 1), RA_FILL_QUEUED);
    UNTIL(stats_of(0).fills == 2);
    UNTIL(peek(0, 1, 1) == RA_LOOKUP_MISS);
    expect_hit(0, 1, 2, "stays");
}

static void test_fill_refusals(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.max_entry_bytes = 4;
    o.max_unit_entries = 1;
    open_store(0, o);
    UNTIL(serving(0));
    ra_lookup v = look(0, 1, 1), none = v;
    assert_int_equal(fill_bytes(0, &v, RA_BYTES("large"), HOUR, 0), RA_FILL_TOO_LARGE);
    none.token = (ra_token){0};
    assert_int_equal(fill_bytes(0, &none, RA_BYTES("x"), HOUR, 0), RA_FILL_OVERTAKEN);
    fill(0, &v, "x");
    v = look(0, 1, 2);
    assert_int_equal(fill_bytes(0, &v, RA_BYTES("y"), HOUR, 0), RA_FILL_QUEUED);
    UNTIL(stats_of(0).fills_full == 1);
    expect_hit(0, 1, 1, "x");
    assert_int_equal(peek(0, 1, 2), RA_LOOKUP_MISS);
    assert_int_equal(stats_of(0).fills_too_large, 1);
}

static void test_several_lookups_in_one_call(void **state)
{
    (void)state;
    static const uint64_t guards[] = {100, 101};
    open_serving(2);
    ra_lookup v[4] = {wanted(1, 1, 2, guards), wanted(2, 1, 2, guards), wanted(3, 1, 1, guards),
                      wanted(4, 1, 1, guards + 1)};
    v[0].outcome = RA_LOOKUP_BYPASS;
    look_all(0, v, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(v[i].outcome, RA_LOOKUP_MISS);
        fill(0, &v[i], "x");
    }
    assert_true(begin(1, 1, 2, HOUR));
    ra_key three = key_of(3);
    ra_store_invalidate(stores[1], test_now(), &three, 1);
    UNTIL(stats_of(1).markers == 1);
    look_all(0, v, 4);
    assert_int_equal(v[0].outcome, RA_LOOKUP_HIT);
    assert_int_equal(v[1].outcome, RA_LOOKUP_BYPASS);
    assert_int_equal(v[2].outcome, RA_LOOKUP_MISS);
    assert_int_equal(v[3].outcome, RA_LOOKUP_HIT);
    ra_payload_unref(v[0].payload);
    ra_payload_unref(v[3].payload);
    look_all(1, v + 1, 1); /* all parts are written here: there is nothing to ask */
    assert_int_equal(v[1].outcome, RA_LOOKUP_BYPASS);
    assert_string_equal(v[1].reason, "write-in-progress");
    assert_int_equal(ra_store_lookup(stores[0], 0, v, 0, &(ra_store_call){0}), RA_STORE_DONE);
}

/* ---- values that aren't what this proxy made ---- */

static void damage(const char *value)
{
    char field[80];
    snprintf(field, sizeof field, "%s", field_of(1));
    ask("HSET %s %s %s", name_of(1), field, value);
    assert_int_equal(peek(0, 1, 1), RA_LOOKUP_MISS);
}

static void test_damaged_values_are_misses(void **state)
{
    (void)state;
    open_serving(1);
    look_and_fill(0, 1, 1, "x");
    damage("");
    damage("x");
    damage("9999999999999");
    damage("9999999999999:");
    damage("9999999999999:9999999999999");
    damage("9999999999999:9999999999999:");
    damage("9999999999999:9999999999999:\x03");
    damage("9999999999999:9999999999999:\x01\x30");
    damage("9999999999999:9999999999999:\x01\x05"
           "abc");
    damage("9999999999999999999:9999999999999:\x01\x01"
           "a");
    assert_int_equal(counts_of(0).damaged, 10);
    damage("9999999999999:9999999999999:\x01\x01"
           "aWhat follows is no payload"); /* nor are its guards */
    assert_int_equal(counts_of(0).damaged + counts_of(0).foreign, 10);
}

static void test_sealed_values(void **state)
{
    (void)state;
    unsigned char key[1][RA_SEAL_KEY_BYTES] = {{1, 2, 3}}, another[1][RA_SEAL_KEY_BYTES] = {{4, 5, 6}};
    ra_seal_keys *sealing = ra_seal_keys_new(key, 1), *other = ra_seal_keys_new(another, 1);
    ra_redis_store_options o = defaults(0), p = defaults(1);
    o.seal = sealing;
    p.seal = other;
    open_store(0, o);
    open_store(1, p);
    UNTIL(serving(0) && serving(1));
    look_and_fill(0, 1, 1, "nobody reads this");
    expect_hit(0, 1, 1, "nobody reads this");
    assert_int_equal(peek(1, 1, 1), RA_LOOKUP_MISS);
    assert_int_equal(counts_of(1).foreign, 1);
    redisReply *r = redisCommand(direct, "HGET %s %s", name_of(1), field_of(1));
    assert_null(memmem(r->str, r->len, "nobody", 6));
    /* moved to another request of the same unit */
    freeReplyObject(redisCommand(direct, "HSET %s %s %b", name_of(1), field_of(2), r->str, r->len));
    freeReplyObject(r);
    assert_int_equal(peek(0, 1, 2), RA_LOOKUP_MISS);
    assert_int_equal(counts_of(0).damaged, 1);
    close_store(0);
    close_store(1);
    ra_seal_keys_free(sealing);
    ra_seal_keys_free(other);
}

static void test_a_foreign_epoch_never_hits(void **state)
{
    (void)state;
    open_serving(1);
    look_and_fill(0, 1, 1, "x");
    ask("HSET %s ! 0123456712345", name_of(1));
    ra_lookup v = look(0, 1, 1);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_true(memcmp(v.token.unit.b, "01234567", 8) != 0);
    assert_string_equal(ask("HLEN %s", name_of(1)), "2"); /* its data are gone: "!" and "?" */
}

/* ---- writes ---- */

static void test_write_marks_and_ends(void **state)
{
    (void)state;
    open_serving(2);
    ra_lookup v = look(0, 1, 1);
    fill(0, &v, "x");
    assert_true(begin(1, 7, 1, HOUR));
    expect_bypass(0, 1, "write-in-progress");
    expect_bypass(1, 1, "write-in-progress");
    fill_is_overtaken(0, &v);
    end(1, 7, 1, 0);
    fill_is_overtaken(0, &v);
    assert_int_equal(peek(0, 1, 1), RA_LOOKUP_MISS);
    fill_is_overtaken(0, &v);
    assert_int_equal(peek(1, 1, 1), RA_LOOKUP_MISS);
    assert_int_equal(stats_of(1).begins, 1);
    assert_int_equal(stats_of(1).ends, 1);
}

static void test_two_writes_two_markers(void **state)
{
    (void)state;
    open_serving(3);
    assert_true(begin(0, 1, 1, HOUR));
    assert_true(begin(1, 2, 1, HOUR));
    assert_true(begin(1, 2, 1, HOUR)); /* again: still one */
    assert_int_equal(stats_of(1).markers, 1);
    end(0, 1, 1, 0);
    expect_bypass(2, 1, "write-in-progress");
    expect_bypass(0, 1, "write-in-progress");
    end(1, 2, 1, 0);
    assert_int_equal(peek(2, 1, 1), RA_LOOKUP_MISS);
}

static void test_begin_of_several(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.max_markers = 3;
    open_store(0, o);
    open_store(1, defaults(1));
    UNTIL(serving(0) && serving(1));
    ra_key units[4] = {key_of(1), key_of(2), key_of(3), key_of(4)};
    assert_true(begin_all(0, 1, units, 3, HOUR));
    for (uint64_t u = 1; u <= 3; u++)
        expect_bypass(1, u, "write-in-progress");
    ra_write_id id = write_id(1);
    ra_store_end(stores[0], test_now(), &id, units, 3, 0);
    UNTIL(stats_of(0).markers == 0);
    assert_false(begin_all(0, 2, units, 4, HOUR)); /* one too many */
    assert_int_equal(counts_of(0).markers_refused, 1);
    id = write_id(2);
    ra_store_end(stores[0], test_now(), &id, units, 4, 0);
    UNTIL(stats_of(0).markers == 0);
    for (uint64_t u = 1; u <= 4; u++)
        assert_int_equal(peek(1, u, 1), RA_LOOKUP_MISS);
    assert_true(begin_all(0, 3, units, 0, HOUR));
}

static void test_marker_expires_at_its_deadline(void **state)
{
    (void)state;
    open_serving(2);
    assert_true(begin(0, 1, 1, 50));
    UNTIL(peek(1, 1, 1) == RA_LOOKUP_MISS);
    assert_string_equal(ask("HLEN %s", name_of(1)), "2"); /* "!" and "?" */
}

/* Nobody is left to end it. */
static void test_marker_of_a_dead_process(void **state)
{
    (void)state;
    open_serving(3);
    assert_true(begin(0, 1, 1, HOUR));
    assert_true(begin(1, 2, 2, 200));
    close_store(0);
    close_store(1);
    expect_bypass(2, 1, "write-in-progress");
    UNTIL(peek(2, 2, 1) == RA_LOOKUP_MISS);
    expect_bypass(2, 1, "write-in-progress");
}

static void test_settle(void **state)
{
    (void)state;
    open_serving(2);
    assert_true(begin(0, 1, 1, HOUR));
    end(0, 1, 1, HOUR);
    expect_bypass(0, 1, "write-in-progress");
    expect_bypass(1, 1, "write-in-progress");
    assert_true(begin(0, 2, 2, HOUR));
    end(0, 2, 2, 30);
    UNTIL(peek(1, 2, 1) == RA_LOOKUP_MISS);
    /* its marker has run out, and others have filled: it is set all the same */
    assert_true(begin(0, 3, 3, HOUR));
    ask("DEL %s", name_of(3));
    look_and_fill(1, 3, 1, "from before the index followed");
    end(0, 3, 3, HOUR);
    expect_bypass(1, 3, "write-in-progress");
}

static void test_end_that_comes_late_drops_data(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.heartbeat = 300;
    open_store(0, o);
    open_store(1, o);
    UNTIL(serving(0) && serving(1));
    assert_true(begin(0, 1, 1, 1));
    UNTIL(peek(1, 1, 1) == RA_LOOKUP_MISS);
    look_and_fill(1, 1, 1, "from before the commit");
    expect_hit(1, 1, 1, "from before the commit");
    UNTIL(peek(0, 1, 1) == RA_LOOKUP_HIT); /* a heartbeat has found the marker past its deadline */
    end(0, 1, 1, 0);
    assert_int_equal(peek(1, 1, 1), RA_LOOKUP_MISS);
}

static void test_invalidate(void **state)
{
    (void)state;
    open_serving(2);
    ra_lookup v = look(0, 1, 1);
    assert_int_equal(fill_bytes(0, &v, RA_BYTES("x"), 1, HOUR), RA_FILL_QUEUED);
    UNTIL(peek(0, 1, 1) == RA_LOOKUP_STALE);
    invalidate(1, 1);
    UNTIL(stats_of(1).markers == 0);
    assert_int_equal(peek(0, 1, 1), RA_LOOKUP_MISS); /* never stale */
    fill_is_overtaken(0, &v);
    assert_true(begin(0, 1, 2, HOUR));
    invalidate(1, 2);
    UNTIL(stats_of(1).markers == 0);
    expect_bypass(1, 2, "write-in-progress"); /* never touches a marker */
    assert_int_equal(stats_of(1).invalidations, 2);
}

/* The answer to the first says nothing of what happened between the two. */
static void test_invalidate_while_one_is_under_way(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.heartbeat = 60000; /* which is a script as well */
    open_store(0, o);
    UNTIL(serving(0));
    ask("CONFIG RESETSTAT");
    invalidate(0, 1);
    invalidate(0, 1);
    UNTIL(stats_of(0).markers == 0);
    assert_int_equal(calls_of("eval") + calls_of("evalsha"), 2);
}

/* ---- guards ---- */

static void test_guard_write_voids_entries_and_tokens(void **state)
{
    (void)state;
    static const uint64_t guards[] = {100, 101};
    for (unsigned g = 0; g < 2; g++) {
        open_serving(2);
        ra_lookup v = look_guarded(0, 1 + g, 1, 2, guards), late = look_guarded(0, 11 + g, 1, 2, guards);
        fill(0, &v, "x");
        assert_int_equal(peek_guarded(1, 1 + g, 2, guards), RA_LOOKUP_HIT);
        assert_true(begin(1, 1, guards[g], HOUR));
        assert_int_equal(peek_guarded(0, 1 + g, 2, guards), RA_LOOKUP_BYPASS);
        assert_int_equal(peek_guarded(1, 1 + g, 2, guards), RA_LOOKUP_BYPASS);
        end(1, 1, guards[g], 0);
        assert_int_equal(peek_guarded(0, 1 + g, 2, guards), RA_LOOKUP_MISS);
        fill(0, &late, "read before the guard was broken"); /* is stored, and never hits */
        assert_int_equal(peek_guarded(0, 11 + g, 2, guards), RA_LOOKUP_MISS);
        assert_int_equal(peek_guarded(1, 11 + g, 2, guards), RA_LOOKUP_MISS);
        v = look_guarded(1, 1 + g, 1, 2, guards);
        fill(1, &v, "y");
        assert_int_equal(peek_guarded(0, 1 + g, 2, guards), RA_LOOKUP_HIT);
        /* an entry has as many guards as the request */
        assert_int_equal(peek_guarded(0, 1 + g, 1, guards), RA_LOOKUP_MISS);
        close_store(0);
        close_store(1);
    }
}

static void test_a_guard_that_was_evicted_voids_entries(void **state)
{
    (void)state;
    static const uint64_t guard[] = {100};
    open_serving(1);
    ra_lookup v = look_guarded(0, 1, 1, 1, guard);
    fill(0, &v, "x");
    assert_int_equal(peek_guarded(0, 1, 1, guard), RA_LOOKUP_HIT);
    ask("DEL %s", name_of(100));
    assert_int_equal(peek_guarded(0, 1, 1, guard), RA_LOOKUP_MISS);
    assert_int_equal(peek_guarded(0, 1, 1, guard), RA_LOOKUP_MISS);
}

/* ---- scripts that the server has forgotten ---- */

static void test_script_flush(void **state)
{
    (void)state;
    open_serving(2);
    for (uint64_t round = 0; round < 3; round++) { /* from the second on they are known, and then not */
        ask("SCRIPT FLUSH");
        ra_lookup v = look(0, 1, round);
        assert_int_equal(v.outcome, RA_LOOKUP_MISS);
        assert_int_equal(fill_bytes(0, &v, RA_BYTES("x"), HOUR, 0), RA_FILL_QUEUED);
        ask("SCRIPT FLUSH");
        assert_true(begin(0, round, 1, HOUR));
        expect_bypass(1, 1, "write-in-progress");
        ask("SCRIPT FLUSH");
        end(0, round, 1, 0);
        assert_int_equal(peek(1, 1, round), RA_LOOKUP_MISS);
        look_and_fill(1, 1, 1000 + round, "x");
        ask("SCRIPT FLUSH");
        invalidate(0, 1);
        UNTIL(stats_of(0).markers == 0);
        assert_int_equal(peek(1, 1, 1000 + round), RA_LOOKUP_MISS);
    }
    assert_true(counts_of(0).scripts_resent >= 4);
    assert_true(counts_of(0).connections == 1 && counts_of(1).connections == 1);
}

/* ---- a server that goes, and another one that comes ---- */

static void test_no_server(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.redis.socket = "/nonexistent/socket";
    open_store(0, o);
    UNTIL(said[0][0]);
    assert_int_equal(health_of(0), RA_REDIS_DOWN);
    expect_bypass(0, 1, "store-unavailable");
    assert_false(begin(0, 1, 1, HOUR));
    end_now(0, 1, 1, 0); /* as the caller does who sends nothing then */
    assert_int_equal(stats_of(0).markers, 0);
    ra_lookup v = wanted(1, 1, 0, NULL);
    v.token.unit.len = 9;
    assert_int_equal(fill_bytes(0, &v, RA_BYTES("x"), HOUR, 0), RA_FILL_FULL);
    /* writes that go on are remembered, once per unit when they have ended */
    for (uint64_t id = 2; id < 10; id++) {
        assert_true(go_on(0, id, 1, HOUR));
        end_now(0, id, 1, 0);
    }
    assert_int_equal(stats_of(0).markers, 1);
    assert_true(go_on(0, 20, 2, HOUR));
    assert_int_equal(stats_of(0).markers, 2);
}

static ra_redis_store_options quiet(unsigned i)
{
    ra_redis_store_options o = defaults(i);
    o.quarantine = QUIET;
    o.heartbeat = 300;
    return o;
}

static void test_a_new_server_is_quarantined(void **state)
{
    (void)state;
    open_store(0, quiet(0));
    UNTIL(health_of(0) == RA_REDIS_QUARANTINE);
    expect_bypass(0, 1, "store-quarantine");
    assert_false(begin(0, 1, 1, HOUR));
    assert_int_equal(stats_of(0).markers, 0);
    UNTIL(serving(0));
    assert_int_equal(peek(0, 1, 1), RA_LOOKUP_MISS);
    /* It is known by now: who comes later serves at once. */
    open_store(1, quiet(1));
    UNTIL(counts_of(1).connections == 1);
    assert_int_equal(health_of(1), RA_REDIS_SERVING);
}

static void test_going_on_in_quarantine(void **state)
{
    (void)state;
    open_store(0, quiet(0));
    UNTIL(health_of(0) == RA_REDIS_QUARANTINE);
    for (uint64_t id = 1; id <= 2; id++) {
        assert_false(begin(0, id, id, HOUR));
        assert_true(go_on(0, id, id, HOUR));
    }
    end_now(0, 2, 2, 0);
    UNTIL(stats_of(0).markers == 1);
    UNTIL(serving(0));
    assert_string_equal(ask("HLEN %s", name_of(1)), "1");
    open_store(1, quiet(1));
    UNTIL(serving(1));
    expect_bypass(0, 1, "write-in-progress");
    expect_bypass(1, 1, "write-in-progress");
    assert_int_equal(peek(1, 2, 1), RA_LOOKUP_MISS);
    end(0, 1, 1, 0);
    assert_int_equal(peek(1, 1, 1), RA_LOOKUP_MISS);
}

/* Its record has ended by itself; what is told of that mustn't stand for its end. */
static void test_going_on_past_the_deadline(void **state)
{
    (void)state;
    open_serving(2);
    halt();
    assert_true(go_on(0, 1, 1, 1));
    UNTIL(ra_redis_store_ending(stores[0]));
    assert_true(go_on(0, 1, 1, HOUR));
    assert_int_equal(stats_of(0).markers, 2);
    resume();
    UNTIL(stats_of(0).markers == 1 && serves_again(0) && serves_again(1));
    UNTIL(*ask("HLEN %s", name_of(1)) == '1');
    expect_bypass(0, 1, "write-in-progress");
    expect_bypass(1, 1, "write-in-progress");
    end(0, 1, 1, 0);
    assert_int_equal(peek(1, 1, 1), RA_LOOKUP_MISS);
}

static void test_going_on_without_room(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.redis.socket = "/nonexistent/socket";
    o.max_markers = 2;
    open_store(0, o);
    ra_key units[] = {key_of(1), key_of(2), key_of(3)};
    ra_write_id id = write_id(1);
    assert_false(ra_redis_store_go_on(stores[0], test_now(), &id, units, 3, HOUR));
    assert_int_equal(counts_of(0).markers_refused, 1);
    assert_true(ra_redis_store_go_on(stores[0], test_now(), &id, units, 2, HOUR));
}

static void test_restart_with_writes_in_flight(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        open_store(i, quiet(i));
    UNTIL(serving(0) && serving(1));
    look_and_fill(1, 5, 1, "x");
    assert_true(begin(0, 1, 1, HOUR));
    assert_true(begin(0, 2, 2, HOUR));
    assert_true(begin(0, 3, 3, HOUR));
    server_down();
    UNTIL(health_of(0) == RA_REDIS_DOWN && health_of(1) == RA_REDIS_DOWN);
    expect_bypass(1, 5, "store-unavailable");
    end_now(0, 3, 3, HOUR); /* settles, which nobody hears */
    server_up();
    UNTIL(health_of(0) == RA_REDIS_QUARANTINE && health_of(1) == RA_REDIS_QUARANTINE);
    for (uint64_t u = 1; u <= 3; u++)
        assert_string_equal(ask("HLEN %s", name_of(u)), "1"); /* before anything could hit */
    expect_bypass(1, 1, "store-quarantine");
    UNTIL(serves_again(0) && serves_again(1));
    for (uint64_t u = 1; u <= 3; u++)
        expect_bypass(1, u, "write-in-progress");
    end_now(0, 1, 1, 0);
    end(0, 2, 2, 0);
    assert_int_equal(peek(1, 1, 1), RA_LOOKUP_MISS);
    assert_int_equal(peek(1, 2, 1), RA_LOOKUP_MISS);
    expect_bypass(1, 3, "write-in-progress");
    assert_int_equal(peek(1, 5, 1), RA_LOOKUP_MISS);
}

/* More than are sent at once, of which some have ended. */
static void test_many_markers_are_set_again(void **state)
{
    (void)state;
    enum { MANY = 500 };
    open_serving(2);
    for (uint64_t u = 0; u < MANY; u++) {
        ra_key k = key_of(u);
        ra_write_id id = write_id(u);
        waiting w = waiting_new();
        w.call.arg = &w;
        assert_int_equal(ra_store_begin(stores[0], test_now(), &id, &k, 1, HOUR, &w.call), RA_STORE_PENDING);
        UNTIL(w.done);
        assert_true(w.call.ok);
    }
    server_down();
    UNTIL(health_of(0) == RA_REDIS_DOWN);
    for (uint64_t u = 0; u < MANY; u += 2)
        end_now(0, u, u, 0);
    assert_int_equal(stats_of(0).markers, MANY);
    server_up();
    UNTIL(serves_again(0));
    assert_int_equal(stats_of(0).markers, MANY / 2);
    for (uint64_t u = 0; u < MANY; u++)
        assert_string_equal(ask("HLEN %s", name_of(u)), u % 2 ? "1" : "0");
}

static void test_flushall_is_found_out(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        ra_redis_store_options o = quiet(i);
        open_store(i, o);
    }
    UNTIL(serving(0) && serving(1));
    assert_true(begin(0, 1, 1, HOUR));
    ask("FLUSHALL");
    UNTIL(health_of(0) == RA_REDIS_QUARANTINE && health_of(1) == RA_REDIS_QUARANTINE);
    assert_string_equal(ask("HLEN %s", name_of(1)), "1");
    UNTIL(serving(1));
    expect_bypass(1, 1, "write-in-progress");
}

/* What was sent, and perhaps carried out, when the connection went. */
static void test_ends_that_nobody_acknowledged(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.heartbeat = 300;
    open_store(0, o);
    open_store(1, o);
    UNTIL(serving(0) && serving(1));
    assert_true(begin(0, 1, 1, HOUR));
    look_and_fill(1, 2, 1, "x");
    halt();
    end_now(0, 1, 1, 0);
    invalidate(0, 2);
    assert_true(ra_redis_store_ending(stores[0]));
    UNTIL(health_of(0) == RA_REDIS_DOWN); /* it has been silent for too long */
    assert_false(ra_redis_store_ending(stores[0]));
    assert_int_equal(stats_of(0).markers, 2);
    expect_bypass(0, 1, "store-unavailable");
    resume();
    UNTIL(serves_again(0) && serves_again(1));
    assert_int_equal(stats_of(0).markers, 0);
    assert_int_equal(peek(1, 1, 1), RA_LOOKUP_MISS);
    assert_int_equal(peek(1, 2, 1), RA_LOOKUP_MISS);
}

/* A deadline passes, but the connection stays: what was sent is sent again by a heartbeat. */
static void test_late_acknowledgements(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.heartbeat = 500;
    o.command_timeout = 20;
    open_store(0, o);
    open_store(1, defaults(1));
    UNTIL(serving(0) && serving(1));
    halt();
    assert_false(begin(0, 1, 1, HOUR)); /* perhaps it is set: the caller ends it */
    assert_int_equal(stats_of(0).markers, 1);
    end_now(0, 1, 1, 0);
    UNTIL(!ra_redis_store_ending(stores[0]));
    assert_int_equal(stats_of(0).markers, 1);
    expect_bypass(0, 1, "write-in-progress");
    resume();
    UNTIL(stats_of(0).markers == 0);
    assert_int_equal(peek(1, 1, 1), RA_LOOKUP_MISS);
}

/* Without eviction: what it holds is served, however many misses find no room. */
static void test_a_server_that_is_full(void **state)
{
    (void)state;
    const uint64_t held = 3, guard = 4;
    open_serving(2);
    look_and_fill(0, 1, 1, "x");
    assert_int_equal(peek_guarded(0, 2, 1, &held), RA_LOOKUP_MISS);
    ask("CONFIG SET maxmemory 1");
    for (uint64_t u = 100; u < 300; u++)
        expect_bypass(1, u, "store-full");
    assert_true(serving(1)); /* its breaker is closed */
    expect_hit(1, 1, 1, "x");
    ra_lookup v = look_guarded(1, 2, 1, 1, &guard);
    assert_int_equal(v.outcome, RA_LOOKUP_BYPASS);
    assert_string_equal(v.reason, "store-full");
    assert_true(begin(1, 1, 1, HOUR)); /* a mark always fits; who misses can't tell that it is there */
    expect_bypass(0, 1, "store-full");
    end(1, 1, 1, 0);
    ask("CONFIG SET maxmemory 0");
    assert_int_equal(peek(1, 1, 1), RA_LOOKUP_MISS);
}

/* A server that is slower than command_timeout, each time: what it acknowledges late isn't sent for ever. */
static void test_acknowledgements_that_are_always_late(void **state)
{
    (void)state;
    enum { WRITES = 50 };
    ra_redis_store_options o = defaults(0);
    o.heartbeat = 400;
    o.command_timeout = 40;
    open_store(0, o);
    UNTIL(serving(0));
    for (uint64_t u = 1; u <= WRITES; u++)
        assert_true(begin(0, u, u, HOUR));
    ask("CONFIG RESETSTAT");
    for (uint64_t u = 1; u <= WRITES; u++)
        end_now(0, u, u, 0);
    /* the loop is held up, so that no reply is found in time */
    UNTIL((usleep(60000), stats_of(0).markers == 0));
    if (counts_of(0).connections == 1) /* END asks once whether its marker is there, and again if it isn't */
        assert_in_range(calls_of("hexists"), 1, 3 * WRITES);
}

/* In a mode that goes on without the store. */
static void test_writes_without_the_store(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.heartbeat = 300;
    o.shared = ra_redis_shared_new(NULL);
    assert_non_null(o.shared);
    open_store(0, o);
    open_store(1, o); /* two loops of one process */
    ra_redis_shared_unref(o.shared);
    o.shared = NULL;
    open_store(2, o);
    UNTIL(serving(0) && serving(1) && serving(2));
    for (uint64_t u = 1; u <= 4; u++)
        look_and_fill(2, u, 1, "old");
    halt();
    UNTIL(health_of(0) == RA_REDIS_DOWN && health_of(2) == RA_REDIS_DOWN);
    assert_false(begin(0, 1, 1, HOUR));
    assert_true(go_on(0, 1, 1, HOUR));
    end_now(0, 1, 1, 0);
    assert_true(go_on(0, 2, 2, HOUR));
    assert_true(go_on(0, 3, 3, 1)); /* of unknown fate: it is over at its deadline */
    invalidate(0, 4);
    resume();
    UNTIL(serves_again(0) && serves_again(1) && serves_again(2));
    assert_int_equal(peek(2, 1, 1), RA_LOOKUP_MISS);
    assert_int_equal(peek(2, 4, 1), RA_LOOKUP_MISS);
    expect_bypass(0, 2, "write-in-progress");
    expect_bypass(1, 2, "write-in-progress");
    UNTIL(peek(2, 3, 1) == RA_LOOKUP_MISS);
    end(0, 2, 2, 0);
    for (uint64_t u = 1; u <= 4; u++)
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(peek(i, u, 1), RA_LOOKUP_MISS);
}

/* One loop's connection is down, and the others' aren't: what it writes is bypassed on all loops. */
static void test_loops_of_one_process(void **state)
{
    (void)state;
    ra_redis_shared *shared = ra_redis_shared_new(NULL);
    ra_redis_store_options o = defaults(0), p = defaults(1);
    o.shared = p.shared = shared;
    o.redis.socket = "/nonexistent/socket";
    open_store(0, o);
    open_store(1, p);
    UNTIL(serving(1));
    ra_lookup v = look(1, 1, 1);
    fill(1, &v, "old");
    assert_true(go_on(0, 1, 1, HOUR));
    expect_bypass(1, 1, "write-in-progress");
    assert_int_equal(fill_bytes(1, &v, RA_BYTES("older"), HOUR, 0), RA_FILL_OVERTAKEN);
    end_now(0, 1, 1, 0);
    expect_bypass(1, 1, "write-in-progress");
    close_store(0); /* Redis never heard of it */
    expect_bypass(1, 1, "write-in-progress");
    ra_redis_shared_unref(shared);
}

static void test_a_server_that_takes_no_writes(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.heartbeat = 100;
    o.quarantine = QUIET;
    open_store(0, o);
    UNTIL(serving(0));
    look_and_fill(0, 1, 1, "x");
    assert_true(begin(0, 1, 2, HOUR));
    ask("CONFIG SET min-replicas-to-write 1"); /* its replicas are gone */
    UNTIL(health_of(0) == RA_REDIS_DOWN);
    assert_non_null(strstr(said[0], "NOREPLICAS"));
    expect_bypass(0, 1, "store-unavailable");
    assert_false(begin(0, 2, 1, HOUR));
    ask("CONFIG SET min-replicas-to-write 0");
    UNTIL(serves_again(0));
    expect_hit(0, 1, 1, "x"); /* the same server as before */
    assert_int_equal(stats_of(0).markers, 1);
    ask("REPLICAOF 127.0.0.1 1");
    UNTIL(health_of(0) == RA_REDIS_DOWN);
    assert_non_null(strstr(said[0], "READONLY"));
    ask("REPLICAOF NO ONE");
    UNTIL(health_of(0) == RA_REDIS_QUARANTINE); /* another one, by its replication's name */
    UNTIL(serves_again(0));
    assert_int_equal(peek(0, 1, 1), RA_LOOKUP_MISS);
    expect_bypass(0, 2, "write-in-progress");
}

/* An ACL that hides who the server is. */
static void test_a_server_without_a_name(void **state)
{
    (void)state;
    ask("ACL SETUSER default -info");
    open_store(0, defaults(0));
    UNTIL(said[0][0]);
    assert_non_null(strstr(said[0], "INFO"));
    assert_int_equal(health_of(0), RA_REDIS_DOWN);
    expect_bypass(0, 1, "store-unavailable");
    ask("ACL SETUSER default +info");
}

/* ---- a server that hangs ---- */

static void test_a_hung_server(void **state)
{
    (void)state;
    enum { AT_ONCE = 40 };
    ra_redis_store_options o = defaults(0);
    o.command_timeout = 50;
    o.heartbeat = 60000;
    open_store(0, o);
    UNTIL(serving(0));
    look_and_fill(0, 1, 1, "x");
    halt();
    expect_bypass(0, 1, "store-failed");
    for (unsigned round = 0; round < 3; round++) {
        static waiting w[AT_ONCE];
        static ra_lookup v[AT_ONCE];
        unsigned sent = 0;
        for (unsigned i = 0; i < AT_ONCE; i++) {
            w[i] = waiting_new();
            w[i].call.arg = &w[i];
            v[i] = wanted(1, 1, 0, NULL);
            if (ra_store_lookup(stores[0], test_now(), &v[i], 1, &w[i].call) == RA_STORE_PENDING)
                sent++;
            else
                w[i].done = 1;
        }
        for (unsigned i = 0; i < AT_ONCE; i++) {
            UNTIL(w[i].done);
            assert_int_equal(v[i].outcome, RA_LOOKUP_BYPASS);
        }
        assert_true(round > 0 || sent == AT_ONCE);
        if (health_of(0) == RA_REDIS_BREAKER)
            break;
    }
    assert_int_equal(health_of(0), RA_REDIS_BREAKER);
    resume();
    /* probes find it well, and close it */
    UNTIL(peek(0, 1, 1) == RA_LOOKUP_HIT && serving(0));
    assert_int_equal(counts_of(0).connections, 1);
}

static void test_silence(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.heartbeat = 60000;
    open_store(0, o);
    UNTIL(serving(0));
    /* Nothing has been heard since: then a hit could be an old master's. */
    int64_t later = test_now() + 3 * o.heartbeat + 1;
    assert_int_equal(ra_redis_store_health(stores[0], later), RA_REDIS_SILENT);
    ra_lookup v = wanted(1, 1, 0, NULL);
    assert_int_equal(ra_store_lookup(stores[0], later, &v, 1, &(ra_store_call){0}), RA_STORE_DONE);
    assert_int_equal(v.outcome, RA_LOOKUP_BYPASS);
    assert_string_equal(v.reason, "store-silent");
}

/* Replies to what was asked before are no longer believed once the server is known to be another. */
static void test_a_late_hit_is_not_believed(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.heartbeat = 100;
    open_store(0, o);
    UNTIL(serving(0));
    look_and_fill(0, 1, 1, "x");
    halt();
    ra_lookup v = wanted(1, 1, 0, NULL);
    waiting w = waiting_new();
    w.call.arg = &w;
    assert_int_equal(ra_store_lookup(stores[0], test_now(), &v, 1, &w.call), RA_STORE_PENDING);
    UNTIL(w.done);
    assert_int_equal(v.outcome, RA_LOOKUP_BYPASS);
    assert_string_equal(v.reason, "store-failed"); /* its connection was given up */
    resume();
    UNTIL(serves_again(0));
}

/* Nor hits that a server had in the pipeline behind its refusal of a heartbeat. */
static void test_hits_behind_a_refusal(void **state)
{
    (void)state;
    enum { MOST = 4000 };
    static ra_lookup v[MOST];
    static waiting w[MOST];
    unsigned n = 0, hits = 0, bypassed = 0;
    ra_redis_store_options o = defaults(0);
    o.heartbeat = 300;
    open_store(0, o);
    UNTIL(serving(0));
    look_and_fill(0, 1, 1, "x");
    ask("CONFIG SET min-replicas-to-write 1");
    halt();
    for (int64_t start = test_now(); n < MOST && test_now() < start + 2 * o.heartbeat; n++) {
        v[n] = wanted(1, 1, 0, NULL);
        w[n] = waiting_new();
        w[n].call.arg = &w[n];
        if (ra_store_lookup(stores[0], test_now(), &v[n], 1, &w[n].call) == RA_STORE_DONE)
            w[n].done = 1;
        event_base_loop(base, EVLOOP_ONCE); /* a heartbeat comes in between */
    }
    resume();
    for (unsigned i = 0; i < n; i++) {
        UNTIL(w[i].done);
        hits += v[i].outcome == RA_LOOKUP_HIT;
        bypassed += v[i].outcome == RA_LOOKUP_BYPASS;
        assert_true(v[i].outcome == RA_LOOKUP_BYPASS || bypassed == 0);
        ra_payload_unref(v[i].payload);
    }
    ask("CONFIG SET min-replicas-to-write 0");
    assert_true(hits > 0 && bypassed > 0);
}

/* ---- limits ---- */

static void test_queue_full(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.redis.max_queue = 4;
    o.heartbeat = 300;
    open_store(0, o);
    UNTIL(serving(0));
    ra_lookup v[8];
    for (unsigned i = 0; i < 8; i++)
        v[i] = wanted(i, 1, 0, NULL);
    look_all(0, v, 8);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(v[i].outcome, RA_LOOKUP_BYPASS);
        assert_string_equal(v[i].reason, "store-queue-full");
    }
    ra_key units[8];
    for (unsigned i = 0; i < 8; i++)
        units[i] = key_of(i);
    UNTIL(peek(0, 100, 1) == RA_LOOKUP_MISS); /* abandoned commands count until they are answered */
    assert_false(begin_all(0, 1, units, 8, HOUR));
    ra_write_id id = write_id(1);
    ra_store_end(stores[0], test_now(), &id, units, 8, 0);
    UNTIL(stats_of(0).markers == 0); /* heartbeats send what there was no room for */
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(peek(0, i, 1), RA_LOOKUP_MISS);
}

static void test_a_prefix_that_is_too_long(void **state)
{
    (void)state;
    char prefix[200];
    memset(prefix, 'x', sizeof prefix);
    prefix[sizeof prefix - 1] = 0;
    ra_redis_store_options o = defaults(0);
    o.key_prefix = prefix;
    assert_null(ra_redis_store_new(base, &o));
    prefix[150] = 0;
    open_store(0, o);
    UNTIL(serving(0));
    look_and_fill(0, 1, 1, "x");
    expect_hit(0, 1, 1, "x");
}

/* ---- cancelling, freeing ---- */

static void test_cancel_at_each_step(void **state)
{
    (void)state;
    static const uint64_t guards[] = {100, 101};
    open_serving(2);
    for (unsigned turns = 0; turns < 12; turns++) {
        ra_lookup v[2] = {wanted(1000 + turns, 1, 2, guards), wanted(2000 + turns, 1, 2, guards)};
        ra_key units[2] = {key_of(3000 + turns), key_of(4000 + turns)};
        ra_write_id id = write_id(turns);
        waiting looking = waiting_new(), writing = waiting_new();
        looking.call.arg = &looking;
        writing.call.arg = &writing;
        assert_int_equal(ra_store_lookup(stores[0], test_now(), v, 2, &looking.call), RA_STORE_PENDING);
        assert_int_equal(ra_store_begin(stores[0], test_now(), &id, units, 2, HOUR, &writing.call),
                         RA_STORE_PENDING);
        if (turns % 3 == 2)
            ask("SCRIPT FLUSH");
        for (unsigned i = 0; i < turns; i++)
            event_base_loop(base, EVLOOP_ONCE);
        unsigned looked = looking.done, begun = writing.done;
        ra_store_cancel(stores[0], &looking.call);
        ra_store_cancel(stores[0], &writing.call);
        ra_store_cancel(stores[0], &writing.call); /* harmless */
        assert_null(looking.call.pending);
        memset(v, 0xee, sizeof v); /* the arrays may go */
        memset(units, 0xee, sizeof units);
        expect_hit(0, 1, 1, "x");
        assert_int_equal(looking.done, looked);
        assert_int_equal(writing.done, begun);
        units[0] = key_of(3000 + turns);
        units[1] = key_of(4000 + turns);
        ra_store_end(stores[0], test_now(), &id, units, 2, 0);
        UNTIL(stats_of(0).markers == 0);
        assert_int_equal(peek(1, 3000 + turns, 1), RA_LOOKUP_MISS);
    }
}

static void fill_first(void)
{
    look_and_fill(0, 1, 1, "x");
}

static void test_cancel_after_filling(void **state)
{
    open_serving(1);
    fill_first();
    close_store(0);
    test_cancel_at_each_step(state);
}

static void test_free_with_everything_in_flight(void **state)
{
    (void)state;
    open_store(1, defaults(1));
    UNTIL(serving(1));
    for (unsigned turns = 0; turns < 12; turns++) {
        open_store(0, defaults(0));
        UNTIL(serving(0));
        ra_lookup token = look(0, 5, 1);
        ra_payload_unref(token.payload);
        ra_lookup v = wanted(1000 + turns, 1, 0, NULL);
        ra_key unit = key_of(2000 + turns);
        ra_write_id id = write_id(turns);
        waiting looking = waiting_new(), writing = waiting_new();
        looking.call.arg = &looking;
        writing.call.arg = &writing;
        assert_true(begin(0, 100 + turns, 6, HOUR));
        ra_store_lookup(stores[0], test_now(), &v, 1, &looking.call);
        ra_store_begin(stores[0], test_now(), &id, &unit, 1, HOUR, &writing.call);
        fill_bytes(0, &token, RA_BYTES("x"), HOUR, 0);
        end_now(0, 100 + turns, 6, 0);
        invalidate(0, 7);
        for (unsigned i = 0; i < turns; i++)
            event_base_loop(base, EVLOOP_ONCE);
        unsigned done = looking.done + writing.done;
        if (v.payload && looking.done)
            ra_payload_unref(v.payload);
        close_store(0);
        event_base_loop(base, EVLOOP_ONCE);
        assert_int_equal(looking.done + writing.done, done);
    }
    assert_int_not_equal(peek(1, 1000, 1), RA_LOOKUP_BYPASS);
}

/* While it dials, greets, sets markers again. */
static void test_free_at_every_stage(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 20; turns++) {
        open_store(0, defaults(0));
        assert_true(go_on(0, 1, 1, HOUR));
        invalidate(0, 2);
        for (unsigned i = 0; i < turns; i++)
            event_base_loop(base, EVLOOP_ONCE);
        close_store(0);
    }
}

/* What fails then fails in words: nothing hits that shouldn't, nothing crashes. */
static void test_without_memory(void **state)
{
    (void)state;
#ifdef OWN_ALLOCATOR
    skip();
#endif
    ra_redis_store_options o = defaults(0);
    o.say = NULL;
    o.heartbeat = 100;
    open_store(0, o);
    open_store(1, defaults(1));
    UNTIL(serving(0) && serving(1));
    unsigned misses_seen = 0;
    for (unsigned i = 0; i < 1500; i++) {
        static const uint64_t guard[] = {100};
        ra_lookup v = wanted(i % 7, 1, 1, guard);
        waiting looking = waiting_new(), writing = waiting_new();
        looking.call.arg = &looking;
        writing.call.arg = &writing;
        ra_key unit = key_of(50 + i % 5);
        ra_write_id id = write_id(i);
        UNTIL(health_of(0) == RA_REDIS_SERVING || health_of(0) == RA_REDIS_BREAKER);
        refuse_one_in = 1 + i % 9;
        bool asked = ra_store_lookup(stores[0], test_now(), &v, 1, &looking.call) == RA_STORE_PENDING;
        bool told =
            ra_store_begin(stores[0], test_now(), &id, &unit, 1, HOUR, &writing.call) == RA_STORE_PENDING;
        refuse_one_in = i % 3 ? 0 : 7;
        for (unsigned k = 0; k < 4; k++)
            event_base_loop(base, EVLOOP_NONBLOCK);
        refuse_one_in = 0;
        UNTIL((!asked || looking.done) && (!told || writing.done));
        refuse_one_in = 1 + i % 5;
        ra_store_end(stores[0], test_now(), &id, &unit, 1, 0);
        misses_seen += v.outcome == RA_LOOKUP_MISS;
        if (v.outcome == RA_LOOKUP_MISS || v.outcome == RA_LOOKUP_STALE) {
            refuse_one_in = 0;
            ra_payload *p = ra_payload_new(RA_BYTES("x"), 0, 0, 0);
            ra_fill f = {.unit = v.unit,
                         .request = v.request,
                         .token = v.token,
                         .guard = {v.guard[0]},
                         .nguards = 1,
                         .payload = p,
                         .ttl = HOUR};
            refuse_one_in = 1 + i % 6;
            ra_store_fill(stores[0], test_now(), &f);
            ra_payload_unref(p);
        }
        refuse_one_in = 0;
        ra_payload_unref(v.payload);
    }
    UNTIL(serving(0) && stats_of(0).markers == 0);
    assert_true(misses_seen + stats_of(0).hits > 20);
    for (uint64_t u = 50; u < 55; u++)
        assert_int_equal(peek(1, u, 1), RA_LOOKUP_MISS);
}

static void test_random(void **state)
{
    (void)state;
    static world m;
    ra_redis_shared *shared = ra_redis_shared_new(NULL);
    open_world(shared, NULL);
    ra_redis_shared_unref(shared);
    run_world(&m);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_miss_fill_hit),
        TEST(test_tokens_are_equal_until_a_write),
        TEST(test_stale_within_keep),
        TEST(test_past_keep_it_is_a_miss),
        TEST(test_fill_refusals),
        TEST(test_several_lookups_in_one_call),
        TEST(test_damaged_values_are_misses),
        TEST(test_sealed_values),
        TEST(test_a_foreign_epoch_never_hits),
        TEST(test_write_marks_and_ends),
        TEST(test_two_writes_two_markers),
        TEST(test_begin_of_several),
        TEST(test_marker_expires_at_its_deadline),
        TEST(test_marker_of_a_dead_process),
        TEST(test_settle),
        TEST(test_end_that_comes_late_drops_data),
        TEST(test_invalidate),
        TEST(test_invalidate_while_one_is_under_way),
        TEST(test_guard_write_voids_entries_and_tokens),
        TEST(test_a_guard_that_was_evicted_voids_entries),
        TEST(test_script_flush),
        TEST(test_no_server),
        TEST(test_a_new_server_is_quarantined),
        TEST(test_going_on_in_quarantine),
        TEST(test_going_on_past_the_deadline),
        TEST(test_going_on_without_room),
        TEST(test_restart_with_writes_in_flight),
        TEST(test_many_markers_are_set_again),
        TEST(test_flushall_is_found_out),
        TEST(test_ends_that_nobody_acknowledged),
        TEST(test_late_acknowledgements),
        TEST(test_acknowledgements_that_are_always_late),
        TEST(test_a_server_that_is_full),
        TEST(test_writes_without_the_store),
        TEST(test_loops_of_one_process),
        TEST(test_a_server_that_takes_no_writes),
        TEST(test_a_server_without_a_name),
        TEST(test_a_hung_server),
        TEST(test_silence),
        TEST(test_a_late_hit_is_not_believed),
        TEST(test_hits_behind_a_refusal),
        TEST(test_queue_full),
        TEST(test_a_prefix_that_is_too_long),
        TEST(test_cancel_after_filling),
        TEST(test_free_with_everything_in_flight),
        TEST(test_free_at_every_stage),
        TEST(test_without_memory),
        TEST(test_random),
    };
    if (argc > 1) /* the test to run */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, all_begin, all_end);
}
