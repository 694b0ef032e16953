#include "tests/unit/cache/momento_store_fixture.h"

static void test_what_one_process_fills_another_hits(void **state)
{
    (void)state;
    ra_lookup v = look(p1.stores[0]);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_int_equal(v.token.unit.len, RA_MOMENTO_REGISTER_CHARS);
    assert_int_equal(v.token.guard[0].len, RA_MOMENTO_REGISTER_CHARS);
    assert_int_equal(fake.gets, 3); /* register, entry, the guard's register */
    assert_int_equal(fake.puts, 2);
    fill(p1.stores[0], &v, "one");
    assert_int_equal(entry_item(UNIT)->ttl, 60);
    assert_int_equal(reg_item(UNIT)->ttl, 3600);
    assert_int_equal(reg_item(GUARD)->ttl, 86400);
    fake_forget();
    v = look(p2.stores[0]);
    ASSERT_HIT(v, "one");
    assert_false(v.near);
    assert_int_equal(v.expires_in, 60000);
    assert_int_equal(fake.gets, 3);
    assert_int_equal(fake.puts, 0);
}

static void test_a_read_costs_two_and_a_near_one_none_or_one(void **state)
{
    (void)state;
    process_options o = defaults();
    seed(p1.stores[0], "one");
    look_at(p2.stores[0], OTHER, 1); /* now the guard is known */
    fake_forget();
    ASSERT_HIT(look(p2.stores[0]), "one");
    assert_int_equal(fake.gets, 2);
    fake_forget();
    ra_lookup v = look(p2.stores[0]);
    ASSERT_HIT(v, "one");
    assert_true(v.near);
    assert_true(ra_store_peek(p2.stores[0], the_time, &v));
    ra_payload_unref(v.payload);
    assert_int_equal(fake.gets, 0);
    pass(1000); /* max_age: register and guard are asked for again, the payload isn't */
    assert_false(ra_store_peek(p2.stores[0], the_time, &v));
    v = look(p2.stores[0]);
    ASSERT_HIT(v, "one");
    assert_true(v.near);
    assert_int_equal(fake.gets, 2);
    fake_forget();
    ASSERT_HIT(look(p2.stores[0]), "one");
    assert_int_equal(fake.gets, 0);
    /* Without a near cache every hit is fetched. */
    stop(&p2);
    o.near_bytes = 0;
    start(&p2, &o);
    look_at(p2.stores[0], OTHER, 1);
    fake_forget();
    for (int i = 0; i < 3; i++) {
        v = look(p2.stores[0]);
        ASSERT_HIT(v, "one");
        assert_false(v.near);
    }
    assert_int_equal(fake.gets, 6);
}

static void test_an_entry_under_another_register_is_void(void **state)
{
    (void)state;
    seed(p1.stores[0], "one");
    ra_key unit = key(UNIT);
    char name[RA_MOMENTO_NAME_MAX];
    ra_bytes n = ra_momento_register_name("p:", &unit, name);
    fake_store(n.p, n.n, "I00000000000000000000000000000000", 33, 100);
    ra_lookup v = look(p2.stores[0]);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_memory_equal(v.token.unit.b, "I00000000000000000000000000000000", 33);
    pass(1);
    fake_remove(reg_item(UNIT)); /* evicted: a fresh one takes its place */
    v = look(p2.stores[0]);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_memory_equal(v.token.unit.b, reg(UNIT), 33);
    pass(1);
    fake_store(n.p, n.n, "what is that?", 13, 100);
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
    assert_int_equal(reg(UNIT)[0], 'I');
}

/* What is near turns out to be void, and Momento has a newer one: that is fetched in the second round. */
static void test_what_is_near_is_replaced(void **state)
{
    writing w;
    (void)state;
    seed(p1.stores[0], "one");
    ASSERT_HIT(look(p2.stores[0]), "one");
    assert_true(begin(p1.stores[0], &w, UNIT));
    end(p1.stores[0], &w, 0);
    SETTLE();
    pass(3000);
    pass(100);
    seed(p1.stores[0], "two");
    fake_forget();
    ra_lookup v = look(p2.stores[0]);
    ASSERT_HIT(v, "two");
    assert_int_equal(fake.gets, 3); /* the guard's and the unit's register, then the entry */
}

