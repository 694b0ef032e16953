#include "proxy/momento_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

enum { HOUR = 3600 * 1000 };

static ra_config *config_of(const char *momento, const char *table)
{
    char text[1024];
    ra_problems p;
    snprintf(text, sizeof text,
             "{\"tables\":{\"abc\":{%s}},\"cache\":{\"store\":\"momento\",\"momento\":{\"cache\":\"c\","
             "\"api_key\":\"eyJhcGlfa2V5IjoiYSIsImVuZHBvaW50IjoiY2VsbC5leGFtcGxlIn0=\"%s}}}",
             table, momento);
    ra_config *c = ra_config_parse(text, strlen(text), "test.jsonc", &p);
    ra_problems_print(&p, "test.jsonc", stderr);
    ra_problems_free(&p);
    assert_non_null(c);
    return c;
}

static void test_each_loop_has_its_share(void **state)
{
    (void)state;
    ra_config *c = config_of(",\"max_connections\":10,\"ca_file\":\"/dev/null\"", "");
    ra_momento_client_options o = ra_momento_server_options(&c->cache.momento, 4);
    assert_int_equal(o.max_connections, 2);
    assert_string_equal(o.endpoint, "https://api.cache.cell.example");
    assert_string_equal(o.cache, "c");
    assert_string_equal(o.ca_file, "/dev/null");
    assert_string_equal(o.api_key, c->cache.momento.api_key);
    assert_int_equal(ra_momento_server_options(&c->cache.momento, 64).max_connections, 1);
    ra_config_unref(c);
}

static void test_a_register_outlives_what_is_filled_under_it(void **state)
{
    static const struct {
        const char *table;
        int64_t ms;
    } cases[] = {
        {"\"ttl\":\"60s\"", HOUR},
        {"\"ttl\":\"2h\"", 2 * HOUR + 60000},
        {"\"ttl\":\"1h\",\"stale_if_error\":\"30m\",\"stale_while_revalidate\":\"1m\"", HOUR * 3 / 2 + 60000},
        {"\"ttl\":\"60s\",\"patterns\":[{\"name\":\"p\",\"ttl\":\"3h\"}]", 3 * HOUR + 60000},
        {"\"ttl\":\"24h\"", 24 * HOUR},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_config *c = config_of("", cases[i].table);
        assert_int_equal(ra_momento_server_register_ttl(c), cases[i].ms);
        ra_config_unref(c);
    }
}

static void test_who_speaks(void **state)
{
    ra_momento_voice v;
    (void)state;
    ra_config *c = config_of("", "");
    ra_momento_voice_init(&v, &c->cache.momento);
    assert_string_equal(v.where, "cache c at https://api.cache.cell.example");
    ra_config_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_loop_has_its_share),
        cmocka_unit_test(test_a_register_outlives_what_is_filled_under_it),
        cmocka_unit_test(test_who_speaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
