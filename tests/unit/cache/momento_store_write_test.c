#include "tests/unit/cache/momento_store_fixture.h"

static void test_a_write_from_begin_to_end(void **state)
{
    writing w;
    char first[64];
    (void)state;
    seed(p1.stores[0], "one");
    ASSERT_HIT(look(p2.stores[0]), "one");
    snprintf(first, sizeof first, "%s", reg(UNIT));
    assert_true(begin(p1.stores[0], &w, UNIT));
    assert_int_equal(reg(UNIT)[0], 'W');
    assert_int_equal(reg_item(UNIT)->ttl, HOLD / 1000); /* whoever ends it may be gone */
    pass(1000);
    ASSERT_BYPASS(look(p1.stores[0]), "write-in-progress");
    ASSERT_BYPASS(look(p2.stores[0]), "write-in-progress");
    fake_forget();
    end(p1.stores[0], &w, 0);
    assert_true(ra_momento_store_ending(p1.stores[0]));
    SETTLE();
    assert_false(ra_momento_store_ending(p1.stores[0]));
    assert_int_equal(fake.puts, 1);
    assert_int_equal(reg(UNIT)[0], 'I');
    assert_string_not_equal(reg(UNIT), first);
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS); /* another process sees it */
    /* Replicas may not agree yet: this one promises that it sees its own writes. */
    ASSERT_BYPASS(look(p1.stores[0]), "write-in-progress");
    pass(1900);
    ASSERT_BYPASS(look(p1.stores[0]), "write-in-progress");
    pass(300);
    assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS);
    assert_int_equal(ra_momento_store_of(p1.stores[0])->nmarkers, 0);
}

/* All loops of the process know what one of them writes. */
static void test_what_one_loop_writes(void **state)
{
    process_options o = defaults();
    writing w;
    (void)state;
    ra_store *second = add_store(&p1, &o);
    seed(p1.stores[0], "one");
    ASSERT_HIT(look(second), "one");
    assert_true(begin(p1.stores[0], &w, UNIT));
    ASSERT_BYPASS(look(second), "write-in-progress");
    end(p1.stores[0], &w, 0);
    SETTLE();
    ASSERT_BYPASS(look(second), "write-in-progress");
    pass(2200);
    assert_int_equal(look(second).outcome, RA_LOOKUP_MISS);
}

/* A read that began before the write and fills after it has dead tags. */
static void test_a_late_fill(void **state)
{
    writing w;
    (void)state;
    ra_lookup late = look(p2.stores[0]);
    assert_true(begin(p1.stores[0], &w, UNIT));
    end(p1.stores[0], &w, 0);
    SETTLE();
    fill(p2.stores[0], &late, "old");
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
    pass(2200);
    assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS);
    /* In the process that writes it isn't even sent. */
    late = look_at(p1.stores[0], OTHER, 1);
    assert_true(begin(p1.stores[0], &w, OTHER));
    assert_int_equal(fill_for(p1.stores[0], &late, "old", 1000, 0), RA_FILL_OVERTAKEN);
    end(p1.stores[0], &w, 0);
    SETTLE();
}

/* A reader that found no register puts one over the writer's; what it fills before the commit dies with the
 * write's end. */
static void test_a_reader_that_overwrites_a_writer(void **state)
{
    asked a;
    writing w;
    (void)state;
    fake.only = EVHTTP_REQ_PUT;
    fake.hold = true;
    ask(p2.stores[0], &a, UNIT, 0);
    UNTIL(fake.held_n == 1);
    begin_only(p1.stores[0], &w, UNIT);
    UNTIL(fake.held_n == 2);
    struct evhttp_request *reader = fake.held[0];
    fake.held[0] = fake.held[1];
    fake.held[1] = reader; /* the writer's lands first */
    fake_release();
    UNTIL(a.done && w.done);
    assert_int_equal(reg(UNIT)[0], 'I');
    assert_int_equal(a.v[0].outcome, RA_LOOKUP_MISS);
    fill(p2.stores[0], &a.v[0], "old");
    ASSERT_HIT(look_at(p2.stores[0], UNIT, 0), "old"); /* it isn't committed yet */
    end(p1.stores[0], &w, 0);
    SETTLE();
    pass(2200);
    assert_int_equal(look_at(p2.stores[0], UNIT, 0).outcome, RA_LOOKUP_MISS);
    assert_int_equal(look_at(p1.stores[0], UNIT, 0).outcome, RA_LOOKUP_MISS);
}

