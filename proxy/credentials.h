/*
 * The proxy's own AWS credentials. A provider is asked before each signature; it answers at once, or later
 * when it has to fetch. Today's one provider reads the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 * AWS_SESSION_TOKEN); the interface is made for a chain of them (files, web identity, containers, instance
 * metadata), which refresh in the background.
 *
 * Ownership: ra_credentials is immutable and reference-counted; any thread. A provider belongs to the
 * process; get may be called from any loop. Secrets are never logged, and wiped when freed.
 */
#ifndef RA_PROXY_CREDENTIALS_H
#define RA_PROXY_CREDENTIALS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

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

enum ra_credentials_step { RA_CREDENTIALS_READY, RA_CREDENTIALS_PENDING, RA_CREDENTIALS_NONE };

typedef struct ra_credentials_provider ra_credentials_provider;
typedef void (*ra_credentials_done)(ra_credentials *take_or_null, const char *why_none, void *arg);

struct ra_credentials_provider {
    /* READY: *out is a reference for the caller. PENDING: `done` runs later on the caller's loop. NONE: *why
     * is a static text. */
    enum ra_credentials_step (*get)(ra_credentials_provider *p, ra_credentials **out, const char **why,
                                    ra_credentials_done done, void *arg);
    void (*free)(ra_credentials_provider *p);
};

/* Read once, at creation. */
ra_credentials_provider *ra_credentials_environment_new(void);
void ra_credentials_provider_free(ra_credentials_provider *p);

#endif
