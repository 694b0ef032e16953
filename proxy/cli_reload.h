/* What the commands share that change a running proxy: reload, caching, invalidate. Threads: main's only. */
#ifndef RA_PROXY_CLI_RELOAD_H
#define RA_PROXY_CLI_RELOAD_H

#include "cache/buf.h"

#include <cjson/cJSON.h>

/*
 * Asks the proxy that the configuration's admin.address names, which takes `body` over. The answer, to be
 * deleted; NULL: a message has been printed, and *exit says how to end. *status is the answer's.
 */
cJSON *ra_cli_admin_do(const char *command, const char *config_path, const char *path, ra_buf *body_take,
                       int *status, int *exit);

#endif
