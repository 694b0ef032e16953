#include "proxy/server_store.h"

#include "cache/redis_store.h"
#include "proxy/clock.h"
#include "proxy/journal.h"
#include "proxy/log.h"
#include "proxy/redis_server.h"
#include "proxy/store_pact.h"

#include <openssl/ssl.h>
#include <string.h>

enum {
    BACK_OFF_FIRST_MS = 50,
    BACK_OFF_MOST_MS = 2000,
    QUEUE_LEAST = 1000, /* a loop's: the largest transaction marks so many units at once */
    /* What a loop's connection may hold that isn't answered: fills are the bulk of it. */
    QUEUE_BYTES = 32 << 20
};

/* ---- shared ---- */

/* What stands before any store on the network. */
static bool network_init(ra_server *s)
{
    const ra_config_cache *c = &s->config->cache;
    s->seal = ra_seal_keys_new(c->encryption_key.v, c->encryption_key.n);
    if (c->near.max_bytes)
        s->near = ra_near_new(c->near.max_bytes, c->near.max_age);
    return s->seal && (!c->near.max_bytes || s->near);
}

static bool momento_init(ra_server *s)
{
    const ra_config_cache *c = &s->config->cache;
    bool ok = network_init(s);
    ra_momento_voice_init(&s->momento_voice, &c->momento);
    s->momento_voice.journal = s->journal;
    ra_momento_shared_options o = {.near = s->near,
                                   .operations_per_second = c->momento.operations_per_second,
                                   .max_age = c->near.max_age,
                                   .say = ra_momento_voice_say,
                                   .say_arg = &s->momento_voice};
    s->momento_shared = ok ? ra_momento_shared_new(&o) : NULL;
    if (!s->momento_shared)
        ra_log(RA_LOG_ERROR, "out of memory");
    return s->momento_shared != NULL;
}

static bool redis_init(ra_server *s)
{
    const ra_config_cache *c = &s->config->cache;
    char why[256];
    ra_redis_server_where(&c->redis, s->redis_where);
    bool ok = network_init(s);
    s->redis_shared = ok ? ra_redis_shared_new(s->near) : NULL;
    if (!s->redis_shared || !ra_store_pact(s->config, s->redis_pact)) {
        ra_log(RA_LOG_ERROR, "out of memory");
        return false;
    }
    if (!c->redis.tls)
        return true;
    s->redis_tls = ra_redis_tls_new(c->redis.ca_file, c->redis.cert_file, c->redis.key_file, why, sizeof why);
    if (!s->redis_tls)
        ra_log(RA_LOG_ERROR, "cache.redis: TLS can't be set up: %s", why);
    return s->redis_tls != NULL;
}

bool ra_server_store_init(ra_server *s, int64_t quiet_until)
{
    const ra_config_cache *c = &s->config->cache;
    if (c->store == RA_STORE_KIND_REDIS)
        return redis_init(s);
    if (c->store == RA_STORE_KIND_MOMENTO)
        return momento_init(s);
    ra_memory_options o = {.max_bytes = c->max_bytes,
                           .max_entry_bytes = c->max_entry_bytes,
                           .groups = true,
                           .quiet_until = quiet_until};
    s->memory = ra_memory_new(&o);
    if (!s->memory)
        ra_log(RA_LOG_ERROR, "out of memory");
    return s->memory != NULL;
}

void ra_server_store_free(ra_server *s)
{
    if (s->memory)
        ra_memory_unref(s->memory);
    ra_redis_shared_unref(s->redis_shared);
    ra_momento_shared_unref(s->momento_shared);
    ra_near_unref(s->near);
    ra_seal_keys_free(s->seal);
    SSL_CTX_free(s->redis_tls);
}

bool ra_server_store_forgets(const ra_server *s)
{
    return s->memory && ra_memory_markers(s->memory, ra_clock_monotonic()) != 0;
}

/* ---- one loop's ---- */

static void say(const char *text, bool warning, void *arg)
{
    const ra_loop *l = arg;
    if (l->magic != RA_LOOP_MAGIC)
        ra_corrupt("loop");
    ra_log(warning ? RA_LOG_WARNING : RA_LOG_INFO, "redis %s: %s", l->server->redis_where, text);
    ra_journal_note(l->server->journal, RA_JOURNAL_BREAKER, "redis %s: %s", l->server->redis_where, text);
}

