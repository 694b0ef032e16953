/* When credentials are renewed, with a clock and a source that the test turns. */
#include "proxy/credentials_renewed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t MINUTE = 60000, HOUR = 3600000, START = 1700000000000;

static atomic_int_fast64_t now;

/* The provider asks for the time once more to put a fetch's outcome in place, under its lock: who asks the
 * provider afterwards finds it. */
static _Thread_local bool fetched;
static atomic_uint in_place;

static int64_t wall(void)
{
    int64_t t = atomic_load(&now);
    if (fetched)
        atomic_fetch_add(&in_place, 1);
    fetched = false;
    return t;
}

static void until_in_place(unsigned n)
{
    while (atomic_load(&in_place) < n)
        sched_yield();
}

/* A fetch waits until it is allowed; what it then gives expires at `expires`, or there is nothing. */
typedef struct source {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned begun, ended, allowed; /* guarded by lock, as the next */
    int64_t expires;                /* 0: it is down */
    unsigned freed;
} source;

static ra_credentials *look(void *arg, const ra_background *b, char why[RA_CHAIN_WHY_MAX])
{
    source *s = arg;
    char id[32];
    ra_credentials *c = NULL;
    (void)b;
    pthread_mutex_lock(&s->lock);
    s->begun++;
    pthread_cond_broadcast(&s->changed);
    while (s->ended >= s->allowed)
        pthread_cond_wait(&s->changed, &s->lock);
    snprintf(id, sizeof id, "AKID%u", s->begun);
    if (s->expires)
        c = ra_credentials_new(id, "secret", NULL, s->expires, "test");
    else
        snprintf(why, RA_CHAIN_WHY_MAX, "it is down");
    fetched = true;
    s->ended++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return c;
}

static void free_source(void *arg)
{
    source *s = arg;
    s->freed++;
}

typedef struct fixture {
    struct event_base *base;
    ra_mailbox *mailbox;
    source s;
    ra_credentials_provider *p;
    unsigned told, told_none;
    char id[32];
} fixture;

static fixture f;

static void begin(int64_t expires)
{
    f = (fixture){.base = event_base_new()};
    f.mailbox = ra_mailbox_new(f.base);
    pthread_mutex_init(&f.s.lock, NULL);
    pthread_cond_init(&f.s.changed, NULL);
    atomic_store(&now, START);
    atomic_store(&in_place, 0);
    f.p = ra_credentials_renewed_new(&(ra_credentials_renewed_options){
        .first = ra_credentials_new("AKID0", "secret", NULL, expires, "test"),
        .look = look,
        .free_arg = free_source,
        .arg = &f.s,
        .wall = wall});
    assert_non_null(f.p);
}

static void allow(unsigned n)
{
    pthread_mutex_lock(&f.s.lock);
    f.s.allowed += n;
    pthread_cond_broadcast(&f.s.changed);
    pthread_mutex_unlock(&f.s.lock);
}

static void until(const unsigned *count, unsigned n)
{
    pthread_mutex_lock(&f.s.lock);
    while (*count < n)
        pthread_cond_wait(&f.s.changed, &f.s.lock);
    pthread_mutex_unlock(&f.s.lock);
}

static void end(void)
{
    allow(1000);
    ra_credentials_provider_free(f.p);
    assert_int_equal(f.s.freed, 1);
    ra_mailbox_free(f.mailbox);
    event_base_free(f.base);
    pthread_cond_destroy(&f.s.changed);
    pthread_mutex_destroy(&f.s.lock);
}

static void done(ra_credentials *c, const char *why, void *arg)
{
    assert_ptr_equal(arg, &f);
    assert_true(c ? !why : why != NULL);
    f.told++;
    f.told_none += !c;
    if (c)
        snprintf(f.id, sizeof f.id, "%s", c->access_key_id);
    ra_credentials_unref(c);
}

static ra_credentials_wait a_wait(void)
{
    return (ra_credentials_wait){.done = done, .arg = &f};
}

