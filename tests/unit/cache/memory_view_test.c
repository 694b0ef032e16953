#include "cache/memory_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka.h wants these before it */
#include <cmocka.h>

enum { NOW = 1000, TTL = 60000, KEEP = 5000, BODY = 100 };

typedef struct world {
    ra_memory *memory;
    ra_store *store;
} world;

static ra_key key(unsigned char kind, unsigned char n)
{
    ra_key k = {{kind, n}};
    return k;
}

static int make(void **state)
{
    static world w;
    ra_memory_options o = {.max_bytes = 1 << 20, .max_entry_bytes = 1 << 16};
    w.memory = ra_memory_new(&o);
    w.store = w.memory ? ra_memory_store_new(w.memory) : NULL;
    *state = &w;
    return w.store ? 0 : -1;
}

static int unmake(void **state)
{
    world *w = *state;
    ra_store_free(w->store);
    ra_memory_unref(w->memory);
    return 0;
}

/* The lookup whose miss gives the token, then the fill. */
static void fill(world *w, unsigned char unit, unsigned char request)
{
    static const char body[BODY];
    ra_store_call call = {0};
    ra_lookup v = {.unit = key('u', unit), .request = key('r', request), .nguards = 1};
    v.guard[0] = key('g', 0);
    assert_int_equal(ra_store_lookup(w->store, NOW, &v, 1, &call), RA_STORE_DONE);
    assert_int_equal(v.outcome, RA_LOOKUP_MISS);
    ra_payload *p = ra_payload_new((ra_bytes){body, sizeof body}, 0, 0, NOW);
    ra_fill f = {.unit = v.unit,
                 .request = v.request,
                 .token = v.token,
                 .nguards = 1,
                 .payload = p,
                 .ttl = TTL,
                 .keep = KEEP};
    f.guard[0] = v.guard[0];
    assert_int_equal(ra_store_fill(w->store, NOW, &f), RA_FILL_STORED);
    ra_payload_unref(p);
}

static ra_unit_view look(world *w, int64_t now, unsigned char unit)
{
    ra_unit_view v = {.unit = key('u', unit), .nguards = 1};
    v.guard[0] = key('g', 0);
    assert_true(ra_memory_view(w->memory, now, &v));
    return v;
}

static void test_entries(void **state)
{
    world *w = *state;
    for (unsigned char i = 0; i < 20; i++)
        fill(w, 1, i);
    ra_unit_view v = look(w, NOW + 10, 1);
    assert_int_equal(v.state, RA_UNIT_DATA);
    assert_int_equal(v.n, 20);
    unsigned seen = 0;
    for (size_t i = 0; i < v.n; i++) {
        assert_int_equal(v.entries[i].bytes, BODY);
        assert_int_equal(v.entries[i].expires_in, TTL - 10);
        assert_int_equal(v.entries[i].keeps_in, TTL + KEEP - 10);
        seen |= 1U << v.entries[i].request.b[1];
    }
    assert_int_equal(seen, (1U << 20) - 1);
    ra_unit_view_clear(&v);
    v = look(w, NOW + TTL + 1, 1);
    assert_true(v.n == 20 && v.entries[0].expires_in == -1 && v.entries[0].keeps_in == KEEP - 1);
    ra_unit_view_clear(&v);
    v = look(w, NOW + TTL + KEEP, 1);
    assert_true(v.n == 0 && v.overtaken == 20);
    ra_unit_view_clear(&v);
}

static void test_a_look_makes_and_counts_nothing(void **state)
{
    world *w = *state;
    ra_store_stats before, after;
    fill(w, 1, 1);
    ra_store_get_stats(w->store, &before);
    for (unsigned char i = 0; i < 10; i++) {
        ra_unit_view v = look(w, NOW + TTL + KEEP + 1, i);
        assert_int_equal(v.state, i == 1 ? RA_UNIT_DATA : RA_UNIT_EMPTY);
        ra_unit_view_clear(&v);
    }
    ra_store_get_stats(w->store, &after);
    assert_memory_equal(&before, &after, sizeof before);
}

static void test_markers(void **state)
{
    world *w = *state;
    ra_store_call call = {0};
    ra_write_id first, second;
    ra_key unit = key('u', 1);
    assert_true(ra_write_id_new(&first) && ra_write_id_new(&second));
    fill(w, 1, 1);
    ra_store_begin(w->store, NOW, &first, &unit, 1, 500, &call);
    ra_store_begin(w->store, NOW, &second, &unit, 1, 900, &call);
    ra_unit_view v = look(w, NOW + 100, 1);
    assert_true(v.state == RA_UNIT_MARKED && v.markers == 2 && v.marked_for == 800 && v.n == 0);
    v = look(w, NOW + 500, 1);
    assert_true(v.state == RA_UNIT_MARKED && v.markers == 1 && v.marked_for == 400);
    v = look(w, NOW + 900, 1);
    assert_true(v.state == RA_UNIT_EMPTY && v.markers == 0 && v.marked_for == 0);
    ra_store_end(w->store, NOW, &first, &unit, 1, 0);
    ra_store_end(w->store, NOW, &second, &unit, 1, 0);
}

/* Until its guard has a generation again nothing is served, and afterwards what was filled before isn't. */
static void test_a_broken_guard(void **state)
{
    world *w = *state;
    ra_key guard = key('g', 0);
    fill(w, 1, 1);
    fill(w, 1, 2);
    ra_store_invalidate(w->store, NOW, &guard, 1);
    ra_unit_view v = look(w, NOW, 1);
    assert_true(v.state == RA_UNIT_DATA && v.n == 0 && v.overtaken == 2);
    fill(w, 2, 1); /* the guard has one now */
    v = look(w, NOW, 1);
    assert_true(v.n == 0 && v.overtaken == 2);
    v = look(w, NOW, 2);
    assert_true(v.n == 1 && v.overtaken == 0);
    ra_unit_view_clear(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_entries, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_look_makes_and_counts_nothing, make, unmake),
        cmocka_unit_test_setup_teardown(test_markers, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_broken_guard, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
