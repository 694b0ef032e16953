#include "tests/unit/config/expect.h"

/* The table's options are on line 2, those of `streams` on line 3. */
#define TABLE(name, json, streams) "{\"tables\":{\"" name "\":{\n" json "}},\n\"streams\":{" streams "}}"
#define FOLLOW(json)               TABLE("abc", "\"stream\":\"follow\"," json, "")

static void test_nothing_is_followed_unasked(void **state)
{
    (void)state;
    ra_config *c = parse_clean("{\"tables\":{\"abc\":{},\"def\":{\"stream\":\"off\"}}}");
    for (size_t i = 0; i < 2; i++) {
        assert_false(c->tables[i].follow);
        assert_int_equal(c->tables[i].max_stream_lag, 0);
        assert_false(c->tables[i].fresh_as_of);
    }
    assert_int_equal(c->streams.idle_interval, 500);
    assert_int_equal(c->streams.lease, 10000);
    assert_int_equal(c->streams.delivery_allowance, 1000);
    ra_config_unref(c);
}

static void test_what_is_followed(void **state)
{
    (void)state;
    ra_config *c = parse_clean(
        TABLE("abc", "\"stream\":\"follow\",\"max_stream_lag\":\"10s\",\"fresh_as_of\":true,\"ttl\":\"7s\"",
              "\"idle_interval\":\"50ms\",\"lease\":\"1s\",\"delivery_allowance\":\"0s\""));
    assert_true(c->tables[0].follow);
    assert_int_equal(c->tables[0].max_stream_lag, 10000);
    assert_true(c->tables[0].fresh_as_of);
    assert_int_equal(c->tables[0].policy.ttl, 7000);
    assert_string_equal(c->tables[0].name, "abc");
    assert_string_equal(c->tables[0].policy.name, "abc");
    assert_int_equal(c->streams.idle_interval, 50);
    assert_int_equal(c->streams.lease, 1000);
    assert_int_equal(c->streams.delivery_allowance, 0);
    ra_config_unref(c);
    c = parse_clean(FOLLOW("\"max_stream_lag\":\"0s\""));
    assert_int_equal(c->tables[0].max_stream_lag, 0);
    ra_config_unref(c);
}

static void test_bounds(void **state)
{
    static const struct {
        const char *name, *value;
    } cases[] = {{"idle_interval", "49ms"},
                 {"idle_interval", "2m"},
                 {"lease", "999ms"},
                 {"lease", "301s"},
                 {"delivery_allowance", "61s"}};
    char text[256], path[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, TABLE("abc", "", "\"%s\":\"%s\""), cases[i].name, cases[i].value);
        snprintf(path, sizeof path, "streams.%s", cases[i].name);
        expect_error(text, path, 3, "out of bounds");
    }
    expect_error(FOLLOW("\"max_stream_lag\":\"25h\""), "tables.abc.max_stream_lag", 2, "out of bounds");
    expect_error(TABLE("abc", "\"stream\":\"folow\"", ""), "tables.abc.stream", 2,
                 "did you mean \"follow\"?");
}

static void test_options_that_would_do_nothing(void **state)
{
    (void)state;
    expect_error(TABLE("abc", "\"max_stream_lag\":\"10s\"", ""), "tables.abc.max_stream_lag", 2,
                 "with \"stream\": \"follow\" only");
    expect_error(TABLE("abc", "\"fresh_as_of\":true", ""), "tables.abc.fresh_as_of", 2,
                 "with \"stream\": \"follow\" only");
    ra_config_unref(parse_clean(TABLE("abc", "\"max_stream_lag\":\"0s\",\"fresh_as_of\":false", "")));
    /* A value that was refused isn't held against them. */
    expect_error(TABLE("abc", "\"stream\":7,\"fresh_as_of\":true", ""), "tables.abc.stream", 2, "a number");
}

static void test_a_stream_is_one_tables(void **state)
{
    (void)state;
    expect_error(TABLE("*", "\"stream\":\"follow\"", ""), "tables[\"*\"].stream", 2, "a table's own name");
}

