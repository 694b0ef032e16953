/* What an access key may do: its operations, whether it may write, its tables, in this order. */
#include "proxy/authorize_parts.h"

#include "config/glob.h"
#include "proxy/shown.h"

#include <stdio.h>

enum { SHOWN_MAX = 132 };

bool ra_authorize_globs_have(const ra_globs *g, ra_bytes text)
{
    for (size_t i = 0; i < g->n; i++) {
        if (ra_glob_match(g->v[i], text.p, text.n))
            return true;
    }
    return false;
}

static bool begins(const char *name, const char *with)
{
    size_t n = strlen(with);
    return strncmp(name, with, n) == 0 && name[n];
}

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static bool statement_reads(const ra_statement *s, void *arg)
{
    (void)arg;
    return s->reads;
}

/* false: no memory. What isn't known to read may write. */
static bool find_whether_it_reads(const ra_op *op, bool *reads)
{
    static const char *const data[] = {"GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan"};
    static const char *const streams[] = {"GetRecords", "GetShardIterator"};
    if (ra_authorize_is_partiql(op))
        return ra_statements_each(op, statement_reads, NULL, reads);
    *reads = begins(op->name, "Describe") || begins(op->name, "List") ||
             (op->streams ? is_one_of(op->name, streams, sizeof streams / sizeof *streams)
                          : is_one_of(op->name, data, sizeof data / sizeof *data));
    return true;
}

static enum ra_authorize_result forbid(const ra_access_key *key, const ra_op *op, const ra_bytes *table,
                                       const char *because, char why[RA_AUTHORIZE_WHY_MAX])
{
    char operation[SHOWN_MAX], resource[SHOWN_MAX] = "";
    ra_shown(ra_bytes_z(op->name), operation, sizeof operation); /* whatever a client wrote */
    if (table)
        ra_shown(*table, resource, sizeof resource);
    snprintf(why, RA_AUTHORIZE_WHY_MAX,
             "User: %s is not authorized to perform: dynamodb:%s%s%s because the access key%s", key->id,
             operation, table ? " on resource: table/" : "", resource, because);
    return RA_FORBIDDEN;
}

static enum ra_authorize_result authorize_tables(const ra_access_key *key, const ra_op *op,
                                                 char why[RA_AUTHORIZE_WHY_MAX])
{
    ra_bytes name = {NULL, 0};
    switch (ra_authorize_tables(key->tables, op, &name)) {
    case RA_TABLES_HAD:
        return RA_AUTHORIZED;
    case RA_TABLES_FOREIGN:
        return forbid(key, op, &name, "'s `tables` don't have it", why);
    case RA_TABLES_UNTOLD:
        return forbid(key, op, NULL,
                      " is limited to its `tables`, and which tables this request touches can't be told",
                      why);
    case RA_TABLES_NO_MEMORY:
        break;
    }
    return RA_AUTHORIZE_NO_MEMORY;
}

enum ra_authorize_result ra_authorize(const ra_access_key *key, const ra_op *op,
                                      char why[RA_AUTHORIZE_WHY_MAX])
{
    bool reads = true;
    why[0] = '\0';
    if (key->operations && !ra_authorize_globs_have(key->operations, ra_bytes_z(op->name)))
        return forbid(key, op, NULL, "'s `operations` don't have it", why);
    if (key->read_only && !find_whether_it_reads(op, &reads))
        return RA_AUTHORIZE_NO_MEMORY;
    if (!reads)
        return forbid(key, op, NULL, " is `read_only`", why);
    return key->tables ? authorize_tables(key, op, why) : RA_AUTHORIZED;
}