/* Of two processes' writes the first to end opens the unit; the end of the second voids what came between. */
static void test_two_processes_write_at_once(void **state)
{
    writing a, b;
    (void)state;
    assert_true(begin(p1.stores[0], &a, UNIT));
    assert_true(begin(p2.stores[0], &b, UNIT));
    end(p1.stores[0], &a, 0);
    SETTLE();
    assert_int_equal(reg(UNIT)[0], 'I');
    pass(2200);
    ra_lookup v = look(p1.stores[0]);
    fill(p1.stores[0], &v, "old");
    ASSERT_HIT(look(p1.stores[0]), "old");
    end(p2.stores[0], &b, 0);
    SETTLE();
    pass(1000);
    assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS);
}

/* In one process the first to end leaves that to the other. */
static void test_two_writes_of_one_loop(void **state)
{
    writing a, b;
    (void)state;
    assert_true(begin(p1.stores[0], &a, UNIT));
    assert_true(begin(p1.stores[0], &b, UNIT));
    fake_forget();
    end(p1.stores[0], &a, 500);
    pass(700);
    SETTLE();
    assert_int_equal(fake.puts, 0);
    assert_int_equal(reg(UNIT)[0], 'W');
    end(p1.stores[0], &b, 0);
    SETTLE();
    assert_int_equal(fake.puts, 1);
    assert_int_equal(reg(UNIT)[0], 'I');
    ASSERT_BYPASS(look(p1.stores[0]), "write-in-progress");
    pass(2200);
    assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS);
}

/* But not to one that Momento doesn't know of: meanwhile others would take the unit for idle. */
static void test_an_heir_has_marked_the_unit(void **state)
{
    writing a, b;
    (void)state;
    seed(p1.stores[0], "one");
    fake.only = EVHTTP_REQ_PUT;
    fake_fail(500, "no", NULL);
    assert_false(begin(p1.stores[0], &a, UNIT));
    assert_true(ra_momento_store_go_on(p1.stores[0], the_time, &a.id, a.units, 1, HOLD));
    assert_false(begin(p1.stores[0], &b, UNIT));
    assert_true(ra_momento_store_go_on(p1.stores[0], the_time, &b.id, b.units, 1, HOLD));
    fake_fail(0, NULL, NULL);
    ASSERT_HIT(look(p2.stores[0]), "one");
    end(p1.stores[0], &a, 0);
    SETTLE();
    pass(1000);
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
    end(p1.stores[0], &b, 0);
    SETTLE();
}

static void test_an_index_follows(void **state)
{
    writing w;
    (void)state;
    assert_true(begin(p1.stores[0], &w, UNIT));
    fake_forget();
    end(p1.stores[0], &w, 5000);
    pass(4900);
    SETTLE();
    assert_int_equal(fake.puts, 0);
    ASSERT_BYPASS(look_at(p2.stores[0], UNIT, 0), "write-in-progress");
    pass(200);
    SETTLE();
    assert_int_equal(fake.puts, 1);
    assert_int_equal(reg(UNIT)[0], 'I');
    assert_int_equal(look_at(p2.stores[0], UNIT, 0).outcome, RA_LOOKUP_MISS);
}

static void test_a_write_of_unknown_fate(void **state)
{
    writing w;
    (void)state;
    seed(p1.stores[0], "one");
    assert_true(begin(p1.stores[0], &w, UNIT));
    for (int i = 0; i < 59; i++)
        pass(1000);
    ASSERT_BYPASS(look(p1.stores[0]), "write-in-progress");
    ASSERT_BYPASS(look(p2.stores[0]), "write-in-progress");
    fake_forget();
    pass(1200);
    SETTLE();
    assert_int_equal(fake.puts, 1); /* what others may have filled meanwhile is void */
    assert_int_equal(reg(UNIT)[0], 'I');
    pass(2200);
    assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS);
}

/* The process is gone: its register goes by itself. */
static void test_a_writer_that_is_killed(void **state)
{
    writing w;
    (void)state;
    seed(p1.stores[0], "one");
    assert_true(begin(p1.stores[0], &w, UNIT));
    stop(&p1);
    the_time += HOLD - 1;
    ASSERT_BYPASS(look(p2.stores[0]), "write-in-progress");
    the_time += 1;
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
}

/* It is put again until it is acknowledged, each time with another nonce: one that lands late brings nothing
 * back. */