static void test_guards(void **state)
{
    writing w;
    (void)state;
    seed(p1.stores[0], "one");
    ASSERT_HIT(look(p2.stores[0]), "one");
    assert_true(begin(p1.stores[0], &w, GUARD));
    assert_int_equal(reg(GUARD)[0], 'W');
    ASSERT_BYPASS(look(p1.stores[0]), "write-in-progress"); /* at once in the process that writes */
    ASSERT_HIT(look(p2.stores[0]), "one");                  /* elsewhere after max_age */
    pass(1000);
    ASSERT_BYPASS(look(p2.stores[0]), "write-in-progress");
    end(p1.stores[0], &w, 0);
    SETTLE();
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
    pass(2200);
    assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS);
}

static void test_a_guard_is_asked_for_once_in_a_while(void **state)
{
    (void)state;
    look_at(p1.stores[0], UNIT, 1);
    look_at(p1.stores[0], OTHER, 1);
    add_store(&p1, &(process_options){.timeout = LONG, .max_entry_bytes = 100, .cache = "tests"});
    fake_forget();
    look_at(p1.stores[0], 10, 1);
    look_at(p1.stores[1], 11, 1); /* all loops of the process together */
    assert_int_equal(fake.gets, 4);
    pass(1000);
    look_at(p1.stores[1], 12, 1);
    assert_int_equal(fake.gets, 7);
}

static void test_past_its_ttl(void **state)
{
    (void)state;
    ra_lookup v = look(p1.stores[0]);
    assert_int_equal(fill_for(p1.stores[0], &v, "one", 1500, 10000), RA_FILL_QUEUED);
    SETTLE();
    assert_int_equal(entry_item(UNIT)->ttl, 11); /* rounded down */
    pass(1499);
    v = look(p2.stores[0]);
    ASSERT_HIT(v, "one");
    assert_int_equal(v.expires_in, 1);
    pass(1);
    v = look(p2.stores[0]);
    assert_int_equal(v.outcome, RA_LOOKUP_STALE);
    assert_string_equal(body, "one");
    assert_int_equal(v.expires_in, 0);
    assert_int_equal(v.token.unit.len, RA_MOMENTO_REGISTER_CHARS);
    entry_item(UNIT)->expires += 100000; /* its own word counts, whatever Momento keeps */
    pass(10000);
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
}

/* All who miss a register at a time get the same: their reads upstream can be one. */
/* What is dated later than now can't be told for how long it is good. */
static void test_a_clock_that_is_ahead(void **state)
{
    enum { HOUR = 3600000 };
    (void)state;
    wall_ahead = HOUR;
    seed(p1.stores[0], "one");
    ASSERT_HIT(look(p1.stores[0]), "one");
    wall_ahead = 0; /* another proxy's; and the same one's, once it has been put right */
    ra_lookup v = look(p2.stores[0]);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    assert_int_equal(counts(p2.stores[0]).ahead, 1);
    assert_int_equal(p2.warned, 1);
    assert_non_null(strstr(p2.text, "clock"));
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
    assert_int_equal(p2.warned, 1);
    assert_false(ra_store_peek(p1.stores[0], the_time, &v));
    assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS);
    pass(1000);
    v = look(p1.stores[0]);
    fill(p1.stores[0], &v, "two");
    ASSERT_HIT(look(p2.stores[0]), "two");
    /* A little is no matter. */
    wall_ahead = -4000;
    pass(1000);
    ASSERT_HIT(look(p2.stores[0]), "two");
    wall_ahead = -7000;
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
    /* One that is behind finds that it has expired. */
    wall_ahead = HOUR;
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
}

