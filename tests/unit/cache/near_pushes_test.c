/* What counts as heard, and since when; regimes under threads. */
#include "memory_fixture.h"

#include "cache/near_pushes.h"

#include <pthread.h>
#include <sched.h>

#define EPOCH "0a1b2c3d"
#define OTHER "0a1b2c3e"

static ra_near_pushes pushes;

static int start(void **state)
{
    (void)state;
    ra_near_pushes_init(&pushes);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    ra_near_pushes_fini(&pushes);
    return 0;
}

static ra_generation generation(const char *text)
{
    ra_generation g = {.len = (uint8_t)strlen(text)};
    memcpy(g.b, text, g.len);
    return g;
}

/* A key whose slot is known. */
static ra_key key_in(unsigned slot, unsigned char rest)
{
    ra_key k;
    memset(k.b, rest, sizeof k.b);
    k.b[2] = slot & 0xff;
    k.b[3] = slot >> 8 & 0xff;
    return k;
}

typedef struct asked {
    ra_key unit, guards[RA_GUARDS_MAX];
    unsigned nguards;
    ra_token token;
    ra_near_mark mark;
} asked;

static asked ask(unsigned nguards)
{
    asked a = {.unit = key_in(1, 7), .guards = {key_in(2, 7), key_in(3, 7)}, .nguards = nguards};
    a.token.unit = a.token.guard[0] = a.token.guard[1] = generation(EPOCH ".1");
    a.mark = ra_near_pushes_mark(&pushes, &a.unit, a.guards, nguards);
    return a;
}

static bool is_fresh(const asked *a, int64_t now)
{
    ra_near_claim claim = {.unit = &a->unit, .guards = a->guards, .nguards = a->nguards, .token = &a->token};
    return ra_near_pushes_none_since(&pushes, now, &a->mark, &claim);
}

static void test_nothing_is_heard_at_first(void **state)
{
    (void)state;
    asked a = ask(0);
    assert_false(is_fresh(&a, 0));
    assert_false(is_fresh(&a, INT64_MIN));
    a.token.unit = generation("");
    assert_false(is_fresh(&a, INT64_MIN));
}

static void test_a_push_counts_for_unit_and_guards(void **state)
{
    (void)state;
    ra_near_pushes_heard(&pushes, EPOCH, 100);
    for (unsigned slot = 0; slot <= 4; slot++) {
        asked none = ask(0), one = ask(1), two = ask(2);
        ra_key other = key_in(slot, 9);
        ra_near_pushes_touch(&pushes, &other);
        assert_int_equal(is_fresh(&none, 0), slot != 1);
        assert_int_equal(is_fresh(&one, 0), slot != 1 && slot != 2);
        assert_int_equal(is_fresh(&two, 0), slot < 1 || slot > 3);
    }
    assert_int_equal(atomic_load(&pushes.touches), 5);
}

static void test_every_slot_is_one_of_its_own(void **state)
{
    (void)state;
    for (unsigned slot = 0; slot < RA_NEAR_SLOTS; slot++) {
        ra_key k = key_in(slot, 0);
        ra_near_mark m = ra_near_pushes_mark(&pushes, &k, NULL, 0);
        assert_int_equal(m.unit, 0);
        ra_near_pushes_touch(&pushes, &k);
    }
}

static void test_a_slot_wraps(void **state)
{
    (void)state;
    ra_near_pushes_heard(&pushes, EPOCH, 100);
    atomic_store(&pushes.slot[1], UINT32_MAX);
    asked a = ask(0);
    ra_near_pushes_touch(&pushes, &a.unit);
    assert_int_equal(atomic_load(&pushes.slot[1]), 0);
    assert_false(is_fresh(&a, 0));
    asked b = ask(0);
    assert_true(is_fresh(&b, 0));
}

static void test_until(void **state)
{
    (void)state;
    ra_near_pushes_heard(&pushes, EPOCH, 100);
    asked a = ask(2);
    assert_true(is_fresh(&a, 99));
    assert_false(is_fresh(&a, 100));
    ra_near_pushes_heard(&pushes, EPOCH, 200); /* late, and nothing was missed */
    assert_true(is_fresh(&a, 199));
    ra_near_pushes_heard(&pushes, EPOCH, 150);
    assert_false(is_fresh(&a, 150));
}

