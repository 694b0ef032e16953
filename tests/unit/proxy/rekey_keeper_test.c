/* Positions are passed on when what their records owe has been done, and not before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/rekey_keeper.h"

enum { SHARDS = 2 };

/* What the inner keeper has. */
typedef struct kept {
    char handled[SHARDS][RA_SEQUENCE_MAX + 1];
    bool finished[SHARDS];
    unsigned notes, releases;
    bool refuses;
} kept;

typedef struct fixture {
    kept kept;
    ra_stream_keeper inner;
    ra_rekey_looks *looks;
    ra_rekey_keeper *keeper;
    const ra_stream_keeper *outer;
} fixture;

static size_t which(const ra_shard *s)
{
    assert_true(s->id[0] >= '0' && s->id[0] < '0' + SHARDS);
    return (size_t)(s->id[0] - '0');
}

static enum ra_keeper_step inner_hold(void *arg, const char *stream, ra_shard *shard)
{
    const kept *k = arg;
    assert_string_equal(stream, "arn");
    memcpy(shard->handled, k->handled[which(shard)], sizeof shard->handled);
    return RA_KEEPER_HELD;
}

static bool inner_note(void *arg, const char *stream, const ra_shard *shard)
{
    kept *k = arg;
    assert_string_equal(stream, "arn");
    if (k->refuses)
        return false;
    memcpy(k->handled[which(shard)], shard->handled, sizeof shard->handled);
    k->finished[which(shard)] = shard->finished;
    k->notes++;
    return true;
}

static void inner_release(void *arg, const char *stream, const ra_shard *shard)
{
    (void)stream;
    (void)shard;
    ((kept *)arg)->releases++;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->inner = (ra_stream_keeper){inner_hold, inner_note, inner_release, &f->kept};
    f->looks = ra_rekey_looks_new();
    f->keeper = ra_rekey_keeper_new(&f->inner, f->looks);
    f->outer = ra_rekey_keeper_outer(f->keeper);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ra_rekey_keeper_free(f->keeper);
    ra_rekey_looks_free(f->looks);
    free(f);
    return 0;
}

static void owe(fixture *f, unsigned char group, int64_t due)
{
    static const ra_stream_rule rule;
    ra_rekey_target t = {
        .partition = RA_BYTES("{}"), .origin = RA_BYTES("{}"), .sort = {RA_SCALAR_S, RA_BYTES("x")}};
    memset(t.group.b, group, sizeof t.group.b);
    assert_true(ra_rekey_looks_owe(f->looks, &rule, &t, due));
}

static void look(fixture *f)
{
    ra_rekey_looks_made(f->looks);
    ra_rekey_keeper_pass(f->keeper);
}

static void note(fixture *f, const char *id, const char *handled)
{
    ra_shard s = {.id = ""};
    snprintf(s.id, sizeof s.id, "%s", id);
    snprintf(s.handled, sizeof s.handled, "%s", handled);
    s.drained_ms = 7;
    assert_true(f->outer->note(f->outer->arg, "arn", &s));
}

static const char *held(fixture *f, const char *id)
{
    static ra_shard s;
    memset(&s, 0, sizeof s);
    snprintf(s.id, sizeof s.id, "%s", id);
    assert_int_equal(f->outer->hold(f->outer->arg, "arn", &s), RA_KEEPER_HELD);
    return s.handled;
}

static void at_once_where_nothing_is_owed(void **state)
{
    fixture *f = *state;
    note(f, "0", "5");
    assert_string_equal(f->kept.handled[0], "5");
    assert_string_equal(held(f, "0"), "5");
}

static void held_back_until_the_look_is_made(void **state)
{
    fixture *f = *state;
    note(f, "0", "5");
    owe(f, 1, 10);
    note(f, "0", "6");
    ra_rekey_keeper_pass(f->keeper);
    assert_string_equal(f->kept.handled[0], "5");
    assert_string_equal(held(f, "0"), "6"); /* the walk is told what it has noted */
    look(f);
    assert_string_equal(f->kept.handled[0], "6");
    assert_string_equal(held(f, "0"), "6");
}

static void what_came_later_waits_for_later_looks(void **state)
{
    fixture *f = *state;
    owe(f, 1, 10);
    note(f, "0", "5");
    owe(f, 2, 20);
    note(f, "0", "6");
    note(f, "1", "8");
    owe(f, 1, 30);
    note(f, "0", "7");
    look(f); /* 1's first */
    assert_string_equal(f->kept.handled[0], "5");
    assert_string_equal(f->kept.handled[1], "");
    assert_string_equal(held(f, "0"), "7");
    look(f); /* 2's */
    assert_string_equal(f->kept.handled[0], "5");
    assert_string_equal(f->kept.handled[1], "8");
    look(f); /* 1's second */
    assert_string_equal(f->kept.handled[0], "7");
}

static void one_that_is_never_idle_gets_on(void **state)
{
    fixture *f = *state;
    unsigned before = f->kept.notes;
    for (int i = 0; i < 100; i++) {
        char at[16];
        owe(f, 1, i);
        snprintf(at, sizeof at, "%d", i);
        note(f, "0", at);
        if (i % 10 == 9)
            look(f);
    }
    assert_true(f->kept.notes - before >= 4);
    while (!ra_rekey_looks_paid(f->looks, ra_rekey_looks_now(f->looks)))
        look(f);
    assert_string_equal(f->kept.handled[0], "99");
}

static void one_that_could_not_be_noted_is_noted_again(void **state)
{
    fixture *f = *state;
    owe(f, 1, 10);
    note(f, "0", "5");
    f->kept.refuses = true;
    look(f);
    assert_string_equal(f->kept.handled[0], "");
    f->kept.refuses = false;
    ra_rekey_keeper_pass(f->keeper);
    assert_string_equal(f->kept.handled[0], "5");
}

static void releases_are_passed_on(void **state)
{
    fixture *f = *state;
    ra_shard s = {.id = "0"};
    f->outer->release(f->outer->arg, "arn", &s);
    assert_int_equal(f->kept.releases, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(at_once_where_nothing_is_owed),
        TEST(held_back_until_the_look_is_made),
        TEST(what_came_later_waits_for_later_looks),
        TEST(one_that_is_never_idle_gets_on),
        TEST(one_that_could_not_be_noted_is_noted_again),
        TEST(releases_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
