/*
 * `readaside ddb seed --generate`: made-up items in the design that the configuration declares
 * (ddb.generate), written as a file's would be. Threads: main's only.
 */
#ifndef RA_PROXY_DDB_GENERATE_WRITE_H
#define RA_PROXY_DDB_GENERATE_WRITE_H

#include "proxy/ddb_generate_spec.h"
#include "proxy/ddb_task.h"

/* The exit status; what there is to say has been said. */
int ra_ddb_generate(const ra_ddb_task *task, const ra_generate_spec *spec);

#endif
