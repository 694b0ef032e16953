#include "tests/unit/config/expect.h"

#define CACHE(json)  "{\"tables\":{\"abc\":{}},\"cache\":{\n" json "}}"
#define REDIS(json)  CACHE("\"store\":\"redis\",\"redis\":{\"url\":\"redis://h\"}," json)
#define TLS(json)    CACHE("\"store\":\"redis\",\"redis\":{\"url\":\"rediss://h\"," json "}")
#define SOCKET(json) CACHE("\"store\":\"redis\",\"redis\":{\"url\":\"unix:///r\"," json "}")
#define KEY_A        "\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\""
#define KEY_A_BASE64 "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\""
#define KEY_B        "\"f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\""

static void test_the_options_of_redis(void **state)
{
    (void)state;
    ra_config *c = parse_clean(CACHE("\"store\":\"redis\",\"redis\":{\"url\":\"redis://ann:word@h:7/2\"}"));
    assert_int_equal(c->cache.store, RA_STORE_KIND_REDIS);
    assert_string_equal(c->cache.redis.host, "h");
    assert_string_equal(c->cache.redis.user, "ann");
    assert_string_equal(c->cache.redis.password, "word");
    assert_int_equal(c->cache.redis.port, 7);
    assert_int_equal(c->cache.redis.database, 2);
    assert_int_equal(c->cache.redis.connect_timeout, 1000);
    assert_int_equal(c->cache.redis.command_timeout, 50);
    assert_int_equal(c->cache.redis.max_queue, 100000);
    assert_int_equal(c->cache.redis.heartbeat, 1000);
    assert_int_equal(c->cache.redis.quarantine, 30000);
    assert_null(c->cache.redis.ca_file);
    assert_int_equal(c->cache.encryption_key.n, 0);
    ra_config_unref(c);
    c = parse_clean(CACHE("\"store\":\"redis\",\"redis\":{\"url\":\"redis://h\",\"command_timeout\":\"20ms\","
                          "\"quarantine\":\"0s\",\"heartbeat\":\"2s\",\"max_queue\":5000}"));
    assert_int_equal(c->cache.redis.command_timeout, 20);
    assert_int_equal(c->cache.redis.quarantine, 0);
    assert_int_equal(c->cache.redis.heartbeat, 2000);
    assert_int_equal(c->cache.redis.max_queue, 5000);
    ra_config_unref(c);
}

static void test_the_url_is_needed_and_never_shown(void **state)
{
    (void)state;
    ra_problems p;
    expect_error(CACHE("\"store\":\"redis\""), "cache.redis", 1, "it must be given");
    expect_error(CACHE("\"store\":\"redis\",\n\"redis\":{}"), "cache.redis.url", 3, "it must be given");
    expect_error(CACHE("\"store\":\"redis\",\n\"redis\":7"), "cache.redis", 3, "accepted: an object");
    expect_error(CACHE("\"store\":\"redis\",\"redis\":{\n\"url\":\"redis://a:secret@\"}"), "cache.redis.url",
                 3, "the value holds no valid host name; accepted: \"redis://");
    assert_null(parse(CACHE("\"store\":\"redis\",\"redis\":{\"url\":\"redis://a:secret@\"}"), &p));
    for (size_t i = 0; i < p.n; i++)
        assert_null(strstr(p.v[i].message, "secret"));
    ra_problems_free(&p);
}

static void test_options_of_the_other_store(void **state)
{
    (void)state;
    expect_error(CACHE("\"redis\":{\"url\":\"redis://h\"}"), "cache.redis", 2,
                 "with \"store\": \"redis\" only");
    expect_error(CACHE("\"encryption_key\":[" KEY_A "]"), "cache.encryption_key", 2,
                 "with \"store\": \"redis\" or \"momento\" only");
    expect_error(REDIS("\"max_bytes\":\"1MiB\""), "cache.max_bytes", 2, "with \"store\": \"memory\" only");
    expect_error(REDIS("\"state_file\":\"state\""), "cache.state_file", 2, "with \"store\": \"memory\" only");
    /* A store that was refused is one problem, not also one with its options. */
    expect_error(CACHE("\"store\":\"rdeis\",\"redis\":{\"url\":\"redis://h\"}"), "cache.store", 2,
                 "did you mean \"redis\"?");
}

