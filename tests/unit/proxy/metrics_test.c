/* Meters: what is counted where, subjects that keep their numbers, several threads. */
#include "proxy/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static ra_config *config_of(const char *tables)
{
    char text[64 * 1024];
    ra_problems problems = {0};
    snprintf(text, sizeof text, "{\"listen\": {\"address\": \"127.0.0.1:8080\"}, \"tables\": {%s}}", tables);
    ra_config *c = ra_config_parse(text, strlen(text), "test.jsonc", &problems);
    ra_problems_print(&problems, "test.jsonc", stderr);
    ra_problems_free(&problems);
    assert_non_null(c);
    return c;
}

static unsigned subject_of(const ra_config *c, const char *table, size_t pattern)
{
    const ra_table_config *t = ra_config_table(c, table, strlen(table));
    return pattern ? t->patterns[pattern - 1].policy.subject : t->policy.subject;
}

static ra_read_event read_of(unsigned subject, enum ra_op_kind kind, enum ra_read_outcome outcome)
{
    return (ra_read_event){.tag = ra_meter_tag(subject, kind), .outcome = outcome};
}

#define CHAT                                                                                                 \
    "\"chat\": {\"ttl\": \"1m\", \"patterns\": [{\"name\": \"rooms\", \"partition_key\": \"R*\"},"           \
    " {\"name\": \"people\", \"partition_key\": \"P*\"}]}"

static void subjects_keep_their_numbers(void **state)
{
    (void)state;
    ra_metrics *m = ra_metrics_new(1);
    ra_config *first = config_of(CHAT), *second = config_of("\"bbb\": {\"ttl\": \"1m\"}, " CHAT);
    const char *pattern;
    ra_metrics_bind(m, first);
    unsigned chat = subject_of(first, "chat", 0), people = subject_of(first, "chat", 2);
    assert_int_equal(ra_metrics_subjects(m), 4);
    ra_metrics_bind(m, second);
    assert_int_equal(subject_of(second, "chat", 0), chat);
    assert_int_equal(subject_of(second, "chat", 2), people);
    assert_int_equal(subject_of(second, "bbb", 0), 4);
    assert_string_equal(ra_metrics_subject(m, people, &pattern), "chat");
    assert_string_equal(pattern, "people");
    assert_string_equal(ra_metrics_subject(m, chat, &pattern), "chat");
    assert_null(pattern);
    assert_string_equal(ra_metrics_subject(m, RA_SUBJECT_OTHERS, &pattern), "(others)");
    assert_null(pattern);
    ra_config_unref(first);
    assert_string_equal(ra_metrics_subject(m, people, &pattern), "chat");
    ra_config_unref(second);
    ra_metrics_free(m);
}

static void too_many_are_others(void **state)
{
    (void)state;
    enum { TABLES = RA_SUBJECTS + 50 };
    ra_metrics *m = ra_metrics_new(1);
    static char tables[60 * 1024];
    for (int i = 0, n = 0; i < TABLES; i++)
        n += snprintf(tables + n, sizeof tables - (size_t)n, "%s\"table-%d\": {\"ttl\": \"1m\"}",
                      i ? "," : "", i);
    ra_config *c = config_of(tables);
    ra_metrics_bind(m, c);
    assert_int_equal(ra_metrics_subjects(m), RA_SUBJECTS);
    size_t others = 0;
    for (size_t i = 0; i < c->ntables; i++)
        others += c->tables[i].policy.subject == RA_SUBJECT_OTHERS;
    assert_int_equal(others, TABLES - (RA_SUBJECTS - 1));
    ra_config_unref(c);
    ra_metrics_free(m);
}

