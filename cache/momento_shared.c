/*
 * What all loops of a process know together of Momento.
 *
 * Slots count for many units each: two units that share one only bypass together, or are asked about once
 * more than they need to be. So a lookup costs a few loads, whatever is under way.
 */
#include "cache/momento_store_parts.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SLOTS = 1 << 17,
    KNOWN = 1 << 12,
    REFUSED_FOR = 10000,
    FAILURES_TOLD = 3,
    FAILING_TOLD = 2000, /* ms */
    SAY_AGAIN = 60000
};

/* What a register was. One place for many units: the newest stands. */
typedef struct known {
    ra_key unit;
    ra_generation generation; /* len 0: none */
    int64_t asked;
    unsigned mark;
} known;

struct ra_momento_shared {
    atomic_uint refs;
    ra_momento_shared_options o;
    ra_near *near;
    ra_flights *makings;
    ra_momento_limit limit;
    pthread_mutex_t lock; /* guards all that follows, up to the slots */
    enum ra_momento_outcome refused;
    bool is_refused;
    bool refused_put; /* it was a put that was */
    int64_t refused_until;
    int64_t said_throttled; /* when; 0: never */
    bool sick, said_ahead;
    unsigned failures;     /* in a row */
    int64_t failing_since; /* when the first of them was */
    known known[KNOWN];
    atomic_uint writing[SLOTS], touched[SLOTS];
};

static void say(const ra_momento_shared *s, bool warning, const char *text)
{
    if (s->o.say)
        s->o.say(text, warning, s->o.say_arg);
}

/* Its generations all begin with the same letter; and there are no pushes to be missed but our own, which are
 * never. */
static void hear_for_ever(ra_near *near)
{
    ra_near_heard(near, "I", INT64_MAX);
}

ra_momento_shared *ra_momento_shared_new(const ra_momento_shared_options *o)
{
    ra_momento_shared *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->o = *o;
    pthread_mutex_init(&s->lock, NULL);
    ra_momento_limit_init(&s->limit, o->operations_per_second);
    s->near = o->near ? ra_near_ref(o->near) : NULL;
    if (s->near)
        hear_for_ever(s->near);
    s->makings = ra_flights_new();
    if (s->makings)
        return s;
    ra_momento_shared_unref(s);
    return NULL;
}

