/* The `tables` of a configuration: their patterns and, where the config gives it, their schema. */
#ifndef RA_CONFIG_TABLES_H
#define RA_CONFIG_TABLES_H

#include "config/decode.h"

/* After the top level's scalars have been read: a table's consistency begins as the top level's. */
void ra_decode_tables(ra_decoder *d, const ra_place *root, ra_config *c);

#endif