/* Whoever may write to the cache, but has no key, can't keep a value for longer than Momento would. */
static void test_an_expiry_that_was_forged(void **state)
{
    (void)state;
    seed(p1.stores[0], "one");
    fake_item *it = entry_item(UNIT);
    memset(it->value + 1, 0x7f, 16); /* expires, keeps */
    it->expires = INT64_MAX;
    reg_item(UNIT)->expires = reg_item(GUARD)->expires = INT64_MAX;
    ASSERT_HIT(look(p2.stores[0]), "one");
    pass(INT64_C(24) * 3600 * 1000 + 100);
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
    process_options o = defaults();
    stop(&p2);
    start(&p2, &o);
    memset(it->value + 1, 0x80, 8); /* long before the clock began */
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
    assert_int_equal(counts(p2.stores[0]).damaged, 1);
}

static void test_one_register_for_all_who_miss_it(void **state)
{
    process_options o = defaults();
    asked a[6];
    (void)state;
    add_store(&p1, &o);
    fake.only = EVHTTP_REQ_PUT;
    fake.hold = true;
    for (int i = 0; i < 6; i++)
        ask(p1.stores[i % 2], &a[i], UNIT, 0);
    UNTIL(fake.gets == 12 && fake.held_n == 1);
    for (int i = 0; i < 20; i++)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(fake.held_n, 1);
    for (int i = 0; i < 6; i++)
        assert_false(a[i].done); /* it is waited for */
    /* Who began it leaves, and one of the others: it goes on for the rest. */
    ra_store_cancel(p1.stores[0], &a[0].call);
    ra_store_cancel(p1.stores[1], &a[1].call);
    fake_release();
    UNTIL(a[2].done && a[3].done && a[4].done && a[5].done);
    for (int i = 2; i < 6; i++) {
        assert_int_equal(a[i].v[0].outcome, RA_LOOKUP_MISS);
        assert_memory_equal(a[i].v[0].token.unit.b, reg(UNIT), 33);
    }
    assert_false(a[0].done || a[1].done);
}

/* One that was asked for before another one of the process had put it isn't made twice. */
static void test_a_register_that_was_just_made(void **state)
{
    asked early;
    (void)state;
    fake.hold = true;
    ask(p1.stores[0], &early, UNIT, 0);
    UNTIL(fake.held_n == 2);
    fake.hold = false;
    ra_lookup v = look_at(p1.stores[0], UNIT, 0);
    char made[64];
    snprintf(made, sizeof made, "%s", reg(UNIT));
    for (unsigned i = 0; i < fake.held_n; i++)
        fake_say(fake.held[i], 404, "Key Not Found"); /* as it was */
    fake.held_n = 0;
    UNTIL(early.done);
    assert_string_equal(reg(UNIT), made);
    assert_memory_equal(early.v[0].token.unit.b, v.token.unit.b, 33);
}

static void test_a_register_that_cannot_be_made(void **state)
{
    process_options o = defaults();
    asked a, b;
    (void)state;
    add_store(&p1, &o);
    fake.only = EVHTTP_REQ_PUT;
    fake.hold = true;
    ask(p1.stores[0], &a, UNIT, 0);
    UNTIL(fake.held_n == 1);
    ask(p1.stores[1], &b, UNIT, 0);
    UNTIL(fake.gets == 4);
    for (int i = 0; i < 20; i++)
        event_base_loop(base, EVLOOP_ONCE);
    fake_say(fake.held[0], 500, "no");
    fake.held_n = 0;
    UNTIL(a.done && b.done);
    ASSERT_BYPASS(a.v[0], "store-failed");
    ASSERT_BYPASS(b.v[0], "store-failed");
}

/* The store that makes it goes: those that wait on others are told. */
static void test_a_store_that_goes(void **state)
{
    process_options o = defaults();
    asked a, b;
    (void)state;
    add_store(&p1, &o);
    fake.only = EVHTTP_REQ_PUT;
    fake.hold = true;
    ask(p1.stores[0], &a, UNIT, 0);
    UNTIL(fake.held_n == 1);
    ask(p1.stores[1], &b, UNIT, 0);
    UNTIL(fake.gets == 4);
    for (int i = 0; i < 20; i++)
        event_base_loop(base, EVLOOP_ONCE);
    ra_store_free(p1.stores[0]);
    p1.stores[0] = p1.stores[1];
    p1.nstores = 1;
    UNTIL(b.done);
    ASSERT_BYPASS(b.v[0], "store-failed");
    assert_false(a.done);
}

