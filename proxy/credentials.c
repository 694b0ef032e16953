#include "proxy/credentials.h"

#include "proxy/log.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define ENVIRONMENT_MAGIC 0x656e7672u

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

/* ---- the environment ---- */

typedef struct environment {
    ra_credentials_provider provider; /* first, so that one pointer serves as both */
    uint32_t magic;
    ra_credentials *credentials; /* NULL: none, and why */
    const char *why;
} environment;

static environment *checked(ra_credentials_provider *p)
{
    environment *e = (environment *)p;
    if (e->magic != ENVIRONMENT_MAGIC)
        ra_corrupt("credentials provider");
    return e;
}

static enum ra_credentials_step environment_get(ra_credentials_provider *p, ra_credentials **out,
                                                const char **why, ra_credentials_done done, void *arg)
{
    (void)done;
    (void)arg;
    environment *e = checked(p);
    *out = e->credentials ? ra_credentials_ref(e->credentials) : NULL;
    *why = e->why;
    return e->credentials ? RA_CREDENTIALS_READY : RA_CREDENTIALS_NONE;
}

static void environment_free(ra_credentials_provider *p)
{
    environment *e = checked(p);
    ra_credentials_unref(e->credentials);
    e->magic = 0;
    free(e);
}

/* Graphic ASCII only: anything else would break the header that carries it, or silently spoil the signature.
 */
static bool printable(const char *z)
{
    for (; *z; z++) {
        if (*z <= ' ' || *z > '~')
            return false;
    }
    return true;
}

/* Sets the credentials or the reason for there being none. */
static void read_environment(environment *e)
{
    const char *id = getenv("AWS_ACCESS_KEY_ID");
    const char *secret = getenv("AWS_SECRET_ACCESS_KEY");
    const char *token = getenv("AWS_SESSION_TOKEN");
    bool has_id = id && *id, has_secret = secret && *secret;
    if (token && !*token)
        token = NULL;
    if (!has_id && !has_secret)
        e->why = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY aren't set in the environment";
    else if (!has_id)
        e->why = "AWS_SECRET_ACCESS_KEY is set in the environment, but AWS_ACCESS_KEY_ID isn't";
    else if (!has_secret)
        e->why = "AWS_ACCESS_KEY_ID is set in the environment, but AWS_SECRET_ACCESS_KEY isn't";
    else if (!printable(id) || !printable(secret) || (token && !printable(token)))
        e->why = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_SESSION_TOKEN holds white space or other "
                 "bytes that no key has (a line break at its end, perhaps)";
    else if (!(e->credentials = ra_credentials_new(id, secret, token, INT64_MAX, "environment")))
        e->why = "out of memory";
}

ra_credentials_provider *ra_credentials_environment_new(void)
{
    environment *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->provider = (ra_credentials_provider){.get = environment_get, .free = environment_free};
    e->magic = ENVIRONMENT_MAGIC;
    read_environment(e);
    return &e->provider;
}

void ra_credentials_provider_free(ra_credentials_provider *p)
{
    if (p)
        p->free(p);
}