static void test_lags_that_are_always_passed(void **state)
{
    (void)state;
    expect_error(FOLLOW("\"max_stream_lag\":\"1s\""), "tables.abc.max_stream_lag", 2,
                 "nothing would be cached; accepted: more than streams.delivery_allowance and idle_interval "
                 "together, which are 1500ms");
    expect_warning(FOLLOW("\"max_stream_lag\":\"1500ms\""), "tables.abc.max_stream_lag", 2, "time and again");
    ra_config_unref(parse_clean(FOLLOW("\"max_stream_lag\":\"1501ms\"")));
    expect_error(
        TABLE("abc", "\"stream\":\"follow\",\"max_stream_lag\":\"9s\"", "\"delivery_allowance\":\"9s\""),
        "tables.abc.max_stream_lag", 2, "always further behind");
    expect_error(
        TABLE("abc", "\"stream\":\"follow\",\"max_stream_lag\":\"1s\"", "\"delivery_allowance\":\"9\""),
        "streams.delivery_allowance", 3, "isn't accepted");
}

/* Behind Redis what another proxy has read is known from its notes, and what is held near may be older. */
#define REDIS(json, table)                                                                                   \
    "{\"cache\":{\"store\":\"redis\",\"redis\":{\"url\":\"redis://h\"}" json                                 \
    "},\"tables\":{\"abc\":{\"stream\":\"follow\",\n" table "}}}"
#define NEAR(json) ",\"near\":{" json "}"

static void test_lags_behind_redis(void **state)
{
    static const char path[] = "tables.abc.max_stream_lag";
    (void)state;
    expect_error(REDIS(NEAR("\"max_age\":\"9s\""), "\"max_stream_lag\":\"9s\""), path, 2,
                 "nothing would be cached; accepted: more than cache.near.max_age, which is 9s");
    expect_warning(REDIS(NEAR("\"max_age\":\"9s\""), "\"max_stream_lag\":\"14750ms\""), path, 2,
                   "where another proxy reads the stream it is further behind time and again, and reads "
                   "bypass the cache then; enough is more than 14750ms");
    ra_config_unref(parse_clean(REDIS(NEAR("\"max_age\":\"9s\""), "\"max_stream_lag\":\"15s\"")));
    expect_warning(REDIS("", "\"max_stream_lag\":\"4750ms\""), path, 2, "more than 4750ms");
    ra_config_unref(parse_clean(REDIS("", "\"max_stream_lag\":\"4751ms\"")));
    /* Nothing is held near, or it isn't served unasked: only the notes are late. */
    expect_warning(REDIS(NEAR("\"max_bytes\":\"0\""), "\"max_stream_lag\":\"3500ms\""), path, 2,
                   "more than 3500ms");
    ra_config_unref(parse_clean(REDIS(NEAR("\"max_bytes\":\"0\""), "\"max_stream_lag\":\"3501ms\"")));
    ra_config_unref(parse_clean(REDIS(NEAR("\"max_age\":\"9s\""), "\"consistency\":\"linearizable\",\n"
                                                                  "\"max_stream_lag\":\"3501ms\"")));
    /* A value that was refused isn't held against it. */
    expect_error(REDIS(NEAR("\"max_age\":\"9 weeks\""), "\"max_stream_lag\":\"2s\""), "cache.near.max_age", 1,
                 "isn't accepted");
}

static void test_a_lease_outlasts_the_interval(void **state)
{
    (void)state;
    expect_error(TABLE("abc", "", "\"lease\":\"2s\",\"idle_interval\":\"2s\""), "streams.lease", 3,
                 "more than idle_interval, which is 2s");
    expect_error(TABLE("abc", "", "\"idle_interval\":\"10s\""), "streams.idle_interval", 3,
                 "less than lease, which is 10s");
    ra_config_unref(parse_clean(TABLE("abc", "", "\"lease\":\"2s\",\"idle_interval\":\"1999ms\"")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_followed_unasked),
        cmocka_unit_test(test_what_is_followed),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_options_that_would_do_nothing),
        cmocka_unit_test(test_a_stream_is_one_tables),
        cmocka_unit_test(test_lags_that_are_always_passed),
        cmocka_unit_test(test_lags_behind_redis),
        cmocka_unit_test(test_a_lease_outlasts_the_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
