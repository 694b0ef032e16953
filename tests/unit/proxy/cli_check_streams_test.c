#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/cli_check.h"

#include <stdlib.h>
#include <string.h>

/* What is said of all tables, then of the rules; the caller's to free. */
static char *said(const char *text)
{
    ra_problems p;
    char *shown = NULL;
    size_t n = 0;
    ra_config *c = ra_config_parse(text, strlen(text), "test.jsonc", &p);
    ra_problems_print(&p, "test.jsonc", stderr);
    assert_non_null(c);
    FILE *out = open_memstream(&shown, &n);
    assert_non_null(out);
    for (size_t i = 0; i < c->ntables; i++)
        ra_cli_check_stream(c, &c->tables[i], out);
    ra_cli_check_stream_rules(c, out);
    fclose(out);
    ra_config_unref(c);
    ra_problems_free(&p);
    return shown;
}

/* Each of the texts, ended by NULL, is there (or isn't). */
static void expect(const char *text, bool there, const char *const *words)
{
    char *shown = said(text);
    for (; *words; words++) {
        if ((strstr(shown, *words) != NULL) != there)
            fail_msg("%s: \"%s\" in: %s", there ? "missing" : "unexpected", *words, shown);
    }
    free(shown);
}

#define FOLLOW(table, more) "{\"tables\":{\"abc\":{\"stream\":\"follow\"" table "}}" more "}"

static void test_nothing_of_what_is_not_followed(void **state)
{
    (void)state;
    char *shown = said("{\"tables\":{\"abc\":{},\"def\":{\"stream\":\"off\"}}}");
    assert_string_equal(shown, "");
    free(shown);
}

static void test_what_the_stream_should_show(void **state)
{
    (void)state;
    expect(FOLLOW("", ",\"streams\":{\"idle_interval\":\"200ms\"}"), true,
           (const char *const[]){"stream follow: writes that go around the proxy invalidate too",
                                 "is read every 200ms", "the view type NEW_AND_OLD_IMAGES",
                                 "With NEW_IMAGE nobody knows where it was", "has no bound but the TTL",
                                 "with the store memory they can't agree", NULL});
    expect(FOLLOW("", ""), false, (const char *const[]){"Fresh-As-Of", "bypass the cache", NULL});
}

static void test_bounds(void **state)
{
    (void)state;
    expect(FOLLOW(",\"max_stream_lag\":\"30s\",\"fresh_as_of\":true",
                  ",\"streams\":{\"delivery_allowance\":\"3s\"}"),
           true,
           (const char *const[]){"further behind than 30s, reads bypass the cache", "record within 3s",
                                 "hits say X-Cache-Fresh-As-Of", NULL});
    expect(FOLLOW(",\"max_stream_lag\":\"30s\"", ""), false,
           (const char *const[]){"no bound", "Fresh-As-Of", NULL});
}

static void test_who_reads(void **state)
{
    (void)state;
    expect(FOLLOW("", ",\"cache\":{\"store\":\"redis\",\"redis\":{\"url\":\"redis://h\"}},"
                      "\"streams\":{\"lease\":\"20s\"}"),
           true, (const char *const[]){"one of the proxies that share the store", "after 20s", NULL});
    expect(FOLLOW("", ",\"cache\":{\"store\":\"momento\",\"momento\":{\"cache\":\"c\",\"api_key\":"
                      "\"eyJhcGlfa2V5IjogImFiYy5kZWYuZ2hpIiwgImVuZHBvaW50IjogImNlbGwtMS5leGFtcGxlIn0=\"}}"),
           true, (const char *const[]){"with the store momento they can't agree", NULL});
}

static void test_rules(void **state)
{
    (void)state;
    char *shown = said(
        "{\"tables\":{\"abc\":{}},\"stream_rules\":[{\"name\":\"newest\",\"table\":\"abc\",\"on\":["
        "\"INSERT\",\"MODIFY\"],\"partition_key\":\"MSG#*\",\"rows\":{\"index\":\"i-1\",\"partition_key\":"
        "\"G#{star}\",\"row_partition_key\":\"GRP#*\"},\"set\":{\"sk\":\"{new.sk}\",\"m\":\"{new.m}!\"}},"
        "{\"name\":\"plain\",\"table\":\"abc\",\"rows\":{\"partition_key\":\"P\"},\"set\":{\"sk\":\"1\"}}]}");
    assert_string_equal(
        shown,
        "\nstream rules, which `readaside stream` applies; a stream of one of their tables must show new\n"
        "images (NEW_IMAGE or NEW_AND_OLD_IMAGES)\n"
        "  newest: on INSERT or MODIFY in abc, partition MSG#*\n"
        "    the rows of index i-1, partition G#{star}, if they are in GRP#*,\n"
        "    move, with sk {new.sk}, m {new.m}!\n"
        "  plain: on INSERT in abc\n"
        "    the rows of the table, partition P,\n"
        "    move, with sk 1\n");
    free(shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_of_what_is_not_followed),
        cmocka_unit_test(test_what_the_stream_should_show),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_who_reads),
        cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
