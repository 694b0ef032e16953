/* The breaker in front of stores that are simulated: time is a number here, and nothing waits. */
#include "cache/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <math.h>
#include <string.h>

enum { USUAL = 500, SICK = 500000, WINDOW = 64, OPENS = 32, CLIENTS_MOST = 256 };

static uint64_t next_random(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 33;
}

static uint32_t spread(uint64_t *random)
{
    return (uint32_t)(next_random(random) << 1);
}

static unsigned count_bits(uint64_t v)
{
    unsigned n = 0;
    for (; v; v &= v - 1)
        n++;
    return n;
}

/* What always holds. */
static void check(const ra_breaker *b)
{
    const ra_breaker_options *o = &b->options;
    assert_true(o->window >= 1 && o->window <= RA_BREAKER_WINDOW_MOST);
    assert_true(o->failures >= 1 && o->failures <= o->window);
    assert_true(b->at < o->window && b->seen <= o->window && b->nbad <= b->seen);
    assert_int_equal(count_bits(b->bad[0]) + count_bits(b->bad[1]), b->nbad);
    assert_int_equal(b->suspect, b->nbad >= (o->failures + 1) / 2 && b->seen > 0);
    assert_true(b->usual_us >= 0 && isfinite(b->usual_us));
    if (b->state == RA_BREAKER_CLOSED)
        assert_true(!b->probing);
    else
        assert_true(b->opened > 0 && b->pause >= o->pause_ms && b->pause <= o->pause_most_ms);
    if (b->state == RA_BREAKER_OPEN)
        assert_true(!b->probing && b->good == 0);
    if (b->state == RA_BREAKER_HALF_OPEN) {
        assert_true(b->good < o->probes);
        assert_true(b->under_way == (b->probing ? 1 : 0));
    }
}

/* ---- one caller, one call after the other ---- */

typedef struct caller {
    ra_breaker b;
    int64_t us; /* the clock */
    uint64_t random;
} caller;

static caller caller_new(const ra_breaker_options *o)
{
    caller c = {.us = 1000000, .random = 1};
    ra_breaker_init(&c.b, o);
    check(&c.b);
    return c;
}

static bool may(caller *c)
{
    bool allowed = ra_breaker_allow(&c->b, c->us / 1000);
    check(&c->b);
    return allowed;
}

static void ends(caller *c, bool ok, int64_t latency_us)
{
    c->us += latency_us;
    ra_breaker_done(&c->b, c->us / 1000, ok, latency_us, spread(&c->random));
    check(&c->b);
}

static void call(caller *c, bool ok, int64_t latency_us)
{
    assert_true(may(c));
    ends(c, ok, latency_us);
}

static void calls(caller *c, unsigned n, bool ok, int64_t latency_us)
{
    for (unsigned i = 0; i < n; i++)
        call(c, ok, latency_us);
}

/* How many such calls until it opens; at most `most`. */
static unsigned until_open(caller *c, bool ok, int64_t latency_us, unsigned most)
{
    for (unsigned n = 0; n < most; n++) {
        if (c->b.state == RA_BREAKER_OPEN)
            return n;
        call(c, ok, latency_us);
    }
    return most;
}

/* Waits until a call may go; it then has. */
static void wait_for_probe(caller *c)
{
    for (unsigned i = 0; !may(c); i++) {
        assert_true(i < 20000);
        c->us += 1000;
    }
}

static caller opened_caller(const ra_breaker_options *o)
{
    caller c = caller_new(o);
    calls(&c, WINDOW, true, USUAL);
    until_open(&c, false, USUAL, RA_BREAKER_WINDOW_MOST + 1);
    assert_int_equal(c.b.state, RA_BREAKER_OPEN);
    return c;
}

/* ---- many callers at once: each asks anew as soon as it has its answer ---- */

typedef struct sim sim;
struct sim {
    caller c;
    unsigned clients;
    int64_t starts[CLIENTS_MOST], ends[CLIENTS_MOST]; /* us; ends < 0: not calling until starts */
    bool ok[CLIENTS_MOST];
    int64_t think; /* us between an answer and the next call, and after a refusal */
    int64_t deadline;
    int64_t (*latency)(sim *s, int64_t start);
    int64_t sick_from, sick_to;
    unsigned allowed, refused, ended_bad;
};

