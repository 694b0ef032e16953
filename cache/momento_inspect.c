/* One request after the other; what goes wrong is kept in `why`, and ends it all. */
#include "cache/momento_inspect.h"

#include "cache/momento_record.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { INSPECT_MAGIC = 0x6d6f696e, PING_TTL = 60 };

struct ra_momento_inspect {
    unsigned magic;
    struct event_base *base;
    ra_momento_client *client;
    ra_momento_inspect_options o;
    bool over; /* the request under way has its result */
    enum ra_momento_outcome outcome;
    ra_buf value; /* of the newest get */
    bool failed;
    char why[RA_MOMENTO_INSPECT_WHY_MAX];
};

static void say(ra_momento_inspect *m, const char *what, const char *more)
{
    snprintf(m->why, sizeof m->why, "%s%s%s", what, *more ? ": " : "", more);
    m->failed = true;
}

static void on_result(const ra_momento_result *r, void *arg)
{
    ra_momento_inspect *m = arg;
    if (m->magic != INSPECT_MAGIC) {
        fputs("momento inspect: corrupted\n", stderr);
        abort();
    }
    m->over = true;
    m->outcome = r->outcome;
    if (!ra_momento_is_good(r->outcome))
        say(m, ra_momento_outcome_text(r->outcome), r->text);
    else if (r->outcome == RA_MOMENTO_FOUND && !ra_buf_add_bytes(&m->value, r->value))
        say(m, "no memory for a value", "");
}

/* Runs the loop until the result of `call` is there. */
static bool settle(ra_momento_inspect *m, const ra_momento_call *call)
{
    if (!call)
        say(m, "no memory for a request", "");
    while (!m->failed && !m->over) {
        if (event_base_loop(m->base, EVLOOP_ONCE) != 0)
            say(m, "the event loop has stopped", "");
    }
    return !m->failed;
}

/* Afterwards m->outcome is FOUND, and m->value the value, or ABSENT. */
static bool get(ra_momento_inspect *m, ra_bytes key)
{
    m->over = false;
    ra_buf_clear(&m->value);
    return !m->failed && settle(m, ra_momento_get(m->client, key, m->o.timeout, on_result, m));
}

static bool put(ra_momento_inspect *m, ra_bytes key, ra_bytes value, int64_t ttl)
{
    m->over = false;
    return !m->failed && settle(m, ra_momento_put(m->client, key, value, ttl, m->o.timeout, on_result, m));
}

static int64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

bool ra_momento_inspect_ping(ra_momento_inspect *m, int64_t *connect_us, int64_t *ping_us)
{
    char name[RA_MOMENTO_NAME_MAX];
    int n = snprintf(name, sizeof name, "%sra1:ping", m->o.key_prefix);
    ra_bytes key = {name, (size_t)n};
    ra_generation nonce; /* so that it is our own value which is found again */
    if (!ra_momento_register_new(true, &nonce)) {
        say(m, "there is no randomness", "");
        return false;
    }
    ra_bytes value = {(const char *)nonce.b, nonce.len};
    int64_t begun = clock_us();
    bool ok = put(m, key, value, PING_TTL);
    int64_t there = clock_us();
    ok = ok && get(m, key);
    *connect_us = there - begun;
    *ping_us = clock_us() - there;
    if (ok && m->outcome == RA_MOMENTO_ABSENT)
        say(m, "what was put isn't there", "");
    return ok && !m->failed;
}

/* *out: the generation, if it is idle. ABSENT counts as idle without one. */
static bool read_register(ra_momento_inspect *m, const ra_key *unit, enum ra_momento_register *state,
                          ra_generation *out)
{
    char name[RA_MOMENTO_NAME_MAX];
    *out = (ra_generation){0};
    *state = RA_MOMENTO_IDLE;
    if (!get(m, ra_momento_register_name(m->o.key_prefix, unit, name)))
        return false;
    if (m->outcome == RA_MOMENTO_FOUND)
        *state = ra_momento_register_read(ra_buf_bytes(&m->value), out);
    return true;
}