static void test_many_parts_at_once(void **state)
{
    asked a = {.call = {.done = on_done, .arg = &a.done}};
    (void)state;
    seed(p1.stores[0], "one");
    for (unsigned i = 0; i < 8; i++)
        a.v[i] = (ra_lookup){.unit = key(i ? 20 + i : UNIT),
                             .request = key(REQUEST),
                             .guard = {key(GUARD), key(OTHER)},
                             .nguards = i ? 2 : 1};
    fake_forget();
    assert_int_equal(ra_store_lookup(p2.stores[0], the_time, a.v, 8, &a.call), RA_STORE_PENDING);
    UNTIL(a.done);
    assert_int_equal(fake.gets, 2 * 8 + 2);
    assert_int_equal(fake.puts, 7 + 1);
    assert_int_equal(a.v[0].outcome, RA_LOOKUP_HIT);
    ra_payload_unref(a.v[0].payload);
    for (int i = 1; i < 8; i++)
        assert_int_equal(a.v[i].outcome, RA_LOOKUP_MISS);
    /* One near, the others not: only these are asked for. */
    a.done = false;
    fake_forget();
    assert_int_equal(ra_store_lookup(p2.stores[0], the_time, a.v, 8, &a.call), RA_STORE_PENDING);
    UNTIL(a.done);
    assert_int_equal(fake.gets, 2 * 7);
    assert_true(a.v[0].near);
    ra_payload_unref(a.v[0].payload);
}

static void test_sealed_and_damaged(void **state)
{
    static const unsigned char k1[1][RA_SEAL_KEY_BYTES] = {{1}}, k2[1][RA_SEAL_KEY_BYTES] = {{2}};
    process_options o = defaults();
    (void)state;
    stop(&p1);
    stop(&p2);
    o.keys = k1;
    o.nkeys = 1;
    start(&p1, &o);
    seed(p1.stores[0], "a secret");
    fake_item *it = entry_item(UNIT);
    assert_null(memmem(it->value, it->n, "secret", 6));
    start(&p2, &o);
    ASSERT_HIT(look(p2.stores[0]), "a secret");
    stop(&p2);
    o.keys = k2;
    start(&p2, &o);
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
    assert_int_equal(counts(p2.stores[0]).foreign, 1);
    stop(&p2);
    o.keys = k1;
    start(&p2, &o);
    it->value[it->n - 1] ^= 1;
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
    it->value[0] = 9;
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
    assert_int_equal(counts(p2.stores[0]).damaged, 2);
}

static void test_cancelled_at_any_time(void **state)
{
    (void)state;
    seed(p1.stores[0], "one");
    for (unsigned turns = 0; turns < 12; turns++) {
        asked a;
        pass(1);
        fake_remove(reg_item(UNIT));
        ask(p2.stores[0], &a, UNIT, 1);
        for (unsigned i = 0; i < turns && !a.done; i++)
            event_base_loop(base, EVLOOP_ONCE);
        if (a.done)
            ra_payload_unref(a.v[0].payload);
        else
            ra_store_cancel(p2.stores[0], &a.call);
        SETTLE();
        pass(1);
        assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS);
        assert_int_equal(reg(UNIT)[0], 'I');
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_two, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_one_process_fills_another_hits),
        TEST(test_a_read_costs_two_and_a_near_one_none_or_one),
        TEST(test_an_entry_under_another_register_is_void),
        TEST(test_what_is_near_is_replaced),
        TEST(test_guards),
        TEST(test_a_guard_is_asked_for_once_in_a_while),
        TEST(test_past_its_ttl),
        TEST(test_a_clock_that_is_ahead),
        TEST(test_an_expiry_that_was_forged),
        TEST(test_one_register_for_all_who_miss_it),
        TEST(test_a_register_that_was_just_made),
        TEST(test_a_register_that_cannot_be_made),
        TEST(test_a_store_that_goes),
        TEST(test_many_parts_at_once),
        TEST(test_sealed_and_damaged),
        TEST(test_cancelled_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