ra_momento_shared *ra_momento_shared_ref(ra_momento_shared *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void ra_momento_shared_unref(ra_momento_shared *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    ra_flights_free(s->makings);
    ra_near_unref(s->near);
    ra_momento_limit_fini(&s->limit);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

ra_near *ra_momento_shared_near(ra_momento_shared *s)
{
    return s->near;
}

ra_momento_limit *ra_momento_shared_limit(ra_momento_shared *s)
{
    return &s->limit;
}

ra_flights *ra_momento_shared_makings(ra_momento_shared *s)
{
    return s->makings;
}

int64_t ra_momento_shared_max_age(const ra_momento_shared *s)
{
    return s->o.max_age;
}

/* ---- writes of this process ---- */

/* Units are digests: any of their bits are spread evenly. */
static size_t slot_of(const ra_key *unit)
{
    return (unit->b[4] | (size_t)unit->b[5] << 8 | (size_t)unit->b[6] << 16) % SLOTS;
}

static void touch(ra_momento_shared *s, const ra_key *unit)
{
    atomic_fetch_add(&s->touched[slot_of(unit)], 1);
    if (s->near)
        ra_near_touch(s->near, unit);
}

void ra_momento_shared_add(ra_momento_shared *s, const ra_key *unit)
{
    atomic_fetch_add(&s->writing[slot_of(unit)], 1);
    touch(s, unit);
}

void ra_momento_shared_sub(ra_momento_shared *s, const ra_key *unit)
{
    touch(s, unit);
    atomic_fetch_sub(&s->writing[slot_of(unit)], 1);
}

bool ra_momento_shared_is_written(ra_momento_shared *s, const ra_key *unit)
{
    return atomic_load(&s->writing[slot_of(unit)]) != 0;
}

unsigned ra_momento_shared_mark(ra_momento_shared *s, const ra_key *unit)
{
    return atomic_load(&s->touched[slot_of(unit)]);
}

/* ---- registers that are known ---- */

static known *place_of(ra_momento_shared *s, const ra_key *unit)
{
    return &s->known[(unit->b[8] | (size_t)unit->b[9] << 8) % KNOWN];
}

void ra_momento_shared_know(ra_momento_shared *s, const ra_key *unit, const ra_generation *g, int64_t asked,
                            unsigned mark)
{
    known *k = place_of(s, unit);
    pthread_mutex_lock(&s->lock);
    bool older = ra_key_eq(&k->unit, unit) && k->generation.len && k->asked > asked;
    if (!older)
        *k = (known){.unit = *unit, .generation = *g, .asked = asked, .mark = mark};
    pthread_mutex_unlock(&s->lock);
}

bool ra_momento_shared_known(ra_momento_shared *s, const ra_key *unit, int64_t since, ra_generation *out)
{
    const known *k = place_of(s, unit);
    pthread_mutex_lock(&s->lock);
    bool is = k->generation.len && k->asked >= since && ra_key_eq(&k->unit, unit) &&
              k->mark == ra_momento_shared_mark(s, unit);
    if (is)
        *out = k->generation;
    pthread_mutex_unlock(&s->lock);
    return is;
}

/* ---- what Momento says of us ---- */

static void say_refused(const ra_momento_shared *s, const ra_momento_result *r)
{
    char text[2 * RA_MOMENTO_TEXT_MAX];
    snprintf(text, sizeof text,
             "%s (%d%s%s): nothing is cached, reads are answered by DynamoDB until that is put right",
             ra_momento_outcome_text(r->outcome), r->status, *r->text ? ": " : "", r->text);
    say(s, true, text);
}

/* A key that may get and not put, or the reverse: that one is granted says nothing of the other. */
static bool is_another_permission(const ra_momento_shared *s, const ra_momento_result *r)
{
    return s->is_refused && s->refused == RA_MOMENTO_FORBIDDEN && s->refused_put != r->is_put;
}

void ra_momento_shared_heard(ra_momento_shared *s, int64_t now, const ra_momento_result *r)
{
    bool refused = ra_momento_is_misconfigured(r->outcome);
    if (!refused && !ra_momento_is_good(r->outcome))
        return;
    pthread_mutex_lock(&s->lock);
    bool well_again = !refused && s->failures >= FAILURES_TOLD;
    if (!refused)
        s->failures = 0;
    bool counts = refused || !is_another_permission(s, r);
    bool news = counts && (refused != s->is_refused || (refused && s->refused != r->outcome));
    if (counts) {
        s->is_refused = refused;
        s->refused_put = r->is_put;
        s->refused = r->outcome;
        s->refused_until = refused ? now + REFUSED_FOR : 0;
    }
    pthread_mutex_unlock(&s->lock);
    if (news && refused)
        say_refused(s, r);
    else if (news)
        say(s, false, "the API key and the cache are accepted: used again");
    if (well_again)
        ra_momento_shared_sick(s, false, "");
}

bool ra_momento_shared_is_refused(ra_momento_shared *s, int64_t now)
{
    pthread_mutex_lock(&s->lock);
    bool is = s->is_refused && now < s->refused_until;
    pthread_mutex_unlock(&s->lock);
    return is;
}

void ra_momento_shared_paused(ra_momento_shared *s, int64_t now, const ra_momento_result *r)
{
    char text[2 * RA_MOMENTO_TEXT_MAX];
    pthread_mutex_lock(&s->lock);
    bool news = !s->said_throttled || now - s->said_throttled >= SAY_AGAIN;
    if (news)
        s->said_throttled = now ? now : 1;
    pthread_mutex_unlock(&s->lock);
    if (!news)
        return;
    snprintf(text, sizeof text, "%s (%d%s%s): while it says so reads are answered by DynamoDB%s",
             ra_momento_outcome_text(r->outcome), r->status, *r->text ? ": " : "", r->text,
             r->outcome == RA_MOMENTO_THROTTLED ? "; see operations_per_second" : "");
    say(s, true, text);
}

void ra_momento_shared_ahead(ra_momento_shared *s, int64_t ms)
{
    char line[2 * RA_MOMENTO_TEXT_MAX];
    pthread_mutex_lock(&s->lock);
    bool news = !s->said_ahead;
    s->said_ahead = true;
    pthread_mutex_unlock(&s->lock);
    if (!news)
        return;
    snprintf(line, sizeof line,
             "an entry is dated %lld s later than it is here, so that nobody knows when it expires: set the "
             "clocks of all proxies; such entries aren't served",
             (long long)(ms / 1000));
    say(s, true, line);
}

/* Where little is asked the breaker takes long to open: a person is told of what goes on for a while. */
void ra_momento_shared_failed(ra_momento_shared *s, int64_t now, const ra_momento_result *r)
{
    pthread_mutex_lock(&s->lock);
    if (s->failures == 0)
        s->failing_since = now;
    bool lasts = ++s->failures >= FAILURES_TOLD && now - s->failing_since >= FAILING_TOLD;
    pthread_mutex_unlock(&s->lock);
    if (lasts)
        ra_momento_shared_sick(s, true, ra_momento_outcome_text(r->outcome));
}

void ra_momento_shared_sick(ra_momento_shared *s, bool sick, const char *text)
{
    char line[2 * RA_MOMENTO_TEXT_MAX];
    pthread_mutex_lock(&s->lock);
    bool news = s->sick != sick;
    s->sick = sick;
    pthread_mutex_unlock(&s->lock);
    if (!news)
        return;
    snprintf(line, sizeof line, "it fails, or is too slow%s%s: reads are answered by DynamoDB meanwhile",
             *text ? ", at last: " : "", text);
    say(s, sick, sick ? line : "it answers again");
}
