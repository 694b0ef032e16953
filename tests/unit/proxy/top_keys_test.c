/* The hottest units: found in a sample, estimated, faded, added up over loops. */
#include "proxy/top_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static ra_key unit(unsigned n)
{
    ra_key k = {{0}};
    memcpy(k.b, &n, sizeof n);
    return k;
}

static void note(ra_top_keys *t, unsigned n, unsigned times)
{
    ra_key k = unit(n);
    for (unsigned i = 0; i < times; i++)
        ra_top_keys_note(t, n % 7, &k);
}

static void the_hottest_come_first(void **state)
{
    (void)state;
    static ra_top_keys t;
    ra_top_key v[RA_TOP_KEYS];
    size_t n = 0;
    ra_top_keys_init(&t);
    for (unsigned round = 0; round < 200;
         round++) { /* two hot ones among 5,000 that are read once in a while */
        note(&t, 1, 300);
        note(&t, 2, 100);
        for (unsigned i = 0; i < 100; i++)
            note(&t, 10 + (round * 100 + i) % 5000, 1);
    }
    ra_top_keys_add(&t, v, &n, RA_TOP_KEYS);
    ra_top_keys_sort(v, n);
    ra_key first = unit(1), second = unit(2);
    assert_int_equal(n, RA_TOP_KEYS);
    assert_true(ra_key_eq(&v[0].unit, &first));
    assert_true(ra_key_eq(&v[1].unit, &second));
    assert_int_equal(v[0].subject, 1);
    /* 60,000 and 20,000 reads: of a sample of 3,125, so within some percent. */
    assert_in_range(v[0].reads, 52000, 68000);
    assert_in_range(v[1].reads, 15000, 26000);
    assert_true(v[2].reads < v[1].reads / 4);
    ra_top_keys_fini(&t);
}

static void what_was_hot_once_gives_way(void **state)
{
    (void)state;
    static ra_top_keys t;
    ra_top_key v[RA_TOP_KEYS];
    size_t n = 0;
    ra_top_keys_init(&t);
    for (unsigned i = 0; i < RA_TOP_KEYS_FADE; i++) {
        ra_key k = unit(1);
        ra_top_keys_take(&t, 0, &k);
    }
    for (unsigned i = 0; i < RA_TOP_KEYS_FADE - 1; i++) {
        ra_key k = unit(2);
        ra_top_keys_take(&t, 0, &k);
    }
    ra_top_keys_add(&t, v, &n, RA_TOP_KEYS);
    ra_top_keys_sort(v, n);
    ra_key now = unit(2);
    assert_int_equal(n, 2);
    assert_true(ra_key_eq(&v[0].unit, &now));
    assert_int_equal(v[1].reads, (uint64_t)RA_TOP_KEYS_FADE / 2 * RA_TOP_KEYS_ONE_IN);
    ra_top_keys_fini(&t);
}

static void several_loops_are_added_up(void **state)
{
    (void)state;
    static ra_top_keys a, b;
    ra_top_key v[2];
    size_t n = 0;
    ra_key one = unit(1), two = unit(2), three = unit(3);
    ra_top_keys_init(&a);
    ra_top_keys_init(&b);
    ra_top_keys_take(&a, 4, &one);
    ra_top_keys_take(&b, 4, &one);
    ra_top_keys_take(&b, 5, &two);
    ra_top_keys_take(&b, 6, &three);
    ra_top_keys_add(&a, v, &n, 2);
    ra_top_keys_add(&b, v, &n, 2);
    ra_top_keys_sort(v, n);
    assert_int_equal(n, 2);
    assert_true(ra_key_eq(&v[0].unit, &one));
    assert_int_equal(v[0].reads, 2 * RA_TOP_KEYS_ONE_IN);
    assert_int_equal(v[0].subject, 4);
    ra_top_keys_fini(&a);
    ra_top_keys_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hottest_come_first),
        cmocka_unit_test(what_was_hot_once_gives_way),
        cmocka_unit_test(several_loops_are_added_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
