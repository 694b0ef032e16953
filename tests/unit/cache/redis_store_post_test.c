/* Posts in Redis: one holder at a time, notes that outlive him, and what is said when Redis can't be asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#pragma GCC diagnostic ignored "-Wunused-function"
#include "redis_store_fixture.h"

enum { POST = 77 };

/* The key of a post in Redis. */
static const char *post_key(uint64_t name)
{
    static char text[96];
    snprintf(text, sizeof text, "test:ra1:s%s", name_of(name) + strlen("test:ra1:"));
    return text;
}

static ra_post wanted_post(uint64_t name, uint64_t holder, int64_t lease, const char *note)
{
    return (ra_post){.name = key_of(name),
                     .holder = write_id(holder),
                     .lease = lease,
                     .note = note,
                     .note_n = note ? strlen(note) : 0,
                     .note_life = HOUR,
                     .since = RA_SINCE_EVER};
}

/* Was the store asked? */
static bool ask_post(unsigned i, ra_post *p)
{
    waiting w = waiting_new();
    w.call.arg = &w;
    if (ra_store_post(stores[i], test_now(), p, &w.call) == RA_STORE_PENDING)
        UNTIL(w.done);
    return w.call.ok;
}

static ra_post hold(unsigned i, uint64_t holder, const char *note)
{
    ra_post p = wanted_post(POST, holder, HOUR, note);
    assert_true(ask_post(i, &p));
    return p;
}

static ra_post leave(unsigned i, uint64_t holder, const char *note)
{
    ra_post p = wanted_post(POST, holder, HOUR, note);
    p.leave = true;
    assert_true(ask_post(i, &p));
    assert_false(p.held);
    return p;
}

static ra_post look_at(unsigned i)
{
    ra_post p = wanted_post(POST, 99, 0, "not left");
    assert_true(ask_post(i, &p));
    assert_false(p.held);
    return p;
}

static void expect_found(const ra_post *p, const char *note)
{
    assert_int_equal(p->found_n, strlen(note));
    assert_memory_equal(p->found, note, p->found_n);
}

static void lease_runs_out(void)
{
    ask("HSET %s until 1", post_key(POST));
}

static void test_one_holder_at_a_time(void **state)
{
    (void)state;
    open_serving(2);
    assert_true(hold(0, 1, NULL).held);
    assert_false(hold(1, 2, NULL).held);
    assert_true(hold(0, 1, NULL).held);
    assert_true(hold(1, 1, NULL).held); /* another loop of the same process */
    ra_post other = wanted_post(POST + 1, 2, HOUR, NULL);
    assert_true(ask_post(1, &other) && other.held && !other.taken_over);
}

static void test_left_it_is_free_at_once(void **state)
{
    (void)state;
    open_serving(2);
    hold(0, 1, "a");
    leave(1, 2, "not his"); /* it isn't his to leave */
    assert_false(hold(1, 2, NULL).held);
    ra_post left = leave(0, 1, "b");
    expect_found(&left, "a");
    ra_post next = hold(1, 2, NULL);
    assert_true(next.held && !next.taken_over);
    expect_found(&next, "b");
}

static void test_a_lease_that_has_run_out(void **state)
{
    (void)state;
    open_serving(2);
    hold(0, 1, "a");
    lease_runs_out();
    ra_post again = hold(0, 1, NULL);
    assert_true(again.held && !again.taken_over); /* nobody wanted it meanwhile */
    lease_runs_out();
    ra_post over = hold(1, 2, "b");
    assert_true(over.held && over.taken_over);
    expect_found(&over, "a");
    ra_post late = hold(0, 1, "late"); /* he has been asleep */
    assert_false(late.held);
    leave(0, 1, "late");
    ra_post his = hold(1, 2, NULL);
    assert_true(his.held && !his.taken_over);
    expect_found(&his, "b");
}

static void test_who_leaves_late_but_was_not_missed(void **state)
{
    (void)state;
    open_serving(2);
    hold(0, 1, "a");
    lease_runs_out();
    leave(0, 1, "b");
    ra_post next = hold(1, 2, NULL);
    assert_true(next.held && !next.taken_over);
    expect_found(&next, "b");
}

