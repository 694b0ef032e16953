/*
 * For tests of the store in Momento: stores of one process or of several, on the fake of momento_fake.h, and
 * what one says and asks of them. `pass` moves the clock that stores, items and markers live by.
 */
#ifndef RA_TESTS_MOMENTO_STORE_FIXTURE_H
#define RA_TESTS_MOMENTO_STORE_FIXTURE_H

#include "tests/unit/cache/momento_fake.h"

#include "cache/momento_store.h"
#include "cache/momento_store_parts.h"

enum { LONG = 30000, STORES = 4 };

static const ra_momento_clock the_clock = {.monotonic = fake_monotonic, .wall = fake_wall};

typedef struct process {
    ra_near *near;
    ra_momento_shared *shared;
    ra_seal_keys *seal;
    ra_store *stores[STORES];
    unsigned nstores;
    unsigned said, warned;
    char text[512];
} process;

static char endpoint[64];
static process p1, p2;

static void on_say(const char *text, bool warning, void *arg)
{
    process *p = arg;
    p->said++;
    p->warned += warning;
    snprintf(p->text, sizeof p->text, "%s", text);
}

typedef struct process_options {
    size_t near_bytes;
    unsigned operations_per_second;
    int64_t timeout;
    size_t max_entry_bytes, max_markers;
    const char *cache;
    const unsigned char (*keys)[RA_SEAL_KEY_BYTES];
    size_t nkeys;
} process_options;

static process_options defaults(void)
{
    return (process_options){
        .near_bytes = 4 << 20, .timeout = LONG, .max_entry_bytes = 8 << 20, .cache = "tests"};
}

static ra_store *add_store(process *p, const process_options *o)
{
    ra_momento_store_options so = {
        .client = {.endpoint = endpoint, .cache = o->cache, .api_key = "the key"},
        .key_prefix = "p:",
        .seal = p->seal,
        .shared = p->shared,
        .request_timeout = o->timeout,
        .register_ttl = 3600000,
        .max_entry_bytes = o->max_entry_bytes,
        .max_markers = o->max_markers,
        .clock = &the_clock,
    };
    ra_store *s = ra_momento_store_new(base, &so);
    assert_non_null(s);
    p->stores[p->nstores++] = s;
    return s;
}

static void start(process *p, const process_options *o)
{
    *p = (process){0};
    p->near = o->near_bytes ? ra_near_new(o->near_bytes, 1000) : NULL;
    p->seal = ra_seal_keys_new(o->keys, o->nkeys);
    ra_momento_shared_options so = {.near = p->near,
                                    .operations_per_second = o->operations_per_second,
                                    .max_age = 1000,
                                    .say = on_say,
                                    .say_arg = p};
    p->shared = ra_momento_shared_new(&so);
    assert_non_null(p->shared);
    add_store(p, o);
}

static void stop(process *p)
{
    for (unsigned i = 0; i < p->nstores; i++)
        ra_store_free(p->stores[i]);
    ra_momento_shared_unref(p->shared);
    ra_near_unref(p->near);
    ra_seal_keys_free(p->seal);
    *p = (process){0};
}

/* Time goes by, and each store does what is due. */
__attribute__((unused)) static void pass(int64_t ms)
{
    the_time += ms;
    for (unsigned i = 0; i < p1.nstores; i++)
        ra_momento_markers_tick(ra_momento_store_of(p1.stores[i]), the_time);
    for (unsigned i = 0; i < p2.nstores; i++)
        ra_momento_markers_tick(ra_momento_store_of(p2.stores[i]), the_time);
}

/* All that is on its way arrives: fills, registers. */
static bool is_quiet(void)
{
    size_t busy = 0;
    for (int k = 0; k < 2; k++) {
        const process *p = k ? &p2 : &p1;
        for (unsigned i = 0; i < p->nstores; i++) {
            const ra_momento_store *s = ra_momento_store_of(p->stores[i]);
            busy += s->telling + (s->fillings != NULL) + (s->makings != NULL) + (s->works != NULL);
        }
    }
    return busy == 0;
}

#define SETTLE() UNTIL(is_quiet())

__attribute__((unused)) static int setup_one(void **state)
{
    (void)state;
    fake_begin();
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u", fake.port);
    process_options o = defaults();
    start(&p1, &o);
    p2 = (process){0};
    return 0;
}

__attribute__((unused)) static int setup_two(void **state)
{
    setup_one(state);
    process_options o = defaults();
    start(&p2, &o);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (p2.shared)
        stop(&p2);
    if (p1.shared)
        stop(&p1);
    fake_end();
    return 0;
}

/* ---- units, lookups ---- */

static ra_key key(unsigned n)
{
    ra_key k = {{0}};
    for (int i = 0; i < RA_KEY_BYTES; i++)
        k.b[i] = (unsigned char)(n * 31 + (unsigned)i * (n + 7));
    return k;
}

enum { UNIT = 1, OTHER = 2, GUARD = 3, REQUEST = 4 };

typedef struct asked {
    ra_lookup v[8];
    ra_store_call call;
    bool done;
} asked;

