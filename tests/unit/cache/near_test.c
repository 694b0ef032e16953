/* The near cache as its users see it: every sentence of its header; a naive model; bytes; threads. */
#include <malloc.h>

#include "memory_fixture.h"
#include "refusing_malloc.h"

#include "cache/memory_pool.h"
#include "cache/near.h"

#include <pthread.h>
#include <sched.h>

#define EPOCH "0a1b2c3d"

enum { AGE = 1000, FOR_EVER = INT32_MAX };

static ra_generation generation_of(const char *epoch, uint64_t n)
{
    char text[RA_GENERATION_MAX + 1];
    int len = snprintf(text, sizeof text, "%s0000018c5f1e2a3b%08llx", epoch, (unsigned long long)n);
    ra_generation g = {.len = (uint8_t)len};
    memcpy(g.b, text, g.len);
    return g;
}

static ra_near *near_new(size_t max_bytes, int64_t max_age)
{
    ra_near *n = ra_near_new(max_bytes, max_age);
    assert_non_null(n);
    return n;
}

static ra_near_stats stats(ra_near *n)
{
    ra_near_stats s;
    ra_near_get_stats(n, &s);
    return s;
}

/* ---- one entry with one guard ---- */

typedef struct single {
    ra_near *n;
    ra_key unit, request, guard;
    ra_near_entry e;
} single;

static int single_new(void **state)
{
    static single s;
    s = (single){.n = ra_near_new(4 << 20, AGE), .unit = key_of(1), .request = key_of(2), .guard = key_of(3)};
    s.e = (ra_near_entry){.payload = payload_of("body"), .expires = 5000, .keeps = 6000};
    s.e.token.unit = generation_of(EPOCH, 1);
    s.e.token.guard[0] = generation_of(EPOCH, 2);
    *state = &s;
    if (!s.n)
        return -1;
    ra_near_heard(s.n, EPOCH, FOR_EVER);
    return 0;
}

static int single_free(void **state)
{
    single *s = *state;
    ra_near_unref(s->n);
    unsigned refs = atomic_load(&s->e.payload->refs);
    ra_payload_unref(s->e.payload);
    return refs == 1 ? 0 : -1;
}

static ra_near_mark mark(single *s)
{
    return ra_near_mark_now(s->n, &s->unit, &s->guard, 1);
}

static void put(single *s, int64_t now, const ra_near_mark *m)
{
    ra_near_put(s->n, now, &s->unit, &s->request, &s->guard, 1, &s->e, m);
}

enum gives { NONE, CHECKED, FRESH };

/* What a get gives, and that it is what was put in. */
static enum gives get_at(single *s, int64_t now, int64_t store_now)
{
    ra_near_entry got;
    if (!ra_near_get(s->n, now, store_now, &s->unit, &s->request, &s->guard, 1, &got))
        return NONE;
    assert_ptr_equal(got.payload, s->e.payload);
    assert_memory_equal(&got.token, &s->e.token, sizeof got.token);
    assert_int_equal(got.expires, s->e.expires);
    assert_int_equal(got.keeps, s->e.keeps);
    ra_payload_unref(got.payload);
    return got.fresh ? FRESH : CHECKED;
}

static enum gives get(single *s)
{
    return get_at(s, 0, 0);
}

static void test_get_gives_what_was_put(void **state)
{
    single *s = *state;
    assert_int_equal(get(s), NONE);
    ra_near_mark m = mark(s);
    put(s, 0, &m);
    assert_int_equal(get(s), FRESH);
    assert_int_equal(atomic_load(&s->e.payload->refs), 2);
    ra_near_stats n = stats(s->n);
    assert_int_equal(n.none, 1);
    assert_int_equal(n.fresh, 1);
    assert_int_equal(n.puts, 1);
    assert_int_equal(n.entries, 1);
    assert_int_equal(n.max_bytes, 4 << 20);
}

static void test_others_arent_given(void **state)
{
    single *s = *state;
    ra_near_entry got;
    ra_near_mark m = mark(s);
    ra_key other = key_of(9), guards[] = {s->guard, key_of(4)};
    put(s, 0, &m);
    assert_false(ra_near_get(s->n, 0, 0, &other, &s->request, &s->guard, 1, &got));
    assert_false(ra_near_get(s->n, 0, 0, &s->unit, &other, &s->guard, 1, &got));
    assert_false(ra_near_get(s->n, 0, 0, &s->unit, &s->request, &other, 1, &got));
    assert_false(ra_near_get(s->n, 0, 0, &s->unit, &s->request, NULL, 0, &got));
    assert_false(ra_near_get(s->n, 0, 0, &s->unit, &s->request, guards, 2, &got));
    assert_int_equal(stats(s->n).none, 5);
    assert_int_equal(get(s), FRESH); /* they leave it where it is */
}

