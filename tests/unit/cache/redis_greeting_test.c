/* INFO's text, whole, in part and odd; and which words of a server may be repeated. */
#include "cache/redis_greeting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>

static void test_identity(void **state)
{
    (void)state;
    ra_redis_identity id;
    ra_redis_identity_read(
        &id, RA_BYTES("# Server\r\nredis_version:7.0.15\r\nredis_versions:9\r\nrun_id:abc\r\n\r\n"
                      "# Memory\r\nmaxmemory_policy:volatile-lru\r\n# Replication\r\n"
                      "role:slave\r\nconnected_slaves:2\r\nmaster_replid:def\r\n"
                      "master_replid2:000"));
    assert_string_equal(id.version, "7.0.15");
    assert_string_equal(id.run_id, "abc");
    assert_string_equal(id.master_replid, "def");
    assert_string_equal(id.role, "slave");
    assert_string_equal(id.maxmemory_policy, "volatile-lru");
    assert_int_equal(id.connected_replicas, 2);
    assert_false(id.waits_for_replicas);
    /* Redis writes the line only where min-replicas-to-write is over 0 */
    ra_redis_identity_read(&id, RA_BYTES("connected_slaves:1\r\nmin_slaves_good_slaves:0\r\n"));
    assert_true(id.waits_for_replicas);
}

static void test_identity_in_part(void **state)
{
    (void)state;
    ra_redis_identity id;
    memset(&id, 'x', sizeof id);
    ra_redis_identity_read(&id, (ra_bytes){NULL, 0});
    assert_string_equal(id.version, "");
    assert_string_equal(id.run_id, "");
    assert_int_equal(id.connected_replicas, 0);
    ra_redis_identity_read(&id, RA_BYTES("role"));
    assert_string_equal(id.role, "");
    ra_redis_identity_read(&id, RA_BYTES("role:\nrun_id:\r\n:\r\n\n\nrole:master"));
    assert_string_equal(id.role, "master");
    /* one that doesn't fit is none */
    ra_redis_identity_read(&id, RA_BYTES("role:0123456789012345\nconnected_slaves:00000000000000000001\n"
                                         "run_id:01234567890123456789012345678901234567890123456"));
    assert_string_equal(id.role, "");
    assert_int_equal(id.connected_replicas, 0);
    assert_int_equal(strlen(id.run_id), 47);
}

static bool answer(enum ra_redis_step step, const char *error, const char *password, char *why)
{
    redisReply reply = {.type = REDIS_REPLY_ERROR, .str = (char *)(uintptr_t)error, .len = strlen(error)};
    why[0] = '\0';
    return ra_redis_greeting_answer(step, &reply, password, why);
}

static void test_refusals(void **state)
{
    (void)state;
    char why[RA_REDIS_WHY_MAX];
    assert_false(answer(RA_REDIS_AUTH, "WRONGPASS invalid", "12345", why));
    assert_string_equal(why, "AUTH: WRONGPASS invalid");
    assert_false(answer(RA_REDIS_SELECT, "NOPERM", NULL, why));
    assert_true(answer(RA_REDIS_SETNAME, "NOPERM", NULL, why));
    assert_true(answer(RA_REDIS_INFO, "NOPERM", NULL, why));
    assert_false(answer(RA_REDIS_INFO, "NOAUTH Authentication required.", NULL, why));
    assert_string_equal(why, "INFO: NOAUTH Authentication required.");
    /* not one that doesn't tell who it is: it will */
    assert_false(answer(RA_REDIS_INFO, "BUSY Redis is busy running a script.", NULL, why));
    assert_string_equal(why, "INFO: BUSY Redis is busy running a script.");
    assert_false(answer(RA_REDIS_SETNAME, "LOADING Redis is loading the dataset in memory", NULL, why));
}

static void test_passwords_are_never_shown(void **state)
{
    (void)state;
    static const char *const passwords[] = {"hunter2-and-more", "hunter2", "hun", "h"};
    static const char *const said[] = {
        "ERR unknown command `AUTH`, with args beginning with: `hunter2-and-more`, ",
        "ERR unknown command 'AUTH', with args beginning with: 'me' 'hunter2",
        "hunter2 is wrong",
    };
    char why[RA_REDIS_WHY_MAX];
    for (unsigned p = 0; p < 4; p++) {
        for (unsigned i = 0; i < 3; i++) {
            assert_false(answer(RA_REDIS_AUTH, said[i], passwords[p], why));
            assert_null(strstr(why, "hunt"));
            assert_non_null(strstr(why, i < 2 ? "AUTH: ERR (" : "AUTH: refused ("));
        }
    }
    assert_false(
        answer(RA_REDIS_AUTH, "ERR no", "ERR", why)); /* even if it looks like the kind of an error */
    assert_string_equal(why, "AUTH: refused (the rest might show the password)");
    assert_false(answer(RA_REDIS_AUTH, "ERR no", "", why));
    assert_string_equal(why, "AUTH: ERR no");
}

static void test_words_fit_a_line(void **state)
{
    (void)state;
    char why[RA_REDIS_WHY_MAX], error[1000];
    memset(error, 'x', sizeof error);
    error[3] = '\n';
    error[4] = '\x1b';
    error[5] = (char)0xff;
    error[sizeof error - 1] = '\0';
    assert_false(answer(RA_REDIS_AUTH, error, NULL, why));
    assert_int_equal(strlen(why), sizeof why - 1);
    assert_memory_equal(why, "AUTH: xxx???x", 13);
}

static void test_commands(void **state)
{
    (void)state;
    ra_bytes argv[3];
    char number[16];
    ra_redis_options o = {0};
    for (enum ra_redis_step step = 0; step < RA_REDIS_INFO; step++)
        assert_int_equal(ra_redis_greeting_command(step, &o, argv, number), 0);
    assert_int_equal(ra_redis_greeting_command(RA_REDIS_INFO, &o, argv, number), 1);
    assert_true(ra_bytes_eq_z(argv[0], "INFO"));
    o.password = "p";
    o.database = 4294967295u;
    assert_int_equal(ra_redis_greeting_command(RA_REDIS_AUTH, &o, argv, number), 2);
    assert_true(ra_bytes_eq_z(argv[1], "p"));
    o.user = "u";
    assert_int_equal(ra_redis_greeting_command(RA_REDIS_AUTH, &o, argv, number), 3);
    assert_true(ra_bytes_eq_z(argv[1], "u"));
    assert_int_equal(ra_redis_greeting_command(RA_REDIS_SELECT, &o, argv, number), 2);
    assert_true(ra_bytes_eq_z(argv[1], "4294967295"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity),         cmocka_unit_test(test_identity_in_part),
        cmocka_unit_test(test_refusals),         cmocka_unit_test(test_passwords_are_never_shown),
        cmocka_unit_test(test_words_fit_a_line), cmocka_unit_test(test_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
