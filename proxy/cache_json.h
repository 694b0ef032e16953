/*
 * Units of the store as JSON: what the admin listener sends, what the command line prints with --json, and
 * how it reads the one to make the other. Pure.
 */
#ifndef RA_PROXY_CACHE_JSON_H
#define RA_PROXY_CACHE_JSON_H

#include "cache/unit_view.h"

#include <cjson/cJSON.h>

enum { RA_CACHE_UNITS_MAX = 256 }; /* of one request */

/* Appends the members of a unit's object, without its braces. */
bool ra_cache_view_write(const ra_unit_view *v, ra_buf *out);
/* Reads such an object's outputs; the unit must be the view's. false: something else, or no memory. */
bool ra_cache_view_read(const cJSON *object, ra_unit_view *v);
/* A digest of 64 hexadecimal digits. */
bool ra_cache_key_read(const cJSON *text, ra_key *out);

#endif