static void sim_init(sim *s, unsigned clients, int64_t (*latency)(sim *s, int64_t start))
{
    memset(s, 0, sizeof *s);
    s->c = caller_new(NULL);
    s->clients = clients;
    s->think = 100;
    s->deadline = 1000000;
    s->latency = latency;
    s->sick_from = s->sick_to = INT64_MAX;
    for (unsigned i = 0; i < clients; i++) {
        s->starts[i] = s->c.us + (int64_t)(next_random(&s->c.random) % 1000);
        s->ends[i] = -1;
    }
}

static void sim_start(sim *s, unsigned i)
{
    if (!may(&s->c)) {
        s->refused++;
        s->starts[i] = s->c.us + s->think;
        return;
    }
    s->allowed++;
    int64_t latency = s->latency(s, s->c.us);
    s->ok[i] = latency <= s->deadline;
    s->ends[i] = s->c.us + (s->ok[i] ? latency : s->deadline);
}

static void sim_end(sim *s, unsigned i)
{
    int64_t latency = s->c.us - s->starts[i];
    if (!s->ok[i] || latency > (int64_t)20 * USUAL)
        s->ended_bad++;
    ra_breaker_done(&s->c.b, s->c.us / 1000, s->ok[i], latency, spread(&s->c.random));
    check(&s->c.b);
    s->ends[i] = -1;
    s->starts[i] = s->c.us + s->think;
}

/* Until the clock says `until`, or it has opened. */
static void sim_run(sim *s, int64_t until, bool stop_when_open)
{
    while (!(stop_when_open && s->c.b.state == RA_BREAKER_OPEN)) {
        unsigned next = 0;
        int64_t when = INT64_MAX;
        for (unsigned i = 0; i < s->clients; i++) {
            int64_t t = s->ends[i] >= 0 ? s->ends[i] : s->starts[i];
            if (t < when) {
                when = t;
                next = i;
            }
        }
        if (when > until)
            return;
        s->c.us = when;
        if (s->ends[next] >= 0)
            sim_end(s, next);
        else
            sim_start(s, next);
    }
}

/* 0.25 to 0.75 ms */
static int64_t usual_latency(sim *s)
{
    return USUAL / 2 + (int64_t)(next_random(&s->c.random) % USUAL);
}

/* Median 0.5 ms, logarithm normal with deviation 1: one call in a hundred takes more than 5 ms. */
static int64_t jittery_latency(sim *s, int64_t start)
{
    (void)start;
    double normal = -6;
    for (unsigned i = 0; i < 12; i++)
        normal += (double)(next_random(&s->c.random) % 1000000) / 1e6;
    return (int64_t)(USUAL * exp(normal));
}

/* From sick_from to sick_to each call takes 500 ms more. */
static int64_t slow_latency(sim *s, int64_t start)
{
    return usual_latency(s) + (start >= s->sick_from && start < s->sick_to ? SICK : 0);
}

/* From sick_from to sick_to nothing is answered; what has waited is answered then. */
static int64_t stalled_latency(sim *s, int64_t start)
{
    int64_t usual = usual_latency(s), end = start + usual;
    return end >= s->sick_from && start < s->sick_to ? s->sick_to + usual - start : usual;
}

/* From sick_from on six calls in ten are never answered. */
static int64_t lossy_latency(sim *s, int64_t start)
{
    return start >= s->sick_from && next_random(&s->c.random) % 10 < 6 ? INT64_MAX / 4 : usual_latency(s);
}

/* ---- it opens ---- */

static void test_defaults_and_bounds(void **state)
{
    (void)state;
    ra_breaker b;
    ra_breaker_init(&b, NULL);
    const ra_breaker_options *o = &b.options;
    assert_int_equal(o->window, WINDOW);
    assert_int_equal(o->failures, OPENS);
    assert_int_equal(o->slow_factor, 20);
    assert_int_equal(o->slow_floor_us, 5000);
    assert_int_equal(o->pause_ms, 200);
    assert_int_equal(o->pause_most_ms, 10000);
    assert_int_equal(o->probes, 3);
    ra_breaker_init(&b, &(ra_breaker_options){.window = 1000, .failures = 1000, .pause_ms = 30000});
    assert_int_equal(o->window, 128);
    assert_int_equal(o->failures, 128);
    assert_int_equal(o->pause_most_ms, 30000);
    ra_breaker_init(&b, &(ra_breaker_options){.window = 1, .pause_ms = -1, .pause_most_ms = INT64_MIN});
    assert_int_equal(o->failures, 1);
    assert_int_equal(o->pause_ms, 200);
    assert_int_equal(o->pause_most_ms, 10000);
}

