#include "cache/unit_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka.h wants these before it */
#include <cmocka.h>

static void test_entries_up_to_the_cap(void **state)
{
    (void)state;
    ra_unit_view v = {.nguards = 1};
    for (size_t i = 0; i < RA_UNIT_VIEW_ENTRIES; i++) {
        ra_unit_entry e = {.bytes = i, .expires_in = (int64_t)i};
        assert_true(ra_unit_view_add(&v, &e));
    }
    assert_false(ra_unit_view_add(&v, &(ra_unit_entry){.bytes = 1}));
    assert_int_equal(v.n, RA_UNIT_VIEW_ENTRIES);
    for (size_t i = 0; i < v.n; i++)
        assert_int_equal(v.entries[i].bytes, i);
    assert_int_equal(ra_unit_view_bytes(&v), (uint64_t)RA_UNIT_VIEW_ENTRIES * (RA_UNIT_VIEW_ENTRIES - 1) / 2);
    ra_unit_view_clear(&v);
}

static void test_clearing_keeps_what_was_asked(void **state)
{
    (void)state;
    ra_unit_view v = {.nguards = 2, .named = true, .state = RA_UNIT_MARKED, .markers = 3, .marked_for = 7};
    v.unit.b[0] = 1;
    v.overtaken = 2;
    v.unlisted = true;
    assert_true(ra_unit_view_add(&v, &(ra_unit_entry){.bytes = 5}));
    ra_unit_view_clear(&v);
    assert_int_equal(v.state, RA_UNIT_EMPTY);
    assert_true(v.nguards == 2 && v.named && v.unit.b[0] == 1);
    assert_true(v.markers == 0 && v.marked_for == 0 && v.overtaken == 0 && !v.unlisted);
    assert_true(v.n == 0 && !v.entries && ra_unit_view_bytes(&v) == 0);
    ra_unit_view_clear(&v);
}

static void test_names_there_and_back(void **state)
{
    (void)state;
    for (int s = 0; s < RA_UNIT_STATES; s++)
        assert_int_equal(ra_unit_state_of(ra_unit_state_name((enum ra_unit_state)s)), s);
    assert_int_equal(ra_unit_state_of(""), RA_UNIT_STATES);
    assert_int_equal(ra_unit_state_of("DATA"), RA_UNIT_STATES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_up_to_the_cap),
        cmocka_unit_test(test_clearing_keeps_what_was_asked),
        cmocka_unit_test(test_names_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
