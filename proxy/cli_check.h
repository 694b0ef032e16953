/* What `readaside check` says of a sound configuration's routes and streams, for a person. Threads: none
 * shared. */
#ifndef RA_PROXY_CLI_CHECK_H
#define RA_PROXY_CLI_CHECK_H

#include "config/config.h"

#include <stdio.h>

/* Each route with what it takes and what it becomes, then who may call them from a web page. */
void ra_cli_check_routes(const ra_config *c, FILE *out);
/* Of a table whose stream is followed, what that gives, and what it wants of the stream; else nothing. */
void ra_cli_check_stream(const ra_config *c, const ra_table_config *t, FILE *out);
void ra_cli_check_stream_rules(const ra_config *c, FILE *out);

#endif
