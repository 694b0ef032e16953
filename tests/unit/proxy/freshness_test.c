/* What a TTL that has changed since an entry was filled makes of what the store has found. */
#include "proxy/freshness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ITEM RA_BYTES("{\"Item\":{\"pk\":{\"S\":\"a\"}}}")
#define NONE RA_BYTES("{}")

enum { NOW = 1000000, META = 8 };

/* A look-up's answer: filled `age` ms ago, with `left` ms to go, under TTLs of now. */
static ra_lookup found(enum ra_lookup_outcome outcome, ra_bytes body, int64_t age, int64_t left, int64_t ttl,
                       int64_t negative_ttl)
{
    return (ra_lookup){.outcome = outcome,
                       .near = true,
                       .payload = ra_payload_new(body, 0, body.n > 2 ? META : 0, NOW - age),
                       .expires_in = left,
                       .ttl = ttl,
                       .negative_ttl = negative_ttl};
}

static void expect(ra_lookup v, enum ra_lookup_outcome outcome, int64_t expires_in)
{
    ra_freshness_judge(&v, NOW);
    assert_int_equal(v.outcome, outcome);
    assert_int_equal(v.expires_in, expires_in);
    assert_int_equal(v.near, outcome == RA_LOOKUP_HIT);
    ra_payload_unref(v.payload);
}

static void as_it_was_filled(void **state)
{
    (void)state;
    expect(found(RA_LOOKUP_HIT, ITEM, 100, 900, 1000, 50), RA_LOOKUP_HIT, 900);
    expect(found(RA_LOOKUP_HIT, ITEM, 100, 800, 1000, 50), RA_LOOKUP_HIT, 800); /* with jitter */
    expect(found(RA_LOOKUP_HIT, NONE, 10, 40, 1000, 50), RA_LOOKUP_HIT, 40);
}

static void under_a_shorter_one(void **state)
{
    (void)state;
    expect(found(RA_LOOKUP_HIT, ITEM, 100, 900, 500, 50), RA_LOOKUP_HIT, 400);
    expect(found(RA_LOOKUP_HIT, ITEM, 100, 900, 101, 50), RA_LOOKUP_HIT, 1);
    expect(found(RA_LOOKUP_HIT, ITEM, 100, 900, 100, 50), RA_LOOKUP_STALE, 0);
    expect(found(RA_LOOKUP_HIT, ITEM, 100, 900, 0, 0), RA_LOOKUP_STALE, -100);
    expect(found(RA_LOOKUP_HIT, ITEM, 100, 900, 60, 10000), RA_LOOKUP_STALE, -40);
    expect(found(RA_LOOKUP_HIT, NONE, 100, 900, 10000, 60), RA_LOOKUP_STALE, -40);
    expect(found(RA_LOOKUP_HIT, NONE, 100, 900, 60, 10000), RA_LOOKUP_HIT, 900);
}

static void under_a_longer_one(void **state)
{
    (void)state;
    expect(found(RA_LOOKUP_HIT, ITEM, 100, 900, 100000, 50), RA_LOOKUP_HIT, 900);
    ra_lookup stale = found(RA_LOOKUP_STALE, ITEM, 1100, -100, 100000, 50);
    stale.near = false;
    expect(stale, RA_LOOKUP_STALE, -100);
    stale = found(RA_LOOKUP_STALE, ITEM, 1100, -100, 200, 50);
    stale.near = false;
    expect(stale, RA_LOOKUP_STALE, -900);
}

/* Another process's clock is ahead: its entries look as if they were filled in the future. */
static void of_another_clock(void **state)
{
    (void)state;
    expect(found(RA_LOOKUP_HIT, ITEM, -5000, 900, 1000, 50), RA_LOOKUP_HIT, 900);
}

static void nothing_was_found(void **state)
{
    (void)state;
    ra_lookup miss = {.outcome = RA_LOOKUP_MISS};
    ra_freshness_judge(&miss, NOW);
    assert_int_equal(miss.outcome, RA_LOOKUP_MISS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_it_was_filled), cmocka_unit_test(under_a_shorter_one),
        cmocka_unit_test(under_a_longer_one), cmocka_unit_test(of_another_clock),
        cmocka_unit_test(nothing_was_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
