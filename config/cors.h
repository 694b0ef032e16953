/* The configuration's `cors`. */
#ifndef RA_CONFIG_CORS_H
#define RA_CONFIG_CORS_H

#include "config/decode.h"

void ra_decode_cors(ra_decoder *d, const ra_place *root, ra_config *c);

#endif