static void on_done(ra_store_call *call)
{
    *(bool *)call->arg = true;
}

static void ask(ra_store *s, asked *a, unsigned unit, unsigned nguards)
{
    *a = (asked){
        .v[0] = {.unit = key(unit), .request = key(REQUEST), .guard = {key(GUARD)}, .nguards = nguards}};
    a->call = (ra_store_call){.done = on_done, .arg = &a->done};
    a->done = ra_store_lookup(s, the_time, a->v, 1, &a->call) == RA_STORE_DONE;
}

/* The payload is let go of; what it was is in `body`. */
static char body[64];

static ra_lookup look_at(ra_store *s, unsigned unit, unsigned nguards)
{
    asked a;
    ask(s, &a, unit, nguards);
    UNTIL(a.done);
    body[0] = '\0';
    if (a.v[0].payload)
        snprintf(body, sizeof body, "%.*s", (int)a.v[0].payload->len, a.v[0].payload->body);
    ra_payload_unref(a.v[0].payload);
    return a.v[0];
}

static ra_lookup look(ra_store *s)
{
    return look_at(s, UNIT, 1);
}

__attribute__((unused)) static enum ra_fill_result fill_for(ra_store *s, const ra_lookup *v, const char *text,
                                                            int64_t ttl, int64_t keep)
{
    ra_payload *p = ra_payload_new(ra_bytes_z(text), 7, 9, fake_wall());
    ra_fill f = {.unit = v->unit,
                 .request = v->request,
                 .token = v->token,
                 .guard = {v->guard[0], v->guard[1]},
                 .nguards = v->nguards,
                 .payload = p,
                 .ttl = ttl,
                 .keep = keep};
    enum ra_fill_result r = ra_store_fill(s, the_time, &f);
    ra_payload_unref(p);
    return r;
}

__attribute__((unused)) static void fill(ra_store *s, const ra_lookup *v, const char *text)
{
    assert_int_equal(v->outcome, RA_LOOKUP_MISS);
    assert_int_equal(fill_for(s, v, text, 60000, 0), RA_FILL_QUEUED);
    SETTLE();
}

/* A miss that is filled. */
__attribute__((unused)) static void seed(ra_store *s, const char *text)
{
    ra_lookup v = look(s);
    fill(s, &v, text);
}

#define ASSERT_HIT(given, text)                                                                              \
    do {                                                                                                     \
        ra_lookup found = (given);                                                                           \
        assert_int_equal(found.outcome, RA_LOOKUP_HIT);                                                      \
        assert_string_equal(body, text);                                                                     \
    } while (0)
#define ASSERT_BYPASS(given, why)                                                                            \
    do {                                                                                                     \
        ra_lookup found = (given);                                                                           \
        assert_int_equal(found.outcome, RA_LOOKUP_BYPASS);                                                   \
        assert_string_equal(found.reason, why);                                                              \
    } while (0)

/* ---- writes ---- */

typedef struct writing {
    ra_write_id id;
    ra_key units[2];
    size_t n;
    ra_store_call call;
    bool done;
} writing;

enum { HOLD = 60000 };

__attribute__((unused)) static void begin_only(ra_store *s, writing *w, unsigned unit)
{
    *w = (writing){.units = {key(unit)}, .n = 1};
    assert_true(ra_write_id_new(&w->id));
    w->call = (ra_store_call){.done = on_done, .arg = &w->done};
    w->done = ra_store_begin(s, the_time, &w->id, w->units, 1, HOLD, &w->call) == RA_STORE_DONE;
}

__attribute__((unused)) static bool begin(ra_store *s, writing *w, unsigned unit)
{
    begin_only(s, w, unit);
    UNTIL(w->done);
    return w->call.ok;
}

__attribute__((unused)) static void end(ra_store *s, const writing *w, int64_t settle)
{
    ra_store_end(s, the_time, &w->id, w->units, w->n, settle);
}

/* The register as it stands; "" if none does. */
__attribute__((unused)) static const char *reg(unsigned unit)
{
    static char text[64];
    char name[RA_MOMENTO_NAME_MAX];
    ra_key k = key(unit);
    const fake_item *it = fake_item_of(ra_momento_register_name("p:", &k, name));
    snprintf(text, sizeof text, "%.*s", it ? (int)it->n : 0, it ? it->value : "");
    return text;
}

__attribute__((unused)) static fake_item *reg_item(unsigned unit)
{
    char name[RA_MOMENTO_NAME_MAX];
    ra_key k = key(unit);
    return fake_item_of(ra_momento_register_name("p:", &k, name));
}

__attribute__((unused)) static fake_item *entry_item(unsigned unit)
{
    char name[RA_MOMENTO_NAME_MAX];
    ra_key k = key(unit), r = key(REQUEST);
    return fake_item_of(ra_momento_entry_name("p:", &k, &r, name));
}

__attribute__((unused)) static ra_momento_store_counts counts(ra_store *s)
{
    ra_momento_store_counts c;
    ra_momento_store_get_counts(s, &c);
    return c;
}

#endif
