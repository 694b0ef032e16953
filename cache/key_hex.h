/*
 * Keys as hexadecimal text: how a unit is named in Redis and by a person. Pure.
 */
#ifndef RA_CACHE_KEY_HEX_H
#define RA_CACHE_KEY_HEX_H

#include "cache/key.h"

enum { RA_KEY_HEX = 2 * RA_KEY_BYTES };

/* In lower case, with a terminating zero. */
void ra_key_hex(const ra_key *k, char out[RA_KEY_HEX + 1]);
/* The whole of a key as ra_key_hex writes it. false: something else; *out is then undefined. */
bool ra_key_unhex(ra_bytes hex, ra_key *out);

#endif