static void test_a_push_after_the_mark(void **state)
{
    single *s = *state;
    ra_near_mark m = mark(s);
    ra_near_touch(s->n, &s->unit); /* between the question and its answer */
    put(s, 0, &m);
    assert_int_equal(get(s), CHECKED);
    m = mark(s);
    ra_near_validated(s->n, 0, &s->unit, &s->request, &s->e.token, &m);
    assert_int_equal(get(s), FRESH);
    ra_near_touch(s->n, &s->guard);
    assert_int_equal(get(s), CHECKED);
    m = mark(s);
    ra_near_touch_all(s->n);
    put(s, 0, &m);
    assert_int_equal(get(s), CHECKED);
    assert_int_equal(stats(s->n).checked, 3);
    assert_int_equal(stats(s->n).touches, 2);
    assert_int_equal(stats(s->n).touches_of_all, 1);
}

static void test_a_mark_of_no_question(void **state)
{
    single *s = *state;
    ra_near_mark m = mark(s), none = {0};
    put(s, 0, &none);
    assert_int_equal(get(s), CHECKED);
    ra_near_validated(s->n, 0, &s->unit, &s->request, &s->e.token, &m);
    assert_int_equal(get(s), FRESH);
    ra_near_validated(s->n, 0, &s->unit, &s->request, &s->e.token, &none);
    assert_int_equal(get(s), CHECKED);
}

static void test_max_age(void **state)
{
    single *s = *state;
    ra_near_mark m = mark(s);
    put(s, 100, &m);
    assert_int_equal(get_at(s, 100 + AGE - 1, 0), FRESH);
    assert_int_equal(get_at(s, 100 + AGE, 0), CHECKED);
    ra_near_validated(s->n, 500, &s->unit, &s->request, &s->e.token, &m);
    assert_int_equal(get_at(s, 500 + AGE - 1, 0), FRESH);
    assert_int_equal(get_at(s, 500 + AGE, 0), CHECKED);
}

static void test_hearing(void **state)
{
    single *s = *state;
    ra_near_mark m = mark(s);
    put(s, 0, &m);
    ra_near_heard(s->n, EPOCH, 10);
    assert_int_equal(get_at(s, 9, 0), FRESH);
    assert_int_equal(get_at(s, 10, 0), CHECKED);
    ra_near_heard(s->n, EPOCH, 20);
    assert_int_equal(get_at(s, 19, 0), FRESH);
    ra_near_touch_all(s->n);
    ra_near_heard(s->n, EPOCH, 20);
    assert_int_equal(get_at(s, 0, 0), CHECKED);
    m = mark(s);
    ra_near_validated(s->n, 0, &s->unit, &s->request, &s->e.token, &m);
    assert_int_equal(get_at(s, 0, 0), FRESH);
    ra_near_heard(s->n, "ffffffff", 20);
    m = mark(s);
    ra_near_validated(s->n, 0, &s->unit, &s->request, &s->e.token, &m);
    assert_int_equal(get_at(s, 0, 0), CHECKED); /* whoever said so isn't who is heard */
}

static void test_validated_under_another_token(void **state)
{
    single *s = *state;
    ra_near_mark m = mark(s), none = {0};
    ra_token other = s->e.token, shorter = s->e.token;
    put(s, 0, &none);
    other.guard[0] = generation_of(EPOCH, 3);
    shorter.unit.len--;
    ra_near_validated(s->n, 0, &s->unit, &s->request, &other, &m);
    ra_near_validated(s->n, 0, &s->unit, &s->request, &shorter, &m);
    other = s->e.token;
    other.unit = generation_of(EPOCH, 3);
    ra_near_validated(s->n, 0, &s->unit, &s->request, &other, &m);
    ra_near_validated(s->n, 0, &s->request, &s->unit, &s->e.token, &m); /* of an entry that isn't there */
    assert_int_equal(get(s), CHECKED);
    other = s->e.token;
    other.guard[1] = generation_of(EPOCH, 3); /* of a guard that the entry hasn't got */
    ra_near_validated(s->n, 0, &s->unit, &s->request, &other, &m);
    assert_int_equal(get(s), FRESH);
}