static void test_failures_open_it(void **state)
{
    (void)state;
    caller c = caller_new(NULL);
    assert_int_equal(until_open(&c, false, 100, 1000), OPENS); /* also one that never worked */
    assert_int_equal(c.b.opened, 1);
    assert_false(may(&c));
    c = caller_new(NULL);
    calls(&c, 1000, true, USUAL);
    assert_int_equal(until_open(&c, false, 100, 1000), OPENS);
}

static void test_slowness_opens_it(void **state)
{
    (void)state;
    caller c = caller_new(NULL);
    calls(&c, 1000, true, USUAL);
    assert_int_equal(until_open(&c, true, SICK, 1000), OPENS);
    /* a network that is far away is slow only by its own measure */
    c = caller_new(NULL);
    calls(&c, 1000, true, 50000);
    assert_int_equal(until_open(&c, true, SICK, 1000), 1000);
    c = caller_new(NULL);
    calls(&c, 1000, true, 10000);
    assert_int_equal(until_open(&c, true, SICK, 1000), OPENS);
    /* and what is faster than the floor is never slow */
    c = caller_new(NULL);
    calls(&c, 1000, true, 20);
    assert_int_equal(until_open(&c, true, 5000, 1000), 1000);
}

static void test_any_window_and_number(void **state)
{
    (void)state;
    caller first =
        caller_new(&(ra_breaker_options){.failures = 1}); /* the first is enough, though it took long */
    assert_int_equal(until_open(&first, false, SICK, 2), 1);
    for (unsigned window = 1; window <= 128; window++) {
        for (unsigned failures = 1; failures <= window; failures += 1 + window / 9) {
            ra_breaker_options o = {.window = window, .failures = failures};
            caller c = caller_new(&o);
            calls(&c, 300, true, USUAL);
            assert_int_equal(until_open(&c, false, USUAL, 1000), failures);
            /* one less than that and then good ones: forgotten after a window */
            c = caller_new(&o);
            for (unsigned round = 0; round < 3 && failures > 1; round++) {
                calls(&c, failures - 1, false, USUAL);
                calls(&c, window, true, USUAL);
                assert_int_equal(c.b.nbad, 0);
            }
            assert_int_equal(c.b.opened, 0);
        }
    }
}

/* However many calls go at once it is the second round of slow ones that opens. */
static void test_slowness_is_found_however_many_call(void **state)
{
    (void)state;
    static sim s;
    for (unsigned clients = 1; clients <= CLIENTS_MOST; clients *= 2) {
        sim_init(&s, clients, slow_latency);
        s.sick_from = s.c.us + 100000;
        sim_run(&s, s.sick_from - 1, true);
        assert_int_equal(s.c.b.state, RA_BREAKER_CLOSED);
        s.allowed = 0;
        sim_run(&s, INT64_MAX, true);
        assert_true(s.ended_bad <= OPENS + clients);
        assert_true(s.allowed <= OPENS + 2 * clients);
        if (clients >= OPENS)
            assert_true(s.c.us <= s.sick_from + 2 * (SICK + 2 * USUAL + s.think) + USUAL);
    }
}

/* Good replies between the lost ones don't hide them. */
static void test_losses_are_found_however_many_call(void **state)
{
    (void)state;
    static sim s;
    for (unsigned clients = 1; clients <= 256; clients *= 4) {
        sim_init(&s, clients, lossy_latency);
        s.deadline = 50000;
        s.sick_from = s.c.us + 100000;
        sim_run(&s, s.sick_from + 30000000, true);
        assert_int_equal(s.c.b.state, RA_BREAKER_OPEN);
        assert_true(s.ended_bad <= 10 * OPENS + 3 * clients);
    }
}

