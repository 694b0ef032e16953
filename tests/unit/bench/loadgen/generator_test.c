/* The sequence of values: the same for the same seed, and what each placeholder promises. */
#include "bench/loadgen/generator.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1700000000 };

static ra_workload *read_text(const char *text)
{
    ra_problems problems;
    const ra_workload_changes unchanged = {.zipf = -1};
    ra_workload *w = ra_workload_read(text, strlen(text), "", &unchanged, &problems);
    ra_problems_print(&problems, "text", stdout);
    assert_non_null(w);
    ra_problems_free(&problems);
    return w;
}

static ra_generator start(const ra_workload *w, uint64_t seed, unsigned thread, unsigned threads)
{
    ra_generator g;
    assert_true(ra_generator_init(&g, w, seed, thread, threads));
    return g;
}

/* The value of a placeholder, as text. */
static const char *value(const ra_generator *g, const ra_operation *o, const char *name)
{
    static char text[4][256];
    static unsigned at;
    for (size_t i = 0; i < o->places.n; i++) {
        if (strcmp(o->places.names[i], name) == 0) {
            char *out = text[at++ % 4];
            snprintf(out, 256, "%.*s", (int)g->values[i].n, g->values[i].p);
            return out;
        }
    }
    fail_msg("no %s", name);
    return NULL;
}

static uint64_t number(const ra_generator *g, const ra_operation *o, const char *name)
{
    return strtoull(value(g, o, name), NULL, 10);
}

#define ALL                                                                                                  \
    "{\"keys\":1000,\"table\":\"tab\",\"item_size\":23,\"operations\":["                                     \
    "{\"name\":\"a\",\"weight\":3,\"path\":\"/{key}/{key:8}/{key:uuid}/{zipf}/{uniform}/{latest}/{seq}/"     \
    "{now}/{uuid}/{uuid.b}/{random:37}/{text}/{table}\"},"                                                   \
    "{\"name\":\"b\",\"weight\":1,\"path\":\"/{uniform}\",\"from\":100,\"keys\":50}]}"

static bool same_values(const ra_generator *a, const ra_generator *b, const ra_operation *o)
{
    for (size_t i = 0; i < o->places.n; i++) {
        if (!ra_bytes_eq(a->values[i], b->values[i]))
            return false;
    }
    return true;
}

static void test_the_same_seed_is_the_same_sequence(void **state)
{
    ra_workload *w = read_text(ALL);
    ra_generator a = start(w, 5, 1, 3), b = start(w, 5, 1, 3), other = start(w, 6, 1, 3),
                 sister = start(w, 5, 2, 3);
    unsigned like_other = 0, like_sister = 0;
    (void)state;
    for (size_t i = 0; i < 500; i++) {
        const ra_operation *o = ra_generator_pick(&a);
        assert_ptr_equal(o, ra_generator_pick(&b));
        ra_generator_draw(&a, o, 1);
        ra_generator_draw(&b, o, 1);
        assert_true(same_values(&a, &b, o));
        ra_generator_draw(&other, o, 1);
        ra_generator_draw(&sister, o, 1);
        like_other += same_values(&a, &other, o);
        like_sister += same_values(&a, &sister, o);
    }
    assert_true(like_other < 20 && like_sister < 20);
    ra_generator_free(&a);
    ra_generator_free(&b);
    ra_generator_free(&other);
    ra_generator_free(&sister);
    ra_workload_free(w);
}

static void expect_uuid(const char *text)
{
    assert_int_equal(strlen(text), 36);
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        assert_true(dash ? text[i] == '-'
                         : isxdigit((unsigned char)text[i]) && !isupper((unsigned char)text[i]));
    }
    assert_int_equal(text[14], '4');
    assert_non_null(strchr("89ab", text[19]));
}

static void test_what_the_placeholders_promise(void **state)
{
    ra_workload *w = read_text(ALL);
    ra_generator g = start(w, 1, 0, 1);
    const ra_operation *o = &w->operations[0];
    (void)state;
    for (size_t i = 0; i < 200; i++) {
        ra_generator_draw(&g, o, (int64_t)NOW * 1000000 + 42);
        assert_true(number(&g, o, "key") < 1000 && number(&g, o, "uniform") < 1000);
        assert_true(number(&g, o, "latest") < 1000);
        assert_int_equal(strlen(value(&g, o, "key:8")), 8);
        assert_int_equal(number(&g, o, "key"), number(&g, o, "key:8"));
        expect_uuid(value(&g, o, "key:uuid"));
        expect_uuid(value(&g, o, "uuid"));
        assert_string_not_equal(value(&g, o, "uuid"), value(&g, o, "uuid.b"));
        assert_int_equal(strlen(value(&g, o, "random:37")), 37);
        assert_int_equal(strlen(value(&g, o, "text")), 23);
        assert_string_equal(value(&g, o, "table"), "tab");
        assert_string_equal(value(&g, o, "now"), "2023-11-14T22:13:20.000042Z");
        assert_int_equal(number(&g, o, "seq"), i);
    }
    ra_generator_free(&g);
    ra_workload_free(w);
}