/* Who has been asleep leaves no note over that of somebody who has come and gone meanwhile. */
static void test_who_renews_late(void **state)
{
    (void)state;
    open_serving(2);
    ra_post first = wanted_post(POST, 1, HOUR, "a"), late = wanted_post(POST, 1, HOUR, "late");
    first.renew = late.renew = true;
    assert_true(ask_post(0, &first) && !first.held); /* it isn't his yet */
    assert_string_equal(ask("EXISTS %s", post_key(POST)), "0");
    hold(0, 1, "a");
    lease_runs_out();
    assert_true(ask_post(0, &first) && first.held && !first.taken_over); /* nobody has come */
    lease_runs_out();
    hold(1, 2, "b");
    leave(1, 2, "c");
    assert_true(ask_post(0, &late) && !late.held);
    expect_found(&late, "c");
    ra_post next = hold(0, 1, NULL);
    assert_true(next.held && !next.taken_over);
    expect_found(&next, "c");
}

static void test_looking_changes_nothing(void **state)
{
    (void)state;
    open_serving(2);
    ra_post p = look_at(0);
    assert_int_equal(p.found_n, 0);
    assert_string_equal(ask("EXISTS %s", post_key(POST)), "0");
    hold(1, 1, "a");
    p = look_at(0);
    expect_found(&p, "a");
    assert_true(hold(1, 1, NULL).held);
}

/* Those that are left again live on; without a note in between they don't. */
static void test_how_long_notes_live(void **state)
{
    (void)state;
    open_serving(1);
    ra_post p = wanted_post(POST, 1, 1000, "a");
    assert_true(ask_post(0, &p) && p.held);
    long long left = strtoll(ask("PTTL %s", post_key(POST)), NULL, 10);
    assert_in_range(left, 1001, HOUR);
    p.lease = 2 * (int64_t)HOUR;
    p.note = NULL;
    assert_true(ask_post(0, &p) && p.held);
    left = strtoll(ask("PTTL %s", post_key(POST)), NULL, 10);
    assert_in_range(left, HOUR + 1, 2 * HOUR);
    ask("HSET %s note 1:old", post_key(POST));
    assert_int_equal(look_at(0).found_n, 0);
    hold(0, 1, "new");
    ra_post found = look_at(0);
    expect_found(&found, "new");
}

/* Whoever looks at the post knows it, by his own clock, and not much later than it was. */
static void test_since_when_own_writes_count(void **state)
{
    (void)state;
    open_serving(2);
    assert_true(hold(0, 1, "a").found_since == RA_SINCE_EVER);
    int64_t now = test_now();
    ra_post p = wanted_post(POST, 2, HOUR, NULL);
    p.since = now;
    assert_true(ask_post(1, &p) && !p.held); /* it isn't his to leave */
    assert_true(look_at(1).found_since == RA_SINCE_EVER);
    p.holder = write_id(1);
    for (unsigned i = 0; i < 50; i++) {
        assert_true(ask_post(i % 2, &p) && p.held);
        assert_true(p.found_since >= now);
    }
    p.since = now - 5000;
    assert_true(ask_post(0, &p) && p.found_since >= now);
    leave(0, 1, NULL);
    ra_post found = hold(1, 3, "b");
    assert_true(found.found_since >= now && found.found_since < now + 5000);
    ask("HSET %s e other", post_key(POST));
    assert_true(hold(0, 1, NULL).found_since == RA_SINCE_EVER);
}

static void test_any_bytes_up_to_the_cap(void **state)
{
    (void)state;
    open_serving(1);
    char note[RA_POST_NOTE_MAX + 1];
    for (size_t i = 0; i < sizeof note; i++)
        note[i] = (char)(i * 7);
    ra_post p = wanted_post(POST, 1, HOUR, NULL);
    p.note = note;
    p.note_n = RA_POST_NOTE_MAX;
    assert_true(ask_post(0, &p) && p.held);
    ra_post found = look_at(0);
    assert_int_equal(found.found_n, RA_POST_NOTE_MAX);
    assert_memory_equal(found.found, note, RA_POST_NOTE_MAX);
    p.note_n++;
    assert_false(ask_post(0, &p));
    p.note_n = 0;
    assert_true(ask_post(0, &p) && p.held);
    assert_int_equal(look_at(0).found_n, 0);
}

static void test_data_that_is_lost_or_of_another_server(void **state)
{
    (void)state;
    open_serving(2);
    hold(0, 1, "a");
    ask("HSET %s e other", post_key(POST));
    ra_post p = hold(1, 2, NULL);
    assert_true(p.held && !p.taken_over && p.found_n == 0);
    ask("FLUSHALL");
    p = hold(0, 1, NULL);
    assert_true(p.held && !p.taken_over && p.found_n == 0);
}

