#include "cache/momento_store_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

typedef struct heard {
    unsigned times, warnings;
    char text[512];
} heard;

static heard log_of;
static ra_momento_shared *shared;
static ra_near *near;

static void on_say(const char *text, bool warning, void *arg)
{
    heard *h = arg;
    h->times++;
    h->warnings += warning;
    snprintf(h->text, sizeof h->text, "%s", text);
}

static int setup(void **state)
{
    (void)state;
    log_of = (heard){0};
    near = ra_near_new(4 << 20, 60000);
    ra_momento_shared_options o = {.near = near, .max_age = 60000, .say = on_say, .say_arg = &log_of};
    shared = ra_momento_shared_new(&o);
    return shared ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    ra_momento_shared_unref(ra_momento_shared_ref(shared));
    ra_momento_shared_unref(shared);
    ra_near_unref(near);
    return 0;
}

static ra_key key(unsigned char n)
{
    ra_key k;
    memset(k.b, n, sizeof k.b);
    return k;
}

static void test_what_is_written_here(void **state)
{
    ra_key a = key(1), b = key(2);
    (void)state;
    assert_false(ra_momento_shared_is_written(shared, &a));
    ra_momento_shared_add(shared, &a);
    ra_momento_shared_add(shared, &a);
    assert_true(ra_momento_shared_is_written(shared, &a));
    assert_false(ra_momento_shared_is_written(shared, &b));
    ra_momento_shared_sub(shared, &a);
    assert_true(ra_momento_shared_is_written(shared, &a));
    ra_momento_shared_sub(shared, &a);
    assert_false(ra_momento_shared_is_written(shared, &a));
}

static void test_what_a_register_was(void **state)
{
    ra_key a = key(1), b = key(2);
    ra_generation g, out;
    (void)state;
    assert_true(ra_momento_register_new(true, &g));
    assert_false(ra_momento_shared_known(shared, &a, 0, &out));
    ra_momento_shared_know(shared, &a, &g, 100, ra_momento_shared_mark(shared, &a));
    assert_true(ra_momento_shared_known(shared, &a, 100, &out));
    assert_memory_equal(out.b, g.b, g.len);
    assert_false(ra_momento_shared_known(shared, &a, 101, &out)); /* too old */
    assert_false(ra_momento_shared_known(shared, &b, 0, &out));
    /* An answer that comes late doesn't take a newer one's place. */
    ra_generation newer;
    assert_true(ra_momento_register_new(true, &newer));
    ra_momento_shared_know(shared, &a, &newer, 200, ra_momento_shared_mark(shared, &a));
    ra_momento_shared_know(shared, &a, &g, 150, ra_momento_shared_mark(shared, &a));
    assert_true(ra_momento_shared_known(shared, &a, 0, &out));
    assert_memory_equal(out.b, newer.b, newer.len);
}

/* Both ends of a write here void what was asked before them. */
static void test_a_write_touches(void **state)
{
    ra_key a = key(1);
    ra_generation g, out;
    (void)state;
    assert_true(ra_momento_register_new(true, &g));
    unsigned before = ra_momento_shared_mark(shared, &a);
    ra_momento_shared_know(shared, &a, &g, 100, before);
    ra_momento_shared_add(shared, &a);
    assert_false(ra_momento_shared_known(shared, &a, 0, &out));
    unsigned during = ra_momento_shared_mark(shared, &a);
    ra_momento_shared_know(shared, &a, &g, 101, before); /* asked before it, answered after */
    assert_false(ra_momento_shared_known(shared, &a, 0, &out));
    ra_momento_shared_sub(shared, &a);
    ra_momento_shared_know(shared, &a, &g, 102, during);
    assert_false(ra_momento_shared_known(shared, &a, 0, &out));
    ra_momento_shared_know(shared, &a, &g, 103, ra_momento_shared_mark(shared, &a));
    assert_true(ra_momento_shared_known(shared, &a, 0, &out));
}

/* What is near is fresh for as long as it may be, unless this process writes. */
static void test_what_is_near(void **state)
{
    ra_key unit = key(1), request = key(2);
    ra_payload *p = ra_payload_new(RA_BYTES("one"), 0, 0, 0);
    ra_near_entry e = {.payload = p, .expires = 100000, .keeps = 100000}, out;
    (void)state;
    assert_true(ra_momento_register_new(true, &e.token.unit));
    ra_near_mark mark = ra_near_mark_now(near, &unit, NULL, 0);
    ra_near_put(near, 0, &unit, &request, NULL, 0, &e, &mark);
    assert_true(ra_near_get(near, 59999, 0, &unit, &request, NULL, 0, &out));
    assert_true(out.fresh);
    ra_payload_unref(out.payload);
    assert_true(ra_near_get(near, 60000, 0, &unit, &request, NULL, 0, &out));
    assert_false(out.fresh);
    ra_payload_unref(out.payload);
    ra_momento_shared_add(shared, &unit);
    ra_momento_shared_sub(shared, &unit);
    assert_true(ra_near_get(near, 1, 0, &unit, &request, NULL, 0, &out));
    assert_false(out.fresh);
    ra_payload_unref(out.payload);
    ra_payload_unref(p);
}

