/*
 * What the proxy knows of one table: its key schema, its indexes and the cache keys that follow from them.
 * Immutable, reference-counted, made from a DescribeTable reply or from the config's `schema`.
 *
 * Keys. All are SHA-256 over length-prefixed parts (cache/key.h). A table's own key, which is also its guard,
 * covers: format version, the configured key_prefix, the upstream endpoint, TableArn, and TableId (where
 * there is none, as with DynamoDB Local, CreationDateTime): a table dropped and made again is another table.
 * The others begin with it: item       table, "item", partition key (type, bytes), sort key (type, bytes;
 * absent without one) partition  table, "partition", partition key              — Query entries of the table
 * and its LSIs index      table, "index", index name                     — a GSI's guard index partition
 * table, "index-partition", index name, partition key of the index
 *
 * Threads: any; the registry (proxy/tables.h) hands out references.
 */
#ifndef RA_PROXY_TABLE_H
#define RA_PROXY_TABLE_H

#include "cache/key.h"
#include "config/config.h"
#include "proxy/value.h"

#include <stdatomic.h>

typedef struct ra_table_index {
    char *name;
    char *partition_key;
    char *sort_key;          /* NULL: none */
    char partition_key_type; /* 'S', 'N', 'B', or 0 where the config gave the schema */
    char sort_key_type;
    bool global;
    bool active;     /* its IndexStatus is ACTIVE (LSIs always) */
    bool understood; /* one HASH and at most one RANGE attribute; else its reads bypass and its writes mark
                        the whole index */
    ra_key guard;    /* global only */
} ra_table_index;

typedef struct ra_table {
    atomic_uint refs;
    char *name; /* the short name, also where the client gave an ARN */
    char *partition_key;
    char *sort_key;          /* NULL: none */
    char partition_key_type; /* 'S', 'N', 'B', or 0 where the config gave the schema */
    char sort_key_type;
    bool active; /* TableStatus ACTIVE or UPDATING…; else reads aren't cached, writes mark all the same */
    ra_table_index *indexes;
    size_t nindexes;
    ra_key key;
    ra_key global_indexes; /* which there are, and by which partition key, in whatever order they are told */
} ra_table;

/* From a DescribeTable reply's body (a control document: cJSON). NULL: not such a reply, no memory, or a key
 * schema that isn't one HASH and at most one RANGE attribute. */
ra_table *ra_table_from_describe(ra_bytes body, ra_bytes key_prefix, ra_bytes endpoint);
ra_table *ra_table_from_config(const char *name, const ra_table_schema *schema, ra_bytes key_prefix,
                               ra_bytes endpoint);
ra_table *ra_table_ref(ra_table *t);
void ra_table_unref(ra_table *t); /* NULL is allowed */

const ra_table_index *ra_table_find_index(const ra_table *t, ra_bytes name); /* NULL: unknown */
bool ra_table_has_global_index(const ra_table *t);

/* false: no memory. `sk` is NULL for a table without a sort key. */
bool ra_table_item_unit(const ra_table *t, const ra_scalar *pk, const ra_scalar *sk, ra_key *out);
bool ra_table_partition_unit(const ra_table *t, const ra_scalar *pk, ra_key *out);
bool ra_table_index_partition_unit(const ra_table *t, const ra_table_index *i, const ra_scalar *pk,
                                   ra_key *out);

/* The table's short name: what follows "table/" in an ARN (up to the next '/'), else all of it. */
ra_bytes ra_table_short_name(ra_bytes given);

#endif
