#include "proxy/markers_table.h"

#include "proxy/ddb_read.h"

#include <stdlib.h>

enum { BODY_MAX = 16 * 1024, TIMEOUT = 30 * 1000 /* ms */ };

/* From the configuration alone. */
static ra_table *configured(const ra_ddb_task *t, ra_bytes name, const ra_table_schema *schema)
{
    const ra_config *c = t->config;
    char *z = strndup(name.p, name.n);
    ra_table *table = NULL;
    if (z)
        table = ra_table_from_config(z, schema, ra_bytes_z(c->cache.key_prefix),
                                     ra_bytes_z(c->upstream.endpoint));
    free(z);
    if (!table)
        ra_ddb_task_fail(t, "out of memory");
    return table;
}

static ra_http_reply *ask(ra_ddb_task *t, const char *name)
{
    const ra_config_upstream *u = &t->config->upstream;
    const char *why;
    ra_ddb_options o = {u->endpoint, u->region, u->ca_file};
    ra_buf body;
    t->timeout = TIMEOUT;
    t->ddb = ra_ddb_new(&o, &why);
    if (!t->ddb) {
        ra_ddb_task_fail(t, "%s", why);
        return NULL;
    }
    ra_buf_init(&body, BODY_MAX);
    ra_http_reply *r = NULL;
    if (ra_ddb_table_body(name, &body))
        r = ra_ddb_read(t, "DescribeTable", ra_buf_bytes(&body), name);
    else
        ra_ddb_task_fail(t, "no table has so long a name");
    ra_buf_free(&body);
    return r;
}

/* DynamoDB is asked as the proxies ask it: its answer is part of the units' names. */
static ra_table *described(ra_ddb_task *t, const char *name)
{
    ra_http_reply *r = ask(t, name);
    if (!r)
        return NULL;
    ra_table *table =
        ra_table_from_describe((ra_bytes){r->body, r->len}, ra_bytes_z(t->config->cache.key_prefix),
                               ra_bytes_z(t->config->upstream.endpoint));
    ra_http_reply_unref(r);
    if (!table)
        ra_ddb_task_fail(t, "%s: the reply to DescribeTable can't be read", name);
    return table;
}

ra_table *ra_markers_table(ra_ddb_task *t, const char *given, int *status)
{
    ra_bytes name = ra_table_short_name(ra_bytes_z(given));
    const ra_table_config *config = ra_config_table(t->config, name.p, name.n);
    *status = RA_CLI_FAILED;
    if (config)
        return config->schema ? configured(t, name, config->schema) : described(t, given);
    ra_ddb_task_fail(
        t,
        "%s: the configuration has no entry for this table, so what is read of it isn't cached and "
        "what is written isn't marked",
        given);
    *status = RA_CLI_USAGE;
    return NULL;
}
