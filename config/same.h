/* Do two of a document's values mean the same? By the option table; NULL is a value that isn't given. Pure.
 */
#ifndef RA_CONFIG_SAME_H
#define RA_CONFIG_SAME_H

#include "config/schema.h"

#include <cjson/cJSON.h>

/* Of an option without members of its own. One that isn't given is its preset, if it has one. */
bool ra_same_value(const ra_option *o, const cJSON *a, const cJSON *b);
/* As they stand there; both or neither is given. */
bool ra_same_json(const cJSON *a, const cJSON *b);
/* The same of arrays and objects, where none is an empty one. */
bool ra_same_list(const cJSON *a, const cJSON *b);

#endif
