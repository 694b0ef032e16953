#include "tests/unit/cache/momento_fake.h"

#include "cache/momento_client.h"

enum { LONG = 30000 };

static ra_momento_client *client;
static char endpoint[64];

typedef struct seen {
    unsigned times;
    ra_momento_result r;
    char value[1024];
    size_t n;
} seen;

static void got(const ra_momento_result *r, void *arg)
{
    seen *s = arg;
    s->times++;
    s->r = *r;
    s->n = r->value.n;
    if (r->value.n && r->value.n <= sizeof s->value)
        memcpy(s->value, r->value.p, r->value.n);
    s->r.value = (ra_bytes){NULL, 0};
}

static ra_momento_client *client_new(const char *cache, const char *api_key)
{
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u", fake.port);
    ra_momento_client_options o = {.endpoint = endpoint, .cache = cache, .api_key = api_key};
    return ra_momento_client_new(base, &o);
}

static int setup(void **state)
{
    (void)state;
    fake_begin();
    client = client_new("tests", "the key");
    return client ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    ra_momento_client_free(client);
    fake_end();
    return 0;
}

static seen get(ra_bytes key)
{
    seen s = {0};
    assert_non_null(ra_momento_get(client, key, LONG, got, &s));
    UNTIL(s.times);
    return s;
}

static seen put(ra_bytes key, ra_bytes value, int64_t ttl)
{
    seen s = {0};
    assert_non_null(ra_momento_put(client, key, value, ttl, LONG, got, &s));
    UNTIL(s.times);
    return s;
}

static void test_what_is_put_can_be_got_until_it_is_deleted(void **state)
{
    static const ra_bytes key = {"example_key", 11};
    seen s = {0};
    (void)state;
    assert_int_equal(get(key).r.outcome, RA_MOMENTO_ABSENT);
    assert_string_equal(fake.last_uri, "/cache/tests?key_base64=ZXhhbXBsZV9rZXk");
    assert_int_equal(put(key, RA_BYTES("v\0w"), 60).r.outcome, RA_MOMENTO_DONE);
    assert_string_equal(fake.last_uri, "/cache/tests?key_base64=ZXhhbXBsZV9rZXk&ttl_seconds=60");
    assert_string_equal(fake.last_type, "application/octet-stream");
    seen found = get(key);
    assert_int_equal(found.r.outcome, RA_MOMENTO_FOUND);
    assert_int_equal(found.n, 3);
    assert_memory_equal(found.value, "v\0w", 3);
    assert_int_equal(found.r.retry_after, -1);
    assert_non_null(ra_momento_delete(client, key, LONG, got, &s));
    UNTIL(s.times);
    assert_int_equal(s.r.outcome, RA_MOMENTO_DONE);
    assert_int_equal(get(key).r.outcome, RA_MOMENTO_ABSENT);
}

static void test_keys_of_every_byte_and_length(void **state)
{
    char all[256];
    (void)state;
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    for (size_t n = 1; n <= 256; n += n < 8 ? 1 : 31) {
        char value[8];
        ra_bytes key = {all + 256 - n, n};
        snprintf(value, sizeof value, "%zu", n);
        assert_int_equal(put(key, ra_bytes_z(value), 60).r.outcome, RA_MOMENTO_DONE);
        assert_non_null(fake_item_of(key));
        seen s = get(key);
        assert_int_equal(s.n, strlen(value));
        assert_memory_equal(s.value, value, s.n);
    }
}

static void test_an_empty_value(void **state)
{
    (void)state;
    assert_int_equal(put(RA_BYTES("k"), RA_BYTES(""), 60).r.outcome, RA_MOMENTO_DONE);
    seen s = get(RA_BYTES("k"));
    assert_int_equal(s.r.outcome, RA_MOMENTO_FOUND);
    assert_int_equal(s.n, 0);
}

