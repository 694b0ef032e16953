/*
 * The store in Redis: its interface and what its parts share. What it does for a request is in
 * redis_store_lookup.c, redis_store_write.c, redis_store_own.c and redis_store_post.c, its connection in
 * redis_store_connect.c.
 */
#include "cache/redis_store.h"

#include "cache/random.h"
#include "cache/redis_store_parts.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HEARTBEATS_MISSED = 3, UNIT_ENTRIES = 1024, MARKERS = 1 << 18 };

int64_t ra_redis_monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t ra_redis_monotonic(void)
{
    return ra_redis_monotonic_us() / 1000;
}

ra_redis_store *ra_redis_store_of(void *p)
{
    ra_redis_store *s = p;
    if (!s || s->magic != RA_REDIS_STORE_MAGIC) {
        fputs("redis store: corrupted\n", stderr);
        abort();
    }
    return s;
}

void ra_redis_store_say(const ra_redis_store *s, bool warning, const char *text)
{
    if (s->o.say)
        s->o.say(text, warning, s->o.say_arg);
}

void ra_redis_store_judge(ra_redis_store *s, int64_t now_us, bool ok, int64_t latency_us)
{
    bool closed = s->breaker.state == RA_BREAKER_CLOSED;
    ra_breaker_done(&s->breaker, now_us / 1000, ok, latency_us, (uint32_t)ra_random());
    bool sick = s->breaker.state != RA_BREAKER_CLOSED;
    if (closed == sick && sick != s->sick_told) {
        s->sick_told = sick;
        ra_redis_store_say(s, sick,
                           sick ? "fails, or has become slow: it isn't asked until it has recovered"
                                : "has recovered");
    }
}

/* ---- is it to be believed? ---- */

static enum ra_redis_health health(const ra_redis_store *s, int64_t now)
{
    if (s->state == RA_STORE_DOWN)
        return RA_REDIS_DOWN;
    if (s->state == RA_STORE_GREETING)
        return RA_REDIS_GREETING;
    if (now < s->quiet_until)
        return RA_REDIS_QUARANTINE;
    if (now - s->heard > HEARTBEATS_MISSED * s->o.heartbeat)
        return RA_REDIS_SILENT;
    return s->breaker.state == RA_BREAKER_CLOSED ? RA_REDIS_SERVING : RA_REDIS_BREAKER;
}

enum ra_redis_health ra_redis_store_health(ra_store *store, int64_t now)
{
    return health(ra_redis_store_of(store), now);
}

/* Whether the breaker lets a call through is for ra_breaker_allow. */
bool ra_redis_store_may(const ra_redis_store *s, int64_t now, const char **why)
{
    static const char *const reasons[] = {[RA_REDIS_DOWN] = "store-unavailable",
                                          [RA_REDIS_GREETING] = "store-unavailable",
                                          [RA_REDIS_QUARANTINE] = "store-quarantine",
                                          [RA_REDIS_SILENT] = "store-silent"};
    enum ra_redis_health h = health(s, now);
    if (h >= RA_REDIS_BREAKER)
        return true;
    *why = reasons[h];
    return false;
}

bool ra_redis_store_ending(ra_store *store)
{
    return ra_redis_store_of(store)->ending > 0;
}

const char *ra_redis_store_refusal(ra_store *store)
{
    const ra_redis_store *s = ra_redis_store_of(store);
    return *s->refusal && s->refusal_lasts ? s->refusal : NULL;
}

const ra_redis_identity *ra_redis_store_identity(ra_store *store)
{
    return &ra_redis_store_of(store)->identity;
}

int64_t ra_redis_generation_made(const ra_generation *g)
{
    int64_t made = 0;
    if (g->len <= RA_EPOCH_CHARS + RA_REDIS_NONCE_CHARS)
        return -1;
    for (size_t i = RA_EPOCH_CHARS; i < g->len - (size_t)RA_REDIS_NONCE_CHARS; i++) {
        if (g->b[i] < '0' || g->b[i] > '9')
            return -1;
        made = made * 10 + (g->b[i] - '0'); /* 15 digits at most */
    }
    return made;
}

bool ra_redis_store_is_current(const ra_redis_store *s, const ra_generation *g)
{
    int64_t made = ra_redis_generation_made(g);
    return made >= 0 && made >= s->first && memcmp(g->b, s->epoch, RA_EPOCH_CHARS) == 0;
}

/* ---- names ---- */

static size_t add_hex(char *out, const unsigned char *b, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[b[i] >> 4];
        out[2 * i + 1] = digits[b[i] & 15];
    }
    return 2 * n;
}

ra_bytes ra_redis_store_key(const ra_redis_store *s, const ra_key *unit, char out[RA_REDIS_KEY_MAX])
{
    memcpy(out, s->prefix, s->prefix_n);
    return (ra_bytes){out, s->prefix_n + add_hex(out + s->prefix_n, unit->b, sizeof unit->b)};
}

