/*
 * Who may come in, as the server knows it: the access keys of the wire API's clients and the keys that tokens
 * are signed with. What is reloadable is read anew by ra_server_auth_reload, whole or not at all.
 *
 * The access keys are each loop's own reference, so that a hit takes no lock for them; a reload tells the
 * loops by letter. Threads: main's, unless it says otherwise. A message is logged for whatever goes wrong.
 */
#ifndef RA_PROXY_SERVER_AUTH_H
#define RA_PROXY_SERVER_AUTH_H

#include "proxy/access_keys.h"
#include "proxy/jwks.h"
#include "proxy/verifier.h"

#include "cache/mailbox.h"

#include <pthread.h>

struct ra_loop;
struct ra_server;

typedef struct ra_server_auth {
    bool signs; /* clients of the wire API must sign */
    pthread_mutex_t mutex;
    ra_access_keys *keys; /* under the mutex: the newest */
    ra_jwks_source *jwks; /* NULL: no tokens are taken */
} ra_server_auth;

typedef struct ra_loop_auth {
    ra_verifier *verifier; /* NULL: nobody has to sign */
    ra_access_keys *keys;
    ra_letter renewed;
} ra_loop_auth;

/* Reads the files. false: they can't be had. */
bool ra_server_auth_init(struct ra_server *s);
/* After the loops' own have gone. */
void ra_server_auth_free(struct ra_server *s);
/* Reads the access keys anew; a file that is wrong changes nothing. */
bool ra_server_auth_reload(struct ra_server *s);

/* The loop's own. false: no memory. */
bool ra_loop_auth_init(struct ra_loop *l);
void ra_loop_auth_free(struct ra_loop *l);

#endif
