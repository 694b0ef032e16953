/* A server is tried before it is used: what it lacks is named, and nothing is left of it on the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#pragma GCC diagnostic ignored "-Wunused-function"
#include "redis_store_fixture.h"

static ra_redis_store_options quick(void)
{
    ra_redis_store_options o = defaults(0);
    o.heartbeat = 100;
    return o;
}

static void test_each_command_is_named(void **state)
{
    (void)state;
    static const char *const needed[] = {"time",   "hset",    "hget",   "hmget",   "hexists",
                                         "hlen",   "hgetall", "hdel",   "pexpire", "hrandfield",
                                         "unlink", "eval",    "evalsha"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        char command[32], quoted[32];
        snprintf(command, sizeof command, "-%s", needed[i]);
        snprintf(quoted, sizeof quoted, "'%s'", needed[i]);
        memset(said, 0, sizeof said);
        ask("ACL SETUSER default %s", command);
        open_store(0, quick());
        UNTIL(said[0][0]);
        assert_non_null(strstr(said[0], quoted));
        assert_non_null(ra_redis_store_refusal(stores[0]));
        command[0] = '+';
        ask("ACL SETUSER default %s", command);
        UNTIL(serving(0));
        close_store(0);
    }
}

/* Those of the probes, once all stores have gone. */
static unsigned left(bool for_ever)
{
    redisReply *keys = redisCommand(direct, "KEYS test:ra1:probe-*");
    unsigned n = 0;
    for (size_t i = 0; i < keys->elements; i++)
        n += !for_ever || strcmp(ask("PTTL %s", keys->element[i]->str), "-1") == 0;
    freeReplyObject(keys);
    return n;
}

static void test_nothing_is_left(void **state)
{
    (void)state;
    open_serving(2);
    assert_int_equal(left(false), 0);
}

/* Given up at every stage, and by servers that lack something in the middle of it. */
static void test_nothing_is_left_for_ever(void **state)
{
    (void)state;
    static const char *const missing[] = {"-unlink", "-hdel", "-eval", "-pexpire"};
    for (unsigned turns = 0; turns < 16; turns++) {
        open_store(0, quick());
        for (unsigned i = 0; i < turns; i++)
            event_base_loop(base, EVLOOP_ONCE);
        close_store(0);
    }
    for (unsigned i = 0; i < 4; i++) {
        memset(said, 0, sizeof said);
        ask("ACL SETUSER default %s", missing[i]);
        open_store(0, quick());
        UNTIL(said[0][0]);
        close_store(0);
        ask("ACL SETUSER default +@all");
    }
    /* one that can't be given a TTL is an expired marker */
    redisReply *keys = redisCommand(direct, "KEYS test:ra1:probe-*");
    for (size_t i = 0; i < keys->elements; i++)
        if (strcmp(ask("PTTL %s", keys->element[i]->str), "-1") == 0)
            assert_string_equal(ask("HGET %s wprobe", keys->element[i]->str), "0");
    freeReplyObject(keys);
    ra_redis_store_options o = quick();
    o.sweeps = true;
    open_store(0, o);
    UNTIL(left(true) == 0);
}

static void test_a_full_server_can_be_used(void **state)
{
    (void)state;
    ask("CONFIG SET maxmemory 1");
    open_store(0, quick());
    UNTIL(serving(0));
    assert_int_equal(left(false), 0);
    assert_true(begin(0, 1, 1, HOUR));
    end(0, 1, 1, 0);
    ask("CONFIG SET maxmemory 0");
    UNTIL(peek(0, 1, 1) == RA_LOOKUP_MISS);
}

/* The scripts are known from then on: no text is sent a second time. */
static void test_scripts_are_loaded_by_it(void **state)
{
    (void)state;
    open_serving(1);
    ask("CONFIG RESETSTAT");
    look_and_fill(0, 1, 1, "x");
    assert_true(begin(0, 1, 1, HOUR));
    end(0, 1, 1, 0);
    assert_int_equal(calls_of("eval"), 0);
    assert_true(calls_of("evalsha") >= 4);
}

/* The greeting begins anew when the server answers again, on the same connection. */
static void test_a_server_that_hangs_meanwhile(void **state)
{
    (void)state;
    ra_redis_store_options o = quick();
    o.command_timeout = 20;
    open_store(0, o);
    UNTIL(serving(0));
    ask("FLUSHALL");
    ask("CLIENT PAUSE 150 ALL"); /* the heartbeat, or the greeting that follows it, stands still for that */
    UNTIL(counts_of(0).connections >= 2 && serves_again(0));
    assert_int_equal(left(true), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_command_is_named),    TEST(test_nothing_is_left),
        TEST(test_nothing_is_left_for_ever), TEST(test_a_full_server_can_be_used),
        TEST(test_scripts_are_loaded_by_it), TEST(test_a_server_that_hangs_meanwhile),
    };
    if (argc > 1) /* the test to run */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, all_begin, all_end);
}
