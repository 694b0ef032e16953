/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. */
#include "proxy/credentials_source.h"
#include "proxy/log.h"

#include <stdlib.h>

enum { ENVIRONMENT_MAGIC = 0x656e7672 };

/* As the SDKs: half a pair isn't nothing, but a mistake. *why is a static text. */
static enum ra_source_result read_environment(ra_credentials **out, const char **why)
{
    const char *id = ra_source_variable("AWS_ACCESS_KEY_ID");
    const char *secret = ra_source_variable("AWS_SECRET_ACCESS_KEY");
    const char *token = ra_source_variable("AWS_SESSION_TOKEN");
    *out = NULL;
    *why = NULL;
    if (!id && !secret) {
        *why = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY aren't set in the environment";
        return RA_SOURCE_ABSENT;
    }
    if (!id)
        *why = "AWS_SECRET_ACCESS_KEY is set in the environment, but AWS_ACCESS_KEY_ID isn't";
    else if (!secret)
        *why = "AWS_ACCESS_KEY_ID is set in the environment, but AWS_SECRET_ACCESS_KEY isn't";
    else if (!ra_credentials_usable(id, secret, token))
        *why = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_SESSION_TOKEN holds white space or other "
               "bytes that no key has (a line break at its end, perhaps), or is far too long";
    else if (!(*out = ra_credentials_new(id, secret, token, INT64_MAX, "environment")))
        *why = "out of memory";
    return *out ? RA_SOURCE_FOUND : RA_SOURCE_FAILED;
}

enum ra_source_result ra_credentials_from_environment(ra_credentials_lookup *l, ra_credentials **out)
{
    const char *why;
    enum ra_source_result r = read_environment(out, &why);
    ra_source_say(l, "%s", why ? why : "");
    return r;
}

/* ---- a provider of its own, for programs that take nothing else ---- */

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
                                                const char **why, ra_mailbox *mailbox,
                                                ra_credentials_wait *wait)
{
    (void)mailbox;
    (void)wait;
    environment *e = checked(p);
    *out = e->credentials ? ra_credentials_ref(e->credentials) : NULL;
    *why = e->why;
    return e->credentials ? RA_CREDENTIALS_READY : RA_CREDENTIALS_NONE;
}

/* Nobody ever waits. */
static void environment_leave(ra_credentials_provider *p, ra_credentials_wait *wait)
{
    (void)wait;
    checked(p);
}

static void environment_free(ra_credentials_provider *p)
{
    environment *e = checked(p);
    ra_credentials_unref(e->credentials);
    e->magic = 0;
    free(e);
}

ra_credentials_provider *ra_credentials_environment_new(void)
{
    environment *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->provider = (ra_credentials_provider){
        .get = environment_get, .leave = environment_leave, .free = environment_free};
    e->magic = ENVIRONMENT_MAGIC;
    read_environment(&e->credentials, &e->why);
    return &e->provider;
}
