/* When the store in Momento is asked, when it isn't, and what it says of that. */
#include "tests/unit/cache/momento_store_fixture.h"

static void test_while_momento_says_429(void **state)
{
    writing w;
    (void)state;
    seed(p1.stores[0], "one");
    fake_fail(429, "Request rate limit exceeded", "3");
    pass(1000);
    ASSERT_BYPASS(look(p1.stores[0]), "store-throttled");
    unsigned asked_then = fake.gets;
    assert_int_equal(ra_momento_store_health(p1.stores[0], the_time), RA_MOMENTO_PAUSED);
    fake_fail(0, NULL, NULL);
    the_time += 2999; /* Retry-After */
    ASSERT_BYPASS(look(p1.stores[0]), "store-throttled");
    assert_false(begin(p1.stores[0], &w, OTHER));
    assert_int_equal(fake.gets, asked_then);
    assert_int_equal(counts(p1.stores[0]).bypassed_429, 2);
    assert_in_range(counts(p1.stores[0]).throttled, 1, 3);
    the_time += 1;
    ASSERT_HIT(look(p1.stores[0]), "one");
    assert_int_equal(ra_momento_store_health(p1.stores[0], the_time), RA_MOMENTO_SERVING);
    assert_int_equal(p1.warned, 1);
    assert_non_null(strstr(p1.text, "over a limit of the account (429: Request rate limit exceeded)"));
    /* Without a word on how long. */
    fake_fail(429, "", NULL);
    the_time += 1000;
    ASSERT_BYPASS(look(p1.stores[0]), "store-throttled");
    fake_fail(0, NULL, NULL);
    the_time += RA_MOMENTO_PAUSE;
    ASSERT_HIT(look(p1.stores[0]), "one");
}

static void test_a_busy_service_says_when(void **state)
{
    (void)state;
    fake_fail(503, "busy", "5");
    ASSERT_BYPASS(look(p1.stores[0]), "store-failed");
    fake_fail(0, NULL, NULL);
    the_time += 4999;
    ASSERT_BYPASS(look(p1.stores[0]), "store-throttled");
    the_time += 1;
    assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS);
}

static void test_who_is_refused(void **state)
{
    static const struct {
        int status;
        const char *body, *words;
    } cases[] = {
        {401, "Invalid auth token", "the API key is invalid or has expired (401: Invalid auth token)"},
        {403, "No", "the API key doesn't grant reading and writing the cache (403: No)"},
        {404, "Cache Not Found", "the cache doesn't exist (404: Cache Not Found)"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned said = p1.said;
        fake_fail(cases[i].status, cases[i].body, NULL);
        ASSERT_BYPASS(look(p1.stores[0]), "store-refused");
        fake_forget();
        for (int k = 0; k < 3; k++)
            ASSERT_BYPASS(look(p1.stores[0]), "store-refused");
        assert_int_equal(fake.gets, 0);
        assert_int_equal(p1.said, said + 1);
        assert_non_null(strstr(p1.text, cases[i].words));
        assert_int_equal(ra_momento_store_health(p1.stores[0], the_time), RA_MOMENTO_MISCONFIGURED);
        the_time += 10000;
        ASSERT_BYPASS(look(p1.stores[0]), "store-refused");
        assert_int_equal(p1.said, said + 1);
        fake_fail(0, NULL, NULL);
        the_time += 10000; /* it has been put right */
        assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS);
        assert_int_equal(p1.said, said + 2);
    }
    ra_store_stats n;
    ra_store_get_stats(p1.stores[0], &n);
    assert_int_equal(n.misses, 3); /* a refusal isn't one */
    assert_int_equal(ra_momento_store_of(p1.stores[0])->breaker.opened, 0);
}

static void test_a_limit_of_operations(void **state)
{
    process_options o = defaults();
    writing w;
    (void)state;
    stop(&p1);
    o.operations_per_second = 10;
    o.near_bytes = 0;
    start(&p1, &o);
    look_at(p1.stores[0], UNIT, 0); /* two, and one to make the register */
    look_at(p1.stores[0], UNIT, 0);
    look_at(p1.stores[0], UNIT, 0);
    look_at(p1.stores[0], UNIT, 0);
    fake_forget();
    ra_lookup v = look_at(p1.stores[0], UNIT, 0);
    ASSERT_BYPASS(v, "store-rate-limited");
    assert_int_equal(fake.gets, 0);
    assert_int_equal(counts(p1.stores[0]).rate_limited, 1);
    assert_int_equal(counts(p1.stores[0]).operations, 9);
    assert_true(begin(p1.stores[0], &w, OTHER)); /* writes may borrow */
    end(p1.stores[0], &w, 0);
    SETTLE();
    the_time += 100;
    ASSERT_BYPASS(look_at(p1.stores[0], UNIT, 0), "store-rate-limited");
    the_time += 300;
    assert_int_equal(look_at(p1.stores[0], UNIT, 0).outcome, RA_LOOKUP_MISS);
}

