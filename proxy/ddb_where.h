/*
 * Which DynamoDB a `ddb` command talks to, and in which region: from its line, its configuration and the
 * environment. Threads: main's only.
 */
#ifndef RA_PROXY_DDB_WHERE_H
#define RA_PROXY_DDB_WHERE_H

#include "proxy/ddb_given.h"

/*
 * Loads the configuration that was given, if any, and sets the task's config, endpoint and region. false: it
 * has been said why.
 */
bool ra_ddb_where(ra_ddb_task *t, const ra_ddb_given *g);

#endif
