#include "tests/unit/config/expect.h"

#include "config/redis_url.h"

typedef struct expected {
    const char *text, *host;
    unsigned port;
    const char *socket, *user, *password;
    unsigned database;
    bool tls;
} expected;

static void same_text(const char *got, const char *wanted)
{
    assert_int_equal(got != NULL, wanted != NULL);
    if (wanted)
        assert_string_equal(got, wanted);
}

static void test_read(void **state)
{
    (void)state;
    static const expected cases[] = {
        {"redis://h", "h", 6379, NULL, NULL, NULL, 0, false},
        {"redis://h/", "h", 6379, NULL, NULL, NULL, 0, false},
        {"REDIS://h:1/0", "h", 1, NULL, NULL, NULL, 0, false},
        {"rediss://cache.example:65535/15", "cache.example", 65535, NULL, NULL, NULL, 15, true},
        {"redis://[::1]", "::1", 6379, NULL, NULL, NULL, 0, false},
        {"redis://[2001:db8::1]:7000/3", "2001:db8::1", 7000, NULL, NULL, NULL, 3, false},
        {"redis://127.0.0.1:6380/65535", "127.0.0.1", 6380, NULL, NULL, NULL, 65535, false},
        {"redis://:word@h", "h", 6379, NULL, NULL, "word", 0, false},
        {"redis://ann:word@h:2/1", "h", 2, NULL, "ann", "word", 1, false},
        {"redis://ann:@h", "h", 6379, NULL, "ann", "", 0, false},
        {"redis://a%3Ab:%40%2f%3A%25%23%3f%C3%A9@h", "h", 6379, NULL, "a:b", "@/:%#?\xc3\xa9", 0, false},
        {"redis://ann:a:b@c@h", "h", 6379, NULL, "ann", "a:b@c", 0, false},
        {"redis://:+&=@h", "h", 6379, NULL, NULL, "+&=", 0, false},
        {"unix:///run/redis.sock", NULL, 0, "/run/redis.sock", NULL, NULL, 0, false},
        {"unix:///a%20b?db=2", NULL, 0, "/a b", NULL, NULL, 2, false},
        {"unix://ann:word@/run/r?db=65535", NULL, 0, "/run/r", "ann", "word", 65535, false},
        {"unix://:word@/run/r", NULL, 0, "/run/r", NULL, "word", 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const expected *e = &cases[i];
        ra_pool pool = {0};
        ra_config_redis r = {.tls = true, .database = 99, .command_timeout = 7};
        const char *why = ra_redis_url_parse(e->text, &pool, &r);
        if (why)
            fail_msg("%s %s", e->text, why);
        same_text(r.host, e->host);
        same_text(r.socket, e->socket);
        same_text(r.user, e->user);
        same_text(r.password, e->password);
        assert_int_equal(r.port, e->port);
        assert_int_equal(r.database, e->database);
        assert_int_equal(r.tls, e->tls);
        assert_int_equal(r.command_timeout, 7);
        ra_pool_free(&pool);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "doesn't begin with redis://"},
        {"h:6379", "doesn't begin with redis://"},
        {"redis:h", "doesn't begin with redis://"},
        {"http://h", "doesn't begin with redis://"},
        {"redis+tls://h", "doesn't begin with redis://"},
        {"redis://", "no valid host name"},
        {"redis:///1", "no valid host name"},
        {"redis://:6379", "no valid host name"},
        {"redis://a b", "no valid host name"},
        {"redis://::1", "no valid host name"},
        {"redis://[::1", "no valid host name"},
        {"redis://[::1]x", "no valid host name"},
        {"redis://a%2eb", "no valid host name"},
        {"redis://h:", "no valid port"},
        {"redis://h:0", "no valid port"},
        {"redis://h:65536", "no valid port"},
        {"redis://h:+1", "no valid port"},
        {"redis://h:1x", "no valid port"},
        {"redis://h:99999999999999999999", "no valid port"},
        {"redis://h/a", "no valid database number"},
        {"redis://h/1/", "no valid database number"},
        {"redis://h/-1", "no valid database number"},
        {"redis://h//1", "no valid database number"},
        {"redis://h/65536", "no valid database number"},
        {"redis://h?db=1", "a query"},
        {"redis://h/1?", "a query"},
        {"redis://h/1#x", "a fragment"},
        {"redis://h#", "a fragment"},
        {"redis://ann:a#b@h", "a fragment"},
        {"unix:///r?db=1#x", "a fragment"},
        {"redis://ann:a/b@h", "no valid port"},
        {"redis://word@h", "a user without a password"},
        {"redis://:@h", "an empty password"},
        {"redis://:a%@h", "'%' without two hexadecimal digits"},
        {"redis://:a%4@h", "'%' without two hexadecimal digits"},
        {"redis://:a%4g@h", "'%' without two hexadecimal digits"},
        {"redis://a%4:b@h", "'%' without two hexadecimal digits"},
        {"redis://:%00a@h", "holds %00"},
        {"unix://", "no absolute path"},
        {"unix:///", "no absolute path"},
        {"unix://run/r", "no absolute path"},
        {"unix:///r?", "a query that isn't db="},
        {"unix:///r?database=1", "a query that isn't db="},
        {"unix:///r?db=", "no valid database number"},
        {"unix:///r?db=1&x=2", "no valid database number"},
        {"unix:///%", "'%' without two hexadecimal digits"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_pool pool = {0};
        ra_config_redis r = {.database = 99};
        const char *why = ra_redis_url_parse(cases[i][0], &pool, &r);
        if (!why || !strstr(why, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], why ? why : "accepted");
        assert_null(r.host);
        assert_int_equal(r.database, 99);
        ra_pool_free(&pool);
    }
}

static void test_a_sockets_path_has_its_limit(void **state)
{
    (void)state;
    char url[7 + RA_REDIS_SOCKET_MOST + 2] = "unix://";
    ra_pool pool = {0};
    ra_config_redis r = {0};
    memset(url + 7, '/', RA_REDIS_SOCKET_MOST);
    assert_null(ra_redis_url_parse(url, &pool, &r));
    url[7 + RA_REDIS_SOCKET_MOST] = 'x';
    assert_non_null(strstr(ra_redis_url_parse(url, &pool, &r), "too long"));
    ra_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_a_sockets_path_has_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
