#include "proxy/server_auth.h"

#include "proxy/log.h"
#include "proxy/server.h"

static ra_access_keys *read_keys(const ra_config_sigv4 *c)
{
    char why[RA_ACCESS_KEYS_WHY_MAX];
    ra_access_keys *keys = ra_access_keys_load(c->keys_file, why);
    if (!keys)
        ra_log(RA_LOG_ERROR, "auth.sigv4.keys_file: %s", why);
    return keys;
}

bool ra_server_auth_init(ra_server *s)
{
    const ra_config_auth *c = &s->config->auth;
    pthread_mutex_init(&s->auth.mutex, NULL);
    s->auth.signs = c->sigv4.mode == RA_SIGV4_KEYS;
    if (s->auth.signs)
        s->auth.keys = read_keys(&c->sigv4);
    if (s->auth.signs && !s->auth.keys)
        return false;
    if (!c->jwt.issuer)
        return true;
    s->auth.jwks = ra_jwks_source_new(&c->jwt);
    if (!s->auth.jwks)
        ra_log(RA_LOG_ERROR, "out of memory");
    return s->auth.jwks != NULL;
}

void ra_server_auth_free(ra_server *s)
{
    ra_jwks_source_free(s->auth.jwks);
    ra_access_keys_unref(s->auth.keys);
    pthread_mutex_destroy(&s->auth.mutex);
}

/* ---- the loops' references ---- */

static ra_access_keys *newest(ra_server *s)
{
    pthread_mutex_lock(&s->auth.mutex);
    ra_access_keys *keys = s->auth.keys ? ra_access_keys_ref(s->auth.keys) : NULL;
    pthread_mutex_unlock(&s->auth.mutex);
    return keys;
}

/* Requests that are under way hold the ones that they were checked by. */
static void renewed(ra_letter *letter, void *arg)
{
    ra_loop *l = arg;
    (void)letter;
    if (l->magic != RA_LOOP_MAGIC)
        ra_corrupt("loop");
    ra_access_keys_unref(l->auth.keys);
    l->auth.keys = newest(l->server);
}

bool ra_loop_auth_init(ra_loop *l)
{
    ra_server *s = l->server;
    l->auth.renewed = (ra_letter){.deliver = renewed, .arg = l};
    if (!s->auth.signs)
        return true;
    l->auth.keys = newest(s);
    l->auth.verifier = ra_verifier_new(s->config->upstream.region, s->config->auth.sigv4.max_clock_skew);
    return l->auth.verifier != NULL;
}

void ra_loop_auth_free(ra_loop *l)
{
    ra_verifier_free(l->auth.verifier);
    ra_access_keys_unref(l->auth.keys);
}

bool ra_server_auth_reload(ra_server *s)
{
    if (!s->auth.signs)
        return true;
    ra_access_keys *keys = read_keys(&s->config->auth.sigv4), *before;
    if (!keys)
        return false;
    ra_log(RA_LOG_INFO, "auth.sigv4.keys_file: %zu access keys", ra_access_keys_count(keys));
    pthread_mutex_lock(&s->auth.mutex);
    before = s->auth.keys;
    s->auth.keys = keys;
    pthread_mutex_unlock(&s->auth.mutex);
    ra_access_keys_unref(before);
    for (unsigned i = 0; i < s->nloops; i++)
        if (s->loops[i].running)
            ra_mailbox_post(s->loops[i].mailbox, &s->loops[i].auth.renewed);
    return true;
}
