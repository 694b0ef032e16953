#include "config/momento_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void test_an_endpoint_is_a_cell_or_an_address(void **state)
{
    static const char *const cases[][2] = {
        {"cell-4-us-west-2-1.prod.a.momentohq.com",
         "https://api.cache.cell-4-us-west-2-1.prod.a.momentohq.com"},
        {"cache.cell-1.prod.a.momentohq.com", "https://api.cache.cell-1.prod.a.momentohq.com"},
        {"api.cache.cell-1.prod.a.momentohq.com", "https://api.cache.cell-1.prod.a.momentohq.com"},
        {"API.Cache.Cell-1.example", "https://api.cache.cell-1.example"},
        {"https://api.cache.cell-1.example/", "https://api.cache.cell-1.example"},
        {"http://127.0.0.1:8123", "http://127.0.0.1:8123"},
        {"https://localhost:443", "https://localhost"},
    };
    char out[RA_ENDPOINT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(ra_momento_endpoint(cases[i][0], out));
        assert_string_equal(out, cases[i][1]);
    }
}

static void test_what_is_no_endpoint(void **state)
{
    static const char *const cases[] = {"",           "a b",    "cell/path", "cell?x", "u:p@cell",
                                        "ftp://cell", "cell:0", "https://",  "..",     "c\xc3\xa9ll"};
    char out[RA_ENDPOINT_MAX], giant[RA_ENDPOINT_MAX + 2], whole[RA_ENDPOINT_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!ra_momento_endpoint(cases[i], out))
            fail_msg("taken for an endpoint: %s", cases[i]);
    memset(giant, 'a', sizeof giant - 1);
    giant[sizeof giant - 1] = '\0';
    assert_non_null(ra_momento_endpoint(giant, out));
    memcpy(whole, giant, sizeof whole - 1);
    whole[sizeof whole - 1] = '\0';
    assert_non_null(ra_momento_endpoint(whole, out)); /* longer than a host's name may be */
}

typedef struct key_case {
    const char *key, *endpoint;
    enum ra_momento_key_kind kind;
} key_case;

static void test_keys_of_all_kinds(void **state)
{
    static const key_case cases[] = {
        /* {"api_key": "abc.def.ghi", "endpoint": "cell-1.example"} */
        {"eyJhcGlfa2V5IjogImFiYy5kZWYuZ2hpIiwgImVuZHBvaW50IjogImNlbGwtMS5leGFtcGxlIn0=",
         "https://api.cache.cell-1.example", RA_MOMENTO_KEY_V1},
        {"eyJhcGlfa2V5IjogImFiYy5kZWYuZ2hpIiwgImVuZHBvaW50IjogImNlbGwtMS5leGFtcGxlIn0",
         "https://api.cache.cell-1.example", RA_MOMENTO_KEY_V1},
        /* {"t":"g","jti":"some-id"} */
        {"eyJhbGciOiJIUzUxMiJ9.eyJ0IjoiZyIsImp0aSI6InNvbWUtaWQifQ.c2ln", "", RA_MOMENTO_KEY_V2},
        /* {"sub":"squirrel","cp":"control.example.com","c":"cache.example.com"} */
        {"eyJhbGciOiJIUzUxMiJ9."
         "eyJzdWIiOiJzcXVpcnJlbCIsImNwIjoiY29udHJvbC5leGFtcGxlLmNvbSIsImMiOiJjYWNoZS5leGFtc"
         "GxlLmNvbSJ9.c2ln",
         "https://api.cache.example.com", RA_MOMENTO_KEY_LEGACY},
        /* {"sub":"x"}: a token that names nothing */
        {"e30.eyJzdWIiOiJ4In0.s", "", RA_MOMENTO_KEY_LEGACY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum ra_momento_key_kind kind;
        char endpoint[RA_ENDPOINT_MAX];
        assert_null(ra_momento_key_read(cases[i].key, &kind, endpoint));
        assert_string_equal(endpoint, cases[i].endpoint);
        assert_int_equal(kind, cases[i].kind);
    }
}

static void test_what_is_no_key(void **state)
{
    static const char *const cases[][2] = {
        {"", "is empty"},
        {"hello", "isn't an API key"},
        {"e30=", "lacks \"api_key\""},                         /* {} */
        {"W10=", "isn't an API key"},                          /* [] */
        {"eyJhcGlfa2V5IjoiYSJ9", "lacks \"api_key\""},         /* {"api_key":"a"} */
        {"eyJhcGlfa2V5IjoiYSIsImVuZHBvaW50IjoiIn0=", "lacks"}, /* an empty endpoint */
        {"eyJhcGlfa2V5IjoiYSIsImVuZHBvaW50IjoiYSBiIn0=", "an endpoint that is none"},
        {"a.b", "isn't an API key"},
        {"a.e30.c.d", "isn't an API key"},
        {"a.!!.c", "isn't an API key"},
        {"e30.eyJjIjoiYS9iIn0.s", "an endpoint that is none"}, /* {"c":"a/b"} */
        {"e30 ", "holds white space"},
        {"e30\n", "holds white space"},
        {"e3\xff", "holds white space"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum ra_momento_key_kind kind;
        char endpoint[RA_ENDPOINT_MAX];
        const char *wrong = ra_momento_key_read(cases[i][0], &kind, endpoint);
        if (!wrong || !strstr(wrong, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], wrong ? wrong : "taken for a key");
    }
}

static void test_a_key_has_a_length(void **state)
{
    enum ra_momento_key_kind kind;
    char endpoint[RA_ENDPOINT_MAX], key[RA_MOMENTO_KEY_MOST + 2];
    (void)state;
    memset(key, 'A', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    assert_string_equal(ra_momento_key_read(key, &kind, endpoint), "is too long");
    key[RA_MOMENTO_KEY_MOST] = '\0';
    assert_non_null(strstr(ra_momento_key_read(key, &kind, endpoint), "isn't an API key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_endpoint_is_a_cell_or_an_address),
        cmocka_unit_test(test_what_is_no_endpoint),
        cmocka_unit_test(test_keys_of_all_kinds),
        cmocka_unit_test(test_what_is_no_key),
        cmocka_unit_test(test_a_key_has_a_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