static void test_past_its_keeps(void **state)
{
    single *s = *state;
    ra_near_mark m = mark(s);
    put(s, 0, &m);
    assert_int_equal(get_at(s, 0, 5999), FRESH); /* past `expires`: what that means is the caller's to say */
    assert_int_equal(get_at(s, 0, 6000), NONE);
    assert_int_equal(stats(s->n).entries, 0);
}

static void test_put_replaces(void **state)
{
    single *s = *state;
    ra_near_mark m = mark(s);
    put(s, 0, &m);
    ra_payload *old = s->e.payload;
    s->e.payload = payload_of("newer");
    s->e.token.unit = generation_of(EPOCH, 7);
    s->e.expires++;
    put(s, 0, &m);
    assert_int_equal(get(s), FRESH);
    assert_int_equal(atomic_load(&old->refs), 1);
    ra_payload_unref(old);
    put(s, 0, &m); /* the same again */
    assert_int_equal(get(s), FRESH);
    assert_int_equal(stats(s->n).entries, 1);
    assert_int_equal(stats(s->n).puts, 3);
    assert_int_equal(stats(s->n).evictions, 0);
}

/* It can't be held, and what it would have replaced has been overtaken all the same. */
static void test_too_large(void **state)
{
    single *s = *state;
    static const char body[1 << 20];
    ra_near_mark m = mark(s);
    put(s, 0, &m);
    ra_near_entry large = s->e;
    large.payload = ra_payload_new((ra_bytes){body, sizeof body}, 0, 0, 0);
    assert_non_null(large.payload);
    ra_near_put(s->n, 0, &s->unit, &s->request, &s->guard, 1, &large, &m);
    assert_int_equal(get(s), NONE);
    assert_int_equal(atomic_load(&large.payload->refs), 1);
    assert_int_equal(stats(s->n).too_large, 1);
    assert_int_equal(stats(s->n).puts, 1);
    ra_payload_unref(large.payload);
}

static void test_drop(void **state)
{
    single *s = *state;
    ra_near_mark m = mark(s);
    ra_near_drop(s->n, &s->unit, &s->request);
    put(s, 0, &m);
    ra_near_drop(s->n, &s->request, &s->unit);
    assert_int_equal(get(s), FRESH);
    ra_near_drop(s->n, &s->unit, &s->request);
    assert_int_equal(get(s), NONE);
    assert_int_equal(atomic_load(&s->e.payload->refs), 1);
}

static void test_references(void **state)
{
    single *s = *state;
    ra_near_mark m = mark(s);
    assert_ptr_equal(ra_near_ref(s->n), s->n);
    put(s, 0, &m);
    ra_near_unref(s->n);
    assert_int_equal(get(s), FRESH);
    ra_near_unref(NULL);
}

#ifndef OWN_ALLOCATOR
static void test_without_memory(void **state)
{
    single *s = *state;
    ra_near_mark m = mark(s);
    put(s, 0, &m);
    refuse_one_in = 1;
    put(s, 0, &m);
    assert_null(ra_near_new(64 << 20, AGE));
    refuse_one_in = 0;
    assert_int_equal(get(s), NONE);
    put(s, 0, &m);
    assert_int_equal(get(s), FRESH);
}
#endif

/* ---- room ---- */

static void put_sized(ra_near *n, uint64_t i, size_t size)
{
    static const char body[1 << 16];
    ra_key unit = key_of(i), request = key_of(i + 1000000), guard = key_of(7);
    ra_near_entry e = {.payload = ra_payload_new((ra_bytes){body, size}, 0, 0, 0), .keeps = FOR_EVER};
    assert_non_null(e.payload);
    e.token.unit = e.token.guard[0] = generation_of(EPOCH, i);
    ra_near_put(n, 0, &unit, &request, &guard, 1, &e, &(ra_near_mark){0});
    ra_payload_unref(e.payload);
}

static bool has(ra_near *n, uint64_t i)
{
    ra_key unit = key_of(i), request = key_of(i + 1000000), guard = key_of(7);
    ra_near_entry e;
    if (!ra_near_get(n, 0, 0, &unit, &request, &guard, 1, &e))
        return false;
    ra_payload_unref(e.payload);
    return true;
}

