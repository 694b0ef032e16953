#include "proxy/markers_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *where(const ra_config_redis *c)
{
    static char text[RA_MARKERS_WHERE_MAX];
    ra_markers_where(c, text);
    return text;
}

static void says_where_and_no_secret(void **state)
{
    (void)state;
    ra_config_redis c = {.host = (char[]){"cache.example"},
                         .port = 7000,
                         .tls = true,
                         .user = (char[]){"ann"},
                         .password = (char[]){"secret"}};
    assert_string_equal(where(&c), "redis cache.example:7000");
    c.host = (char[]){"::1"};
    assert_string_equal(where(&c), "redis [::1]:7000");
    c.host = NULL;
    c.socket = (char[]){"/run/redis.sock"};
    assert_string_equal(where(&c), "redis /run/redis.sock");
}

static void certificates_that_cant_be_read(void **state)
{
    (void)state;
    char why[RA_MARKER_SCAN_WHY_MAX];
    ra_config c = {.cache = {.redis = {.host = (char[]){"127.0.0.1"},
                                       .port = 1,
                                       .tls = true,
                                       .ca_file = (char[]){"/nowhere/ca.crt"}},
                             .key_prefix = (char[]){""}}};
    assert_null(ra_markers_store_new(&c, why));
    assert_memory_equal(why, "TLS can't be set up: ", 21);
    c.cache.redis.ca_file = NULL;
    ra_marker_scan *s = ra_markers_store_new(&c, why);
    assert_non_null(s);
    ra_marker_scan_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_where_and_no_secret),
                                       cmocka_unit_test(certificates_that_cant_be_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
