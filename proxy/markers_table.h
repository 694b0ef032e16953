/*
 * A table as the proxies know it, for naming its units. Threads: main's only.
 */
#ifndef RA_PROXY_MARKERS_TABLE_H
#define RA_PROXY_MARKERS_TABLE_H

#include "proxy/ddb_task.h"
#include "proxy/table.h"

/*
 * From the configuration's schema, else from DescribeTable; `t` has its config, and gets the client. One
 * reference. NULL: it has been said why, and *status is how the command ends.
 */
ra_table *ra_markers_table(ra_ddb_task *t, const char *name, int *status);

#endif
