/* The files that a configuration names besides itself, and that are read again at each reload. Threads: none
 * shared. */
#ifndef RA_PROXY_CLI_FILES_H
#define RA_PROXY_CLI_FILES_H

#include "config/config.h"

/* Reads the access keys and the certificates, and keeps nothing of them. false: what is wrong is in
 * *problems, and of certificates in the log. */
bool ra_cli_files_check(const ra_config *c, ra_problems *problems);

#endif
