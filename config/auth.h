/* The object `auth`: who may come in. Threads: none. */
#ifndef RA_CONFIG_AUTH_H
#define RA_CONFIG_AUTH_H

#include "config/decode.h"

void ra_decode_auth(ra_decoder *d, const ra_place *root, ra_config_auth *out);

/* A claim's name, as `auth.backend.claims` and {claim.NAME} take it: letters, digits and any of these. */
#define RA_CLAIM_PUNCTUATION "_-.:/"

#endif
