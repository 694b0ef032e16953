#include "stream_model.h"

#include "cache/random.h"

/* Back-offs' jitter, in the library's place: so that a seed is a story. */
static uint64_t jitter;

uint64_t ra_random(void)
{
    return jitter += UINT64_C(0x9e3779b97f4a7c15);
}

/* A number from the environment, for longer runs. */
static int given(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text && *text ? (int)strtol(text, NULL, 10) : otherwise;
}

static const ra_stream_options usual = {
    .table = "t", .from_now = true, .idle_interval = 300, .lease = 3000, .rescan = 20000};

/* ---- any order of events ---- */

/* No more writes and nothing that goes wrong: it must get to where the stream is. */
static void come_to_rest(model *m, const ra_stream_options *o)
{
    m_switch(m, true);
    m->quiet = true;
    m->others = false;
    m->now += 5;
    m->until = m->r[m->n - 1].at + 1;
    model_run(m, o, -1, false);
}

static void judge_end(model *m, const ra_stream_options *o)
{
    for (int i = 0; i < m->n; i++) {
        if (!m_done(m, i))
            m_wrong(m, "record %d of shard %d is neither handled nor known to be lost", i, m->r[i].shard);
        if (!o->from_now && m->r[i].shard >= 0 && !m->r[i].handled && !m_trimmed(m, i) &&
            m->s[m->r[i].shard].stream == m->nstreams - 1)
            m_wrong(m, "record %d is there and isn't handled", i);
    }
}

/* How often a batch was known to have been refused before. */
static uint64_t one_story(uint64_t seed)
{
    model *m = model_new(seed);
    ra_stream_options o = usual;
    jitter = seed;
    o.from_now = m_chance(m, 2);
    o.replay = m_chance(m, 2);
    m->lazy = m_chance(m, 2);
    m->others = m_chance(m, 2);
    m->grain = m_chance(m, 2) ? 1000 : 60000;
    o.batch = m_chance(m, 2) ? 0 : 1 + (unsigned)m_random(m, 10);
    m->wild = (unsigned)m_random(m, 60);
    m_pass(m, (int64_t)m_random(m, 20000));
    for (int lives = 1 + (int)m_random(m, 6); lives && !m->why[0]; lives--) {
        model_run(m, &o, 1 + (int)m_random(m, 400), false);
        m_pass(m, (int64_t)m_random(m, 5000));
        if (m_chance(m, 10))
            m->now += (int64_t)m_random(m, UINT64_C(40) * 3600 * 1000);
    }
    come_to_rest(m, &o);
    judge_end(m, &o);
    if (m->why[0])
        fail_msg("READASIDE_SEED=%" PRIu64 ": %s", seed, m->why);
    uint64_t unhandled = m->unhandled;
    model_free(m);
    return unhandled;
}

static void any_story(void **state)
{
    (void)state;
    int seed = given("READASIDE_SEED", 0);
    if (seed) {
        one_story((uint64_t)seed);
        return;
    }
    uint64_t unhandled = 0;
    for (int i = 1; i <= given("READASIDE_STEPS", 600); i++)
        unhandled += one_story((uint64_t)i);
    assert_true(unhandled > 0);
}

/* ---- certain stories ---- */

static void judge(model *m)
{
    for (int i = 0; i < m->n; i++) {
        if (!m_done(m, i))
            m_wrong(m, "record %d is neither handled nor known to be lost", i);
    }
    if (m->why[0])
        fail_msg("%s", m->why);
    model_free(m);
}

/* Ended at any step, well or not, and begun again: nothing is missed. */
static void ended_at_each_step(void **state)
{
    (void)state;
    for (int oldest = 0; oldest < 2; oldest++) {
        for (int steps = 1; steps < 160; steps++) {
            model *m = model_new((uint64_t)steps);
            ra_stream_options o = usual;
            o.from_now = !oldest;
            m_pass(m, 3000);
            m_split(m);
            m_pass(m, 3000);
            model_run(m, &o, steps, false);
            m_pass(m, 1000);
            come_to_rest(m, &o);
            judge_end(m, &o);
            judge(m);
        }
    }
}