static void test_the_near_cache(void **state)
{
    (void)state;
    ra_config *c = parse_clean(REDIS("\"max_entry_bytes\":\"1MiB\""));
    assert_int_equal(c->cache.near.max_bytes, 64 << 20);
    assert_int_equal(c->cache.near.max_age, 1000);
    ra_config_unref(c);
    c = parse_clean(REDIS("\"near\":{\"max_bytes\":\"1MiB\",\"max_age\":\"60s\"}"));
    assert_int_equal(c->cache.near.max_bytes, 1 << 20);
    assert_int_equal(c->cache.near.max_age, 60000);
    ra_config_unref(c);
    c = parse_clean(REDIS("\"near\":{\"max_bytes\":\"0\",\"max_age\":\"1ms\"}"));
    assert_int_equal(c->cache.near.max_bytes, 0);
    assert_int_equal(c->cache.near.max_age, 1);
    ra_config_unref(c);
    ra_config_unref(parse_clean(REDIS("\"near\":{\"max_bytes\":\"1024GiB\"}")));
    expect_error(REDIS("\"near\":{\"max_bytes\":1048575}"), "cache.near.max_bytes", 2,
                 "too small to hold anything; accepted: \"1MiB\" or more, or \"0\"");
    expect_error(REDIS("\"near\":{\"max_bytes\":\"1025GiB\"}"), "cache.near.max_bytes", 2, "from 0 to 1");
    expect_error(REDIS("\"near\":{\"max_age\":\"0s\"}"), "cache.near.max_age", 2, "from 1ms to ");
    expect_error(REDIS("\"near\":{\"max_age\":\"61s\"}"), "cache.near.max_age", 2, "from 1ms to ");
    expect_error(REDIS("\"near\":{\"max_byte\":\"1MiB\"}"), "cache.near.max_byte", 2,
                 "did you mean \"max_bytes\"?");
    expect_error(REDIS("\"near\":\"0\""), "cache.near", 2, "accepted: an object");
    expect_error(CACHE("\"near\":{\"max_bytes\":\"1MiB\"}"), "cache.near", 2,
                 "that store is near already; accepted: with \"store\": \"redis\" or \"momento\" only");
    /* With the other store its size is no second problem. */
    expect_error(CACHE("\"near\":{\"max_bytes\":1}"), "cache.near", 2,
                 "with \"store\": \"redis\" or \"momento\" only");
}

static void test_only_a_store_that_may_be_down(void **state)
{
    (void)state;
    static const char words[] = "is never down; accepted: with \"store\": \"redis\" or \"momento\" only";
    expect_error("{\"tables\":{\"abc\":{}},\n\"writes_when_store_down\":\"pass\"}", "writes_when_store_down",
                 2, words);
    expect_error("{\"tables\":{\"abc\":{},\"def\":{\n\"writes_when_store_down\":\"refuse\"}}}",
                 "tables.def.writes_when_store_down", 2, words);
    expect_error(
        CACHE("\"store\":\"redis\",\"redis\":{\"url\":\"redis://h\"}},\"writes_when_store_down\":\"pas\""
              ",\"ddb\":{"),
        "writes_when_store_down", 2, "did you mean \"pass\"?");
}

static void test_entries_fit_a_reply(void **state)
{
    (void)state;
    ra_config_unref(parse_clean(REDIS("\"max_entry_bytes\":\"16MiB\"")));
    expect_error(REDIS("\"max_entry_bytes\":16777217"), "cache.max_entry_bytes", 2, "at most 16MiB");
    ra_config_unref(parse_clean(CACHE("\"max_entry_bytes\":16777217")));
}