static void test_the_two_404s(void **state)
{
    static const struct {
        const char *body;
        enum ra_momento_outcome got, put;
    } cases[] = {
        {"Key Not Found", RA_MOMENTO_ABSENT, RA_MOMENTO_SERVER_ERROR},
        {"{\"title\":\"Not Found\",\"description\":\"key not found\"}", RA_MOMENTO_ABSENT,
         RA_MOMENTO_SERVER_ERROR},
        {"Item not found", RA_MOMENTO_ABSENT, RA_MOMENTO_SERVER_ERROR},
        {"Cache Not Found", RA_MOMENTO_NO_CACHE, RA_MOMENTO_NO_CACHE},
        {"{\"title\":\"CACHE NOT FOUND\"}", RA_MOMENTO_NO_CACHE, RA_MOMENTO_NO_CACHE},
        {"<html>nobody is here", RA_MOMENTO_SERVER_ERROR, RA_MOMENTO_SERVER_ERROR},
        {"", RA_MOMENTO_SERVER_ERROR, RA_MOMENTO_SERVER_ERROR},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_fail(404, cases[i].body, NULL);
        assert_int_equal(get(RA_BYTES("k")).r.outcome, cases[i].got);
        assert_int_equal(put(RA_BYTES("k"), RA_BYTES("v"), 1).r.outcome, cases[i].put);
    }
}

