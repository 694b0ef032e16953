/*
 * A shard's invariants after each of many random steps, against a naive queue; what goes and what goes round;
 * the same when the allocator refuses at random.
 */
#include <malloc.h>

#include "memory_fixture.h"
#include "refusing_malloc.h"

#include "cache/near_shard.h"

enum { KEYS = 400, GENERATION = 37, ALL_ROUND = 2 * RA_NEAR_ROUND_AGAIN };

static ra_near_shard *shard_new(size_t budget)
{
    ra_near_shard *s = aligned_alloc(alignof(ra_near_shard), sizeof *s);
    assert_non_null(s);
    assert_true(ra_near_shard_init(s, budget, 42));
    return s;
}

static void shard_free(ra_near_shard *s)
{
    ra_near_shard_fini(s);
    free(s);
}

static ra_generation generation(uint64_t n, uint8_t len)
{
    ra_generation g = {.len = len};
    for (unsigned i = 0; i < len; i++)
        g.b[i] = (uint8_t)(n + i);
    return g;
}

static ra_payload *payload_sized(size_t n)
{
    static const char body[1 << 16];
    ra_payload *p = ra_payload_new((ra_bytes){body, n}, 0, 0, 0);
    assert_non_null(p);
    return p;
}

static ra_token token_of(uint64_t n)
{
    return (ra_token){.unit = generation(n, GENERATION),
                      .guard = {generation(n + 1, GENERATION), generation(n + 2, 12)}};
}

static uint32_t find(ra_near_shard *s, uint64_t n)
{
    ra_key unit = key_of(n), request = key_of(n + 1000000);
    return ra_near_shard_find(s, ra_near_shard_hash(s->seed, &unit, &request), &unit, &request);
}

/* n says unit, request, guards, token. */
static uint32_t add(ra_near_shard *s, uint64_t n, size_t size)
{
    ra_key unit = key_of(n), request = key_of(n + 1000000), guards[] = {key_of(7), key_of(8)};
    ra_near_entry e = {.payload = payload_sized(size), .token = token_of(n), .expires = 1, .keeps = 2};
    uint32_t ref = ra_near_shard_add(s, &unit, &request, guards, (unsigned)(n % 3), &e);
    ra_payload_unref(e.payload);
    return ref;
}

/* ---- the invariants ---- */

static void check(ra_near_shard *s)
{
    size_t n = 0, held = 0;
    uint32_t newer = 0;
    for (uint32_t ref = s->newest; ref; ref = ra_near_shard_at(s, ref)->older) {
        const ra_near_record *r = ra_near_shard_at(s, ref);
        assert_int_equal(r->newer, newer);
        assert_true(r->payload && r->tail);
        assert_int_equal(atomic_load(&r->payload->refs), 1);
        held += ra_memory_cost(sizeof *r->payload + r->payload->len) + ra_memory_cost(r->tail_len);
        uint64_t hash = ra_near_shard_hash(s->seed, &r->unit, &r->request);
        assert_int_equal(ra_near_shard_find(s, hash, &r->unit, &r->request), ref);
        newer = ref;
        n++;
    }
    assert_int_equal(s->oldest, newer);
    assert_int_equal(s->n.entries, n);
    assert_int_equal(s->index.count, n);
    assert_int_equal(s->records.live, n);
    assert_int_equal(s->held_bytes, held);
    assert_true(n == 0 || ra_near_shard_bytes(s) <= s->budget);
}

/* ---- a naive queue ---- */

typedef struct naive {
    uint64_t keys[KEYS]; /* oldest first */
    bool served[KEYS];
    size_t n;
} naive;

static void naive_remove_at(naive *q, size_t at)
{
    memmove(q->keys + at, q->keys + at + 1, (q->n - at - 1) * sizeof *q->keys);
    memmove(q->served + at, q->served + at + 1, (q->n - at - 1) * sizeof *q->served);
    q->n--;
}

static void naive_push(naive *q, uint64_t key)
{
    q->keys[q->n] = key;
    q->served[q->n++] = false;
}

static size_t naive_at(const naive *q, uint64_t key)
{
    size_t i = 0;
    while (i < q->n && q->keys[i] != key)
        i++;
    return i;
}

/* How many go is the shard's word (it depends on sizes); which ones go is not. */
static void naive_evict(naive *q, uint64_t count, uint64_t spare)
{
    unsigned again = 0;
    while (count) {
        size_t at = q->keys[0] == spare ? 1 : 0;
        uint64_t key = q->keys[at];
        bool stays = q->served[at] && again < RA_NEAR_ROUND_AGAIN;
        naive_remove_at(q, at);
        if (stays) {
            naive_push(q, key);
            again++;
        } else {
            count--;
        }
    }
}

static void compare(ra_near_shard *s, const naive *q)
{
    assert_int_equal(s->n.entries, q->n);
    uint32_t ref = s->oldest;
    for (size_t i = 0; i < q->n; i++) {
        const ra_near_record *r = ra_near_shard_at(s, ref);
        ra_key unit = key_of(q->keys[i]);
        assert_true(ra_key_eq(&r->unit, &unit));
        assert_int_equal(r->served, q->served[i]);
        ref = r->newer;
    }
}

