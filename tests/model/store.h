/* The store's scripts, each of which is one step on one key, and upstream's register. */
#ifndef RA_TESTS_MODEL_STORE_H
#define RA_TESTS_MODEL_STORE_H

#include "tests/model/model.h"

/* Which server a proxy talks to, and whether that one takes writes: an old master that has lost its replicas
 * doesn't. */
unsigned ra_server_of(const ra_state *s, unsigned proxy);
bool ra_writable(const ra_run *run, const ra_state *s, unsigned server);

void ra_store_begin(const ra_run *run, ra_state *s, unsigned server, unsigned key, unsigned writer);
/* `settle`: the marker stays until the index has followed. false: the marker was gone. */
bool ra_store_end(const ra_run *run, ra_state *s, unsigned server, unsigned key, unsigned writer,
                  bool settle);
/* The generation, made now if there was none; 0: a marker is live. */
unsigned ra_store_miss(const ra_run *run, ra_state *s, unsigned server, unsigned key);
bool ra_store_fill(const ra_run *run, ra_state *s, unsigned server, const ra_reader *r);
/* Invalidation, and eviction of data: never touches a marker. */
void ra_store_drop(const ra_run *run, ra_state *s, unsigned server, unsigned key);

/* What a read of upstream sees now. */
unsigned ra_upstream_version(const ra_run *run, const ra_state *s);

#endif
