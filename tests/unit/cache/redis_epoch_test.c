#include "cache/redis_epoch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const char *pact = "";

static const char *epoch_of(const char *run_id, const char *master_replid)
{
    static char epochs[4][RA_REDIS_EPOCH_CHARS + 1];
    static unsigned next;
    char *out = epochs[next++ % 4];
    ra_redis_identity id = {0};
    snprintf(id.run_id, sizeof id.run_id, "%s", run_id);
    snprintf(id.master_replid, sizeof id.master_replid, "%s", master_replid);
    ra_redis_epoch(&id, pact, out);
    return out;
}

/* Proxies of different versions share a Redis: the first digits of SHA-256 over "<run_id>/<master_replid>".
 */
static void test_stays_what_it_is(void **state)
{
    (void)state;
    assert_string_equal(epoch_of("a1", "b2"), "3e3b30ea");
}

static void test_follows_both(void **state)
{
    (void)state;
    char other[RA_REDIS_EPOCH_CHARS + 1];
    snprintf(other, sizeof other, "%s", epoch_of("0123", "4567"));
    assert_string_equal(epoch_of("0123", "4567"), other);
    assert_string_not_equal(epoch_of("0124", "4567"), other);
    assert_string_not_equal(epoch_of("0123", "4568"), other);
    assert_string_not_equal(epoch_of("01234", "567"), other);
    pact = "a pact";
    assert_string_not_equal(epoch_of("0123", "4567"), other);
    snprintf(other, sizeof other, "%s", epoch_of("0123", "4567"));
    pact = "another";
    assert_string_not_equal(epoch_of("0123", "4567"), other);
    pact = "";
}

/* The longest that an identity can hold. */
static void test_long_names(void **state)
{
    (void)state;
    char name[48];
    memset(name, 'f', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(strlen(epoch_of(name, name)), RA_REDIS_EPOCH_CHARS);
    assert_string_not_equal(epoch_of(name, name), epoch_of(name, name + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stays_what_it_is),
        cmocka_unit_test(test_follows_both),
        cmocka_unit_test(test_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
