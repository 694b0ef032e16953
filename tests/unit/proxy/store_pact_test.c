/* Which configurations may share a store. */
#include "proxy/store_pact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Good until the thirty-second one. */
static const char *pact(const char *top, const char *tables)
{
    static char out[32][RA_PACT_CHARS + 1];
    static unsigned at;
    char text[1024], *to = out[at++ % 32];
    int n = snprintf(text, sizeof text,
                     "{\"upstream\": {\"endpoint\": \"http://127.0.0.1:1\", \"region\": \"us-east-1\"}, %s "
                     "\"tables\": {%s}}",
                     top, tables);
    ra_problems problems;
    ra_config *c = ra_config_parse(text, (size_t)n, "test.jsonc", &problems);
    if (!c) {
        ra_problems_print(&problems, "test.jsonc", stderr);
        fail_msg("%s", text);
    }
    ra_problems_free(&problems);
    assert_true(ra_store_pact(c, to));
    ra_config_unref(c);
    assert_int_equal(strlen(to), RA_PACT_CHARS);
    assert_int_equal(strspn(to, "0123456789abcdef"), RA_PACT_CHARS);
    return to;
}

#define REDIS   "\"cache\": {\"store\": \"redis\", \"redis\": {\"url\": \"redis://a\" "
#define A_KEY   "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ANOTHER "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define TWO     "\"aaa\": {}, \"bbb\": {\"settle\": \"6s\"}"

static void expect_same(const char *a, const char *b)
{
    assert_string_equal(a, b);
}

static void expect_other(const char *a, const char *b)
{
    assert_string_not_equal(a, b);
}

static void test_what_counts(void **state)
{
    (void)state;
    const char *plain = pact("", TWO);
    expect_other(plain, pact("\"consistency\": \"eventual\",", TWO));
    expect_other(plain, pact("\"unknown_write_hold\": \"70s\",", TWO));
    expect_other(pact(REDIS "}},", TWO), pact(REDIS ", \"quarantine\": \"29s\"}},", TWO));
    expect_other(pact(REDIS "}},", TWO), pact(REDIS ", \"heartbeat\": \"2s\"}},", TWO));
    expect_other(pact(REDIS "}},", TWO), pact(REDIS "}, \"encryption_key\": [\"" A_KEY "\"]},", TWO));
    expect_same(pact(REDIS "}, \"encryption_key\": [\"" ANOTHER "\"]},", TWO),
                pact(REDIS "}, \"encryption_key\": [\"" A_KEY "\"]},", TWO));
    expect_other(plain, pact("", "\"aaa\": {\"settle\": \"7s\"}, \"bbb\": {\"settle\": \"6s\"}"));
    expect_other(plain, pact("", "\"aaa\": {\"settle\": \"6s\"}, \"bbb\": {}"));
    expect_other(plain, pact("", "\"aaa\": {\"consistency\": \"eventual\"}, \"bbb\": {\"settle\": \"6s\"}"));
    expect_other(plain, pact("", "\"aaa\": {\"consistent_fill\": false}, \"bbb\": {\"settle\": \"6s\"}"));
    expect_other(plain, pact("", "\"aaa\": {\"patterns\": [{\"name\": \"p\", \"consistent_fill\": false}]}, "
                                 "\"bbb\": {\"settle\": \"6s\"}"));
    /* one that doesn't cache a table doesn't mark its writes either */
    expect_other(plain, pact("", "\"bbb\": {\"settle\": \"6s\"}"));
    expect_other(plain, pact("", TWO ", \"*\": {}"));
}

static void test_what_each_decides_for_itself(void **state)
{
    (void)state;
    const char *plain = pact("", TWO);
    expect_same(plain, pact("", "\"bbb\": {\"settle\": \"6s\"}, \"aaa\": {}")); /* the order */
    expect_same(
        plain,
        pact("",
             "\"aaa\": {\"ttl\": \"1s\", \"stale_if_error\": \"1m\"}, \"bbb\": {\"settle\": \"6000ms\"}"));
    expect_same(plain, pact("\"consistency\": \"read_after_write\",", TWO));
    expect_same(plain, pact("\"listen\": {\"threads\": 7},", TWO));
    expect_same(pact(REDIS "}},", TWO),
                pact(REDIS ", \"command_timeout\": \"60ms\"}, \"max_entry_bytes\": \"1MiB\"},", TWO));
    expect_same(
        plain,
        pact("",
             "\"aaa\": {\"patterns\": [{\"name\": \"p\", \"ttl\": \"9s\"}]}, \"bbb\": {\"settle\": \"6s\"}"));
}

/* What "*" says of a table needn't be said of it again. */
static void test_all_other_tables(void **state)
{
    (void)state;
    const char *all = pact("", "\"*\": {\"settle\": \"6s\"}");
    expect_same(all, pact("", "\"*\": {\"settle\": \"6s\"}, \"aaa\": {\"settle\": \"6s\", \"ttl\": \"1s\"}"));
    expect_other(all, pact("", "\"*\": {\"settle\": \"6s\"}, \"aaa\": {}"));
    expect_other(all, pact("", "\"*\": {}, \"aaa\": {\"settle\": \"6s\"}"));
    expect_other(all, pact("", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_counts),
                                       cmocka_unit_test(test_what_each_decides_for_itself),
                                       cmocka_unit_test(test_all_other_tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
