#include "proxy/clock.h"
#include "proxy/follow_parts.h"
#include "proxy/log.h"

#include <stdio.h>
#include <stdlib.h>

ra_follow *ra_follow_of(void *arg)
{
    ra_follow *f = arg;
    if (!f || f->magic != RA_FOLLOW_MAGIC)
        ra_corrupt("follower");
    return f;
}

/* ---- beginning and end ---- */

static bool make_walk(ra_follow *f)
{
    const ra_server *s = f->loop->server;
    const ra_config *c = s->config;
    const ra_ddb_options o = {
        .endpoint = c->upstream.endpoint, .region = c->upstream.region, .ca_file = c->upstream.ca_file};
    const ra_stream_options walk = {.table = f->config->name,
                                    .from_now = true,
                                    .idle_interval = c->streams.idle_interval,
                                    .lease = c->streams.lease};
    f->keeper = ra_follow_keeper(f);
    f->handler = ra_follow_handler(f);
    const char *why = "out of memory";
    f->calls = ra_stream_calls_new(&o, c->upstream.streams_endpoint, s->provider, &why);
    if (f->calls)
        f->walk = ra_stream_walk_new(&walk, ra_stream_calls_api(f->calls), &f->keeper, &f->handler);
    if (!f->walk)
        ra_log(RA_LOG_ERROR, "table %s: its stream can't be followed: %s", f->config->name, why);
    return f->walk != NULL;
}

static bool follow_init(ra_follow *f, ra_follows *all, const ra_table_config *t)
{
    ra_loop *first = &all->server->loops[0];
    f->magic = RA_FOLLOW_MAGIC;
    f->all = all;
    f->loop = first;
    f->config = t;
    f->name = t->name;
    atomic_store(&f->most_lag, t->max_stream_lag);
    f->since_here = f->since = RA_SINCE_EVER;
    pthread_mutex_init(&f->lock, NULL);
    if (ra_errand_init(&f->errand, first->base, first->mailbox) && ra_write_id_new(&f->holder))
        return make_walk(f);
    ra_log(RA_LOG_ERROR, "out of memory");
    return false;
}

static void follow_fini(ra_follow *f)
{
    if (!f->magic)
        return;
    ra_stream_walk_free(f->walk);
    ra_stream_calls_free(f->calls);
    ra_errand_fini(&f->errand);
    ra_known_shards_free(&f->shards);
    pthread_mutex_destroy(&f->lock);
    ra_snapshot_unref(f->snapshot);
    f->magic = 0;
}

static size_t count_followed(const ra_config *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->ntables; i++)
        n += c->tables[i].follow;
    return n;
}

static bool init_all(ra_follows *f)
{
    const ra_config *c = f->server->config;
    f->own = ra_store_notes_own(f->server->loops[0].store) ? NULL : ra_own_writes_new(RA_OWN_WRITES_BYTES);
    if (!f->own && !ra_store_notes_own(f->server->loops[0].store))
        return false;
    for (size_t i = 0; i < c->ntables; i++) {
        if (!c->tables[i].follow)
            continue;
        if (c->tables[i].max_stream_lag > 0)
            atomic_store(&f->bounded, true);
        if (!follow_init(&f->v[f->n++], f, &c->tables[i]))
            return false;
    }
    return true;
}

ra_follows *ra_follows_new(ra_server *s, bool *ok)
{
    size_t n = count_followed(s->config);
    *ok = n == 0;
    if (n == 0)
        return NULL;
    ra_follows *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->server = s;
    f->v = calloc(n, sizeof *f->v);
    *ok = f->v && init_all(f);
    if (*ok)
        return f;
    ra_follows_free(f);
    return NULL;
}

bool ra_follows_start(ra_follows *f)
{
    for (size_t i = 0; i < f->n; i++) {
        int error = pthread_create(&f->v[i].thread, NULL, ra_follow_run, &f->v[i]);
        if (error) {
            ra_log(RA_LOG_ERROR, "can't start a thread: %s", strerror(error));
            ra_follows_stop(f);
            return false;
        }
        f->v[i].running = true;
    }
    return true;
}

