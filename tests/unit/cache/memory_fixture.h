/* What the tests of the in-process store share: keys from numbers, and the store's calls in short. */
#ifndef RA_TESTS_MEMORY_FIXTURE_H
#define RA_TESTS_MEMORY_FIXTURE_H

#include "cache/memory_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* splitmix64: a sequence that is the same everywhere. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Spread over the key space, as digests are. */
static inline ra_key key_of(uint64_t n)
{
    ra_key k;
    for (size_t i = 0; i < RA_KEY_BYTES; i += sizeof n) {
        uint64_t x = next_random(&n);
        memcpy(k.b + i, &x, sizeof x);
    }
    return k;
}

static inline ra_store *store_new(ra_memory_options o)
{
    ra_memory *m = ra_memory_new(&o);
    assert_non_null(m);
    ra_store *s = ra_memory_store_new(m);
    assert_non_null(s);
    ra_memory_unref(m); /* the store holds its own */
    return s;
}

static inline ra_lookup look_guarded(ra_store *s, int64_t now, uint64_t unit, uint64_t request,
                                     const uint64_t *guards, unsigned nguards)
{
    ra_store_call call = {0};
    ra_lookup v = {.unit = key_of(unit), .request = key_of(request), .nguards = nguards};
    for (unsigned i = 0; i < nguards; i++)
        v.guard[i] = key_of(guards[i]);
    assert_int_equal(ra_store_lookup(s, now, &v, 1, &call), RA_STORE_DONE);
    return v;
}

static inline ra_lookup look(ra_store *s, int64_t now, uint64_t unit, uint64_t request)
{
    return look_guarded(s, now, unit, request, NULL, 0);
}

/* The outcome alone. */
static inline enum ra_lookup_outcome peek(ra_store *s, int64_t now, uint64_t unit, uint64_t request)
{
    ra_lookup v = look(s, now, unit, request);
    ra_payload_unref(v.payload);
    return v.outcome;
}

static inline ra_payload *payload_of(const char *text)
{
    ra_payload *p = ra_payload_new(ra_bytes_z(text), 0, 0, 0);
    assert_non_null(p);
    return p;
}

/* Fills what the lookup v missed; takes the payload. */
static inline enum ra_fill_result fill_take(ra_store *s, int64_t now, const ra_lookup *v, ra_payload *payload,
                                            int64_t ttl, int64_t keep)
{
    ra_fill f = {.unit = v->unit,
                 .request = v->request,
                 .token = v->token,
                 .nguards = v->nguards,
                 .payload = payload,
                 .ttl = ttl,
                 .keep = keep};
    enum ra_fill_result r = ra_store_fill(s, now, &f);
    ra_payload_unref(payload);
    return r;
}

static inline enum ra_fill_result fill(ra_store *s, int64_t now, const ra_lookup *v, const char *text,
                                       int64_t ttl, int64_t keep)
{
    return fill_take(s, now, v, payload_of(text), ttl, keep);
}

static inline ra_write_id write_id(uint64_t n)
{
    ra_write_id id = {{0}};
    memcpy(id.b, &n, sizeof n);
    return id;
}

static inline bool begin(ra_store *s, int64_t now, uint64_t id, uint64_t unit, int64_t hold)
{
    ra_store_call call = {0};
    ra_key key = key_of(unit);
    ra_write_id w = write_id(id);
    assert_int_equal(ra_store_begin(s, now, &w, &key, 1, hold, &call), RA_STORE_DONE);
    return call.ok;
}

static inline void end(ra_store *s, int64_t now, uint64_t id, uint64_t unit, int64_t settle)
{
    ra_key key = key_of(unit);
    ra_write_id w = write_id(id);
    ra_store_end(s, now, &w, &key, 1, settle);
}

static inline void invalidate(ra_store *s, int64_t now, uint64_t unit)
{
    ra_key key = key_of(unit);
    ra_store_invalidate(s, now, &key, 1);
}

static inline ra_store_stats stats_of(ra_store *s)
{
    ra_store_stats n;
    ra_store_get_stats(s, &n);
    return n;
}

#endif