/* ---- it stays closed ---- */

static void test_jitter_does_not_open_it(void **state)
{
    (void)state;
    static sim s;
    const unsigned clients[] = {1, 10, 100};
    for (unsigned i = 0; i < 3; i++) {
        sim_init(&s, clients[i], jittery_latency);
        while (s.allowed < 100000)
            sim_run(&s, s.c.us + 1000000, false);
        assert_int_equal(s.c.b.opened, 0);
        assert_int_equal(s.refused, 0);
        assert_true(s.ended_bad > 50); /* there was something to see */
    }
}

/* Half of the calls are for large values and take 50 times as long: usual is what is between. */
static void test_two_kinds_of_calls_do_not_open_it(void **state)
{
    (void)state;
    caller c = caller_new(NULL);
    for (unsigned i = 0; i < 20000; i++)
        call(&c, true, next_random(&c.random) & 1 ? 25000 : USUAL);
    assert_int_equal(c.b.opened, 0);
}

static void test_one_hiccup_does_not_open_it(void **state)
{
    (void)state;
    caller c = caller_new(NULL);
    calls(&c, 1000, true, USUAL);
    call(&c, true, 2000000);
    calls(&c, 1000, true, USUAL);
    call(&c, false, 2000000);
    calls(&c, 1000, true, USUAL);
    assert_int_equal(c.b.opened, 0);
    static sim s;
    for (unsigned clients = 1; clients <= CLIENTS_MOST; clients *= 4) {
        sim_init(&s, clients, stalled_latency);
        for (unsigned stall = 0; stall < 3; stall++) { /* nor do several, if there is time between them */
            s.sick_from = s.c.us + 200000;
            s.sick_to = s.sick_from + 100000;
            sim_run(&s, s.sick_to + 200000, false);
        }
        assert_true(s.ended_bad >= 3 * clients);
        assert_int_equal(s.c.b.opened, 0);
        /* the same with calls that give up after 60 ms: those of the stall's end still go well */
        sim_init(&s, clients, stalled_latency);
        s.deadline = 60000;
        s.sick_from = s.c.us + 200000;
        s.sick_to = s.sick_from + 50000;
        sim_run(&s, s.sick_to + 200000, false);
        assert_int_equal(s.c.b.opened, 0);
    }
}

static void test_a_cold_start_does_not_open_it(void **state)
{
    (void)state;
    caller c = caller_new(NULL);
    calls(&c, 20, true, 300000);
    calls(&c, 100, true, USUAL);
    assert_int_equal(c.b.opened, 0);
    /* and is soon forgotten */
    assert_int_equal(until_open(&c, true, SICK, 1000), OPENS);
    /* the first fast, then many slow at once */
    static sim s;
    for (unsigned clients = 1; clients <= 256; clients *= 4) {
        sim_init(&s, clients, stalled_latency);
        s.sick_from = s.c.us;
        s.sick_to = s.sick_from + 300000;
        call(&s.c, true, USUAL);
        sim_run(&s, s.sick_to + 500000, false);
        assert_int_equal(s.c.b.opened, 0);
    }
}

static void test_slower_by_steps_is_found_by_the_deadline(void **state)
{
    (void)state;
    const double deadline = 100000;
    caller c = caller_new(NULL);
    double latency = USUAL;
    for (unsigned n = 0; c.b.state == RA_BREAKER_CLOSED && n < 10000; n++) {
        call(&c, latency <= deadline, (int64_t)fmin(latency, deadline));
        latency *= 1.005;
    }
    assert_int_equal(c.b.state, RA_BREAKER_OPEN);
    assert_true(latency > deadline && latency < deadline * pow(1.005, OPENS + 2));
}

/* ---- open, half open, closed ---- */

