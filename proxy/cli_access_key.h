/* --access-key of commands that call the proxy: with a key of its own file. Threads: main's only. */
#ifndef RA_PROXY_CLI_ACCESS_KEY_H
#define RA_PROXY_CLI_ACCESS_KEY_H

#include "config/config.h"
#include "proxy/credentials.h"

/* Credentials of that key. NULL: it has been said why; a misuse if auth.sigv4 has no file, else a failure. */
ra_credentials_provider *ra_cli_access_key(const char *command, const ra_config *c, const char *id);

#endif
