/* A snapshot from a document that is there already, rather than from a file's text. */
#ifndef RA_CONFIG_LOAD_H
#define RA_CONFIG_LOAD_H

#include "config/config.h"

#include <cjson/cJSON.h>

/* As ra_config_parse. `document` is as ra_config_owner_document has it: no string of it is a reference. Its
 * problems have no lines. */
ra_config *ra_config_of_document(const cJSON *document, const char *path, ra_problems *problems);

#endif