static void step(ra_near_shard *s, naive *q, uint64_t *random)
{
    uint64_t r = next_random(random), key = (r >> 8) % KEYS;
    uint32_t ref = find(s, key);
    size_t at = naive_at(q, key);
    assert_int_equal(ref != 0, at < q->n);
    if (r % 16 == 0 && ref) {
        ra_near_shard_remove(s, ref);
        naive_remove_at(q, at);
    } else if (ref) {
        ra_near_shard_at(s, ref)->served = q->served[at] = true;
    } else {
        uint64_t evicted = s->n.evictions;
        size_t size = (r >> 20) % 3000 + ((r >> 40) % 50 == 0 ? 8000 : 0);
        ref = add(s, key, size);
        assert_int_not_equal(ref, 0);
        naive_push(q, key);
        naive_evict(q, s->n.evictions - evicted, key);
    }
}

static void test_invariants(void **state)
{
    (void)state;
    uint64_t random = 1;
    ra_near_shard *s = shard_new(200000);
    naive q = {.n = 0};
    for (unsigned i = 0; i < 30000; i++) {
        step(s, &q, &random);
        if (i % 16 == 0) {
            check(s);
            compare(s, &q);
        }
    }
    assert_true(s->n.evictions > 1000 && s->n.entries > 50);
    shard_free(s);
}

/* ---- what goes ---- */

static void test_the_oldest_goes(void **state)
{
    (void)state;
    ra_near_shard *s = shard_new(100000);
    uint64_t n = 0;
    while (!s->n.evictions)
        assert_int_not_equal(add(s, n++, 1000), 0);
    uint64_t gone = s->n.evictions;
    for (uint64_t i = 0; i < n; i++)
        assert_int_equal(find(s, i) != 0, i >= gone);
    assert_true(n > 40 && gone < 20);
    check(s);
    shard_free(s);
}

static void test_a_served_one_goes_round_once_more(void **state)
{
    (void)state;
    ra_near_shard *s = shard_new(100000);
    uint64_t n = 0;
    for (; n < 20; n++)
        add(s, n, 1000);
    ra_near_shard_at(s, find(s, 0))->served = true;
    while (find(s, 1))
        add(s, n++, 1000);
    assert_int_not_equal(find(s, 0), 0); /* put in before that one, and still here */
    uint64_t next = n;
    add(s, n++, 1000);
    while (find(s, next))
        add(s, n++, 1000);
    assert_int_equal(find(s, 0), 0); /* once more, not for ever */
    shard_free(s);
}

/* All are served: a bounded number go round, then the next goes all the same. */
static void test_few_go_round_in_one_call(void **state)
{
    (void)state;
    ra_near_shard *s = shard_new(400000);
    uint64_t n = 0;
    while (!s->n.evictions)
        add(s, n++, 1000);
    assert_true(s->n.entries > ALL_ROUND);
    for (uint32_t ref = s->newest; ref; ref = ra_near_shard_at(s, ref)->older)
        ra_near_shard_at(s, ref)->served = true;
    uint64_t first = s->n.evictions, gone;
    uint32_t was[ALL_ROUND], ref = s->oldest;
    ra_key keys[ALL_ROUND];
    for (size_t i = 0; i < ALL_ROUND; i++, ref = ra_near_shard_at(s, ref)->newer) {
        was[i] = ref;
        keys[i] = ra_near_shard_at(s, ref)->unit;
    }
    add(s, n++, 5000);
    gone = s->n.evictions - first;
    assert_in_range(gone, 1, 8);
    /* The oldest 64 have gone round, those behind them have gone, the rest is where it was. */
    assert_int_equal(s->oldest, was[RA_NEAR_ROUND_AGAIN + gone]);
    assert_true(ra_key_eq(&ra_near_shard_at(s, was[0])->unit, &keys[0]));
    assert_false(ra_near_shard_at(s, was[0])->served);
    assert_int_equal(s->newest, was[RA_NEAR_ROUND_AGAIN - 1]);
    check(s);
    shard_free(s);
}

/* The new one comes to the queue's end when all others go round: it isn't the one to go. */
static void test_the_new_one_stays(void **state)
{
    (void)state;
    ra_near_shard *s = shard_new(60000);
    uint64_t n = 0;
    while (!s->n.evictions)
        add(s, n++, 5000);
    assert_true(s->n.entries < RA_NEAR_ROUND_AGAIN);
    for (uint32_t ref = s->newest; ref; ref = ra_near_shard_at(s, ref)->older)
        ra_near_shard_at(s, ref)->served = true;
    assert_int_not_equal(add(s, n, 5000), 0);
    assert_int_not_equal(find(s, n), 0);
    check(s);
    shard_free(s);
}