/* In the second round, too: nothing that is half done stays. */
static void test_a_limit_in_the_middle(void **state)
{
    process_options o = defaults();
    (void)state;
    stop(&p1);
    o.operations_per_second = 8;
    start(&p1, &o);
    ra_lookup v = look_at(p1.stores[0], UNIT, 0);
    fill(p1.stores[0], &v, "one");
    look_at(p1.stores[0], OTHER, 0); /* 7: there is one left, for the register */
    reg_item(UNIT)->value[1] = reg_item(UNIT)->value[1] == '0' ? '1' : '0';
    ASSERT_BYPASS(look_at(p1.stores[0], UNIT, 0), "store-rate-limited");
    the_time += 1000;
    assert_int_equal(look_at(p1.stores[0], UNIT, 0).outcome, RA_LOOKUP_MISS);
}

static void test_a_sick_service(void **state)
{
    writing w;
    unsigned bypasses = 0;
    (void)state;
    seed(p1.stores[0], "one");
    pass(1000);
    fake_fail(500, "oh", NULL);
    for (; ra_momento_store_health(p1.stores[0], the_time) == RA_MOMENTO_SERVING && bypasses < 100;
         bypasses++)
        ASSERT_BYPASS(look(p1.stores[0]), "store-failed");
    assert_in_range(bypasses, 20, 64);
    fake_forget();
    ASSERT_BYPASS(look(p1.stores[0]), "store-breaker-open");
    assert_false(begin(p1.stores[0], &w, OTHER)); /* a write doesn't wait for it either */
    assert_int_equal(fake.gets + fake.puts, 0);
    assert_int_equal(p1.warned, 1);
    assert_non_null(strstr(p1.text, "it fails, or is too slow"));
    fake_fail(0, NULL, NULL);
    for (int i = 0; i < 200 && ra_momento_store_health(p1.stores[0], the_time) != RA_MOMENTO_SERVING; i++) {
        the_time += 100;
        look(p1.stores[0]);
    }
    ASSERT_HIT(look(p1.stores[0]), "one");
    assert_int_equal(p1.said, 2);
    assert_string_equal(p1.text, "it answers again");
}

/* Only writes are made while it is away: what they have to tell is what asks for it. */
static void test_writes_find_out_that_it_is_back(void **state)
{
    writing w[40];
    (void)state;
    fake.only = EVHTTP_REQ_PUT;
    fake_fail(500, "oh", NULL);
    for (unsigned i = 0; i < 40; i++) {
        if (!begin(p1.stores[0], &w[i], 60 + i))
            assert_true(ra_momento_store_go_on(p1.stores[0], the_time, &w[i].id, w[i].units, 1, HOLD));
        end(p1.stores[0], &w[i], 0);
        SETTLE();
    }
    assert_int_equal(ra_momento_store_health(p1.stores[0], the_time), RA_MOMENTO_BREAKER);
    assert_int_equal(counts(p1.stores[0]).untold, 40);
    fake_fail(0, NULL, NULL);
    for (int i = 0; i < 60; i++) {
        pass(1000);
        SETTLE();
    }
    assert_int_equal(counts(p1.stores[0]).untold, 0);
    assert_int_equal(ra_momento_store_health(p1.stores[0], the_time), RA_MOMENTO_SERVING);
    assert_int_equal(ra_momento_store_of(p1.stores[0])->nmarkers, 0);
}

static void test_nobody_is_there(void **state)
{
    process_options o = defaults();
    (void)state;
    stop(&p1);
    o.timeout = 50;
    start(&p1, &o);
    fake.hold = true;
    ASSERT_BYPASS(look(p1.stores[0]), "store-failed");
    stop(&p1);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:1");
    start(&p1, &o);
    ASSERT_BYPASS(look(p1.stores[0]), "store-failed");
    assert_true(counts(p1.stores[0]).failed >= 1);
}

/* What is near stays good for its moment. */
static void test_near_while_it_is_away(void **state)
{
    (void)state;
    seed(p1.stores[0], "one");
    ASSERT_HIT(look(p1.stores[0]), "one");
    fake_fail(401, "no", NULL);
    look_at(p1.stores[0], OTHER, 0);
    ASSERT_HIT(look(p1.stores[0]), "one");
    pass(1000);
    ASSERT_BYPASS(look(p1.stores[0]), "store-refused");
}

static void test_a_prefix_has_a_length(void **state)
{
    char prefix[RA_MOMENTO_PREFIX_MOST + 2];
    ra_momento_store_options o = {.client = {.endpoint = endpoint, .cache = "tests", .api_key = "the key"},
                                  .key_prefix = prefix,
                                  .seal = p1.seal,
                                  .shared = p1.shared,
                                  .request_timeout = LONG};
    (void)state;
    memset(prefix, 'p', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = '\0';
    assert_null(ra_momento_store_new(base, &o));
    prefix[RA_MOMENTO_PREFIX_MOST] = '\0';
    ra_store *s = ra_momento_store_new(base, &o);
    assert_non_null(s);
    assert_string_equal(s->ops->name, "momento");
    ra_store_free(s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_one, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_while_momento_says_429),
        TEST(test_a_busy_service_says_when),
        TEST(test_who_is_refused),
        TEST(test_a_limit_of_operations),
        TEST(test_a_limit_in_the_middle),
        TEST(test_a_sick_service),
        TEST(test_writes_find_out_that_it_is_back),
        TEST(test_nobody_is_there),
        TEST(test_near_while_it_is_away),
        TEST(test_a_prefix_has_a_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