/* A process that goes on where another one ended has nothing to tell and repeats nothing. */
static void a_restart_goes_on(void **state)
{
    (void)state;
    model *m = model_new(5);
    m->gentle = true;
    model_run(m, &usual, 300, false);
    assert_int_equal(m->lost, 1); /* nobody knows what was written before */
    int batches = m->batches;
    assert_true(batches > 0);
    for (int i = 0; i < 5; i++)
        model_run(m, &usual, 300, false);
    assert_int_equal(m->lost, 1);
    assert_int_equal(m->replays, 0);
    assert_true(m->batches > batches);
    come_to_rest(m, &usual);
    assert_int_equal(m->lost, 1);
    judge(m);
}

/* One that isn't understood has no number to go on from: the last one that has counts, and it blocks nothing.
 */
static void a_record_without_a_number(void **state)
{
    (void)state;
    model *m = model_new(5);
    m->gentle = true;
    m->spoilt = true;
    for (int i = 0; i < 5; i++)
        model_run(m, &usual, 300, false);
    assert_int_equal(m->lost, 1);
    assert_int_equal(m->replays, 0);
    come_to_rest(m, &usual);
    assert_int_equal(m->replays, 0);
    judge(m);
}

/* Nobody can be asked whose the shards are, now and then: nothing is read meanwhile, nothing lost. */
static void a_keeper_that_is_away(void **state)
{
    (void)state;
    model *m = model_new(6);
    m->away = 5;
    model_run(m, &usual, 3000, false);
    assert_int_equal(m->lost, 1);
    assert_int_equal(m->replays, 0);
    come_to_rest(m, &usual);
    judge(m);
}

static void with_once_it_ends_by_itself(void **state)
{
    (void)state;
    model *m = model_new(7);
    ra_stream_options o = usual;
    o.from_now = false;
    m_pass(m, 5000);
    m_split(m);
    m_pass(m, 5000);
    int n = m->n;
    assert_true(model_run(m, &o, -1, true));
    for (int i = 1; i < n; i++)
        assert_true(m->r[i].handled);
    m_pass(m, 5000);
    n = m->n;
    assert_true(model_run(m, &o, -1, true));
    for (int i = 1; i < n; i++)
        assert_true(m->r[i].handled);
    assert_int_equal(m->replays, 0);
    model_free(m);
}

static void once_without_a_stream(void **state)
{
    (void)state;
    model *m = model_new(8);
    m->quiet = true;
    m_switch(m, false);
    assert_false(model_run(m, &usual, -1, true));
    assert_true(strstr(m->said, "no stream") != NULL);
    model_free(m);
}

static void once_what_fails_is_given_up(void **state)
{
    (void)state;
    model *m = model_new(9);
    m->refused = "AccessDeniedException";
    assert_false(model_run(m, &usual, -1, true));
    assert_true(strstr(m->said, "AccessDeniedException: as asked") != NULL);
    m->refused = "LimitExceededException";
    m->listings = 0;
    assert_false(model_run(m, &usual, -1, true));
    assert_true(strstr(m->said, "LimitExceededException") != NULL);
    model_free(m);
}

/* A shard that is listed, and whose records nobody may have, isn't waited for without end. */
static void once_a_shard_that_can_not_be_read(void **state)
{
    (void)state;
    static const char *const errors[] = {"ResourceNotFoundException", "ExpiredIteratorException"};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        model *m = model_new(12);
        m->quiet = true;
        m->unwanted = errors[i];
        assert_false(model_run(m, &usual, 20000, true));
        assert_true(strstr(m->said, errors[i]) != NULL);
        model_free(m);
    }
}

/* ---- many shards, and little time for each ---- */

/* Of so many pages that no listing gets through at once. */
static void a_long_listing_under_a_limit(void **state)
{
    (void)state;
    model *m = model_new(13);
    m->quiet = true;
    for (int i = 0; i < 200; i++)
        m_split(m);
    m->listings_most = 10;
    come_to_rest(m, &usual);
    assert_int_equal(m->lost, 1);
    judge(m);
}

