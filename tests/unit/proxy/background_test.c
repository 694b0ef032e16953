#include "proxy/background.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

/* A fetch that the test lets go on, one at a time. */
typedef struct source {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned begun, ended, allowed; /* guarded by lock */
    int64_t again;
    bool looks; /* ends when the background does */
    sigset_t mask;
    ra_background *b;
} source;

static int64_t fetch(void *arg)
{
    source *s = arg;
    pthread_mutex_lock(&s->lock);
    pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
    s->begun++;
    pthread_cond_broadcast(&s->changed);
    while (s->ended >= s->allowed && !s->looks)
        pthread_cond_wait(&s->changed, &s->lock);
    while (s->looks && !ra_background_ending(s->b))
        continue;
    s->ended++;
    int64_t again = s->again;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return again;
}

static void allow(source *s, unsigned n)
{
    pthread_mutex_lock(&s->lock);
    s->allowed += n;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void until(source *s, const unsigned *count, unsigned n)
{
    pthread_mutex_lock(&s->lock);
    while (*count < n)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

typedef struct fixture {
    struct event_base *base;
    ra_mailbox *mailbox;
    source s;
    ra_background *b;
    unsigned woken;
    ra_background_wait *leaves; /* when the next one is woken */
} fixture;

static int set_up(void **state)
{
    static fixture f;
    f = (fixture){.base = event_base_new(), .s = {.again = INT64_MAX}};
    f.mailbox = ra_mailbox_new(f.base);
    pthread_mutex_init(&f.s.lock, NULL);
    pthread_cond_init(&f.s.changed, NULL);
    f.b = ra_background_new("a name longer than threads have", fetch, &f.s);
    assert_non_null(f.b);
    f.s.b = f.b;
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    allow(&f->s, 1000);
    ra_background_free(f->b);
    ra_mailbox_free(f->mailbox);
    event_base_free(f->base);
    pthread_cond_destroy(&f->s.changed);
    pthread_mutex_destroy(&f->s.lock);
    return 0;
}

static void on_woken(ra_background_wait *w)
{
    fixture *f = w->arg;
    f->woken++;
    if (f->leaves)
        ra_background_leave(f->b, f->leaves);
    f->leaves = NULL;
}

static ra_background_wait wait_of(fixture *f)
{
    return (ra_background_wait){.mailbox = f->mailbox, .woken = on_woken, .arg = f};
}

static void until_woken(fixture *f, unsigned n)
{
    while (f->woken < n)
        event_base_loop(f->base, EVLOOP_ONCE);
}

static void turn(fixture *f)
{
    event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void test_one_fetch_for_many(void **state)
{
    fixture *f = *state;
    ra_background_wait w[5];
    for (size_t i = 0; i < 3; i++) {
        w[i] = wait_of(f);
        ra_background_wait_for(f->b, &w[i]);
    }
    until(&f->s, &f->s.begun, 1);
    for (size_t i = 3; i < 5; i++) { /* it is under way already */
        w[i] = wait_of(f);
        ra_background_wait_for(f->b, &w[i]);
    }
    ra_background_ask(f->b);
    turn(f);
    assert_int_equal(f->woken, 0);
    allow(&f->s, 1);
    until_woken(f, 5);
    turn(f);
    assert_int_equal(f->woken, 5);
    assert_int_equal(f->s.begun, 1);
    ra_background_wait_for(f->b, &w[0]); /* the next one is another fetch */
    allow(&f->s, 1);
    until_woken(f, 6);
    assert_int_equal(f->s.begun, 2);
}

static void test_who_leaves_is_not_woken(void **state)
{
    fixture *f = *state;
    ra_background_wait a = wait_of(f), b = wait_of(f), c = wait_of(f), never = wait_of(f);
    ra_background_leave(f->b, &never);
    ra_background_wait_for(f->b, &a);
    ra_background_wait_for(f->b, &b);
    ra_background_wait_for(f->b, &c);
    ra_background_leave(f->b, &b); /* from the middle of the list */
    ra_background_leave(f->b, &b);
    allow(&f->s, 1);
    until(&f->s, &f->s.ended, 1);
    until_woken(f, 2);
    ra_background_leave(f->b, &a); /* has been woken: nothing is left to do */
    turn(f);
    assert_int_equal(f->woken, 2);
}

/* One that has been posted to, but not yet told, leaves while the other one is being told. */
static void test_leaving_the_mailbox(void **state)
{
    fixture *f = *state;
    ra_background_wait a = wait_of(f), b = wait_of(f);
    ra_background_wait_for(f->b, &a);
    ra_background_wait_for(f->b, &b); /* woken first */
    f->leaves = &a;
    allow(&f->s, 1);
    until_woken(f, 1);
    turn(f);
    assert_int_equal(f->woken, 1);
    ra_background_wait_for(f->b, &a);
    allow(&f->s, 1);
    until_woken(f, 2);
}

static void test_again_unasked(void **state)
{
    fixture *f = *state;
    f->s.again = 0;
    allow(&f->s, 3);
    ra_background_ask(f->b);
    until(&f->s, &f->s.ended, 3);
    until(&f->s, &f->s.begun, 4);
    pthread_mutex_lock(&f->s.lock);
    f->s.again = 1;
    pthread_mutex_unlock(&f->s.lock);
    allow(&f->s, 2);
    until(&f->s, &f->s.ended, 5);
}

static void test_nothing_is_fetched_unasked_at_first(void **state)
{
    fixture *f = *state;
    ra_background_free(f->b);
    assert_int_equal(f->s.begun, 0);
    f->b = NULL;
    ra_background_free(NULL);
}

/* Signals are the main thread's business. */
static void test_takes_no_signals(void **state)
{
    fixture *f = *state;
    allow(&f->s, 1);
    ra_background_ask(f->b);
    until(&f->s, &f->s.ended, 1);
    assert_int_equal(sigismember(&f->s.mask, SIGTERM), 1);
    assert_int_equal(sigismember(&f->s.mask, SIGHUP), 1);
    sigset_t ours;
    pthread_sigmask(SIG_SETMASK, NULL, &ours);
    assert_int_equal(sigismember(&ours, SIGTERM), 0);
}

static void test_a_long_fetch_sees_the_end(void **state)
{
    fixture *f = *state;
    f->s.looks = true;
    ra_background_wait w = wait_of(f);
    assert_false(ra_background_ending(f->b));
    ra_background_wait_for(f->b, &w);
    ra_background_free(f->b);
    f->b = NULL;
    turn(f);
    assert_int_equal(f->s.ended, f->s.begun);
}

typedef struct asker {
    fixture *f;
    pthread_t thread;
} asker;

static void *ask_often(void *arg)
{
    asker *a = arg;
    for (int i = 0; i < 200; i++)
        ra_background_ask(a->f->b);
    return NULL;
}

static void test_asked_from_many_threads(void **state)
{
    fixture *f = *state;
    asker a[3];
    allow(&f->s, 100000);
    for (size_t i = 0; i < 3; i++) {
        a[i].f = f;
        assert_int_equal(pthread_create(&a[i].thread, NULL, ask_often, &a[i]), 0);
    }
    for (unsigned i = 1; i <= 100; i++) {
        ra_background_wait stays = wait_of(f), leaves = wait_of(f);
        ra_background_wait_for(f->b, &leaves);
        ra_background_wait_for(f->b, &stays);
        ra_background_leave(f->b, &leaves);
        until_woken(f, i);
    }
    for (size_t i = 0; i < 3; i++)
        pthread_join(a[i].thread, NULL);
    turn(f);
    assert_int_equal(f->woken, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_fetch_for_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_leaves_is_not_woken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_leaving_the_mailbox, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_again_unasked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_fetched_unasked_at_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_takes_no_signals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_long_fetch_sees_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_asked_from_many_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
