/* The in-process store's markers as an operator's tool sees them, and takes them away. */
#include "cache/memory_markers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { HOLD = 1000, MANY = 500 };

static ra_key key(unsigned n)
{
    ra_key k = {{0}};
    memcpy(k.b, &n, sizeof n);
    return k;
}

static ra_write_id id(unsigned n)
{
    ra_write_id w = {{1}};
    memcpy(w.b + 1, &n, sizeof n);
    return w;
}

typedef struct fixture {
    ra_memory *memory;
    ra_store *store;
} fixture;

static int setup(void **state)
{
    static fixture f;
    const ra_memory_options o = {.max_bytes = 1 << 20, .max_entry_bytes = 1 << 16, .shards = 4};
    f.memory = ra_memory_new(&o);
    f.store = f.memory ? ra_memory_store_new(f.memory) : NULL;
    *state = &f;
    return f.store ? 0 : -1;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ra_store_free(f->store);
    ra_memory_unref(f->memory);
    return 0;
}

static void begin(fixture *f, int64_t now, unsigned unit, unsigned write)
{
    ra_store_call call = {0};
    ra_key k = key(unit);
    ra_write_id w = id(write);
    assert_int_equal(ra_store_begin(f->store, now, &w, &k, 1, HOLD, &call), RA_STORE_DONE);
    assert_true(call.ok);
}

typedef struct seen {
    unsigned times[MANY];
    unsigned units, most;
    ra_memory_marked last;
} seen;

static bool see(const ra_memory_marked *u, void *arg)
{
    seen *s = arg;
    unsigned n;
    memcpy(&n, u->unit.b, sizeof n);
    assert_true(n < MANY);
    s->times[n]++;
    s->units++;
    s->last = *u;
    return s->units != s->most;
}

static void each_marked_unit_is_visited_once(void **state)
{
    fixture *f = *state;
    static seen s;
    s = (seen){0};
    for (unsigned n = 0; n < MANY; n++)
        begin(f, 0, n, n);
    ra_memory_markers_visit(f->memory, 1, see, &s);
    assert_int_equal(s.units, MANY);
    for (unsigned n = 0; n < MANY; n++)
        assert_int_equal(s.times[n], 1);
}

static void a_visitor_can_stop(void **state)
{
    fixture *f = *state;
    seen s = {.most = 3};
    for (unsigned n = 0; n < 100; n++)
        begin(f, 0, n, n);
    ra_memory_markers_visit(f->memory, 1, see, &s);
    assert_int_equal(s.units, 3);
}

static void live_and_expired_are_told_apart(void **state)
{
    fixture *f = *state;
    seen s = {0};
    begin(f, 0, 7, 1);
    begin(f, 300, 7, 2);
    begin(f, 600, 7, 3);
    ra_memory_markers_visit(f->memory, HOLD + 300, see, &s);
    assert_int_equal(s.units, 1);
    assert_int_equal(s.last.live, 1);
    assert_int_equal(s.last.expired, 2);
    assert_int_equal(s.last.left, 300);
}

static void what_holds_data_has_no_markers(void **state)
{
    fixture *f = *state;
    seen s = {0};
    ra_lookup v = {.unit = key(3), .ttl = HOLD};
    ra_store_call call = {0};
    assert_int_equal(ra_store_lookup(f->store, 0, &v, 1, &call), RA_STORE_DONE);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    begin(f, 0, 4, 1);
    ra_memory_markers_visit(f->memory, 1, see, &s);
    assert_int_equal(s.units, 1);
    assert_int_equal(s.times[4], 1);
}

static enum ra_lookup_outcome look_up(fixture *f, unsigned unit, ra_lookup *v)
{
    ra_store_call call = {0};
    *v = (ra_lookup){.unit = key(unit), .ttl = HOLD};
    assert_int_equal(ra_store_lookup(f->store, 1, v, 1, &call), RA_STORE_DONE);
    return v->outcome;
}

static void a_cleared_unit_is_free(void **state)
{
    fixture *f = *state;
    ra_memory_marked was;
    ra_lookup v;
    ra_key unit = key(5);
    begin(f, 0, 5, 1);
    begin(f, 0, 5, 2);
    begin(f, 0, 6, 3);
    assert_int_equal(look_up(f, 5, &v), RA_LOOKUP_BYPASS);
    ra_memory_markers_clear(f->memory, 1, &unit, &was);
    assert_int_equal(was.live, 2);
    assert_int_equal(was.left, HOLD - 1);
    assert_int_equal(look_up(f, 5, &v), RA_LOOKUP_MISS);
    assert_int_equal(look_up(f, 6, &v), RA_LOOKUP_BYPASS);
    assert_int_equal(ra_memory_markers(f->memory, 1), 1);
    ra_memory_markers_clear(f->memory, 1, &unit, &was);
    assert_int_equal(was.live + was.expired, 0);
}

/* The write may have been done after the read that filled. */
static void a_write_that_ends_later_drops_what_was_cached(void **state)
{
    fixture *f = *state;
    ra_memory_marked was;
    ra_lookup before, after;
    ra_key unit = key(5);
    ra_write_id write = id(1);
    begin(f, 0, 5, 1);
    ra_memory_markers_clear(f->memory, 1, &unit, &was);
    assert_int_equal(look_up(f, 5, &before), RA_LOOKUP_MISS);
    ra_store_end(f->store, 2, &write, &unit, 1, 0);
    assert_int_equal(look_up(f, 5, &after), RA_LOOKUP_MISS);
    assert_true(before.token.unit.len != after.token.unit.len ||
                memcmp(before.token.unit.b, after.token.unit.b, before.token.unit.len) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_marked_unit_is_visited_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_visitor_can_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(live_and_expired_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(what_holds_data_has_no_markers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cleared_unit_is_free, setup, teardown),
        cmocka_unit_test_setup_teardown(a_write_that_ends_later_drops_what_was_cached, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
