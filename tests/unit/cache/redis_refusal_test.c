/* What a server says, and whether it will say the same tomorrow. */
#include "cache/redis_refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const lasting[] = {
    "NOPERM this user has no permissions to run the 'hget' command",
    "NOAUTH Authentication required.",
    "WRONGPASS invalid username-password pair or user is disabled.",
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "ERR unknown command 'HRANDFIELD', with args beginning with: 'k' ",
    "ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'",
    "ERR DB index is out of range",
    "MOVED 1234 127.0.0.1:7001",
    "DENIED Redis is running in protected mode",
};

static const char *const passing[] = {
    "LOADING Redis is loading the dataset in memory",
    "READONLY You can't write against a read only replica.",
    "NOREPLICAS Not enough good replicas to write.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "MISCONF Redis is configured to save RDB snapshots",
    "BUSY Redis is busy running a script.",
    "CLUSTERDOWN The cluster is down",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "ERR max number of clients reached",
    "ERRATIC",
    "",
};

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lasting / sizeof *lasting; i++)
        assert_true(ra_redis_error_lasts(lasting[i]));
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        assert_false(ra_redis_error_lasts(passing[i]));
}

static void test_greetings(void **state)
{
    (void)state;
    assert_true(ra_redis_greeting_lasts("AUTH: WRONGPASS invalid username-password pair"));
    assert_true(ra_redis_greeting_lasts("CLIENT SETNAME: NOAUTH Authentication required."));
    assert_true(ra_redis_greeting_lasts("SELECT: ERR DB index is out of range"));
    assert_true(ra_redis_greeting_lasts("INFO: NOAUTH Authentication required."));
    assert_false(ra_redis_greeting_lasts("INFO: ERR max number of clients reached"));
    assert_false(ra_redis_greeting_lasts("AUTH: LOADING"));
    assert_false(ra_redis_greeting_lasts("AUTH"));
    assert_false(ra_redis_greeting_lasts("the server has closed the connection; INFO: NOPERM no"));
    assert_false(ra_redis_greeting_lasts("Connection refused"));
    assert_false(ra_redis_greeting_lasts("ERR no step"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_errors), cmocka_unit_test(test_greetings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
