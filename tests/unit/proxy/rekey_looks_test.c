/* Looks that are owed: their order, what they are made with, and when all up to a moment have been made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/rekey_looks.h"

static const ra_stream_rule a_rule;

static ra_rekey_target target(unsigned char group, const char *sort)
{
    ra_rekey_target t = {.partition = RA_BYTES("{}"), .origin = RA_BYTES("{}")};
    memset(t.group.b, group, sizeof t.group.b);
    t.sort = (ra_scalar){RA_SCALAR_S, ra_bytes_z(sort)};
    return t;
}

static void owe(ra_rekey_looks *l, unsigned char group, const char *sort, int64_t due)
{
    ra_rekey_target t = target(group, sort);
    assert_true(ra_rekey_looks_owe(l, &a_rule, &t, due));
}

static void assert_first(const ra_rekey_looks *l, unsigned char group, const char *sort, int64_t due)
{
    const ra_stream_rule *rule;
    const ra_rekey_target *t;
    int64_t when;
    assert_true(ra_rekey_looks_first(l, &rule, &t, &when));
    assert_ptr_equal(rule, &a_rule);
    assert_int_equal(t->group.b[0], group);
    assert_true(ra_bytes_eq_z(t->sort.bytes, sort));
    assert_int_equal(when, due);
}

static bool none(const ra_rekey_looks *l)
{
    const ra_stream_rule *rule;
    const ra_rekey_target *t;
    int64_t due;
    return !ra_rekey_looks_first(l, &rule, &t, &due);
}

static void in_the_order_of_when_they_are_due(void **state)
{
    (void)state;
    ra_rekey_looks *l = ra_rekey_looks_new();
    assert_true(none(l));
    owe(l, 2, "b", 20);
    owe(l, 1, "a", 10);
    owe(l, 3, "c", 15);
    assert_true(ra_rekey_looks_bytes(l) > 0);
    assert_first(l, 1, "a", 10);
    ra_rekey_looks_made(l);
    assert_first(l, 3, "c", 15);
    ra_rekey_looks_made(l);
    assert_first(l, 2, "b", 20);
    ra_rekey_looks_made(l);
    assert_true(none(l));
    assert_int_equal(ra_rekey_looks_bytes(l), 0);
    ra_rekey_looks_made(l);
    ra_rekey_looks_free(l);
}

static void with_the_newest_target(void **state)
{
    (void)state;
    ra_rekey_looks *l = ra_rekey_looks_new();
    ra_rekey_target t = target(1, "");
    assert_null(ra_rekey_looks_newest(l, &t.group));
    owe(l, 1, "b", 10);
    owe(l, 1, "a", 11);
    assert_true(ra_bytes_eq_z(ra_rekey_looks_newest(l, &t.group)->sort.bytes, "b"));
    owe(l, 1, "cccc", 12);
    assert_true(ra_bytes_eq_z(ra_rekey_looks_newest(l, &t.group)->sort.bytes, "cccc"));
    assert_first(l, 1, "cccc", 10);
    ra_rekey_looks_free(l);
}

/* However many come meanwhile, the first look isn't put off, and one more covers them all. */
static void a_busy_group_owes_two(void **state)
{
    (void)state;
    ra_rekey_looks *l = ra_rekey_looks_new();
    owe(l, 1, "a", 10);
    uint64_t first = ra_rekey_looks_now(l);
    owe(l, 1, "b", 12);
    uint64_t second = ra_rekey_looks_now(l);
    owe(l, 1, "c", 19);
    uint64_t third = ra_rekey_looks_now(l);
    assert_false(ra_rekey_looks_paid(l, first));
    assert_first(l, 1, "c", 10);
    ra_rekey_looks_made(l);
    assert_true(ra_rekey_looks_paid(l, first));
    assert_false(ra_rekey_looks_paid(l, second));
    assert_false(ra_rekey_looks_paid(l, third));
    assert_first(l, 1, "c", 19);
    ra_rekey_looks_made(l);
    assert_true(ra_rekey_looks_paid(l, third));
    assert_true(none(l));
    ra_rekey_looks_free(l);
}

static void paid_is_of_all_groups(void **state)
{
    (void)state;
    ra_rekey_looks *l = ra_rekey_looks_new();
    assert_true(ra_rekey_looks_paid(l, ra_rekey_looks_now(l)));
    owe(l, 1, "a", 30);
    owe(l, 2, "a", 10);
    uint64_t both = ra_rekey_looks_now(l);
    owe(l, 3, "a", 20);
    ra_rekey_looks_made(l); /* 2's */
    assert_false(ra_rekey_looks_paid(l, both));
    ra_rekey_looks_made(l); /* 3's */
    assert_false(ra_rekey_looks_paid(l, both));
    ra_rekey_looks_made(l);
    assert_true(ra_rekey_looks_paid(l, both));
    ra_rekey_looks_free(l);
}

/* Against a list of all that was ever owed: none is paid before a look at or after its own time. */
static void random_ones(void **state)
{
    (void)state;
    enum { STEPS = 3000, GROUPS = 12, SETTLE = 25, MOST = 50 };
    static struct {
        int64_t due;
        uint64_t number;
        unsigned char group;
        bool looked;
    } all[STEPS];
    size_t n = 0;
    unsigned seed = 7;
    int64_t now = 0;
    ra_rekey_looks *l = ra_rekey_looks_new();
    for (int i = 0; i < STEPS; i++) {
        seed = seed * 1103515245u + 12345u;
        now += seed >> 16 & 3;
        unsigned char group = (unsigned char)(seed >> 20 & 0xff) % GROUPS;
        char sort[16];
        snprintf(sort, sizeof sort, "%06u", seed >> 8 & 0xffff);
        owe(l, group, sort, now + SETTLE);
        all[n].group = group;
        all[n].due = now + SETTLE;
        all[n++].number = ra_rekey_looks_now(l);
        const ra_stream_rule *rule;
        const ra_rekey_target *t;
        int64_t due;
        while (ra_rekey_looks_first(l, &rule, &t, &due) && due <= now) {
            for (size_t k = 0; k < n; k++)
                all[k].looked = all[k].looked || (all[k].group == t->group.b[0] && all[k].due <= now);
            ra_rekey_looks_made(l);
        }
        for (size_t k = 0; k < n; k++) {
            if (!all[k].looked) {
                assert_false(ra_rekey_looks_paid(l, all[k].number));
                assert_true(now - all[k].due <= MOST); /* and it isn't put off for ever */
                break;
            }
        }
    }
    ra_rekey_looks_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_order_of_when_they_are_due),
        cmocka_unit_test(with_the_newest_target),
        cmocka_unit_test(a_busy_group_owes_two),
        cmocka_unit_test(paid_is_of_all_groups),
        cmocka_unit_test(random_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