static void test_pushes_of_all(void **state)
{
    (void)state;
    ra_near_pushes_heard(&pushes, EPOCH, 100);
    asked before = ask(0);
    ra_near_pushes_touch_all(&pushes);
    asked between = ask(0);
    assert_false(is_fresh(&before, 0));
    assert_false(is_fresh(&between, 0));
    assert_false(is_fresh(&between, INT64_MIN));
    ra_near_pushes_heard(&pushes, EPOCH, 100);
    asked after = ask(0);
    assert_false(is_fresh(&before, 0));
    assert_false(is_fresh(&between, 0)); /* what changed since it was asked may not have been pushed */
    assert_true(is_fresh(&after, 0));
    assert_int_equal(atomic_load(&pushes.touches_of_all), 1);
}

static void test_what_was_asked_before_anything_was_heard(void **state)
{
    (void)state;
    asked a = ask(0);
    ra_near_pushes_heard(&pushes, EPOCH, 100);
    assert_false(is_fresh(&a, 0));
}

static void test_another_server(void **state)
{
    (void)state;
    ra_near_pushes_heard(&pushes, EPOCH, 100);
    asked old = ask(0), early = old;
    early.token.unit = generation(OTHER ".1");
    assert_false(is_fresh(&early, 0));
    ra_near_pushes_heard(&pushes, OTHER, 100);
    asked of_old = ask(0), of_new = of_old;
    of_new.token.unit = generation(OTHER ".1");
    assert_false(is_fresh(&old, 0));
    assert_false(is_fresh(&early, 0)); /* asked while the other's pushes weren't heard */
    assert_false(is_fresh(&of_old, 0));
    assert_true(is_fresh(&of_new, 0));
}

static void test_guards_are_of_the_same_server(void **state)
{
    (void)state;
    ra_near_pushes_heard(&pushes, EPOCH, 100);
    asked a = ask(2);
    assert_true(is_fresh(&a, 0));
    a.token.guard[1] = generation(OTHER ".1");
    assert_false(is_fresh(&a, 0));
    a.token.guard[1] = generation("");
    assert_false(is_fresh(&a, 0));
    a.nguards = 1; /* what isn't there isn't looked at */
    assert_true(is_fresh(&a, 0));
    a.token.guard[0] = generation(OTHER ".1");
    assert_false(is_fresh(&a, 0));
}