static void meters_are_summed(void **state)
{
    (void)state;
    ra_metrics *m = ra_metrics_new(3);
    ra_subject_sums sums;
    assert_false(ra_metrics_sum_subject(m, 7, &sums));
    for (unsigned i = 0; i < 3; i++) {
        ra_meter *one = ra_metrics_meter(m, i);
        ra_read_event hit = read_of(7, RA_OP_QUERY, RA_READ_HIT);
        hit.near = i == 1;
        hit.negative = i == 2;
        ra_meter_read(one, &hit, 0);
        ra_read_event bypass = read_of(7, RA_OP_GET_ITEM, RA_READ_BYPASS);
        bypass.reason = i ? "write-in-progress" : "what nobody has thought of";
        ra_meter_read(one, &bypass, 0);
        ra_meter_write(one, 7, RA_OP_PUT_ITEM, 2);
        ra_meter_invalidation(one, 7, RA_CAUSE_STREAM, NULL, 0);
        ra_meter_fill(one, 7, RA_FILL_LARGE);
        ra_meter_units(one, 7, &(ra_units){.spent = 3, .extra = 1, .saved = 5, .written = 7});
    }
    assert_true(ra_metrics_sum_subject(m, 7, &sums));
    const uint64_t *query = sums.reads[ra_read_kind(RA_OP_QUERY)],
                   *get = sums.reads[ra_read_kind(RA_OP_GET_ITEM)];
    assert_int_equal(query[RA_READ_HIT], 3);
    assert_int_equal(query[RA_READ_NEAR], 1);
    assert_int_equal(query[RA_READ_NEGATIVE], 1);
    assert_int_equal(query[RA_READ_MISS], 0);
    assert_int_equal(get[RA_READ_BYPASS], 3);
    const uint64_t *reasons = sums.bypasses[ra_read_kind(RA_OP_GET_ITEM)];
    assert_int_equal(reasons[ra_reason_number("write-in-progress")], 2);
    assert_int_equal(reasons[ra_reason_number(NULL)], 1);
    assert_int_equal(sums.writes[RA_OP_PUT_ITEM], 6);
    assert_int_equal(sums.invalidations[RA_CAUSE_STREAM], 3);
    assert_int_equal(sums.fills[RA_FILL_LARGE], 3);
    assert_int_equal(sums.half_units.spent, 9);
    assert_int_equal(sums.half_units.extra, 3);
    assert_int_equal(sums.half_units.saved, 15);
    assert_int_equal(sums.half_units.written, 21);
    assert_false(ra_metrics_sum_subject(m, 8, &sums));
    ra_metrics_free(m);
}

static void requests_are_timed_by_subject(void **state)
{
    (void)state;
    ra_metrics *m = ra_metrics_new(2);
    ra_config *c = config_of(CHAT);
    ra_metrics_bind(m, c);
    unsigned rooms = subject_of(c, "chat", 1), people = subject_of(c, "chat", 2);
    const ra_read_event near = {.near = true, .coalesced = false};
    ra_meter_request(ra_metrics_meter(m, 0), ra_meter_tag(rooms, RA_OP_QUERY), &near, RA_REQUEST_HIT, 10);
    ra_meter_request(ra_metrics_meter(m, 1), ra_meter_tag(people, RA_OP_QUERY), NULL, RA_REQUEST_HIT, 20);
    ra_meter_request(ra_metrics_meter(m, 1), ra_meter_tag(people, RA_OP_PUT_ITEM), NULL, RA_REQUEST_WRITE,
                     3000);
    ra_meter_request(ra_metrics_meter(m, 1), ra_meter_tag(0, RA_OP_OTHER), NULL, RA_REQUEST_ERROR, 1);
    ra_request_sums sums;
    ra_metrics_sum_requests(m, &sums);
    assert_int_equal(sums.requests[RA_OP_QUERY][RA_REQUEST_HIT], 2);
    assert_int_equal(sums.requests[RA_OP_PUT_ITEM][RA_REQUEST_WRITE], 1);
    assert_int_equal(sums.requests[RA_OP_OTHER][RA_REQUEST_ERROR], 1);
    assert_int_equal(sums.near, 1);
    ra_latency_copy all = {0}, of_rooms = {0}, writes = {0};
    ra_metrics_sum_latency(m, RA_TIMED_HIT, RA_SUBJECTS, &all);
    ra_metrics_sum_latency(m, RA_TIMED_HIT, rooms, &of_rooms);
    ra_metrics_sum_latency(m, RA_TIMED_WRITE, people, &writes);
    assert_int_equal(all.count, 2);
    assert_int_equal(all.sum, 30);
    assert_int_equal(of_rooms.count, 1);
    assert_int_equal(writes.sum, 3000);
    ra_config_unref(c);
    ra_metrics_free(m);
}

static void upstream_and_store_are_timed(void **state)
{
    (void)state;
    ra_metrics *m = ra_metrics_new(2);
    ra_request_sums sums;
    ra_meter_upstream(ra_metrics_meter(m, 0), RA_UPSTREAM_READ, RA_UPSTREAM_OK, 700, 1000);
    ra_meter_upstream(ra_metrics_meter(m, 1), RA_UPSTREAM_WRITE, RA_UPSTREAM_THROTTLED, 500, 3000);
    ra_meter_upstream(ra_metrics_meter(m, 1), RA_UPSTREAM_WRITE, RA_UPSTREAM_BROKEN, 900, 2000);
    ra_meter_store(ra_metrics_meter(m, 1), 50);
    ra_metrics_sum_requests(m, &sums);
    assert_int_equal(sums.upstream[RA_UPSTREAM_READ][RA_UPSTREAM_OK], 1);
    assert_int_equal(sums.upstream[RA_UPSTREAM_WRITE][RA_UPSTREAM_THROTTLED], 1);
    assert_int_equal(sums.upstream_replied, 3000);
    assert_int_equal(sums.upstream_failed, 2000);
    ra_latency_copy upstream = {0}, store = {0};
    ra_metrics_sum_latency(m, RA_TIMED_UPSTREAM, RA_SUBJECTS, &upstream);
    ra_metrics_sum_latency(m, RA_TIMED_STORE, RA_SUBJECTS, &store);
    assert_int_equal(upstream.count, 3);
    assert_int_equal(store.count, 1);
    ra_metrics_free(m);
}

