/*
 * What all proxies on one shared store must have in common, as a short text: their promises rest on each
 * other, since one proxy's hits are another one's fills, and one's marks are all that keeps another from
 * serving what was overwritten. Pure.
 *
 * It is made of: consistency, unknown_write_hold, quarantine and the heartbeat that it has to be longer than,
 * whether payloads are encrypted (not by which keys: these may be changed), and of each table (with those
 * that `"*"` stands for as one) whether it is cached at all, its consistency, its settle, and whether all its
 * fills are consistent. Not of what each may decide for itself: TTLs, sizes, what becomes of writes while the
 * store is away.
 */
#ifndef RA_PROXY_STORE_PACT_H
#define RA_PROXY_STORE_PACT_H

#include "config/config.h"

enum { RA_PACT_CHARS = 16 };

/* Hex digits and a NUL. false: no memory. */
bool ra_store_pact(const ra_config *c, char out[RA_PACT_CHARS + 1]);

#endif