ra_bytes ra_redis_store_other_key(const ra_redis_store *s, char kind, const ra_key *name,
                                  char out[RA_REDIS_KEY_MAX])
{
    memcpy(out, s->prefix, s->prefix_n);
    out[s->prefix_n] = kind;
    return (ra_bytes){out, s->prefix_n + 1 + add_hex(out + s->prefix_n + 1, name->b, sizeof name->b)};
}

ra_bytes ra_redis_store_request_field(const ra_key *request, char out[RA_REDIS_FIELD_MAX])
{
    out[0] = 'r';
    return (ra_bytes){out, 1 + add_hex(out + 1, request->b, sizeof request->b)};
}

ra_bytes ra_redis_store_write_name(const ra_write_id *id, char out[RA_REDIS_FIELD_MAX])
{
    return (ra_bytes){out, add_hex(out, id->b, sizeof id->b)};
}

/* ---- the interface ---- */

static void cancel(ra_store *store, ra_store_call *call)
{
    (void)ra_redis_store_of(store);
    ra_redis_call_free(call->pending);
}

static void stats(ra_store *store, ra_store_stats *out)
{
    ra_redis_store *s = ra_redis_store_of(store);
    *out = s->n;
    out->markers = s->nmarkers;
}

void ra_redis_store_get_counts(ra_store *store, ra_redis_store_counts *out)
{
    *out = ra_redis_store_of(store)->counts;
}

static void free_store(ra_store *store)
{
    ra_redis_store *s = ra_redis_store_of(store);
    while (s->calls)
        ra_redis_call_free(s->calls);
    ra_redis_free(s->conn);
    ra_redis_runs_free(s);
    ra_redis_guards_free(s);
    ra_redis_sweep_free(s);
    if (s->heart)
        event_free(s->heart);
    ra_redis_markers_free(s);
    ra_redis_shared_unref(s->shared);
    s->magic = 0;
    free(s);
}

static const ra_store_ops ops = {.name = "redis",
                                 .peek = ra_redis_store_peek,
                                 .ask = ra_redis_store_ask,
                                 .lookup = ra_redis_store_lookup,
                                 .fill = ra_redis_store_fill,
                                 .begin = ra_redis_store_begin,
                                 .end = ra_redis_store_end,
                                 .invalidate = ra_redis_store_invalidate,
                                 .cancel = cancel,
                                 .post = ra_redis_store_post,
                                 .note_own = ra_redis_store_note_own,
                                 .take_own = ra_redis_store_take_own,
                                 .stats = stats,
                                 .free = free_store};

static void set_options(ra_redis_store *s, struct event_base *base, const ra_redis_store_options *o)
{
    s->o = *o;
    if (!s->o.max_unit_entries)
        s->o.max_unit_entries = UNIT_ENTRIES;
    if (!s->o.max_markers)
        s->o.max_markers = MARKERS;
    s->o.redis.base = base;
    s->o.redis.up = ra_redis_store_up;
    s->o.redis.down = ra_redis_store_down;
    s->o.redis.message = NULL;
    s->o.redis.arg = s;
    s->o.redis.dead_after = HEARTBEATS_MISSED * o->heartbeat;
}

static bool start_heart(ra_redis_store *s)
{
    struct timeval t = {.tv_sec = s->o.heartbeat / 1000, .tv_usec = s->o.heartbeat % 1000 * 1000};
    s->heart = event_new(s->o.redis.base, -1, EV_PERSIST, ra_redis_store_beat, s);
    return s->heart && event_add(s->heart, &t) == 0;
}

static bool start(ra_redis_store *s, const char *key_prefix)
{
    const char *pact = s->o.pact ? s->o.pact : "";
    if ((size_t)snprintf(s->pact, sizeof s->pact, "%s", pact) >= sizeof s->pact)
        return false;
    int n = snprintf(s->prefix, sizeof s->prefix, "%sra1:", key_prefix);
    if (n < 0 || (size_t)n >= sizeof s->prefix || !s->shared || !ra_write_id_new(&s->own) || !start_heart(s))
        return false;
    s->prefix_n = (size_t)n;
    s->conn = ra_redis_new(&s->o.redis);
    return s->conn != NULL;
}

ra_store *ra_redis_store_new(struct event_base *base, const ra_redis_store_options *o)
{
    ra_redis_store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->store.ops = &ops;
    s->magic = RA_REDIS_STORE_MAGIC;
    set_options(s, base, o);
    s->shared = o->shared ? ra_redis_shared_ref(o->shared) : ra_redis_shared_new(NULL);
    s->near = s->shared ? ra_redis_shared_near(s->shared) : NULL;
    ra_breaker_init(&s->breaker, NULL);
    for (int i = 0; i < RA_SCRIPTS; i++)
        ra_redis_script_sha1((enum ra_redis_script)i, s->sha1[i]);
    if (start(s, o->key_prefix))
        return &s->store;
    free_store(&s->store);
    return NULL;
}
