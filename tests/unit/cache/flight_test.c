/* Flights: who leads, who waits, who is woken, and that nobody is woken twice or never. */
#include "cache/flight.h"

#include "refusing_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>

typedef struct fixture {
    struct event_base *base;
    ra_mailbox *mailbox;
    ra_flights *flights;
    ra_http_reply *reply;
} fixture;

/* A request's place in a flight, and what happened to it. */
typedef struct guest {
    ra_seat seat;
    unsigned woken, idle;
    ra_http_reply *got;
} guest;

static void on_woken(ra_seat *seat, ra_http_reply *reply_take)
{
    guest *g = seat->arg;
    g->woken++;
    g->got = reply_take;
    ra_http_reply_unref(reply_take);
}

static void on_idle(ra_seat *seat)
{
    ((guest *)seat->arg)->idle++;
}

static void setup(fixture *f)
{
    *f = (fixture){.base = event_base_new(), .flights = ra_flights_new()};
    f->mailbox = ra_mailbox_new(f->base);
    f->reply = calloc(1, sizeof *f->reply);
    assert_true(f->mailbox && f->flights && f->reply);
    atomic_init(&f->reply->refs, 1);
}

static void teardown(fixture *f)
{
    assert_int_equal(ra_flights_count(f->flights), 0);
    assert_int_equal(atomic_load(&f->reply->refs), 1); /* every reference that was taken has been dropped */
    ra_http_reply_unref(f->reply);
    ra_flights_free(f->flights);
    ra_mailbox_free(f->mailbox);
    event_base_free(f->base);
}

static enum ra_flight_role join(fixture *f, guest *g, unsigned char name)
{
    ra_key key = {{name}};
    *g = (guest){.seat = {.mailbox = f->mailbox, .woken = on_woken, .idle = on_idle}};
    g->seat.arg = g;
    return ra_flight_join(f->flights, &key, &g->seat);
}

static void turn(fixture *f)
{
    event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static void test_one_leads_the_others_are_woken(void **state)
{
    (void)state;
    enum { N = 200 };
    fixture f;
    guest leader, other, waiter[N];
    setup(&f);
    assert_int_equal(join(&f, &leader, 1), RA_FLIGHT_LEAD);
    assert_int_equal(join(&f, &other, 2), RA_FLIGHT_LEAD); /* another name, another flight */
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(join(&f, &waiter[i], 1), RA_FLIGHT_WAIT);
    assert_int_equal(ra_flights_count(f.flights), 2);
    assert_true(ra_flight_exists(f.flights, &(ra_key){{1}}));
    assert_false(ra_flight_exists(f.flights, &(ra_key){{3}}));
    ra_flight_land(&leader.seat, f.reply);
    assert_false(ra_flight_exists(f.flights, &(ra_key){{1}})); /* nobody can join it any more */
    assert_true(ra_flight_exists(f.flights, &(ra_key){{2}}));
    assert_int_equal(waiter[0].woken, 0); /* never inside the call */
    assert_int_equal(ra_flights_count(f.flights), 1);
    turn(&f);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(waiter[i].woken, 1);
        assert_ptr_equal(waiter[i].got, f.reply);
    }
    ra_flight_land(&other.seat, f.reply);
    turn(&f);
    assert_int_equal(leader.woken + leader.idle + other.woken + other.idle, 0);
    teardown(&f);
}

/* Whoever comes after the landing starts a flight of its own, even before the others have been woken. */
static void test_after_the_landing_a_new_flight(void **state)
{
    (void)state;
    fixture f;
    guest leader, waiter, late;
    setup(&f);
    join(&f, &leader, 1);
    join(&f, &waiter, 1);
    ra_flight_land(&leader.seat, f.reply);
    assert_int_equal(join(&f, &late, 1), RA_FLIGHT_LEAD);
    turn(&f);
    assert_int_equal(waiter.woken, 1);
    assert_true(ra_flight_orphan(&late.seat));
    teardown(&f);
}

static void test_a_waiter_leaves(void **state)
{
    (void)state;
    fixture f;
    guest leader, w[4];
    setup(&f);
    join(&f, &leader, 1);
    for (unsigned i = 0; i < 4; i++)
        join(&f, &w[i], 1);
    ra_flight_leave(&w[1].seat); /* from the middle, the end, the front */
    ra_flight_leave(&w[3].seat);
    ra_flight_leave(&w[0].seat);
    ra_flight_leave(&w[0].seat); /* once more is harmless */
    ra_flight_land(&leader.seat, f.reply);
    turn(&f);
    assert_int_equal(w[2].woken, 1);
    assert_int_equal(w[0].woken + w[1].woken + w[3].woken, 0);
    assert_int_equal(leader.idle, 0); /* the leader's client was there all the time */
    teardown(&f);
}

