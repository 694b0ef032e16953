/* Which servers a store doesn't use, what it says of them, and that it uses them once they have changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#pragma GCC diagnostic ignored "-Wunused-function"
#include "cache/redis_epoch.h"
#include "cache/redis_store_parts.h"

#include "redis_store_fixture.h"

static unsigned times_said[STORES];

static void count_and_say(const char *text, bool warning, void *arg)
{
    unsigned i = *(const unsigned *)arg;
    times_said[i] += warning;
    snprintf(said[i], sizeof said[i], "%s", text);
}

static ra_redis_store_options quick(unsigned i)
{
    static unsigned numbers[STORES] = {0, 1, 2};
    ra_redis_store_options o = defaults(i);
    o.heartbeat = 100;
    o.say = count_and_say;
    o.say_arg = &numbers[i];
    times_said[i] = 0;
    return o;
}

static const char *refusal_of(unsigned i)
{
    return ra_redis_store_refusal(stores[i]);
}

static unsigned connections_received(void)
{
    const char *at = strstr(ask("INFO stats"), "total_connections_received:");
    return (unsigned)strtoul(at + strlen("total_connections_received:"), NULL, 10);
}

/* It has come back so often to be refused anew, and has said it once. */
static void expect_said_once(unsigned i, const char *words)
{
    unsigned before = connections_received();
    UNTIL(connections_received() >= before + 3);
    assert_int_equal(times_said[i], 1);
    assert_non_null(strstr(said[i], words));
    assert_int_equal(health_of(i), RA_REDIS_DOWN);
    expect_bypass(i, 1, "store-unavailable");
    assert_false(begin(i, 1, 1, HOUR));
}

static void test_a_policy_that_evicts_markers(void **state)
{
    (void)state;
    ra_redis_store_options o = quick(0);
    o.linearizable = true;
    ask("CONFIG SET maxmemory-policy allkeys-random");
    open_store(0, o);
    assert_null(refusal_of(0));
    UNTIL(refusal_of(0));
    assert_string_equal(refusal_of(0), said[0]);
    expect_said_once(0, "maxmemory-policy is allkeys-random");
    ask("CONFIG SET maxmemory-policy volatile-lru");
    UNTIL(serving(0));
    assert_null(refusal_of(0));
    assert_int_equal(times_said[0], 1);
    ask("CONFIG SET maxmemory-policy noeviction");
}

static void test_a_policy_where_less_is_promised(void **state)
{
    (void)state;
    ask("CONFIG SET maxmemory-policy allkeys-lru");
    open_store(0, quick(0));
    UNTIL(serving(0));
    assert_null(refusal_of(0));
    assert_int_equal(times_said[0], 1);
    assert_non_null(strstr(said[0], "maxmemory-policy may evict"));
    ask("CLIENT KILL TYPE normal SKIPME yes");
    UNTIL(counts_of(0).connections == 2);
    assert_int_equal(times_said[0], 2); /* that and the loss: the policy once */
    ask("CONFIG SET maxmemory-policy noeviction");
}

static void test_no_name(void **state)
{
    (void)state;
    ra_redis_store_options o = quick(0);
    ask("ACL SETUSER default -info");
    o.linearizable = true;
    open_store(0, o);
    UNTIL(refusal_of(0));
    assert_non_null(strstr(refusal_of(0), "INFO"));
    open_store(1, quick(1));
    UNTIL(said[1][0]);
    assert_string_equal(said[0], said[1]);
    assert_null(refusal_of(1)); /* nothing rests on it */
    ask("ACL SETUSER default +info");
    UNTIL(serving(0) && serving(1));
}

static void test_a_wrong_password(void **state)
{
    (void)state;
    ra_redis_store_options o = quick(0);
    o.redis.password = "right";
    open_store(0, o);
    UNTIL(refusal_of(0));
    expect_said_once(0, "AUTH: ");
    ask("CONFIG SET requirepass right");
    UNTIL(serving(0));
    assert_null(refusal_of(0));
    ask("CONFIG SET requirepass \"\"");
    ask("ACL SETUSER default nopass");
}

/* It passes by itself; what comes after it is said as well. */
static void test_what_passes_is_no_refusal(void **state)
{
    (void)state;
    ra_redis_store_options o = quick(0);
    o.linearizable = true;
    ask("REPLICAOF 127.0.0.1 1");
    open_store(0, o);
    UNTIL(said[0][0]);
    expect_said_once(0, "READONLY");
    assert_null(refusal_of(0));
    ask("CONFIG SET maxmemory-policy allkeys-lru");
    UNTIL(refusal_of(0));
    assert_int_equal(times_said[0], 2);
    ask("CONFIG SET maxmemory-policy noeviction");
    UNTIL(!refusal_of(0));
    assert_non_null(strstr(said[0], "READONLY"));
    ask("REPLICAOF NO ONE");
    UNTIL(serving(0));
}

/* ---- the pact ---- */

