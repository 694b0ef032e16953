/*
 * - A generation is taken only from this server's life, and as it stands there.
 * - A script's result is a token, none, or an error that fails the lookup: one of them.
 * - A payload comes with a hit and a stale entry, and with nothing else.
 */
#include "tests/fuzz/redis_results.h"

#include "tests/fuzz/fuzz.h"

#include "cache/redis_store_lookup.c" /* how results are read is in there */

static const ra_key unit = {"unit"}, request = {"request"};
static ra_redis_store store = {.epoch = "0a1b2c3d", .first = 1000};

void fuzz_redis_results_start(void)
{
    store.o.seal = ra_seal_keys_new(NULL, 0);
    FUZZ_CHECK(store.o.seal);
}

static void as_generation(const redisReply *r)
{
    ra_generation g;
    bool ok = ra_redis_store_take_generation(&store, r, &g);
    FUZZ_CHECK(ok == (g.len > 0));
    if (!ok)
        return;
    FUZZ_CHECK(memcmp(g.b, store.epoch, RA_EPOCH_CHARS) == 0 && ra_redis_generation_made(&g) >= store.first);
    FUZZ_CHECK(ra_bytes_eq((ra_bytes){(const char *)g.b, g.len}, (ra_bytes){r->str, r->len}));
}

static void as_token(const redisReply *r)
{
    ra_redis_call c = {.store = &store};
    ra_generation g = {0};
    bool full = false;
    int64_t filling_for = -1;
    take_token(&c, &g, &full, &filling_for, r);
    FUZZ_CHECK(!(full && g.len) && !(c.failed && (full || g.len)));
}

/* The unit's generation and an entry, which then is a hit, a stale one or a miss. */
static void as_unit(const redisReply *r, bool with_filler)
{
    ra_lookup v = {.unit = unit, .request = request};
    ra_redis_call c = {.store = &store};
    found f = {.filling_for = -1};
    looking l = {.v = &v, .n = 1, .found = &f};
    take_unit(&c, &f, r, with_filler ? &v : NULL);
    FUZZ_CHECK(!c.failed || !f.value);
    FUZZ_CHECK(!f.value || f.generation.len);
    look_entry(&store, &l, &f, 500, &v);
    FUZZ_CHECK((v.outcome == RA_LOOKUP_HIT || v.outcome == RA_LOOKUP_STALE) == (v.payload != NULL));
    FUZZ_CHECK(v.outcome != RA_LOOKUP_HIT || v.expires_in > 0);
    ra_payload_unref(v.payload);
    free(f.value);
}

void fuzz_redis_result(const struct redisReply *r)
{
    as_generation(r);
    as_token(r);
    as_unit(r, false);
    as_unit(r, true);
}