/* The reply is on its way when the waiter leaves: it isn't woken, and the reference is dropped. */
static void test_leaving_after_the_landing(void **state)
{
    (void)state;
    fixture f;
    guest leader, a, b;
    setup(&f);
    join(&f, &leader, 1);
    join(&f, &a, 1);
    join(&f, &b, 1);
    ra_flight_land(&leader.seat, f.reply);
    ra_flight_leave(&a.seat);
    turn(&f);
    assert_int_equal(a.woken, 0);
    assert_int_equal(b.woken, 1);
    teardown(&f);
}

static void test_orphan_alone_is_gone(void **state)
{
    (void)state;
    fixture f;
    guest leader, next;
    setup(&f);
    join(&f, &leader, 1);
    assert_true(ra_flight_orphan(&leader.seat));
    assert_int_equal(join(&f, &next, 1), RA_FLIGHT_LEAD);
    ra_flight_land(&next.seat, f.reply);
    teardown(&f);
}

static void test_orphan_carries_on_until_idle(void **state)
{
    (void)state;
    fixture f;
    guest leader, a, b;
    setup(&f);
    join(&f, &leader, 1);
    join(&f, &a, 1);
    assert_false(ra_flight_orphan(&leader.seat));
    assert_int_equal(join(&f, &b, 1), RA_FLIGHT_WAIT); /* it may still be joined */
    ra_flight_leave(&a.seat);
    turn(&f);
    assert_int_equal(leader.idle, 0);
    ra_flight_leave(&b.seat);
    assert_int_equal(leader.idle, 0);
    turn(&f);
    assert_int_equal(leader.idle, 1);
    assert_true(ra_flight_orphan(&leader.seat));
    teardown(&f);
}

/* Between the last waiter's leaving and the leader's hearing of it another joins. */
static void test_joined_while_the_idle_letter_is_under_way(void **state)
{
    (void)state;
    fixture f;
    guest leader, a, b;
    setup(&f);
    join(&f, &leader, 1);
    join(&f, &a, 1);
    assert_false(ra_flight_orphan(&leader.seat));
    ra_flight_leave(&a.seat);
    assert_int_equal(join(&f, &b, 1), RA_FLIGHT_WAIT);
    turn(&f);
    assert_int_equal(leader.idle, 1);
    assert_false(ra_flight_orphan(&leader.seat)); /* not idle any more: carry on */
    ra_flight_land(&leader.seat, f.reply);
    turn(&f);
    assert_int_equal(b.woken, 1);
    teardown(&f);
}

/* A landing or a true orphan takes back an idle letter: the seat may go at once. */
static void test_no_idle_after_the_end(void **state)
{
    (void)state;
    for (unsigned landed = 0; landed < 2; landed++) {
        fixture f;
        guest *leader = malloc(sizeof *leader), a;
        setup(&f);
        join(&f, leader, 1);
        join(&f, &a, 1);
        assert_false(ra_flight_orphan(&leader->seat));
        ra_flight_leave(&a.seat);
        if (landed)
            ra_flight_land(&leader->seat, f.reply);
        else
            assert_true(ra_flight_orphan(&leader->seat));
        free(leader);
        turn(&f);
        teardown(&f);
    }
}

/* A seat that never joined: the calls are harmless. */
static void test_no_flight(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    ra_seat seat = {.mailbox = f.mailbox};
    ra_flight_land(&seat, f.reply);
    assert_true(ra_flight_orphan(&seat));
    ra_flight_leave(&seat);
    teardown(&f);
}

#ifndef OWN_ALLOCATOR
/* No memory for a flight: each fetches for itself, and what a leader does is harmless. */
static void test_alone(void **state)
{
    (void)state;
    fixture f;
    guest a, b;
    setup(&f);
    refuse_one_in = 1;
    enum ra_flight_role first = join(&f, &a, 1), second = join(&f, &b, 1);
    refuse_one_in = 0;
    assert_int_equal(first, RA_FLIGHT_ALONE);
    assert_int_equal(second, RA_FLIGHT_ALONE);
    assert_int_equal(ra_flights_count(f.flights), 0);
    ra_flight_land(&a.seat, f.reply);
    assert_true(ra_flight_orphan(&b.seat));
    teardown(&f);
}
#endif

/*
 * Loops on threads of their own, requests that join, leave, land and orphan at random on a few names. Every
 * request that waits is woken or has left, exactly one of the two; nothing leaks; each loop ends when its
 * requests are done, so a lost wake-up would hang here.
 */
enum { LOOPS = 4, SEATS = 16, JOINS = 6000, NAMES = 3 };

typedef struct party party;

typedef struct player {
    guest guest;
    party *party;
    enum { OUT, LEADING, ORPHANED, WAITING } state;
} player;

