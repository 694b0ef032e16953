/*
 * The epoch: a short name of a server's life, with which all generations that are made on it begin. Another
 * server, or the same one started anew, has another epoch, so that what was cached on the old one never hits.
 * So have those who have agreed on other promises (`pact`): what was cached under weaker ones isn't good
 * enough for stronger ones. Pure.
 */
#ifndef RA_CACHE_REDIS_EPOCH_H
#define RA_CACHE_REDIS_EPOCH_H

#include "cache/redis_conn.h"

enum { RA_REDIS_EPOCH_CHARS = 8 };

/* Hex digits and a NUL. Of a server that doesn't tell its run_id it means nothing: the caller looks first.
 * `pact`: "" for none; at most RA_REDIS_PACT_CHARS of it count. */
enum { RA_REDIS_PACT_CHARS = 63 };
void ra_redis_epoch(const ra_redis_identity *identity, const char *pact, char out[RA_REDIS_EPOCH_CHARS + 1]);

#endif
