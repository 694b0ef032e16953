/*
 * Who may come in, as the server knows it: the access keys of the wire API's clients, which are the
 * snapshot's, and where the keys come from that tokens are signed with, which outlive a snapshot if the next
 * one has the same provider.
 *
 * Threads: those of proxy/snapshot.h.
 */
#ifndef RA_PROXY_SERVER_AUTH_H
#define RA_PROXY_SERVER_AUTH_H

#include "proxy/access_keys.h"
#include "proxy/jwks.h"
#include "proxy/verifier.h"

#include <stdatomic.h>

struct ra_loop;
struct ra_server;

/* A provider's keys, with what says where they are. Its thread is waited for when it is freed, which isn't
 * for a loop to do: so the server frees those that no snapshot has any more. */
typedef struct ra_keys_source {
    ra_jwks_source *source;
    ra_config *config;
    atomic_uint users; /* snapshots */
    struct ra_keys_source *next;
} ra_keys_source;

typedef struct ra_server_auth {
    ra_keys_source *sources;
} ra_server_auth;

typedef struct ra_loop_auth {
    ra_verifier *verifier; /* NULL: nobody has to sign */
} ra_loop_auth;

/* The access keys that the configuration names. NULL: none, or (false) they can't be had. */
bool ra_server_auth_keys(const ra_config *c, ra_access_keys **keys, char why[RA_ACCESS_KEYS_WHY_MAX]);
/* The provider's keys that it names, begun to be fetched. NULL: none, or (false) no memory. */
bool ra_server_auth_source(struct ra_server *s, ra_config *c, ra_keys_source **source);
/* NULL: nobody has to sign, or (false) no memory. */
bool ra_server_auth_verifier(const ra_config *c, ra_verifier **verifier);
/* Frees the sources that nobody uses. */
void ra_server_auth_reap(struct ra_server *s);

#endif