static void test_an_end_that_fails(void **state)
{
    writing w;
    char given_up[64], name[RA_MOMENTO_NAME_MAX];
    ra_key unit = key(UNIT);
    (void)state;
    seed(p1.stores[0], "one");
    assert_true(begin(p1.stores[0], &w, UNIT));
    fake_forget();
    fake.only = EVHTTP_REQ_PUT;
    fake_fail(500, "no", NULL);
    end(p1.stores[0], &w, 0);
    SETTLE();
    for (int i = 0; i < 8; i++) {
        pass(1000);
        SETTLE();
    }
    assert_in_range(fake.puts, 4, 9);
    assert_int_equal(counts(p1.stores[0]).untold, 1);
    ASSERT_BYPASS(look(p1.stores[0]), "write-in-progress");
    fake.hold = true;
    pass(5100);
    UNTIL(fake.held_n == 1);
    struct evbuffer *in = evhttp_request_get_input_buffer(fake.held[0]);
    snprintf(given_up, sizeof given_up, "%.33s", (const char *)evbuffer_pullup(in, 33));
    fake.hold = false;
    fake_say(fake.held[0], 500, "no");
    fake.held_n = 0;
    SETTLE();
    fake_fail(0, NULL, NULL);
    pass(5100);
    SETTLE();
    assert_int_equal(reg(UNIT)[0], 'I');
    assert_string_not_equal(reg(UNIT), given_up);
    assert_int_equal(counts(p1.stores[0]).untold, 0);
    ra_bytes n = ra_momento_register_name("p:", &unit, name);
    fake_store(n.p, n.n, given_up, 33, 100); /* it lands after all */
    pass(2200);
    assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS);
}

static void test_while_momento_is_away(void **state)
{
    writing w;
    (void)state;
    seed(p1.stores[0], "one");
    fake.only = EVHTTP_REQ_PUT;
    fake_fail(503, "away", NULL);
    assert_false(begin(p1.stores[0], &w, UNIT));
    /* The write goes on: what it touches is remembered here. */
    assert_true(ra_momento_store_go_on(p1.stores[0], the_time, &w.id, w.units, 1, HOLD));
    end(p1.stores[0], &w, 0);
    SETTLE();
    ASSERT_BYPASS(look(p1.stores[0]), "write-in-progress");
    ASSERT_HIT(look(p2.stores[0]), "one"); /* others haven't heard */
    fake_fail(0, NULL, NULL);
    pass(5100);
    SETTLE();
    pass(1000);
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
    /* One that isn't sent after all leaves nothing that would last. */
    fake_fail(503, "away", NULL);
    assert_false(begin(p1.stores[0], &w, OTHER));
    end(p1.stores[0], &w, 0);
    fake_fail(0, NULL, NULL);
    pass(5100);
    SETTLE();
    pass(2200);
    pass(2200);
    assert_int_equal(ra_momento_store_of(p1.stores[0])->nmarkers, 0);
}

/* However many writes to a unit there are while Momento is away, one register is to be put. */
static void test_many_writes_to_a_unit_while_momento_is_away(void **state)
{
    process_options o = defaults();
    writing w;
    (void)state;
    stop(&p1);
    o.max_markers = 8;
    start(&p1, &o);
    fake.only = EVHTTP_REQ_PUT;
    fake_fail(503, "away", NULL);
    for (int i = 0; i < 100; i++) {
        if (!begin(p1.stores[0], &w, UNIT))
            assert_true(ra_momento_store_go_on(p1.stores[0], the_time, &w.id, w.units, 1, HOLD));
        end(p1.stores[0], &w, 0);
        SETTLE();
        the_time += 10;
    }
    assert_int_equal(counts(p1.stores[0]).markers_refused, 0);
    assert_in_range(counts(p1.stores[0]).untold, 1, 2);
    ASSERT_BYPASS(look(p1.stores[0]), "write-in-progress");
    fake_fail(0, NULL, NULL);
    for (int i = 0; i < 60 && counts(p1.stores[0]).untold; i++) {
        pass(1000);
        SETTLE();
    }
    assert_int_equal(reg(UNIT)[0], 'I');
    pass(2200);
    assert_int_equal(ra_momento_store_of(p1.stores[0])->nmarkers, 0);
}

/* Of any number of units, which `key` hasn't. */
static void begin_at(ra_store *s, writing *w, unsigned n)
{
    *w = (writing){.units = {key(UNIT)}, .n = 1};
    memcpy(w->units[0].b, &n, sizeof n);
    assert_true(ra_write_id_new(&w->id));
    w->call = (ra_store_call){.done = on_done, .arg = &w->done};
    w->done = ra_store_begin(s, the_time, &w->id, w->units, 1, HOLD, &w->call) == RA_STORE_DONE;
    UNTIL(w->done);
    assert_true(w->call.ok);
}