static bool same(const ra_generation *a, const ra_generation *b)
{
    return a->len && a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

/* Is what stands in m->value good under these generations? Adds it to the view, or counts it. */
static bool take_entry(ra_momento_inspect *m, ra_unit_view *v, const ra_token *now)
{
    ra_momento_entry e;
    bool served = ra_momento_entry_read(ra_buf_bytes(&m->value), &e) && e.nguards == v->nguards &&
                  same(&e.tags.unit, &now->unit) && e.keeps > m->o.now;
    for (unsigned i = 0; served && i < v->nguards; i++)
        served = same(&e.tags.guard[i], &now->guard[i]);
    if (!served) {
        v->overtaken++;
        return true;
    }
    ra_unit_entry out = {.request = v->name,
                         .bytes = e.sealed.n,
                         .expires_in = e.expires - m->o.now,
                         .keeps_in = e.keeps - m->o.now};
    if (!ra_unit_view_add(v, &out))
        say(m, "no memory for the list of entries", "");
    return !m->failed;
}

static bool read_entry(ra_momento_inspect *m, ra_unit_view *v, const ra_generation *unit)
{
    char name[RA_MOMENTO_NAME_MAX];
    ra_token now = {.unit = *unit};
    enum ra_momento_register state;
    for (unsigned i = 0; i < v->nguards; i++)
        if (!read_register(m, &v->guard[i], &state, &now.guard[i]))
            return false;
    if (!get(m, ra_momento_entry_name(m->o.key_prefix, &v->unit, &v->name, name)))
        return false;
    return m->outcome == RA_MOMENTO_ABSENT || take_entry(m, v, &now);
}

static bool read_unit(ra_momento_inspect *m, ra_unit_view *v)
{
    enum ra_momento_register state;
    ra_generation generation;
    ra_unit_view_clear(v);
    v->unlisted = true;
    if (!read_register(m, &v->unit, &state, &generation))
        return false;
    /* one that isn't a register's text counts as none, as it does in the store */
    v->state = state == RA_MOMENTO_WRITING ? RA_UNIT_MARKED : generation.len ? RA_UNIT_DATA : RA_UNIT_EMPTY;
    v->markers = v->state == RA_UNIT_MARKED;
    return v->state != RA_UNIT_DATA || !v->named || read_entry(m, v, &generation);
}

bool ra_momento_inspect_units(ra_momento_inspect *m, ra_unit_view *v, size_t n)
{
    bool ok = !m->failed;
    for (size_t i = 0; ok && i < n; i++)
        ok = read_unit(m, &v[i]);
    return ok;
}

static bool drop(ra_momento_inspect *m, const ra_key *unit, bool *dropped)
{
    char name[RA_MOMENTO_NAME_MAX];
    enum ra_momento_register state;
    ra_generation generation;
    *dropped = false;
    if (!read_register(m, unit, &state, &generation))
        return false;
    if (!generation.len)
        return true;
    if (!ra_momento_register_new(true, &generation)) {
        say(m, "there is no randomness", "");
        return false;
    }
    *dropped = true;
    return put(m, ra_momento_register_name(m->o.key_prefix, unit, name),
               (ra_bytes){(const char *)generation.b, generation.len}, RA_MOMENTO_TTL_MOST);
}

bool ra_momento_inspect_drop(ra_momento_inspect *m, const ra_key *units, size_t n, bool *dropped)
{
    bool ok = !m->failed;
    for (size_t i = 0; ok && i < n; i++)
        ok = drop(m, &units[i], &dropped[i]);
    return ok;
}

ra_momento_inspect *ra_momento_inspect_new(const ra_momento_inspect_options *o)
{
    ra_momento_inspect *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->magic = INSPECT_MAGIC;
    m->o = *o;
    ra_buf_init(&m->value, RA_MOMENTO_ITEM_MOST);
    bool fits = strlen(o->key_prefix) <= RA_MOMENTO_PREFIX_MOST;
    m->base = fits ? event_base_new() : NULL;
    m->client = m->base ? ra_momento_client_new(m->base, &o->client) : NULL;
    if (m->client)
        return m;
    ra_momento_inspect_free(m);
    return NULL;
}

void ra_momento_inspect_free(ra_momento_inspect *m)
{
    if (!m)
        return;
    ra_momento_client_free(m->client);
    if (m->base)
        event_base_free(m->base);
    ra_buf_free(&m->value);
    m->magic = 0;
    free(m);
}

const char *ra_momento_inspect_why(const ra_momento_inspect *m)
{
    return m->failed ? m->why : NULL;
}