static void test_weights_and_ranges(void **state)
{
    ra_workload *w = read_text(ALL);
    ra_generator g = start(w, 1, 0, 1);
    unsigned first = 0;
    (void)state;
    for (size_t i = 0; i < 10000; i++)
        first += ra_generator_pick(&g) == &w->operations[0];
    assert_in_range(first, 7200, 7800);
    for (size_t i = 0; i < 1000; i++) {
        ra_generator_draw(&g, &w->operations[1], 1);
        assert_in_range(number(&g, &w->operations[1], "uniform"), 100, 149);
    }
    ra_generator_free(&g);
    ra_workload_free(w);
}

/* One number is one UUID, for whoever fills the table and whoever reads it; two are two. */
static void test_keys_are_found_again(void **state)
{
    ra_workload *w =
        read_text("{\"keys\":1,\"table\":\"t\",\"operations\":[{\"path\":\"{key:uuid}\"}],"
                  "\"prepare\":{\"items\":[{\"item\":{\"a\":\"{key:uuid}\",\"b\":\"{n:3}\"}}]}}");
    ra_generator g = start(w, 1, 0, 1), filler = start(w, 99, 0, 1);
    char other[64];
    (void)state;
    ra_generator_draw(&g, &w->operations[0], 1);
    ra_generator_item(&filler, &w->items[0], 0, 12, 1);
    assert_true(ra_bytes_eq(g.values[0], filler.values[0]));
    assert_true(ra_bytes_eq_z(filler.values[1], "012"));
    memcpy(other, filler.values[0].p, 36);
    ra_generator_item(&filler, &w->items[0], 1, 0, 1);
    assert_memory_not_equal(other, filler.values[0].p, 36);
    ra_generator_free(&g);
    ra_generator_free(&filler);
    ra_workload_free(w);
}

/* Over all threads each number of a sequence comes once before one comes again, and so do those inserted. */
static void test_threads_share_sequences(void **state)
{
    ra_workload *w = read_text("{\"keys\":90,\"operations\":[{\"path\":\"{seq}\"},{\"path\":\"{insert}\"}]}");
    unsigned seen[90] = {0}, made[90] = {0};
    (void)state;
    for (unsigned t = 0; t < 3; t++) {
        ra_generator g = start(w, 1, t, 3);
        for (size_t i = 0; i < 30; i++) {
            ra_generator_draw(&g, &w->operations[0], 1);
            uint64_t k = number(&g, &w->operations[0], "seq");
            ra_generator_draw(&g, &w->operations[1], 1);
            uint64_t n = number(&g, &w->operations[1], "insert");
            assert_true(k < 90 && n >= 90 && n < 180);
            seen[k]++;
            made[n - 90]++;
        }
        ra_generator_free(&g);
    }
    for (size_t i = 0; i < 90; i++)
        assert_true(seen[i] == 1 && made[i] == 1);
    ra_workload_free(w);
}

/* The latest are those that this thread has made; it never asks for one that nobody has. */
static void test_latest_follows_inserts(void **state)
{
    ra_workload *w = read_text(
        "{\"keys\":100,\"zipf\":2,\"operations\":[{\"path\":\"{latest}\"},{\"path\":\"{insert}\"}]}");
    ra_generator g = start(w, 1, 1, 2);
    unsigned newest = 0;
    uint64_t last = 0;
    (void)state;
    for (size_t i = 0; i < 300; i++) {
        ra_generator_draw(&g, &w->operations[1], 1);
        last = number(&g, &w->operations[1], "insert");
        ra_generator_draw(&g, &w->operations[0], 1);
        uint64_t k = number(&g, &w->operations[0], "latest");
        assert_true(k <= last && (k < 100 || (k - 100) % 2 == 1));
        newest += k == last;
    }
    assert_in_range(newest, 120, 250); /* 6/pi^2 of them, about 180 */
    ra_generator_free(&g);
    ra_workload_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_seed_is_the_same_sequence),
        cmocka_unit_test(test_what_the_placeholders_promise),
        cmocka_unit_test(test_weights_and_ranges),
        cmocka_unit_test(test_keys_are_found_again),
        cmocka_unit_test(test_threads_share_sequences),
        cmocka_unit_test(test_latest_follows_inserts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