static void test_pauses_grow_to_a_limit(void **state)
{
    (void)state;
    caller c = opened_caller(NULL);
    int64_t nominal = 200, shortest = INT64_MAX, longest = 0;
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(c.b.pause, nominal);
        int64_t pause = c.b.reopens - c.us / 1000;
        assert_true(pause <= nominal && pause >= nominal * 3 / 4);
        if (nominal == 10000) {
            shortest = pause < shortest ? pause : shortest;
            longest = pause > longest ? pause : longest;
        }
        c.us = c.b.reopens * 1000 - 1;
        assert_false(may(&c));
        c.us++;
        assert_true(may(&c));
        assert_false(may(&c)); /* one at a time */
        ends(&c, false, USUAL);
        assert_int_equal(c.b.state, RA_BREAKER_OPEN);
        nominal = nominal * 2 < 10000 ? nominal * 2 : 10000;
    }
    assert_true(shortest < 7600 && longest > 9900); /* the jitter is there */
    assert_int_equal(c.b.opened, 1);
}

static void test_jitter_of_a_pause(void **state)
{
    (void)state;
    const struct {
        uint32_t spread;
        int64_t pause;
    } cases[] = {{0, 200}, {UINT32_MAX, 151}, {UINT32_MAX / 2, 176}};
    for (unsigned i = 0; i < 3; i++) {
        ra_breaker b;
        ra_breaker_init(&b, &(ra_breaker_options){.failures = 1});
        assert_true(ra_breaker_allow(&b, 1000));
        ra_breaker_done(&b, 1000, false, 100, cases[i].spread);
        assert_int_equal(b.reopens - 1000, cases[i].pause);
    }
}

static void test_good_probes_close_it(void **state)
{
    (void)state;
    caller c = opened_caller(NULL);
    for (unsigned good = 0; good < 3; good++) {
        wait_for_probe(&c);
        assert_int_equal(c.b.state, RA_BREAKER_HALF_OPEN);
        assert_false(may(&c));
        ends(&c, true, USUAL);
        assert_int_equal(c.b.good, good + 1);
    }
    assert_int_equal(c.b.state, RA_BREAKER_CLOSED);
    assert_int_equal(c.b.nbad, 0);                               /* a new start */
    assert_int_equal(until_open(&c, false, USUAL, 1000), OPENS); /* and no second chance that is shorter */
    assert_int_equal(c.b.opened, 2);
}

static void test_a_bad_probe_opens_it(void **state)
{
    (void)state;
    for (unsigned slow = 0; slow < 2; slow++) {
        caller c = opened_caller(NULL);
        for (unsigned i = 0; i < 2; i++) {
            wait_for_probe(&c);
            ends(&c, true, USUAL);
        }
        wait_for_probe(&c);
        ends(&c, slow, slow ? SICK : USUAL);
        assert_int_equal(c.b.state, RA_BREAKER_OPEN);
        for (unsigned i = 0; i < 3; i++) { /* again three in a row */
            assert_int_not_equal(c.b.state, RA_BREAKER_CLOSED);
            wait_for_probe(&c);
            ends(&c, true, USUAL);
        }
        assert_int_equal(c.b.state, RA_BREAKER_CLOSED);
    }
}

static void recover(caller *c)
{
    for (unsigned i = 0; i < c->b.options.probes; i++) {
        wait_for_probe(c);
        ends(c, true, USUAL);
    }
    assert_int_equal(c->b.state, RA_BREAKER_CLOSED);
}

static void test_flapping_backs_off(void **state)
{
    (void)state;
    caller c = opened_caller(NULL);
    const int64_t pauses[] = {200, 400, 800, 1600, 3200, 6400, 10000, 10000};
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(c.b.pause, pauses[i]);
        recover(&c);
        c.us += 1000000;
        calls(&c, 100, true, USUAL); /* well for more than a second */
        until_open(&c, false, USUAL, 1000);
    }
    recover(&c);
    for (int64_t well = c.us + 10000000; c.us < well;)
        call(&c, true, USUAL);
    until_open(&c, false, USUAL, 1000);
    assert_int_equal(c.b.pause, 200); /* it had recovered */
    assert_int_equal(c.b.opened, 10);
}

static void test_a_sick_store_is_asked_little_and_comes_back(void **state)
{
    (void)state;
    static sim s;
    sim_init(&s, 50, slow_latency);
    s.think = 1000;
    s.sick_from = s.c.us + 1000000;
    s.sick_to = s.sick_from + 60000000;
    sim_run(&s, s.sick_to, true);
    assert_int_equal(s.c.b.state, RA_BREAKER_OPEN);
    s.allowed = 0;
    sim_run(&s, s.sick_to, false);
    assert_true(s.allowed >= 5 && s.allowed <= 15);
    assert_true(s.refused > 100000);
    sim_run(&s, s.sick_to + 15000000, false);
    assert_int_equal(s.c.b.state, RA_BREAKER_CLOSED);
    assert_int_equal(s.c.b.opened, 1);
}

