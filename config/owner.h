/* What a configuration's `priv` is: its references, its memory and the table lookup's own data. */
#ifndef RA_CONFIG_OWNER_H
#define RA_CONFIG_OWNER_H

#include "config/config.h"
#include "config/pool.h"

/* An empty configuration with one reference; *pool is where all that hangs on it must come from. */
ra_config *ra_config_owner_new(ra_pool **pool);
/* Makes the tables ready for ra_config_table; they change no more. */
void ra_config_owner_seal(ra_config *c);

#endif