static void test_tls_files_need_tls(void **state)
{
    (void)state;
    expect_error(CACHE("\"store\":\"redis\",\"redis\":{\"url\":\"redis://h\",\n\"ca_file\":\"/dev/null\"}"),
                 "cache.redis.ca_file", 3, "with \"rediss://...\" only");
    expect_error(SOCKET("\"ca_file\":\"/dev/null\""), "cache.redis.ca_file", 2, "with \"rediss://...\" only");
    expect_error(TLS("\"cert_file\":\"/dev/null\""), "cache.redis.cert_file", 2, "with \"key_file\" only");
    expect_error(TLS("\"key_file\":\"/dev/null\""), "cache.redis.key_file", 2, "with \"cert_file\" only");
    expect_error(TLS("\"key_file\":\"/dev/null\",\"cert_file\":\"/none\""), "cache.redis.cert_file", 2,
                 "can't be read");
    ra_config *c = parse_clean(TLS("\"ca_file\":\"/dev/null\",\"key_file\":\"/dev/null\",\"cert_file\":"
                                   "\"/dev/null\""));
    assert_true(c->cache.redis.tls);
    assert_string_equal(c->cache.redis.ca_file, "/dev/null");
    ra_config_unref(c);
}

static void test_encryption_keys(void **state)
{
    (void)state;
    static const unsigned char first[] = {0xf0, 1, 2, 3}, second[] = {0, 1, 2, 3};
    ra_config *c = parse_clean(REDIS("\"encryption_key\":[" KEY_B "," KEY_A "]"));
    assert_int_equal(c->cache.encryption_key.n, 2);
    assert_memory_equal(c->cache.encryption_key.v[0], first, sizeof first);
    assert_memory_equal(c->cache.encryption_key.v[1], second, sizeof second);
    ra_config_unref(c);
    setenv("TEST_CACHE_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 1);
    c = parse_clean(REDIS("\"encryption_key\":[\"env:TEST_CACHE_KEY\"]"));
    assert_memory_equal(c->cache.encryption_key.v[0], second, sizeof second);
    ra_config_unref(c);
    expect_error(REDIS("\"encryption_key\":[" KEY_A "," KEY_B "," KEY_A_BASE64 "]"), "cache.encryption_key",
                 2, "the same key twice");
    expect_error(REDIS("\"encryption_key\":[]"), "cache.encryption_key", 2, "there are too few");
    expect_error(REDIS("\"encryption_key\":" KEY_A), "cache.encryption_key", 2,
                 "a string; accepted: an array of 1 to 16 keys");
    expect_error(REDIS("\"encryption_key\":[" KEY_A ",7]"), "cache.encryption_key[1]", 2,
                 "a number; accepted: 32 random bytes");
    expect_error(REDIS("\"encryption_key\":[\"env:TEST_NO_SUCH_KEY\"]"), "cache.encryption_key[0]", 2,
                 "TEST_NO_SUCH_KEY");
}

static void test_a_wrong_key_is_never_shown(void **state)
{
    (void)state;
    ra_problems p;
    setenv("TEST_CACHE_KEY", "hush-hush", 1);
    assert_null(parse(REDIS("\"encryption_key\":[\"hush-hush\",\"env:TEST_CACHE_KEY\"]"), &p));
    assert_int_equal(p.errors, 2);
    for (size_t i = 0; i < p.n; i++)
        assert_null(strstr(p.v[i].message, "hush"));
    assert_non_null(strstr(problem_at(&p, "cache.encryption_key[0]")->message,
                           "the value isn't accepted; accepted: 32 random bytes"));
    ra_problems_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_options_of_redis),
        cmocka_unit_test(test_the_url_is_needed_and_never_shown),
        cmocka_unit_test(test_options_of_the_other_store),
        cmocka_unit_test(test_the_near_cache),
        cmocka_unit_test(test_only_a_store_that_may_be_down),
        cmocka_unit_test(test_entries_fit_a_reply),
        cmocka_unit_test(test_tls_files_need_tls),
        cmocka_unit_test(test_encryption_keys),
        cmocka_unit_test(test_a_wrong_key_is_never_shown),
    };
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
