#include "proxy/credentials_fixed.h"

#include "proxy/log.h"

#include <stdlib.h>

enum { FIXED_MAGIC = 0x66697865 };

typedef struct fixed {
    ra_credentials_provider provider; /* first, so that one pointer serves as both */
    uint32_t magic;
    ra_credentials *credentials;
} fixed;

static fixed *checked(ra_credentials_provider *p)
{
    fixed *f = (fixed *)p;
    if (f->magic != FIXED_MAGIC)
        ra_corrupt("credentials provider");
    return f;
}

static enum ra_credentials_step fixed_get(ra_credentials_provider *p, ra_credentials **out, const char **why,
                                          ra_mailbox *mailbox, ra_credentials_wait *wait)
{
    (void)mailbox;
    (void)wait;
    *why = NULL;
    *out = ra_credentials_ref(checked(p)->credentials);
    return RA_CREDENTIALS_READY;
}

/* Nobody ever waits. */
static void fixed_leave(ra_credentials_provider *p, ra_credentials_wait *wait)
{
    (void)wait;
    checked(p);
}

static void fixed_free(ra_credentials_provider *p)
{
    fixed *f = checked(p);
    ra_credentials_unref(f->credentials);
    f->magic = 0;
    free(f);
}

ra_credentials_provider *ra_credentials_fixed_new(const char *id, const char *secret,
                                                  const char *token_or_null)
{
    fixed *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->provider = (ra_credentials_provider){.get = fixed_get, .leave = fixed_leave, .free = fixed_free};
    f->magic = FIXED_MAGIC;
    f->credentials = ra_credentials_new(id, secret, token_or_null, INT64_MAX, "configuration");
    if (f->credentials)
        return &f->provider;
    free(f);
    return NULL;
}