/* Seconds until calls go again at a latency that is for good. */
static int64_t seconds_until_taken(int64_t latency_us)
{
    caller c = caller_new(NULL);
    calls(&c, 1000, true, USUAL);
    until_open(&c, true, latency_us, 1000);
    assert_int_equal(c.b.state, RA_BREAKER_OPEN);
    int64_t start = c.us;
    for (unsigned probes = 0; c.b.state != RA_BREAKER_CLOSED; probes++) {
        assert_true(probes < 1000);
        wait_for_probe(&c);
        ends(&c, true, latency_us);
    }
    calls(&c, 1000, true, latency_us); /* and it stays so */
    assert_int_equal(c.b.state, RA_BREAKER_CLOSED);
    return (c.us - start) / 1000000;
}

static void test_slower_for_good_is_taken_in_the_end(void **state)
{
    (void)state;
    caller c = opened_caller(NULL);
    for (unsigned i = 0; i < 1000; i++) { /* what fails is no latency, however long it took */
        wait_for_probe(&c);
        ends(&c, false, SICK);
    }
    assert_true(c.b.usual_us > USUAL - 1 && c.b.usual_us < USUAL + 1);
    int64_t little = seconds_until_taken(15000), more = seconds_until_taken(40000),
            most = seconds_until_taken(SICK);
    assert_true(little < 60);
    assert_true(more > little && more < 600);
    assert_true(most > 400);
}

/* ---- calls that tell nothing ---- */

static void test_cancelled_calls_tell_nothing(void **state)
{
    (void)state;
    caller c = caller_new(NULL);
    calls(&c, 10, true, USUAL);
    ra_breaker before = c.b;
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(may(&c));
        ra_breaker_cancelled(&c.b);
        check(&c.b);
    }
    assert_memory_equal(&c.b, &before, sizeof before);
    ra_breaker_cancelled(&c.b); /* one too many does no harm */
    call(&c, true, USUAL);
    assert_int_equal(c.b.under_way, 0);
}

static void test_cancelled_probes_do_not_wedge_it(void **state)
{
    (void)state;
    caller c = opened_caller(NULL);
    for (unsigned good = 0; good < 3; good++) {
        for (unsigned i = 0; i < 100; i++) {
            wait_for_probe(&c);
            ra_breaker_cancelled(&c.b);
            check(&c.b);
            assert_int_equal(c.b.state, RA_BREAKER_HALF_OPEN);
            assert_int_equal(c.b.good, good);
        }
        assert_true(may(&c)); /* at once: the pause is over */
        ends(&c, true, USUAL);
    }
    assert_int_equal(c.b.state, RA_BREAKER_CLOSED);
}

static void test_calls_of_before_are_not_taken_for_probes(void **state)
{
    (void)state;
    caller c = caller_new(NULL);
    calls(&c, 100, true, USUAL);
    for (unsigned i = 0; i < 10; i++)
        assert_true(may(&c)); /* these take long */
    until_open(&c, false, USUAL, 1000);
    double usual = c.b.usual_us;
    c.us += 300000; /* the pause is over, but they are still under way */
    for (unsigned i = 0; i < 10; i++) {
        assert_false(may(&c));
        if (i == 5)
            ra_breaker_cancelled(&c.b);
        else
            ends(&c, i & 1, 400000);
        assert_int_equal(c.b.state, RA_BREAKER_OPEN);
    }
    assert_true(c.b.usual_us >= usual && c.b.usual_us <= usual);
    assert_int_equal(c.b.pause, 200);
    assert_true(may(&c));
    ends(&c, true, USUAL);
    assert_int_equal(c.b.good, 1);
    /* an end that nobody waited for */
    ends(&c, false, USUAL);
    assert_int_equal(c.b.good, 1);
    assert_int_equal(c.b.state, RA_BREAKER_HALF_OPEN);
}