void ra_follows_stop(ra_follows *f)
{
    for (size_t i = 0; f && i < f->n; i++) {
        if (!f->v[i].running)
            continue;
        atomic_store(&f->v[i].stopping, true);
        ra_stream_walk_stop(f->v[i].walk);
        ra_errand_hurry(&f->v[i].errand);
    }
    for (size_t i = 0; f && i < f->n; i++) {
        if (f->v[i].running)
            pthread_join(f->v[i].thread, NULL);
        f->v[i].running = false;
    }
}

void ra_follows_free(ra_follows *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++)
        follow_fini(&f->v[i]);
    ra_own_writes_free(f->own);
    free(f->v);
    free(f);
}

/* ---- another configuration ---- */

void ra_follows_renew(ra_follows *f, const ra_config *c)
{
    bool bounded = false;
    for (size_t i = 0; f && i < f->n; i++) {
        const ra_table_config *t = ra_config_table(c, f->v[i].name, strlen(f->v[i].name));
        int64_t most = t ? t->max_stream_lag : 0;
        atomic_store(&f->v[i].most_lag, most);
        bounded |= most > 0;
    }
    if (f)
        atomic_store(&f->bounded, bounded);
}

void ra_follow_renew(ra_follow *f)
{
    ra_snapshot *now = ra_server_snapshot(f->loop->server);
    const ra_table_config *t = ra_config_table(now->config, f->name, strlen(f->name));
    if (t) {
        ra_snapshot *before = f->snapshot;
        f->snapshot = now;
        f->config = t;
        now = before;
    }
    ra_snapshot_unref(now);
}

/* ---- what others ask ---- */

const ra_follow *ra_follows_find(const ra_follows *f, ra_bytes table)
{
    for (size_t i = 0; f && i < f->n; i++)
        if (ra_bytes_eq_z(table, f->v[i].name))
            return &f->v[i];
    return NULL;
}

int64_t ra_follow_fresh_as_of(const ra_follow *f)
{
    return atomic_load_explicit(&f->fresh_as_of, memory_order_acquire);
}

bool ra_follow_in_bounds(const ra_follow *f, int64_t wall_ms)
{
    int64_t most = atomic_load_explicit(&f->most_lag, memory_order_relaxed);
    if (most == 0)
        return true;
    return ra_fresh_within(ra_follow_fresh_as_of(f), wall_ms, most);
}

bool ra_follows_any_lags(const ra_follows *f, int64_t wall_ms)
{
    bool bounded = f && atomic_load_explicit(&f->bounded, memory_order_relaxed);
    for (size_t i = 0; bounded && i < f->n; i++)
        if (!ra_follow_in_bounds(&f->v[i], wall_ms))
            return true;
    return false;
}

void ra_follow_get_stats(const ra_follow *f, ra_follow_stats *out)
{
    int64_t fresh = ra_follow_fresh_as_of(f);
    *out = (ra_follow_stats){.records = atomic_load(&f->records),
                             .own = atomic_load(&f->own),
                             .batches = atomic_load(&f->batches),
                             .lost = atomic_load(&f->lost),
                             .invalidated = atomic_load(&f->invalidated),
                             .shards_held = atomic_load(&f->shards_held),
                             .shards_of_others = atomic_load(&f->shards_of_others),
                             .takeovers = atomic_load(&f->takeovers),
                             .fresh_as_of = fresh,
                             .lag_ms = fresh ? ra_clock_wall() - fresh : -1};
    pthread_mutex_t *lock = (pthread_mutex_t *)&f->lock;
    pthread_mutex_lock(lock);
    memcpy(out->view, f->view, sizeof out->view);
    pthread_mutex_unlock(lock);
}

size_t ra_follows_count(const ra_follows *f)
{
    return f ? f->n : 0;
}

const ra_follow *ra_follows_at(const ra_follows *f, size_t i)
{
    return &f->v[i];
}

const char *ra_follow_table(const ra_follow *f)
{
    return f->name;
}

void ra_follow_note(const ra_follow *f, ra_loop *l, const ra_key *item, const ra_key *image, int64_t took,
                    int64_t now)
{
    if (f->all->own)
        ra_own_writes_note(f->all->own, item, image, took, now);
    else
        ra_store_note_own(l->store, now, item, image, took);
}