/* One that breaks off since its shards go away isn't the stream's end. */
static void a_listing_whose_shards_vanish(void **state)
{
    (void)state;
    model *m = model_new(14);
    m->quiet = true;
    for (int i = 0; i < 12; i++)
        m_split(m);
    m->vanishes = true;
    model_run(m, &usual, 3000, false);
    m->vanishes = false;
    assert_int_equal(m->lost, 1);
    come_to_rest(m, &usual);
    judge(m);
}

/* A round over all shards takes longer than a lease. */
static void slower_than_a_lease(void **state)
{
    (void)state;
    model *m = model_new(15);
    m->quiet = true;
    for (int i = 0; i < 60; i++)
        m_split(m);
    for (int i = 0; i < 60; i++)
        m_write(m);
    ra_stream_options o = usual;
    o.from_now = false;
    m->slow = 900;
    come_to_rest(m, &o);
    for (int i = 1; i < m->n; i++)
        assert_true(m->r[i].handled);
    judge(m);
}

/* ---- clocks ---- */

/* It was wrong, and is put right: what was said by the wrong one isn't believed. */
static void a_clock_that_was_ahead(void **state)
{
    (void)state;
    model *m = model_new(16);
    m->ahead = 600 * 1000;
    m->gentle = true;
    model_run(m, &usual, 400, false);
    m->ahead = 0;
    m->quiet = true;
    m->unwanted = "LimitExceededException"; /* so it can't know better */
    m_write(m);
    model_run(m, &usual, 400, false);
    assert_string_equal(m->why, "");
    m->unwanted = NULL;
    come_to_rest(m, &usual);
    judge(m);
}

/* Nobody has read a child for longer than records are kept: what is gone of it is gone in silence. */
static void what_is_trimmed_in_silence_is_told(void **state)
{
    (void)state;
    model *m = model_new(10);
    model_run(m, &usual, 200, false);
    assert_int_equal(m->lost, 1);
    m->quiet = true; /* a shard ends, and is read to its end, which is noted */
    int parent = m_shard_of(m, 0);
    m_close(m, parent);
    m->s[parent].finished = m->s[parent].noted = true;
    m->s[parent].drained = m->now;
    for (int i = 0; i < m->s[parent].n; i++)
        m->r[m->s[parent].records[i]].handled = true;
    m_add_shard(m, parent, m->s[parent].first, m->s[parent].end);
    m_write_key(m, 0);
    m->now += M_DAY - 1000; /* now the parent is still listed, the child's first record will be gone */
    m_write_key(m, 0);
    m->now += 900;
    m->s[parent].closed_at += 5000;
    m->now += 500;
    come_to_rest(m, &usual);
    assert_true(m->lost > 1);
    judge(m);
}

/* Where there is nothing to read it isn't asked more often than is said. */
static void an_idle_stream_is_asked_seldom(void **state)
{
    (void)state;
    model *m = model_new(11);
    m->quiet = true;
    ra_stream_options o = usual;
    o.idle_interval = 5000;
    int64_t began = m->now;
    model_run(m, &o, 4000, false);
    int64_t took = m->now - began;
    assert_true(m->reads > 50);
    assert_true(m->reads / 2 <= took / o.idle_interval + 8); /* there are two shards */
    assert_true(m->listings / 2 <= took / o.rescan + 2);     /* of at most two pages */
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_story),
        cmocka_unit_test(ended_at_each_step),
        cmocka_unit_test(a_restart_goes_on),
        cmocka_unit_test(a_record_without_a_number),
        cmocka_unit_test(a_keeper_that_is_away),
        cmocka_unit_test(with_once_it_ends_by_itself),
        cmocka_unit_test(once_without_a_stream),
        cmocka_unit_test(once_what_fails_is_given_up),
        cmocka_unit_test(once_a_shard_that_can_not_be_read),
        cmocka_unit_test(a_long_listing_under_a_limit),
        cmocka_unit_test(a_listing_whose_shards_vanish),
        cmocka_unit_test(slower_than_a_lease),
        cmocka_unit_test(a_clock_that_was_ahead),
        cmocka_unit_test(what_is_trimmed_in_silence_is_told),
        cmocka_unit_test(an_idle_stream_is_asked_seldom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
