#include "tests/unit/cache/momento_store_fixture.h"

static void test_whole_seconds_rounded_down(void **state)
{
    static const struct {
        int64_t ttl, keep;
        long seconds;
    } cases[] = {{1000, 0, 1},
                 {1999, 0, 1},
                 {2000, 0, 2},
                 {300, 700, 1},
                 {300, 5000, 5},
                 {86400000, 0, 86400},
                 {86400000, 99999, 86400}};
    (void)state;
    ra_lookup v = look(p1.stores[0]);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(fill_for(p1.stores[0], &v, "x", cases[i].ttl, cases[i].keep), RA_FILL_QUEUED);
        SETTLE();
        assert_int_equal(entry_item(UNIT)->ttl, cases[i].seconds);
    }
}

static void test_less_than_a_second_is_held_near_alone(void **state)
{
    process_options o = defaults();
    (void)state;
    ra_lookup v = look(p1.stores[0]);
    fake_forget();
    assert_int_equal(fill_for(p1.stores[0], &v, "brief", 900, 99), RA_FILL_STORED);
    assert_int_equal(counts(p1.stores[0]).too_short, 1);
    v = look(p1.stores[0]);
    ASSERT_HIT(v, "brief");
    assert_true(v.near);
    assert_int_equal(v.expires_in, 900);
    assert_int_equal(fake.puts, 0);
    the_time += 900;
    assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS);
    o.near_bytes = 0;
    start(&p2, &o);
    v = look(p2.stores[0]);
    assert_int_equal(fill_for(p2.stores[0], &v, "brief", 900, 0), RA_FILL_FULL);
}

static void test_what_is_too_large_or_lives_too_long(void **state)
{
    static char big[RA_MOMENTO_ITEM_MOST + 1];
    process_options o = defaults();
    (void)state;
    ra_lookup v = look(p1.stores[0]);
    fake_forget();
    memset(big, 'x', sizeof big - 1);
    assert_int_equal(fill_for(p1.stores[0], &v, big, 60000, 0), RA_FILL_TOO_LARGE);
    assert_int_equal(fill_for(p1.stores[0], &v, big + 200, 60000, 0), RA_FILL_TOO_LARGE); /* with its key */
    assert_int_equal(counts(p1.stores[0]).too_large, 2);
    assert_int_equal(fill_for(p1.stores[0], &v, "x", 86401000, 0), RA_FILL_TOO_LARGE);
    assert_int_equal(counts(p1.stores[0]).too_long, 1);
    assert_int_equal(fake.puts, 0);
    ra_store_stats n;
    ra_store_get_stats(p1.stores[0], &n);
    assert_int_equal(n.fills_too_large, 3);
    assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS); /* nor near */
    assert_int_equal(fill_for(p1.stores[0], &v, big + 600, 60000, 0), RA_FILL_QUEUED);
    SETTLE();
    assert_non_null(entry_item(UNIT));
    o.max_entry_bytes = 10;
    start(&p2, &o);
    v = look_at(p2.stores[0], OTHER, 0);
    assert_int_equal(fill_for(p2.stores[0], &v, "01234567890", 60000, 0), RA_FILL_TOO_LARGE);
    assert_int_equal(counts(p2.stores[0]).too_large, 0); /* that limit is ours */
}

static void test_without_a_token(void **state)
{
    (void)state;
    ra_lookup v = look(p1.stores[0]);
    v.token = (ra_token){0};
    assert_int_equal(fill_for(p1.stores[0], &v, "x", 60000, 0), RA_FILL_OVERTAKEN);
}

static void test_a_fill_that_fails(void **state)
{
    (void)state;
    ra_lookup v = look(p1.stores[0]);
    fake_fail(500, "no", NULL);
    assert_int_equal(fill_for(p1.stores[0], &v, "x", 60000, 0), RA_FILL_QUEUED);
    SETTLE();
    ra_store_stats n;
    ra_store_get_stats(p1.stores[0], &n);
    assert_int_equal(n.fills, 0);
    assert_int_equal(n.fills_full, 1);
    assert_int_equal(counts(p1.stores[0]).failed, 1);
}

/* What a loop has under way is bounded. */
static void test_fills_that_nobody_takes(void **state)
{
    static char big[4 << 20];
    (void)state;
    ra_lookup v = look(p1.stores[0]);
    memset(big, 'x', sizeof big - 1);
    fake.hold = true;
    for (int i = 0; i < 7; i++)
        assert_int_equal(fill_for(p1.stores[0], &v, big, 60000, 0), RA_FILL_QUEUED);
    assert_int_equal(fill_for(p1.stores[0], &v, big, 60000, 0), RA_FILL_FULL);
}

/* Small ones too: what is under way costs more than its bytes. */
static void test_small_fills_that_nobody_takes(void **state)
{
    unsigned n = 0;
    (void)state;
    ra_lookup v = look(p1.stores[0]);
    fake.hold = true;
    while (n < 20000 && fill_for(p1.stores[0], &v, "small", 60000, 0) == RA_FILL_QUEUED)
        n++;
    assert_in_range(n, 5000, 10000);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_one, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_whole_seconds_rounded_down),
        TEST(test_less_than_a_second_is_held_near_alone),
        TEST(test_what_is_too_large_or_lives_too_long),
        TEST(test_without_a_token),
        TEST(test_a_fill_that_fails),
        TEST(test_fills_that_nobody_takes),
        TEST(test_small_fills_that_nobody_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