static ra_redis_options redis_options(const ra_server *s)
{
    const ra_config_cache *c = &s->config->cache;
    unsigned share = c->redis.max_queue / s->nloops;
    ra_redis_options o = ra_redis_server_options(&c->redis);
    o.name = "readaside";
    o.tls = s->redis_tls;
    o.back_off_first = BACK_OFF_FIRST_MS;
    o.back_off_most = BACK_OFF_MOST_MS;
    o.max_queue_bytes = QUEUE_BYTES + 2 * c->max_entry_bytes;
    o.max_queue = share > QUEUE_LEAST ? share : QUEUE_LEAST;
    return o;
}

static ra_redis_store_options store_options(const ra_server *s)
{
    const ra_config_cache *c = &s->config->cache;
    return (ra_redis_store_options){
        .redis = redis_options(s),
        .key_prefix = c->key_prefix,
        .seal = s->seal,
        .shared = s->redis_shared,
        .command_timeout = c->redis.command_timeout,
        .quarantine = c->redis.quarantine,
        .heartbeat = c->redis.heartbeat,
        .max_entry_bytes = c->max_entry_bytes,
        .linearizable = ra_config_any_linearizable(s->config),
        .pact = s->redis_pact,
    };
}

ra_store *ra_server_redis_store_new(ra_server *s, struct event_base *base,
                                    void (*heard)(const char *text, bool warning, void *arg), void *arg)
{
    ra_redis_store_options o = store_options(s);
    o.say = heard;
    o.say_arg = arg;
    return ra_redis_store_new(base, &o);
}

static ra_store *redis_store_new(ra_loop *l, bool first)
{
    ra_redis_store_options o = store_options(l->server);
    o.sweeps = first;
    o.say = first ? say : NULL;
    o.say_arg = l;
    return ra_redis_store_new(l->base, &o);
}

static ra_store *momento_store_new(const ra_loop *l)
{
    const ra_server *s = l->server;
    const ra_config_cache *c = &s->config->cache;
    ra_momento_store_options o = {
        .client = ra_momento_server_options(&c->momento, s->nloops),
        .key_prefix = c->key_prefix,
        .seal = s->seal,
        .shared = s->momento_shared,
        .request_timeout = c->momento.request_timeout,
        .register_ttl = ra_momento_server_register_ttl(s->config),
        .max_entry_bytes = c->max_entry_bytes,
    };
    return ra_momento_store_new(l->base, &o);
}

/* A connection that is lost without a word is noticed before what it would have told is as old as an entry
 * may be. */
static ra_redis_tracker *tracker_new(ra_loop *l)
{
    const ra_config_cache *c = &l->server->config->cache;
    int64_t ping = c->near.max_age / 3;
    ra_redis_tracker_options o = {
        .redis = redis_options(l->server),
        .key_prefix = c->key_prefix,
        .pact = l->server->redis_pact,
        .near = l->server->near,
        .ping = ping > 0 ? ping : 1,
        .max_silence = c->near.max_age > 1 ? c->near.max_age : 2,
        .say = say,
        .say_arg = l,
    };
    o.redis.name = "readaside-tracking";
    return ra_redis_tracker_new(l->base, &o);
}

void ra_loop_store_open(ra_loop *l, bool first)
{
    const ra_server *s = l->server;
    if (s->memory)
        l->store = ra_memory_store_new(s->memory);
    else if (s->momento_shared)
        l->store = momento_store_new(l);
    else
        l->store = redis_store_new(l, first);
    if (!s->redis_shared || !first || !s->near || ra_config_all_linearizable(s->config))
        return;
    l->tracker = tracker_new(l);
    if (!l->tracker)
        ra_log(RA_LOG_WARNING, "out of memory: each entry held near is validated with Redis");
}

void ra_loop_store_close(ra_loop *l)
{
    ra_redis_tracker_free(l->tracker);
    l->tracker = NULL;
    if (l->store)
        ra_store_free(l->store);
    l->store = NULL;
}

bool ra_loop_store_busy(const ra_loop *l)
{
    const ra_server *s = l->server;
    return s->redis_shared     ? ra_redis_store_ending(l->store)
           : s->momento_shared ? ra_momento_store_ending(l->store)
                               : false;
}

bool ra_loop_store_go_on(ra_loop *l, int64_t now, const ra_write_id *id, const ra_key *units, size_t n,
                         int64_t hold)
{
    const ra_server *s = l->server;
    return s->redis_shared     ? ra_redis_store_go_on(l->store, now, id, units, n, hold)
           : s->momento_shared ? ra_momento_store_go_on(l->store, now, id, units, n, hold)
                               : false;
}

bool ra_loop_store_ends_at_once(const ra_loop *l)
{
    return l->server->memory != NULL;
}