static void set_pact(int64_t from_now, const char *pact)
{
    ask("EVAL %s 0 %lld %s",
        "local t = redis.call('TIME') return redis.call('HSET', 'test:ra1:epochs', '@', "
        "string.format('%.0f', t[1] * 1000 + ARGV[1]) .. ':' .. ARGV[2])",
        (long long)from_now, pact);
}

static void open_with_pact(unsigned i, const char *pact)
{
    ra_redis_store_options o = quick(i);
    o.pact = pact;
    open_store(i, o);
}

static void test_another_pact(void **state)
{
    (void)state;
    open_with_pact(0, "one");
    open_with_pact(1, "one");
    UNTIL(serving(0) && serving(1));
    open_with_pact(2, "two");
    UNTIL(refusal_of(2));
    expect_said_once(2, "another proxy on this Redis");
    assert_true(serving(0) && serving(1));
    close_store(0);
    close_store(1);
    assert_non_null(refusal_of(2));
    set_pact(-1, "one"); /* as if time had passed */
    UNTIL(serving(2));
    assert_null(refusal_of(2));
    open_with_pact(0, "one");
    UNTIL(refusal_of(0));
    assert_true(serving(2));
}

/* A process that was stopped for long finds others in its place. They may have written without marks, to a
 * table that only this one caches. */
static void test_a_pact_that_has_run_out(void **state)
{
    (void)state;
    open_with_pact(0, "one");
    UNTIL(serving(0));
    look_and_fill(0, 1, 1, "x");
    set_pact(HOUR, "another:one");
    UNTIL(refusal_of(0));
    expect_bypass(0, 1, "store-unavailable");
    set_pact(-1, "another:one");
    UNTIL(serving(0));
    assert_int_equal(peek(0, 1, 1), RA_LOOKUP_MISS);
    look_and_fill(0, 1, 2, "y");
    expect_hit(0, 1, 2, "y");
}

/* Times that no clock shows, as a note of the epoch or from what isn't Redis. */
static void test_times_that_no_clock_shows(void **state)
{
    (void)state;
    static const char *const mad[] = {"-9223372036854775808", "-1", "9000000000000000000"};
    for (unsigned i = 0; i < sizeof mad / sizeof *mad; i++) {
        ra_redis_identity who;
        char epoch[RA_REDIS_EPOCH_CHARS + 1];
        open_store(0, quick(0));
        UNTIL(serving(0));
        who = *ra_redis_store_identity(stores[0]);
        ra_redis_epoch(&who, "", epoch);
        ask("HSET test:ra1:epochs %s %s", epoch, mad[i]);
        if (mad[i][0] == '-') { /* one in the future is as if there were none */
            UNTIL(health_of(0) == RA_REDIS_DOWN);
            expect_said_once(0, "an unexpected reply");
            ask("HDEL test:ra1:epochs %s", epoch);
        }
        UNTIL(serving(0));
        close_store(0);
    }
}

static void test_a_pact_that_is_too_long(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    char pact[RA_REDIS_PACT_CHARS + 2];
    memset(pact, 'p', sizeof pact - 1);
    pact[sizeof pact - 1] = '\0';
    o.pact = pact;
    assert_null(ra_redis_store_new(base, &o));
    pact[RA_REDIS_PACT_CHARS] = '\0';
    open_store(0, o);
    UNTIL(serving(0));
    const char *kept = ask("HGET test:ra1:epochs @");
    assert_non_null(strchr(kept, ':'));
    assert_string_equal(strchr(kept, ':') + 1, pact);
}

static void judged(ra_redis_store *s, int64_t now, bool ok)
{
    if (ra_breaker_allow(&s->breaker, now))
        ra_redis_store_judge(s, now * 1000, ok, 100);
}

/* A bad hour is told once, and its end once, however often a probe fails between them. */
static void test_a_breaker_that_opens(void **state)
{
    (void)state;
    open_store(0, quick(0));
    UNTIL(serving(0));
    said[0][0] = '\0';
    ra_redis_store *s = ra_redis_store_of(stores[0]);
    int64_t now = ra_redis_monotonic();
    for (int i = 0; i < 100; i++) {
        judged(s, now, i == 0); /* a good one first: it knows what is usual */
        now += 60 * 1000;
    }
    assert_int_equal(s->breaker.state == RA_BREAKER_CLOSED, false);
    assert_int_equal(times_said[0], 1);
    assert_non_null(strstr(said[0], "isn't asked until it has recovered"));
    for (int i = 0; i < 10; i++) {
        judged(s, now, true);
        now += 60 * 1000;
    }
    assert_int_equal(s->breaker.state, RA_BREAKER_CLOSED);
    assert_string_equal(said[0], "has recovered");
    assert_int_equal(times_said[0], 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_breaker_that_opens),
        TEST(test_a_policy_that_evicts_markers),
        TEST(test_a_policy_where_less_is_promised),
        TEST(test_no_name),
        TEST(test_a_wrong_password),
        TEST(test_what_passes_is_no_refusal),
        TEST(test_another_pact),
        TEST(test_a_pact_that_has_run_out),
        TEST(test_times_that_no_clock_shows),
        TEST(test_a_pact_that_is_too_long),
    };
    if (argc > 1) /* the test to run */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, all_begin, all_end);
}
