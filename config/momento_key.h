/*
 * Momento's API keys, and where the service is that they are good for. Pure.
 *
 * Three kinds are in use. A *v1* key is the base64 of {"api_key": ..., "endpoint": ...}; the endpoint is that
 * of a cell, such as cell-4-us-west-2-1.prod.a.momentohq.com. A *v2* key is a JWT (its claim `t` is "g") that
 * is good for all cells and names none. A *legacy* key is a JWT whose claim `c` is the host of the cell's
 * cache service. Source: Momento's API reference, and what its SDKs read out of a key.
 *
 * Whatever the kind, the HTTP API takes the key in Authorization as it was given out. A key's signature isn't
 * checked here: that is the service's.
 */
#ifndef RA_CONFIG_MOMENTO_KEY_H
#define RA_CONFIG_MOMENTO_KEY_H

#include "config/endpoint.h"

enum { RA_MOMENTO_KEY_MOST = 4096 }; /* characters of a key */

/*
 * The HTTP API's address, as "https://api.cache.CELL", from what was given as the endpoint: a whole address
 * (http or https, host and port), a cell's name, or the host of its cache service with or without "api.".
 * Returns NULL, or what is wrong with the text in words that don't repeat it.
 */
const char *ra_momento_endpoint(const char *given, char out[RA_ENDPOINT_MAX]);

enum ra_momento_key_kind { RA_MOMENTO_KEY_V1, RA_MOMENTO_KEY_V2, RA_MOMENTO_KEY_LEGACY };

/*
 * Reads a key. *endpoint is the API's address by ra_momento_endpoint of what the key names, "" if it names
 * none. Returns NULL, or what is wrong with the key in words that don't repeat any of it: it is a secret.
 */
const char *ra_momento_key_read(const char *key, enum ra_momento_key_kind *kind,
                                char endpoint[RA_ENDPOINT_MAX]);

#endif