static void test_calls_that_never_end_do_not_wedge_it(void **state)
{
    (void)state;
    caller c = caller_new(NULL);
    for (unsigned i = 0; i < 10; i++)
        assert_true(may(&c));
    until_open(&c, false, USUAL, 1000);
    int64_t reopens = c.b.reopens;
    c.us = (reopens + 9999) * 1000;
    assert_false(may(&c));
    c.us += 1000;
    assert_true(may(&c));
    c.us += 9999000; /* neither does this probe */
    assert_false(may(&c));
    c.us += 1000;
    assert_true(may(&c));
    ends(&c, true, USUAL);
    assert_true(may(&c));
    ends(&c, true, USUAL);
    assert_true(may(&c));
    ends(&c, true, USUAL);
    assert_int_equal(c.b.state, RA_BREAKER_CLOSED);
}

/* ---- the connection ---- */

static void trip(caller *c)
{
    ra_breaker_trip(&c->b, c->us / 1000, spread(&c->random));
    check(&c->b);
}

static void test_a_first_connection_is_no_news(void **state)
{
    (void)state;
    caller c = caller_new(NULL);
    trip(&c);
    trip(&c);
    assert_int_equal(c.b.state, RA_BREAKER_CLOSED);
    assert_int_equal(c.b.opened, 0);
    call(&c, true, USUAL);
}

static void test_a_lost_connection_opens_and_a_new_one_is_probed(void **state)
{
    (void)state;
    caller c = caller_new(NULL);
    calls(&c, 10, true, USUAL);
    assert_true(may(&c)); /* lost with the connection; nobody says so */
    trip(&c);
    assert_int_equal(c.b.state, RA_BREAKER_OPEN);
    assert_int_equal(c.b.opened, 1);
    assert_false(may(&c));
    trip(&c);
    assert_true(may(&c));
    assert_false(may(&c));
    assert_int_equal(c.b.state, RA_BREAKER_HALF_OPEN);
    ends(&c, true, USUAL);
    trip(&c); /* another one yet: what was found about the last doesn't count */
    recover(&c);
    assert_int_equal(c.b.opened, 1);
    /* lost again soon: the pause goes on from where it was */
    trip(&c);
    assert_int_equal(c.b.pause, 400);
    /* a probe that was under way */
    trip(&c);
    assert_true(may(&c));
    trip(&c);
    recover(&c);
    c.us += 10000000;
    call(&c, true, USUAL);
    trip(&c);
    assert_int_equal(c.b.pause, 200);
    assert_int_equal(c.b.opened, 3);
}

/* ---- anything ---- */

static void test_odd_numbers(void **state)
{
    (void)state;
    const int64_t latencies[] = {0, -1, INT64_MIN, INT64_MAX, 1, 1000000000000};
    for (unsigned i = 0; i < 6; i++) {
        for (unsigned j = 0; j < 6; j++) {
            ra_breaker b;
            ra_breaker_init(&b, &(ra_breaker_options){.slow_floor_us = INT64_MAX, .pause_ms = INT64_MAX});
            for (unsigned k = 0; k < 300; k++) {
                if (ra_breaker_allow(&b, 5))
                    ra_breaker_done(&b, 5, k & 1, latencies[k % 3 ? i : j], UINT32_MAX);
                check(&b);
            }
        }
    }
    caller c = caller_new(&(ra_breaker_options){.slow_factor = UINT_MAX});
    calls(&c, 100, true, 0);
    assert_int_equal(c.b.opened, 0);
}

typedef struct anything {
    caller c;
    unsigned under_way; /* as the test counts */
} anything;