static enum ra_credentials_step get(ra_credentials_wait *w)
{
    ra_credentials *c = NULL;
    const char *why = NULL;
    enum ra_credentials_step step = f.p->get(f.p, &c, &why, f.mailbox, w);
    assert_int_equal(step == RA_CREDENTIALS_READY, c != NULL);
    assert_true(step != RA_CREDENTIALS_NONE || why);
    if (c)
        snprintf(f.id, sizeof f.id, "%s", c->access_key_id);
    ra_credentials_unref(c);
    return step;
}

static void until_told(unsigned n)
{
    while (f.told < n)
        event_base_loop(f.base, EVLOOP_ONCE);
}

/* Until the outcome of the last fetch shows: it is put in place after the source has ended. */
static void until_id(const char *id)
{
    ra_credentials_wait w = a_wait();
    for (*f.id = '\0'; strcmp(f.id, id) != 0;)
        assert_int_equal(get(&w), RA_CREDENTIALS_READY);
}

static void test_when(void **state)
{
    (void)state;
    assert_true(ra_credentials_renewal_due(START, INT64_MAX) == INT64_MAX);
    assert_int_equal(ra_credentials_renewal_due(START, START + 6 * HOUR), START + 6 * HOUR - 10 * MINUTE);
    assert_int_equal(ra_credentials_renewal_due(START, START + 20 * MINUTE), START + 10 * MINUTE);
    assert_int_equal(ra_credentials_renewal_due(START, START + 8 * MINUTE), START + 4 * MINUTE);
    assert_int_equal(ra_credentials_renewal_due(START, START + 4000), START + 2000);
    assert_int_equal(ra_credentials_renewal_due(START, START + 10), START + 1000); /* never in a tight loop */
    assert_int_equal(ra_credentials_renewal_due(START, START - 10), START + 1000);
}

static void test_pauses(void **state)
{
    (void)state;
    int64_t pause = 0, last = 0;
    for (int i = 0; i < 20; i++) {
        last = pause;
        pause = ra_credentials_renewal_pause(pause, false, 0);
        assert_true(pause >= last && pause <= MINUTE);
    }
    assert_int_equal(pause, MINUTE);
    assert_int_equal(ra_credentials_renewal_pause(0, false, 0), 1000);
    assert_int_equal(ra_credentials_renewal_pause(MINUTE, true, 0), 5000);
    for (uint64_t i = 0; i < 5000; i++) {
        int64_t spread = ra_credentials_renewal_pause(4000, false, i);
        assert_true(spread > 6000 && spread <= 8000);
    }
}

static void test_what_never_expires(void **state)
{
    (void)state;
    begin(INT64_MAX);
    atomic_store(&now, START + 100000 * HOUR);
    ra_credentials_wait w = a_wait();
    assert_int_equal(get(&w), RA_CREDENTIALS_READY);
    assert_int_equal(get(NULL), RA_CREDENTIALS_READY);
    end();
    assert_int_equal(f.s.begun, 0);
}

static void test_renewed_in_time(void **state)
{
    (void)state;
    begin(START + HOUR);
    ra_credentials_wait w = a_wait();
    atomic_store(&now, START + 50 * MINUTE - 1);
    assert_int_equal(get(&w), RA_CREDENTIALS_READY);
    assert_string_equal(f.id, "AKID0");
    atomic_store(&now, START + 50 * MINUTE);
    f.s.expires = START + 2 * HOUR;
    for (int i = 0; i < 100; i++) { /* the old ones, while one fetch is under way */
        assert_int_equal(get(&w), RA_CREDENTIALS_READY);
        assert_string_equal(f.id, "AKID0");
    }
    until(&f.s.begun, 1);
    assert_int_equal(get(&w), RA_CREDENTIALS_READY);
    allow(1);
    until_id("AKID1");
    atomic_store(&now, START + 110 * MINUTE - 1);
    for (int i = 0; i < 100; i++)
        get(&w);
    assert_int_equal(f.told, 0);
    end();
    assert_int_equal(f.s.begun, 1);
}