static void test_bytes_are_bounded(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 300000, 1 << 20, 20 << 20, 70 << 20};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        ra_near *n = near_new(sizes[k], AGE);
        size_t empty = stats(n).bytes;
        for (uint64_t i = 0; i < sizes[k] / 500 + 100; i++) {
            put_sized(n, i, i * 7 % 1900);
            if (i % 256 == 0)
                assert_in_range(stats(n).bytes, 0, sizes[k] < empty ? empty : sizes[k]);
        }
        ra_near_stats s = stats(n);
        assert_int_equal(s.max_bytes, sizes[k]);
        assert_int_equal(s.entries, s.puts - s.evictions);
        if (sizes[k] < (256 << 10))
            assert_int_equal(s.puts, 0);
        if (sizes[k] >= (1 << 20))
            assert_true(s.evictions > 0 && s.bytes > sizes[k] / 10 * 9);
        ra_near_unref(n);
    }
}

static void test_what_is_served_stays(void **state)
{
    (void)state;
    enum { HOT = 200, ONCE = 20000 };
    ra_near *n = near_new(1 << 20, AGE);
    for (uint64_t i = 0; i < ONCE; i++) {
        put_sized(n, HOT + i, 1000);
        if (i < HOT)
            put_sized(n, i, 1000);
        else
            assert_true(has(n, i % HOT)); /* each is read once in a round of the queue, at least */
    }
    assert_true(stats(n).evictions > ONCE / 2);
    ra_near_unref(n);
}

#ifndef OWN_ALLOCATOR
static void test_bytes_are_what_the_allocator_says(void **state)
{
    (void)state;
    enum { N = 30000 };
    struct mallinfo2 before = mallinfo2();
    size_t idle, pool = ra_pool_bytes(&idle);
    pool -= idle;
    ra_near *n = near_new(64 << 20, AGE);
    for (uint64_t i = 0; i < N; i++)
        put_sized(n, i, 64 + i * 7 % 900);
    struct mallinfo2 after = mallinfo2();
    pool = ra_pool_bytes(&idle) - pool - idle; /* pieces that will be filled are no entry's */
    size_t real = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd + pool,
           counted = stats(n).bytes;
    print_message("counted %zu, allocator %zu bytes per entry\n", counted / N, real / N);
    assert_int_equal(stats(n).entries, N);
    assert_true(counted > real - real / 33 && counted < real + real / 33);
    ra_near_unref(n);
}
#endif

/* ---- against a model ---- */

/*
 * The model knows of each event when it happened (the number of the step) and says what is fresh from that:
 * no counters, no slots but that some keys share one.
 */
enum { UNITS = 6, REQUESTS = 2, KEYS = UNITS + 2, SLOTS = 5, ASKED = 6, STEPS = 60000 };

static const char *const epochs[2] = {EPOCH, "0a1b2c3e"};

typedef struct question {
    unsigned unit, request, nguards;
    ra_near_mark mark;
    unsigned when; /* 0: the mark is no question's */
} question;

typedef struct modelled {
    bool held;
    unsigned nguards, asked; /* asked: when, as above */
    int64_t validated;
    ra_near_entry e;
} modelled;

typedef struct model {
    ra_near *n;
    ra_key keys[KEYS]; /* the last two are guards */
    modelled entries[UNITS][REQUESTS];
    question questions[ASKED];
    unsigned touched[SLOTS]; /* when, at last */
    unsigned step, began;    /* began: when hearing did */
    unsigned hears;          /* which epoch; 2: none */
    int64_t until, now;
    ra_near_stats s;
    uint64_t random;
} model;

static unsigned roll(model *m, unsigned n)
{
    return (unsigned)(next_random(&m->random) >> 16) % n;
}

static void model_start(model *m, uint64_t seed)
{
    *m = (model){.n = near_new(8 << 20, AGE), .hears = 2, .random = seed, .step = 1};
    for (unsigned i = 0; i < KEYS; i++) {
        m->keys[i] = key_of(i + 100 * seed);
        m->keys[i].b[2] = (unsigned char)(i % SLOTS);
        m->keys[i].b[3] = 0x80;
    }
    for (unsigned i = 0; i < ASKED; i++)
        m->questions[i] = (question){.unit = i};
}

