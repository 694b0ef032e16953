#include "cache/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

typedef struct box {
    struct event_base *base;
    ra_mailbox *mailbox;
    unsigned order[100], delivered;
} box;

typedef struct note {
    ra_letter letter;
    box *box;
    unsigned number;
    struct note *then; /* posted by this one's delivery */
    struct note *withdraw;
} note;

static void deliver(ra_letter *letter, void *arg)
{
    note *n = arg;
    assert_ptr_equal(letter, &n->letter);
    assert_false(letter->posted); /* may be posted again from here on */
    n->box->order[n->box->delivered++] = n->number;
    if (n->withdraw)
        assert_true(ra_mailbox_withdraw(n->box->mailbox, &n->withdraw->letter));
    if (n->then)
        assert_true(ra_mailbox_post(n->box->mailbox, &n->then->letter));
}

static note note_of(box *b, unsigned number)
{
    return (note){.box = b, .number = number, .letter = {.deliver = deliver}};
}

static bool post(note *n)
{
    n->letter.arg = n;
    return ra_mailbox_post(n->box->mailbox, &n->letter);
}

static void open_box(box *b)
{
    *b = (box){.base = event_base_new()};
    b->mailbox = ra_mailbox_new(b->base);
    assert_non_null(b->mailbox);
}

static void close_box(box *b)
{
    ra_mailbox_free(b->mailbox);
    event_base_free(b->base);
}

/* One turn of the loop: what is ready now, and no waiting. */
static void turn(box *b)
{
    event_base_loop(b->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void test_in_order_and_never_inside_post(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    note a = note_of(&b, 1), c = note_of(&b, 2), d = note_of(&b, 3);
    assert_true(post(&a) && post(&c) && post(&d));
    assert_int_equal(b.delivered, 0);
    assert_false(post(&c)); /* it is under way already */
    turn(&b);
    assert_int_equal(b.delivered, 3);
    assert_int_equal(b.order[0] * 100 + b.order[1] * 10 + b.order[2], 123);
    turn(&b);
    assert_int_equal(b.delivered, 3);
    assert_true(post(&c));
    turn(&b);
    assert_int_equal(b.delivered, 4);
    close_box(&b);
}

/* A letter that is posted by a delivery waits for the loop's next turn: letters can't starve sockets. */
static void test_answers_wait_for_the_next_turn(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    note ping = note_of(&b, 1), pong = note_of(&b, 2);
    ping.then = &pong;
    pong.then = &ping;
    pong.letter.arg = &pong;
    post(&ping);
    for (unsigned i = 1; i < 20; i++) {
        turn(&b);
        assert_int_equal(b.delivered, i);
    }
    close_box(&b); /* what is still posted isn't delivered */
    assert_int_equal(b.delivered, 19);
    assert_false(ping.letter.posted || pong.letter.posted);
}

static void test_withdraw(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    note n[4];
    for (unsigned i = 0; i < 4; i++)
        n[i] = note_of(&b, i + 1);
    assert_false(ra_mailbox_withdraw(b.mailbox, &n[0].letter));
    for (unsigned i = 0; i < 4; i++)
        post(&n[i]);
    assert_true(ra_mailbox_withdraw(b.mailbox, &n[3].letter)); /* the last, the first, one between */
    assert_true(ra_mailbox_withdraw(b.mailbox, &n[0].letter));
    assert_false(ra_mailbox_withdraw(b.mailbox, &n[0].letter));
    assert_true(post(&n[0]));
    assert_true(ra_mailbox_withdraw(b.mailbox, &n[2].letter));
    turn(&b);
    assert_int_equal(b.delivered, 2);
    assert_int_equal(b.order[0] * 10 + b.order[1], 21);
    post(&n[3]);
    assert_true(ra_mailbox_withdraw(b.mailbox, &n[3].letter)); /* leaves it empty */
    turn(&b);
    assert_int_equal(b.delivered, 2);
    assert_true(post(&n[3]));
    turn(&b);
    assert_int_equal(b.delivered, 3);
    close_box(&b);
}

/* One delivery takes back a letter of the same batch. */
static void test_withdraw_within_the_batch(void **state)
{
    (void)state;
    box b;
    open_box(&b);
    note first = note_of(&b, 1), second = note_of(&b, 2), third = note_of(&b, 3);
    first.withdraw = &second;
    post(&first), post(&second), post(&third);
    turn(&b);
    assert_int_equal(b.delivered, 2);
    assert_int_equal(b.order[0] * 10 + b.order[1], 13);
    close_box(&b);
}

/* Threads post, the loop delivers until it has all; no wake-up is lost, or the loop would never end. */
enum { THREADS = 4, LETTERS = 5000 };

typedef struct counted {
    ra_letter letter;
    struct flood *flood;
    unsigned from, number;
} counted;

typedef struct flood {
    box box;
    counted letters[THREADS][LETTERS];
    unsigned next[THREADS], all;
} flood;

static void count(ra_letter *letter, void *arg)
{
    counted *c = arg;
    (void)letter;
    assert_int_equal(c->number, c->flood->next[c->from]); /* each sender's in its order */
    c->flood->next[c->from]++;
    if (++c->flood->all == THREADS * LETTERS)
        event_base_loopbreak(c->flood->box.base);
}

static void *send_all(void *arg)
{
    counted *letters = arg;
    for (unsigned i = 0; i < LETTERS; i++)
        ra_mailbox_post(letters[i].flood->box.mailbox, &letters[i].letter);
    return NULL;
}

static void test_threads(void **state)
{
    static flood f;
    pthread_t thread[THREADS];
    (void)state;
    open_box(&f.box);
    for (unsigned t = 0; t < THREADS; t++)
        for (unsigned i = 0; i < LETTERS; i++)
            f.letters[t][i] = (counted){
                .letter = {.deliver = count, .arg = &f.letters[t][i]}, .flood = &f, .from = t, .number = i};
    for (unsigned t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, send_all, f.letters[t]), 0);
    event_base_dispatch(f.box.base);
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(thread[t], NULL);
    assert_int_equal(f.all, THREADS * LETTERS);
    close_box(&f.box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order_and_never_inside_post),
        cmocka_unit_test(test_answers_wait_for_the_next_turn),
        cmocka_unit_test(test_withdraw),
        cmocka_unit_test(test_withdraw_within_the_batch),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
