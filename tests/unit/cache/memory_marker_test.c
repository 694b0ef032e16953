#include "memory_fixture.h"

#include "cache/memory_table.h"

typedef struct fixture {
    ra_memory *memory;
    ra_shard *shard;
    uint32_t unit;
} fixture;

static fixture setup(size_t max_markers)
{
    fixture f;
    ra_memory_options o = {.max_bytes = 1 << 20, .max_markers = max_markers};
    f.memory = ra_memory_new(&o);
    assert_non_null(f.memory);
    f.shard = &f.memory->shards[0];
    ra_key key = key_of(1);
    f.unit = ra_shard_add(f.shard, &key);
    assert_true(f.unit != 0);
    return f;
}

static void check(const fixture *f, unsigned markers)
{
    assert_int_equal(f->shard->markers.live, markers);
    assert_int_equal(atomic_load(&f->memory->markers), markers);
    const ra_unit *u = ra_shard_unit(f->shard, f->unit);
    assert_int_equal(u->first.marked, markers != 0);
    assert_int_equal(u->list != 0, markers != 0);
}

static void test_settled_writes_share_one_marker(void **state)
{
    (void)state;
    fixture f = setup(0);
    ra_write_id a = write_id(1), b = write_id(2), c = write_id(3);
    assert_false(ra_marker_settle(f.shard, f.unit, &a, 5));
    check(&f, 0);
    assert_true(ra_marker_set(f.shard, f.unit, &a, 100));
    assert_true(ra_marker_set(f.shard, f.unit, &b, 100));
    assert_true(ra_marker_set(f.shard, f.unit, &c, 100));
    assert_true(ra_marker_settle(f.shard, f.unit, &b, 30));
    assert_true(ra_marker_settle(f.shard, f.unit, &a, 20)); /* the later deadline stays */
    assert_false(ra_marker_settle(f.shard, f.unit, &a, 40));
    check(&f, 2);
    assert_int_equal(ra_marker_count(f.shard, 0), 1); /* c alone hasn't ended */
    assert_true(ra_marker_clear(f.shard, f.unit, &c));
    assert_true(ra_marker_live(f.shard, f.unit, 29));
    assert_int_equal(ra_marker_count(f.shard, 0), 0);
    assert_false(ra_marker_live(f.shard, f.unit, 30));
    check(&f, 0);
    ra_memory_unref(f.memory);
}

static void test_set_clear_postpone(void **state)
{
    (void)state;
    fixture f = setup(0);
    ra_write_id a = write_id(1), b = write_id(2), c = write_id(3);
    check(&f, 0);
    assert_false(ra_marker_clear(f.shard, f.unit, &a));
    assert_false(ra_marker_postpone(f.shard, f.unit, &a, 5));
    assert_true(ra_marker_set(f.shard, f.unit, &a, 10));
    assert_true(ra_marker_set(f.shard, f.unit, &b, 20));
    assert_true(ra_marker_set(f.shard, f.unit, &c, 30));
    assert_true(ra_marker_set(f.shard, f.unit, &a, 15)); /* again: its deadline moves */
    check(&f, 3);
    assert_int_equal(ra_marker_count(f.shard, 14), 3);
    assert_int_equal(ra_marker_count(f.shard, 15), 2);
    assert_true(ra_marker_clear(f.shard, f.unit, &b));
    assert_false(ra_marker_clear(f.shard, f.unit, &b));
    check(&f, 2);
    assert_true(ra_marker_postpone(f.shard, f.unit, &a, 100));
    assert_true(ra_marker_live(f.shard, f.unit, 30)); /* c is past its time, a isn't */
    check(&f, 1);
    assert_true(ra_marker_live(f.shard, f.unit, 99));
    assert_false(ra_marker_live(f.shard, f.unit, 100));
    check(&f, 0);
    assert_false(ra_marker_live(f.shard, f.unit, 100));
    ra_memory_unref(f.memory);
}

static void test_cap_over_all_units(void **state)
{
    (void)state;
    fixture f = setup(2);
    ra_key key = key_of(2);
    uint32_t other = ra_shard_add(f.shard, &key);
    ra_write_id a = write_id(1), b = write_id(2);
    assert_true(ra_marker_set(f.shard, f.unit, &a, 10));
    assert_true(ra_marker_set(f.shard, other, &a, 10));
    assert_false(ra_marker_set(f.shard, other, &b, 10));
    assert_true(ra_marker_set(f.shard, other, &a, 20)); /* one that is there needs no room */
    assert_true(ra_marker_clear(f.shard, f.unit, &a));
    assert_true(ra_marker_set(f.shard, other, &b, 10));
    assert_int_equal(atomic_load(&f.memory->markers), 2);
    ra_memory_unref(f.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settled_writes_share_one_marker),
        cmocka_unit_test(test_set_clear_postpone),
        cmocka_unit_test(test_cap_over_all_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
