/* Pending commands with time passed in: order, deadlines, limits, and callbacks that send and abandon. */
#include "cache/redis_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

static ra_redis_queue queue;
static ra_redis *const redis = (ra_redis *)&queue; /* only handed through */
static char told[256];                             /* "a+": answered, "a-": ended without a reply */
static ra_redis_command *to_abandon;

static void add(const char *name, int64_t now, int64_t timeout, ra_redis_done done);

static void tell(ra_redis *r, const struct redisReply *reply, void *arg)
{
    assert_ptr_equal(r, redis);
    size_t n = strlen(told);
    snprintf(told + n, sizeof told - n, "%s%c", (const char *)arg, reply ? '+' : '-');
}

static void tell_and_send(ra_redis *r, const struct redisReply *reply, void *arg)
{
    tell(r, reply, arg);
    add("late", 0, 1, tell);
}

static void tell_and_abandon(ra_redis *r, const struct redisReply *reply, void *arg)
{
    tell(r, reply, arg);
    ra_redis_abandon(to_abandon);
}

static void add(const char *name, int64_t now, int64_t timeout, ra_redis_done done)
{
    ra_redis_command *c = ra_redis_command_new(now, timeout, done, (void *)(uintptr_t)name);
    assert_non_null(c);
    ra_redis_queue_push(&queue, c, 10);
    to_abandon = c;
}

static void answer(int64_t now)
{
    redisReply reply = {.type = REDIS_REPLY_NIL};
    assert_true(ra_redis_queue_answer(&queue, redis, now, &reply));
}

static int begin(void **state)
{
    (void)state;
    ra_redis_queue_init(&queue, 4, 35);
    told[0] = '\0';
    return 0;
}

static int end(void **state)
{
    (void)state;
    ra_redis_queue_drop(&queue, NULL);
    return 0;
}

static void test_order(void **state)
{
    (void)state;
    redisReply reply = {.type = REDIS_REPLY_NIL};
    assert_false(ra_redis_queue_answer(&queue, redis, 0, &reply));
    add("a", 0, 100, tell);
    add("b", 0, 50, tell);
    add("c", 0, INT64_MAX, NULL);
    assert_int_equal(ra_redis_queue_next(&queue), 50);
    answer(1);
    answer(1);
    assert_int_equal(ra_redis_queue_next(&queue), INT64_MAX);
    answer(1);
    assert_string_equal(told, "a+b+");
    assert_int_equal(queue.count + queue.bytes, 0);
    add("d", 5, 1, tell);
    answer(5);
    assert_string_equal(told, "a+b+d+");
}

static void test_deadlines(void **state)
{
    (void)state;
    add("a", 10, 100, tell);
    add("b", 10, 50, tell);
    ra_redis_queue_expire(&queue, redis, 59);
    assert_string_equal(told, "");
    ra_redis_queue_expire(&queue, redis, 60);
    ra_redis_queue_expire(&queue, redis, 60);
    assert_string_equal(told, "b-");
    assert_int_equal(queue.count, 2); /* its reply is still to come */
    assert_int_equal(ra_redis_queue_next(&queue), 110);
    answer(109);
    answer(109);
    assert_string_equal(told, "b-a+");
    add("c", 0, 5, tell);
    answer(5); /* nobody has looked at the deadlines: it has passed all the same */
    assert_string_equal(told, "b-a+c-");
}

/* Each command of these has 10 bytes. */
static void test_time_begins_when_it_is_written(void **state)
{
    (void)state;
    add("a", 0, 50, tell);
    add("b", 0, 50, tell);
    add("c", 0, 50, tell);
    ra_redis_queue_written(&queue, 40, 10);
    ra_redis_queue_written(&queue, 45, 9); /* not all of b */
    ra_redis_queue_expire(&queue, redis, 50);
    assert_string_equal(told, "b-c-"); /* they could never be written */
    ra_redis_queue_written(&queue, 60, 11);
    assert_int_equal(ra_redis_queue_next(&queue), 90); /* what has ended stays so */
    ra_redis_queue_expire(&queue, redis, 90);
    assert_string_equal(told, "b-c-a-");
    answer(91);
    answer(91);
    answer(91);
    add("d", 100, 50, tell);
    add("e", 100, 50, tell);
    ra_redis_queue_written(&queue, 120, 20);
    answer(169);
    answer(170);
    assert_string_equal(told, "b-c-a-d+e-");
    add("f", 0, 5, tell); /* and a new connection begins to count anew */
    ra_redis_queue_drop(&queue, NULL);
    add("g", 0, 5, tell);
    ra_redis_queue_written(&queue, 3, 10);
    assert_int_equal(ra_redis_queue_next(&queue), 8);
}

static void test_room(void **state)
{
    (void)state;
    assert_int_equal(ra_redis_queue_room(&queue), 35);
    add("a", 0, 1, tell);
    assert_int_equal(ra_redis_queue_room(&queue), 25);
    ra_redis_queue_expire(&queue, redis, 1);
    assert_int_equal(ra_redis_queue_room(&queue), 25);
    answer(1);
    assert_int_equal(ra_redis_queue_room(&queue), 35);
    ra_redis_queue_init(&queue, 2, 1000);
    add("b", 0, 1, tell);
    add("c", 0, 1, tell);
    assert_int_equal(ra_redis_queue_room(&queue), 0);
}

static void test_callbacks(void **state)
{
    (void)state;
    add("a", 0, 1, tell_and_send);
    add("b", 0, 1, tell_and_abandon);
    ra_redis_queue_expire(&queue, redis, 1); /* "late" is due too, and is abandoned by b */
    assert_string_equal(told, "a-b-");
    assert_int_equal(queue.count, 3);
    add("c", 0, 9, tell_and_abandon); /* itself, once it has ended */
    ra_redis_queue_drop(&queue, redis);
    assert_string_equal(told, "a-b-c-");
    assert_int_equal(queue.count + queue.bytes, 0);
    add("d", 0, 9, tell);
    ra_redis_queue_drop(&queue, NULL);
    assert_string_equal(told, "a-b-c-");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_order), TEST(test_deadlines),
                                       TEST(test_time_begins_when_it_is_written), TEST(test_room),
                                       TEST(test_callbacks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