struct party {
    fixture f; /* flights and reply are everybody's */
    uint64_t random;
    unsigned joined, led, waited, woken, left, ends;
    player players[SEATS];
    ra_letter again;
    pthread_t thread;
};

static unsigned roll(party *p, unsigned n)
{
    p->random = p->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(p->random >> 33) % n;
}

static void player_woken(ra_seat *seat, ra_http_reply *reply_take)
{
    player *p = seat->arg;
    assert_int_equal(p->state, WAITING);
    assert_ptr_equal(reply_take, p->party->f.reply);
    ra_http_reply_unref(reply_take);
    p->state = OUT;
    p->party->woken++;
}

static void player_idle(ra_seat *seat)
{
    player *p = seat->arg;
    assert_int_equal(p->state, ORPHANED);
    if (ra_flight_orphan(seat)) {
        p->state = OUT;
        p->party->ends++;
    }
}

static void player_joins(party *p, player *who)
{
    ra_key name = {{(unsigned char)roll(p, NAMES)}};
    who->party = p;
    who->guest.seat =
        (ra_seat){.mailbox = p->f.mailbox, .woken = player_woken, .idle = player_idle, .arg = who};
    p->joined++;
    if (ra_flight_join(p->f.flights, &name, &who->guest.seat) == RA_FLIGHT_WAIT) {
        who->state = WAITING;
        p->waited++;
    } else {
        who->state = LEADING;
        p->led++;
    }
}

static void player_moves(party *p, player *who)
{
    unsigned what = roll(p, 10);
    if (who->state == OUT && p->joined < JOINS) {
        player_joins(p, who);
    } else if (who->state == WAITING && what < 2) {
        ra_flight_leave(&who->guest.seat);
        who->state = OUT;
        p->left++;
    } else if (who->state == LEADING && what < 3) {
        bool gone = ra_flight_orphan(&who->guest.seat);
        who->state = gone ? OUT : ORPHANED;
        p->ends += gone;
    } else if ((who->state == LEADING || who->state == ORPHANED) && what < 6) {
        ra_flight_land(&who->guest.seat, p->f.reply);
        who->state = OUT;
        p->ends++;
    }
}

/* One step of some players, then round again through the mailbox until all have had their turns. */
static void play(ra_letter *letter, void *arg)
{
    party *p = arg;
    bool busy = p->joined < JOINS;
    for (unsigned i = 0; i < SEATS; i++) {
        player_moves(p, &p->players[roll(p, SEATS)]);
        busy = busy || p->players[i].state != OUT;
    }
    for (unsigned i = 0; i < SEATS; i++)
        busy = busy || p->players[i].state != OUT;
    if (busy)
        ra_mailbox_post(p->f.mailbox, letter);
    else
        event_base_loopbreak(p->f.base);
}

static void *run_loop(void *arg)
{
    party *p = arg;
    event_base_dispatch(p->f.base);
    return NULL;
}

static void test_threads(void **state)
{
    static party parties[LOOPS];
    unsigned waited = 0;
    (void)state;
    fixture shared;
    setup(&shared);
    for (unsigned i = 0; i < LOOPS; i++) {
        party *p = &parties[i];
        p->f = shared;
        p->f.base = event_base_new();
        p->f.mailbox = ra_mailbox_new(p->f.base);
        p->random = i;
        p->again = (ra_letter){.deliver = play, .arg = p};
        ra_mailbox_post(p->f.mailbox, &p->again);
    }
    for (unsigned i = 0; i < LOOPS; i++)
        assert_int_equal(pthread_create(&parties[i].thread, NULL, run_loop, &parties[i]), 0);
    for (unsigned i = 0; i < LOOPS; i++)
        pthread_join(parties[i].thread, NULL);
    for (unsigned i = 0; i < LOOPS; i++) {
        party *p = &parties[i];
        assert_int_equal(p->joined, JOINS);
        assert_int_equal(p->waited, p->woken + p->left);
        assert_int_equal(p->led, p->ends);
        waited += p->waited;
        ra_mailbox_free(p->f.mailbox);
        event_base_free(p->f.base);
    }
    assert_true(waited > LOOPS * JOINS / 10);
    teardown(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_leads_the_others_are_woken),
        cmocka_unit_test(test_after_the_landing_a_new_flight),
        cmocka_unit_test(test_a_waiter_leaves),
        cmocka_unit_test(test_leaving_after_the_landing),
        cmocka_unit_test(test_orphan_alone_is_gone),
        cmocka_unit_test(test_orphan_carries_on_until_idle),
        cmocka_unit_test(test_joined_while_the_idle_letter_is_under_way),
        cmocka_unit_test(test_no_idle_after_the_end),
        cmocka_unit_test(test_no_flight),
#ifndef OWN_ALLOCATOR
        cmocka_unit_test(test_alone),
#endif
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