static void hear(int64_t now, enum ra_momento_outcome o, int status, const char *text)
{
    ra_momento_result r = {.outcome = o, .status = status, .retry_after = -1};
    snprintf(r.text, sizeof r.text, "%s", text);
    ra_momento_shared_heard(shared, now, &r);
}

static void test_a_refusal_is_said_once(void **state)
{
    (void)state;
    hear(0, RA_MOMENTO_FOUND, 200, "");
    assert_int_equal(log_of.times, 0);
    for (int i = 0; i < 5; i++)
        hear(i, RA_MOMENTO_NO_CACHE, 404, "Cache Not Found");
    assert_int_equal(log_of.times, 1);
    assert_int_equal(log_of.warnings, 1);
    assert_non_null(strstr(log_of.text, "the cache doesn't exist (404: Cache Not Found)"));
    assert_true(ra_momento_shared_is_refused(shared, 4));
    assert_true(ra_momento_shared_is_refused(shared, 10003));
    assert_false(ra_momento_shared_is_refused(shared, 10004)); /* asked again */
    hear(10005, RA_MOMENTO_NO_CACHE, 404, "Cache Not Found");
    assert_true(ra_momento_shared_is_refused(shared, 10006));
    hear(10006, RA_MOMENTO_NETWORK, 0, "no reply"); /* says nothing of it */
    assert_true(ra_momento_shared_is_refused(shared, 10006));
    assert_int_equal(log_of.times, 1);
    hear(20010, RA_MOMENTO_UNAUTHORIZED, 401, "expired"); /* that is other news */
    assert_int_equal(log_of.times, 2);
    hear(30020, RA_MOMENTO_ABSENT, 404, "");
    hear(30020, RA_MOMENTO_DONE, 204, "");
    assert_int_equal(log_of.times, 3);
    assert_int_equal(log_of.warnings, 2);
    assert_false(ra_momento_shared_is_refused(shared, 30020));
}

/* A key that may read and not write: what it may do says nothing of what it may not. */
static void test_a_key_that_may_do_half_is_said_once(void **state)
{
    ra_momento_result good = {.outcome = RA_MOMENTO_ABSENT, .status = 404};
    ra_momento_result bad = {.outcome = RA_MOMENTO_FORBIDDEN, .status = 403, .is_put = true};
    (void)state;
    for (int64_t now = 0; now < 100000; now += 10000) {
        ra_momento_shared_heard(shared, now, &good);
        ra_momento_shared_heard(shared, now, &bad);
        ra_momento_shared_heard(shared, now + 1, &good); /* it was under way */
        assert_true(ra_momento_shared_is_refused(shared, now + 9999));
    }
    assert_int_equal(log_of.times, 1);
    good = (ra_momento_result){.outcome = RA_MOMENTO_DONE, .status = 204, .is_put = true};
    ra_momento_shared_heard(shared, 100000, &good);
    assert_int_equal(log_of.times, 2);
    assert_false(ra_momento_shared_is_refused(shared, 100000));
    /* and the other way about */
    bad.is_put = false;
    ra_momento_shared_heard(shared, 200000, &bad);
    ra_momento_shared_heard(shared, 200000, &good);
    assert_true(ra_momento_shared_is_refused(shared, 200001));
    assert_int_equal(log_of.times, 3);
}

static void test_what_else_is_said(void **state)
{
    ra_momento_result r = {.outcome = RA_MOMENTO_THROTTLED, .status = 429};
    (void)state;
    ra_momento_shared_paused(shared, 0, &r);
    ra_momento_shared_paused(shared, 59000, &r);
    assert_int_equal(log_of.times, 1);
    ra_momento_shared_paused(shared, 61000, &r);
    assert_int_equal(log_of.times, 2);
    assert_non_null(strstr(log_of.text, "over a limit of the account"));
    ra_momento_shared_sick(shared, false, "");
    assert_int_equal(log_of.times, 2);
    ra_momento_shared_sick(shared, true, "no reply");
    ra_momento_shared_sick(shared, true, "no reply");
    assert_int_equal(log_of.times, 3);
    assert_non_null(strstr(log_of.text, "no reply"));
    ra_momento_shared_sick(shared, false, "");
    assert_int_equal(log_of.times, 4);
    assert_int_equal(log_of.warnings, 3);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_written_here),   TEST(test_what_a_register_was),
        TEST(test_a_write_touches),        TEST(test_what_is_near),
        TEST(test_a_refusal_is_said_once), TEST(test_a_key_that_may_do_half_is_said_once),
        TEST(test_what_else_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
