/*
 * What `readaside advise` makes of what a running proxy has told it. Threads: main's only.
 */
#ifndef RA_PROXY_CLI_ADVISE_H
#define RA_PROXY_CLI_ADVISE_H

#include "config/edit.h"

#include <cjson/cJSON.h>

/* Whether it is of this pattern; a table's own policy goes by the table's name. NULL: any is. */
bool ra_cli_advice_is_of(const cJSON *advice, const char *pattern);
/* For a person: the curve, the TTL in force and the recommended one marked, and the reason. false: no memory,
 * or it isn't what a proxy tells. */
bool ra_cli_advice_print(const cJSON *advice, FILE *out);
/* The change of the file that it recommends, whose texts are the advice's; false: none. */
bool ra_cli_advice_edit(const cJSON *advice, ra_edit *out);

#endif
