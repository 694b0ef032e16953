#include "proxy/server_auth.h"

#include "proxy/server.h"

#include <stdlib.h>
#include <string.h>

bool ra_server_auth_keys(const ra_config *c, ra_access_keys **keys, char why[RA_ACCESS_KEYS_WHY_MAX])
{
    *keys = NULL;
    if (c->auth.sigv4.mode == RA_SIGV4_KEYS)
        *keys = ra_access_keys_load(c->auth.sigv4.keys_file, why);
    return *keys || c->auth.sigv4.mode != RA_SIGV4_KEYS;
}

bool ra_server_auth_verifier(const ra_config *c, ra_verifier **verifier)
{
    bool signs = c->auth.sigv4.mode == RA_SIGV4_KEYS;
    *verifier = signs ? ra_verifier_new(c->upstream.region, c->auth.sigv4.max_clock_skew) : NULL;
    return *verifier || !signs;
}

/* ---- where tokens' keys are ---- */

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool serves(const ra_keys_source *k, const ra_config_jwt *c)
{
    const ra_config_jwt *has = &k->config->auth.jwt;
    return same_text(has->jwks_uri, c->jwks_uri) && same_text(has->ca_file, c->ca_file);
}

static ra_keys_source *source_new(ra_config *c)
{
    ra_keys_source *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->config = ra_config_ref(c);
    k->source = ra_jwks_source_new(&k->config->auth.jwt);
    if (k->source)
        return k;
    ra_config_unref(k->config);
    free(k);
    return NULL;
}

bool ra_server_auth_source(ra_server *s, ra_config *c, ra_keys_source **source)
{
    *source = NULL;
    if (!c->auth.jwt.issuer)
        return true;
    for (ra_keys_source *k = s->auth.sources; k && !*source; k = k->next)
        if (serves(k, &c->auth.jwt))
            *source = k;
    if (*source)
        return true;
    *source = source_new(c);
    if (!*source)
        return false;
    (*source)->next = s->auth.sources;
    s->auth.sources = *source;
    return true;
}

void ra_server_auth_reap(ra_server *s)
{
    for (ra_keys_source **at = &s->auth.sources, *k; (k = *at);) {
        if (atomic_load(&k->users)) {
            at = &k->next;
            continue;
        }
        *at = k->next;
        ra_jwks_source_free(k->source);
        ra_config_unref(k->config);
        free(k);
    }
}
