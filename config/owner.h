/* What a configuration's `priv` is: its references, its memory, the table lookup's own data, and the document
 * that it was made of. */
#ifndef RA_CONFIG_OWNER_H
#define RA_CONFIG_OWNER_H

#include "config/config.h"
#include "config/pool.h"

#include <cjson/cJSON.h>

/* An empty configuration with one reference; *pool is where all that hangs on it must come from. */
ra_config *ra_config_owner_new(ra_pool **pool);
/* The document that it was made of, references resolved: it may hold secrets, and is wiped with it. */
void ra_config_owner_keep(ra_config *c, cJSON *document_take);
const cJSON *ra_config_owner_document(const ra_config *c);
/* Wipes a document's strings, and frees it. NULL is allowed. */
void ra_config_document_free(cJSON *document);
/* Makes the tables ready for ra_config_table; they change no more. */
void ra_config_owner_seal(ra_config *c);

#endif