static bool model_is_fresh(const model *m, unsigned unit, const modelled *e)
{
    bool yes = e->asked > m->began && m->hears < 2 && m->until > m->now && m->now - e->validated < AGE &&
               e->asked > m->touched[unit % SLOTS] &&
               memcmp(e->e.token.unit.b, epochs[m->hears], RA_NEAR_EPOCH_MAX) == 0;
    for (unsigned i = 0; i < e->nguards && yes; i++)
        yes = e->asked > m->touched[(UNITS + i) % SLOTS] &&
              memcmp(e->e.token.guard[i].b, epochs[m->hears], RA_NEAR_EPOCH_MAX) == 0;
    return yes;
}

static void model_lose(modelled *e)
{
    if (e->held)
        ra_payload_unref(e->e.payload);
    *e = (modelled){.held = false};
}

static ra_token model_token(model *m, unsigned nguards)
{
    const char *epoch = epochs[roll(m, 4) ? m->hears % 2 : roll(m, 2)];
    ra_token t = {.unit = generation_of(epoch, roll(m, 3))};
    for (unsigned i = 0; i < nguards; i++)
        t.guard[i] = generation_of(roll(m, 20) ? epoch : epochs[roll(m, 2)], roll(m, 2));
    return t;
}

static void step_ask(model *m)
{
    question *q = &m->questions[roll(m, ASKED)];
    *q = (question){.unit = roll(m, UNITS), .request = roll(m, REQUESTS), .nguards = roll(m, 3)};
    q->mark = ra_near_mark_now(m->n, &m->keys[q->unit], &m->keys[UNITS], q->nguards);
    q->when = m->step;
}

static void step_put(model *m)
{
    const question *q = &m->questions[roll(m, ASKED)];
    modelled *e = &m->entries[q->unit][q->request];
    ra_near_mark none = {0};
    bool asked = roll(m, 10) != 0;
    model_lose(e);
    *e = (modelled){.held = true, .nguards = q->nguards, .asked = asked ? q->when : 0, .validated = m->now};
    e->e = (ra_near_entry){.payload = payload_of("body"),
                           .token = model_token(m, q->nguards),
                           .expires = m->now + roll(m, 100),
                           .keeps = m->now + 100 + roll(m, 3000)};
    ra_near_put(m->n, m->now, &m->keys[q->unit], &m->keys[q->request], &m->keys[UNITS], q->nguards, &e->e,
                asked ? &q->mark : &none);
    m->s.puts++;
}

static void step_validated(model *m)
{
    const question *q = &m->questions[roll(m, ASKED)];
    modelled *e = &m->entries[q->unit][q->request];
    bool other = !e->held || roll(m, 4) == 0;
    ra_token t = other ? model_token(m, 2) : e->e.token;
    bool equal = e->held && memcmp(&t.unit, &e->e.token.unit, sizeof t.unit) == 0 &&
                 memcmp(t.guard, e->e.token.guard, e->nguards * sizeof *t.guard) == 0;
    /* Whoever asks about an entry asks about its guards: the mark is of these. */
    if (e->held && q->nguards != e->nguards)
        return;
    ra_near_validated(m->n, m->now, &m->keys[q->unit], &m->keys[q->request], &t, &q->mark);
    if (equal) {
        e->asked = q->when;
        e->validated = m->now;
    }
}

static void step_hear(model *m)
{
    unsigned r = roll(m, 16);
    if (r == 0) {
        ra_near_touch_all(m->n);
        m->s.touches_of_all++;
        m->hears = 2;
        return;
    }
    unsigned epoch = r == 1 ? roll(m, 2) : m->hears % 2;
    if (m->hears != epoch)
        m->began = m->step;
    m->hears = epoch;
    m->until = m->now + roll(m, 400);
    ra_near_heard(m->n, epochs[epoch % 2], m->until);
}

static void step_get(model *m)
{
    unsigned unit = roll(m, UNITS), request = roll(m, REQUESTS);
    modelled *e = &m->entries[unit][request];
    unsigned nguards = e->held && roll(m, 8) ? e->nguards : roll(m, 3);
    ra_near_entry got;
    bool given =
        ra_near_get(m->n, m->now, m->now, &m->keys[unit], &m->keys[request], &m->keys[UNITS], nguards, &got);
    if (e->held && e->e.keeps <= m->now)
        model_lose(e);
    assert_int_equal(given, e->held && nguards == e->nguards);
    m->s.none += !given;
    if (!given)
        return;
    bool fresh = model_is_fresh(m, unit, e);
    assert_int_equal(got.fresh, fresh);
    assert_ptr_equal(got.payload, e->e.payload);
    assert_memory_equal(&got.token, &e->e.token, sizeof got.token);
    assert_true(got.expires == e->e.expires && got.keeps == e->e.keeps);
    ra_payload_unref(got.payload);
    m->s.fresh += fresh;
    m->s.checked += !fresh;
}

