#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxy/advice.h"
#include "proxy/clock.h"
#include "proxy/metrics.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdlib.h>

static const char text[] =
    "{\"tables\": {"
    "  \"notes\": {\"ttl\": \"5s\", \"patterns\": [{\"name\": \"mine\", \"partition_key\": \"A*\", "
    "                                                   \"ttl\": \"20s\"}]},"
    "  \"other\": {\"ttl\": \"1m\", \"consistent_fill\": false},"
    "  \"never\": {\"ttl\": \"0\"}}}";

typedef struct fixture {
    ra_config *config;
    ra_metrics *metrics;
    ra_advice *advice;
    unsigned notes, mine, other, never;
} fixture;

static ra_config *parse(const char *z)
{
    ra_problems problems;
    ra_config *c = ra_config_parse(z, strlen(z), "test.jsonc", &problems);
    assert_non_null(c);
    ra_problems_free(&problems);
    return c;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->config = parse(text);
    f->metrics = ra_metrics_new(1);
    ra_metrics_bind(f->metrics, f->config);
    const ra_table_config *notes = ra_config_table(f->config, "notes", 5);
    f->notes = notes->policy.subject;
    f->mine = notes->patterns[0].policy.subject;
    f->other = ra_config_table(f->config, "other", 5)->policy.subject;
    f->never = ra_config_table(f->config, "never", 5)->policy.subject;
    f->advice = ra_advice_new(f->metrics, 2);
    assert_non_null(f->advice);
    ra_advice_bind(f->advice, f->config);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    ra_advice_free(f->advice);
    ra_metrics_free(f->metrics);
    ra_config_unref(f->config);
    free(f);
    return 0;
}

static ra_key key(unsigned n)
{
    ra_key k = {{0}};
    memcpy(k.b, &n, sizeof n);
    return k;
}

static void note_read(fixture *f, unsigned ring, unsigned subject, unsigned unit, uint32_t bytes, int64_t now)
{
    ra_key u = key(unit), e = key(unit + 1000000);
    ra_advice_note_read(ra_advice_get_ring(f->advice, ring), subject, &u, &e, bytes, now);
}

static void note_invalidation(fixture *f, unsigned ring, unsigned subject, unsigned unit, int64_t now)
{
    ra_key u = key(unit);
    ra_advice_note_invalidation(ra_advice_get_ring(f->advice, ring), subject, unit ? &u : NULL, now);
}

static cJSON *told(fixture *f)
{
    ra_buf b;
    ra_buf_init(&b, 1 << 20);
    ra_advice_write(f->advice, 0, &b);
    assert_true(ra_buf_ok(&b));
    cJSON *all = cJSON_ParseWithLength(b.p, b.n);
    assert_true(cJSON_IsArray(all));
    ra_buf_free(&b);
    return all;
}

static double number(const cJSON *object, const char *name)
{
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_true(cJSON_IsNumber(n));
    return n->valuedouble;
}

static const char *word(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static const cJSON *point(const cJSON *advice, int64_t ttl)
{
    const cJSON *p;
    cJSON_ArrayForEach(p, cJSON_GetObjectItemCaseSensitive(advice, "points")) if (number(p, "ttl_ms") ==
                                                                                  (double)ttl) return p;
    fail_msg("no point of %lld ms", (long long)ttl);
    return NULL;
}

static void test_what_is_told(void **state)
{
    fixture *f = *state;
    cJSON *none = told(f);
    assert_int_equal(cJSON_GetArraySize(none), 0);
    cJSON_Delete(none);
    int64_t begun = ra_clock_monotonic() - 100000;
    for (int i = 0; i < 10; i++)
        note_read(f, 0, f->mine, 1, 5000, begun + i * 4000);
    note_read(f, 0, f->other, 1, 5000, begun);
    note_read(f, 0, f->never, 1, 5000, begun);
    cJSON *all = told(f);
    assert_int_equal(cJSON_GetArraySize(all), 2);
    const cJSON *mine = cJSON_GetArrayItem(all, 0), *other = cJSON_GetArrayItem(all, 1);
    assert_string_equal(word(mine, "table"), "notes");
    assert_string_equal(word(mine, "pattern"), "mine");
    assert_true(number(mine, "current_ms") == 20000 && number(mine, "recommended_ms") == 20000);
    assert_string_equal(word(mine, "reason"), "too little is known: 10 reads were seen, and it takes 1000");
    assert_true(number(mine, "reads") == 10);
    int64_t off = (int64_t)number(mine, "since") - (ra_clock_wall() - 100000);
    assert_true(off > -60000 && off < 60000);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(mine, "points")), 24);
    assert_true(number(point(mine, 5000), "hit_ratio") == 0.5);
    assert_true(number(point(mine, 20000), "hit_ratio") == 0.8);
    /* 36 s, five misses of two read units each. */
    assert_true(number(point(mine, 5000), "units_per_s") == 0.278);
    assert_true(number(point(mine, 5000), "bytes") == 0 + 5116);
    assert_string_equal(word(other, "table"), "other");
    assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(other, "pattern")));
    cJSON_Delete(all);
}

