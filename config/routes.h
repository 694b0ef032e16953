/* The configuration's routes, compiled; after its tables. */
#ifndef RA_CONFIG_ROUTES_H
#define RA_CONFIG_ROUTES_H

#include "config/decode.h"

void ra_decode_routes(ra_decoder *d, const ra_place *root, ra_config *c);

#endif
