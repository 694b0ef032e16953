/* The Momento cache that cache.momento of the config names: for a client, a store, and a person. */
#ifndef RA_PROXY_MOMENTO_SERVER_H
#define RA_PROXY_MOMENTO_SERVER_H

#include "cache/momento_store.h"
#include "config/config.h"

/* Whose strings are the config's. Requests at once: those of a loop, of `nloops`. Pure. */
ra_momento_client_options ra_momento_server_options(const ra_config_momento *c, unsigned nloops);

/* How long an idle register is worth keeping: as long as what may be filled under it, and what may yet be
 * written. In ms. Pure. */
int64_t ra_momento_server_register_ttl(const ra_config *c);

/* Who speaks for the store, into the log. */
typedef struct ra_momento_voice {
    uint32_t magic;
    char where[640];            /* "cache NAME at ADDRESS" */
    struct ra_journal *journal; /* where it is noted too; NULL: nowhere */
} ra_momento_voice;

/* Never the API key. */
void ra_momento_voice_init(ra_momento_voice *v, const ra_config_momento *c);
/* ra_momento_shared_options's `say`, with the voice as its argument. Threads: any. */
void ra_momento_voice_say(const char *text, bool warning, void *voice);

/*
 * Is the cache there, and the API key good for it? One request; what Momento says is said, and remembered by
 * `shared` as if a store had heard it. Takes request_timeout at most. Threads: main's, before there are
 * loops.
 */
void ra_momento_server_trial(const ra_config *c, ra_momento_shared *shared, ra_momento_voice *voice);

#endif
