/* Options of one store don't go with another: one that is set and does nothing would mislead. */
#include "config/check.h"

#include "config/momento.h"
#include "config/units.h"

#include <string.h>

/* Twice as much fits into one reply of a connection to Redis. */
static const size_t REDIS_ENTRY_MOST = (size_t)16 << 20;

/* Less would hold hardly anything beside what the near cache needs for itself. */
static const size_t NEAR_LEAST = (size_t)1 << 20;

static bool refused(const ra_decoder *d, const ra_place *in, const char *name)
{
    ra_place at;
    return !ra_decode_member(d, in, name, &at) && at.node;
}

enum {
    MEMORY = 1 << RA_STORE_KIND_MEMORY,
    REDIS = 1 << RA_STORE_KIND_REDIS,
    MOMENTO = 1 << RA_STORE_KIND_MOMENTO
};

#define NETWORK "accepted: with \"store\": \"redis\" or \"momento\" only"

static void check_unused(ra_decoder *d, const ra_place *cache, enum ra_store_kind store)
{
    static const struct {
        const char *name;
        unsigned stores;
        const char *why[3]; /* by store */
    } owned[] = {
        {"redis",
         REDIS,
         {"nothing uses it; accepted: with \"store\": \"redis\" only", NULL,
          "nothing uses it; accepted: with \"store\": \"redis\" only"}},
        {"momento",
         MOMENTO,
         {"nothing uses it; accepted: with \"store\": \"momento\" only",
          "nothing uses it; accepted: with \"store\": \"momento\" only", NULL}},
        {"near", REDIS | MOMENTO, {"that store is near already; " NETWORK, NULL, NULL}},
        {"encryption_key",
         REDIS | MOMENTO,
         {"nothing is sealed in this process's own memory; " NETWORK, NULL, NULL}},
        {"max_bytes",
         MEMORY,
         {NULL, "Redis's own maxmemory bounds it; accepted: with \"store\": \"memory\" only",
          "the account's storage bounds it; accepted: with \"store\": \"memory\" only"}},
        {"state_file",
         MEMORY,
         {NULL, "Redis itself remembers the writes under way; accepted: with \"store\": \"memory\" only",
          "Momento itself remembers the writes under way; accepted: with \"store\": \"memory\" only"}},
    };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        ra_place at;
        if (!(owned[i].stores >> store & 1) && ra_decode_member(d, cache, owned[i].name, &at))
            ra_decode_error(d, &at, "%s", owned[i].why[store]);
    }
}

/* At the top level and of each table. */
static void check_writes(ra_decoder *d, const ra_place *root)
{
    static const char name[] = "writes_when_store_down";
    static const char why[] = "this process's own memory is never down; " NETWORK;
    ra_place tables, at;
    if (ra_decode_member(d, root, name, &at))
        ra_decode_error(d, &at, "%s", why);
    if (!ra_decode_member(d, root, "tables", &tables))
        return;
    for (const cJSON *child = tables.node->child; child; child = child->next) {
        ra_place table = {.up = &tables, .name = child->string, .node = child};
        if (ra_decode_member(d, &table, name, &at))
            ra_decode_error(d, &at, "%s", why);
    }
}

static void check_tls(ra_decoder *d, const ra_place *redis, const ra_config_redis *c)
{
    static const char *const files[] = {"ca_file", "cert_file", "key_file"};
    ra_place at, cert, key;
    for (size_t i = 0; i < 3 && !c->tls && (c->host || c->socket); i++) {
        if (ra_decode_member(d, redis, files[i], &at))
            ra_decode_error(d, &at, "the URL's connection has no TLS; accepted: with \"rediss://...\" only");
    }
    bool has_cert = ra_decode_member(d, redis, "cert_file", &cert);
    bool has_key = ra_decode_member(d, redis, "key_file", &key);
    if (has_cert && !key.node)
        ra_decode_error(d, &cert, "its private key is missing; accepted: with \"key_file\" only");
    if (has_key && !cert.node)
        ra_decode_error(d, &key, "its certificate is missing; accepted: with \"cert_file\" only");
}

/* A key given twice is a rotation that went wrong. */
static void check_keys(ra_decoder *d, const ra_place *cache, const ra_encryption_keys *keys)
{
    ra_place at;
    if (!ra_decode_member(d, cache, "encryption_key", &at))
        return;
    for (size_t i = 1; i < keys->n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (memcmp(keys->v[i], keys->v[j], sizeof keys->v[i]) == 0) {
                ra_decode_error(d, &at, "it holds the same key twice; accepted: each key once");
                return;
            }
        }
    }
}

static void check_entry(ra_decoder *d, const ra_place *cache, const ra_config_cache *c)
{
    char text[RA_UNIT_TEXT_MAX];
    ra_place at;
    if (c->max_entry_bytes <= REDIS_ENTRY_MOST || !ra_decode_member(d, cache, "max_entry_bytes", &at))
        return;
    ra_size_format((int64_t)REDIS_ENTRY_MOST, text);
    ra_decode_error(d, &at, "too large for Redis; accepted: at most %s with \"store\": \"redis\"", text);
}

static void check_near(ra_decoder *d, const ra_place *cache, const ra_config_near *c)
{
    ra_place near, at;
    if (c->max_bytes == 0 || c->max_bytes >= NEAR_LEAST || !ra_decode_member(d, cache, "near", &near) ||
        !ra_decode_member(d, &near, "max_bytes", &at))
        return;
    ra_decode_error(d, &at,
                    "too small to hold anything; accepted: \"1MiB\" or more, or \"0\" for no near cache");
}

/* The store's own object, which must be there. */
static bool find_own(ra_decoder *d, const ra_place *cache, const char *name, const char *accepted,
                     ra_place *own)
{
    bool there = ra_decode_member(d, cache, name, own);
    if (!there && !own->node)
        ra_decode_error(d, own, "it must be given; accepted: %s, for store \"%s\"", accepted, name);
    return there;
}

void ra_decode_check_store(ra_decoder *d, const ra_place *root, const ra_config *config)
{
    const ra_config_cache *c = &config->cache;
    ra_place cache, own;
    ra_decode_member(d, root, "cache", &cache);
    if (refused(d, root, "cache") || refused(d, &cache, "store"))
        return;
    check_unused(d, &cache, c->store);
    if (c->store == RA_STORE_KIND_MEMORY) {
        check_writes(d, root);
        return;
    }
    check_near(d, &cache, &c->near);
    check_keys(d, &cache, &c->encryption_key);
    if (c->store == RA_STORE_KIND_MOMENTO) {
        find_own(d, &cache, "momento", "{ \"cache\": \"NAME\" }", &own);
        ra_decode_check_momento(d, root, config);
        return;
    }
    check_entry(d, &cache, c);
    if (find_own(d, &cache, "redis", "{ \"url\": \"redis://HOST\" }", &own))
        check_tls(d, &own, &c->redis);
}