static void any_step(anything *a)
{
    caller *c = &a->c;
    uint64_t dice = next_random(&c->random) % 100;
    enum ra_breaker_state before = c->b.state;
    uint64_t opened = c->b.opened;
    if (dice < 45) {
        bool allowed = may(c);
        a->under_way += allowed;
        assert_true(allowed || before != RA_BREAKER_CLOSED);
        assert_true(!allowed || before == RA_BREAKER_CLOSED || a->under_way == 1); /* probes go alone */
    } else if (dice < 90 && a->under_way) {
        bool ok =
            (int64_t)(next_random(&c->random) % 100) < c->us / 50000 % 100; /* good times and bad times */
        a->under_way--;
        ends(c, ok, (int64_t)(next_random(&c->random) % (dice < 60 ? 1000 : 100000)));
    } else if (dice < 95 && a->under_way) {
        a->under_way--;
        ra_breaker_cancelled(&c->b);
    } else if (dice == 99 && next_random(&c->random) % 50 == 0) {
        a->under_way = 0;
        trip(c);
    }
    check(&c->b);
    assert_int_equal(c->b.under_way, a->under_way);
    assert_int_equal(c->b.opened - opened, before == RA_BREAKER_CLOSED && c->b.state == RA_BREAKER_OPEN);
    assert_false(before == RA_BREAKER_OPEN && c->b.state == RA_BREAKER_CLOSED); /* without a probe */
    if (c->b.state == RA_BREAKER_OPEN && before != RA_BREAKER_OPEN)
        assert_true(c->b.reopens - c->us / 1000 <= c->b.pause);
    c->us += (int64_t)(next_random(&c->random) % 2000);
}

static void test_anything_in_any_order(void **state)
{
    (void)state;
    uint64_t random = 11, opened = 0, closed = 0;
    for (unsigned run = 0; run < 200; run++) {
        ra_breaker_options o = {.window = (unsigned)(next_random(&random) % 140),
                                .failures = (unsigned)(next_random(&random) % 70),
                                .pause_ms = (int64_t)(next_random(&random) % 300),
                                .pause_most_ms = 100000,
                                .probes = (unsigned)(next_random(&random) % 6)};
        anything a = {.c = caller_new(&o)};
        a.c.random = run;
        for (unsigned i = 0; i < 5000; i++) {
            bool was_half = a.c.b.state == RA_BREAKER_HALF_OPEN;
            any_step(&a);
            closed += was_half && a.c.b.state == RA_BREAKER_CLOSED;
        }
        opened += a.c.b.opened;
        /* whatever has happened: all calls end, the store is well, and it closes */
        for (; a.under_way; a.under_way--)
            ends(&a.c, true, USUAL);
        for (unsigned i = 0; i < 200 && a.c.b.state != RA_BREAKER_CLOSED; i++) {
            a.c.us += 101000000;
            assert_true(may(&a.c));
            ends(&a.c, true, USUAL);
        }
        assert_int_equal(a.c.b.state, RA_BREAKER_CLOSED);
    }
    assert_true(opened > 300 && closed > 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_and_bounds),
        cmocka_unit_test(test_failures_open_it),
        cmocka_unit_test(test_slowness_opens_it),
        cmocka_unit_test(test_any_window_and_number),
        cmocka_unit_test(test_slowness_is_found_however_many_call),
        cmocka_unit_test(test_losses_are_found_however_many_call),
        cmocka_unit_test(test_jitter_does_not_open_it),
        cmocka_unit_test(test_two_kinds_of_calls_do_not_open_it),
        cmocka_unit_test(test_one_hiccup_does_not_open_it),
        cmocka_unit_test(test_a_cold_start_does_not_open_it),
        cmocka_unit_test(test_slower_by_steps_is_found_by_the_deadline),
        cmocka_unit_test(test_pauses_grow_to_a_limit),
        cmocka_unit_test(test_jitter_of_a_pause),
        cmocka_unit_test(test_good_probes_close_it),
        cmocka_unit_test(test_a_bad_probe_opens_it),
        cmocka_unit_test(test_flapping_backs_off),
        cmocka_unit_test(test_a_sick_store_is_asked_little_and_comes_back),
        cmocka_unit_test(test_slower_for_good_is_taken_in_the_end),
        cmocka_unit_test(test_cancelled_calls_tell_nothing),
        cmocka_unit_test(test_cancelled_probes_do_not_wedge_it),
        cmocka_unit_test(test_calls_of_before_are_not_taken_for_probes),
        cmocka_unit_test(test_calls_that_never_end_do_not_wedge_it),
        cmocka_unit_test(test_a_first_connection_is_no_news),
        cmocka_unit_test(test_a_lost_connection_opens_and_a_new_one_is_probed),
        cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_anything_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
