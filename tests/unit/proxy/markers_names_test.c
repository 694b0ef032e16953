#include "proxy/markers_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define WHOLE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static ra_key key_of(unsigned char first, unsigned char eighth)
{
    ra_key k = {{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01}};
    k.b[0] = first;
    k.b[8] = eighth;
    return k;
}

static void by_first_digits(void **state)
{
    (void)state;
    ra_markers_names m = {.n = 0};
    ra_key is = key_of(0x01, 0x5a), other = key_of(0x02, 0x5a), odd = key_of(0x01, 0x6a);
    assert_null(ra_markers_names_add(&m, "0123456789ABcdef5"));
    assert_true(ra_markers_names_has(&m, &is, false));
    assert_false(m.v[0].met);
    assert_false(ra_markers_names_has(&m, &other, true));
    assert_false(ra_markers_names_has(&m, &odd, true));
    assert_false(m.v[0].met);
    assert_null(ra_markers_names_add(&m, "0123456789abcdef"));
    assert_true(ra_markers_names_has(&m, &odd, true));
    assert_false(m.v[0].met);
    assert_true(m.v[1].met);
    assert_true(ra_markers_names_has(&m, &is, true));
    assert_true(m.v[0].met);
    assert_true(ra_markers_names_has(&m, &is, false));
    assert_true(m.v[0].met);
    assert_string_equal(m.v[0].text, "0123456789ABcdef5");
}

static void whole_ones(void **state)
{
    (void)state;
    ra_markers_names m = {.n = 0};
    ra_key keys[RA_MARKERS_NAMES_MAX];
    assert_null(ra_markers_names_add(&m, WHOLE));
    assert_true(ra_markers_names_whole(&m, keys));
    assert_true(ra_markers_names_has(&m, &keys[0], false));
    assert_int_equal(keys[0].b[31], 0xef);
    assert_null(ra_markers_names_add(&m, "0123456789abcdef"));
    assert_false(ra_markers_names_whole(&m, keys));
}

static void what_is_no_digest(void **state)
{
    (void)state;
    static const char too_long[] = WHOLE "0";
    static const char *const bad[] = {
        "", "0123456789abcde", too_long, "0123456789abcdeg", "0x1234567890abcdef", "0123456789abcde "};
    ra_markers_names m = {.n = 0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(ra_markers_names_add(&m, bad[i]));
    assert_int_equal(m.n, 0);
    for (size_t i = 0; i < RA_MARKERS_NAMES_MAX; i++)
        assert_null(ra_markers_names_add(&m, WHOLE));
    assert_non_null(ra_markers_names_add(&m, WHOLE));
    assert_int_equal(m.n, RA_MARKERS_NAMES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_first_digits), cmocka_unit_test(whole_ones),
                                       cmocka_unit_test(what_is_no_digest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