/* One loop's read, another one's invalidation, and the first one's read again. */
static void test_rings_are_merged_by_time(void **state)
{
    fixture *f = *state;
    note_read(f, 0, f->notes, 1, 100, 1000);
    note_read(f, 0, f->notes, 1, 100, 1200);
    note_read(f, 0, f->notes, 1, 100, 1300);
    note_invalidation(f, 1, f->notes, 1, 1250);
    note_read(f, 1, f->notes, 2, 100, 1251);
    note_read(f, 1, f->notes, 2, 100, 1310);
    cJSON *all = told(f);
    /* of five reads two are hits */
    assert_true(number(point(cJSON_GetArrayItem(all, 0), 1000), "hit_ratio") == 0.4);
    cJSON_Delete(all);
}

static void test_all_of_a_table(void **state)
{
    fixture *f = *state;
    note_read(f, 0, f->notes, 1, 100, 1000);
    note_read(f, 0, f->mine, 2, 100, 1000);
    note_read(f, 0, f->other, 3, 100, 1000);
    note_invalidation(f, 0, f->notes, 0, 1100);
    note_read(f, 0, f->notes, 1, 100, 1200);
    note_read(f, 0, f->mine, 2, 100, 1200);
    note_read(f, 0, f->other, 3, 100, 1200);
    cJSON *all = told(f);
    static const double ratios[] = {0, 0, 0.5};
    assert_int_equal(cJSON_GetArraySize(all), 3);
    for (int i = 0; i < 3; i++)
        assert_true(number(point(cJSON_GetArrayItem(all, i), 5000), "hit_ratio") == ratios[i]);
    cJSON_Delete(all);
}

static void test_a_full_ring_drops_and_counts(void **state)
{
    fixture *f = *state;
    ra_advice_stats stats;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < RA_ADVICE_RING + 100; i++)
            note_read(f, 1, f->notes, 1, 100, 1000 + i);
        ra_advice_play(f->advice);
        ra_advice_get_stats(f->advice, &stats);
        assert_int_equal(stats.played, (round + 1) * RA_ADVICE_RING);
        assert_int_equal(stats.dropped, (round + 1) * 100);
    }
    assert_int_equal(stats.advisors, 1);
    assert_true(stats.bytes > 0 && stats.bytes <= 1 << 20);
    ra_advice_note_read(NULL, 1, &(ra_key){{0}}, &(ra_key){{0}}, 1, 1); /* nobody listens */
}

static void test_another_configuration(void **state)
{
    fixture *f = *state;
    note_read(f, 0, f->notes, 1, 100, 1000);
    note_read(f, 0, f->other, 1, 100, 1000);
    ra_advice_play(f->advice);
    ra_config *c = parse("{\"tables\": {\"notes\": {\"ttl\": \"7s\"}}}");
    ra_metrics_bind(f->metrics, c);
    ra_advice_bind(f->advice, c);
    note_read(f, 0, f->notes, 1, 100, 7500); /* a hit of 7 s alone */
    cJSON *all = told(f);
    assert_int_equal(cJSON_GetArraySize(all), 1);
    assert_true(number(cJSON_GetArrayItem(all, 0), "current_ms") == 7000);
    assert_true(number(point(cJSON_GetArrayItem(all, 0), 7000), "hit_ratio") == 0.5);
    assert_true(number(point(cJSON_GetArrayItem(all, 0), 5000), "hit_ratio") == 0);
    cJSON_Delete(all);
    ra_config_unref(c);
}