static void test_many_wait_for_one_fetch(void **state)
{
    enum { MANY = 50 };
    ra_credentials_wait w[MANY];
    (void)state;
    begin(START + HOUR);
    atomic_store(&now, START + HOUR);
    f.s.expires = START + 2 * HOUR;
    for (int i = 0; i < MANY; i++) {
        w[i] = a_wait();
        assert_int_equal(get(&w[i]), RA_CREDENTIALS_PENDING);
        if (i == MANY / 2)
            until(&f.s.begun, 1);
    }
    assert_int_equal(get(NULL), RA_CREDENTIALS_NONE); /* who can't wait */
    f.p->leave(f.p, &w[3]);
    f.p->leave(f.p, &w[MANY - 1]);
    event_base_loop(f.base, EVLOOP_NONBLOCK);
    assert_int_equal(f.told, 0);
    allow(1);
    until_told(MANY - 2);
    assert_int_equal(f.told_none, 0);
    assert_string_equal(f.id, "AKID1");
    event_base_loop(f.base, EVLOOP_NONBLOCK);
    assert_int_equal(f.told, MANY - 2);
    end();
    assert_int_equal(f.s.begun, 1);
}

static void test_an_outage(void **state)
{
    (void)state;
    begin(START + HOUR);
    ra_credentials_wait w = a_wait();
    atomic_store(&now, START + 50 * MINUTE);
    allow(1);
    assert_int_equal(get(&w), RA_CREDENTIALS_READY); /* asks; the source is down */
    until_in_place(1);
    atomic_store(&now, START + 59 * MINUTE); /* the old ones are good while they live */
    assert_int_equal(get(&w), RA_CREDENTIALS_READY);
    assert_string_equal(f.id, "AKID0");
    allow(1);
    until_in_place(2);
    atomic_store(&now, START + HOUR); /* and no longer */
    allow(1);
    assert_int_equal(get(&w), RA_CREDENTIALS_PENDING);
    until_told(1);
    assert_int_equal(f.told_none, 1);
    assert_int_equal(get(&w), RA_CREDENTIALS_NONE); /* it has failed a moment ago: nobody waits for another */
    pthread_mutex_lock(&f.s.lock);
    unsigned begun = f.s.begun;
    f.s.expires = START + 2 * HOUR;
    pthread_mutex_unlock(&f.s.lock);
    atomic_store(&now, START + HOUR + MINUTE);
    allow(1);
    assert_int_equal(get(&w), RA_CREDENTIALS_PENDING);
    until_told(2);
    assert_int_equal(f.told_none, 1);
    assert_int_equal(f.s.begun, begun + 1);
    assert_int_equal(get(&w), RA_CREDENTIALS_READY);
    end();
}

/* A loop that ends takes away who waits on it. */
static void test_freed_with_a_fetch_under_way(void **state)
{
    (void)state;
    begin(START + HOUR);
    ra_credentials_wait w = a_wait();
    atomic_store(&now, START + 2 * HOUR);
    assert_int_equal(get(&w), RA_CREDENTIALS_PENDING);
    until(&f.s.begun, 1);
    f.p->leave(f.p, &w);
    end();
    assert_int_equal(f.told, 0);
}

static void *get_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000; i++) {
        ra_credentials *c = NULL;
        const char *why = NULL;
        if (f.p->get(f.p, &c, &why, NULL, NULL) == RA_CREDENTIALS_READY && !c->access_key_id[0])
            return NULL;
        ra_credentials_unref(c);
    }
    return arg;
}

static void test_from_many_threads(void **state)
{
    pthread_t threads[3];
    void *well;
    (void)state;
    begin(START + HOUR);
    f.s.expires = START + 70 * MINUTE;
    atomic_store(&now, START + 55 * MINUTE);
    allow(100000);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_often, &f), 0);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], &well);
        assert_non_null(well);
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_what_never_expires),
        cmocka_unit_test(test_renewed_in_time),
        cmocka_unit_test(test_many_wait_for_one_fetch),
        cmocka_unit_test(test_an_outage),
        cmocka_unit_test(test_freed_with_a_fetch_under_way),
        cmocka_unit_test(test_from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
