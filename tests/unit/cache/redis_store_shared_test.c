/* Which units bypass, over all loops of a process, and what that tells the near cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/redis_store_parts.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { HOUR = 3600000, NOW = 1000, NEAR_BYTES = 4 << 20 };

static ra_key key_of(unsigned char n)
{
    ra_key k;
    memset(k.b, n, sizeof k.b);
    return k;
}

static void test_counts_writes(void **state)
{
    (void)state;
    ra_redis_shared *s = ra_redis_shared_new(NULL), *same = ra_redis_shared_ref(s);
    ra_key one = key_of(1), two = key_of(2);
    assert_null(ra_redis_shared_near(s));
    assert_false(ra_redis_shared_has(s, &one));
    ra_redis_shared_add(s, &one);
    ra_redis_shared_add(same, &one);
    assert_true(ra_redis_shared_has(s, &one));
    assert_false(ra_redis_shared_has(s, &two));
    ra_redis_shared_sub(s, &one);
    assert_true(ra_redis_shared_has(same, &one)); /* the other write to it */
    ra_redis_shared_unref(s);
    ra_redis_shared_sub(same, &one);
    assert_false(ra_redis_shared_has(same, &one));
    ra_redis_shared_unref(same);
    ra_redis_shared_unref(NULL);
}

static void test_touches_at_both_ends(void **state)
{
    (void)state;
    ra_near *near = ra_near_new(NEAR_BYTES, HOUR);
    ra_redis_shared *s = ra_redis_shared_new(near);
    ra_key one = key_of(1);
    assert_ptr_equal(ra_redis_shared_near(s), near);
    ra_near_unref(near); /* it has a reference of its own */
    unsigned before = ra_near_mark_now(near, &one, NULL, 0).unit;
    ra_redis_shared_add(s, &one);
    assert_int_equal(ra_near_mark_now(near, &one, NULL, 0).unit, before + 1);
    ra_redis_shared_sub(s, &one);
    assert_int_equal(ra_near_mark_now(near, &one, NULL, 0).unit, before + 2);
    ra_redis_shared_unref(s);
}

/* ---- a writer, and readers on other loops, who see what Redis would say in `stored` ---- */

enum { WRITES = 5000, READERS = 2 };

static struct {
    ra_near *near;
    ra_redis_shared *shared;
    ra_key unit;
    atomic_uint stored;       /* the unit's version in Redis */
    atomic_uint acknowledged; /* to the client, before Redis has acknowledged the end */
    atomic_bool over;
    atomic_uint unasked, asked, too_old;
} race;

static void *writes(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < WRITES; i++) {
        unsigned served = atomic_load(&race.unasked), asked = atomic_load(&race.asked);
        while (atomic_load(&race.unasked) == served)
            sched_yield();
        ra_redis_shared_add(race.shared, &race.unit);
        for (unsigned k = 0; k < 2000 && atomic_load(&race.asked) == asked; k++)
            ; /* as it takes time: who has begun to ask goes on meanwhile */
        atomic_store(&race.acknowledged, atomic_fetch_add(&race.stored, 1) + 1);
        ra_redis_shared_sub(race.shared, &race.unit);
    }
    atomic_store(&race.over, true);
    return NULL;
}

/* Asks Redis, whose answer may be overtaken by writes, and holds it. */
static void asks(void)
{
    ra_near_mark mark = ra_near_mark_now(race.near, &race.unit, NULL, 0);
    unsigned version = atomic_load(&race.stored);
    ra_payload *p = ra_payload_new((ra_bytes){(const char *)&version, sizeof version}, 0, 0, 0);
    ra_near_entry e = {.payload = p,
                       .token.unit = {9, "epoch00!1"},
                       .expires = (int64_t)2 * HOUR,
                       .keeps = (int64_t)2 * HOUR};
    ra_near_put(race.near, NOW, &race.unit, &race.unit, NULL, 0, &e, &mark);
    ra_payload_unref(p);
    atomic_fetch_add(&race.asked, 1);
}

/* As a lookup does: is it being written here, is it held, is it fresh? */
static void looks(void)
{
    ra_near_entry e;
    unsigned least = atomic_load(&race.acknowledged), version;
    if (ra_redis_shared_has(race.shared, &race.unit))
        return;
    if (!ra_near_get(race.near, NOW, NOW, &race.unit, &race.unit, NULL, 0, &e)) {
        asks();
        return;
    }
    memcpy(&version, e.payload->body, sizeof version);
    ra_payload_unref(e.payload);
    if (e.fresh && version < least)
        atomic_fetch_add(&race.too_old, 1);
    if (e.fresh)
        atomic_fetch_add(&race.unasked, 1);
    else
        asks();
}

static void *reads(void *arg)
{
    (void)arg;
    while (!atomic_load(&race.over))
        looks();
    return NULL;
}

static void test_a_fresh_hit_is_never_older_than_an_own_write(void **state)
{
    (void)state;
    pthread_t writer, readers[READERS];
    race.near = ra_near_new(NEAR_BYTES, HOUR);
    race.shared = ra_redis_shared_new(race.near);
    race.unit = key_of(7);
    assert_true(race.near && race.shared);
    ra_near_heard(race.near, "epoch00!", HOUR);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, reads, NULL), 0);
    assert_int_equal(pthread_create(&writer, NULL, writes, NULL), 0);
    pthread_join(writer, NULL);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    looks(); /* as nobody writes any more: the last two are asked, then unasked */
    looks();
    assert_true(atomic_load(&race.unasked) > 0);
    assert_int_equal(atomic_load(&race.too_old), 0);
    ra_redis_shared_unref(race.shared);
    ra_near_unref(race.near);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_writes),
        cmocka_unit_test(test_touches_at_both_ends),
        cmocka_unit_test(test_a_fresh_hit_is_never_older_than_an_own_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