static void step_any(model *m)
{
    unsigned r = roll(m, 64), key = roll(m, KEYS);
    m->step++;
    if (r < 12) {
        step_ask(m);
    } else if (r < 22) {
        step_put(m);
    } else if (r < 28) {
        step_validated(m);
    } else if (r < 30) {
        ra_near_touch(m->n, &m->keys[key]);
        m->touched[key % SLOTS] = m->step;
        m->s.touches++;
    } else if (r < 32) {
        step_hear(m);
    } else if (r < 33) {
        unsigned request = roll(m, REQUESTS);
        ra_near_drop(m->n, &m->keys[key], &m->keys[request]);
        if (key < UNITS)
            model_lose(&m->entries[key][request]);
    } else if (r < 36) {
        m->now += roll(m, 60);
    } else {
        step_get(m);
    }
}

static void test_against_a_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        model m;
        model_start(&m, seed);
        while (m.step < STEPS)
            step_any(&m);
        for (unsigned i = 0; i < UNITS * REQUESTS; i++)
            m.s.entries += m.entries[i / REQUESTS][i % REQUESTS].held;
        ra_near_stats s = stats(m.n);
        m.s.bytes = s.bytes;
        m.s.max_bytes = 8 << 20;
        assert_memory_equal(&s, &m.s, sizeof s);
        assert_true(s.fresh > STEPS / 50 && s.checked > STEPS / 50 && s.none > STEPS / 50);
        for (unsigned i = 0; i < UNITS * REQUESTS; i++) {
            modelled *e = &m.entries[i / REQUESTS][i % REQUESTS];
            assert_true(!e->held || atomic_load(&e->e.payload->refs) == 2);
        }
        ra_near_unref(m.n);
        for (unsigned i = 0; i < UNITS * REQUESTS; i++) {
            modelled *e = &m.entries[i / REQUESTS][i % REQUESTS];
            assert_true(!e->held || atomic_load(&e->e.payload->refs) == 1);
            model_lose(e);
        }
    }
}

/* ---- threads ---- */

/*
 * Few units, each a register of a version that writers move on and whose change is pushed before it is
 * acknowledged. What is served without asking is never older than what was acknowledged before. Beside that
 * many entries of one payload, to have evictions.
 */
enum { REGISTERS = 4, THREADS = 4, ROUNDS = 25000, CROWD = 3000 };

typedef struct world {
    ra_near *n;
    ra_payload *crowd;
    atomic_uint committed[REGISTERS], acknowledged[REGISTERS];
    atomic_uint_fast64_t gets, puts;
    atomic_bool wrong;
} world;

static const ra_token one_token = {.unit = {.len = 8, .b = EPOCH}};

static void world_put(world *w, unsigned unit, ra_payload *payload, const ra_near_mark *m)
{
    ra_key key = key_of(unit), request = key_of(0);
    ra_near_entry e = {.payload = payload, .token = one_token, .keeps = FOR_EVER};
    ra_near_put(w->n, 0, &key, &request, NULL, 0, &e, m);
    atomic_fetch_add(&w->puts, 1);
}

static void world_read(world *w, unsigned unit)
{
    ra_key key = key_of(unit), request = key_of(0);
    unsigned acknowledged = atomic_load(&w->acknowledged[unit]);
    ra_near_entry e;
    bool given = ra_near_get(w->n, 0, 0, &key, &request, NULL, 0, &e);
    atomic_fetch_add(&w->gets, 1);
    if (given) {
        if (e.fresh && e.payload->meta < acknowledged)
            atomic_store(&w->wrong, true);
        ra_payload_unref(e.payload);
        if (e.fresh)
            return;
    }
    ra_near_mark m = ra_near_mark_now(w->n, &key, NULL, 0);
    unsigned version = atomic_load(&w->committed[unit]);
    ra_payload *p = ra_payload_new(RA_BYTES("x"), 0, version, 0);
    sched_yield();
    if (p)
        world_put(w, unit, p, &m);
    ra_payload_unref(p);
}