static void test_too_large(void **state)
{
    (void)state;
    ra_near_shard *s = shard_new(80000);
    size_t around = sizeof(ra_near_record) + sizeof(ra_payload) + ra_memory_cost(1 + GENERATION) + 8;
    assert_int_equal(add(s, 0, 10000 - around + 8), 0);
    assert_int_equal(s->n.too_large, 1);
    assert_int_equal(s->n.entries, 0);
    assert_int_not_equal(add(s, 0, 10000 - around - 16), 0);
    assert_int_equal(s->n.too_large, 1);
    check(s);
    shard_free(s);
}

/* What the shard needs for itself leaves no room: nothing is held, and nothing stays behind. */
static void test_hardly_any_budget(void **state)
{
    (void)state;
    for (size_t budget = 0; budget < 30000; budget += 500) {
        ra_near_shard *s = shard_new(budget);
        unsigned held = 0;
        for (uint64_t n = 0; n < 20; n++)
            held += add(s, n, budget / 16) != 0;
        assert_true(budget > 8000 || !held);
        check(s);
        shard_free(s);
    }
}

/* ---- what an entry has ---- */

static void test_guards_and_generations(void **state)
{
    (void)state;
    static const uint8_t lengths[] = {0, 1, GENERATION, RA_GENERATION_MAX};
    ra_near_shard *s = shard_new(100000);
    ra_key unit = key_of(1), guards[] = {key_of(7), key_of(8)}, swapped[] = {key_of(8), key_of(7)};
    for (unsigned i = 0; i < 4 * 4 * 3; i++) {
        unsigned nguards = i % 3;
        ra_key request = key_of(i);
        ra_near_entry e = {.payload = payload_sized(10),
                           .token = {.unit = generation(i, lengths[i / 3 % 4]),
                                     .guard = {generation(9, lengths[i / 12]), generation(8, 47)}}};
        ra_near_record *r = ra_near_shard_at(s, ra_near_shard_add(s, &unit, &request, guards, nguards, &e));
        ra_token got, want = e.token;
        for (unsigned k = nguards; k < RA_GUARDS_MAX; k++)
            want.guard[k] = (ra_generation){0};
        memset(&got, 0xa5, sizeof got);
        ra_near_record_token(r, &got);
        assert_memory_equal(&got, &want, sizeof got);
        assert_true(ra_near_record_guarded_by(r, guards, nguards));
        for (unsigned other = 0; other <= RA_GUARDS_MAX; other++)
            assert_true(other == nguards || !ra_near_record_guarded_by(r, guards, other));
        assert_int_equal(ra_near_record_guarded_by(r, swapped, nguards), nguards == 0);
        ra_payload_unref(e.payload);
    }
    shard_free(s);
}

#ifndef OWN_ALLOCATOR
static void test_without_memory(void **state)
{
    (void)state;
    ra_near_shard *s = shard_new(200000);
    uint64_t random = 3;
    unsigned refusals = 0;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t r = next_random(&random), key = (r >> 8) % KEYS;
        ra_key unit = key_of(key), request = key_of(key + 1000000), guards[] = {key_of(7), key_of(8)};
        uint32_t ref = find(s, key);
        if (ref) {
            ra_near_shard_remove(s, ref);
            continue;
        }
        ra_near_entry e = {.payload = payload_sized((r >> 20) % 3000), .token = token_of(key)};
        refuse_one_in = 3;
        ref = ra_near_shard_add(s, &unit, &request, guards, 2, &e);
        refuse_one_in = 0;
        refusals += !ref;
        assert_int_equal(atomic_load(&e.payload->refs), ref ? 2 : 1);
        assert_int_equal(find(s, key), ref);
        ra_payload_unref(e.payload);
        if (i % 64 == 0)
            check(s);
    }
    assert_true(refusals > 1000 && s->n.entries > 50);
    shard_free(s);
}

/* Of what an entry is made of each part may be refused. */
static void test_nothing_stays_behind(void **state)
{
    (void)state;
    size_t before = 0;
    for (unsigned i = 0; i < 2000; i++) {
        if (i == 100) /* the allocator has what it keeps for later */
            before = mallinfo2().uordblks;
        ra_near_shard *s = shard_new(200000);
        ra_key key = key_of(i);
        ra_near_entry e = {.payload = payload_sized(100), .token = token_of(i)};
        refuse_one_in = 2;
        uint32_t ref = ra_near_shard_add(s, &key, &key, NULL, 0, &e);
        refuse_one_in = 0;
        if (ref && i % 2)
            ra_near_shard_remove(s, ref);
        ra_payload_unref(e.payload);
        shard_free(s);
    }
    assert_in_range(mallinfo2().uordblks, 0, before + 4096);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invariants),
        cmocka_unit_test(test_the_oldest_goes),
        cmocka_unit_test(test_a_served_one_goes_round_once_more),
        cmocka_unit_test(test_few_go_round_in_one_call),
        cmocka_unit_test(test_the_new_one_stays),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_hardly_any_budget),
        cmocka_unit_test(test_guards_and_generations),
#ifndef OWN_ALLOCATOR
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_nothing_stays_behind),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
