/* The configuration's `ddb`; after its routes. */
#ifndef RA_CONFIG_DDB_H
#define RA_CONFIG_DDB_H

#include "config/decode.h"

void ra_decode_ddb(ra_decoder *d, const ra_place *root, ra_config *c);

#endif