static void test_what_an_epoch_is(void **state)
{
    (void)state;
    static const struct {
        const char *epoch, *generation;
        bool fresh;
    } cases[] = {
        {EPOCH, EPOCH, true},
        {EPOCH, "0a1b2c3", false},
        {"0", "0", true},
        {"0", "00", true},
        {"0", "10", false},
        {"00", "0", false},
        {"1234567", "1234567.", true},
        {"", "", false},
        {"", "anything", false},
        {EPOCH "4", EPOCH "4", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ra_near_pushes_heard(&pushes, cases[i].epoch, 100);
        asked a = ask(0);
        a.token.unit = generation(cases[i].generation);
        assert_int_equal(is_fresh(&a, 0), cases[i].fresh);
    }
}

static void test_a_mark_of_no_question(void **state)
{
    (void)state;
    ra_near_pushes_heard(&pushes, EPOCH, 100);
    asked a = ask(0);
    a.mark = (ra_near_mark){0};
    assert_false(is_fresh(&a, 0));
    atomic_store(&pushes.all, UINT32_MAX);
    for (unsigned i = 0; i < 3; i++) {
        ra_near_pushes_touch_all(&pushes);
        ra_near_pushes_heard(&pushes, EPOCH, 100);
        asked b = ask(0);
        assert_int_not_equal(b.mark.all, 0);
        assert_true(is_fresh(&b, 0));
        assert_false(is_fresh(&a, 0));
    }
}

static void test_all_wraps(void **state)
{
    (void)state;
    ra_near_pushes_heard(&pushes, EPOCH, 100);
    atomic_store(&pushes.all, UINT32_MAX);
    asked a = ask(0);
    assert_true(is_fresh(&a, 0));
    ra_near_pushes_touch_all(&pushes);
    assert_int_equal(atomic_load(&pushes.all), 1);
    ra_near_pushes_heard(&pushes, EPOCH, 100);
    assert_int_equal(atomic_load(&pushes.all), 2);
    assert_false(is_fresh(&a, 0));
}

/*
 * Three servers, each with one register. One thread writes to all, and hears the one, the other or none; its
 * writes to the one that is heard are pushed before they are acknowledged. The others read: who may answer
 * without asking must answer with what was acknowledged before the read began. The third server is only ever
 * heard until a time that has passed: nothing of it is fresh, and would be if its epoch were taken together
 * with another's deadline.
 */
enum { READERS = 3, SERVERS = 3, LATE = 2, NONE = SERVERS, NOW = 50, ENOUGH = 200000, TOO_LONG = 20000000 };

static const char *const epochs[SERVERS] = {EPOCH, OTHER, "f0000000"};

typedef struct servers {
    atomic_uint version[SERVERS], acknowledged[SERVERS];
    atomic_uint reading, fresh;
    atomic_bool wrong;
} servers;

static void *write_and_hear(void *arg)
{
    servers *w = arg;
    const ra_key unit = key_in(1, 7);
    uint64_t random = 1;
    unsigned heard = NONE;
    while (atomic_load(&w->reading)) {
        uint64_t dice = next_random(&random);
        unsigned r = dice % 64, server = (unsigned)(dice >> 32) % SERVERS;
        if (r == 0) {
            ra_near_pushes_touch_all(&pushes);
            heard = NONE;
        } else if (r < 10) {
            ra_near_pushes_heard(&pushes, epochs[server], server == LATE ? NOW - 1 : NOW + 1);
            heard = server;
        } else if (r < 40) {
            unsigned version = atomic_fetch_add(&w->version[server], 1) + 1;
            if (heard == server)
                ra_near_pushes_touch(&pushes, &unit);
            atomic_store(&w->acknowledged[server], version);
        } else {
            sched_yield();
        }
    }
    return NULL;
}

static void *read_all(void *arg)
{
    servers *w = arg;
    for (unsigned i = 0, fresh = 0; i < TOO_LONG && fresh < ENOUGH; i++) {
        unsigned server = i % SERVERS;
        asked a = ask(1);
        a.token.unit = a.token.guard[0] = generation(epochs[server]);
        unsigned version = atomic_load(&w->version[server]);
        for (unsigned k = 0; k < 8; k++) {
            unsigned acknowledged = atomic_load(&w->acknowledged[server]);
            if (!is_fresh(&a, NOW))
                continue;
            fresh++;
            if (version < acknowledged || server == LATE)
                atomic_store(&w->wrong, true);
        }
        if (fresh >= ENOUGH)
            atomic_fetch_add(&w->fresh, fresh);
    }
    atomic_fetch_sub(&w->reading, 1);
    return NULL;
}

static void test_regimes_under_threads(void **state)
{
    (void)state;
    servers w = {.reading = READERS};
    pthread_t writer, readers[READERS];
    assert_int_equal(pthread_create(&writer, NULL, write_and_hear, &w), 0);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, &w), 0);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    pthread_join(writer, NULL);
    assert_false(w.wrong);
    assert_true(w.fresh >= READERS * ENOUGH);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_heard_at_first),
        TEST(test_a_push_counts_for_unit_and_guards),
        TEST(test_every_slot_is_one_of_its_own),
        TEST(test_a_slot_wraps),
        TEST(test_until),
        TEST(test_pushes_of_all),
        TEST(test_what_was_asked_before_anything_was_heard),
        TEST(test_another_server),
        TEST(test_guards_are_of_the_same_server),
        TEST(test_what_an_epoch_is),
        TEST(test_a_mark_of_no_question),
        TEST(test_all_wraps),
        TEST(test_regimes_under_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
