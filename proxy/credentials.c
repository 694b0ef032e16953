#include "proxy/credentials.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint_fast64_t last_serial;

/* A secret's copy may have been swapped or dumped as long as it lives; at least it doesn't live on in freed
 * memory. */
static void wipe(char *z)
{
    if (!z)
        return;
    OPENSSL_cleanse(z, strlen(z));
    free(z);
}

static void destroy(ra_credentials *c)
{
    wipe(c->access_key_id);
    wipe(c->secret_access_key);
    wipe(c->session_token);
    free(c);
}

ra_credentials *ra_credentials_new(const char *id, const char *secret, const char *token_or_null,
                                   int64_t expires_ms, const char *source)
{
    ra_credentials *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    atomic_init(&c->refs, 1);
    c->serial = atomic_fetch_add(&last_serial, 1) + 1;
    c->access_key_id = strdup(id);
    c->secret_access_key = strdup(secret);
    c->session_token = token_or_null ? strdup(token_or_null) : NULL;
    c->expires_ms = expires_ms;
    c->source = source;
    if (c->access_key_id && c->secret_access_key && (!token_or_null || c->session_token))
        return c;
    destroy(c);
    return NULL;
}

ra_credentials *ra_credentials_ref(ra_credentials *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void ra_credentials_unref(ra_credentials *c)
{
    if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        destroy(c);
}

/* Graphic ASCII, 1 to `most` bytes. */
static bool graphic(const char *z, size_t most)
{
    size_t n = 0;
    for (; z[n]; n++) {
        if (z[n] <= ' ' || z[n] > '~' || n == most)
            return false;
    }
    return n > 0;
}

bool ra_credentials_usable(const char *id, const char *secret, const char *token)
{
    return graphic(id, RA_CREDENTIALS_ID_MAX) && graphic(secret, RA_CREDENTIALS_SECRET_MAX) &&
           (!token || graphic(token, RA_CREDENTIALS_TOKEN_MAX));
}

void ra_credentials_provider_free(ra_credentials_provider *p)
{
    if (p)
        p->free(p);
}
