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
    return text && *text ? atoi(text) : otherwise;
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

static void one_story(uint64_t seed)
{
    model *m = model_new(seed);
    ra_stream_options o = usual;
    jitter = seed;
    o.from_now = m_chance(m, 2);
    o.replay = m_chance(m, 2);
    m->lazy = m_chance(m, 2);
    m->others = m_chance(m, 2);
    m->wild = (unsigned)m_random(m, 60);
    m_pass(m, (int64_t)m_random(m, 20000));
    for (int lives = 1 + (int)m_random(m, 6); lives && !m->why[0]; lives--) {
        model_run(m, &o, 1 + (int)m_random(m, 400), false);
        m_pass(m, (int64_t)m_random(m, 5000));
        if (m_chance(m, 10))
            m->now += (int64_t)m_random(m, 40 * 3600 * 1000);
    }
    come_to_rest(m, &o);
    judge_end(m, &o);
    if (m->why[0])
        fail_msg("READASIDE_SEED=%" PRIu64 ": %s", seed, m->why);
    model_free(m);
}

static void any_story(void **state)
{
    (void)state;
    int seed = given("READASIDE_SEED", 0);
    if (seed) {
        one_story((uint64_t)seed);
        return;
    }
    for (int i = 1; i <= given("READASIDE_STEPS", 600); i++)
        one_story((uint64_t)i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_story),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
