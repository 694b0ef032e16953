/* `stream_rules`: each checked and compiled; what they do stands in proxy/rekey.h. */
#ifndef RA_CONFIG_STREAM_RULES_H
#define RA_CONFIG_STREAM_RULES_H

#include "config/decode.h"

/* After the tables, which must still be in the file's order. */
void ra_decode_stream_rules(ra_decoder *d, const ra_place *root, ra_config *c);

#endif