static void world_write(world *w, unsigned unit)
{
    ra_key key = key_of(unit);
    ra_near_touch(w->n, &key);
    unsigned version = atomic_fetch_add(&w->committed[unit], 1) + 1;
    sched_yield();
    ra_near_touch(w->n, &key);
    unsigned was = atomic_load(&w->acknowledged[unit]);
    while (was < version && !atomic_compare_exchange_weak(&w->acknowledged[unit], &was, version))
        continue;
}

static void world_crowd(world *w, uint64_t r)
{
    unsigned unit = REGISTERS + (unsigned)(r >> 32) % CROWD;
    ra_key key = key_of(unit), request = key_of(0);
    ra_near_entry e;
    atomic_fetch_add(&w->gets, 1);
    if (!ra_near_get(w->n, 0, 0, &key, &request, NULL, 0, &e)) {
        ra_near_mark m = ra_near_mark_now(w->n, &key, NULL, 0);
        world_put(w, unit, w->crowd, &m);
        return;
    }
    if (e.payload != w->crowd)
        atomic_store(&w->wrong, true);
    ra_payload_unref(e.payload);
    if (r >> 8 & 1)
        ra_near_drop(w->n, &key, &request);
}

typedef struct worker {
    world *w;
    uint64_t random;
} worker;

static void *work(void *arg)
{
    worker *me = arg;
    world *w = me->w;
    ra_near_ref(w->n);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t r = next_random(&me->random);
        unsigned what = r % 64, unit = (unsigned)(r >> 40) % REGISTERS;
        ra_key key = key_of(unit), request = key_of(0);
        if (what == 0)
            ra_near_touch_all(w->n);
        else if (what < 4)
            ra_near_heard(w->n, EPOCH, FOR_EVER);
        else if (what < 6)
            ra_near_drop(w->n, &key, &request);
        else if (what < 12)
            world_write(w, unit);
        else if (what < 40)
            world_read(w, unit);
        else
            world_crowd(w, r);
    }
    ra_near_unref(w->n);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    world w = {.n = near_new(1 << 20, AGE)};
    static const char body[1000];
    pthread_t threads[THREADS];
    worker workers[THREADS];
    w.crowd = ra_payload_new((ra_bytes){body, sizeof body}, 0, 0, 0);
    ra_near_heard(w.n, EPOCH, FOR_EVER);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker){.w = &w, .random = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_false(w.wrong);
    ra_near_stats s = stats(w.n);
    assert_int_equal(s.fresh + s.checked + s.none, w.gets);
    assert_int_equal(s.puts, w.puts);
    assert_in_range(s.bytes, 1, s.max_bytes);
    assert_true(s.fresh > 1000 && s.checked > 1000 && s.evictions > 1000);
    uint64_t found = 0;
    for (unsigned unit = 0; unit < REGISTERS + CROWD; unit++) {
        ra_key key = key_of(unit), request = key_of(0);
        ra_near_entry e;
        if (ra_near_get(w.n, 0, 0, &key, &request, NULL, 0, &e)) {
            found++;
            ra_payload_unref(e.payload);
        }
    }
    assert_int_equal(found, s.entries);
    assert_in_range(atomic_load(&w.crowd->refs), 1, 1 + found);
    ra_near_unref(w.n);
    assert_int_equal(atomic_load(&w.crowd->refs), 1);
    ra_payload_unref(w.crowd);
}

#define SINGLE(f) cmocka_unit_test_setup_teardown(f, single_new, single_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SINGLE(test_get_gives_what_was_put),
        SINGLE(test_others_arent_given),
        SINGLE(test_a_push_after_the_mark),
        SINGLE(test_a_mark_of_no_question),
        SINGLE(test_max_age),
        SINGLE(test_hearing),
        SINGLE(test_validated_under_another_token),
        SINGLE(test_past_its_keeps),
        SINGLE(test_put_replaces),
        SINGLE(test_too_large),
        SINGLE(test_drop),
        SINGLE(test_references),
#ifndef OWN_ALLOCATOR
        SINGLE(test_without_memory),
        cmocka_unit_test(test_bytes_are_what_the_allocator_says),
#endif
        cmocka_unit_test(test_bytes_are_bounded),
        cmocka_unit_test(test_what_is_served_stays),
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
