#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxy/cli_advise.h"

#include <stdlib.h>
#include <string.h>

static const char text[] =
    "{\"table\": \"notes\", \"pattern\": \"mine\", \"current_ms\": 300000, \"recommended_ms\": 1200000,"
    " \"reason\": \"5m -> 20m: because\", \"reads\": 12345, \"invalidations\": 67, \"since\": 1700000000000,"
    " \"points\": [{\"ttl_ms\": 1000, \"hit_ratio\": 0, \"bytes\": 512, \"units_per_s\": 99.96, "
    "\"stale_age_ms\": 0},"
    " {\"ttl_ms\": 300000, \"hit_ratio\": 0.5, \"bytes\": 5242880, \"units_per_s\": 50, \"stale_age_ms\": "
    "123456},"
    " {\"ttl_ms\": 1200000, \"hit_ratio\": 1, \"bytes\": 126353408, \"units_per_s\": 0.04, \"stale_age_ms\": "
    "1199999}]}";

static char *shown(const cJSON *advice, bool *ok)
{
    char *out = NULL;
    size_t n;
    FILE *f = open_memstream(&out, &n);
    assert_non_null(f);
    *ok = ra_cli_advice_print(advice, f);
    fclose(f);
    return out;
}

static void test_the_curve(void **state)
{
    (void)state;
    bool ok;
    cJSON *advice = cJSON_Parse(text);
    char *out = shown(advice, &ok);
    assert_true(ok);
    assert_string_equal(
        out, "table notes, pattern mine: 12345 reads, 67 invalidations since 2023-11-14 22:13 UTC\n"
             "ttl  mark    hit ratio  of all reads              read units/s   memory  age of hits\n"
             " 1s              0.000                                   100.0    512 B           0s\n"
             " 5m  now         0.500  ############                      50.0  5.0 MiB         123s\n"
             "20m  better      1.000  ########################           0.0  120 MiB          19m\n"
             "5m -> 20m: because\n");
    free(out);
    cJSON_Delete(advice);
}

static void test_what_is_no_advice_is_not_shown(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}", "{\"table\": \"t\"}",
                                        "{\"table\": \"t\", \"reason\": \"r\", \"points\": 1}", "[]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bool ok;
        cJSON *advice = cJSON_Parse(texts[i]);
        free(shown(advice, &ok));
        assert_false(ok);
        cJSON_Delete(advice);
    }
}

static void test_nothing_a_terminal_would_act_on(void **state)
{
    (void)state;
    bool ok;
    cJSON *advice = cJSON_Parse(text);
    cJSON_ReplaceItemInObject(advice, "table", cJSON_CreateString("a\033[2J"));
    cJSON_ReplaceItemInObject(advice, "reason", cJSON_CreateString("b\033[2J"));
    char *out = shown(advice, &ok);
    assert_true(ok);
    assert_null(strchr(out, '\033'));
    free(out);
    cJSON_Delete(advice);
}

static void test_whose_it_is(void **state)
{
    (void)state;
    cJSON *advice = cJSON_Parse(text);
    assert_true(ra_cli_advice_is_of(advice, NULL));
    assert_true(ra_cli_advice_is_of(advice, "mine"));
    assert_false(ra_cli_advice_is_of(advice, "notes"));
    cJSON_ReplaceItemInObject(advice, "pattern", cJSON_CreateNull());
    assert_true(ra_cli_advice_is_of(advice, "notes"));
    assert_false(ra_cli_advice_is_of(advice, "mine"));
    cJSON_Delete(advice);
}

static void test_its_edit(void **state)
{
    (void)state;
    ra_edit e;
    cJSON *advice = cJSON_Parse(text);
    assert_true(ra_cli_advice_edit(advice, &e));
    assert_string_equal(e.table, "notes");
    assert_string_equal(e.pattern, "mine");
    assert_int_equal(e.ttl, 1200000);
    static const double none[] = {300000, 0, -5, 1e300};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        cJSON_ReplaceItemInObject(advice, "recommended_ms", cJSON_CreateNumber(none[i]));
        assert_false(ra_cli_advice_edit(advice, &e));
    }
    cJSON_Delete(advice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_curve),
        cmocka_unit_test(test_what_is_no_advice_is_not_shown),
        cmocka_unit_test(test_nothing_a_terminal_would_act_on),
        cmocka_unit_test(test_whose_it_is),
        cmocka_unit_test(test_its_edit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
