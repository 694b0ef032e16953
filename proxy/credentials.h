/*
 * The proxy's own AWS credentials. A provider is asked before each signature; it answers at once, or later
 * when it has to fetch. There are two: the environment as it was at the start (AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), and AWS's chain (proxy/credentials_chain.h), whose temporary
 * credentials are renewed in the background (proxy/credentials_renewed.h).
 *
 * Ownership: ra_credentials is immutable and reference-counted; any thread. A provider belongs to the
 * process; get may be called from any loop. Secrets are never logged, and wiped when freed.
 */
#ifndef RA_PROXY_CREDENTIALS_H
#define RA_PROXY_CREDENTIALS_H

#include "proxy/background.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What AWS gives out is far shorter (secrets 40, tokens some 2,000 bytes). */
enum { RA_CREDENTIALS_ID_MAX = 256, RA_CREDENTIALS_SECRET_MAX = 1000, RA_CREDENTIALS_TOKEN_MAX = 16 * 1024 };

typedef struct ra_credentials {
    atomic_uint refs;
    uint64_t serial; /* unique per set in this process: signing keys are cached by it */
    char *access_key_id;
    char *secret_access_key;
    char *session_token; /* NULL: none */
    int64_t expires_ms;  /* wall clock; INT64_MAX: never */
    const char *source;  /* "environment", … */
} ra_credentials;

ra_credentials *ra_credentials_new(const char *id, const char *secret, const char *token_or_null,
                                   int64_t expires_ms, const char *source);
ra_credentials *ra_credentials_ref(ra_credentials *c);
void ra_credentials_unref(ra_credentials *c);
/* Can they be sent, and sign? Graphic ASCII within the bounds above: anything else would break the header
 * that carries it, or silently spoil the signature. `token` may be NULL. */
bool ra_credentials_usable(const char *id, const char *secret, const char *token);

enum ra_credentials_step { RA_CREDENTIALS_READY, RA_CREDENTIALS_PENDING, RA_CREDENTIALS_NONE };

/* Somebody who waits for credentials; the waiter's, until `done` has run or it has left. */
typedef struct ra_credentials_wait ra_credentials_wait;
struct ra_credentials_wait {
    uint32_t magic; /* the provider's own, and so is `wait` */
    struct ra_credentials_provider *provider;
    /* Once, on the mailbox's loop: a reference to take, or none and a static text. */
    void (*done)(ra_credentials *take_or_null, const char *why_none, void *arg);
    void *arg;
    ra_background_wait wait;
};

typedef struct ra_credentials_provider ra_credentials_provider;
struct ra_credentials_provider {
    /* READY: *out is a reference for the caller. PENDING: wait->done runs later by way of the mailbox. NONE:
     * *why is a static text. Without a mailbox or a wait it isn't PENDING but NONE. */
    enum ra_credentials_step (*get)(ra_credentials_provider *p, ra_credentials **out, const char **why,
                                    ra_mailbox *mailbox, ra_credentials_wait *wait);
    /* `done` won't run; on the mailbox's loop. For what is PENDING. */
    void (*leave)(ra_credentials_provider *p, ra_credentials_wait *wait);
    void (*free)(ra_credentials_provider *p);
};

/* Read once, at creation. */
ra_credentials_provider *ra_credentials_environment_new(void);
void ra_credentials_provider_free(ra_credentials_provider *p);

#endif