/* Two units, in turn, each every 4 s: every second read is a hit of 5 s, none of less. */
static void read_for_long(fixture *f, unsigned subject, uint32_t bytes)
{
    for (int i = 0; i < 3000; i++)
        note_read(f, 0, subject, 1 + (unsigned)i % 2, bytes, 1000 + i * 2000);
    ra_advice_play(f->advice);
}

static void test_writes_that_bypass_are_minded(void **state)
{
    fixture *f = *state;
    read_for_long(f, f->notes, 100);
    cJSON *all = told(f);
    assert_true(number(cJSON_GetArrayItem(all, 0), "recommended_ms") > 5000);
    cJSON_Delete(all);
    ra_advice_note_bypassing(ra_advice_get_ring(f->advice, 1), f->notes, 2000);
    all = told(f);
    assert_true(number(cJSON_GetArrayItem(all, 0), "recommended_ms") == 5000);
    assert_non_null(strstr(word(cJSON_GetArrayItem(all, 0), "reason"), "writes bypass the proxy"));
    cJSON_Delete(all);
    /* Where the stream tells of them nothing is bypassed. */
    ra_config *c = parse("{\"tables\": {\"notes\": {\"ttl\": \"5s\", \"stream\": \"follow\"}}}");
    ra_metrics_bind(f->metrics, c);
    ra_advice_bind(f->advice, c);
    all = told(f);
    assert_true(number(cJSON_GetArrayItem(all, 0), "recommended_ms") > 5000);
    cJSON_Delete(all);
    ra_config_unref(c);
}

/* One unit every 4 s, five others once a minute. */
static void read_some_seldom(fixture *f)
{
    for (int i = 0; i < 3000; i++) {
        note_read(f, 0, f->notes, 1, 100000, i * 4000);
        if (i % 3 == 0)
            note_read(f, 0, f->notes, 2 + (unsigned)i / 3 % 5, 100000, i * 4000);
    }
    ra_advice_play(f->advice);
}

static void test_memory_is_minded(void **state)
{
    fixture *f = *state;
    ra_config *c = parse("{\"cache\": {\"max_bytes\": \"1MiB\", \"max_entry_bytes\": \"1MiB\"},"
                         " \"tables\": {\"notes\": {\"ttl\": \"5s\"}, \"other\": {\"ttl\": \"1h\"}}}");
    ra_metrics_bind(f->metrics, c);
    ra_advice_bind(f->advice, c);
    read_some_seldom(f);
    cJSON *all = told(f);
    assert_true(number(cJSON_GetArrayItem(all, 0), "recommended_ms") >= 120000);
    cJSON_Delete(all);
    /* Another table has taken half of it: there is no room for all six. */
    note_read(f, 0, f->other, 3, 500000, 3000 * 4000);
    all = told(f);
    assert_true(number(cJSON_GetArrayItem(all, 0), "recommended_ms") < 60000);
    assert_non_null(strstr(word(cJSON_GetArrayItem(all, 0), "reason"), "would not fit"));
    cJSON_Delete(all);
    ra_config_unref(c);
}

static void test_what_was_told_of_late_may_do(void **state)
{
    fixture *f = *state;
    ra_buf b;
    cJSON_Delete(told(f));
    note_read(f, 0, f->notes, 1, 100, 1000);
    ra_buf_init(&b, 1 << 20);
    ra_advice_write(f->advice, 1000000, &b);
    assert_true(ra_buf_ok(&b) && b.n == 2 && memcmp(b.p, "[]", 2) == 0);
    ra_buf_free(&b);
    cJSON *all = told(f);
    assert_int_equal(cJSON_GetArraySize(all), 1);
    cJSON_Delete(all);
    ra_buf_init(&b, 10);
    ra_advice_write(f->advice, 0, &b);
    assert_false(ra_buf_ok(&b));
    ra_buf_free(&b);
}