static void test_in_quarantine(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.quarantine = HOUR;
    open_store(0, o);
    UNTIL(health_of(0) == RA_REDIS_QUARANTINE);
    assert_true(hold(0, 1, "a").held);
    assert_false(begin(0, 1, 1, HOUR));
}

static void test_scripts_that_were_forgotten(void **state)
{
    (void)state;
    open_serving(1);
    hold(0, 1, "a");
    ask("SCRIPT FLUSH");
    ra_post p = hold(0, 1, "b");
    assert_true(p.held);
    expect_found(&p, "a");
    assert_true(counts_of(0).scripts_resent > 0);
}

/* ---- when it can't be asked ---- */

static void expect_unasked(unsigned i, bool at_once)
{
    waiting w = waiting_new();
    w.call.arg = &w;
    ra_post p = wanted_post(POST, 1, HOUR, "a");
    p.held = p.taken_over = true;
    p.found_n = 3;
    enum ra_store_step step = ra_store_post(stores[i], test_now(), &p, &w.call);
    assert_int_equal(step, at_once ? RA_STORE_DONE : RA_STORE_PENDING);
    if (!at_once)
        UNTIL(w.done);
    assert_false(w.call.ok || p.held || p.taken_over || p.found_n);
    assert_null(w.call.pending);
}

static void test_redis_is_away(void **state)
{
    (void)state;
    ra_redis_store_options o = defaults(0);
    o.command_timeout = 200;
    open_store(0, o);
    expect_unasked(0, true); /* not connected yet */
    UNTIL(serving(0));
    halt();
    expect_unasked(0, false); /* in time */
    resume();
    UNTIL(serves_again(0));
    ask("SET %s text", post_key(POST));
    expect_unasked(0, false);
    server_down();
    UNTIL(health_of(0) == RA_REDIS_DOWN);
    expect_unasked(0, true);
    server_up();
}

static void test_cancelled_and_freed(void **state)
{
    (void)state;
    open_serving(1);
    waiting w = waiting_new();
    w.call.arg = &w;
    ra_post p = wanted_post(POST, 1, HOUR, NULL);
    assert_int_equal(ra_store_post(stores[0], test_now(), &p, &w.call), RA_STORE_PENDING);
    ra_store_cancel(stores[0], &w.call);
    memset(&p, 0xff, sizeof p);
    UNTIL(strcmp(ask("EXISTS %s", post_key(POST)), "1") == 0);
    assert_true(hold(0, 1, NULL).held);
    assert_int_equal(w.done, 0);
    ra_post last = wanted_post(POST, 1, HOUR, NULL);
    assert_int_equal(ra_store_post(stores[0], test_now(), &last, &w.call), RA_STORE_PENDING);
    close_store(0);
    assert_int_equal(w.done, 0);
}

static void test_without_memory(void **state)
{
    (void)state;
#ifdef OWN_ALLOCATOR
    skip();
#else
    open_serving(1);
    for (unsigned i = 0; i < 300; i++) {
        ra_post p = wanted_post(POST, 1, HOUR, "a");
        waiting w = waiting_new();
        w.call.arg = &w;
        refuse_one_in = 1 + i % 6;
        enum ra_store_step step = ra_store_post(stores[0], test_now(), &p, &w.call);
        refuse_one_in = 0;
        if (step == RA_STORE_PENDING)
            UNTIL(w.done);
        assert_int_equal(w.call.ok, p.held);
    }
    assert_true(hold(0, 1, NULL).held);
#endif
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_holder_at_a_time),
        TEST(test_left_it_is_free_at_once),
        TEST(test_a_lease_that_has_run_out),
        TEST(test_who_leaves_late_but_was_not_missed),
        TEST(test_who_renews_late),
        TEST(test_looking_changes_nothing),
        TEST(test_how_long_notes_live),
        TEST(test_since_when_own_writes_count),
        TEST(test_any_bytes_up_to_the_cap),
        TEST(test_data_that_is_lost_or_of_another_server),
        TEST(test_in_quarantine),
        TEST(test_scripts_that_were_forgotten),
        TEST(test_redis_is_away),
        TEST(test_cancelled_and_freed),
        TEST(test_without_memory),
    };
    if (argc > 1) /* the test to run */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, all_begin, all_end);
}