/* More than are told at once: a process that ends waits for each. */
static void test_what_is_left_to_tell_at_the_end(void **state)
{
    enum { MANY = 300 };
    static writing w[MANY];
    (void)state;
    /* how quick the machine is decides nothing here */
    ra_momento_store_of(p1.stores[0])->breaker.options.slow_floor_us = INT64_C(1000000000);
    fake.only = EVHTTP_REQ_PUT;
    fake.drop = true;
    for (unsigned i = 0; i < MANY; i++)
        begin_at(p1.stores[0], &w[i], i);
    unsigned before = fake.puts;
    for (unsigned i = 0; i < MANY; i++)
        end(p1.stores[0], &w[i], 0);
    for (int i = 0; i < 1000 && ra_momento_store_ending(p1.stores[0]); i++) {
        SETTLE();
        pass(100);
    }
    assert_int_equal(fake.puts, before + MANY);
    assert_int_equal(counts(p1.stores[0]).untold, 0);
    /* One that failed is tried again, but one that goes on failing isn't waited for. */
    pass(2200);
    assert_true(begin(p1.stores[0], &w[0], UNIT));
    fake_fail(500, "no", NULL);
    end(p1.stores[0], &w[0], 0);
    SETTLE();
    assert_true(ra_momento_store_ending(p1.stores[0]));
    for (int i = 0; i < 100 && ra_momento_store_ending(p1.stores[0]); i++) {
        pass(100);
        SETTLE();
    }
    assert_false(ra_momento_store_ending(p1.stores[0]));
    assert_int_equal(counts(p1.stores[0]).untold, 1);
    /* An index that has yet to follow, and what Momento doesn't take now, neither. */
    fake_fail(0, NULL, NULL);
    pass(6000);
    SETTLE();
    assert_int_equal(counts(p1.stores[0]).untold, 0);
    assert_true(begin(p1.stores[0], &w[0], OTHER));
    end(p1.stores[0], &w[0], 5000);
    assert_false(ra_momento_store_ending(p1.stores[0]));
}

static void test_nobody_remembers_it_for_ever(void **state)
{
    writing w;
    (void)state;
    assert_true(begin(p1.stores[0], &w, UNIT));
    fake.only = EVHTTP_REQ_PUT;
    fake_fail(500, "no", NULL);
    end(p1.stores[0], &w, 0);
    SETTLE();
    pass(INT64_C(24) * 3600 * 1000 + 100);
    SETTLE();
    pass(5100); /* nothing in Momento is so old */
    assert_int_equal(ra_momento_store_of(p1.stores[0])->nmarkers, 0);
}

static void test_invalidating(void **state)
{
    ra_key units[] = {key(UNIT)};
    (void)state;
    seed(p1.stores[0], "one");
    ASSERT_HIT(look(p2.stores[0]), "one");
    ra_store_invalidate(p1.stores[0], the_time, units, 1);
    ra_store_invalidate(p1.stores[0], the_time, units, 1); /* again while it is told */
    ASSERT_BYPASS(look(p1.stores[0]), "write-in-progress");
    SETTLE();
    pass(1000);
    assert_int_equal(look(p2.stores[0]).outcome, RA_LOOKUP_MISS);
    pass(2200);
    assert_int_equal(look(p1.stores[0]).outcome, RA_LOOKUP_MISS);
}

static void test_room_for_markers(void **state)
{
    process_options o = defaults();
    writing w[3];
    (void)state;
    stop(&p1);
    o.max_markers = 2;
    start(&p1, &o);
    assert_true(begin(p1.stores[0], &w[0], 30));
    assert_true(begin(p1.stores[0], &w[1], 31));
    assert_false(begin(p1.stores[0], &w[2], 32));
    assert_false(ra_momento_store_go_on(p1.stores[0], the_time, &w[2].id, w[2].units, 1, HOLD));
    assert_int_equal(counts(p1.stores[0]).markers_refused, 2);
    ra_store_stats n;
    ra_store_get_stats(p1.stores[0], &n);
    assert_int_equal(n.markers, 2);
    /* Those that are there may be set anew. */
    w[0].done =
        ra_store_begin(p1.stores[0], the_time, &w[0].id, w[0].units, 1, HOLD, &w[0].call) == RA_STORE_DONE;
    UNTIL(w[0].done);
    assert_true(w[0].call.ok);
}

