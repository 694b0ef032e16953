/* The defaults that depend on other options or on the environment. */
#ifndef RA_CONFIG_DEFAULTS_H
#define RA_CONFIG_DEFAULTS_H

#include "config/decode.h"

/* How long DynamoDB could still carry out a write that was sent: 30 s of attempts, 15 min that a signature is
 * good for, 60 s of clock skew and 30 s of execution. A marker that lives so long fences every late write. */
enum { RA_HOLD_LINEARIZABLE = 17 * 60 * 1000, RA_HOLD_OTHERWISE = 60 * 1000 };

/* The top level's, which tables take over: before these are read. */
void ra_decode_default_consistency(ra_decoder *d, const ra_place *root, ra_config *c);
/* After everything in the file has been read. */
void ra_decode_defaults(ra_decoder *d, const ra_place *root, ra_config *c);

#endif
