#include "proxy/follow_errand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <stdatomic.h>

/* A loop on a thread, and this thread, which has things done there. */
typedef struct fixture {
    struct event_base *base;
    ra_mailbox *mailbox;
    ra_errand errand;
    pthread_t thread;
    ra_letter stop;
    atomic_uint begun, cancelled; /* how often */
    unsigned turns;               /* how many an errand takes */
    bool outcome;
    atomic_bool hangs; /* it never ends by itself */
} fixture;

static void stop(ra_letter *letter, void *arg)
{
    (void)letter;
    event_base_loopexit(((fixture *)arg)->base, NULL);
}

static void *run(void *arg)
{
    event_base_loop(((fixture *)arg)->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static int set_up(void **state)
{
    static fixture f;
    f = (fixture){.base = event_base_new(), .turns = 1, .outcome = true};
    f.mailbox = ra_mailbox_new(f.base);
    f.stop = (ra_letter){.deliver = stop, .arg = &f};
    assert_true(ra_errand_init(&f.errand, f.base, f.mailbox));
    assert_int_equal(pthread_create(&f.thread, NULL, run, &f), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    ra_mailbox_post(f->mailbox, &f->stop);
    pthread_join(f->thread, NULL);
    ra_errand_fini(&f->errand);
    ra_errand_fini(&f->errand); /* harmless */
    ra_mailbox_free(f->mailbox);
    event_base_free(f->base);
    return 0;
}

static void begin(ra_errand *e, void *arg)
{
    fixture *f = arg;
    unsigned times = atomic_fetch_add(&f->begun, 1) + 1;
    if (times < f->turns)
        ra_errand_again(e);
    else if (!f->hangs)
        ra_errand_end(e, f->outcome);
}

static void cancel(ra_errand *e, void *arg)
{
    (void)e;
    atomic_fetch_add(&((fixture *)arg)->cancelled, 1);
}

static const ra_errand_kind usual = {.begin = begin, .cancel = cancel};
static const ra_errand_kind last = {.begin = begin, .cancel = cancel, .last = true};

enum { LONG = 60 * 1000 };

static void tells_how_it_ended(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 1000; i++) {
        f->outcome = i % 3;
        assert_true(ra_errand_run(&f->errand, &usual, f, LONG) == f->outcome);
    }
    assert_int_equal(f->begun, 1000);
    assert_int_equal(f->cancelled, 0);
}

static void takes_as_many_turns_as_it_wants(void **state)
{
    fixture *f = *state;
    f->turns = 50;
    assert_true(ra_errand_run(&f->errand, &usual, f, LONG));
    assert_int_equal(f->begun, 50);
}

static void is_given_up_past_its_limit(void **state)
{
    fixture *f = *state;
    f->hangs = true;
    assert_false(ra_errand_run(&f->errand, &usual, f, 10));
    assert_int_equal(f->cancelled, 1);
    f->hangs = false;
    assert_true(ra_errand_run(&f->errand, &usual, f, LONG));
    f->hangs = true;
    f->turns = UINT32_MAX; /* a letter is on its way all the time */
    assert_false(ra_errand_run(&f->errand, &usual, f, 10));
    assert_int_equal(f->cancelled, 2);
}

static void *hurry_when_begun(void *arg)
{
    fixture *f = arg;
    while (!atomic_load(&f->begun))
        sched_yield();
    ra_errand_hurry(&f->errand);
    return NULL;
}

static void in_a_hurry_only_the_last_ones_are_done(void **state)
{
    fixture *f = *state;
    pthread_t other;
    f->hangs = true;
    assert_int_equal(pthread_create(&other, NULL, hurry_when_begun, f), 0);
    assert_false(ra_errand_run(&f->errand, &usual, f, LONG));
    pthread_join(other, NULL);
    assert_int_equal(f->cancelled, 1);
    f->hangs = false;
    assert_false(ra_errand_run(&f->errand, &usual, f, LONG));
    assert_int_equal(f->begun, 1);
    assert_true(ra_errand_run(&f->errand, &last, f, LONG));
    assert_int_equal(f->begun, 2);
    f->hangs = true;
    assert_false(ra_errand_run(&f->errand, &last, f, 10));
    assert_int_equal(f->cancelled, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_how_it_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_as_many_turns_as_it_wants, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_given_up_past_its_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(in_a_hurry_only_the_last_ones_are_done, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