/* What meters pass on: not what a TTL doesn't decide. */
static void test_what_a_meter_tells(void **state)
{
    fixture *f = *state;
    ra_meter *m = ra_metrics_meter(f->metrics, 0);
    ra_key unit = key(1), entry = key(2);
    ra_advice_stats stats;
    const ra_read_event hit = {.tag = ra_meter_tag(f->notes, RA_OP_GET_ITEM),
                               .outcome = RA_READ_HIT,
                               .unit = &unit,
                               .entry = &entry,
                               .bytes = 100};
    ra_read_event miss = hit, bypass = hit, negative = hit, none = hit, unknown = hit, stale = hit;
    miss.outcome = none.outcome = RA_READ_MISS;
    bypass.outcome = RA_READ_BYPASS;
    negative.negative = none.none = true;
    unknown.unit = NULL;
    stale.outcome = RA_READ_STALE;
    ra_meter_read(m, &hit, 1000); /* nobody listens yet */
    ra_meter_tell(m, ra_advice_get_ring(f->advice, 0));
    ra_meter_read(m, &miss, 1000);
    ra_meter_read(m, &hit, 1500);
    ra_meter_read(m, &bypass, 1600);
    ra_meter_read(m, &negative, 1600);
    ra_meter_read(m, &none, 1600);
    ra_meter_read(m, &unknown, 1600);
    ra_meter_read(m, &stale, 2500); /* a miss of 1 s, which has filled nothing */
    ra_meter_invalidation(m, f->notes, RA_CAUSE_WRITE, &unit, 2600);
    ra_meter_read(m, &miss, 2700);
    ra_meter_invalidation(m, f->notes, RA_CAUSE_TABLE_CHANGE, NULL, 2800);
    cJSON *all = told(f);
    ra_advice_get_stats(f->advice, &stats);
    assert_int_equal(stats.played, 6);
    assert_true(number(cJSON_GetArrayItem(all, 0), "reads") == 4);
    assert_true(number(cJSON_GetArrayItem(all, 0), "invalidations") == 2);
    assert_true(number(point(cJSON_GetArrayItem(all, 0), 1000), "hit_ratio") == 0.25);
    assert_true(number(point(cJSON_GetArrayItem(all, 0), 2000), "hit_ratio") == 0.5);
    assert_true(number(point(cJSON_GetArrayItem(all, 0), 2000), "bytes") == 0);
    cJSON_Delete(all);
}

static void test_a_streams_write_has_bypassed(void **state)
{
    fixture *f = *state;
    ra_meter *m = ra_metrics_meter(f->metrics, 0);
    ra_key unit = key(77);
    ra_meter_tell(m, ra_advice_get_ring(f->advice, 0));
    read_for_long(f, f->notes, 100);
    ra_meter_invalidation(m, f->notes, RA_CAUSE_WRITE, &unit, 3000);
    cJSON *all = told(f);
    assert_true(number(cJSON_GetArrayItem(all, 0), "recommended_ms") > 5000);
    cJSON_Delete(all);
    ra_meter_invalidation(m, f->notes, RA_CAUSE_STREAM, &unit, 3000);
    all = told(f);
    assert_true(number(cJSON_GetArrayItem(all, 0), "recommended_ms") == 5000);
    cJSON_Delete(all);
}

typedef struct producer {
    fixture *f;
    unsigned ring;
    pthread_t thread;
} producer;

enum { NOTES = 200000 };

static void *produce(void *arg)
{
    producer *p = arg;
    for (int i = 0; i < NOTES; i++)
        note_read(p->f, p->ring, p->f->notes, 1 + (unsigned)i % 10, 100, 1000 + i / 100);
    return NULL;
}

static void test_what_threads_tell_is_played_or_counted_as_dropped(void **state)
{
    fixture *f = *state;
    ra_advice_stats stats;
    producer v[2] = {{.f = f, .ring = 0}, {.f = f, .ring = 1}};
    assert_true(ra_advice_start(f->advice));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&v[i].thread, NULL, produce, &v[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(v[i].thread, NULL), 0);
    cJSON *all = told(f);
    ra_advice_get_stats(f->advice, &stats);
    assert_int_equal(stats.played + stats.dropped, 2 * NOTES);
    assert_true(number(cJSON_GetArrayItem(all, 0), "reads") == (double)stats.played);
    assert_true(stats.played >= 2 * RA_ADVICE_RING);
    cJSON_Delete(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rings_are_merged_by_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_of_a_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_full_ring_drops_and_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_configuration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_writes_that_bypass_are_minded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_is_minded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_told_of_late_may_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_a_meter_tells, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_streams_write_has_bypassed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_threads_tell_is_played_or_counted_as_dropped, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