static void test_every_other_status(void **state)
{
    static const struct {
        int status;
        enum ra_momento_outcome outcome;
        bool misconfigured;
    } cases[] = {
        {400, RA_MOMENTO_REFUSED, false},      {401, RA_MOMENTO_UNAUTHORIZED, true},
        {403, RA_MOMENTO_FORBIDDEN, true},     {408, RA_MOMENTO_SERVER_ERROR, false},
        {413, RA_MOMENTO_TOO_LARGE, false},    {429, RA_MOMENTO_THROTTLED, false},
        {500, RA_MOMENTO_SERVER_ERROR, false}, {503, RA_MOMENTO_SERVER_ERROR, false},
        {302, RA_MOMENTO_SERVER_ERROR, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_fail(cases[i].status, "some\r\nwords \x01\xff of it\n", NULL);
        seen s = get(RA_BYTES("k"));
        assert_int_equal(s.r.outcome, cases[i].outcome);
        assert_int_equal(s.r.status, cases[i].status);
        assert_string_equal(s.r.text, "some  words    of it");
        assert_int_equal(ra_momento_is_misconfigured(s.r.outcome), cases[i].misconfigured);
        assert_false(ra_momento_is_good(s.r.outcome));
        assert_true(strlen(ra_momento_outcome_text(s.r.outcome)) > 4);
    }
}

/* An item over the account's limit says nothing of how much may be asked. */
static void test_the_other_429(void **state)
{
    (void)state;
    fake_fail(429, "Item size limit exceeded", NULL);
    assert_int_equal(put(RA_BYTES("k"), RA_BYTES("v"), 1).r.outcome, RA_MOMENTO_TOO_LARGE);
    assert_int_equal(get(RA_BYTES("k")).r.outcome, RA_MOMENTO_THROTTLED);
    fake_fail(429, "Request rate limit exceeded", NULL);
    assert_int_equal(put(RA_BYTES("k"), RA_BYTES("v"), 1).r.outcome, RA_MOMENTO_THROTTLED);
}

/* What a service, or a proxy on the way, quotes of a request isn't shown. */
static void test_an_error_that_repeats_the_key(void **state)
{
    (void)state;
    fake_fail(401, "Invalid token \"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJl\", sorry",
              NULL);
    assert_string_equal(get(RA_BYTES("k")).r.text, "Invalid token \"...\", sorry");
    fake_fail(401, "eyJlbmRwb2ludCI6ImNlbGwiLCJhcGlfa2V5IjoiYWJjIn0=", NULL);
    assert_string_equal(get(RA_BYTES("k")).r.text, "...");
    assert_false(get(RA_BYTES("k")).r.is_put);
    assert_true(put(RA_BYTES("k"), RA_BYTES("v"), 1).r.is_put);
}

static void test_when_to_ask_again(void **state)
{
    static const struct {
        const char *header;
        int64_t ms;
    } cases[] = {{"0", 0},    {"7", 7000}, {"99999999999999999999", 3600000},
                 {"", -1},    {"-1", -1},  {"Wed, 21 Oct 2015 07:28:00 GMT", -1},
                 {"1.5", -1}, {NULL, -1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_fail(429, "", cases[i].header);
        assert_int_equal(get(RA_BYTES("k")).r.retry_after, cases[i].ms);
    }
}

static void test_who_we_are_and_which_cache(void **state)
{
    (void)state;
    ra_momento_client_free(client);
    client = client_new("another", "the key");
    assert_int_equal(get(RA_BYTES("k")).r.outcome, RA_MOMENTO_NO_CACHE);
    ra_momento_client_free(client);
    client = client_new("tests", "no key");
    assert_int_equal(get(RA_BYTES("k")).r.outcome, RA_MOMENTO_UNAUTHORIZED);
}

static void test_limits(void **state)
{
    static char big[RA_MOMENTO_ITEM_MOST], long_key[1025];
    seen s = {0};
    (void)state;
    memset(long_key, 'k', sizeof long_key);
    assert_true(ra_momento_fits(RA_BYTES("key"), RA_MOMENTO_ITEM_MOST - 3));
    assert_false(ra_momento_fits(RA_BYTES("key"), RA_MOMENTO_ITEM_MOST - 2));
    assert_null(ra_momento_put(client, RA_BYTES("key"), (ra_bytes){big, sizeof big - 2}, 60, LONG, got, &s));
    assert_null(ra_momento_put(client, RA_BYTES("k"), RA_BYTES("v"), 0, LONG, got, &s));
    assert_null(ra_momento_put(client, RA_BYTES("k"), RA_BYTES("v"), RA_MOMENTO_TTL_MOST + 1, LONG, got, &s));
    assert_null(ra_momento_get(client, (ra_bytes){long_key, sizeof long_key}, LONG, got, &s));
    assert_null(ra_momento_get(client, (ra_bytes){NULL, 0}, LONG, got, &s));
    assert_int_equal(fake.gets + fake.puts, 0);
    assert_int_equal(put(RA_BYTES("key"), (ra_bytes){big, sizeof big - 3}, RA_MOMENTO_TTL_MOST).r.outcome,
                     RA_MOMENTO_DONE);
    assert_int_equal(get(RA_BYTES("key")).n, sizeof big - 3);
    assert_int_equal(get((ra_bytes){long_key, 1024}).r.outcome, RA_MOMENTO_ABSENT);
}

static void test_no_reply(void **state)
{
    seen s = {0};
    (void)state;
    fake.hold = true;
    assert_non_null(ra_momento_get(client, RA_BYTES("k"), 50, got, &s));
    UNTIL(s.times);
    assert_int_equal(s.r.outcome, RA_MOMENTO_NETWORK);
    assert_int_equal(s.r.status, 0);
    assert_true(strlen(s.r.text) > 0);
}

static void test_cancelling(void **state)
{
    seen s = {0}, other = {0};
    (void)state;
    fake.hold = true;
    ra_momento_call *call = ra_momento_put(client, RA_BYTES("k"), RA_BYTES("v"), 5, LONG, got, &s);
    assert_non_null(ra_momento_get(client, RA_BYTES("k"), LONG, got, &other));
    UNTIL(fake.held_n == 2);
    ra_momento_cancel(call);
    ra_momento_client_free(client); /* with one under way */
    client = NULL;
    assert_int_equal(s.times + other.times, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_put_can_be_got_until_it_is_deleted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_of_every_byte_and_length, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_empty_value, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_two_404s, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_other_status, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_other_429, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_error_that_repeats_the_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_when_to_ask_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_we_are_and_which_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancelling, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