static void without_a_meter_nothing_is_counted(void **state)
{
    (void)state;
    const ra_read_event e = read_of(1, RA_OP_QUERY, RA_READ_HIT);
    ra_meter_read(NULL, &e, 0);
    ra_meter_request(NULL, 0, NULL, RA_REQUEST_HIT, 1);
    ra_meter_invalidation(NULL, 1, RA_CAUSE_WRITE, NULL, 0);
    ra_meter_fill(NULL, 1, RA_FILLED);
    ra_meter_write(NULL, 1, RA_OP_PUT_ITEM, 1);
    ra_meter_store(NULL, 1);
    ra_meter_upstream(NULL, RA_UPSTREAM_READ, RA_UPSTREAM_OK, 1, 1);
    ra_meter_units(NULL, 1, &(ra_units){.spent = 1});
}

/* ---- words ---- */

static void words_name_what_is_counted(void **state)
{
    (void)state;
    for (unsigned k = 0; k < RA_OP_KINDS; k++)
        assert_non_null(ra_op_kind_name((enum ra_op_kind)k));
    for (unsigned k = 0; k < RA_READ_KINDS; k++)
        assert_int_equal(ra_read_kind(ra_read_kind_op(k)), k);
    for (unsigned i = 0; i < RA_REASONS; i++) {
        const char *name = ra_reason_name(i);
        if (name && strcmp(name, "other") != 0)
            assert_int_equal(ra_reason_number(name), i);
        for (unsigned k = 0; k < i && name; k++)
            assert_false(ra_reason_name(k) && strcmp(ra_reason_name(k), name) == 0);
    }
    assert_string_equal(ra_reason_name(ra_reason_number("no such reason")), "other");
}

/* ---- threads ---- */

enum { THREADS = 3, EACH = 20000 };

typedef struct worker {
    ra_meter *meter;
    pthread_t thread;
} worker;

static void *count(void *arg)
{
    const worker *w = arg;
    ra_key unit = {{1}};
    for (unsigned i = 0; i < EACH; i++) {
        ra_read_event e = read_of(i % 3, RA_OP_GET_ITEM, RA_READ_HIT);
        e.unit = &unit;
        ra_meter_read(w->meter, &e, 0);
        ra_meter_request(w->meter, e.tag, &e, RA_REQUEST_HIT, (int64_t)i % 100);
    }
    return NULL;
}

/* Loops count while others read: sums only grow, and in the end nothing is missing. */
static void readers_disturb_nobody(void **state)
{
    (void)state;
    ra_metrics *m = ra_metrics_new(THREADS);
    worker v[THREADS];
    ra_subject_sums sums;
    ra_top_key top[RA_TOP_KEYS];
    uint64_t before = 0, all = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        v[i].meter = ra_metrics_meter(m, i);
        assert_int_equal(pthread_create(&v[i].thread, NULL, count, &v[i]), 0);
    }
    for (unsigned i = 0; i < 200; i++) {
        ra_metrics_sum_subject(m, 1, &sums);
        assert_true(sums.reads[0][RA_READ_HIT] >= before);
        before = sums.reads[0][RA_READ_HIT];
        ra_metrics_top_keys(m, top, RA_TOP_KEYS);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(v[i].thread, NULL);
    for (unsigned s = 0; s < 3; s++) {
        ra_metrics_sum_subject(m, s, &sums);
        all += sums.reads[0][RA_READ_HIT];
    }
    assert_int_equal(all, THREADS * EACH);
    ra_request_sums requests;
    ra_metrics_sum_requests(m, &requests);
    assert_int_equal(requests.requests[RA_OP_GET_ITEM][RA_REQUEST_HIT], THREADS * EACH);
    assert_int_equal(ra_metrics_top_keys(m, top, RA_TOP_KEYS), 1);
    ra_metrics_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subjects_keep_their_numbers),
        cmocka_unit_test(too_many_are_others),
        cmocka_unit_test(meters_are_summed),
        cmocka_unit_test(requests_are_timed_by_subject),
        cmocka_unit_test(upstream_and_store_are_timed),
        cmocka_unit_test(without_a_meter_nothing_is_counted),
        cmocka_unit_test(words_name_what_is_counted),
        cmocka_unit_test(readers_disturb_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
