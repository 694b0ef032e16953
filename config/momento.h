/* Momento as the store: what isn't one option's affair. */
#ifndef RA_CONFIG_MOMENTO_H
#define RA_CONFIG_MOMENTO_H

#include "config/decode.h"

/* With store "momento": the API key and the endpoint where the file doesn't give them, from the environment
 * and out of the key. Errors where there are none. */
void ra_decode_momento(ra_decoder *d, const ra_place *root, ra_config_momento *m);
/* What can't be promised with it, and what it doesn't keep. The tables are in the file's order. */
void ra_decode_check_momento(ra_decoder *d, const ra_place *root, const ra_config *c);

#endif
