/* Expired markers that nobody reads go; nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#pragma GCC diagnostic ignored "-Wunused-function"
#include "redis_store_fixture.h"

static ra_redis_store_options sweeping(void)
{
    ra_redis_store_options o = defaults(0);
    o.heartbeat = 20;
    o.sweeps = true;
    return o;
}

static bool exists(const char *key)
{
    return strcmp(ask("EXISTS %s", key), "1") == 0;
}

static void wait_for_a_round(void)
{
    ask("CONFIG RESETSTAT");
    UNTIL(calls_of("scan") >= 4);
}

static void test_expired_markers_go(void **state)
{
    (void)state;
    for (uint64_t u = 1; u <= 1000; u++)
        ask("HSET %s wdead %s", name_of(u), u % 2 ? "1" : "99999999999999");
    ask("HSET %s w1 1 w2 99999999999999", name_of(2000));
    ask("HSET %s w1 not-a-number", name_of(2001)); /* nobody knows when it ends */
    open_store(0, sweeping());
    UNTIL(serving(0));
    UNTIL(strcmp(ask("DBSIZE"), "503") == 0); /* the live ones, those two, and the epochs */
    for (uint64_t u = 1; u <= 1000; u++)
        assert_int_equal(exists(name_of(u)), u % 2 == 0);
    assert_string_equal(ask("HLEN %s", name_of(2000)), "1");
    assert_true(exists(name_of(2001)));
}

static void test_data_and_what_is_not_ours_stays(void **state)
{
    (void)state;
    static const char *const others[] = {"test:",       "test:ra1:", "test:ra1:notes",
                                         "tests:ra1:x", "other",     "ra1:x"};
    ask("HSET %s ! generation rx entry wx 1", name_of(1)); /* no TTL: somebody took it away */
    ask("SET %s text", name_of(2));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ask("HSET %s wdead 1", others[i]);
    ask("HSET %sff wdead 1", name_of(3)); /* too long */
    open_store(0, sweeping());
    UNTIL(serving(0));
    look_and_fill(0, 4, 1, "x");
    assert_true(begin(0, 1, 5, HOUR));
    wait_for_a_round();
    assert_string_equal(ask("HLEN %s", name_of(1)), "3");
    assert_string_equal(ask("GET %s", name_of(2)), "text");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_true(exists(others[i]));
    assert_string_equal(ask("EXISTS %sff", name_of(3)), "1");
    expect_hit(0, 4, 1, "x");
    expect_bypass(0, 5, "write-in-progress");
}

/* Nor are they cleaned where somebody has taken their TTL away: they aren't units. */
static void test_posts_and_own_writes_stay(void **state)
{
    (void)state;
    static const char *const kinds[] = {"o", "s"};
    const char *digits = name_of(1) + strlen("test:ra1:");
    for (size_t i = 0; i < 2; i++)
        ask("HSET test:ra1:%s%s wdead 1 e epoch", kinds[i], digits);
    open_store(0, sweeping());
    UNTIL(serving(0));
    wait_for_a_round();
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(ask("HLEN test:ra1:%s%s", kinds[i], digits), "2");
}

static void test_only_who_is_told_to(void **state)
{
    (void)state;
    ra_redis_store_options o = sweeping();
    o.sweeps = false;
    ask("HSET %s wdead 1", name_of(1));
    ask("CONFIG RESETSTAT");
    open_store(0, o);
    UNTIL(serving(0));
    UNTIL(calls_of("time") > 10); /* heartbeats */
    assert_int_equal(calls_of("scan"), 0);
    assert_true(exists(name_of(1)));
}

static unsigned complaints;

static void count_complaints(const char *text, bool warning, void *arg)
{
    (void)arg;
    if (warning && strstr(text, "is refused: marks"))
        complaints++;
    snprintf(said[0], sizeof said[0], "%s", text);
}

static void refuse_and_expect(const char *minus, const char *plus, const char *words)
{
    ra_redis_store_options o = sweeping();
    complaints = 0;
    o.say = count_complaints;
    ask("HSET %s wdead 1", name_of(1));
    ask("ACL SETUSER default %s", minus);
    open_store(0, o);
    UNTIL(complaints == 1 && strstr(said[0], words));
    ask("CLIENT KILL TYPE normal SKIPME yes");
    UNTIL(counts_of(0).connections == 2 && serving(0));
    ask("CONFIG RESETSTAT");
    UNTIL(calls_of("time") > 10);
    assert_int_equal(complaints, 1);
    assert_true(exists(name_of(1)));
    ask("ACL SETUSER default %s", plus);
    ask("CLIENT KILL TYPE normal SKIPME yes");
    UNTIL(!exists(name_of(1))); /* another connection, another try */
    close_store(0);
}

static void test_refused(void **state)
{
    (void)state;
    refuse_and_expect("-scan", "+scan", "SCAN");
    refuse_and_expect("-pttl", "+pttl", "PTTL");
}

/* A server that is busy says so to each command: that isn't about this one. */
static void test_not_now(void **state)
{
    (void)state;
    ra_redis_store_options o = sweeping();
    complaints = 0;
    o.say = count_complaints;
    ask("CONFIG SET busy-reply-threshold 1");
    open_store(0, o);
    UNTIL(serving(0));
    redisContext *busy = redisConnectUnix(server.socket);
    assert_non_null(busy);
    assert_int_equal(redisAppendCommand(busy, "EVAL %s 0", "while true do end"), REDIS_OK);
    int written = 0;
    while (!written)
        assert_int_equal(redisBufferWrite(busy, &written), REDIS_OK);
    UNTIL(strstr(said[0], "BUSY")); /* a heartbeat, and the sweep right behind it */
    while (strcmp(ask("SCRIPT KILL"), "OK") != 0)
        event_base_loop(base, EVLOOP_ONCE);
    redisFree(busy);
    ask("HSET %s wdead 1", name_of(1));
    UNTIL(!exists(name_of(1)));
    assert_int_equal(complaints, 0);
    close_store(0);
}

/* At every stage of a round. */
static void test_freed_while_sweeping(void **state)
{
    (void)state;
    for (uint64_t u = 1; u <= 50; u++)
        ask("HSET %s wlive 99999999999999", name_of(u));
    for (unsigned turns = 0; turns < 12; turns++) {
        open_store(0, sweeping());
        ask("CONFIG RESETSTAT");
        UNTIL(calls_of("scan") == 1);
        for (unsigned i = 0; i < turns; i++)
            event_base_loop(base, EVLOOP_ONCE);
        close_store(0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_expired_markers_go),
        TEST(test_data_and_what_is_not_ours_stays),
        TEST(test_posts_and_own_writes_stay),
        TEST(test_only_who_is_told_to),
        TEST(test_refused),
        TEST(test_not_now),
        TEST(test_freed_while_sweeping),
    };
    if (argc > 1) /* the test to run */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, all_begin, all_end);
}
