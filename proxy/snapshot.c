#include "proxy/snapshot.h"

#include "proxy/clock.h"
#include "proxy/express.h"
#include "proxy/follow.h"
#include "proxy/invalidate.h"
#include "proxy/listener.h"
#include "proxy/log.h"
#include "proxy/metrics.h"
#include "proxy/route_shown.h"

#include <errno.h>
#include <event2/http.h>
#include <stdlib.h>
#include <time.h>

ra_snapshot *ra_snapshot_new(ra_config *config, ra_access_keys *keys_take, ra_keys_source *jwks)
{
    ra_snapshot *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->magic = RA_SNAPSHOT_MAGIC;
    atomic_init(&s->refs, 1);
    s->config = ra_config_ref(config);
    s->access_keys = keys_take;
    s->jwks = jwks;
    if (jwks)
        atomic_fetch_add(&jwks->users, 1);
    return s;
}

ra_snapshot *ra_snapshot_ref(ra_snapshot *s)
{
    if (s->magic != RA_SNAPSHOT_MAGIC)
        ra_corrupt("snapshot");
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void ra_snapshot_unref(ra_snapshot *s)
{
    if (!s)
        return;
    if (s->magic != RA_SNAPSHOT_MAGIC)
        ra_corrupt("snapshot");
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (s->jwks)
        atomic_fetch_sub(&s->jwks->users, 1);
    ra_access_keys_unref(s->access_keys);
    ra_config_unref(s->config);
    s->magic = 0;
    free(s);
}

ra_snapshot *ra_server_snapshot(ra_server *s)
{
    pthread_mutex_lock(&s->reloading.mutex);
    ra_snapshot *newest = ra_snapshot_ref(s->reloading.newest);
    pthread_mutex_unlock(&s->reloading.mutex);
    return newest;
}

/* ---- on a loop ---- */

static void settled(ra_loop *l)
{
    ra_reloading *r = &l->server->reloading;
    l->unsettled = false;
    pthread_mutex_lock(&r->mutex);
    r->unsettled--;
    pthread_cond_broadcast(&r->progress);
    pthread_mutex_unlock(&r->mutex);
}

void ra_loop_older_ended(ra_loop *l)
{
    if (l->older == 0)
        ra_corrupt("the number of older requests");
    if (--l->older == 0 && l->unsettled)
        settled(l);
}

/* All that lives here and goes by the configuration. */
static void renew_parts(ra_loop *l)
{
    l->access_log = l->config->access_log.path ? l->server->access_log : NULL;
    ra_express_renew(l->express);
    ra_shown_clear(l->shown);
    ra_upstream_renew(l->upstream, l->config);
    ra_connections_renew(l->connections, &l->config->listen);
    ra_listener_limit(l->http, &l->config->listen);
}

/* In a turn of its own: no request is in the middle of a state. What the loop had goes back, so that it isn't
 * here that it is freed. */
static void switch_over(ra_letter *letter, void *arg)
{
    ra_loop *l = arg;
    (void)letter;
    if (l->magic != RA_LOOP_MAGIC)
        ra_corrupt("loop");
    ra_loop_reload *to = l->reload;
    const ra_loop_reload had = {.snapshot = l->snapshot, .verifier = l->auth.verifier};
    l->snapshot = to->snapshot;
    l->config = l->snapshot->config;
    l->auth.verifier = to->verifier;
    *to = had;
    l->older = l->in_flight;
    renew_parts(l);
    ra_reloading *r = &l->server->reloading;
    pthread_mutex_lock(&r->mutex);
    if (l->older && !l->unsettled)
        r->unsettled++;
    l->unsettled = l->unsettled || l->older;
    r->switching--;
    pthread_cond_broadcast(&r->progress);
    pthread_mutex_unlock(&r->mutex);
}

/* ---- beginning and end ---- */

bool ra_server_snapshots_init(ra_server *s)
{
    ra_reloading *r = &s->reloading;
    pthread_condattr_t monotonic;
    pthread_mutex_init(&r->one, NULL);
    pthread_mutex_init(&r->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->progress, &monotonic);
    pthread_condattr_destroy(&monotonic);
    ra_access_keys *keys;
    ra_keys_source *jwks;
    char why[RA_ACCESS_KEYS_WHY_MAX];
    if (!ra_server_auth_keys(s->config, &keys, why)) {
        ra_log(RA_LOG_ERROR, "auth.sigv4.keys_file: %s", why);
        return false;
    }
    if (ra_server_auth_source(s, s->config, &jwks))
        r->newest = ra_snapshot_new(s->config, keys, jwks);
    if (r->newest)
        return true;
    ra_access_keys_unref(keys);
    ra_log(RA_LOG_ERROR, "out of memory");
    return false;
}

bool ra_loop_snapshot_init(ra_loop *l)
{
    l->reload_letter = (ra_letter){.deliver = switch_over, .arg = l};
    l->snapshot = ra_server_snapshot(l->server);
    l->config = l->snapshot->config;
    return ra_server_auth_verifier(l->config, &l->auth.verifier);
}

void ra_loop_snapshot_fini(ra_loop *l)
{
    ra_verifier_free(l->auth.verifier);
    ra_snapshot_unref(l->snapshot);
}

void ra_server_snapshots_fini(ra_server *s)
{
    ra_reloading *r = &s->reloading;
    ra_snapshot_unref(r->newest);
    ra_server_auth_reap(s);
    pthread_cond_destroy(&r->progress);
    pthread_mutex_destroy(&r->mutex);
    pthread_mutex_destroy(&r->one);
}

/* ---- changing it ---- */

void ra_server_adopt(ra_server *s, ra_snapshot *next, ra_loop_reload *to)
{
    ra_reloading *r = &s->reloading;
    ra_connection_limits_renew(s->limits, &next->config->listen);
    ra_tables_renew(s->tables, next->config);
    ra_follows_renew(s->follows, next->config);
    pthread_mutex_lock(&r->mutex);
    ra_snapshot *before = r->newest;
    r->newest = ra_snapshot_ref(next);
    r->switching = s->nloops;
    pthread_mutex_unlock(&r->mutex);
    ra_snapshot_unref(before);
    for (unsigned i = 0; i < s->nloops; i++) {
        to[i].snapshot = ra_snapshot_ref(next);
        s->loops[i].reload = &to[i];
        ra_mailbox_post(s->loops[i].mailbox, &s->loops[i].reload_letter);
    }
    pthread_mutex_lock(&r->mutex);
    while (r->switching)
        pthread_cond_wait(&r->progress, &r->mutex);
    pthread_mutex_unlock(&r->mutex);
}

bool ra_server_settled(ra_server *s, int64_t limit)
{
    ra_reloading *r = &s->reloading;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += limit / 1000;
    int late = 0;
    pthread_mutex_lock(&r->mutex);
    while (r->unsettled && !r->ending && late != ETIMEDOUT)
        late = pthread_cond_timedwait(&r->progress, &r->mutex, &until);
    bool all = r->unsettled == 0;
    pthread_mutex_unlock(&r->mutex);
    return all;
}

void ra_server_hurry_reloads(ra_server *s)
{
    ra_reloading *r = &s->reloading;
    pthread_mutex_lock(&r->mutex);
    bool again = r->ending;
    r->ending = true;
    pthread_cond_broadcast(&r->progress);
    pthread_mutex_unlock(&r->mutex);
    if (!again)
        ra_invalidator_hurry(s->invalidator);
}