/* The store goes while all kinds of things are under way. */
static void test_a_store_that_goes_in_the_middle(void **state)
{
    writing a, b;
    asked l;
    (void)state;
    ra_lookup v = look(p1.stores[0]);
    assert_true(begin(p1.stores[0], &a, OTHER));
    fake.hold = true;
    end(p1.stores[0], &a, 0);
    begin_only(p1.stores[0], &b, 33);
    ask(p1.stores[0], &l, 34, 1);
    assert_int_equal(fill_for(p1.stores[0], &v, "one", 60000, 0), RA_FILL_QUEUED);
    UNTIL(fake.held_n >= 4);
    stop(&p1);
    assert_false(b.done || l.done);
}

/* Random writers and readers, with replies lost and late: no reader of a process is ever served anything
 * older than the newest write that had been acknowledged in that process before the read began. */
typedef struct truth {
    unsigned committed;       /* the table's own value */
    unsigned acknowledged[2]; /* the newest that a client of the process was told of */
} truth;

static unsigned random_state = 1;

static unsigned pick(unsigned n)
{
    random_state = random_state * 1103515245u + 12345u;
    return (random_state >> 16) % n;
}

static void read_once(process *p, int which, const truth *t)
{
    unsigned before = t->acknowledged[which];
    ra_lookup v = look(p->stores[0]);
    if (v.outcome == RA_LOOKUP_HIT) {
        assert_true((unsigned)strtoul(body, NULL, 10) >= before);
    } else if (v.outcome == RA_LOOKUP_MISS) {
        char text[16];
        snprintf(text, sizeof text, "%u", t->committed);
        fill_for(p->stores[0], &v, text, 60000, 0);
    }
}

static void test_a_process_sees_its_own_writes(void **state)
{
    (void)state;
    for (unsigned seed_of = 1; seed_of <= 12; seed_of++) {
        truth t = {0};
        writing w[2] = {{.n = 0}, {.n = 0}};
        random_state = seed_of;
        for (unsigned step = 0; step < 120; step++) {
            int which = (int)pick(2);
            process *p = which ? &p2 : &p1;
            switch (pick(7)) {
            case 0:
                if (!w[which].n && !begin(p->stores[0], &w[which], UNIT))
                    assert_true(ra_momento_store_go_on(p->stores[0], the_time, &w[which].id, w[which].units,
                                                       1, HOLD));
                break;
            case 1:
                if (w[which].n) {
                    t.acknowledged[which] = ++t.committed;
                    end(p->stores[0], &w[which], 0);
                    w[which].n = 0;
                }
                break;
            case 2:
                fake.only = pick(2) ? EVHTTP_REQ_PUT : (enum evhttp_cmd_type)0;
                fake_fail(pick(3) ? 0 : 500, "no", NULL);
                break;
            case 3:
                pass(pick(2) ? 150 : 2500);
                SETTLE();
                break;
            case 4:
                if (reg_item(UNIT) && !pick(4))
                    fake_remove(reg_item(UNIT));
                break;
            default:
                read_once(p, which, &t);
                break;
            }
        }
        fake_fail(0, NULL, NULL);
        for (int i = 0; i < 2; i++)
            if (w[i].n)
                end(i ? p2.stores[0] : p1.stores[0], &w[i], 0);
        for (int i = 0; i < 12; i++) {
            pass(5100);
            SETTLE();
        }
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_two, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_write_from_begin_to_end),
        TEST(test_what_one_loop_writes),
        TEST(test_a_late_fill),
        TEST(test_a_reader_that_overwrites_a_writer),
        TEST(test_two_processes_write_at_once),
        TEST(test_two_writes_of_one_loop),
        TEST(test_an_heir_has_marked_the_unit),
        TEST(test_an_index_follows),
        TEST(test_a_write_of_unknown_fate),
        TEST(test_a_writer_that_is_killed),
        TEST(test_an_end_that_fails),
        TEST(test_while_momento_is_away),
        TEST(test_many_writes_to_a_unit_while_momento_is_away),
        TEST(test_what_is_left_to_tell_at_the_end),
        TEST(test_nobody_remembers_it_for_ever),
        TEST(test_invalidating),
        TEST(test_room_for_markers),
        TEST(test_a_store_that_goes_in_the_middle),
        TEST(test_a_process_sees_its_own_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
